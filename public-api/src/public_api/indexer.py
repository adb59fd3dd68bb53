"""Indexer: keeps the lists of toys as the toys are, off the stream of the catalogue's table."""

import os

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api.catalogue import Catalogue, images
from public_api.lists import Lists
from public_api.toy import Toy

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
catalogue = Catalogue(os.environ["CATALOGUE_NAME"])
lists = Lists(os.environ["CATALOGUE_NAME"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Settle the entries of the toys of a batch of changes. Raises until all of it is written."""
    changed: dict[str, list[Toy | None]] = {}
    for record in event.records:
        change = record.dynamodb
        match change and images(change.old_image, change.new_image):
            case (str(toy_id), old, new):
                changed.setdefault(toy_id, []).extend((old, new))
    lists.settle(changed, catalogue.toys(changed))
    logger.info("settled", toys=len(changed))
