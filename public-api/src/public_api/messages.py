"""The messages this service hears and sends."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from public_api.model import Model, Timestamp
from public_api.order import Cancellation, Order, OrderState
from public_api.purchase import Locale, Purchase
from public_api.report import SalesReport
from public_api.republication import Rebuild
from public_api.toy import Toy

SOURCE = "tbs.public-api"
"""The name under which this service's messages stand on the bus."""


class Metadata(Model):
    """What every message says of itself. Made from the stored item, so it is the same each time."""

    id: str = Field(description="<aggregate id>:<version>:<message name>")
    correlation_id: str = Field(description="The order's id, or the aggregate's own")
    causation_id: str | None = Field(description="metadata.id of the message that led to this")
    occurred_at: Timestamp
    version: int = Field(description="Of the aggregate. Of two messages, the higher one is newer")


class Message(Model):
    """A message on the bus: the detail of an EventBridge event, whose detail-type is its name."""

    metadata: Metadata


# Heard


class ToyCreated(Message):
    """Event: a toy came into the catalogue."""

    sender: ClassVar[str] = "tbs.toys"
    data: Toy


class ToyUpdated(Message):
    """Event: what shoppers see of a toy changed."""

    sender: ClassVar[str] = "tbs.toys"
    data: Toy


class DeletedToy(Model):
    """Which toy it was, and since when it is gone."""

    toy_id: str
    updated_at: Timestamp


class ToyDeleted(Message):
    """Event: a toy left the catalogue."""

    sender: ClassVar[str] = "tbs.toys"
    data: DeletedToy


class RepublishedToy(Toy):
    """A toy as it is, or as it was when it left the catalogue."""

    deleted_at: Timestamp | None = Field(default=None, description="null: it is in the catalogue")


class ToyRepublished(Message):
    """Event: a toy is told of again, because a rebuild was asked for."""

    sender: ClassVar[str] = "tbs.toys"
    data: RepublishedToy


class OrderPlaced(Message):
    """Event: an order was found in order, and its stock is asked for."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderConfirmed(Message):
    """Event: an order is paid."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderDispatched(Message):
    """Event: an order is on its way."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderDelivered(Message):
    """Event: an order arrived."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderCancelled(Message):
    """Event: an order came to nothing."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderUpdated(Message):
    """Event: something else about an order changed, such as its payment action or its refund."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderRepublished(Message):
    """Event: an order is told of again, because a rebuild was asked for."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class SalesReported(Message):
    """Event: the shop's sales were reported."""

    sender: ClassVar[str] = "tbs.reports"
    data: SalesReport


# Sent


class PlaceOrderData(Purchase):
    """The order. Amounts are in minor units, and gross = lines + shipping = net + tax."""

    email: str
    payment_method_id: str
    submitted_at: Timestamp
    locale: Locale


class PlaceOrder(Message):
    """Command: carry out this order, which a shopper submitted."""

    data: PlaceOrderData


class CancelOrderData(Cancellation):
    """Which order, and since when its shopper wants it cancelled."""

    order_id: str


class CancelOrder(Message):
    """Command: cancel this order, unless its parcel has left."""

    data: CancelOrderData


class RepublicationData(Model):
    """Which rebuild it is for."""

    request_id: str


class RepublishToys(Message):
    """Command: tell of every toy again, as it is now."""

    data: RepublicationData


class RepublishOrders(Message):
    """Command: tell of every order again, as it is now."""

    data: RepublicationData


ToyEvent = ToyCreated | ToyUpdated | ToyDeleted | ToyRepublished
OrderEvent = (
    OrderPlaced
    | OrderConfirmed
    | OrderDispatched
    | OrderDelivered
    | OrderCancelled
    | OrderUpdated
    | OrderRepublished
)
Heard = ToyEvent | OrderEvent | SalesReported

HEARS: dict[str, type[Heard]] = {
    model.__name__: model
    for model in (
        ToyCreated,
        ToyUpdated,
        ToyDeleted,
        ToyRepublished,
        OrderPlaced,
        OrderConfirmed,
        OrderDispatched,
        OrderDelivered,
        OrderCancelled,
        OrderUpdated,
        OrderRepublished,
        SalesReported,
    )
}
SENDS: tuple[type[Message], ...] = (PlaceOrder, CancelOrder, RepublishToys, RepublishOrders)


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


def of_order(old: Order | None, new: Order) -> list[Message]:
    """The messages that tell of an order's change from `old` to `new`.

    Its submission does, and the wish to cancel it. Neither ever changes, so that their versions
    are always 1 and 2.
    """
    messages: list[Message] = []
    if old is None and (sent := new.submission):
        metadata = _metadata(PlaceOrder, sent.order_id, 1, sent.submitted_at)
        messages.append(
            PlaceOrder.model_validate({"metadata": metadata, "data": sent.model_dump()})
        )
    if (asked := new.cancellation) and not (old and old.cancellation):
        order_id = new.purchase.order_id
        metadata = _metadata(CancelOrder, order_id, 2, asked.requested_at)
        data = CancelOrderData(order_id=order_id, requested_at=asked.requested_at)
        messages.append(CancelOrder(metadata=metadata, data=data))
    return messages


def of_rebuild(asked: Rebuild) -> list[Message]:
    """The messages that a rebuild leads to: to each owner of what is copied here."""
    data = RepublicationData(request_id=asked.request_id)
    return [
        kind(metadata=_metadata(kind, asked.request_id, 1, asked.requested_at), data=data)
        for kind in (RepublishToys, RepublishOrders)
    ]


def _metadata(kind: type[Message], about: str, version: int, at: datetime) -> Metadata:
    return Metadata(
        id=f"{about}:{version}:{kind.__name__}",
        correlation_id=about,
        causation_id=None,
        occurred_at=at,
        version=version,
    )
