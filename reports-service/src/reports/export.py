"""Orders as CSV, a page at a time."""

import base64
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row

from reports.asked import Stretch, Unanswerable, within

PAGE = 2_000
"""Orders on a page: far less than the six megabytes that Lambda answers."""

COLUMNS = {
    "orderId": "order_id",
    "placedAt": "placed_at",
    "status": "status",
    "reason": "reason",
    "customerId": "customer_id",
    "currency": "currency",
    "units": "units",
    "net": "net",
    "tax": "tax",
    "gross": "gross",
    "shipping": "shipping",
    "taxRate": "tax_rate",
    "refunded": "refunded",
    "refundStatus": "refund_status",
    "confirmedAt": "confirmed_at",
    "dispatchedAt": "dispatched_at",
    "deliveredAt": "delivered_at",
    "cancelledAt": "cancelled_at",
    "carrier": "carrier",
}
"""What each column is called, and which of the query's it is."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the begin of a formula, or may skip on its way to one."""


class Place(NamedTuple):
    """The last order of a page. What comes after it is on the next."""

    placed_at: datetime
    order_id: str


def page(
    connection: Connection, asked: Stretch, after: Place | None, most: int = PAGE
) -> tuple[str, Place | None]:
    """Orders that were placed in that time, oldest first, and where the next page begins.

    The first page begins with the names of the columns.
    """
    given = {
        **asked.parameters,
        "most": most + 1,
        "placed_at": after.placed_at if after else None,
        "order_id": after.order_id if after else None,
    }
    rows = connection.cursor(row_factory=dict_row).execute(_ORDERS, given).fetchall()
    shown = rows[:most]
    following = Place(shown[-1]["placed_at"], shown[-1]["order_id"]) if len(rows) > most else None
    return written(shown, with_names=after is None), following


def written(rows: Sequence[dict[str, Any]], *, with_names: bool) -> str:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    if with_names:
        writer.writerow(COLUMNS)
    writer.writerows([cell(row[column]) for column in COLUMNS.values()] for row in rows)
    return text.getvalue()


def cell(value: object) -> str:
    """A value as it stands in CSV. A text that a spreadsheet would take for a formula is quoted."""
    match value:
        case None:
            return ""
        case datetime():
            told = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return told.replace("+00:00", "Z")
        case str():
            return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
        case _:
            return str(value)


def cursor_of(place: Place) -> str:
    """A place, as a cursor."""
    told = json.dumps([place.placed_at.astimezone(UTC).isoformat(), place.order_id])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """The place that a cursor names. Raises Unanswerable where it names none."""
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        placed_at, order_id = told
        place = Place(datetime.fromisoformat(placed_at), order_id)
        if place.placed_at.tzinfo is None or not order_id.encode() or "\0" in order_id:
            raise ValueError
    except (ValueError, TypeError, AttributeError) as error:
        raise Unanswerable("cursor: it is none that a page before gave") from error
    return place


_ORDERS = f"""
    select
        orders.*,
        coalesce(refund_amount, 0) as refunded,
        (select sum(quantity)::bigint from order_lines where order_lines.order_id = orders.order_id)
            as units
    from orders
    where {within("placed_at")}
        and (
            %(order_id)s::text is null
            or (placed_at, order_id) > (%(placed_at)s::timestamptz, %(order_id)s::text)
        )
    order by placed_at, order_id
    limit %(most)s
"""
