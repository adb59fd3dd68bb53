"""Inbox: writes the orders in its queue into the database, a batch at a time."""

import os
from collections.abc import Mapping

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg import Connection

from reports.database import Authentication, Database, Refused, save
from reports.messages import parse
from reports.migration import migrate
from reports.sale import Sale, newest

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
database = Database(
    host=os.environ["DATABASE_HOST"],
    port=int(os.environ["DATABASE_PORT"]),
    name=os.environ["DATABASE_NAME"],
    user=os.environ["DATABASE_USER"],
    authentication=Authentication(os.environ["DATABASE_AUTHENTICATION"]),
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Raises psycopg's Error when the database fails: all come again.

    A message that can never be handled is answered as failed. So it comes again alone, and lands
    in the dead-letter queue by itself: from the database's network no queue can be reached.
    """
    sales: dict[str, Sale] = {}
    failed: list[str] = []
    for record in event.records:
        try:
            sales[record.message_id] = Sale.of(parse(record.body))
        except ValueError as error:
            logger.error("refused", reason=str(error), sqs_message_id=record.message_id)
            failed.append(record.message_id)
    if sales:
        failed += keep(sales)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@tracer.capture_method(capture_response=False)
def keep(sales: Mapping[str, Sale]) -> list[str]:
    """Write the sales, by the ids of their messages. Returns the ids of those that are refused.

    The connection ends with the batch: the database falls asleep when nobody holds one.
    """
    with database.open() as connection:
        migrate(connection)
        try:
            write(connection, newest(sales.values()))
        except Refused:
            return [
                message_id
                for message_id, sale in sales.items()
                if refuses(connection, sale, message_id)
            ]
    return []


def refuses(connection: Connection, sale: Sale, message_id: str) -> bool:
    """Write one sale alone, and say whether the database refuses it."""
    try:
        write(connection, [sale])
    except Refused as error:
        logger.error(
            "refused", reason=str(error), order_id=sale.order_id, sqs_message_id=message_id
        )
        return True
    return False


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
