"""Every error this API answers has one form: {"error": {"code", "message", "details"}}."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import ValidationException
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from public_api.refusal import Refusal

logger = Logger()

MAX_BODY = 64 * 1024
"""The largest request body, in bytes."""

MAX_WHOLE = 2**53
"""Up to here a number with a fraction or an exponent is exact."""

_CODES = {
    400: "MALFORMED",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    412: "STALE",
    413: "TOO_LARGE",
    422: "OUT_OF_BOUNDS",
    428: "PRECONDITION_MISSING",
    500: "INTERNAL_ERROR",
}
"""The code of an error that has no closer one, by status. Other statuses: HTTP's name for them."""

_MALFORMED = {"json_invalid", "missing", "extra_forbidden", "unsupported_content_type"}


def answer(
    status: int, message: str, code: str | None = None, details: Sequence[Any] = ()
) -> Response[str]:
    """An error answer. `code` defaults to the one that goes with the status."""
    code = code or _CODES.get(status) or HTTPStatus(status).name
    error = {"code": code, "message": message, "details": details}
    return Response(status, content_types.APPLICATION_JSON, json.dumps({"error": error}))


def lower_type(event: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its content type in lower case: it may have any, and is compared in this."""
    headers = {
        name: value.lower() if name.lower() == "content-type" else value
        for name, value in (event.get("headers") or {}).items()
    }
    return {**event, "headers": headers}


def refuse(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to a request whose body is too large or of another type; None for all others."""
    request = APIGatewayProxyEvent(dict(event))
    if not request.body:
        return None
    if len(request.body.encode()) > MAX_BODY:
        refusal = answer(413, f"The body is larger than the {MAX_BODY} bytes that are allowed")
    elif not request.headers.get("content-type", content_types.APPLICATION_JSON).startswith(
        content_types.APPLICATION_JSON
    ):
        refusal = answer(400, f"The body has to be {content_types.APPLICATION_JSON}")
    else:
        return None
    headers = {"Content-Type": content_types.APPLICATION_JSON}
    return {"statusCode": refusal.status_code, "headers": headers, "body": refusal.body}


def parse_json(body: str) -> Any:
    """The content of a request's body. Raises JSONDecodeError for all that cannot be read.

    That includes a number of thousands of digits and what is nested thousands deep, for which
    json has errors of its own, and NaN and Infinity, which JSON does not have. It includes a list,
    too: of one in place of an object, the validation would take the first item.
    """
    try:
        content = json.loads(body, parse_float=_number, parse_constant=_refuse)
        if isinstance(content, list):
            raise ValueError("a list is nothing that is taken here")
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), body, 0) from error
    return content


def _number(written: str) -> float:
    """A number with a fraction or an exponent. 2.0 is a whole number, as in JSON Schema."""
    number = float(written)
    return int(number) if number.is_integer() and abs(number) <= MAX_WHOLE else number


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def install(app: APIGatewayRestResolver) -> None:
    """Make `app` answer every error in this form."""

    @app.exception_handler(ServiceError)
    def refused(error: ServiceError) -> Response[str]:
        return answer(error.status_code, str(error.msg))

    @app.exception_handler(Refusal)
    def against_a_rule(refusal: Refusal) -> Response[str]:
        return answer(422, str(refusal), refusal.code, refusal.details)

    @app.exception_handler(ValidationException)
    def invalid(error: ValidationException) -> Response[str]:
        """400 for what is not of the right shape, 422 for a value that is out of its bounds."""
        found = _innermost(error.errors())
        malformed = any(
            e["type"] in _MALFORMED or e["type"].endswith(("_type", "_parsing")) for e in found
        )
        details = [{"where": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in found]
        status = HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY
        told = "; ".join(f"{d['where']}: {d['problem']}" for d in details)
        return answer(status, f"The request is not valid: {told}", details=details)

    @app.exception_handler(Exception)
    def failed(error: Exception) -> Response[str]:
        logger.exception("failed")
        return answer(500, "Something went wrong on our side. It may work if you try again.")


def _innermost(found: Sequence[Any]) -> list[Any]:
    """The validation errors without those that have others below them.

    A list whose only item is wrong would be reported as empty, too.
    """
    places = [tuple(e["loc"]) for e in found]
    above = {place[:depth] for place in places for depth in range(len(place))}
    return [e for e, place in zip(found, places, strict=True) if place not in above]
