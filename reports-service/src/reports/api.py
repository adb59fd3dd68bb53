"""Private API: the sales, counted when they are asked for. Requests are signed (AWS IAM).

Amounts are in minor units of one currency. Days are those of `timeZone`; `from` and `to` are the
first and the last of them, both included. Given no `to`, it is today; given no `from`, twelve
months are counted, that of `to` included, or, day by day, thirty-one days.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

import psycopg
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg import Connection
from psycopg.sql import SQL
from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from reports import errors, export, funnel, sales
from reports.answers import Funnel, Sales, TopToys
from reports.asked import By, Stretch, Unanswerable, stretch
from reports.database import Database
from reports.figures import Counted, Rest
from reports.model import Currency

MOST_ROWS = 5_000
"""The most toys or categories of an answer. What further ones brought is in its `rest`."""

ANSWER_SECONDS = 26.0
"""How long the database may take for an answer, connecting included.

API Gateway waits for 29 seconds, of which a function that starts cold takes some itself.
"""

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
# Whoever asks again finds the database awake.
database = replace(Database.described(os.environ), connect_seconds=15, read_only=True)

CURRENCY = os.environ["CURRENCY"]


def _written_as_a_day(given: Any) -> Any:
    """Refuse what pydantic would take for a day, too: a number, a time."""
    if isinstance(given, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given, re.ASCII):
        raise PydanticCustomError("date_parsing", "a day is written as 2026-11-21")
    return given


Day = Annotated[date, BeforeValidator(_written_as_a_day)]
From = Annotated[Day | None, Query(alias="from", description="The first day, 2026-11-01")]
To = Annotated[Day | None, Query(alias="to", description="The last day. By itself, today")]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,64}$"),
    Query(alias="timeZone", description="By its IANA name: Europe/Dublin"),
]
In = Annotated[
    Currency | None, Query(alias="currency", description="By itself, the shop's own. ISO 4217")
]


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/sales", tags=["sales"])
def get_sales(
    by: Annotated[By, Query(description="What a row is of")] = By.MONTH,
    first: From = None,
    last: To = None,
    currency: In = None,
    zone: Zone = "UTC",
) -> Sales:
    """What was sold, by month, day, category or toy.

    An order counts on the day on which it was paid, whatever becomes of it; what goes back of it,
    on the day on which that was decided. Months and days without sales are there, with zeros; of a
    month that begins before `from` or ends after `to`, what lies between them. By category and
    toy, a line has its share of its order's tax and refunds, rounded down; `rest` is what is left:
    shipping above all.
    """
    currency = currency or CURRENCY
    with reading() as ready:
        asked = stretch_of(ready(), first, last, zone, by)
        if by in (By.MONTH, By.DAY):
            rows = sales.by_time(ready(), asked, currency, by)
            total = Counted.together(rows)
        else:
            rows = sales.by_line(ready(), asked, currency, by, MOST_ROWS)
            total = sales.total(ready(), asked, currency)
    return Sales(
        **shown(asked),
        by=by,
        currency=currency,
        rows=tuple(rows),
        rest=Rest.of(total, rows),
        total=total,
    )


@app.get("/sales/top-toys", tags=["sales"])
def get_top_toys(
    first: From = None,
    last: To = None,
    currency: In = None,
    zone: Zone = "UTC",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> TopToys:
    """The toys that brought most, of the orders that were paid then and not cancelled since."""
    currency = currency or CURRENCY
    with reading() as ready:
        asked = stretch_of(ready(), first, last, zone)
        toys = sales.top_toys(ready(), asked, currency, limit)
    return TopToys(**shown(asked), currency=currency, toys=tuple(toys))


@app.get("/funnel", tags=["orders"])
def get_funnel(first: From = None, last: To = None, zone: Zone = "UTC") -> Funnel:
    """How far the orders came that were placed then, why they were cancelled, how long it took."""
    with reading() as ready:
        asked = stretch_of(ready(), first, last, zone)
        reached, took = funnel.reached(ready(), asked)
        cancelled = funnel.cancelled(ready(), asked)
    return Funnel(
        **shown(asked), reached=reached, cancelled_by=tuple(cancelled), median_seconds=took
    )


@app.get(
    "/orders/export",
    responses={
        200: {
            "description": "A page. The header `Link` leads to the next one, where there is one",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    tags=["orders"],
)
def export_orders(
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    cursor: Annotated[
        str | None, StringConstraints(max_length=600), Query(description="From the page before")
    ] = None,
) -> Response[str]:
    """The orders that were placed then, as CSV: oldest first, 2,000 on a page.

    The first page begins with the names of the columns, so that the pages one after the other are
    one file. Times are in UTC. A text that a spreadsheet would take for a formula begins with `'`.
    """
    with reading() as ready:
        asked = stretch_of(ready(), first, last, zone)
        after = export.place_of(cursor) if cursor else None
        text, following = export.page(ready(), asked, after)
    names = "absent" if cursor else "present"
    headers: dict[str, str | list[str]] = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="orders-{asked.first}-{asked.last}.csv"',
    }
    if following:
        given = {"from": asked.first, "to": asked.last, "timeZone": zone}
        query = urlencode({**given, "cursor": export.cursor_of(following)})
        headers["Link"] = f'<?{query}>; rel="next"'
    return Response(
        HTTPStatus.OK, f"text/csv; charset=utf-8; header={names}", text, headers=headers
    )


@contextmanager
def reading() -> Iterator[Callable[[], Connection]]:
    """The database as it is at one moment: what gives the connection for one more query.

    Such a query may take what is left of ANSWER_SECONDS. The connection ends with the request.
    Turns what hinders an answer into the error that says so: 400 for what is Unanswerable, 503 for
    a database that sleeps, is too slow or has nothing yet.
    """
    end = time.monotonic() + ANSWER_SECONDS
    try:
        with database.open() as connection, connection.transaction():
            connection.execute("set transaction isolation level repeatable read")

            def ready() -> Connection:
                left = max(1, int((end - time.monotonic()) * 1000))  # 0 would be for ever
                connection.execute(SQL("set local statement_timeout = {}").format(left))
                return connection

            yield ready
    except Unanswerable as error:
        raise BadRequestError(str(error)) from error
    except psycopg.errors.QueryCanceled as error:
        logger.exception("too slow")
        told = f"It took longer than {ANSWER_SECONDS:.0f} seconds. Ask again, or for fewer days"
        raise ServiceError(503, told) from error
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege,
    ) as error:
        logger.exception("not there yet")
        raise ServiceError(503, "The tables come with the next order or report") from error
    except psycopg.OperationalError as error:
        logger.exception("no answer")
        told = "The database does not answer. It may be waking: ask again in half a minute"
        raise ServiceError(503, told) from error


def stretch_of(
    connection: Connection, first: date | None, last: date | None, zone: str, by: By = By.MONTH
) -> Stretch:
    """The days that are asked for. Raises Unanswerable, and for an unknown zone, too."""
    if zone not in known_zones:
        query = "select from pg_timezone_names where name = %s"
        if not connection.execute(query, [zone]).rowcount:
            raise Unanswerable(f"timeZone: {zone} is no name of a time zone. Try Europe/Dublin")
        known_zones.add(zone)
    query = "select (%s::timestamptz at time zone %s)::date"
    ((today,),) = connection.execute(query, [datetime.now(UTC), zone])
    return stretch(first, last, zone, today, by)


known_zones = {"UTC"}
"""Those that the database was asked about, which reads them all each time."""


def shown(asked: Stretch) -> dict[str, Any]:
    """The fields of an answer that repeat what was asked."""
    return {"first": asked.first, "last": asked.last, "time_zone": asked.zone}
