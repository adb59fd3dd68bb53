"""Inbox: keeps this service's copies of toys, orders and reports, as its queue tells."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api.catalogue import Catalogue
from public_api.delivery import Poison, QueueProcessor
from public_api.messages import (
    OrderEvent,
    SalesReported,
    ToyCreated,
    ToyDeleted,
    ToyRepublished,
    ToyUpdated,
    parse,
)
from public_api.order import Projection
from public_api.table import PublicTable
from public_api.toy import Toy

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
processor = QueueProcessor(os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger)
table = PublicTable(os.environ["TABLE_NAME"])
catalogue = Catalogue(os.environ["CATALOGUE_NAME"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False)
def receive(record: SQSRecord) -> None:
    """Act on one message. Raises Poison for one that can never be handled."""
    logger.set_correlation_id(None)
    try:
        message = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    logger.set_correlation_id(message.metadata.correlation_id)
    match message:
        case ToyCreated() | ToyUpdated():
            applied = catalogue.show(message.data, message.metadata.version)
        case ToyRepublished(data=toy) if toy.deleted_at:
            applied = catalogue.bury(toy.toy_id, message.metadata.version, toy.deleted_at)
        case ToyRepublished(data=toy):
            shown = Toy.model_validate(toy.model_dump())
            applied = catalogue.show(shown, message.metadata.version)
        case ToyDeleted(data=toy):
            applied = catalogue.bury(toy.toy_id, message.metadata.version, toy.updated_at)
        case SalesReported():
            applied = table.report(message.data, message.metadata.version)
        case _:
            applied = follow(message)
    outcome = "applied" if applied else "ignored: something as new or newer is there"
    logger.info(outcome, message_id=message.metadata.id)


def follow(event: OrderEvent) -> bool:
    """Take over the state of an order. False: something as new or newer is there."""
    tracer.put_annotation("order_id", event.data.order_id)
    state = event.data.model_dump() | {"version": event.metadata.version}
    return table.follow(Projection.model_validate(state))
