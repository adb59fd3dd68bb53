"""The part of the private API with which staff change orders."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import ValidationError

from orders import errors, placing, staff
from orders.desk import PATIENCE, changed, mark, table
from orders.model import now
from orders.refunds import Excess, RefundDraft
from orders.requests import (
    AddressPatch,
    CancellationGiven,
    IdempotencyKey,
    IfMatch,
    OrderId,
    PhoneOrder,
    identify,
)
from orders.saga import CANCELLED
from orders.shown import OrderShown, RefundShown, answer, documented
from orders.table import Conflict

logger = Logger()
router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/orders",
    status_code=201,
    responses=documented(201, "The order, which is new", OrderShown)
    | documented(200, "The order as it is now: the key made it before", OrderShown)
    | documented(409, "CONFLICT: the key made another order"),
    tags=["staff"],
)
def place_order(asked: PhoneOrder, idempotency_key: IdempotencyKey) -> Response[OrderShown]:
    """Order for somebody on the phone. The totals are worked out here.

    It is carried out like any other order, once for each Idempotency-Key. Shipping is charged as
    is said.
    """
    order_id, at = identify("staff", idempotency_key), now()
    try:
        purchase = asked.purchase(order_id, at)
    except ValidationError as error:
        raise RequestValidationError(
            [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        ) from error
    mark(order_id, order_id)
    try:
        order, new = placing.place(table, purchase, order_id, f"{order_id}:phone", at, PATIENCE)
    except Conflict as error:
        raise ServiceError(409, "Others are writing the same order just now. Try again") from error
    if not staff.is_same(order, purchase):
        raise ServiceError(
            409,
            f"This Idempotency-Key made order {order_id}, of another body. Another order needs "
            "another key",
        )
    return answer(201 if new else 200, order, {"Location": f"orders/{order_id}"})


@router.patch(
    "/orders/<order_id>",
    responses=documented(200, "The order as it is now", OrderShown)
    | documented(409, "CONFLICT: the order has left, or has no parcel. Says what is allowed")
    | documented(412, "STALE: the order is no longer what If-Match means"),
    tags=["staff"],
)
def change_address(
    order_id: OrderId, patch: AddressPatch, if_match: IfMatch = None
) -> Response[OrderShown]:
    """Send an order's parcel to another address.

    At once before the order is CONFIRMED. After that the warehouse decides: until it has,
    `addressChange` tells what was asked for, and `shippingAddress` where the parcel goes.
    """
    address = patch.shipping_address.address
    order, new, _ = changed(
        order_id, if_match, lambda order: (staff.change_address(order, address, now()), None)
    )
    if new:
        logger.info("address changed", order_id=order_id, number=order.address_changes)
    return answer(200, order)


@router.post(
    "/orders/<order_id>/cancellation",
    status_code=202,
    responses=documented(200, "The order, which is cancelled", OrderShown)
    | documented(202, "The order, which is cancelled if its parcel can be stopped", OrderShown)
    | documented(409, "CONFLICT: the order has left"),
    tags=["staff"],
)
def cancel_order(order_id: OrderId, asked: CancellationGiven) -> Response[OrderShown]:
    """Cancel an order. The shopper is told that the shop did, but not in which words.

    Asked again, or of an order that is cancelled already, nothing more is done.
    """
    order, new, _ = changed(
        order_id, None, lambda order: (staff.cancel(order, asked.reason, now()), None)
    )
    if new:
        logger.info("cancelled by staff", order_id=order_id, status=order.status)
    return answer(200 if order.status is CANCELLED else 202, order)


@router.post(
    "/orders/<order_id>/refunds",
    status_code=201,
    responses=documented(201, "The refund, which is asked for", RefundShown)
    | documented(200, "The refund that the key asked for before", RefundShown)
    | documented(409, "CONFLICT: not of this order now, or the key was another refund's")
    | documented(422, "OUT_OF_BOUNDS: more than is left. `details` has what is: `left`"),
    tags=["staff"],
)
def give_back(
    order_id: OrderId, draft: RefundDraft, idempotency_key: IdempotencyKey
) -> Response[RefundShown]:
    """Give back an amount, or what lines cost, or else all that is left of an order's money.

    Once for each Idempotency-Key. Of a line, no more units than were bought. The order tells what
    became of it all in all: `refund`.
    """
    refund_id = identify("refund", order_id, idempotency_key)
    _, new, refund = changed(
        order_id, None, lambda order: staff.give_back(order, draft, refund_id, now())
    )
    if new:
        logger.info("refund asked for", order_id=order_id, refund_id=refund_id)
    told = RefundShown.model_validate(refund.model_dump())
    return Response(201 if new else 200, content_types.APPLICATION_JSON, told)


def too_much(error: Excess) -> Response[str]:
    """The answer to who wants more back than is left."""
    return errors.answer(422, str(error), details=[{"left": error.left}])
