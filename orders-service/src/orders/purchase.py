"""What a shopper agreed to: lines, an address and totals that add up. Pure, no AWS."""

from collections import Counter
from fractions import Fraction
from math import floor
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orders.model import Currency, Model, Money, Timestamp

Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Text = Annotated[str, StringConstraints(max_length=120)]

TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$")]
"""The part of the net price that is added as tax, as a decimal: "0.15"."""

Locale = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)
]
"""A language, and maybe a region, as BCP 47 writes them: "en-IE"."""

Fulfilment = Literal["parcel", "digital"]
"""How a toy gets to who bought it: packed, or as a file to download."""


class Line(Model):
    """So many of one toy. `price` is that of one unit, in minor units, tax included."""

    toy_id: Id
    name: Text
    price: Money
    quantity: Annotated[int, Field(ge=1, le=99)]


class HeldLine(Model):
    """What a toy was when it was held for an order. `file_id` is that of a digital one's file."""

    toy_id: Id
    category: Annotated[str, Field(max_length=60)] | None = None
    fulfilment: Fulfilment = "parcel"
    file_id: Id | None = None

    @model_validator(mode="after")
    def has_its_file(self) -> Self:
        """Raise ValueError for a digital toy without a file: there is nothing to deliver."""
        if self.fulfilment == "digital" and self.file_id is None:
            raise ValueError(f"toy {self.toy_id} is digital, and has no file")
        return self


class OrderLine(Line):
    """A line of an order. What comes after `quantity` is known once the toys are held."""

    category: str | None = None
    fulfilment: Fulfilment = "parcel"
    file_id: str | None = None


class Address(Model):
    """Where a parcel goes."""

    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    postal_code: Annotated[str, Field(max_length=20)]
    country: str = Field(max_length=2, description="ISO 3166 alpha-2")


class Purchase(Model):
    """What a shopper agreed to. Amounts are in minor units of `currency`."""

    order_id: Id
    customer_id: Id
    email: Annotated[str, Field(max_length=254, repr=False)]
    lines: tuple[Line, ...]
    shipping_address: Address
    payment_method_id: Annotated[str, Field(max_length=255)]
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: TaxRate
    locale: Locale = Field("en", description="In which money and dates are written to the shopper")
    submitted_at: Timestamp


class PurchaseRequest(Purchase):
    """A purchase that adds up: one to fifty lines, one for each toy, and the right totals."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def adds_up(self) -> Self:
        """Raise ValueError for what does not add up."""
        twice = [
            toy for toy, times in Counter(line.toy_id for line in self.lines).items() if times > 1
        ]
        if twice:
            raise ValueError(f"more than one line for {', '.join(twice)}")
        gross = goods(self.lines) + self.shipping
        tax = tax_within(gross, self.tax_rate)
        if (self.gross, self.tax, self.net) != (gross, tax, gross - tax):
            raise ValueError(
                f"gross, tax and net are {self.gross}, {self.tax} and {self.net}, "
                f"but the lines come to {gross}, {tax} and {gross - tax}"
            )
        return self


def goods(lines: tuple[Line, ...]) -> int:
    """What lines come to, in minor units, tax included."""
    return sum(line.price * line.quantity for line in lines)


def tax_within(gross: int, rate: str) -> int:
    """The tax that is part of a gross amount, in minor units, rounded half up."""
    exact = gross * Fraction(rate) / (1 + Fraction(rate))
    return floor(exact + Fraction(1, 2))


def held(lines: tuple[OrderLine, ...], told: tuple[HeldLine, ...]) -> tuple[OrderLine, ...]:
    """The lines, each with what was fixed of its toy when it was held. What is not told stays."""
    by_toy = {line.toy_id: line for line in told}
    return tuple(
        line.model_copy(update=dict(by_toy[line.toy_id])) if line.toy_id in by_toy else line
        for line in lines
    )
