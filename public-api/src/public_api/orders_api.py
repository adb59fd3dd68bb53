"""The part of the public API that takes a shopper's orders, and shows what became of them."""

from datetime import timedelta

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from public_api.cancellation import CancellationRequest, cancel
from public_api.checkout import OrderRequest, Shopper, check_out, identify
from public_api.desk import TERMS, catalogue, logger, mark, shopper, table
from public_api.etag import PRIVATE, answers, conditional
from public_api.model import Model, now
from public_api.order import Order, OrderView
from public_api.refusal import Refusal
from public_api.requests import Cursor, Id, IdempotencyKey, Limit
from public_api.table import Conflict

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

SIX_MONTHS = timedelta(days=184)
"""How far back a shopper's list of orders goes."""

ATTEMPTS = 5
"""How often an order is looked at anew that changes while its cancellation is being written."""


class OrderPage(Model):
    """Some of a shopper's orders, and the cursor of the next page (null: this is the last)."""

    items: list[OrderView]
    cursor: str | None


@router.post(
    "/orders",
    status_code=202,
    tags=["orders"],
    responses={
        202: {
            "description": "The order as it was submitted",
            "content": {"application/json": {"model": OrderView}},
        },
        409: {"description": "PRICE_CHANGED: it comes to something else than `expectedGross`"},
    },
)
def place_order(request: OrderRequest, idempotency_key: IdempotencyKey) -> Response[OrderView]:
    """Order toys. It is answered at once; what becomes of the order shows in its status.

    The same key with the same body gets the same answer, and there is one order.
    """
    buyer = shopper(router.current_event)
    order_id = identify(buyer, idempotency_key)
    mark(order_id)
    order = table.order(buyer.customer_id, order_id) or submit(order_id, buyer, request)
    if not is_of(order, request):
        raise Refusal(
            "IDEMPOTENCY_KEY_REUSED",
            f"This Idempotency-Key made order {order_id}, of another body. Another order needs "
            "another key",
        )
    sent = order.submission
    return Response(
        202,
        content_types.APPLICATION_JSON,
        (Order(submission=sent) if sent else order).shown,
        headers={"Location": f"orders/{order_id}"},  # relative: the API may lie below a path
    )


@router.get("/orders", tags=["orders"])
def list_orders(limit: Limit = 25, cursor: Cursor = None) -> OrderPage:
    """The shopper's orders of the last six months, newest first, a page at a time."""
    buyer = shopper(router.current_event)
    orders, following = table.orders(buyer.customer_id, now() - SIX_MONTHS, limit, cursor)
    return OrderPage(items=[order.shown for order in orders], cursor=following)


@router.get(
    "/orders/<order_id>", tags=["orders"], responses=answers(OrderView, "The order as it is")
)
def get_order(order_id: Id) -> Response[OrderView]:
    """One of the shopper's orders.

    `Retry-After` says in how many seconds it is worth asking again; without it, nothing more is
    to come. Who sends the `ETag` back gets 304 while all is as it was.
    """
    order = find(order_id, shopper(router.current_event))
    seconds = order.patience(now())
    pace = {} if seconds is None else {"Retry-After": str(seconds)}
    return conditional(router.current_event, order.shown, PRIVATE, pace)


@router.post(
    "/orders/<order_id>/cancellation",
    status_code=202,
    tags=["orders"],
    responses={
        202: {
            "description": "The order as it is now",
            "content": {"application/json": {"model": OrderView}},
        },
        409: {"description": "TOO_LATE: the parcel has left, or the downloads of an order without"},
    },
)
def cancel_order(order_id: Id, request: CancellationRequest | None = None) -> Response[OrderView]:
    """Ask for the cancellation of an order. What comes of it shows in the order: `cancellation`.

    Asked again, or of an order that is cancelled, nothing more is done.
    """
    amount = request.amount if request else None
    order = ask(order_id, shopper(router.current_event), amount)
    return Response(202, content_types.APPLICATION_JSON, order.shown)


def find(order_id: str, buyer: Shopper) -> Order:
    """The shopper's order. Answers 404 when they have none of that id."""
    order = table.order(buyer.customer_id, order_id)
    if order is None:
        raise NotFoundError(f"There is no order {order_id} of yours")
    mark(order_id)
    return order


def request_id() -> str:
    """API Gateway's id of the request. Beside the order's, it says which request led to what."""
    return router.current_event.request_context.request_id


def is_of(order: Order, request: OrderRequest) -> bool:
    """Whether `order` is what `request` asks for.

    Where its submission is lost, what was told of it since is compared: that says nothing of how
    it was to be paid.
    """
    if sent := order.submission:
        return sent.fingerprint == request.fingerprint
    return request.asks_for(order.purchase)


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
        logger.info("cancellation requested", request_id=request_id())
        return order.model_copy(update={"cancellation": cancellation})
    return order


def submit(order_id: str, buyer: Shopper, request: OrderRequest) -> Order:
    """A new order; or, should the same request have come twice at once, what the other one made."""
    toys = catalogue.toys(line.toy_id for line in request.lines)
    submission = check_out(order_id, buyer, request, toys, TERMS, now())
    try:
        table.submit(submission)
    except Conflict:
        if order := table.order(buyer.customer_id, order_id):
            return order
        raise
    logger.info("order submitted", request_id=request_id())
    return Order(submission=submission)
