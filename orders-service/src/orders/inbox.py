"""Inbox: places orders and carries them on, as the messages in its queue say."""

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

from orders.messages import Answer, PlaceOrder, parse
from orders.model import now
from orders.order import Ignored, Impossible, Order
from orders.table import Conflict, OrdersTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
processor = BatchProcessor(EventType.SQS, logger=logger)  # type: ignore[arg-type]
sqs = boto3.client("sqs")
table = OrdersTable(os.environ["TABLE_NAME"])

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
        refuse(record, error)
        return
    logger.set_correlation_id(message.metadata.correlation_id)
    tracer.put_annotation("order_id", message.data.order_id)
    try:
        act(message)
    except Impossible as error:
        refuse(record, error)


def act(message: PlaceOrder | Answer) -> None:
    """Do what a message says. Raises what stands in the way: then it comes again."""
    match message:
        case PlaceOrder():
            place(message)
        case Answer():
            hear(message)


def refuse(record: SQSRecord, error: Exception) -> None:
    """Put a message where someone looks at it, and say why."""
    logger.error("refused", reason=str(error), sqs_message_id=record.message_id)
    sqs.send_message(QueueUrl=DEAD_LETTERS, MessageBody=record.body)


def place(command: PlaceOrder) -> None:
    """Keep a new order. The same order again changes nothing."""
    order = Order.place(command.data, command.metadata.correlation_id, command.metadata.id, now())
    try:
        table.add(order)
    except Conflict:
        logger.info("ignored: placed before", order_id=order.order_id)
        return
    logger.info("order placed", order_id=order.order_id)


def hear(event: Answer) -> None:
    """Take an order where the event leads. Raises Conflict when it changed in between."""
    name, order_id = type(event).__name__, event.data.order_id
    order = table.order(order_id)
    if order is None:
        raise Impossible(f"{name} is about order {order_id}, which was never placed here")
    match order.hear(name, event.facts(), event.metadata.id, now()):
        case Ignored() as why:
            logger.info(f"ignored: {why}", order_id=order_id, heard=name, status=order.status)
        case moved:
            table.save(moved, after=order)
            logger.info("order saved", order_id=order_id, heard=name, status=moved.status)
