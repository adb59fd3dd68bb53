"""Inbox: lines up shipments, readdresses them and calls them off, as its queue's messages say."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment.delivery import Letter, Poison, QueueProcessor
from fulfilment.message import Metadata
from fulfilment.messages import CancelShipment, ChangeShippingAddress, ShipOrder, parse
from fulfilment.model import now
from fulfilment.raised import of_letter
from fulfilment.shipment import AddressNote, Shipment, Status, Tombstone
from fulfilment.table import Conflict, ShipmentsTable
from fulfilment.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ShipmentsTable(os.environ["TABLE_NAME"])


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
    """Act on one message. Raises Poison for what no message of ours looks like."""
    try:
        message = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    mark(type(message).__name__, message.metadata)
    tracer.put_annotation("order_id", message.data.order_id)
    match message:
        case ShipOrder():
            line_up(message)
        case ChangeShippingAddress():
            readdress(message)
        case CancelShipment():
            call_off(message)


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def line_up(command: ShipOrder) -> None:
    """Keep a new shipment, which waits for its carrier: to the address of a note, if there is one.

    Changes nothing when the order has one, or was called off before.
    """
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
        match table.shipment(shipment.order_id):
            case AddressNote() as note:
                take_over(note, shipment, command)
            case _:
                logger.info("ignored: lined up or called off before", order_id=shipment.order_id)
        return
    logger.info("shipment lined up", order_id=shipment.order_id)


def take_over(note: AddressNote, shipment: Shipment, command: ShipOrder) -> None:
    """Keep a new shipment in the place of the note, to the address in that."""
    update = {
        "shipping_address": note.shipping_address,
        "address_number": note.address_number,
        "version": note.version + 1,
    }
    try:
        table.save(shipment.model_copy(update=update))
    except Conflict:
        # A newer note, a CancelShipment or another copy was faster.
        line_up(command)
        return
    logger.info(
        "shipment lined up, to another address than ordered",
        order_id=shipment.order_id,
        number=note.address_number,
    )


def readdress(command: ChangeShippingAddress) -> None:
    """Send a parcel that has not left to another address; note that for a ShipOrder to come.

    Changes nothing when the parcel has left or is settled, or a newer address is known.
    """
    told, cause = command.data, command.metadata
    order_id, at = told.order_id, now()
    try:
        match table.shipment(order_id):
            case None:
                note = AddressNote(
                    order_id=order_id,
                    shipping_address=told.shipping_address,
                    address_number=told.number,
                    updated_at=at,
                    correlation_id=cause.correlation_id,
                    causation_id=cause.id,
                )
                table.add(note)
            case Tombstone():
                logger.info("ignored: called off before", order_id=order_id)
                return
            case kept:
                changed = kept.readdress(told.shipping_address, told.number, cause.id, at)
                if changed is kept:
                    logger.info("ignored: too late, or not the newest", order_id=order_id)
                    return
                table.save(changed)
    except Conflict:
        # Someone was faster. Each time that happens the shipment is a step nearer to its end, or
        # to the newest address.
        readdress(command)
        return
    logger.info("shipment readdressed", order_id=order_id, number=told.number)


def call_off(command: CancelShipment) -> None:
    """Keep a parcel that has not left from leaving, and a ShipOrder that comes late from effect."""
    order_id, cause = command.data.order_id, command.metadata
    at = now()
    tombstone = Tombstone(
        order_id=order_id,
        cancelled_at=at,
        updated_at=at,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
    )
    try:
        match table.shipment(order_id):
            case None:
                table.add(tombstone)
            case AddressNote() as note:
                table.save(tombstone.model_copy(update={"version": note.version + 1}))
            case Shipment(status=Status.WAITING) as waiting:
                table.save(waiting.cancel(cause.id, at))
            case settled:
                logger.info("ignored: too late", order_id=order_id, status=settled.status)
                return
    except Conflict:
        # Someone was faster. Each time that happens the shipment is a step nearer to its end.
        call_off(command)
        return
    logger.info("shipment called off", order_id=order_id)
