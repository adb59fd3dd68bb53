"""What an e-mail can be about: one model for each template, with all that the template needs."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from notification.model import Currency, Model, Money, Timestamp


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    CUSTOMER = "CUSTOMER"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"


class Line(Model):
    """So many of one toy, at a price (minor units, tax included) for each."""

    name: str
    quantity: Annotated[int, Field(ge=1)]
    price: Money


class Receipt(Model):
    """An order was paid. Amounts are in minor units; gross = net + tax, shipping included."""

    template: Literal["receipt"]
    order_id: str
    currency: Currency
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: Annotated[Decimal, Field(ge=0, lt=1, description='"0.15" is 15 %')]
    placed_at: Timestamp
    paid_at: Timestamp


class OrderCancelled(Model):
    """An order came to nothing."""

    template: Literal["order-cancelled"]
    order_id: str
    reason: Reason


class OrderDispatched(Model):
    """An order is on its way."""

    template: Literal["order-dispatched"]
    order_id: str
    carrier: str
    tracking_number: str


class OrderDelivered(Model):
    """An order has arrived."""

    template: Literal["order-delivered"]
    order_id: str


Content = Annotated[
    Receipt | OrderCancelled | OrderDispatched | OrderDelivered, Field(discriminator="template")
]
