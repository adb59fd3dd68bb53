"""Inbox: acts on the messages in its queue.

It places orders and carries them on, and has all of them told again.
"""

import os
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from orders import placing
from orders.answer import Answer
from orders.delivery import Letter, Poison, QueueProcessor
from orders.facts import Cancellation
from orders.heard import CancelOrder, PlaceOrder, RepublishOrders
from orders.message import Metadata
from orders.messages import parse
from orders.model import now
from orders.order import Order
from orders.raised import of_letter
from orders.republication import Republication
from orders.saga import Ignored, Impossible
from orders.table import Conflict, OrdersTable
from orders.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = OrdersTable(os.environ["TABLE_NAME"])

PATIENCE = timedelta(minutes=int(os.environ["ORDER_DEADLINE_MINUTES"]))
"""How long after it was placed an order has to be confirmed."""

LOOKS = 4
"""How often an order is looked at that others change meanwhile, before its message is put off."""


def note(letter: Letter) -> None:
    """Keep that a message becomes a dead letter: the outbox tells managers of it."""
    table.keep(of_letter(*letter, now()))


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
        message = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    mark(type(message).__name__, message.metadata)
    if isinstance(message, RepublishOrders):
        republish(message)
        return
    tracer.put_annotation("order_id", message.data.order_id)
    for looks_left in reversed(range(LOOKS)):
        try:
            act(message)
            return
        except Conflict:
            if not looks_left:
                raise


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def act(message: PlaceOrder | CancelOrder | Answer) -> None:
    """Do what a message says. Raises Conflict when the order was changed meanwhile."""
    match message:
        case PlaceOrder():
            place(message)
        case CancelOrder() | Answer():
            hear(message)


def place(command: PlaceOrder) -> None:
    """Keep a new order, cancelled if that was asked for before. Again, it changes nothing."""
    cause = command.metadata
    placing.place(table, command.data, cause.correlation_id, cause.id, now(), PATIENCE)


def hear(message: CancelOrder | Answer) -> None:
    """Do with an order what was asked for, or what the event leads to."""
    order_id = message.data.order_id
    match table.found(order_id), message:
        case (Order() as order, _):
            carry_on(order, message)
        case (None, CancelOrder()):
            keep(message)
        case (_, CancelOrder()):
            logger.info("ignored: asked before", order_id=order_id)
        case _:
            name = type(message).__name__
            raise Poison(f"{name} is about order {order_id}, which was never placed here")


def keep(command: CancelOrder) -> None:
    """Keep a request that came before its order. The order finds it when it comes."""
    request = Cancellation(
        **command.data.model_dump(by_alias=False), causation_id=command.metadata.id
    )
    table.add(request)
    logger.info("cancellation kept for an order to come", order_id=request.order_id)


def carry_on(order: Order, message: CancelOrder | Answer) -> None:
    """Take an order where the message leads. Raises Poison when it cannot be about this order."""
    name, order_id = type(message).__name__, order.order_id
    try:
        heard = order.hear(name, message.facts(), message.metadata.id, now())
    except Impossible as error:
        raise Poison(str(error)) from error
    match heard:
        case Ignored() as why:
            logger.info(f"ignored: {why}", order_id=order_id, heard=name, status=order.status)
        case moved:
            table.save(moved, after=order)
            logger.info("order saved", order_id=order_id, heard=name, status=moved.status)


def republish(command: RepublishOrders) -> None:
    """Begin to tell all orders again, once for each request."""
    request_id = command.data.request_id
    tracer.put_annotation("request_id", request_id)
    try:
        table.begin(Republication.begin(request_id, command.metadata.id, now()))
    except Conflict:
        logger.info("ignored: asked before", request_id=request_id)
        return
    logger.info("republication begun", request_id=request_id)
