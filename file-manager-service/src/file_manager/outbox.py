"""Outbox: tells the bus what changed in the table, off the table's stream."""

import os
from itertools import batched
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager.changes import images
from file_manager.file import File
from file_manager.messages import SOURCE, Message, of_file, of_share
from file_manager.share import Share

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")

BUS = os.environ["EVENT_BUS_NAME"]
PUBLIC_URL = os.environ["PUBLIC_URL"]
ENTRIES_PER_CALL = 10
"""The most that PutEvents takes at once."""


class NotPublished(Exception):
    """The bus did not take every message: the batch has to come again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    entries = [entry(message) for record in event.records for message in messages(record)]
    for chunk in batched(entries, ENTRIES_PER_CALL):
        answer = events.put_events(Entries=list(chunk))
        if answer["FailedEntryCount"]:
            raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])


def messages(record: DynamoDBRecord) -> list[Message]:
    """The messages that one change of the table leads to."""
    change = record.dynamodb
    match change and images(change.old_image, change.new_image):
        case (File() | None as old, File() as file):
            return of_file(old, file, PUBLIC_URL)
        case (Share() | None as old, Share() as share):
            return of_share(old, share, PUBLIC_URL)
    return []


def entry(message: Message) -> "PutEventsRequestEntryTypeDef":
    """The message as PutEvents takes it."""
    logger.info(
        "sending",
        message_id=message.metadata.id,
        correlation_id=message.metadata.correlation_id,
    )
    return {
        "Source": SOURCE,
        "DetailType": type(message).__name__,
        "Detail": message.model_dump_json(),
        "EventBusName": BUS,
    }
