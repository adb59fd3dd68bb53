"""The report of the sales: its shape, and the times that it tells of. Pure, no AWS, no database.

A sale is an order that was paid, that is CONFIRMED. It counts in the month in which that was,
whatever becomes of it later, so that a month that is over keeps its sales. What goes back of it
counts as `refunded`, in the month in which that was decided.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from reports.asked import MONTHS_BY_ITSELF, Stretch, stretch
from reports.figures import Counted, InCurrency, SalesRow, TopToy
from reports.model import Model, Timestamp

MONTHS = MONTHS_BY_ITSELF
"""How many months a report tells of, the one that is under way included."""
UTC_NAME = "UTC"
MOST_TOYS = 10
MOST_FAILURES = 50


class Totals(Counted, InCurrency):
    """What was sold in a stretch of time. `gross` is what was paid: `net`, and `tax` on it."""


class Month(Totals):
    """What was sold in a month."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", description="2026-11")]


class Failure(Model):
    """An order that came to nothing, and not because its shopper wished so."""

    order_id: str
    reason: str
    at: Timestamp


class SalesReport(Model):
    """The sales of twelve months. Months and days are those of UTC."""

    reported_at: Timestamp
    day: Annotated[date, Field(description="The day that `today` counts")]
    time_zone: Literal["UTC"]
    months: Annotated[
        tuple[Month, ...],
        Field(
            min_length=MONTHS,
            max_length=MONTHS,
            description="Oldest first, up to the month of `day`. Of one without sales, zeros",
        ),
    ]
    today: Totals
    top_toys: Annotated[
        tuple[TopToy, ...],
        Field(
            max_length=MOST_TOYS,
            description="By gross, of those months. Orders that were cancelled do not count",
        ),
    ]
    failures: Annotated[
        tuple[Failure, ...], Field(max_length=MOST_FAILURES, description="Newest first")
    ]


class KeptReport(Model):
    """A report that is stored, under its number."""

    number: Annotated[int, Field(ge=1)]
    report: SalesReport


def months(at: datetime) -> Stretch:
    """The twelve months up to that of `at`, whole."""
    last = at.astimezone(UTC).date()
    following = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
    return stretch(None, following - timedelta(days=1), UTC_NAME, last)


def day(at: datetime) -> Stretch:
    """The day of `at`."""
    today = at.astimezone(UTC).date()
    return Stretch(today, today, UTC_NAME)


def compose(
    at: datetime,
    currency: str,
    by_month: Sequence[SalesRow],
    today: Counted,
    top_toys: Sequence[TopToy],
    failures: Sequence[Failure],
) -> SalesReport:
    """The report made at that time, of what was sold in that currency."""
    return SalesReport(
        reported_at=at,
        time_zone="UTC",
        day=day(at).first,
        months=tuple(
            Month(month=row.key or "", currency=currency, **_figures(row)) for row in by_month
        ),
        today=Totals(currency=currency, **_figures(today)),
        top_toys=tuple(top_toys),
        failures=tuple(failures),
    )


def _figures(counted: Counted) -> dict[str, int]:
    return {name: getattr(counted, name) for name in Counted.model_fields}


def says_the_same(held: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether two reports, as JSON, differ in nothing but when they were made."""
    return {**held, "reportedAt": None} == {**body, "reportedAt": None}


def number_after(last: int, at: datetime) -> int:
    """The number of a report made at that time, when the newest one has `last`; 0: there is none.

    It is the time in seconds, so that a database that begins anew gives no number twice.
    """
    return max(last + 1, int(at.timestamp()))
