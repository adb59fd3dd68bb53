"""Cleaner: takes away what no item names any longer, off the table's stream."""

import os

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager import places
from file_manager.bucket import FilesBuckets
from file_manager.cdn import Cdn
from file_manager.file import File, Place, Status
from file_manager.table import images, removed

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"])
cdn = Cdn(os.environ["DISTRIBUTION_ID"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Clean up after a batch of changes. Raises until all of it is done: the batch comes again."""
    shown: dict[str, File] = {}
    occasions: list[str] = []
    for record in event.records:
        change = record.dynamodb
        if change is None:
            continue
        match images(change.old_image, change.new_image):
            case (old, new):
                gone = clean(old, new)
            case None:
                gone = clean_again(removed(change.old_image))
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
    logger.info("cleaned up", file_id=new.file_id, status=new.status)
    return new if old.status is Status.STORED and places.was_shown(new) else None


def clean_again(old: File | None) -> File | None:
    """Take away what is left of a file whose tombstone has had its time. Mostly nothing is.

    So ends what was given up, or written by a function that died on its last try.
    """
    if old is None:
        return None
    logger.set_correlation_id(old.correlation_id)
    if old.place is Place.FILES:
        buckets.discard_upload(old.file_id)
    buckets.clear(old)
    logger.info("cleaned up for good", file_id=old.file_id, status=old.status)
    return old if places.was_shown(old) else None
