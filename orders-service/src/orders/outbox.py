"""Outbox: tells the bus what changed in the table, off the table's stream."""

import os

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from orders.bus import Bus
from orders.message import Message
from orders.messages import of_order
from orders.table import images

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")
bus = Bus(events, os.environ["EVENT_BUS_NAME"])

DAYS = int(os.environ["DOWNLOAD_DAYS"])
"""How long a download can be had."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one."""
    told = [message for record in event.records for message in messages(record)]
    for message in told:
        logger.info(
            "sending",
            message_id=message.metadata.id,
            correlation_id=message.metadata.correlation_id,
        )
    bus.put(told)


def messages(record: DynamoDBRecord) -> list[Message]:
    """The messages that one change of the table leads to."""
    change = record.dynamodb
    match change and images(change.old_image, change.new_image):
        case (old, new):
            return of_order(old, new, DAYS)
    return []
