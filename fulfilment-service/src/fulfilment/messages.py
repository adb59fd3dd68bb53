"""The messages this service hears and sends."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fulfilment.model import Model, Timestamp
from fulfilment.shipment import Address, Line, Shipment, Status

SOURCE = "tbs.fulfilment"
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


class ShippingRequest(Model):
    """What to pack, and where it goes."""

    order_id: str
    shipping_address: Address
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]


class ShipOrder(Message):
    """Command: pack an order and send it off."""

    data: ShippingRequest


# Sent


class DispatchedData(Model):
    """A parcel on its way."""

    order_id: str
    status: Literal[Status.DISPATCHED]
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
    carrier: str
    tracking_number: str
    dispatched_at: Timestamp
    delivered_at: Timestamp


class ShipmentDelivered(Message):
    """Event: the parcel of an order has arrived."""

    data: DeliveredData


HEARS: dict[str, type[ShipOrder]] = {model.__name__: model for model in (ShipOrder,)}
SENDS: tuple[type[Message], ...] = (ShipmentDispatched, ShipmentDelivered)


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> ShipOrder:
    """The message in a queue's record. Raises ValueError for what is not one we hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return HEARS[delivery.name].model_validate(delivery.detail)


def of_shipment(old: Shipment | None, new: Shipment) -> list[Message]:
    """The messages that tell of a shipment's change from `old` to `new`."""
    if new.status is Status.WAITING or (old and old.status == new.status):
        return []
    kind: type[Message] = {
        Status.DISPATCHED: ShipmentDispatched,
        Status.DELIVERED: ShipmentDelivered,
    }[new.status]
    metadata = Metadata(
        id=f"{new.order_id}:{new.version}:{kind.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    return [kind.model_validate({"metadata": metadata, "data": new.model_dump()})]
