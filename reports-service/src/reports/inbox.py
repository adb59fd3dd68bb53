"""Inbox: writes the orders in its queue into the database, a batch at a time."""

import os
from collections.abc import Mapping

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg import Connection

from reports.database import Database
from reports.delivery import Poison, Queue
from reports.messages import parse
from reports.migration import let_read, migrate
from reports.sale import Sale, newest
from reports.tables import Refused, save

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
database = Database.described(os.environ)
READER = os.environ["DATABASE_READER"]
queue = Queue(os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not.

    All do that are no poison when the database fails.
    """
    records = list(event.records)
    sales: dict[str, Sale] = {}
    poison: dict[str, Poison] = {}
    failed: set[str] = set()
    for record in records:
        try:
            sales[record.message_id] = Sale.of(parse(record.body))
        except ValueError as error:
            logger.error("refused", reason=str(error), sqs_message_id=record.message_id)
            poison[record.message_id] = Poison(str(error))
    if sales:
        try:
            poison |= keep(sales)
        except Exception:
            logger.exception("the batch was not kept")
            failed = set(sales)
    return queue.settle(records, poison, failed)


@tracer.capture_method(capture_response=False)
def keep(sales: Mapping[str, Sale]) -> dict[str, Poison]:
    """Write the sales, by the ids of their messages. Returns those that the database refuses.

    The connection ends with the batch: the database falls asleep when nobody holds one. Raises
    psycopg's Error when the database fails.
    """
    with database.open() as connection:
        migrate(connection)
        let_read(connection, READER)
        try:
            write(connection, newest(sales.values()))
        except Refused:
            tried = {
                message_id: alone(connection, sale, message_id)
                for message_id, sale in sales.items()
            }
            return {message_id: poison for message_id, poison in tried.items() if poison}
    return {}


def alone(connection: Connection, sale: Sale, message_id: str) -> Poison | None:
    """Write one sale by itself. Returns why the database refuses it, if it does."""
    try:
        write(connection, [sale])
    except Refused as error:
        logger.error(
            "refused", reason=str(error), order_id=sale.order_id, sqs_message_id=message_id
        )
        return Poison(str(error))
    return None


def write(connection: Connection, sales: list[Sale]) -> None:
    """Save the sales, and log each order that changed."""
    changed = save(connection, sales)
    for sale in sales:
        if sale.order_id in changed:
            logger.info(
                "order kept",
                order_id=sale.order_id,
                correlation_id=sale.order_id,
                status=sale.status,
                version=sale.version,
            )
