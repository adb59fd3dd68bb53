"""Outbox: tells the bus of orders submitted and to be cancelled, and of rebuilds asked for.

All of it is read off the table's stream.
"""

import os
from itertools import batched
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api.figures import of_change
from public_api.message import SOURCE, Message
from public_api.messages import of_order, of_rebuild
from public_api.metrics import emit
from public_api.order import Order
from public_api.republication import Rebuild
from public_api.table import Change, images

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")

BUS = os.environ["EVENT_BUS_NAME"]
ENTRIES_PER_CALL = 5
"""PutEvents takes ten at once, but 256 KB in all: of the longest orders that is no more than five.

What is too large is refused each time that it comes.
"""


class NotPublished(Exception):
    """The bus did not take every message: the batch has to come again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes, and count them.

    Raises unless the bus took every one.
    """
    changes = [told for record in event.records if (told := seen(record))]
    entries = [entry(message) for told in changes for message in tell(told)]
    for chunk in batched(entries, ENTRIES_PER_CALL):
        answer = events.put_events(Entries=list(chunk))
        if answer["FailedEntryCount"]:
            raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])
    emit(
        figure
        for old, new, _ in changes
        if isinstance(new, Order)
        for figure in of_change(old, new)
    )


def seen(record: DynamoDBRecord) -> Change | None:
    """The change that a record tells of, where anybody is to know of it."""
    change = record.dynamodb
    return images(change.old_image, change.new_image) if change else None


@tracer.capture_method(capture_response=False, capture_error=False)
def tell(told: Change) -> list[Message]:
    """The messages that one change of the table leads to."""
    old, new, trace = told
    messages = of_rebuild(new) if isinstance(new, Rebuild) else of_order(old, new)
    if isinstance(new, Order) and messages:
        tracer.put_annotation("order_id", messages[0].metadata.correlation_id)
    tracer.put_annotation("message", ",".join(type(message).__name__ for message in messages))
    return [message.traced(trace) for message in messages]


def entry(message: Message) -> "PutEventsRequestEntryTypeDef":
    """The message as PutEvents takes it. The trace that led to it goes on with its readers."""
    name = type(message).__name__
    logger.info(
        "sending",
        message_id=message.metadata.id,
        message_name=name,
        correlation_id=message.metadata.correlation_id,
    )
    sent: PutEventsRequestEntryTypeDef = {
        "Source": SOURCE,
        "DetailType": name,
        "Detail": message.model_dump_json(),
        "EventBusName": BUS,
    }
    if trace := message.metadata.trace:
        sent["TraceHeader"] = trace
    return sent
