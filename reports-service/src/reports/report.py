"""The report of the sales: its shape, and the times that it tells of. Pure, no AWS, no database.

A sale is an order that was paid, that is CONFIRMED. It counts in the month in which that was,
whatever becomes of it later, so that a month that is over keeps its sales. What goes back of it
counts as `refunded`, in the month in which it was cancelled.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from reports.model import Currency, Model, Timestamp

MONTHS = 12
"""How many months a report tells of, the one that is under way included."""
MOST_TOYS = 10
MOST_FAILURES = 50

Count = Annotated[int, Field(ge=0)]
Sum = Annotated[int, Field(ge=0, description="In minor units of the currency")]


class Period(NamedTuple):
    """A stretch of time that is counted, from `start` until just before `end`."""

    name: str
    """2026-11 for a month, 2026-11-21 for a day."""
    start: datetime
    end: datetime


class Totals(Model):
    """What was sold in a stretch of time. `gross` is what was paid: `net`, and `tax` on it."""

    currency: Currency
    orders: Annotated[int, Field(ge=0, description="Orders that were paid")]
    units: Annotated[int, Field(ge=0, description="Toys in them")]
    net: Sum
    tax: Sum
    gross: Sum
    refunded: Annotated[
        int, Field(ge=0, description="Given back in that time, or about to be, tax included")
    ]


class Month(Totals):
    """What was sold in a month."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", description="2026-11")]


class TopToy(Model):
    """A toy that sold well. `gross` is what its lines came to, without shipping."""

    toy_id: str
    name: Annotated[str, Field(description="As it was called in its newest sale")]
    units: Count
    gross: Sum
    currency: Currency


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


def months(at: datetime) -> list[Period]:
    """The twelve months up to that of `at`, oldest first."""
    last = at.astimezone(UTC)
    count = last.year * 12 + last.month - 1
    starts = [_month(number) for number in range(count - MONTHS + 1, count + 2)]
    return [Period(f"{start:%Y-%m}", start, end) for start, end in pairwise(starts)]


def day(at: datetime) -> Period:
    """The day of `at`."""
    start = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(f"{start:%Y-%m-%d}", start, start + timedelta(days=1))


def compose(
    at: datetime,
    totals: Mapping[str, Totals],
    top_toys: Sequence[TopToy],
    failures: Sequence[Failure],
) -> SalesReport:
    """The report made at that time. `totals` has what was sold in each period, by its name."""
    today = day(at)
    return SalesReport(
        reported_at=at,
        time_zone="UTC",
        day=today.start.date(),
        months=tuple(
            Month(month=period.name, **totals[period.name].model_dump(by_alias=False))
            for period in months(at)
        ),
        today=totals[today.name],
        top_toys=tuple(top_toys),
        failures=tuple(failures),
    )


def says_the_same(held: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether two reports, as JSON, differ in nothing but when they were made."""
    return {**held, "reportedAt": None} == {**body, "reportedAt": None}


def number_after(last: int, at: datetime) -> int:
    """The number of a report made at that time, when the newest one has `last`; 0: there is none.

    It is the time in seconds, so that a database that begins anew gives no number twice.
    """
    return max(last + 1, int(at.timestamp()))


def _month(number: int) -> datetime:
    """When a month begins, counted from the year 0."""
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
