"""Outbox: tells the bus what changed in the table, off the table's stream, and counts it."""

import os
from itertools import batched
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager import figures, raised
from file_manager.changes import Seen, change
from file_manager.figures import Figure
from file_manager.file import File
from file_manager.message import SOURCE, Message
from file_manager.messages import of_file, of_share
from file_manager.metrics import emit
from file_manager.raised import MessageError
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
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    changes = [found for record in event.records if (found := seen(record))]
    entries = [entry(message) for found in changes for message in tell(found)]
    for chunk in batched(entries, ENTRIES_PER_CALL):
        answer = events.put_events(Entries=list(chunk))
        if answer["FailedEntryCount"]:
            raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])
    emit(figure for found in changes for figure in counted(found))


def seen(record: DynamoDBRecord) -> Seen | None:
    """The change that a record tells of, where anybody is to know of it."""
    images = record.dynamodb
    return change(images.old_image, images.new_image) if images else None


@tracer.capture_method(capture_response=False, capture_error=False)
def tell(found: Seen) -> list[Message]:
    """The messages that one change of the table leads to."""
    messages = messages_of(found)
    if messages:
        if order_id := found.new.order_id:
            tracer.put_annotation("order_id", order_id)
        tracer.put_annotation("message", ",".join(type(message).__name__ for message in messages))
    return [message.traced(found.trace) for message in messages]


def messages_of(found: Seen) -> list[Message]:
    """The messages of one change, whatever trace it was written in."""
    match found:
        case (File() | None as old, File() as file, _):
            return [*of_file(old, file, PUBLIC_URL), *raised.of_file(old, file)]
        case (Share() | None as old, Share() as share, _):
            return of_share(old, share, PUBLIC_URL)
        case (_, MessageError() as error, _):
            return [error.told()]
    return []


def counted(found: Seen) -> list[Figure]:
    """What one change adds to the figures."""
    match found:
        case (File() | None as old, File() as file, _):
            return figures.of_file(old, file)
        case (Share() | None as old, Share() as share, _):
            return figures.of_share(old, share)
    return []


def entry(message: Message) -> "PutEventsRequestEntryTypeDef":
    """The message as PutEvents takes it. The trace that led to it goes on with its readers."""
    logger.info(
        "sending",
        message_id=message.metadata.id,
        message_name=type(message).__name__,
        correlation_id=message.metadata.correlation_id,
    )
    told: PutEventsRequestEntryTypeDef = {
        "Source": SOURCE,
        "DetailType": type(message).__name__,
        "Detail": message.model_dump_json(),
        "EventBusName": BUS,
    }
    if trace := message.metadata.trace:
        told["TraceHeader"] = trace
    return told
