"""The messages this service hears and sends."""

from typing import Any, Literal

from pydantic import Field

from toys.attributes import Attributes
from toys.heard import (
    FileDeleted,
    FileRejected,
    FileStored,
    ReleaseStock,
    RepublishToys,
    ReserveStock,
)
from toys.message import SOURCE, Message, Metadata
from toys.model import Currency, Model, Money, Timestamp
from toys.picture import ShownPicture
from toys.raised import ErrorRaised
from toys.republication import Republication
from toys.reservation import HeldLine, Line, Refusal, Reservation, Status
from toys.toy import Availability, Fulfilment, Toy

__all__ = ["SOURCE", "Message", "Metadata"]
"""What all messages have in common: it is looked for here, too."""


class ToyData(Model):
    """A toy as shoppers see it. `price` is in minor units, tax included; ages are in months.

    One whose `fulfilment` is digital comes as a file, by a link that is mailed.
    """

    toy_id: str
    sku: str
    name: str
    description: str
    category: str
    brand: str
    min_age: int
    max_age: int | None
    price: Money
    currency: Currency
    availability: Availability
    tags: tuple[str, ...]
    attributes: Attributes
    fulfilment: Fulfilment
    pictures: tuple[ShownPicture, ...]
    created_at: Timestamp
    updated_at: Timestamp


class ToyCreated(Message):
    """Event: a toy came into the catalogue."""

    data: ToyData


class ToyUpdated(Message):
    """Event: what shoppers see of a toy changed."""

    data: ToyData


class ToyDeleted(Message):
    """Event: a toy left the catalogue. Its last state is told."""

    data: ToyData


class RepublishedData(ToyData):
    """A toy as shoppers see it, or saw it last."""

    deleted_at: Timestamp | None = Field(
        description="When it left the catalogue; null while it is in it"
    )


class ToyRepublished(Message):
    """Event: what a toy is, told again since somebody asked for all of them. Nothing changed."""

    data: RepublishedData


class ReservedData(Model):
    """What is held for an order."""

    order_id: str
    status: Literal[Status.RESERVED]
    currency: Currency
    lines: tuple[HeldLine, ...]


class StockReserved(Message):
    """Event: all lines of an order are held, at these prices."""

    data: ReservedData


class RefusedData(Model):
    """What could not be held for an order, and the first toy that stood in the way."""

    order_id: str
    status: Literal[Status.REFUSED]
    reason: Refusal
    toy_id: str
    lines: tuple[Line, ...]


class StockReservationFailed(Message):
    """Event: nothing is held for an order."""

    data: RefusedData


class ReleasedData(Model):
    """The order for which nothing is held any more."""

    order_id: str
    status: Literal[Status.RELEASED]


class StockReleased(Message):
    """Event: what was held for an order is back on the shelf."""

    data: ReleasedData


Heard = ReserveStock | ReleaseStock | RepublishToys | FileStored | FileRejected | FileDeleted

HEARS: dict[str, type[Heard]] = {
    model.__name__: model
    for model in (
        ReserveStock,
        ReleaseStock,
        RepublishToys,
        FileStored,
        FileRejected,
        FileDeleted,
    )
}
SENDS: tuple[type[Message], ...] = (
    ToyCreated,
    ToyUpdated,
    ToyDeleted,
    ToyRepublished,
    StockReserved,
    StockReservationFailed,
    StockReleased,
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


def of_toy(old: Toy | None, new: Toy) -> list[Message]:
    """The messages that tell of a toy's change from `old` to `new`."""
    if old is None:
        kind: type[ToyCreated | ToyUpdated | ToyDeleted] = ToyCreated
    elif new.deleted_at and not old.deleted_at:
        kind = ToyDeleted
    elif not new.deleted_at and old.shown != new.shown:
        kind = ToyUpdated
    else:
        return []
    return [_told(kind, new.toy_id, new, _data(new))]


def republished(toy: Toy, asked: Republication) -> ToyRepublished:
    """The message that tells a toy again, in the catalogue or gone from it."""
    by = {"correlation_id": asked.request_id, "causation_id": asked.causation_id}
    return _told(ToyRepublished, toy.toy_id, toy.model_copy(update=by), _data(toy))


def of_reservation(old: Reservation | None, new: Reservation) -> list[Message]:
    """The messages that tell of a reservation's change from `old` to `new`."""
    if old and old.status == new.status:
        return []
    kind: type[Message] = {
        Status.RESERVED: StockReserved,
        Status.REFUSED: StockReservationFailed,
        Status.RELEASED: StockReleased,
    }[new.status]
    return [_told(kind, new.order_id, new, new.model_dump())]


def _data(toy: Toy) -> dict[str, Any]:
    return toy.model_dump() | {"availability": toy.availability}


def _told[M: Message](
    kind: type[M], aggregate_id: str, state: Toy | Reservation, data: dict[str, Any]
) -> M:
    metadata = Metadata(
        id=f"{aggregate_id}:{state.version}:{kind.__name__}",
        correlation_id=state.correlation_id,
        causation_id=state.causation_id,
        occurred_at=state.updated_at,
        version=state.version,
    )
    return kind.model_validate({"metadata": metadata, "data": data})
