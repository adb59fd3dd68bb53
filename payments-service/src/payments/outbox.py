"""Outbox: tells the bus what changed in the table, off the table's stream, and counts it."""

import os
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from payments import figures, raised
from payments.items import Change, change
from payments.message import SOURCE, Message
from payments.messages import of_payment
from payments.metrics import emit
from payments.payment import Payment, Tombstone
from payments.raised import KeptError
from payments.reconciliation import Report

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")

BUS = os.environ["EVENT_BUS_NAME"]


class NotPublished(Exception):
    """The bus did not take every message: the batch has to come again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Publish the messages of a batch of changes. Raises unless the bus took every one.

    One call for each change: with a receipt in them, its messages together fit into the 256 KB
    that PutEvents takes, and those of many changes would not.
    """
    changes = [told for record in event.records if (told := seen(record))]
    for told in changes:
        entries = [entry(message) for message in messages(told)]
        if entries:
            tell(told, entries)
    emit(
        figure
        for old, new, _ in changes
        if isinstance(new, Payment | Tombstone)
        for figure in figures.of_change(old if isinstance(old, Payment | Tombstone) else None, new)
    )


def seen(record: DynamoDBRecord) -> Change | None:
    """The change that a record tells of, where anybody is to know of it."""
    images = record.dynamodb
    return change(images.old_image, images.new_image) if images else None


def messages(told: Change) -> list[Message]:
    """The messages that one change of the table leads to."""
    found: list[Message] = []
    match told.old, told.new:
        case (Payment() | Tombstone() | None as old, Payment() | Tombstone() as new):
            found = [*of_payment(old, new), *raised.of_payment(old, new)]
        case (Report() | None as before, Report() as report):
            found = [*raised.of_report(before, report)]
        case (None, KeptError() as error):
            found = [error.told()]
    return [message.traced(told.trace) for message in found]


@tracer.capture_method(capture_response=False, capture_error=False)
def tell(told: Change, entries: "list[PutEventsRequestEntryTypeDef]") -> None:
    """Put the messages of one change onto the bus. Raises NotPublished unless it took every one."""
    if not isinstance(told.new, Report) and told.new.order_id:
        tracer.put_annotation("order_id", told.new.order_id)
    tracer.put_annotation("message", ",".join(each["DetailType"] for each in entries))
    answer = events.put_events(Entries=entries)
    if answer["FailedEntryCount"]:
        raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])


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
