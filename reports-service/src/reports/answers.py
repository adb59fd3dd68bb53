"""What the private API answers."""

from datetime import date
from typing import Annotated

from pydantic import Field

from reports.asked import By
from reports.figures import Counted, Rest, SalesRow, TopToy
from reports.funnel import Cancelled, Reached, Took
from reports.model import Currency, Model


class About(Model):
    """The days that an answer is about."""

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to", description="Included")]
    time_zone: str


class Sales(About):
    """What was sold in those days."""

    by: By
    currency: Currency
    rows: Annotated[
        tuple[SalesRow, ...],
        Field(description="Months and days oldest first; categories and toys by gross, 5,000"),
    ]
    rest: Annotated[Rest, Field(description="What of `total` is in no row. By month and day, 0")]
    total: Counted


class TopToys(About):
    """The toys that brought most in those days."""

    currency: Currency
    toys: Annotated[tuple[TopToy, ...], Field(description="By gross")]


class Funnel(About):
    """What became of the orders that were placed in those days."""

    reached: Reached
    cancelled_by: Annotated[tuple[Cancelled, ...], Field(description="The commonest first")]
    median_seconds: Took
