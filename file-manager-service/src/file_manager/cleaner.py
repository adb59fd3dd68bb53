"""Cleaner: takes away what no item names any longer, off the table's stream."""

import os

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager.bucket import FilesBuckets
from file_manager.cdn import Cdn
from file_manager.file import File, Place, Status
from file_manager.table import images

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"])
cdn = Cdn(os.environ["DISTRIBUTION_ID"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Clean up after a batch of changes. Raises until all of it is done: the batch comes again."""
    for record in event.records:
        change = record.dynamodb
        match change and images(change.old_image, change.new_image):
            case (old, new):
                clean(old, new)


def clean(old: File | None, new: File) -> None:
    """Take away what a file's change from `old` to `new` leaves without use."""
    if old is None or old.status == new.status:
        return
    logger.set_correlation_id(new.correlation_id)
    if new.place is Place.FILES:
        buckets.discard_upload(new.file_id)
    if old.status is not Status.REJECTED:
        buckets.clear(new, keep=new if new.status is Status.STORED else None)
    if old.status is Status.STORED and new.is_public:
        # After the objects: what is asked for in between would be kept anew.
        cdn.forget(new)
    logger.info("cleaned up", file_id=new.file_id, status=new.status)
