"""What an e-mail can be about: one model for each template, with all that the template needs."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from notification.model import Currency, Model, Money, Timestamp

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]+$", max_length=2000)]
"""What a link in a mail may lead to."""


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    CUSTOMER = "CUSTOMER"
    SHOP = "SHOP"
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


class Refund(Model):
    """Money went back, all that was paid for an order or a part. Amounts are in minor units."""

    template: Literal["refund"]
    order_id: str
    currency: Currency
    amount: Money = Field(description="What went back this time")
    total: Money = Field(description="What has gone back of this order so far, this time included")
    gross: Money = Field(description="What was paid")
    refunded_at: Timestamp


class Download(Model):
    """One toy that is a file: its name, and the link that gives it until it expires."""

    name: str
    url: Url
    expires_at: Timestamp


class OrderDownloads(Model):
    """The toys of an order that come by mail."""

    template: Literal["order-downloads"]
    order_id: str
    downloads: Annotated[tuple[Download, ...], Field(min_length=1)]


Content = Annotated[
    Receipt | OrderCancelled | OrderDispatched | OrderDelivered | Refund | OrderDownloads,
    Field(discriminator="template"),
]
