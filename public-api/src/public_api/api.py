"""Public API: the toys for everybody, and for each shopper their own orders and profile."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api import (
    account_api,
    catalogue_api,
    errors,
    errors_api,
    etag,
    orders_api,
    quotes_api,
    reports_api,
    shop_api,
)
from public_api.account_api import get_profile, put_profile
from public_api.cancellation import TooLate
from public_api.catalogue_api import get_toy, list_categories, list_toys
from public_api.checkout import PriceChanged
from public_api.cursor import BadCursor
from public_api.desk import logger, tracer
from public_api.errors_api import list_errors
from public_api.orders_api import cancel_order, get_order, list_orders, place_order
from public_api.quotes_api import make_quote
from public_api.reports_api import get_sales
from public_api.shop_api import get_shop

__all__ = [
    "cancel_order",
    "get_order",
    "get_profile",
    "get_sales",
    "get_shop",
    "get_toy",
    "list_categories",
    "list_errors",
    "list_orders",
    "list_toys",
    "make_quote",
    "place_order",
    "put_profile",
]
"""The operations of all parts: they are looked for here."""

app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
etag.install(app)
PARTS = (catalogue_api, quotes_api, orders_api, account_api, reports_api, errors_api, shop_api)
for part in PARTS:
    app.include_router(part.router)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.exception_handler(BadCursor)
def bad_cursor(error: BadCursor) -> Response[str]:
    """A cursor is passed back as it was given, or not at all."""
    return errors.answer(400, "The cursor is not one of this API's: leave it out to begin anew")


@app.exception_handler(TooLate)
def too_late(error: TooLate) -> Response[str]:
    """What has left is not stopped any more."""
    return errors.answer(409, str(error), "TOO_LATE")


@app.exception_handler(PriceChanged)
def price_changed(error: PriceChanged) -> Response[str]:
    """Nobody pays another price than they were told."""
    told = {"what": "GROSS", "was": error.was, "now": error.now}
    return errors.answer(409, str(error), "PRICE_CHANGED", [told])
