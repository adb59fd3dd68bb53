"""Outbox: tells the bus what changed in the table, off the table's stream."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from toys.messages import SOURCE, Message, of_reservation, of_toy
from toys.reservation import Reservation
from toys.table import images
from toys.toy import Toy

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")

BUS = os.environ["EVENT_BUS_NAME"]
ENTRIES_PER_CALL = 10
BYTES_PER_CALL = 256 * 1024
"""The most that PutEvents takes at once."""


class NotPublished(Exception):
    """The bus did not take every message: the batch has to come again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    entries = [entry(message) for record in event.records for message in messages(record)]
    for chunk in chunks(entries):
        answer = events.put_events(Entries=chunk)
        if answer["FailedEntryCount"]:
            raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])


def messages(record: DynamoDBRecord) -> list[Message]:
    """The messages that one change of the table leads to."""
    change = record.dynamodb
    match change and images(change.old_image, change.new_image):
        case (old, Toy() as toy):
            return of_toy(old, toy)
        case (old, Reservation() as reservation):
            return of_reservation(old, reservation)
    return []


def chunks(
    entries: "Iterable[PutEventsRequestEntryTypeDef]",
) -> "Iterator[list[PutEventsRequestEntryTypeDef]]":
    """The entries in their order, as many at a time as one call takes."""
    chunk: list[PutEventsRequestEntryTypeDef] = []
    for one in entries:
        if chunk and (
            len(chunk) == ENTRIES_PER_CALL or sum(map(size, [*chunk, one])) > BYTES_PER_CALL
        ):
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def size(entry: "PutEventsRequestEntryTypeDef") -> int:
    """The bytes of an entry, as PutEvents counts them."""
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    return len((entry["Source"] + entry["DetailType"] + entry["Detail"]).encode())


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
