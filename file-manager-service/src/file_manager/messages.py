"""The messages this service hears and sends."""

from typing import Any, Literal

from pydantic import Field

from file_manager.file import File, Rejection, Status, Submission, Visibility
from file_manager.model import Model, Timestamp

SOURCE = "tbs.file-manager"
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


class StoreFile(Message):
    """Command: keep this file for its owner."""

    data: Submission


# Sent


class StoredData(Model):
    """A file that is kept. `size` is in bytes, `sha256` in hexadecimal."""

    file_id: str
    owner: str
    name: str
    content_type: str
    size: int
    sha256: str
    visibility: Visibility
    status: Literal[Status.STORED]


class FileStored(Message):
    """Event: a file is kept."""

    data: StoredData


class RejectedData(Model):
    """A file that is not kept, and the first rule that it breaks."""

    file_id: str
    owner: str
    name: str
    content_type: str
    status: Literal[Status.REJECTED]
    reason: Rejection


class FileRejected(Message):
    """Event: a file was handed in that may not be stored."""

    data: RejectedData


HEARS: dict[str, type[StoreFile]] = {StoreFile.__name__: StoreFile}
SENDS: tuple[type[Message], ...] = (FileStored, FileRejected)


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    source: str
    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> tuple[str, StoreFile]:
    """The sender and the message in a queue's record. Raises ValueError for one we do not hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return delivery.source, HEARS[delivery.name].model_validate(delivery.detail)


def of_file(old: File | None, new: File) -> list[Message]:
    """The messages that tell of a file's change from `old` to `new`."""
    if old and old.status == new.status:
        return []
    kind: type[Message] = {Status.STORED: FileStored, Status.REJECTED: FileRejected}[new.status]
    metadata = Metadata(
        id=f"{new.file_id}:{new.version}:{kind.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    return [kind.model_validate({"metadata": metadata, "data": new.model_dump()})]
