"""A file: whose it is, what it is called, and what may become of it. Pure rules, no AWS."""

import hashlib
import re
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from file_manager.model import Model, Timestamp

MAX_TEXT = 200 * 1024
"""The most that a text may hold, in bytes. A message carries it, and the bus takes 256 KB."""

TEXT_TYPES = ("text/html", "text/plain")
"""What may be stored by a message: text, since that is what it can carry."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A name that needs no escaping, neither in an object's key nor in a link."""

NAME_PATTERN = f"^{_NAME.pattern}$"
"""The same for a model."""

Owner = Annotated[
    str,
    StringConstraints(pattern=r"^urn:tbs:[a-z-]+:\S+$", max_length=256),
    Field(description="urn:tbs:<kind>:<id>"),
]
Label = Annotated[str, StringConstraints(max_length=1024)]


class Status(StrEnum):
    """What became of a file. Only a STORED one has content."""

    PENDING = "PENDING"
    """Its form is handed out; nothing that came was judged yet."""
    STORED = "STORED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    """Nothing came in time."""
    DELETED = "DELETED"
    """A tombstone: it stays for a while, so that nothing that comes late brings the file back."""


class Visibility(StrEnum):
    """Who may read a file. A PRIVATE one is read by a link that soon ends."""

    PUBLIC = "public"
    PRIVATE = "private"


class Place(StrEnum):
    """The bucket that holds a file."""

    FILES = "files"
    RECEIPTS = "receipts"
    """Where texts lie that came by a message."""


class Rejection(StrEnum):
    """Why a file was not stored."""

    NAME_NOT_ALLOWED = "NAME_NOT_ALLOWED"
    TYPE_NOT_ALLOWED = "TYPE_NOT_ALLOWED"
    VISIBILITY_NOT_ALLOWED = "VISIBILITY_NOT_ALLOWED"
    TOO_LARGE = "TOO_LARGE"
    EMPTY = "EMPTY"
    SIZE_DIFFERS = "SIZE_DIFFERS"
    TYPE_DIFFERS = "TYPE_DIFFERS"
    NOT_DECODABLE = "NOT_DECODABLE"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"


class Submission(Model):
    """A file as its owner hands it in by a message. It is taken whatever it says, then judged."""

    owner: Owner
    name: Label
    content_type: Label
    visibility: Label
    content: str = Field(description="The text itself; stored as UTF-8")

    @property
    def body(self) -> bytes:
        """The bytes to store."""
        return self.content.encode()

    @property
    def rejection(self) -> Rejection | None:
        """The first rule that the file breaks, or None when it may be stored."""
        if not _NAME.fullmatch(self.name):
            return Rejection.NAME_NOT_ALLOWED
        if self.content_type not in TEXT_TYPES:
            return Rejection.TYPE_NOT_ALLOWED
        if self.visibility != Visibility.PRIVATE:
            return Rejection.VISIBILITY_NOT_ALLOWED
        if len(self.body) > MAX_TEXT:
            return Rejection.TOO_LARGE
        return None


class File(Model):
    """What is known of a file. One that is not stored says what was asked for."""

    file_id: str
    owner: Owner
    name: Label
    content_type: Label
    visibility: Label
    place: Place = Field(default=Place.FILES, description="The bucket it lies in")
    status: Status
    reason: Rejection | None = Field(default=None, description="Why it was rejected")
    size: int = Field(ge=0, description="In bytes: of what came, and before that as announced")
    sha256: str | None = Field(
        default=None, description="Of what came, in hexadecimal; null when nothing was read"
    )
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    correlation_id: str
    causation_id: str | None = None

    @classmethod
    def of(
        cls, file_id: str, given: Submission, correlation_id: str, causation_id: str, at: datetime
    ) -> Self:
        """The file that comes of a message: stored, or rejected for the first rule it breaks."""
        return cls(
            **given.model_dump(by_alias=False, exclude={"content"}),
            file_id=file_id,
            place=Place.RECEIPTS,
            status=Status.REJECTED if given.rejection else Status.STORED,
            reason=given.rejection,
            size=len(given.body),
            sha256=hashlib.sha256(given.body).hexdigest(),
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    @property
    def is_public(self) -> bool:
        """Whether anybody may read it."""
        return self.visibility == Visibility.PUBLIC

    @property
    def order_id(self) -> str | None:
        """The order that it belongs to, where its correlation id is not its own."""
        return None if self.correlation_id == self.file_id else self.correlation_id

    def store(self, body: bytes, at: datetime) -> Self:
        """The file, now that this has come and may stay."""
        return self._next(
            at, status=Status.STORED, size=len(body), sha256=hashlib.sha256(body).hexdigest()
        )

    def reject(self, reason: Rejection, size: int, at: datetime) -> Self:
        """The file, now that something of that size has come and may not stay."""
        return self._next(at, status=Status.REJECTED, size=size, reason=reason)

    def expire(self, at: datetime) -> Self:
        """The file, now that nobody waits for its content any longer."""
        return self._next(at, status=Status.EXPIRED)

    def delete(self, at: datetime) -> Self:
        """The file's tombstone."""
        return self._next(at, status=Status.DELETED)

    def _next(self, at: datetime, **changes: object) -> Self:
        changes |= {"version": self.version + 1, "updated_at": at}
        return self.model_copy(update=changes)


def file_id(sender: str, command_id: str) -> str:
    """The id of the file that a command makes. It follows from the command: one makes one file.

    A message's id is its sender's own, so both together say which command it was.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sender}/{command_id}"))
