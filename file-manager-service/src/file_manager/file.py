"""A file: whose it is, what it is called, and whether it may be stored. Pure rules, no AWS."""

import hashlib
import re
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from file_manager.model import Model, Timestamp

MAX_SIZE = 200 * 1024
"""The most a file may hold, in bytes. A message carries it, and the bus takes 256 KB at most."""

CONTENT_TYPES = ("text/html", "text/plain")
"""What may be stored: text, since that is what a message can carry."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A name that needs no escaping, neither in an object's key nor in a link."""

Owner = Annotated[
    str,
    StringConstraints(pattern=r"^urn:tbs:[a-z-]+:\S+$", max_length=256),
    Field(description="What the file belongs to: urn:tbs:<kind>:<id>"),
]
Label = Annotated[str, StringConstraints(max_length=1024)]


class Status(StrEnum):
    """What became of a file. Only a STORED one has content."""

    STORED = "STORED"
    REJECTED = "REJECTED"


class Visibility(StrEnum):
    """Who may read a file. A PRIVATE one is read by a link that soon ends."""

    PRIVATE = "private"


class Rejection(StrEnum):
    """Why a file was not stored."""

    NAME_NOT_ALLOWED = "NAME_NOT_ALLOWED"
    TYPE_NOT_ALLOWED = "TYPE_NOT_ALLOWED"
    VISIBILITY_NOT_ALLOWED = "VISIBILITY_NOT_ALLOWED"
    TOO_LARGE = "TOO_LARGE"


class Submission(Model):
    """A file as its owner hands it in. It is taken whatever it says, and then judged."""

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
        if self.content_type not in CONTENT_TYPES:
            return Rejection.TYPE_NOT_ALLOWED
        if self.visibility not in set(Visibility):
            return Rejection.VISIBILITY_NOT_ALLOWED
        if len(self.body) > MAX_SIZE:
            return Rejection.TOO_LARGE
        return None


class File(Model):
    """What is known of a file that was handed in. A rejected one says what was asked for."""

    file_id: str
    owner: Owner
    name: Label
    content_type: Label
    visibility: Label
    status: Status
    reason: Rejection | None = Field(default=None, description="Why it was rejected")
    size: int = Field(ge=0, description="In bytes")
    sha256: str = Field(description="Of the content, in hexadecimal")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def of(
        cls, file_id: str, given: Submission, correlation_id: str, causation_id: str, at: datetime
    ) -> Self:
        """The file that comes of `given`: stored, or rejected for the first rule it breaks."""
        return cls(
            **given.model_dump(by_alias=False, exclude={"content"}),
            file_id=file_id,
            status=Status.REJECTED if given.rejection else Status.STORED,
            reason=given.rejection,
            size=len(given.body),
            sha256=hashlib.sha256(given.body).hexdigest(),
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )


def file_id(sender: str, command_id: str) -> str:
    """The id of the file that a command makes. It follows from the command: one makes one file.

    A message's id is its sender's own, so both together say which command it was.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sender}/{command_id}"))
