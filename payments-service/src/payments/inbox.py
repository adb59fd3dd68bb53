"""Inbox: collects and refunds payments, as the messages in its queue say.

The state comes first: what is to be done at Stripe is saved before it is done, and the outcome
after. A message that stopped anywhere in between comes again, and goes on from what is saved.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from payments.cashier import change, go_on, go_on_with_part, table, take
from payments.delivery import Letter, Poison, QueueProcessor
from payments.heard import (
    CollectPayment,
    FileRejected,
    FileStored,
    RefundPayment,
    RefundRequest,
)
from payments.message import Metadata
from payments.messages import parse
from payments.model import now
from payments.payment import Payment, Tombstone
from payments.raised import of_letter
from payments.record import Status
from payments.refund import RefundStatus
from payments.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore", "requests"))

RETURN_URL = os.environ["STRIPE_RETURN_URL"] or None
"""Where the customer's browser comes back to after 3-D Secure."""


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
    order_id = message.data.order_id
    if order_id is None:
        return  # A file, and no receipt.
    tracer.put_annotation("order_id", order_id)
    match message:
        case CollectPayment():
            collect(message)
        case RefundPayment():
            refund(message)
        case FileStored() | FileRejected():
            note_receipt(order_id, message)


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def collect(command: CollectPayment) -> None:
    """Take the order's money once, or go on with that. Raises Conflict when another goes on too."""
    bill, cause = command.data, command.metadata.id
    match table.payment(bill.order_id):
        case None:
            correlation_id = command.metadata.correlation_id
            payment = Payment.request(bill, correlation_id, cause, now(), RETURN_URL)
            table.add(payment)
            logger.info("payment requested", order_id=bill.order_id)
            take(payment, cause)
        case Payment(status=Status.PENDING) as payment:
            take(payment, cause)
        case payment:
            logger.info("asked before", order_id=bill.order_id, status=payment.status)
            go_on(payment, cause)


def refund(command: RefundPayment) -> None:
    """Give the order's money back or a part of it, or see to it that it is not taken.

    Raises Poison for a part that cannot be given back, and Conflict when others change the payment
    all the time.
    """
    asked, cause = command.data, command.metadata.id
    match table.payment(asked.order_id):
        case None if asked.is_part:
            raise Poison(f"order {asked.order_id} has no payment of which to give back a part")
        case None:
            correlation_id = command.metadata.correlation_id
            tombstone = Tombstone.request(
                asked.order_id, asked.reason, correlation_id, cause, now()
            )
            table.add(tombstone)
            logger.info("voided before it was collected", order_id=asked.order_id)
        case Payment() as payment if asked.is_part:
            refund_part(payment, asked, cause)
        case Payment() as payment:
            if asked.amount not in (None, payment.amount):
                raise Poison("a part is given back only under a refundId of its own")
            go_on(
                change(payment, lambda payment: payment.refund(asked.reason, cause, now())), cause
            )
        case Tombstone() as tombstone:
            logger.info("voided before", order_id=asked.order_id, status=tombstone.status)
            go_on(tombstone, cause)


def refund_part(payment: Payment, asked: RefundRequest, cause: str) -> None:
    """Give a part back, once for each refundId, or tell that other refunds cover it.

    Raises Poison when there is nothing to give back yet, or less than is asked for.
    """
    refund_id, amount = str(asked.refund_id), asked.amount or 0
    if payment.status in (Status.PENDING, Status.ACTION_REQUIRED):
        raise Poison(f"order {asked.order_id} has not paid yet, so no part is given back")

    def asked_for(payment: Payment) -> Payment:
        return payment.refund_part(refund_id, amount, asked.reason, cause, now())

    try:
        payment = change(payment, asked_for)
    except ValueError as error:
        raise Poison(str(error)) from error
    ended = go_on_with_part(payment, refund_id, cause)
    part = ended.part(refund_id) if isinstance(ended, Payment) else None
    if part is None or part.status is not RefundStatus.REFUNDED:
        logger.warning(
            "covered by what went back otherwise",
            order_id=asked.order_id,
            refund_id=refund_id,
            status=ended.status,
        )


def note_receipt(order_id: str, event: FileStored | FileRejected) -> None:
    """Note in the payment where its receipt is, or why there is none."""
    cause = event.metadata.id
    payment = table.payment(order_id)
    if not isinstance(payment, Payment):
        logger.warning("ignored: a file of no payment", order_id=order_id)
        return
    match event:
        case FileStored(data=file):
            change(payment, lambda payment: payment.receipt_stored(file.file_id, cause, now()))
        case FileRejected(data=file):
            logger.error("receipt rejected", order_id=order_id, reason=file.reason)
            change(payment, lambda payment: payment.receipt_rejected(file.reason, cause, now()))
