"""Cleaner: takes away what no item names any longer, off the table's stream."""

import os

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager import places
from file_manager.bucket import FilesBuckets
from file_manager.cdn import Cdn
from file_manager.changes import change, removed
from file_manager.file import File, Place, Status
from file_manager.model import now
from file_manager.share import Share, may_be_shared
from file_manager.share_items import SharesTable
from file_manager.shelf import SharedFiles

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"])
shelf = SharedFiles(os.environ["BUCKET_NAME"])
table = SharesTable(os.environ["TABLE_NAME"])
cdn = Cdn(os.environ["DISTRIBUTION_ID"])

PAGE = 100
"""Shares of a deleted file that are read at once."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Clean up after a batch of changes. Raises until all of it is done: the batch comes again."""
    shown: dict[str, File] = {}
    occasions: list[str] = []
    for record in event.records:
        logger.set_correlation_id(None)
        images = record.dynamodb
        if images is None:
            continue
        gone: File | None = None
        match change(images.old_image, images.new_image) or removed(images.old_image):
            case (File() | None as old, File() as new, _):
                gone = clean(old, new)
            case (Share() as before, Share() as share, _):
                withdraw(before, share)
            case File() as forgotten:
                gone = clean_again(forgotten)
            case Share() as forgotten:
                shelf.remove(forgotten)
        if gone:
            shown[gone.file_id] = gone
            occasions.append(f"{record.event_name}:{gone.file_id}:{gone.version}")
    if shown:
        # After the objects: what is asked for in between would be kept anew.
        cdn.forget(shown.values(), " ".join(occasions))


def clean(old: File | None, new: File) -> File | None:
    """Take away what a file's change from `old` to `new` leaves without use.

    Returns the file when CloudFront may have copies of it.
    """
    if old is None or old.status == new.status:
        return None
    logger.set_correlation_id(new.correlation_id)
    if new.place is Place.FILES:
        buckets.discard_upload(new.file_id)
    if old.status is not Status.REJECTED:
        buckets.clear(new, keep=new if new.status is Status.STORED else None)
    if new.status is Status.DELETED and may_be_shared(new):
        end_shares(new)
    logger.info("cleaned up", file_id=new.file_id, status=new.status)
    return new if old.status is Status.STORED and places.was_shown(new) else None


def end_shares(file: File) -> None:
    """Let nobody read a deleted file by its links: the objects first, then the shares' items.

    What is being shared at this moment is not committed any more, and taken away by who shares it.
    """
    shelf.clear(file.file_id)
    after: str | None = None
    while True:
        found, after = table.shares_of(file.file_id, PAGE, after)
        for share_id in [share.share_id for share in found if share.is_live]:
            share = table.share(share_id)
            if share and share.is_live:
                table.save_share(share.end(now()), after=share)
        if after is None:
            return


def withdraw(old: Share, new: Share) -> None:
    """Take away the object of a share that is over."""
    if old.is_live and not new.is_live:
        logger.set_correlation_id(new.correlation_id)
        shelf.remove(new)
        logger.info("share withdrawn", share_id=new.share_id, status=new.status)


def clean_again(old: File) -> File | None:
    """Take away what is left of a file whose tombstone has had its time. Mostly nothing is.

    So ends what was given up, or written by a function that died on its last try.
    """
    logger.set_correlation_id(old.correlation_id)
    if old.place is Place.FILES:
        buckets.discard_upload(old.file_id)
    buckets.clear(old)
    if may_be_shared(old):
        shelf.clear(old.file_id)
    logger.info("cleaned up for good", file_id=old.file_id, status=old.status)
    return old if places.was_shown(old) else None
