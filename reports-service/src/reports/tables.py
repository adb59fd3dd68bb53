"""The tables of orders, their lines and their refunds, as they are written."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import psycopg

from reports.sale import Sale, firsts

SHAPE = 1
"""How much of an order is kept. It goes up with what a row has to tell and did not before."""

KEPT_ELSEWHERE = {"lines", "backs"}
"""The fields of a sale that are rows of their own."""


class Refused(ValueError):
    """The database does not take such data, however often it is offered."""


def save(connection: psycopg.Connection, sales: Sequence[Sale]) -> set[str]:
    """Write these sales, one at most of an order, all or none: a statement for each table.

    What the database holds in the same version or a newer one stays as it is, unless its shape is
    an older one. Returns the ids of the orders that changed. Raises Refused when the data of one is
    not to be had, and psycopg's other errors when the database fails.
    """
    try:
        with connection.transaction():
            rows = connection.execute(_UPSERT_ORDERS, _orders(sales)).fetchall()
            changed = {order_id for (order_id,) in rows}
            if changed:
                kept = [sale for sale in sales if sale.order_id in changed]
                connection.execute(_KEEP_LINES, _lines(kept))
                connection.execute(_KEEP_REFUNDS, _refunds(kept))
    except (
        psycopg.DataError,
        psycopg.errors.ProgramLimitExceeded,  # a text that is too long for an index
    ) as error:
        # An IntegrityError is not among them: none of the tables' constraints is about what an
        # order may be. It says that the schema is newer than this code.
        # The server's detail repeats the row; its primary message only says what is wrong.
        raise Refused(error.diag.message_primary or str(error)) from error
    return changed


_UPSERT_ORDERS = """
    insert into orders as held (
        order_id, customer_id, status, reason, currency, shipping, net, tax, gross, tax_rate,
        placed_at, confirmed_at, dispatched_at, delivered_at, cancelled_at,
        refund_amount, refund_status, carrier, version, updated_at, shape
    )
    select * from unnest(
        %(order_id)s::text[],
        %(customer_id)s::text[],
        %(status)s::text[],
        %(reason)s::text[],
        %(currency)s::text[],
        %(shipping)s::bigint[],
        %(net)s::bigint[],
        %(tax)s::bigint[],
        %(gross)s::bigint[],
        %(tax_rate)s::numeric[],
        %(placed_at)s::timestamptz[],
        %(confirmed_at)s::timestamptz[],
        %(dispatched_at)s::timestamptz[],
        %(delivered_at)s::timestamptz[],
        %(cancelled_at)s::timestamptz[],
        %(refund_amount)s::bigint[],
        %(refund_status)s::text[],
        %(carrier)s::text[],
        %(version)s::bigint[],
        %(updated_at)s::timestamptz[],
        %(shape)s::smallint[]
    )
    on conflict (order_id) do update set
        customer_id = excluded.customer_id,
        status = excluded.status,
        reason = excluded.reason,
        currency = excluded.currency,
        shipping = excluded.shipping,
        net = excluded.net,
        tax = excluded.tax,
        gross = excluded.gross,
        tax_rate = excluded.tax_rate,
        placed_at = excluded.placed_at,
        confirmed_at = excluded.confirmed_at,
        dispatched_at = excluded.dispatched_at,
        delivered_at = excluded.delivered_at,
        cancelled_at = excluded.cancelled_at,
        refund_amount = excluded.refund_amount,
        refund_status = excluded.refund_status,
        carrier = excluded.carrier,
        version = excluded.version,
        updated_at = excluded.updated_at,
        shape = excluded.shape
    where (excluded.version, excluded.shape) > (held.version, held.shape)
    returning order_id
