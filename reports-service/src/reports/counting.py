"""What is counted for the report: questions to the tables of orders and their lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from reports.report import MOST_FAILURES, MOST_TOYS, Failure, Period, TopToy, Totals


def totals(connection: Connection, periods: Sequence[Period], currency: str) -> dict[str, Totals]:
    """What was sold in each of the periods, by its name."""
    given = {
        "names": [period.name for period in periods],
        "starts": [period.start for period in periods],
        "ends": [period.end for period in periods],
        "currency": currency,
    }
    rows = _rows(connection, _TOTALS, given)
    return {row.pop("name"): Totals(currency=currency, **row) for row in rows}


def top_toys(connection: Connection, start: datetime, end: datetime, currency: str) -> list[TopToy]:
    """The toys that brought most, of the orders paid in that time and not cancelled since."""
    given = {"start": start, "end": end, "currency": currency, "most": MOST_TOYS}
    return [TopToy(currency=currency, **row) for row in _rows(connection, _TOP_TOYS, given)]


def failures(connection: Connection) -> list[Failure]:
    """The newest of the orders that were cancelled for any reason but the shopper's own wish."""
    return [Failure(**row) for row in _rows(connection, _FAILURES, {"most": MOST_FAILURES})]


def left_out(connection: Connection, start: datetime, end: datetime, currency: str) -> int:
    """How many orders were paid in that time in another currency."""
    given = {"start": start, "end": end, "currency": currency}
    ((count,),) = connection.execute(_LEFT_OUT, given)
    return int(count)


def _rows(connection: Connection, query: bytes, given: dict[str, Any]) -> list[dict[str, Any]]:
    return connection.cursor(row_factory=dict_row).execute(query, given).fetchall()


# Of an order in no other currency; lines have none of their own.
_TOTALS = b"""
    select
        period.name,
        sold.orders,
        toys.units,
        sold.net,
        sold.tax,
        sold.gross,
        back.refunded
    from unnest(%(names)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        as period (name, starts, ends)
    cross join lateral (
        select
            count(*) as orders,
            coalesce(sum(net), 0)::bigint as net,
            coalesce(sum(tax), 0)::bigint as tax,
            coalesce(sum(gross), 0)::bigint as gross
        from orders
        where confirmed_at >= period.starts and confirmed_at < period.ends
            and currency = %(currency)s
    ) as sold
    cross join lateral (
        select coalesce(sum(quantity), 0)::bigint as units
        from orders join order_lines using (order_id)
        where confirmed_at >= period.starts and confirmed_at < period.ends
            and currency = %(currency)s
    ) as toys
    cross join lateral (
        select coalesce(sum(refund_amount), 0)::bigint as refunded
        from orders
        where refund_amount is not null and confirmed_at is not null
            and coalesce(cancelled_at, updated_at) >= period.starts
            and coalesce(cancelled_at, updated_at) < period.ends
            and currency = %(currency)s
    ) as back
"""

_TOP_TOYS = b"""
    select
        toy_id,
        (array_agg(name order by confirmed_at desc, order_id, line))[1] as name,
        sum(quantity)::bigint as units,
        sum(price * quantity)::bigint as gross
    from orders join order_lines using (order_id)
    where confirmed_at >= %(start)s and confirmed_at < %(end)s
        and cancelled_at is null
        and currency = %(currency)s
    group by toy_id
    order by gross desc, units desc, toy_id collate "C"
    limit %(most)s
"""

_FAILURES = b"""
    select order_id, coalesce(reason, 'UNKNOWN') as reason, cancelled_at as at
    from orders
    where cancelled_at is not null and reason is distinct from 'CUSTOMER'
    order by cancelled_at desc, order_id collate "C"
    limit %(most)s
"""

_LEFT_OUT = b"""
    select count(*)
    from orders
    where confirmed_at >= %(start)s and confirmed_at < %(end)s and currency <> %(currency)s
"""
