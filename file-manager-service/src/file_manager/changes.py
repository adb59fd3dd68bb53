"""What a record of the table's stream tells of: a file, a share or an error."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from file_manager.file import File
from file_manager.raised import MessageError
from file_manager.share import Share
from file_manager.share_items import read_share
from file_manager.table import read_error, read_file

type Image = Mapping[str, Any] | None


class Seen(NamedTuple):
    """What a record tells of, before and after. An error is new, and stays.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: File | Share | None
    new: File | Share | MessageError
    trace: str | None


def change(old: Image, new: Image) -> Seen | None:
    """The change that an item's images show. None: a removal, or an error that was there before."""
    if not new:
        return None
    trace: str | None = new.get("trace")
    if error := read_error(new):
        return None if old else Seen(None, error, trace)
    if share := read_share(new):
        return Seen(read_share(old), share, trace)
    file = read_file(new)
    return Seen(read_file(old), file, trace) if file else None


def removed(old: Image) -> File | Share | None:
    """The file or the share whose item is gone, because its time was over."""
    return read_share(old) or read_file(old)
