"""Inbox: keeps copies of toys, orders and reports, and the shop's errors, as its queue tells."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api.catalogue import Catalogue
from public_api.delivery import Letter, Poison, QueueProcessor
from public_api.error_log import ErrorLog
from public_api.heard import (
    Delivery,
    ErrorRaised,
    Heard,
    OrderEvent,
    SalesReported,
    ToyCreated,
    ToyDeleted,
    ToyRepublished,
    ToyUpdated,
)
from public_api.model import now
from public_api.order import Projection
from public_api.raised import Alarm, RaisedError, of_letter
from public_api.table import PublicTable
from public_api.toy import Toy
from public_api.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = PublicTable(os.environ["TABLE_NAME"])
catalogue = Catalogue(os.environ["CATALOGUE_NAME"])
error_log = ErrorLog(os.environ["TABLE_NAME"], int(os.environ["ERROR_DAYS"]))

CLOUDWATCH = "aws.cloudwatch"
"""The source of alarms."""

PREFIX, ENVIRONMENT = os.environ["ALARM_PREFIX"], os.environ["ENVIRONMENT_NAME"]
"""What the names of the shop's stacks begin with, and what they end with."""


def note(letter: Letter) -> None:
    """Keep that a message becomes a dead letter, for managers."""
    error_log.keep(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, note
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one message. Raises Poison for one that can never be handled."""
    try:
        delivery = Delivery.model_validate_json(record.body)
        alarmed = delivery.source == CLOUDWATCH
        message = Alarm.model_validate_json(record.body) if alarmed else delivery.message
    except ValueError as error:
        raise Poison(str(error)) from error
    if isinstance(message, Alarm):
        mark(delivery.name, message.id)
        raised = message.error(PREFIX, ENVIRONMENT)
        applied = raised is not None and error_log.keep(raised)
    else:
        metadata = message.metadata
        mark(delivery.name, metadata.id, metadata.correlation_id, root(metadata.trace))
        applied = act(message, delivery.source)
    logger.info("applied" if applied else "ignored: something as new or newer is there")


def mark(
    name: str, message_id: str, correlation_id: str | None = None, caused_by: str | None = None
) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(correlation_id=correlation_id, message_id=message_id, message_name=name)
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", message_id)
    if caused_by:
        tracer.put_annotation("caused_by", caused_by)


def act(message: Heard, source: str) -> bool:
    """Do what a message of `source` says. False: something as new or newer is there."""
    version = message.metadata.version
    match message:
        case ToyCreated(data=toy) | ToyUpdated(data=toy):
            return catalogue.show(toy, version)
        case ToyRepublished(data=toy) if toy.deleted_at:
            return catalogue.bury(toy.toy_id, version, toy.deleted_at)
        case ToyRepublished(data=toy):
            return catalogue.show(Toy.model_validate(toy.model_dump()), version)
        case ToyDeleted(data=toy):
            return catalogue.bury(toy.toy_id, version, toy.updated_at)
        case SalesReported(data=report):
            return table.report(report, version)
        case ErrorRaised(data=error):
            return raise_error(RaisedError.of(error, source))
        case _:
            return follow(message)


def raise_error(error: RaisedError) -> bool:
    """Keep an error for managers. False: it is there already."""
    if error.order_id:
        tracer.put_annotation("order_id", error.order_id)
    return error_log.keep(error)


def follow(event: OrderEvent) -> bool:
    """Take over the state of an order. False: something as new or newer is there."""
    tracer.put_annotation("order_id", event.data.order_id)
    state = event.data.model_dump() | {"version": event.metadata.version}
    return table.follow(Projection.model_validate(state))
