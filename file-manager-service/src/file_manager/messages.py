"""The messages this service hears and sends."""

from typing import Any, Literal

from pydantic import Field

from file_manager import places
from file_manager.file import File, Rejection, Status, Submission, Visibility
from file_manager.message import SOURCE, Message, Metadata
from file_manager.model import Model, Timestamp
from file_manager.places import Renditions
from file_manager.raised import ErrorRaised
from file_manager.share import Refusal, Share, ShareRequest, ShareStatus, address

__all__ = ["SOURCE", "Message", "Metadata"]
"""What all messages have in common: it is looked for here, too."""


# Heard


class StoreFile(Message):
    """Command: keep this file for its owner."""

    data: Submission


class ShareFile(Message):
    """Command: let whoever has a link read this private upload for some days."""

    data: ShareRequest


# Sent


class StoredData(Model):
    """A file that is kept. `size` is in bytes, `sha256` in hexadecimal, both of what came."""

    file_id: str
    owner: str
    name: str
    content_type: str
    size: int
    sha256: str
    visibility: Visibility
    status: Literal[Status.STORED]
    created_at: Timestamp
    url: str | None = Field(description="What to open; null when the file is private")
    renditions: Renditions | None = Field(
        description="The URLs of an image's sizes; null when it is none, or private"
    )


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


class DeletedData(Model):
    """A file that is no more."""

    file_id: str
    owner: str
    name: str
    status: Literal[Status.DELETED]
    deleted_at: Timestamp


class FileDeleted(Message):
    """Event: a file is deleted, whatever it was before."""

    data: DeletedData


class SharedData(Model):
    """A file that whoever has the link may read. Nothing else guards it: it stays in no log."""

    share_id: str
    file_id: str
    name: str = Field(description="What it is called when it is saved")
    url: str = Field(description="The link: it works until then", repr=False)
    expires_at: Timestamp


class FileShared(Message):
    """Event: a file can be read by a link."""

    data: SharedData


class NotSharedData(Model):
    """A file that is not shared, and why."""

    share_id: str
    file_id: str
    reason: Refusal


class FileNotShared(Message):
    """Event: a file was to be shared that cannot be. There is no link, and there will be none."""

    data: NotSharedData


Heard = StoreFile | ShareFile

HEARS: dict[str, type[Heard]] = {model.__name__: model for model in (StoreFile, ShareFile)}
SENDS: tuple[type[Message], ...] = (
    FileStored,
    FileRejected,
    FileDeleted,
    FileShared,
    FileNotShared,
    ErrorRaised,
)


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    source: str
    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> tuple[str, Heard]:
    """The sender and the message in a queue's record. Raises ValueError for one we do not hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return delivery.source, HEARS[delivery.name].model_validate(delivery.detail)


def of_file(old: File | None, new: File, public_url: str) -> list[Message]:
    """The messages that tell of a file's change from `old` to `new`.

    Args:
        public_url: what the URLs of public files begin with, without a slash at its end.
    """
    if old and old.status == new.status:
        return []
    match new.status:
        case Status.STORED:
            found = places.addresses(new, public_url)
            shown = {
                "url": found and found.url,
                "renditions": found and found.renditions,
            }
            return [_told(FileStored, new, new.model_dump() | shown)]
        case Status.REJECTED:
            return [_told(FileRejected, new, new.model_dump())]
        case Status.DELETED:
            return [_told(FileDeleted, new, new.model_dump() | {"deletedAt": new.updated_at})]
    return []


def of_share(old: Share | None, new: Share, public_url: str) -> list[Message]:
    """The messages that tell of a share's change from `old` to `new`. That one ended is not told.

    Args:
        public_url: what the links begin with, without a slash at its end.
    """
    if old and old.status == new.status:
        return []
    match new.status:
        case ShareStatus.SHARED:
            link = {"url": address(new, public_url)}
            return [_told(FileShared, new, new.model_dump() | link)]
        case ShareStatus.REFUSED:
            return [_told(FileNotShared, new, new.model_dump())]
    return []


def _told(kind: type[Message], state: File | Share, data: dict[str, Any]) -> Message:
    of = state.share_id if isinstance(state, Share) else state.file_id
    metadata = Metadata(
        id=f"{of}:{state.version}:{kind.__name__}",
        correlation_id=state.correlation_id,
        causation_id=state.causation_id,
        occurred_at=state.updated_at,
        version=state.version,
    )
    return kind.model_validate({"metadata": metadata, "data": data})
