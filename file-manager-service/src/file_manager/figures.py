"""What is counted of the files: figures off committed changes. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what there is.
"""

from dataclasses import dataclass
from typing import Literal

from file_manager.file import File, Place, Status
from file_manager.share import Share, ShareStatus


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_file(old: File | None, new: File) -> list[Figure]:
    """What a file's change adds: one, where it is judged. A text that came by a message is, too."""
    if old and old.status == new.status:
        return []
    match new.status:
        case Status.STORED:
            name = "UploadsAccepted" if new.place is Place.FILES else "TextsStored"
            return [Figure(name, 1)]
        case Status.REJECTED:
            return [Figure("UploadsRefused", 1, by=("reason", str(new.reason)))]
    return []


def of_share(old: Share | None, new: Share) -> list[Figure]:
    """What a share's change adds: one, where the file can be read by its link from now on."""
    was_shared = old is not None and old.status is ShareStatus.SHARED
    is_shared = new.status is ShareStatus.SHARED
    return [Figure("SharesMade", 1)] if is_shared and not was_shared else []
