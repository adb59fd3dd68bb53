"""A share: a private file that whoever has a link may read for some days. Pure rules, no AWS.

The link is a bearer link. It holds a token of 256 bits that nobody can guess, and nothing else.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from file_manager import places
from file_manager.file import File, Place, Status
from file_manager.model import Model, Timestamp

SHARED = "shared/"

MOST_DAYS = 90
"""The longest that a file may be shared for."""

TOKEN_BYTES = 32
"""Bytes of chance in a token: 256 bits."""

Id = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,100}$"),
    Field(description="Given by who asks; asked for twice, it is one share"),
]
FileId = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ShareStatus(StrEnum):
    """What became of a share. Only a SHARED one can be read."""

    PENDING = "PENDING"
    """Its token is kept. Its object may be there already, under a name that nobody was told."""
    SHARED = "SHARED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    """Its days are over."""
    ENDED = "ENDED"
    """Its file was deleted."""


class Refusal(StrEnum):
    """Why a file is not shared."""

    FILE_UNKNOWN = "FILE_UNKNOWN"
    FILE_DELETED = "FILE_DELETED"
    FILE_NOT_STORED = "FILE_NOT_STORED"
    FILE_NOT_SHAREABLE = "FILE_NOT_SHAREABLE"
    """It is no private upload: a public file has its address, a receipt is nobody else's."""


class ShareRequest(Model):
    """Which file is to be shared, and for how many days."""

    share_id: Id
    file_id: FileId
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)]


class Share(Model):
    """What is known of a share. Whoever has its token can read the file: it stays in here."""

    share_id: Id
    file_id: FileId
    days: int
    token: str = Field(repr=False)
    status: ShareStatus
    reason: Refusal | None = None
    name: str | None = Field(default=None, description="What the file is called when it is saved")
    expires_at: Timestamp | None = Field(default=None, description="Null unless it was shared")
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def of(
        cls,
        asked: ShareRequest,
        file: File | None,
        correlation_id: str,
        causation_id: str,
        at: datetime,
    ) -> Self:
        """The share that comes of a request: PENDING, or REFUSED where its file cannot be."""
        reason = refusal(file)
        return cls(
            **asked.model_dump(by_alias=False),
            token=secrets.token_urlsafe(TOKEN_BYTES),
            status=ShareStatus.REFUSED if reason else ShareStatus.PENDING,
            reason=reason,
            name=saved_as(file) if file and not reason else None,
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    @property
    def is_live(self) -> bool:
        """Whether its object may be there, or may still come."""
        return self.status in (ShareStatus.PENDING, ShareStatus.SHARED)

    @property
    def order_id(self) -> str:
        """The order that it was asked for: what its messages are correlated by."""
        return self.correlation_id

    @property
    def key(self) -> str:
        """The key of its object. Raises ValueError for a share that has none."""
        if self.name is None:
            raise ValueError(f"share {self.share_id} has no object")
        return f"{folder(self.file_id)}{self.token}/{self.name}"

    def share(self, at: datetime) -> Self:
        """The share, now that its object is there. Its days begin."""
        return self._next(at, status=ShareStatus.SHARED, expires_at=at + timedelta(days=self.days))

    def refuse(self, reason: Refusal, at: datetime) -> Self:
        """The share, now that it will come to nothing."""
        return self._next(at, status=ShareStatus.REFUSED, reason=reason)

    def expire(self, at: datetime) -> Self:
        """The share, now that its days are over."""
        return self._next(at, status=ShareStatus.EXPIRED)

    def end(self, at: datetime) -> Self:
        """The share, now that its file is deleted."""
        if self.status is ShareStatus.PENDING:
            return self.refuse(Refusal.FILE_DELETED, at)
        return self._next(at, status=ShareStatus.ENDED)

    def _next(self, at: datetime, **changes: object) -> Self:
        changes |= {"version": self.version + 1, "updated_at": at}
        return self.model_copy(update=changes)


def refusal(file: File | None) -> Refusal | None:
    """Why a file cannot be shared, or None when it can."""
    if file is None:
        return Refusal.FILE_UNKNOWN
    if file.status is Status.DELETED:
        return Refusal.FILE_DELETED
    if file.status is not Status.STORED:
        return Refusal.FILE_NOT_STORED
    return None if may_be_shared(file) else Refusal.FILE_NOT_SHAREABLE


def may_be_shared(file: File) -> bool:
    """Whether the file, once it is stored, is one that can be shared: a private upload."""
    return not file.is_public and file.place is Place.FILES


def folder(file_id: str) -> str:
    """What the keys of all objects begin with by which a file is shared."""
    return f"{SHARED}{file_id}/"


def source(file: File) -> str:
    """The key of the object of a stored file that is shared: of an image, its largest size."""
    return places.keys(file).url


def saved_as(file: File) -> str:
    """What a shared file is called: as it was, but with the ending of what an image became."""
    if not file.content_type.startswith("image/"):
        return file.name
    return f"{file.name.rpartition('.')[0] or file.name}.webp"


def address(share: Share, public_url: str) -> str:
    """The link.

    Args:
        public_url: what it begins with, without a slash at its end.
    """
    return f"{public_url}/{share.key}"
