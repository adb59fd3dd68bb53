"""What becomes of a toy's pictures when somebody who keeps files tells of one.

It does not matter how often a file is told of, nor in which order: what is known of it only ever
grows newer, and what a toy shows follows from that.
"""

from functools import partial

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from toys.messages import FileDeleted, FileRejected, FileStored, Metadata
from toys.model import now
from toys.picture import Gallery, PictureRecord
from toys.table import Conflict, ToysTable

TRIES = 2
"""How often what changes meanwhile is read again. After that, the message comes again."""


def follow(event: FileStored | FileDeleted, table: ToysTable, logger: Logger) -> None:
    """Hang the picture on its toy, or take it down. Raises Conflict when it always changed."""
    data, picture = event.data, None
    if isinstance(event, FileStored):
        picture = event.data.picture
        if picture is None:
            logger.info("ignored: nothing for shoppers to see", file_id=data.file_id)
            return
    if data.toy_id is None:
        logger.info("ignored: no file of a toy", file_id=data.file_id)
        return
    told = PictureRecord(
        file_id=data.file_id, toy_id=data.toy_id, version=event.metadata.version, picture=picture
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
    with single_metric(
        "PicturesRefused", MetricUnit.Count, 1, namespace="TheBetterStore"
    ) as metric:
        metric.add_dimension("service", "toys")


def _keep(told: PictureRecord, cause: Metadata, table: ToysTable, logger: Logger) -> None:
    before = table.picture(told.file_id)
    about = partial(logger.info, file_id=told.file_id, toy_id=told.toy_id)
    if before and before.version >= told.version:
        about("ignored: known before")
        return
    # Read after the picture: it has all that came of what was known of that.
    toy = table.toy(told.toy_id)
    if toy is None or toy.deleted_at:
        table.know(told, before)
        about("picture of a toy that is not in the catalogue")
        return
    gallery = _followed(toy.gallery, told, table)
    if gallery == toy.gallery:
        table.know(told, before)
        about("picture known, and none to show or hide for it")
        return
    by = {"correlation_id": cause.correlation_id, "causation_id": cause.id}
    table.know(told, before, toy.arrange(gallery, now(), **by))
    about("pictures changed", shown=len(gallery.pictures), waiting=len(gallery.waiting))


def _followed(gallery: Gallery, told: PictureRecord, table: ToysTable) -> Gallery:
    """The gallery with what was told of a file, and with what waited for the place it leaves."""
    if told.picture:
        return gallery.hang(told.picture)
    gallery = gallery.take_down(told.file_id)
    while file_id := gallery.next_up:
        waiting = table.picture(file_id)
        up = waiting and waiting.picture
        gallery = gallery.hang(up) if up else gallery.take_down(file_id)
    return gallery
