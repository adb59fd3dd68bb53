"""The messages this service hears and sends."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from orders.answer import Answer
from orders.arrivals import (
    FileNotShared,
    FileShared,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentFailed,
    ShipmentReaddressed,
)
from orders.downloads import SHARE_DAYS, digital, share_id, undeliverable
from orders.heard import (
    CancelOrder,
    PaymentActionRequired,
    PaymentCollected,
    PaymentFailed,
    PaymentRefunded,
    PlaceOrder,
    RepublishOrders,
    StockReleased,
    StockReservationFailed,
    StockReserved,
)
from orders.mails import SendEmail
from orders.message import SOURCE, Message, Metadata
from orders.model import Model
from orders.order import Order
from orders.raised import ErrorRaised
from orders.refunds import parts
from orders.republication import Republication
from orders.saga import Status
from orders.sent import (
    CancelShipment,
    ChangeShippingAddress,
    CollectPayment,
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDispatched,
    OrderPlaced,
    OrderRepublished,
    OrderUpdated,
    RefundPayment,
    ReleaseStock,
    ReserveStock,
    ShareFile,
    ShipOrder,
)

__all__ = ["SOURCE", "Message", "Metadata"]
"""What all messages have in common: it is looked for here, too."""

type Heard = PlaceOrder | CancelOrder | RepublishOrders | Answer

HEARS: dict[str, type[Heard]] = {
    model.__name__: model
    for model in (
        PlaceOrder,
        CancelOrder,
        RepublishOrders,
        StockReserved,
        StockReservationFailed,
        StockReleased,
        PaymentActionRequired,
        PaymentCollected,
        PaymentFailed,
        PaymentRefunded,
        ShipmentDispatched,
        ShipmentDelivered,
        ShipmentReaddressed,
        ShipmentCancelled,
        ShipmentFailed,
        FileShared,
        FileNotShared,
    )
}
SENDS: tuple[type[Message], ...] = (
    OrderPlaced,
    OrderConfirmed,
    OrderDispatched,
    OrderDelivered,
    OrderCancelled,
    OrderUpdated,
    OrderRepublished,
    ErrorRaised,
    ReserveStock,
    ReleaseStock,
    CollectPayment,
    RefundPayment,
    ShipOrder,
    CancelShipment,
    ChangeShippingAddress,
    ShareFile,
    SendEmail,
)

_SENT = {model.__name__: model for model in SENDS}


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> Heard:
    """The message in a queue's record. Raises ValueError for what is not one we hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return HEARS[delivery.name].model_validate(delivery.detail)


def of_order(old: Order | None, new: Order, days: int = SHARE_DAYS) -> list[Message]:
    """The messages that tell of an order's change: those of each version since `old`.

    `days` is how long a download can be had.
    """
    known = old.version if old else 0
    versions = [new.on_entering(entry) for entry in new.history if entry.version > known]
    if max(known, new.history[-1].version) < new.version:
        versions.append(new)
    told = [message for order in versions for message in _of_version(order, days)]
    if old and len(old.downloads) < len(new.downloads):
        return [message for message in told if not _is_told_before(message, old)]
    return told


def republished(order: Order, asked: Republication) -> Message:
    """The message that tells an order again, at the version that it is at."""
    by = {"correlation_id": asked.request_id, "causation_id": asked.causation_id}
    return _told(OrderRepublished, order.model_copy(update=by))


def _is_told_before(message: Message, old: Order) -> bool:
    """Whether it is an OrderUpdated that tells no more than was to be told of the order before."""
    if not isinstance(message, OrderUpdated):
        return False
    before = _told(OrderUpdated, old).data
    return before.model_copy(update={"updated_at": message.data.updated_at}) == message.data


def _of_version(order: Order, days: int) -> Iterator[Message]:
    """What goes out with the version that the order is at."""
    for name in order.sends():
        match name:
            case "ShareFile":
                for number, line in digital(order.lines):
                    share = {"shareId": share_id(order.order_id, number), "fileId": line.file_id}
                    yield _told(ShareFile, order, share | {"days": days}, f":{number}")
            case "RefundPayment":
                yield _told(RefundPayment, order, _refund(order))
            case "ChangeShippingAddress":
                change = order.address_change
                yield _told(ChangeShippingAddress, order, change.model_dump() if change else {})
            case "ShipOrder":
                packed = [line for line in order.lines if line.fulfilment == "parcel"]
                yield _told(ShipOrder, order, {"lines": [line.model_dump() for line in packed]})
            case _:
                yield _told(_SENT[name], order)
    if order.mailed == order.version:
        yield _told(SendEmail, order, {"content": _downloads(order)}, ":downloads")


def _refund(order: Order) -> dict[str, Any]:
    """What is to be given back: all that is left of a cancelled order, else what staff asked last.

    Of all that is left, the payment knows how much it is.
    """
    if order.status is Status.CANCELLED:
        return {"amount": None, "refundId": None, "reason": order.reason}
    part = order.refunds[-1]
    amount = None if part.rest else part.amount
    return {"amount": amount, "refundId": part.refund_id, "reason": part.reason}


def _downloads(order: Order) -> dict[str, Any]:
    """What the e-mail that brings the downloads is filled with."""
    downloads = [
        {"name": order.lines[each.line - 1].name, "url": each.url, "expiresAt": each.expires_at}
        for each in sorted(order.downloads, key=lambda each: each.line)
        if each.url
    ]
    return {"template": "order-downloads", "orderId": order.order_id, "downloads": downloads}


def facts_of(order: Order) -> dict[str, Any]:
    """All that events tell of an order, and more: each takes the fields it has."""
    lost = undeliverable(order.downloads)
    return order.model_dump() | {
        "lines": [
            line.model_dump() | {"undeliverable": number in lost}
            for number, line in enumerate(order.lines, 1)
        ],
        "refunds": parts(order.refunds, order.by_hand, order.by_hand_at, order.gross),
        "downloadsMailed": order.mailed is not None and order.mailed <= order.version,
    }


def _told[Kind: Message](
    kind: type[Kind], order: Order, special: dict[str, Any] | None = None, part: str = ""
) -> Kind:
    """A message that the order sends with its version. Each takes the fields it has.

    `special` is what it does not have from the order as it is, `part` tells it from others of its
    kind.
    """
    metadata = Metadata(
        id=f"{order.order_id}:{order.version}:{kind.__name__}{part}",
        correlation_id=order.correlation_id,
        causation_id=order.causation_id,
        occurred_at=order.updated_at,
        version=order.version,
    )
    facts = facts_of(order)
    content = facts | {"template": f"order-{order.status.lower()}"}
    data = facts | {"amount": order.gross, "to": order.email, "content": content}
    return kind.model_validate({"metadata": metadata, "data": data | (special or {})})
