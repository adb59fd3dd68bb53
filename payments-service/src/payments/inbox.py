"""Inbox: collects and refunds payments, as the messages in its queue say.

The state comes first: what is to be done at Stripe is saved before it is done, and the outcome
after. A message that stopped anywhere in between comes again, and goes on from what is saved.
"""

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

from payments import gateway
from payments.messages import CollectPayment, FileRejected, FileStored, RefundPayment, parse
from payments.model import now
from payments.payment import Payment, Status, Tombstone
from payments.table import PaymentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore", "requests"))
processor = BatchProcessor(EventType.SQS, logger=logger)  # type: ignore[arg-type]
sqs = boto3.client("sqs")
table = PaymentsTable(os.environ["TABLE_NAME"])

DEAD_LETTERS = os.environ["DEAD_LETTER_QUEUE_URL"]
STRIPE = os.environ["STRIPE_API_BASE"], os.environ["STRIPE_SECRET_NAME"]


class NotRepeatable(Exception):
    """The outcome of a charge is unknown, and asking again might take the money once more."""


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
    order_id = message.data.order_id
    if order_id is None:
        return  # A file, and no receipt.
    logger.set_correlation_id(message.metadata.correlation_id)
    tracer.put_annotation("order_id", order_id)
    match message:
        case CollectPayment():
            collect(message)
        case RefundPayment():
            refund(message)
        case FileStored() | FileRejected():
            note_receipt(order_id, message)


def collect(command: CollectPayment) -> None:
    """Take the order's money once, or go on with that. Raises Conflict when another goes on too."""
    bill, cause = command.data, command.metadata.id
    match table.payment(bill.order_id):
        case None:
            payment = Payment.request(bill, command.metadata.correlation_id, cause, now())
            table.add(payment)
            logger.info("payment requested", order_id=bill.order_id)
            take(payment, cause)
        case Payment(status=Status.PENDING) as payment:
            take(payment, cause)
        case Payment(status=Status.REFUNDING) as payment:
            give_back(payment, cause)
        case settled:
            logger.info("ignored: settled before", order_id=bill.order_id, status=settled.status)


def refund(command: RefundPayment) -> None:
    """Give the order's money back. What may be under way is given back as soon as it is taken.

    Raises Conflict when the payment changed in between.
    """
    order_id, reason = command.data.order_id, command.data.reason
    cause, at = command.metadata.id, now()
    match table.payment(order_id):
        case None:
            tombstone = Tombstone(
                order_id=order_id,
                refund_reason=reason,
                updated_at=at,
                correlation_id=command.metadata.correlation_id,
                causation_id=cause,
            )
            table.add(tombstone)
            logger.info("voided before it was collected", order_id=order_id)
        case Payment() as payment:
            asked = payment.refund(reason, cause, at)
            if asked != payment:
                save(asked)
            if asked.status is Status.REFUNDING:
                give_back(asked, cause)
        case Tombstone():
            logger.info("ignored: voided before", order_id=order_id)


def take(payment: Payment, cause: str) -> None:
    """Take the money of a PENDING payment; give it straight back if that was asked meanwhile."""
    if not payment.repeatable(now()):
        raise NotRepeatable(
            f"order {payment.order_id} is PENDING since {payment.requested_at.isoformat()}: "
            "look in Stripe for a payment with this orderId in its metadata before going on"
        )
    settled = payment.settle(gateway.connect(*STRIPE).collect(payment), cause, now())
    save(settled)
    if settled.status is Status.REFUNDING:
        give_back(settled, cause)


def give_back(payment: Payment, cause: str) -> None:
    """Give back the money of a REFUNDING payment."""
    refund_id = gateway.connect(*STRIPE).refund(payment)
    save(payment.refunded(refund_id, cause, now()))


def note_receipt(order_id: str, event: FileStored | FileRejected) -> None:
    """Note in the payment where its receipt is, or why there is none."""
    cause, at = event.metadata.id, now()
    payment = table.payment(order_id)
    if not isinstance(payment, Payment):
        logger.warning("ignored: a file of no payment", order_id=order_id)
        return
    match event:
        case FileStored(data=file):
            noted = payment.receipt_stored(file.file_id, cause, at)
        case FileRejected(data=file):
            logger.error("receipt rejected", order_id=order_id, reason=file.reason)
            noted = payment.receipt_rejected(file.reason, cause, at)
    if noted != payment:
        save(noted)


def save(payment: Payment) -> None:
    """Save the next version of a payment. Raises Conflict when another one came first."""
    table.save(payment)
    logger.info(
        "payment saved",
        order_id=payment.order_id,
        status=payment.status,
        version=payment.version,
        refund_asked=payment.refund_reason is not None,
    )
