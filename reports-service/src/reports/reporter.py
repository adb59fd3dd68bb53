"""Reporter: makes the report of the sales, and stores it. Who tells it to others asks for it."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg import Connection

from reports import archive, counting, report, sales
from reports.asked import By
from reports.database import Database
from reports.figures import Counted
from reports.migration import let_read, migrate
from reports.report import MOST_TOYS, SalesReport

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
database = Database.described(os.environ)

CURRENCY = os.environ["CURRENCY"]
READER = os.environ["DATABASE_READER"]


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Report the sales up to now, whatever the event says.

    Returns a KeptReport as JSON: a new one, or the newest there is when it says the same. Raises
    psycopg's Error when the database fails.
    """
    with database.open() as connection:
        migrate(connection)
        let_read(connection, READER)
        with archive.alone(connection):
            kept, new = archive.keep(connection, made(connection, datetime.now(UTC)))
    if new:
        logger.info("report kept", number=kept.number, day=str(kept.report.day))
    return kept.model_dump(mode="json")


def made(connection: Connection, at: datetime) -> SalesReport:
    """The report of what the database holds, as of that time."""
    months = report.months(at)
    if left_out := counting.left_out(connection, months, CURRENCY):
        logger.warning("orders in another currency are not reported", count=left_out)
    return report.compose(
        at,
        CURRENCY,
        sales.by_time(connection, months, CURRENCY, By.MONTH),
        Counted.together(sales.by_time(connection, report.day(at), CURRENCY, By.DAY)),
        sales.top_toys(connection, months, CURRENCY, MOST_TOYS),
        counting.failures(connection),
    )
