"""Inbox: writes the orders in its queue into the database, a batch at a time."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg import Connection

from reports.database import Database
from reports.delivery import Poison, Queue
from reports.lag import of_written
from reports.messages import OrderEvent, parse
from reports.metrics import emit
from reports.migration import let_read, migrate
from reports.sale import Sale, newest
from reports.tables import Refused, save
from reports.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
database = Database.described(os.environ)
READER = os.environ["DATABASE_READER"]
queue = Queue(os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not.

    All do that are no poison when the database fails.
    """
    records = list(event.records)
    events: dict[str, OrderEvent] = {}
    poison: dict[str, Poison] = {}
    failed: set[str] = set()
    for record in records:
        try:
            events[record.message_id] = read(record)
        except ValueError as error:
            logger.error("refused", reason=str(error), sqs_message_id=record.message_id)
            poison[record.message_id] = Poison(str(error))
    if events:
        try:
            poison |= keep(events)
        except Exception:
            logger.exception("the batch was not kept")
            failed = set(events)
    return queue.settle(records, poison, failed)


@tracer.capture_method(capture_response=False, capture_error=False)
def read(record: SQSRecord) -> OrderEvent:
    """The message in a record. The trace says which it is. Raises ValueError for none of ours."""
    event = parse(record.body)
    tracer.put_annotation("order_id", event.data.order_id)
    tracer.put_annotation("message", type(event).__name__)
    tracer.put_annotation("message_id", event.metadata.id)
    if caused_by := root(event.metadata.trace):
        tracer.put_annotation("caused_by", caused_by)
    return event


@tracer.capture_method(capture_response=False, capture_error=False)
def keep(events: Mapping[str, OrderEvent]) -> dict[str, Poison]:
    """Write the orders, by the ids of their messages. Returns those that the database refuses.

    The connection ends with the batch: the database falls asleep when nobody holds one. Raises
    psycopg's Error when the database fails.
    """
    with database.open() as connection:
        migrate(connection)
        let_read(connection, READER)
        try:
            write(connection, newest(events.values()))
        except Refused:
            tried = {
                message_id: alone(connection, event, message_id)
                for message_id, event in events.items()
            }
            return {message_id: poison for message_id, poison in tried.items() if poison}
    return {}


def alone(connection: Connection, event: OrderEvent, message_id: str) -> Poison | None:
    """Write one order by itself. Returns why the database refuses it, if it does."""
    try:
        write(connection, [event])
    except Refused as error:
        logger.error("refused", reason=str(error), sqs_message_id=message_id, **named(event))
        return Poison(str(error))
    return None


def write(connection: Connection, events: Sequence[OrderEvent]) -> None:
    """Save the orders, one message of each, then log and count those that changed."""
    changed = save(connection, [Sale.of(event) for event in events])
    written = [event for event in events if event.data.order_id in changed]
    for event in written:
        logger.info(
            "order kept",
            order_id=event.data.order_id,
            status=event.data.status,
            version=event.metadata.version,
            **named(event),
        )
    emit(of_written(written, datetime.now(UTC)))


def named(event: OrderEvent) -> dict[str, Any]:
    """What a line of the log that is of one message says of it."""
    return {
        "correlation_id": event.metadata.correlation_id,
        "message_id": event.metadata.id,
        "message_name": type(event).__name__,
    }
