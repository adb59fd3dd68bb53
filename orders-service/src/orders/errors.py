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

logger = Logger()

MAX_BODY = 64 * 1024
"""The largest request body, in bytes."""

_MALFORMED = {"json_invalid", "missing", "extra_forbidden", "unsupported_content_type"}


def answer(
    status: int, message: str, code: str | None = None, details: Sequence[Any] = ()
) -> Response[str]:
    """An error answer. `code` defaults to the name of the HTTP status."""
    error = {"code": code or HTTPStatus(status).name, "message": message, "details": details}
    return Response(status, content_types.APPLICATION_JSON, json.dumps({"error": error}))


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
    json has errors of its own.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), body, 0) from error


def install(app: APIGatewayRestResolver) -> None:
    """Make `app` answer every error in this form."""

    @app.exception_handler(ServiceError)
    def refused(error: ServiceError) -> Response[str]:
        return answer(error.status_code, str(error.msg))

    @app.exception_handler(ValidationException)
    def invalid(error: ValidationException) -> Response[str]:
        """400 for what is not of the right shape, 422 for a value that is out of its bounds."""
        malformed = any(
            e["type"] in _MALFORMED or e["type"].endswith(("_type", "_parsing"))
            for e in error.errors()
        )
        details = [
            {"where": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()
        ]
        status = HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY
        told = "; ".join(f"{d['where']}: {d['problem']}" for d in details)
        return answer(status, f"The request is not valid: {told}", details=details)

    @app.exception_handler(Exception)
    def failed(error: Exception) -> Response[str]:
        logger.exception("failed")
        return answer(500, "Something went wrong on our side. It may work if you try again.")
