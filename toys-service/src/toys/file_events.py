"""What becomes of a toy's pictures and downloads when somebody who keeps files tells of one.

It does not matter how often a file is told of, nor in which order: what is known of it only ever
grows newer, and what a toy shows and sells follows from that.
"""

from functools import partial

from aws_lambda_powertools import Logger

from toys.figures import PICTURE_REFUSED
from toys.heard import FileDeleted, FileRejected, FileStored
from toys.message import Metadata
from toys.metrics import emit
from toys.model import now
from toys.picture import FileRecord, Gallery
from toys.table import Conflict, ToysTable
from toys.toy import Toy

TRIES = 2
"""How often what changes meanwhile is read again. After that, the message comes again."""


def follow(event: FileStored | FileDeleted, table: ToysTable, logger: Logger) -> None:
    """Give a toy its picture or download, or take it away. Raises Conflict if it always changed."""
    data, picture, download = event.data, None, None
    if isinstance(event, FileStored):
        picture, download = event.data.picture, event.data.download
        if picture is None and download is None:
            logger.info("ignored: neither a picture nor a download", file_id=data.file_id)
            return
    if data.toy_id is None:
        logger.info("ignored: no file of a toy", file_id=data.file_id)
        return
    told = FileRecord(
        file_id=data.file_id,
        toy_id=data.toy_id,
        version=event.metadata.version,
        picture=picture,
        download=download,
    )
    for tries_left in reversed(range(TRIES)):
        try:
            _keep(told, event.metadata, table, logger)
        except Conflict:
            if not tries_left:
                raise
        else:
            return


def refused(event: FileRejected, logger: Logger) -> None:
    """Say that a toy's picture was not taken. Whoever keeps files keeps the reason, too."""
    file = event.data
    if file.toy_id is None:
        logger.info("ignored: no file of a toy", file_id=file.file_id)
        return
    logger.warning("picture refused", file_id=file.file_id, toy_id=file.toy_id, reason=file.reason)
    emit([PICTURE_REFUSED])


def _keep(told: FileRecord, cause: Metadata, table: ToysTable, logger: Logger) -> None:
    before = table.file(told.file_id)
    about = partial(logger.info, file_id=told.file_id, toy_id=told.toy_id)
    if before and before.version >= told.version:
        about("ignored: known before")
        return
    # Read after the file: it has all that came of what was known of that.
    toy = table.toy(told.toy_id)
    if toy is None or toy.deleted_at:
        table.know(told, before)
        about("file of a toy that is not in the catalogue")
        return
    by = {"correlation_id": cause.correlation_id, "causation_id": cause.id}
    changed = _changed(toy, told, table, **by)
    table.know(told, before, changed)
    if changed is None:
        about("file known, and its toy stays as it is")
        return
    about(
        "files of a toy changed",
        shown=len(changed.pictures),
        waiting=len(changed.waiting),
        downloads=len(changed.downloads),
    )


def _changed(toy: Toy, told: FileRecord, table: ToysTable, **by: str) -> Toy | None:
    """The toy with what was told of a file of its own. None: it is the same."""
    files = toy.files
    files = files.add(told.download) if told.download else files.remove(told.file_id)
    if files != toy.files:
        return toy.offer(files, now(), **by)
    gallery = _followed(toy.gallery, told, table)
    return toy.arrange(gallery, now(), **by) if gallery != toy.gallery else None


def _followed(gallery: Gallery, told: FileRecord, table: ToysTable) -> Gallery:
    """The gallery with what was told of a file, and with what waited for the place it leaves."""
    if told.picture:
        return gallery.hang(told.picture)
    gallery = gallery.take_down(told.file_id)
    while file_id := gallery.next_up:
        waiting = table.file(file_id)
        up = waiting and waiting.picture
        gallery = gallery.hang(up) if up else gallery.take_down(file_id)
    return gallery
