"""The report of the shop's sales, as it is told here. No AWS."""

from typing import Annotated

from pydantic import Field, StringConstraints

from public_api.model import Currency, Model, Timestamp

Amount = Annotated[int, Field(ge=0, description="In minor units")]
"""What many orders come to together: more than any one order may."""


class Sales(Model):
    """What was sold in some time."""

    currency: Currency
    orders: int
    units: int
    net: Amount
    tax: Amount
    gross: Amount
    refunded: Amount


class Month(Sales):
    """What was sold in a month."""

    month: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}$")]


class TopToy(Model):
    """A toy that sold well."""

    toy_id: str
    name: str
    units: int
    gross: Amount
    currency: Currency


class Failure(Model):
    """An order that came to nothing, though its shopper wanted it."""

    order_id: str
    reason: str
    at: Timestamp


class SalesReport(Model):
    """The sales of the last twelve months, and of the day on which it was made."""

    reported_at: Timestamp
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    time_zone: str = Field(description="In which days and months begin")
    months: tuple[Month, ...] = Field(description="Oldest first")
    today: Sales
    top_toys: tuple[TopToy, ...] = Field(description="Those that sold best first")
    failures: tuple[Failure, ...] = Field(description="Newest first")
