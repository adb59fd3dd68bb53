"""Inbox: acts on the messages in its queue.

It reserves and releases stock, hangs pictures and downloads, and has all toys told again.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from toys import file_events
from toys.delivery import Letter, Poison, QueueProcessor
from toys.heard import (
    FileDeleted,
    FileRejected,
    FileStored,
    ReleaseStock,
    RepublishToys,
    ReserveStock,
)
from toys.message import Metadata
from toys.messages import parse
from toys.model import now
from toys.raised import of_letter
from toys.republication import Republication
from toys.reservation import HeldLine, Reservation, Status, refusal, tombstone
from toys.table import Busy, Conflict, ToysTable
from toys.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ToysTable(os.environ["TABLE_NAME"])


def note(letter: Letter) -> None:
    """Keep that a message becomes a dead letter: the outbox tells managers of it."""
    table.note(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, note
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again, later each time."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one message. Raises Poison for one that can never be handled."""
    try:
        message = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    mark(type(message).__name__, message.metadata)
    match message:
        case ReserveStock() | ReleaseStock():
            tracer.put_annotation("order_id", message.data.order_id)
        case RepublishToys():
            tracer.put_annotation("request_id", message.data.request_id)
        case _:
            tracer.put_annotation("file_id", message.data.file_id)
    match message:
        case ReserveStock():
            reserve(message)
        case ReleaseStock():
            release(message)
        case RepublishToys():
            republish(message)
        case FileStored() | FileDeleted():
            file_events.follow(message, table, logger)
        case FileRejected():
            file_events.refused(message, logger)


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def reserve(command: ReserveStock) -> None:
    """Hold every line of the order or none: whichever it is, it is decided once.

    Raises Busy when a toy became another while it was being held: then the message comes again.
    """
    order = command.data
    toys = table.toys(line.toy_id for line in order.lines)
    claim = Reservation(
        order_id=order.order_id,
        currency=order.currency,
        lines=tuple(HeldLine.of(line, toys.get(line.toy_id)) for line in order.lines),
        status=Status.RESERVED,
        reserved_at=(at := now()),
        version=1,
        updated_at=at,
        correlation_id=command.metadata.correlation_id,
        causation_id=command.metadata.id,
    )
    try:
        match table.reserve(claim):
            case None:
                logger.info("reserved", order_id=order.order_id)
            case (line, toy) if reason := refusal(line, order.currency, toy):
                table.keep(claim.refuse(line, reason))
                logger.info("reservation refused", order_id=order.order_id, reason=reason)
            case (line, _):
                raise Busy(f"toy {line.toy_id} has changed meanwhile")
    except Conflict:
        logger.info("ignored: decided before", order_id=order.order_id)


def release(command: ReleaseStock) -> None:
    """Give back what is held for the order. Raises Conflict when it changed in between."""
    order_id, cause, at = command.data.order_id, command.metadata.id, now()
    match table.reservation(order_id):
        case None:
            table.keep(tombstone(order_id, cause, at))
            logger.info("released before it was reserved", order_id=order_id)
        case Reservation(status=Status.RESERVED) as held:
            table.release(held.release(cause, at))
            logger.info("released", order_id=order_id)
        case settled:
            logger.info("ignored: nothing is held", order_id=order_id, status=settled.status)


def republish(command: RepublishToys) -> None:
    """Begin to tell all toys again, once for each request."""
    request_id = command.data.request_id
    try:
        table.begin(Republication.begin(request_id, command.metadata.id, now()))
    except Conflict:
        logger.info("ignored: asked before", request_id=request_id)
        return
    logger.info("republication begun", request_id=request_id)
