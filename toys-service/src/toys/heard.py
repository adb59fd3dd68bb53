"""The messages this service hears."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, field_validator

from toys.download import TYPES, Download
from toys.message import Message
from toys.model import Currency, Model, Timestamp
from toys.picture import Picture
from toys.reservation import Line


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
