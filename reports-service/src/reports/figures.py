"""What is told of sales: how many, of how much. Pure, no AWS, no database."""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field

from reports.model import Currency, Model

Count = Annotated[int, Field(ge=0)]
Sum = Annotated[int, Field(ge=0, description="In minor units of the currency")]


class Counted(Model):
    """What was sold. `gross` is what was paid: `net`, and `tax` on it."""

    orders: Annotated[int, Field(ge=0, description="Orders that were paid")]
    units: Annotated[int, Field(ge=0, description="Toys in them")]
    net: Sum
    tax: Sum
    gross: Sum
    refunded: Annotated[
        int, Field(ge=0, description="Given back in that time, or about to be, tax included")
    ]

    @classmethod
    def together(cls, counted: Iterable["Counted"]) -> Self:
        """The sums of what was counted, where no order is in two of them."""
        some = list(counted)
        return cls(
            **{name: sum(getattr(one, name) for one in some) for name in Counted.model_fields}
        )


class Keyed(Model):
    """What a row is of."""

    key: Annotated[
        str | None,
        Field(
            description="2026-11, 2026-11-21, the category (null: nobody told which), or the toy's "
            "id. An order with two categories counts in both"
        ),
    ]
    name: Annotated[str | None, Field(description="Of a toy: as its newest sale called it")] = None


class SalesRow(Counted, Keyed):
    """What was sold in a month, on a day, of a category or of a toy."""


class InCurrency(Model):
    """What is told in a currency."""

    currency: Currency


class Rest(Model):
    """What is in no row, of amounts that are: in minor units of the currency."""

    net: int
    tax: int
    gross: int
    refunded: int

    @classmethod
    def of(cls, total: Counted, rows: Iterable[Counted]) -> Self:
        """What of the total is in none of the rows."""
        told = list(rows)
        return cls(
            **{
                name: getattr(total, name) - sum(getattr(row, name) for row in told)
                for name in cls.model_fields
            }
        )


class TopToy(Model):
    """A toy that sold well. `gross` is what its lines came to, without shipping."""

    toy_id: str
    name: Annotated[str, Field(description="As it was called in its newest sale")]
    units: Count
    gross: Sum
    currency: Currency
