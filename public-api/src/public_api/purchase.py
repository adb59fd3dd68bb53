"""What is bought: the lines, the address and the sums of an order. No AWS."""

from typing import Annotated

from pydantic import Field, StringConstraints

from public_api.model import Currency, Model, Money
from public_api.toy import Fulfilment

Locale = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=30)
]
"""A language and where it is spoken, as BCP 47 writes it: "en", "de-DE"."""

LOCALE = "en"
"""The locale of whoever names none."""


class Line(Model):
    """So many of one toy. `price` is that of one, in minor units, tax included."""

    toy_id: str
    name: str
    price: Money
    quantity: int

    @property
    def amount(self) -> int:
        """What they cost together, in minor units."""
        return self.price * self.quantity


class SoldLine(Line):
    """A line, and how it reaches its shopper."""

    category: str | None = Field(
        None, description="Of the toy when it was set aside; null: it was not yet"
    )
    fulfilment: Fulfilment = Field(
        Fulfilment.PARCEL, description="parcel, or digital: as a download, whose link is mailed"
    )
    undeliverable: bool = Field(False, description="Whether it is a download that cannot be sent")


class Address(Model):
    """Where an order goes. `country` is an ISO 3166 alpha-2 code."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str
    country: str


class Purchase(Model):
    """What is bought, for how much, and where it goes.

    Amounts are in minor units of `currency`: gross = lines + shipping = net + tax.
    """

    order_id: str
    customer_id: str
    lines: tuple[Line, ...]
    shipping_address: Address
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: str = Field(description='A fraction, such as "0.15". Prices include the tax')
