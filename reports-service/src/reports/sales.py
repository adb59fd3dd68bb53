"""Counts the sales: by month and day, by category and toy.

A sale is an order that was paid. It counts on the day on which that was, whatever becomes of it.
What goes back of it counts on the day on which that was decided. Days are those of a time zone.
"""

from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from reports.asked import By, Stretch, within
from reports.figures import Counted, SalesRow, TopToy


def by_time(connection: Connection, asked: Stretch, currency: str, by: By) -> list[SalesRow]:
    """What was sold in each month or day, oldest first. Those without sales are there, too."""
    periods = asked.days if by is By.DAY else asked.months
    given = {**asked.parameters, "currency": currency, "by": by, "periods": periods}
    key = "%Y-%m-%d" if by is By.DAY else "%Y-%m"
    return [
        SalesRow(key=f"{row.pop('period'):{key}}", **row)
        for row in _rows(connection, _BY_TIME, given)
    ]


def total(connection: Connection, asked: Stretch, currency: str) -> Counted:
    """All that was sold."""
    (row,) = _rows(connection, _TOTAL, {**asked.parameters, "currency": currency})
    return Counted(**row)


def by_line(
    connection: Connection, asked: Stretch, currency: str, by: By, most: int
) -> list[SalesRow]:
    """What was sold of each category or toy, by gross: so many of them at most.

    A line has the share of its order's tax, and of what goes back of its order, that it has of the
    order's gross, rounded down. Shipping is in none.
    """
    key, name, first = _TOY if by is By.TOY else _CATEGORY
    query = SQL(_BY_LINE).format(key=SQL(key), name=SQL(name), first=SQL(first))
    given = {**asked.parameters, "currency": currency, "most": most}
    return [SalesRow(**row) for row in _rows(connection, query, given)]


def top_toys(connection: Connection, asked: Stretch, currency: str, most: int) -> list[TopToy]:
    """The toys that brought most, of the orders that were paid then and not cancelled since."""
    given = {**asked.parameters, "currency": currency, "most": most}
    return [TopToy(currency=currency, **row) for row in _rows(connection, _TOP_TOYS, given)]


def _rows(
    connection: Connection, query: str | Composed, given: dict[str, Any]
) -> list[dict[str, Any]]:
    return connection.cursor(row_factory=dict_row).execute(query, given).fetchall()


_TOY = ("toy_id", "name", "first_of_toy")
_CATEGORY = ("category", "null::text", "first_of_category")

_SOLD = f"{within('confirmed_at')} and currency = %(currency)s"
_BACK = f"""
    {within("requested_at")}
        and orders.confirmed_at is not null and orders.currency = %(currency)s
"""
"""Of `refunds` and `orders`."""

_BY_TIME = f"""
    with sold as (
        select
            date_trunc(%(by)s, confirmed_at at time zone %(zone)s)::date as period,
            count(*) as orders,
            sum(net)::bigint as net,
            sum(tax)::bigint as tax,
            sum(gross)::bigint as gross
        from orders
        where {_SOLD}
        group by period
    ),
    toys as (
        select
            date_trunc(%(by)s, confirmed_at at time zone %(zone)s)::date as period,
            sum(quantity)::bigint as units
        from order_lines
        where {_SOLD}
        group by period
    ),
    back as (
        select
            date_trunc(%(by)s, requested_at at time zone %(zone)s)::date as period,
            sum(amount)::bigint as refunded
        from refunds join orders using (order_id)
        where {_BACK}
        group by period
    )
    select
        period,
        coalesce(orders, 0) as orders,
        coalesce(units, 0) as units,
        coalesce(net, 0) as net,
        coalesce(tax, 0) as tax,
        coalesce(gross, 0) as gross,
        coalesce(refunded, 0) as refunded
    from unnest(%(periods)s::date[]) as period
    left join sold using (period)
    left join toys using (period)
    left join back using (period)
    order by period
"""

_TOTAL = f"""
    select orders, units, net, tax, gross, refunded
    from (
        select
            count(*) as orders,
            coalesce(sum(net), 0)::bigint as net,
            coalesce(sum(tax), 0)::bigint as tax,
            coalesce(sum(gross), 0)::bigint as gross
        from orders
        where {_SOLD}
    ) as sold
    cross join (
        select coalesce(sum(quantity), 0)::bigint as units from order_lines where {_SOLD}
    ) as toys
    cross join (
        select coalesce(sum(amount), 0)::bigint as refunded
        from refunds join orders using (order_id)
        where {_BACK}
    ) as back
"""

_BY_LINE = f"""
    with sold as (
        select
            {{key}} as key,
            {{name}} as called,
            count(*) filter (where {{first}}) as orders,
            max(confirmed_at) as at,
            sum(quantity) as units,
            sum(price * quantity) as gross,
            sum(tax) as tax
        from order_lines
        where {_SOLD}
        group by key, called
    ),
    back as (
        select
            {{key}} as key,
            {{name}} as called,
            sum(amount * (price * quantity) / orders.gross) as refunded
        from refunds join orders using (order_id) join order_lines using (order_id)
        where {_BACK} and orders.gross > 0
        group by key, called
    ),
    parts as (
        select key, called, at, orders, units, gross, tax, 0 as refunded from sold
        union all
        select key, called, null, 0, 0, 0, 0, refunded from back
    )
    select
        key,
        (array_agg(called order by at desc nulls last, called collate "C"))[1] as name,
        sum(orders)::bigint as orders,
        sum(units)::bigint as units,
        (sum(gross) - sum(tax))::bigint as net,
        sum(tax)::bigint as tax,
        sum(gross)::bigint as gross,
        sum(refunded)::bigint as refunded
    from parts
    group by key
    order by gross desc, refunded desc, key collate "C"
    limit %(most)s
"""

_TOP_TOYS = f"""
    with sold as (
        select
            toy_id,
            name,
            max(confirmed_at) as at,
            sum(quantity) as units,
            sum(price * quantity) as gross
        from order_lines
        where {_SOLD} and not cancelled
        group by toy_id, name
    )
    select
        toy_id,
        (array_agg(name order by at desc, name collate "C"))[1] as name,
        sum(units)::bigint as units,
        sum(gross)::bigint as gross
    from sold
    group by toy_id
    order by gross desc, units desc, toy_id collate "C"
    limit %(most)s
"""
