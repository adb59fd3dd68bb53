"""Webhook: hears from Stripe what became of a payment after its answer, or instead of it.

API Gateway puts what Stripe sends into the queue as it is, with no code between; here it is read.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from payments import gateway
from payments.answer import Taken
from payments.cashier import STRIPE, Kept, note, settle, table
from payments.delivery import Letter, Poison, QueueProcessor
from payments.figures import Figure
from payments.gateway import webhook_secret
from payments.metrics import emit
from payments.model import now
from payments.raised import of_letter, of_refund_sent_back
from payments.record import Status
from payments.statement import Statement
from payments.stripe_event import (
    ACTED_ON,
    NOTED,
    REFUND_FAILED,
    REFUNDED,
    Event,
    Forged,
    News,
    RefundFailed,
    RefundNews,
    check,
    failed_refund,
    news,
    parse,
    refund_news,
)

logger = Logger()
tracer = Tracer(patch_modules=("botocore", "requests"))

SECRET_NAME = os.environ["STRIPE_SECRET_NAME"]


def keep(letter: Letter) -> None:
    """Keep that an event becomes a dead letter: the outbox tells managers of it."""
    table.keep(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, keep
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of Stripe's events. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one event. One that is not Stripe's is refused, and done with.

    Raises Poison for an event of Stripe's that can never be handled.
    """
    try:
        check(record.body, signature(record), webhook_secret(SECRET_NAME), received_at(record))
    except Forged as error:
        logger.warning("webhook refused", reason=str(error), sqs_message_id=record.message_id)
        emit([Figure("WebhooksRefused")])
        return
    try:
        event = parse(record.body)
        mark(event)
        told = news(event) if event.type in ACTED_ON else None
        refunded = refund_news(event) if event.type == REFUNDED else None
        failed = failed_refund(event) if event.type == REFUND_FAILED else None
    except ValueError as error:
        raise Poison(str(error)) from error
    if told:
        mark_order(told.order_id)
        hear(event, told)
    elif failed:
        hear_of_failure(event, failed)
    else:
        leave(event)
    if refunded:
        mark_order(refunded.order_id)
        hear_of_refund(event, refunded)


def mark(event: Event) -> None:
    """Let the log and the trace say which event it is."""
    logger.append_keys(message_id=event.id, message_name=event.type)
    tracer.put_annotation("message", event.type)
    tracer.put_annotation("message_id", event.id)


def mark_order(order_id: str) -> None:
    """Let the log and the trace say which order it is about."""
    logger.set_correlation_id(order_id)
    tracer.put_annotation("order_id", order_id)


def hear(event: Event, told: News) -> None:
    """Settle the payment that the event tells of. Raises Poison when there is none such."""
    payment = table.payment(told.order_id)
    if payment is None:
        raise Poison(f"{event.type}: order {told.order_id} has no payment")
    if wrong := payment.mismatch(told.payment_intent_id, told.amount, told.currency):
        raise Poison(f"{event.type}: {wrong}")
    logger.info("heard of Stripe", event_type=event.type, event_id=event.id)
    settle(payment, told.answer, event.id)


def hear_of_refund(event: Event, told: RefundNews) -> None:
    """Note the refunds that the payment does not know of, as those that are made by hand.

    Which those are, Stripe is asked: this event may be old. It may also have come before the one
    that says that the payment is collected. Raises Poison when there is no such payment.
    """
    payment = table.payment(told.order_id)
    if payment is None:
        raise Poison(f"{event.type}: order {told.order_id} has no payment")
    if payment.payment_intent_id not in (None, told.payment_intent_id):
        raise Poison(f"{event.type}: the payment intent of order {told.order_id} is another one")
    if told.payment_intent_id == payment.payment_intent_id:
        payment = collected(payment, event)
    if payment.status in (Status.COLLECTED, Status.REFUNDING) and told.amount > payment.given_back:
        note(payment, gateway.connect(*STRIPE).refunds(payment), event.id)


def collected(payment: Kept, event: Event) -> Kept:
    """The payment, settled if it is open here and Stripe has its money. Raises Poison as `hear`."""
    if payment.status not in (Status.PENDING, Status.ACTION_REQUIRED):
        return payment
    intent = Statement(gateway.client(*STRIPE)).intent(str(payment.payment_intent_id))
    if intent is None or not isinstance(intent.answer, Taken):
        return payment
    if wrong := payment.mismatch(intent.id, intent.amount, intent.currency):
        raise Poison(f"{event.type}: {wrong}")
    return settle(payment, intent.answer, event.id)


def hear_of_failure(event: Event, told: RefundFailed) -> None:
    """Tell a person of a refund whose money came back from the bank: managers, log and alarm.

    Nothing is mended here. What was told as given back stays so, for a further try would meet the
    same bank; and a part that is not, its own command makes anew. Raises Poison when there is no
    such payment.
    """
    intent = Statement(gateway.client(*STRIPE)).intent(told.payment_intent_id)
    if intent is None or intent.order_id is None:
        logger.info("ignored: the refund of no order", event_type=event.type, event_id=event.id)
        return
    mark_order(intent.order_id)
    payment = table.payment(intent.order_id)
    if payment is None or payment.payment_intent_id != intent.id:
        raise Poison(f"{event.type}: order {intent.order_id} has no payment by that intent")
    table.keep(of_refund_sent_back(payment, told.stripe_id, told.amount, told.reason, now()))
    logger.error(
        "refund failed",
        order_id=intent.order_id,
        stripe_id=told.stripe_id,
        amount=told.amount,
        reason=told.reason,
        told_as_given_back=any(each.stripe_id == told.stripe_id for each in payment.refunds),
        event_id=event.id,
    )
    emit([Figure("RefundsFailed")])


def leave(event: Event) -> None:
    """Leave an event alone: log and count the few that a person may want to know of."""
    if event.type in NOTED:
        logger.info("noted", event_type=event.type, event_id=event.id)
        emit([Figure("WebhooksNoted", by=("type", event.type))])
    elif event.type in ACTED_ON:
        logger.info("ignored: the payment of no order", event_type=event.type, event_id=event.id)
    else:
        logger.debug("ignored", event_type=event.type, event_id=event.id)


def signature(record: SQSRecord) -> str:
    """The Stripe-Signature header, the first word of what API Gateway has put there."""
    given = attribute(record, "signature").split()
    return given[0] if given else ""


def received_at(record: SQSRecord) -> float:
    """When API Gateway received the event, in Unix seconds. If it did not say, SQS does.

    SQS alone would not do: it calls a dead letter that is sent back a new message.
    """
    millis = attribute(record, "received").removeprefix("at=")
    return int(millis if millis.isdecimal() else record.attributes.sent_timestamp) / 1000


def attribute(record: SQSRecord, name: str) -> str:
    """A message attribute, or an empty text."""
    given = record.raw_event.get("messageAttributes", {}).get(name, {})
    return str(given.get("stringValue") or "")
