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

from payments.cashier import change, go_on, table, take
from payments.delivery import Poison, QueueProcessor
from payments.messages import CollectPayment, FileRejected, FileStored, RefundPayment, parse
from payments.model import now
from payments.payment import Payment, Status, Tombstone

logger = Logger()
tracer = Tracer(patch_modules=("botocore", "requests"))
processor = QueueProcessor(os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger)

RETURN_URL = os.environ["STRIPE_RETURN_URL"] or None
"""Where the customer's browser comes back to after 3-D Secure."""


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
    """Give the order's money back, or see to it that it is not taken.

    Raises Poison when only a part is asked for, and Conflict when others change the payment too.
    """
    asked, cause = command.data, command.metadata.id
    match table.payment(asked.order_id):
        case None:
            correlation_id = command.metadata.correlation_id
            tombstone = Tombstone.request(
                asked.order_id, asked.reason, correlation_id, cause, now()
            )
            table.add(tombstone)
            logger.info("voided before it was collected", order_id=asked.order_id)
        case Payment() as payment:
            if asked.amount not in (None, payment.amount):
                raise Poison(f"only the whole amount is given back: {payment.amount}")
            go_on(
                change(payment, lambda payment: payment.refund(asked.reason, cause, now())), cause
            )
        case Tombstone() as tombstone:
            logger.info("voided before", order_id=asked.order_id, status=tombstone.status)
            go_on(tombstone, cause)


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
