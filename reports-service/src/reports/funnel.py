"""How far orders come, why they are cancelled, and how long each step takes."""

from typing import Annotated, Any

from psycopg import Connection
from psycopg.rows import dict_row
from pydantic import Field

from reports.asked import Stretch, within
from reports.figures import Count
from reports.model import Model

Seconds = Annotated[
    float | None, Field(ge=0, description="The median, in seconds. null where no order came so far")
]


class Cancelled(Model):
    """How many orders were cancelled for a reason."""

    reason: str
    orders: Count


class Took(Model):
    """How long it took from one step to another: of orders that came to both."""

    placed_to_confirmed: Seconds
    confirmed_to_dispatched: Seconds
    dispatched_to_delivered: Seconds
    placed_to_delivered: Seconds
    placed_to_cancelled: Seconds


class Reached(Model):
    """How many of the orders came to each step by now. A step counts whatever came after it."""

    placed: Count
    confirmed: Count
    dispatched: Annotated[int, Field(ge=0, description="Of an order without a parcel, never")]
    delivered: Count
    cancelled: Count
    open: Annotated[int, Field(ge=0, description="Neither delivered nor cancelled")]


def reached(connection: Connection, asked: Stretch) -> tuple[Reached, Took]:
    """How far the orders came that were placed in that time, and how long that took."""
    cursor = connection.cursor(row_factory=dict_row)
    ((row),) = cursor.execute(_REACHED, asked.parameters).fetchall()
    return Reached(**_of(Reached, row)), Took(**_of(Took, row))


def cancelled(connection: Connection, asked: Stretch) -> list[Cancelled]:
    """Why those of them that were cancelled were, the commonest reason first."""
    cursor = connection.cursor(row_factory=dict_row)
    return [Cancelled(**row) for row in cursor.execute(_CANCELLED, asked.parameters)]


def _of(model: type[Model], row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value := row[name], float) else value
        for name in model.model_fields
    }


_PLACED = within("placed_at")


def _median(start: str, end: str) -> str:
    """Of the seconds between two times, without those that go backwards."""
    return (
        f"(percentile_cont(0.5) within group (order by date_part('epoch', {end} - {start}))"
        f" filter (where {end} >= {start})) as {start.removesuffix('_at')}_to_"
        f"{end.removesuffix('_at')}"
    )


_REACHED = f"""
    select
        count(*) as placed,
        count(confirmed_at) as confirmed,
        count(dispatched_at) as dispatched,
        count(delivered_at) as delivered,
        count(cancelled_at) as cancelled,
        count(*) filter (where delivered_at is null and cancelled_at is null) as open,
        {_median("placed_at", "confirmed_at")},
        {_median("confirmed_at", "dispatched_at")},
        {_median("dispatched_at", "delivered_at")},
        {_median("placed_at", "delivered_at")},
        {_median("placed_at", "cancelled_at")}
    from orders
    where {_PLACED}
"""

_CANCELLED = f"""
    select why as reason, count(*) as orders
    from orders cross join lateral coalesce(reason, 'UNKNOWN') as why
    where {_PLACED} and cancelled_at is not null
    group by why
    order by count(*) desc, why collate "C"
"""
