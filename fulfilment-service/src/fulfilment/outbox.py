"""Outbox: tells the bus what changed in the table, off the table's stream, and counts it."""

import os
from itertools import batched
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment import figures, raised
from fulfilment.message import SOURCE, Message
from fulfilment.messages import of_shipment
from fulfilment.metrics import emit
from fulfilment.raised import MessageError
from fulfilment.table import Change, change

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")

BUS = os.environ["EVENT_BUS_NAME"]
ENTRIES_PER_CALL = 10
"""The most that PutEvents takes at once."""


class NotPublished(Exception):
    """The bus did not take every message: the batch has to come again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    changes = [told for record in event.records if (told := seen(record))]
    entries = [entry(message) for told in changes for message in tell(told)]
    for chunk in batched(entries, ENTRIES_PER_CALL):
        answer = events.put_events(Entries=list(chunk))
        if answer["FailedEntryCount"]:
            raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])
    emit(
        figure
        for old, new, _ in changes
        if not isinstance(new, MessageError)
        for figure in figures.of_change(old, new)
    )


def seen(record: DynamoDBRecord) -> Change | None:
    """The change that a record tells of, where anybody is to know of it."""
    images = record.dynamodb
    return change(images.old_image, images.new_image) if images else None


@tracer.capture_method(capture_response=False, capture_error=False)
def tell(told: Change) -> list[Message]:
    """The messages that one change of the table leads to."""
    old, new, trace = told
    messages: list[Message] = (
        [new.told()]
        if isinstance(new, MessageError)
        else [*of_shipment(old, new), *raised.of_shipment(old, new)]
    )
    if new.order_id:
        tracer.put_annotation("order_id", new.order_id)
    tracer.put_annotation("message", ",".join(type(message).__name__ for message in messages))
    return [message.traced(trace) for message in messages]


def entry(message: Message) -> "PutEventsRequestEntryTypeDef":
    """The message as PutEvents takes it. The trace that led to it goes on with its readers."""
    logger.info(
        "sending",
        message_id=message.metadata.id,
        message_name=type(message).__name__,
        correlation_id=message.metadata.correlation_id,
    )
    entry: PutEventsRequestEntryTypeDef = {
        "Source": SOURCE,
        "DetailType": type(message).__name__,
        "Detail": message.model_dump_json(),
        "EventBusName": BUS,
    }
    if trace := message.metadata.trace:
        entry["TraceHeader"] = trace
    return entry
