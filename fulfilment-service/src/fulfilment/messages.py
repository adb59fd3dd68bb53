"""The messages this service hears and sends."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fulfilment.message import SOURCE, Message, Metadata
from fulfilment.model import Model, Timestamp
from fulfilment.raised import ErrorRaised
from fulfilment.shipment import Address, AddressNote, Kept, Line, Shipment, Status, Tombstone

__all__ = ["SOURCE", "Message", "Metadata"]
"""What all messages have in common: it is looked for here, too."""

# Heard


class ShippingRequest(Model):
    """What to pack, and where it goes."""

    order_id: str
    shipping_address: Address
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]


class ShipOrder(Message):
    """Command: pack an order and send it off."""

    data: ShippingRequest


class Cancellation(Model):
    """The order that is called off."""

    order_id: str


class CancelShipment(Message):
    """Command: do not send the order off, unless it has left.

    It is always answered: by ShipmentCancelled or, where the parcel has left or failed before, by
    the event that told so.
    """

    data: Cancellation


class AddressChange(Model):
    """Where an order is to go instead. `number` rises with each change of the order's address."""

    order_id: str
    shipping_address: Address
    number: Annotated[int, Field(ge=1)]


class ChangeShippingAddress(Message):
    """Command: send the parcel of an order to another address, unless it has left.

    It is answered by ShipmentReaddressed, or by the event that tells where the parcel went: its
    `addressNumber` is then lower than the one that was asked for.
    """

    data: AddressChange


# Sent


class ReaddressedData(AddressChange):
    """A parcel that waits, and the address that it goes to now."""


class ShipmentReaddressed(Message):
    """Event: the parcel of an order, which has not left, goes to another address."""

    data: ReaddressedData


AddressNumber = Annotated[
    int, Field(ge=0, description="Of the address it went to. 0: the one that was ordered to")
]


class DispatchedData(Model):
    """A parcel on its way."""

    order_id: str
    status: Literal[Status.DISPATCHED]
    shipping_address: Address
    address_number: AddressNumber
    carrier: str
    tracking_number: str
    dispatched_at: Timestamp
    delivered_at: None


class ShipmentDispatched(Message):
    """Event: the parcel of an order has left."""

    data: DispatchedData


class DeliveredData(Model):
    """A parcel that has arrived."""

    order_id: str
    status: Literal[Status.DELIVERED]
    shipping_address: Address
    address_number: AddressNumber
    carrier: str
    tracking_number: str
    dispatched_at: Timestamp
    delivered_at: Timestamp


class ShipmentDelivered(Message):
    """Event: the parcel of an order has arrived."""

    data: DeliveredData


class CancelledData(Model):
    """A parcel that was called off before it left."""

    order_id: str
    status: Literal[Status.CANCELLED]
    cancelled_at: Timestamp


class ShipmentCancelled(Message):
    """Event: the parcel of an order will not leave, since the order was called off in time."""

    data: CancelledData


class FailedData(Model):
    """A parcel that will never arrive. `carrier` and `tracking_number` are null if it never left.

    `reason` is in words.
    """

    order_id: str
    status: Literal[Status.FAILED]
    reason: str
    failed_at: Timestamp
    carrier: str | None
    tracking_number: str | None


class ShipmentFailed(Message):
    """Event: the parcel of an order could not be sent off, or could not be delivered."""

    data: FailedData


Heard = ShipOrder | CancelShipment | ChangeShippingAddress
HEARS: dict[str, type[Heard]] = {
    model.__name__: model for model in (ShipOrder, CancelShipment, ChangeShippingAddress)
}
SENDS: tuple[type[Message], ...] = (
    ShipmentReaddressed,
    ShipmentDispatched,
    ShipmentDelivered,
    ShipmentCancelled,
    ShipmentFailed,
    ErrorRaised,
)


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


def of_shipment(old: Kept | None, new: Kept) -> list[Message]:
    """The messages that tell of a shipment's change from `old` to `new`."""
    kind = _kind(old, new)
    if kind is None:
        return []
    metadata = Metadata(
        id=f"{new.order_id}:{new.version}:{kind.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    data = new.model_dump()
    if kind is ShipmentReaddressed:
        data["number"] = data["addressNumber"]
    return [kind.model_validate({"metadata": metadata, "data": data})]


def _kind(old: Kept | None, new: Kept) -> type[Message] | None:
    """The message that such a change is told by. None: nobody has to know of it."""
    match new:
        case AddressNote():
            return None
        case Shipment(status=Status.WAITING):
            # A note told nothing: its address is news once there is a shipment that takes it.
            told = old.address_number if isinstance(old, Shipment) else 0
            return ShipmentReaddressed if new.address_number > told else None
        case Shipment() | Tombstone():
            told_before = old and not isinstance(old, AddressNote) and old.status == new.status
            return None if told_before else _TOLD[new.status]


_TOLD: dict[Status, type[Message]] = {
    Status.DISPATCHED: ShipmentDispatched,
    Status.DELIVERED: ShipmentDelivered,
    Status.CANCELLED: ShipmentCancelled,
    Status.FAILED: ShipmentFailed,
}
