"""Stripe's JSON of every object, with what `expand` asks for."""

from collections.abc import Sequence
from dataclasses import asdict

from local.stripe.cards import TEST_CARDS
from local.stripe.errors import StripeError, invalid_request
from local.stripe.records import (
    Books,
    Charge,
    ErrorBody,
    Event,
    Json,
    PaymentIntent,
    PaymentMethod,
    Refund,
)

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API whose shapes these are."""

EXPANDABLE = {
    "payment_intent": {"latest_charge": "charge", "payment_method": "payment_method"},
    "charge": {"payment_intent": "payment_intent"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_method": {},
    "event": {},
}
"""Kind of object -> field that holds an id -> kind of object the id is of."""


class Renderer:
    """Makes Stripe's JSON out of records.

    Args:
        books: where the objects are that others name by id.
        base_url: the stand-in's own address, for the page of 3-D Secure.
    """

    def __init__(self, books: Books, base_url: str) -> None:
        self._books = books
        self._base_url = base_url

    def payment_method(self, method: PaymentMethod) -> Json:
        return {
            "id": method.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": _billing_details(),
            "card": {**_card(method), "generated_from": None},
            "created": method.created,
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
        }

    def payment_intent(self, intent: PaymentIntent) -> Json:
        automatic: Json | None = None
        if intent.allow_redirects is not None:
            automatic = {"allow_redirects": intent.allow_redirects, "enabled": True}
        failure = intent.last_payment_error
        allowed = intent.allowed_payment_method_types
        return {
            "id": intent.id,
            "object": "payment_intent",
            "allowed_payment_method_types": list(allowed) if allowed else None,
            "amount": intent.amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": intent.amount if intent.status == "succeeded" else 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": automatic,
            "canceled_at": intent.canceled_at,
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": intent.capture_method,
            "client_secret": intent.client_secret,
            "confirmation_method": "automatic",
            "created": intent.created,
            "currency": intent.currency,
            "customer": None,
            "description": intent.description,
            "excluded_payment_method_types": None,
            "last_payment_error": self._error_body(failure) if failure else None,
            "latest_charge": intent.latest_charge,
            "livemode": False,
            "metadata": dict(intent.metadata),
            "next_action": self._next_action(intent),
            "on_behalf_of": None,
            "payment_method": intent.payment_method,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "installments": None,
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": "automatic",
                }
            },
            "payment_method_types": list(intent.payment_method_types),
            "processing": None,
            "receipt_email": intent.receipt_email,
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": intent.status,
            "transfer_data": None,
            "transfer_group": None,
        }

    def authentication_url(self, intent: PaymentIntent) -> str:
        """Where the customer's browser goes through 3-D Secure."""
        return f"{self._base_url}/test/payment_intents/{intent.id}/authenticate"

    def charge(self, charge: Charge) -> Json:
        failure = charge.failure
        method = self._books.payment_methods.rows[charge.payment_method]
        return {
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": 0 if failure else charge.amount,
            "amount_refunded": charge.amount_refunded,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": _billing_details(),
            "calculated_statement_descriptor": "Stripe",
            "captured": failure is None,
            "created": charge.created,
            "currency": charge.currency,
            "customer": None,
            "description": charge.description,
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": failure.code if failure else None,
            "failure_message": failure.message if failure else None,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(charge.metadata),
            "on_behalf_of": None,
            "outcome": _outcome(failure),
            "paid": failure is None,
            "payment_intent": charge.payment_intent,
            "payment_method": charge.payment_method,
            "payment_method_details": {
                "card": {
                    **_card(method),
                    "amount_authorized": None if failure else charge.amount,
                    "installments": None,
                    "mandate": None,
                    "network": _card(method)["brand"],
                    "three_d_secure": _three_d_secure() if charge.authenticated else None,
                },
                "type": "card",
            },
            "radar_options": {},
            "receipt_email": charge.receipt_email,
            "receipt_number": None,
            "receipt_url": None,
            "refunded": failure is None and charge.amount_refunded == charge.amount,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "failed" if failure else "succeeded",
            "transfer_data": None,
            "transfer_group": None,
        }

    def refund(self, refund: Refund) -> Json:
        return {
            "id": refund.id,
            "object": "refund",
            "amount": refund.amount,
            "balance_transaction": None,
            "charge": refund.charge,
            "created": refund.created,
            "currency": refund.currency,
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": dict(refund.metadata),
            "payment_intent": refund.payment_intent,
            "reason": refund.reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "failed" if refund.failure_reason else "succeeded",
            "transfer_reversal": None,
            **({"failure_reason": refund.failure_reason} if refund.failure_reason else {}),
        }

    def event(self, event: Event) -> Json:
        return {
            "id": event.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": event.created,
            "data": event.data,
            "livemode": False,
            "pending_webhooks": len(event.pending),
            "request": {"id": event.request_id, "idempotency_key": event.idempotency_key},
            "type": event.type,
        }

    def error(self, error: StripeError, request_id: str) -> Json:
        body = self._error_body(error.body)
        if body.get("code"):
            body["doc_url"] = (
                f"https://stripe.com/docs/error-codes/{body['code'].replace('_', '-')}"
            )
        intent = self._books.payment_intents.get(error.payment_intent)
        if intent is not None:
            body["payment_intent"] = self.payment_intent(intent)
        return {"error": {**body, "request_log_url": _log_url(request_id)}}

    def expand(self, rendered: Json, paths: Sequence[str]) -> Json:
        """Put whole objects where `paths`, already checked, name fields that hold ids."""
        for path in paths:
            if rendered["object"] == "list":
                for item in rendered["data"]:
                    self._expand(item, path.removeprefix("data.").split("."))
            else:
                self._expand(rendered, path.split("."))
        return rendered

    def _expand(self, rendered: Json, fields: Sequence[str]) -> None:
        first, *rest = fields
        value = rendered[first]
        if isinstance(value, str):
            value = rendered[first] = self._by_id(EXPANDABLE[rendered["object"]][first], value)
        if rest and value is not None:
            self._expand(value, rest)

    def _by_id(self, kind: str, row_id: str) -> Json:
        match kind:
            case "charge":
                return self.charge(self._books.charges.rows[row_id])
            case "payment_method":
                return self.payment_method(self._books.payment_methods.rows[row_id])
            case _:
                return self.payment_intent(self._books.payment_intents.rows[row_id])

    def _error_body(self, body: ErrorBody) -> Json:
        rendered: Json = {name: value for name, value in asdict(body).items() if value is not None}
        method = self._books.payment_methods.get(body.payment_method)
        if method is not None:
            rendered["payment_method"] = self.payment_method(method)
        return rendered

    def _next_action(self, intent: PaymentIntent) -> Json | None:
        if intent.status != "requires_action":
            return None
        url = self.authentication_url(intent)
        if intent.return_url is not None:
            redirect = {"return_url": intent.return_url, "url": url}
            return {"redirect_to_url": redirect, "type": "redirect_to_url"}
        sdk = {"type": "three_d_secure_redirect", "stripe_js": url}
        return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def check_expand(kind: str, paths: Sequence[str], *, listed: bool) -> None:
    """Refuse what cannot be expanded, before anything is done.

    Raises:
        StripeError: 400, naming the path.
    """
    for path in paths:
        fields = path.split(".")
        if len(fields) > 4:
            message = f"You cannot expand more than 4 levels of a property ({path})"
            raise invalid_request(message, param="expand")
        here: str | None = kind
        if listed:
            here = kind if fields.pop(0) == "data" and fields else None
        for name in fields:
            here = EXPANDABLE[here].get(name) if here else None
        if here is None:
            raise invalid_request(f"This property cannot be expanded ({path}).", param="expand")


def page(url: str, data: list[Json], *, has_more: bool) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _billing_details() -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}


def _card(method: PaymentMethod) -> Json:
    card = TEST_CARDS[method.card]
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"test{card.last4}",
        "funding": "debit" if method.card.endswith("_debit") else "credit",
        "last4": card.last4,
        "wallet": None,
    }


def _outcome(failure: ErrorBody | None) -> Json:
    if failure is None:
        return {
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "network_status": "declined_by_network",
        "reason": failure.decline_code,
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _three_d_secure() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "version": "2.2.0",
    }


def _log_url(request_id: str) -> str:
    return f"https://dashboard.stripe.com/test/logs/{request_id}"
