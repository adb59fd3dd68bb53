"""Outbox: tells the bus what changed in the table, off the table's stream, and counts it."""

import os

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from toys import figures, raised
from toys.bus import Bus
from toys.figures import Figure
from toys.message import Message
from toys.messages import of_reservation, of_toy
from toys.metrics import emit
from toys.raised import MessageError
from toys.reservation import Reservation
from toys.table import Seen, change
from toys.toy import Toy

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")
bus = Bus(events, os.environ["EVENT_BUS_NAME"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    changes = [found for record in event.records if (found := seen(record))]
    told = [message for found in changes for message in tell(found)]
    for message in told:
        logger.info(
            "sending",
            message_id=message.metadata.id,
            message_name=type(message).__name__,
            correlation_id=message.metadata.correlation_id,
        )
    bus.put(told)
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
        if isinstance(found.new, Toy):
            tracer.put_annotation("toy_id", found.new.toy_id)
        elif found.new.order_id:
            tracer.put_annotation("order_id", found.new.order_id)
        tracer.put_annotation("message", ",".join(type(message).__name__ for message in messages))
    return [message.traced(found.trace) for message in messages]


def messages_of(found: Seen) -> list[Message]:
    """The messages of one change, whatever trace it was written in."""
    match found:
        case (Toy() | None as old, Toy() as toy, _):
            return of_toy(old, toy)
        case (Reservation() | None as old, Reservation() as reservation, _):
            return [
                *of_reservation(old, reservation),
                *raised.of_reservation(old, reservation),
            ]
        case (_, MessageError() as error, _):
            return [error.told()]
    return []


def counted(found: Seen) -> list[Figure]:
    """What one change adds to the figures."""
    match found:
        case (Toy() | None as old, Toy() as toy, _):
            return figures.of_toy(old, toy)
        case (Reservation() | None as old, Reservation() as reservation, _):
            return figures.of_reservation(old, reservation)
    return []
