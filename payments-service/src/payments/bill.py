"""What an order costs, and who pays it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from payments.model import Currency, Model, Money, Timestamp

Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern="@")]
TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$", max_length=6)]
"""A share of the price, as decimal text: "0.15" is 15 %."""

Locale = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)
]
"""A BCP 47 language tag, as "de-DE": how the customer reads money and dates."""


class Line(Model):
    """So many of one toy, at `price` (minor units, tax included) each."""

    name: Name
    quantity: Annotated[int, Field(ge=1, le=99)]
    price: Money


class Bill(Model):
    """What an order costs, who pays it and with what. Money is in minor units."""

    order_id: Id
    customer_id: Id
    email: Email
    amount: Annotated[Money, Field(description="The whole of it, shipping and tax included")]
    currency: Currency
    payment_method_id: Annotated[Id, Field(description="Stripe's id of a payment method")]
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
    shipping: Money
    net: Money
    tax: Money
    tax_rate: TaxRate
    placed_at: Timestamp
    locale: Annotated[Locale, Field(description="How the customer reads money and dates")] = "en"
