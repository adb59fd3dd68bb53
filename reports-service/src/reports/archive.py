"""The reports that were made: each is stored under its number before anyone is told of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.types.json import Jsonb

from reports.report import KeptReport, SalesReport, number_after, says_the_same

LOCK = 7_301_947_246
"""The advisory lock of who makes a report: any number that nobody else takes in this database."""


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """A transaction that sees the database as it is when it begins. Nobody else is in one.

    Raises psycopg's QueryCanceled when another one takes too long.
    """
    # The lock comes before the transaction: what it waited for would not be seen in it.
    connection.execute("select pg_advisory_lock(%s)", [LOCK])
    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [LOCK])


def keep(connection: Connection, report: SalesReport) -> tuple[KeptReport, bool]:
    """Store the report under a new number, unless the newest that is stored says the same.

    Returns the one that is stored, and whether it is new. To be called within `alone`.
    """
    body = report.model_dump(mode="json")
    held = connection.execute(
        "select number, body from reports order by number desc limit 1"
    ).fetchone()
    if held and says_the_same(held[1], body):
        return KeptReport(number=held[0], report=SalesReport.model_validate(held[1])), False
    number = number_after(held[0] if held else 0, report.reported_at)
    connection.execute(
        "insert into reports (number, day, body, made_at) values (%s, %s, %s, %s)",
        [number, report.day, Jsonb(body), report.reported_at],
    )
    # As it would be read, which is to the millisecond.
    return KeptReport(number=number, report=SalesReport.model_validate(body)), True
