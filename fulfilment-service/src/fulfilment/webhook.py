"""Webhook: hears from carriers what became of parcels, and does what the warehouse's buttons do.

API Gateway puts what a carrier sends into the queue as it is, with no code between; here it is
read.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment.carrier_event import CarrierEvent, Forged, check, parse, read
from fulfilment.delivery import Letter, Poison, QueueProcessor
from fulfilment.figures import Figure
from fulfilment.metrics import emit
from fulfilment.model import now, to_the_millisecond
from fulfilment.raised import of_carrier
from fulfilment.shipment import AddressNote, NotAllowed, Shipment, Tombstone
from fulfilment.table import Conflict, ShipmentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ShipmentsTable(os.environ["TABLE_NAME"])

SECRET_NAME = os.environ["CARRIER_SECRET_NAME"]
SECRET_MAX_AGE = 900
"""Seconds until what carriers sign with is read again."""


def note(letter: Letter) -> None:
    """Keep that an event becomes a dead letter: the outbox tells managers of it."""
    table.keep(of_carrier(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, note
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of carriers' events. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one event. One that is no carrier's is refused, and done with.

    Raises Poison for a carrier's event that can never be handled.
    """
    header = signature(record)
    try:
        read(header)  # first: where the secret is not there, only what is signed waits for it
        check(record.body, header, secret(), received_at(record))
    except Forged as error:
        logger.warning("carrier event refused", reason=str(error), sqs_message_id=record.message_id)
        emit([Figure("CarrierEventsRefused", 1)])
        return
    try:
        told = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    mark(told)
    act(told)


def mark(told: CarrierEvent) -> None:
    """Let the log and the trace say which event it is, and of which order."""
    name = type(told).__name__
    logger.append_keys(correlation_id=told.order_id, message_id=told.event_id, message_name=name)
    tracer.put_annotation("order_id", told.order_id)
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", told.event_id)


def act(told: CarrierEvent) -> None:
    """Take the parcel to where the carrier has it, a step and a save at a time.

    Changes nothing when it is there. Raises Poison when it can never be there.
    """
    shipment = existing(told)
    while (moved := step(told, shipment)) is not shipment:
        try:
            table.save(moved)
        except Conflict:
            shipment = existing(told)  # someone was faster: go on from there
            continue
        logger.info("shipment saved", order_id=moved.order_id, status=moved.status)
        shipment = moved
    logger.info("heard of a carrier", status=told.status)


def step(told: CarrierEvent, shipment: Shipment) -> Shipment:
    """The shipment after the next step. Raises Poison when that is not allowed."""
    at = to_the_millisecond(told.time(shipment, now()))
    try:
        return told.step(shipment, at)
    except NotAllowed as error:
        raise Poison(f"{told.status} of order {told.order_id}: {error}") from error


def existing(told: CarrierEvent) -> Shipment:
    """The shipment that a carrier tells of. Raises Poison when there is none.

    None is still to come: what is not lined up was never given to a carrier.
    """
    match table.shipment(told.order_id):
        case Shipment() as shipment:
            return shipment
        case None | AddressNote():
            raise Poison(f"{told.status}: there is no shipment of order {told.order_id}")
        case Tombstone():
            raise Poison(f"{told.status}: order {told.order_id} was called off, nothing was sent")


def secret() -> str:
    """What carriers sign with, of the secret {"webhookSecret": "..."}.

    Raises GetParameterError when the secret cannot be read, KeyError when it has no webhookSecret.
    """
    kept: dict[str, Any] = parameters.get_secret(
        SECRET_NAME, transform="json", max_age=SECRET_MAX_AGE
    )
    return str(kept["webhookSecret"])


def signature(record: SQSRecord) -> str:
    """The Carrier-Signature header: once, where API Gateway has put it there by either name."""
    given = attribute(record, "signature").strip()
    half = len(given) // 2
    return given[:half] if given == f"{given[:half]} {given[:half]}" else given


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
