"""Republisher: tells all toys again, a page for each step of a republication, off the stream."""

import os

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from toys.bus import Bus
from toys.messages import ToyRepublished, republished
from toys.republication import Republication
from toys.table import Conflict, ToysTable, running, trace_of

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ToysTable(os.environ["TABLE_NAME"])
bus = Bus(boto3.client("events"), os.environ["EVENT_BUS_NAME"])

LOOKS = 200
"""How many items of the table are read for a page. What is not a toy is passed over."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: LambdaContext) -> None:
    """Tell the next page of what has begun or moved on. Raises unless the bus took all of it."""
    for record in event.records:
        change = record.dynamodb
        if change and (republication := running(change.new_image)):
            tell(republication, trace_of(change.new_image))


@tracer.capture_method(capture_response=False, capture_error=False)
def tell(republication: Republication, trace: str | None) -> None:
    """Tell one page, then note how far that is, which leads to the next.

    Whoever dies in between tells the page again. A step that was taken before is not taken twice:
    its page is told once more, and the republication stays where it is.
    """
    request_id = republication.request_id
    logger.set_correlation_id(request_id)
    tracer.put_annotation("request_id", request_id)
    tracer.put_annotation("message", ToyRepublished.__name__)
    toys, following = table.toys_after(republication.position, LOOKS)
    bus.put(republished(toy, republication).traced(trace) for toy in toys)
    moved = republication.move_on(len(toys), following)
    try:
        table.save(moved, after=republication)
    except Conflict:
        logger.info("ignored: this page was told before", request_id=request_id)
        return
    logger.info("toys told again", request_id=request_id, status=moved.status, told=moved.told)
