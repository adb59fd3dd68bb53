"""Outbox: tells the bus what changed in the table, off the table's stream, and counts it."""

import os

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from orders import figures, raised
from orders.bus import Bus
from orders.items import Change, change
from orders.message import Message
from orders.messages import of_order
from orders.metrics import emit
from orders.order import Order

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")
bus = Bus(events, os.environ["EVENT_BUS_NAME"])

DAYS = int(os.environ["DOWNLOAD_DAYS"])
"""How long a download can be had."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    changes = [told for record in event.records if (told := seen(record))]
    messages = [message for told in changes for message in tell(told)]
    for message in messages:
        logger.info(
            "sending",
            message_id=message.metadata.id,
            message_name=type(message).__name__,
            correlation_id=message.metadata.correlation_id,
        )
    bus.put(messages)
    emit(
        figure
        for old, new, _ in changes
        if isinstance(new, Order)
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
        [*of_order(old, new, DAYS), *raised.of_order(old, new)]
        if isinstance(new, Order)
        else [new.told()]
    )
    if new.order_id:
        tracer.put_annotation("order_id", new.order_id)
    tracer.put_annotation("message", ",".join(type(message).__name__ for message in messages))
    return [message.traced(trace) for message in messages]
