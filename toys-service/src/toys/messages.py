"""The messages this service hears and sends."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from toys.attributes import Attributes
from toys.download import TYPES, Download
from toys.model import Currency, Model, Money, Timestamp
from toys.picture import Picture, ShownPicture
from toys.republication import Republication
from toys.reservation import HeldLine, Line, Refusal, Reservation, Status
from toys.toy import Availability, Fulfilment, Toy

SOURCE = "tbs.toys"
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


class ReservationRequest(Model):
    """The lines of an order, at the prices its shopper agreed to."""

    order_id: str
    currency: Currency
    lines: tuple[Line, ...] = Field(min_length=1, max_length=50)

    @field_validator("lines")
    @classmethod
    def _each_toy_once(cls, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        if len({line.toy_id for line in lines}) < len(lines):
            raise ValueError("a toy stands in two lines")
        return lines


class ReserveStock(Message):
    """Command: hold all of these toys for an order, or none of them."""

    data: ReservationRequest


class ReleaseRequest(Model):
    """The order whose stock is given back."""

    order_id: str


class ReleaseStock(Message):
    """Command: give back what was held for an order, or will be."""

    data: ReleaseRequest


class RepublicationRequest(Model):
    """Which request it is. The same one is carried out once."""

    request_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]


class RepublishToys(Message):
    """Command: tell every toy again as it is, for a reader whose copy is lost or new."""

    data: RepublicationRequest


class Renditions(Model):
    """Where the three sizes of an image are."""

    thumbnail: str
    card: str
    full: str


class OwnedFile(Model):
    """Which file it is, and what it belongs to: urn:tbs:toy:<toyId>, where that is a toy."""

    file_id: str
    owner: str

    @property
    def toy_id(self) -> str | None:
        """The toy that it belongs to, where it is one."""
        kind, found, toy_id = self.owner.partition("urn:tbs:toy:")
        return toy_id if found and toy_id and not kind else None


class StoredFile(OwnedFile):
    """A file that is kept. Only an image that everybody may see has renditions with addresses."""

    name: str
    content_type: str = ""
    visibility: str
    created_at: Timestamp
    renditions: Renditions | None = None

    @property
    def picture(self) -> Picture | None:
        """What a toy shows of it, where shoppers may see it."""
        if self.visibility != "public" or self.renditions is None:
            return None
        sizes = self.renditions.model_dump(by_alias=False)
        return Picture(file_id=self.file_id, name=self.name, created_at=self.created_at, **sizes)

    @property
    def download(self) -> Download | None:
        """What can be sold of it, where nobody else may see it."""
        if self.visibility != "private" or self.content_type not in TYPES:
            return None
        return Download(file_id=self.file_id, created_at=self.created_at)


class FileStored(Message):
    """Event: a file is kept."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: StoredFile


class RefusedFile(OwnedFile):
    """A file that was not kept, and why."""

    reason: str


class FileRejected(Message):
    """Event: a file came that may not be kept."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: RefusedFile


class FileDeleted(Message):
    """Event: a file is gone."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: OwnedFile


# Sent


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
