"""Public API: the toys for everybody, and for each shopper their own orders."""

import os
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BeforeValidator, StringConstraints, ValidationError
from pydantic_core import PydanticKnownError

from public_api import errors
from public_api.cancellation import CancellationRequest, TooLate, cancel
from public_api.checkout import OrderRequest, Refusal, Shopper, Terms, check_out, identify
from public_api.model import Model, now
from public_api.order import Order, OrderView
from public_api.table import BadCursor, Conflict, PublicTable
from public_api.toy import Toy

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = PublicTable(os.environ["TABLE_NAME"])

TERMS = Terms(
    currency=os.environ["CURRENCY"],
    tax_rate=os.environ["TAX_RATE"],
    shipping_fee=int(os.environ["SHIPPING_FEE"]),
    free_shipping_from=int(os.environ["FREE_SHIPPING_FROM"]),
)

ATTEMPTS = 5
"""How often an order is looked at anew that changes while its cancellation is being written."""

Id = Annotated[str, Path(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(description="From the page before")]


def _present(key: str) -> str:
    """The value of a header. One that is blank is as good as missing."""
    if not key.strip():
        raise PydanticKnownError("missing")
    return key


IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern="^[ -~]+$"),
    BeforeValidator(_present),
    Header(
        alias="Idempotency-Key",
        description="Made up by the shopper's side, one for each order. The same again is safe",
    ),
]


class ToyPage(Model):
    """Some of the toys on sale, and the cursor of the next page (null: this is the last)."""

    items: list[Toy]
    cursor: str | None


class OrderPage(Model):
    """Some of a shopper's orders, and the cursor of the next page (null: this is the last)."""

    items: list[OrderView]
    cursor: str | None


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
@tracer.capture_lambda_handler(capture_response=False)
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


@app.get("/toys", tags=["catalogue"])
def list_toys(limit: Limit = 25, cursor: Cursor = None) -> ToyPage:
    """The toys on sale by name, a page at a time."""
    toys, following = table.on_sale(limit, cursor)
    return ToyPage(items=toys, cursor=following)


@app.get("/toys/<toy_id>", tags=["catalogue"])
def get_toy(toy_id: Id) -> Toy:
    """One toy."""
    toy = table.toy(toy_id)
    if toy is None:
        raise NotFoundError(f"There is no toy {toy_id}")
    return toy


@app.post("/orders", status_code=202, tags=["orders"])
def place_order(request: OrderRequest, idempotency_key: IdempotencyKey) -> Response[OrderView]:
    """Order toys. It is answered at once; what becomes of the order shows in its status.

    The same key with the same body gets the same answer, and there is one order.
    """
    buyer = shopper()
    order_id = identify(buyer, idempotency_key)
    order = table.order(buyer.customer_id, order_id) or submit(order_id, buyer, request)
    sent = order.submission
    if sent is None or sent.fingerprint != request.fingerprint:
        raise Refusal(
            "IDEMPOTENCY_KEY_REUSED",
            f"This Idempotency-Key made order {order_id}, of another body. Another order needs "
            "another key",
        )
    return Response(
        202,
        content_types.APPLICATION_JSON,
        Order(submission=sent).shown,
        headers={"Location": f"orders/{order_id}"},  # relative: the API may lie below a path
    )


@app.get("/orders", tags=["orders"])
def list_orders(limit: Limit = 25, cursor: Cursor = None) -> OrderPage:
    """The shopper's orders, newest first, a page at a time."""
    orders, following = table.orders(shopper().customer_id, limit, cursor)
    return OrderPage(items=[order.shown for order in orders], cursor=following)


@app.get("/orders/<order_id>", tags=["orders"])
def get_order(order_id: Id) -> OrderView:
    """One of the shopper's orders."""
    return find(order_id, shopper()).shown


@app.post(
    "/orders/<order_id>/cancellation",
    status_code=202,
    tags=["orders"],
    responses={
        202: {
            "description": "The order as it is now",
            "content": {"application/json": {"model": OrderView}},
        },
        409: {"description": "TOO_LATE: the parcel has left"},
    },
)
def cancel_order(order_id: Id, request: CancellationRequest | None = None) -> Response[OrderView]:
    """Ask for the cancellation of an order. What comes of it shows in the order: `cancellation`.

    Asked again, or of an order that is cancelled, nothing more is done.
    """
    amount = request.amount if request else None
    order = ask(order_id, shopper(), amount)
    return Response(202, content_types.APPLICATION_JSON, order.shown)


def shopper() -> Shopper:
    """Who asks, as the token says, which API Gateway has checked. Answers 401 without one."""
    try:
        return Shopper.model_validate(app.current_event.request_context.authorizer.claims)
    except ValidationError as error:
        raise UnauthorizedError("Log in: the token names no shopper") from error


def find(order_id: str, buyer: Shopper) -> Order:
    """The shopper's order. Answers 404 when they have none of that id."""
    order = table.order(buyer.customer_id, order_id)
    if order is None:
        raise NotFoundError(f"There is no order {order_id} of yours")
    return order


def ask(order_id: str, buyer: Shopper, amount: int | None) -> Order:
    """The order, with the wish to cancel it kept unless there is nothing left to wish for.

    It is kept of the order as it was looked at. If that changed meanwhile, it is looked at anew.
    Raises Refusal, TooLate, and Conflict when the order never stood still.
    """
    for attempt in range(1, ATTEMPTS + 1):
        order = find(order_id, buyer)
        cancellation = cancel(order, amount, now())
        if cancellation is None:
            break
        try:
            table.cancel(order, cancellation)
        except Conflict:
            if attempt == ATTEMPTS:
                raise
            continue
        logger.info("cancellation requested", order_id=order_id)
        return order.model_copy(update={"cancellation": cancellation})
    return order


def submit(order_id: str, buyer: Shopper, request: OrderRequest) -> Order:
    """A new order; or, should the same request have come twice at once, what the other one made."""
    toys = table.toys(line.toy_id for line in request.lines)
    submission = check_out(order_id, buyer, request, toys, TERMS, now())
    try:
        table.submit(submission)
    except Conflict:
        if order := table.order(buyer.customer_id, order_id):
            return order
        raise
    logger.info("order submitted", order_id=order_id)
    return Order(submission=submission)
