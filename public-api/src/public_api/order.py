"""An order as its shopper sees it: what was submitted here, and what came of it. No AWS."""

from typing import Any

from pydantic import Field

from public_api.model import Currency, Model, Money, Timestamp

SUBMITTED = "SUBMITTED"
"""The status of an order of which nothing has been told yet."""


class Line(Model):
    """So many of one toy. `price` is that of one, in minor units, tax included."""

    toy_id: str
    name: str
    price: Money
    quantity: int


class Address(Model):
    """Where an order goes. `country` is an ISO 3166 alpha-2 code."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str
    country: str


class Step(Model):
    """A status that an order entered, and when."""

    status: str
    at: Timestamp


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


class Submission(Purchase):
    """An order as it was submitted here. It never changes."""

    email: str
    payment_method_id: str
    submitted_at: Timestamp
    fingerprint: str = Field(description="Of the request's body: the same body has the same one")


class OrderState(Purchase):
    """An order as it stands, and how it came there. `reason` is why it was cancelled."""

    status: str
    reason: str | None = None
    history: tuple[Step, ...]
    carrier: str | None = None
    tracking_number: str | None = None
    placed_at: Timestamp
    updated_at: Timestamp


class Projection(OrderState):
    """An order as it was last told of. The higher `version` is the newer one."""

    version: int


class OrderView(Model):
    """An order as its shopper sees it. Amounts are in minor units of `currency`."""

    order_id: str
    status: str = Field(
        description="SUBMITTED, PLACED, CONFIRMED, DISPATCHED, DELIVERED or CANCELLED. "
        "RESERVED shows in the history only: no event tells of it when it is entered"
    )
    reason: str | None = Field(None, description="Why it was cancelled")
    lines: tuple[Line, ...]
    shipping_address: Address
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: str = Field(description='A fraction, such as "0.15". Prices include the tax')
    history: tuple[Step, ...] = Field(description="Every status it entered, oldest first")
    carrier: str | None = None
    tracking_number: str | None = None
    submitted_at: Timestamp | None = Field(None, description="When this API took it")
    placed_at: Timestamp | None = Field(None, description="When it was found in order")
    updated_at: Timestamp


class Order(Model):
    """What is known of an order. At least one of the two is there, and either may come first."""

    submission: Submission | None = None
    projection: Projection | None = None

    @property
    def shown(self) -> OrderView:
        """What its shopper sees: the submission, and over it what was told since."""
        seen: dict[str, Any] = {}
        history: list[Step] = []
        if sent := self.submission:
            seen |= sent.model_dump() | {"status": SUBMITTED, "updatedAt": sent.submitted_at}
            history += [Step(status=SUBMITTED, at=sent.submitted_at)]
        if told := self.projection:
            seen |= told.model_dump()
            history += told.history
        return OrderView.model_validate(seen | {"history": history})