"""

# The orders are locked by now: nobody else writes their lines and refunds.
_KEEP_LINES = """
    with told as (
        select * from unnest(
            %(order_id)s::text[],
            %(line)s::integer[],
            %(toy_id)s::text[],
            %(name)s::text[],
            %(price)s::bigint[],
            %(quantity)s::bigint[],
            %(category)s::text[],
            %(fulfilment)s::text[],
            %(currency)s::text[],
            %(confirmed_at)s::timestamptz[],
            %(cancelled)s::boolean[],
            %(tax)s::bigint[],
            %(first_of_toy)s::boolean[],
            %(first_of_category)s::boolean[]
        ) as told (
            order_id, line, toy_id, name, price, quantity, category, fulfilment,
            currency, confirmed_at, cancelled, tax, first_of_toy, first_of_category
        )
    ),
    gone as (
        delete from order_lines as held
        where order_id = any (%(orders)s::text[])
            and not exists (
                select from told where told.order_id = held.order_id and told.line = held.line
            )
    )
    insert into order_lines as held (
        order_id, line, toy_id, name, price, quantity, category, fulfilment,
        currency, confirmed_at, cancelled, tax, first_of_toy, first_of_category
    )
    select * from told
    on conflict (order_id, line) do update set
        toy_id = excluded.toy_id,
        name = excluded.name,
        price = excluded.price,
        quantity = excluded.quantity,
        category = excluded.category,
        fulfilment = excluded.fulfilment,
        currency = excluded.currency,
        confirmed_at = excluded.confirmed_at,
        cancelled = excluded.cancelled,
        tax = excluded.tax,
        first_of_toy = excluded.first_of_toy,
        first_of_category = excluded.first_of_category
    where held is distinct from excluded
"""

_KEEP_REFUNDS = """
    with told as (
        select * from unnest(
            %(order_id)s::text[],
            %(refund_id)s::text[],
            %(amount)s::bigint[],
            %(requested_at)s::timestamptz[]
        ) as told (order_id, refund_id, amount, requested_at)
    ),
    gone as (
        delete from refunds as held
        where order_id = any (%(orders)s::text[])
            and not exists (
                select from told
                where told.order_id = held.order_id and told.refund_id = held.refund_id
            )
    )
    insert into refunds as held (order_id, refund_id, amount, requested_at)
    select * from told
    on conflict (order_id, refund_id) do update set
        amount = excluded.amount,
        requested_at = excluded.requested_at
    where held is distinct from excluded
"""


def _orders(sales: Sequence[Sale]) -> dict[str, list[Any]]:
    """A column of `orders` each: it has the name of the sale's field."""
    columns = [field.name for field in fields(Sale) if field.name not in KEPT_ELSEWHERE]
    given = {column: [getattr(sale, column) for sale in sales] for column in columns}
    return given | {"shape": [SHAPE] * len(sales)}


def _lines(sales: Sequence[Sale]) -> dict[str, list[Any]]:
    """A column of `order_lines` each, and the orders that they are all lines of.

    Of its order, a line keeps what it is counted by.
    """
    rows = [(sale, n, line) for sale in sales for n, line in enumerate(sale.lines, start=1)]
    columns = ("toy_id", "name", "price", "quantity", "category", "fulfilment")
    return {
        "orders": [sale.order_id for sale in sales],
        "order_id": [sale.order_id for sale, _, _ in rows],
        "line": [n for _, n, _ in rows],
        **_columns(columns, [line for _, _, line in rows]),
        **_columns(("currency", "confirmed_at"), [sale for sale, _, _ in rows]),
        "cancelled": [sale.cancelled_at is not None for sale, _, _ in rows],
        "tax": [sale.tax_of(line) for sale, _, line in rows],
        "first_of_toy": firsts([(sale.order_id, line.toy_id) for sale, _, line in rows]),
        "first_of_category": firsts([(sale.order_id, line.category) for sale, _, line in rows]),
    }


def _refunds(sales: Sequence[Sale]) -> dict[str, list[Any]]:
    """A column of `refunds` each, and the orders that they are all refunds of."""
    rows = [(sale, back) for sale in sales for back in sale.backs]
    return {
        "orders": [sale.order_id for sale in sales],
        "order_id": [sale.order_id for sale, _ in rows],
        **_columns(("refund_id", "amount", "requested_at"), [back for _, back in rows]),
    }


def _columns(names: Collection[str], rows: Sequence[object]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}
