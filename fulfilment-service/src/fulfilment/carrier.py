"""Carrier: a simulated one, which moves parcels by itself, off the table's stream."""

import os
from hashlib import sha256

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment.model import now
from fulfilment.shipment import Consignment, Failure, Shipment, Status
from fulfilment.table import Conflict, ShipmentsTable, change
from fulfilment.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ShipmentsTable(os.environ["TABLE_NAME"])

CARRIER = "Simulated Carrier"

NOWHERE = "Atlantis"
"""The city that the carrier sets out for and never finds, so that failing can be tried out."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Move every parcel of a batch of changes by one step."""
    for record in event.records:
        move(record)


@tracer.capture_method(capture_response=False, capture_error=False)
def move(record: DynamoDBRecord) -> None:
    """Move the parcel that a change left waiting or on its way. One that went on is left alone."""
    images = record.dynamodb
    match images and change(images.old_image, images.new_image):
        case (_, Shipment(status=Status.WAITING) as shipment, trace):
            moved = shipment.dispatch(consignment(shipment.order_id), now())
        case (_, Shipment(status=Status.DISPATCHED) as shipment, trace):
            moved = arrive(shipment)
        case _:
            return
    logger.set_correlation_id(moved.correlation_id)
    tracer.put_annotation("order_id", moved.order_id)
    if caused_by := root(trace):
        tracer.put_annotation("caused_by", caused_by)
    try:
        table.save(moved)
    except Conflict:
        logger.info("ignored: the parcel went on", order_id=moved.order_id)
        return
    logger.info("shipment saved", order_id=moved.order_id, status=moved.status)


def arrive(shipment: Shipment) -> Shipment:
    """A shipment on its way, at its destination; or failed, where there is no such place."""
    if shipment.shipping_address.city == NOWHERE:
        return shipment.fail(Failure(reason="no such city"), now())
    return shipment.deliver(now())


def consignment(order_id: str) -> Consignment:
    """What the carrier calls the parcel of an order: always the same."""
    number = sha256(order_id.encode()).hexdigest()[:12].upper()
    return Consignment(carrier=CARRIER, tracking_number=f"SIM{number}")
