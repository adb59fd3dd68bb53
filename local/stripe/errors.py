"""Stripe's errors, with its status codes, types, codes and wording."""

from local.stripe.records import ErrorBody


class StripeError(Exception):
    """A request that Stripe refuses.

    Attributes:
        status: HTTP status of the answer.
        body: the answer's `error`.
        payment_intent: id of the intent that Stripe puts, whole, inside the error.
    """

    def __init__(self, status: int, body: ErrorBody, payment_intent: str | None = None) -> None:
        super().__init__(body.message)
        self.status = status
        self.body = body
        self.payment_intent = payment_intent


def invalid_request(
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    status: int = 400,
    payment_intent: str | None = None,
) -> StripeError:
    body = ErrorBody(type="invalid_request_error", message=message, code=code, param=param)
    return StripeError(status, body, payment_intent)


def missing(kind: str, row_id: str, *, param: str, status: int) -> StripeError:
    """No such object. 404 when the path names it, 400 when a parameter does."""
    message = f"No such {kind}: '{row_id}'"
    return invalid_request(message, code="resource_missing", param=param, status=status)


def unexpected_state(message: str, payment_intent: str) -> StripeError:
    return invalid_request(
        message, code="payment_intent_unexpected_state", payment_intent=payment_intent
    )


def card_error(body: ErrorBody, payment_intent: str) -> StripeError:
    return StripeError(402, body, payment_intent)


def unauthorized(message: str) -> StripeError:
    return invalid_request(message, status=401)


def idempotency_error(message: str, *, status: int = 400, code: str | None = None) -> StripeError:
    return StripeError(status, ErrorBody(type="idempotency_error", message=message, code=code))


def api_error(status: int = 500) -> StripeError:
    return StripeError(status, ErrorBody(type="api_error", message="An unknown error occurred"))
