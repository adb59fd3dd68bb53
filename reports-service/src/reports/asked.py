"""The stretch of time that a question is about: days of a time zone. Pure, no AWS, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_DAYS = 3_660
"""Ten years: the longest stretch that is counted."""
MOST_DAYS_BY_DAY = 366
"""The longest that is counted day by day."""
MONTHS_BY_ITSELF = 12
"""How many months a question is about that does not say from when, the last one included."""
DAYS_BY_ITSELF = 31


class Unanswerable(ValueError):
    """There is no answer to what was asked. Says why."""


class By(StrEnum):
    """What sales are counted by."""

    MONTH = "month"
    DAY = "day"
    CATEGORY = "category"
    TOY = "toy"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days from `first` to `last`, both included, as the clocks of `zone` show them."""

    first: date
    last: date
    zone: str

    @property
    def months(self) -> list[date]:
        """The first days of the months that it touches."""
        begin, end = _month(self.first), _month(self.last)
        return [_first_of(month) for month in range(begin, end + 1)]

    @property
    def days(self) -> list[date]:
        """Its days."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=n) for n in range(count)]

    @property
    def parameters(self) -> Mapping[str, object]:
        """What a query with `within` takes."""
        return {
            "first": self.first,
            "last": self.last,
            "zone": self.zone,
            "earliest": _midnight(self.first - timedelta(days=1)),
            "latest": _midnight(self.last + timedelta(days=2)),
            "begun": _midnight(self.first + timedelta(days=1)),
            "ending": _midnight(self.last),
        }


def within(column: str) -> str:
    """The SQL condition that a time lies in a stretch, whose `parameters` it takes.

    The day that the zone's clocks showed decides: a day may begin twice there, or never, so that no
    time at which it begins is told. But only near the ends is it looked up. Between `earliest` and
    `latest` lies all of it, whatever the zone, and between `begun` and `ending` is nothing else:
    those an index can tell.
    """
    return f"""
        {column} >= %(earliest)s and {column} < %(latest)s
        and (
            {column} >= %(begun)s and {column} < %(ending)s
            or ({column} at time zone %(zone)s)::date between %(first)s and %(last)s
        )
    """


def stretch(
    first: date | None, last: date | None, zone: str, today: date, by: By = By.MONTH
) -> Stretch:
    """The days that were asked for. Given no last one, up to today in that zone.

    Given no first one, it begins with the month eleven months earlier, or, by day, thirty days
    earlier. Raises Unanswerable for one that ends before it begins, is too long, or too far away.
    """
    last = last or today
    if not FIRST_YEAR <= last.year <= LAST_YEAR:
        raise Unanswerable(f"to: {last} is not between {FIRST_YEAR} and {LAST_YEAR}")
    if first is None and by is By.DAY:
        first = last - timedelta(days=DAYS_BY_ITSELF - 1)
    elif first is None:
        first = _first_of(_month(last) - MONTHS_BY_ITSELF + 1)
    elif not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise Unanswerable(f"from: {first} is not between {FIRST_YEAR} and {LAST_YEAR}")
    if first > last:
        raise Unanswerable(f"from: {first} is later than to: {last}")
    most = MOST_DAYS_BY_DAY if by is By.DAY else MOST_DAYS
    if (days := (last - first).days + 1) > most:
        raise Unanswerable(f"from {first} to {last} are {days} days: by {by} it takes {most}")
    return Stretch(first, last, zone)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _month(day: date) -> int:
    """The number of a day's month, from the year 0 on."""
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
