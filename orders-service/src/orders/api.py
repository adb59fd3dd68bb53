"""Private API: orders, for those who look after them. Requests are signed (AWS IAM)."""

from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, Field

from orders import errors, staff_api
from orders.desk import existing, lists, position, sealed, table, tracer
from orders.lists import LONGEST, Search
from orders.model import now
from orders.purchase import Id
from orders.refunds import Excess
from orders.requests import CursorGiven, Limit, OrderId
from orders.saga import Status
from orders.shown import OrderPage, OrderShown, OrderSummary, answer, documented
from orders.staff_api import cancel_order, change_address, give_back, place_order

Time = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
]
"""A time at which a shop like this one may have had orders."""

__all__ = ["cancel_order", "change_address", "give_back", "place_order", "table"]
"""The other part's operations and the table: they are looked for here."""

logger = Logger()
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
app.exception_handler(Excess)(staff_api.too_much)
app.include_router(staff_api.router)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/orders", tags=["orders"])
def list_orders(
    status: Annotated[Status | None, Query(description="Those that stand there now")] = None,
    customer_id: Annotated[
        Id | None, Query(alias="customerId", description="Those of this customer")
    ] = None,
    since: Annotated[
        Time | None, Query(alias="from", description="Those placed then or later")
    ] = None,
    until: Annotated[Time | None, Query(alias="to", description="Those placed before")] = None,
    limit: Limit = 25,
    cursor: CursorGiven = None,
) -> OrderPage:
    """Orders, newest first, a page at a time.

    Without `customerId` they are those of the 31 days before `to` (now), or since `from`, which
    may be up to 366 days before. Where few orders have the `status`, a page may be short.
    """
    asked = Search(status=status, customer_id=customer_id, since=since, until=until)
    at = now()
    _check(asked, until or at)
    orders, following = lists.page(asked, limit, position(asked.scope, cursor), at)
    items = [OrderSummary.of(order) for order in orders]
    return OrderPage(items=items, cursor=sealed(asked.scope, following))


@app.get(
    "/orders/<order_id>",
    responses=documented(200, "The order, with its version as ETag", OrderShown),
    tags=["orders"],
)
def get_order(order_id: OrderId) -> Response[OrderShown]:
    """One order, with every state that it went through."""
    return answer(200, existing(order_id))


def _check(asked: Search, until: datetime) -> None:
    """Answer 400 to a search of a time that ends before it begins, or is too long."""
    if asked.since is None:
        return
    if asked.since > until:
        raise BadRequestError("`from` is later than `to`, which is now unless it is given")
    if asked.customer_id is None and until - asked.since > LONGEST:
        raise BadRequestError(
            f"From `from` to `to` are more than {LONGEST.days} days: ask for fewer, or for one "
            "customer's orders"
        )
