"""Inbox: lines up shipments, as the messages in its queue say."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment.messages import ShipOrder, parse
from fulfilment.model import now
from fulfilment.shipment import Shipment, Status
from fulfilment.table import Conflict, ShipmentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
processor = BatchProcessor(EventType.SQS, logger=logger)  # type: ignore[arg-type]
sqs = boto3.client("sqs")
table = ShipmentsTable(os.environ["TABLE_NAME"])

DEAD_LETTERS = os.environ["DEAD_LETTER_QUEUE_URL"]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False)
def receive(record: SQSRecord) -> None:
    """Act on one message. One that can never be handled is a dead letter at once."""
    logger.set_correlation_id(None)
    try:
        message = parse(record.body)
    except ValueError as error:
        logger.error("refused", reason=str(error), sqs_message_id=record.message_id)
        sqs.send_message(QueueUrl=DEAD_LETTERS, MessageBody=record.body)
        return
    logger.set_correlation_id(message.metadata.correlation_id)
    tracer.put_annotation("order_id", message.data.order_id)
    match message:
        case ShipOrder():
            line_up(message)


def line_up(command: ShipOrder) -> None:
    """Keep a new shipment, which waits for its carrier. The same order again changes nothing."""
    at = now()
    shipment = Shipment(
        **command.data.model_dump(by_alias=False),
        status=Status.WAITING,
        version=1,
        created_at=at,
        updated_at=at,
        correlation_id=command.metadata.correlation_id,
        causation_id=command.metadata.id,
    )
    try:
        table.add(shipment)
    except Conflict:
        logger.info("ignored: lined up before", order_id=shipment.order_id)
        return
    logger.info("shipment lined up", order_id=shipment.order_id)
