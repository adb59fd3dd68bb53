"""What a record of the table's stream tells of: a file, or a share."""

from collections.abc import Mapping
from typing import Any

from file_manager.file import File
from file_manager.share import Share
from file_manager.share_items import read_share
from file_manager.table import read_file

type Image = Mapping[str, Any] | None


def images(old: Image, new: Image) -> tuple[File | None, File] | tuple[Share | None, Share] | None:
    """A file or a share, before and after. None: a removal."""
    if share := read_share(new):
        return read_share(old), share
    file = read_file(new)
    return (read_file(old), file) if file else None


def removed(old: Image) -> File | Share | None:
    """The file or the share whose item is gone, because its time was over."""
    return read_share(old) or read_file(old)
