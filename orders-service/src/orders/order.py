"""An order and its saga: which message takes it where, and what it then sends. Pure, no AWS."""

from collections import Counter
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orders.model import Currency, Model, Money, Timestamp

# ---- The saga


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "PLACED"
    RESERVED = "RESERVED"
    CONFIRMED = "CONFIRMED"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class Ignored(StrEnum):
    """Why a message changes nothing."""

    AGAIN = "the order knows that already"
    UNDONE = "its undo was sent when the order was cancelled"
    SETTLED = "the undo that was sent is done"


type Step = tuple[Status, ...] | Ignored
"""The states that a message makes the order enter, one after the other, or why it is ignored.

The empty tuple: what the message says is kept with the order, whose state stays the same.
"""

PLACED, RESERVED, CONFIRMED, DISPATCHED, DELIVERED, CANCELLED = Status
AGAIN, UNDONE, SETTLED = Ignored

SAGA: dict[Status, dict[str, Step]] = {
    PLACED: {
        "StockReserved": (RESERVED,),
        "StockReservationFailed": (CANCELLED,),
    },
    RESERVED: {
        "StockReserved": AGAIN,
        "PaymentCollected": (CONFIRMED,),
        "PaymentFailed": (CANCELLED,),
    },
    CONFIRMED: {
        "StockReserved": AGAIN,
        "PaymentCollected": AGAIN,
        "ShipmentDispatched": (DISPATCHED,),
        "ShipmentDelivered": (DISPATCHED, DELIVERED),
    },
    DISPATCHED: {
        "StockReserved": AGAIN,
        "PaymentCollected": AGAIN,
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": (DELIVERED,),
    },
    DELIVERED: {
        "StockReserved": AGAIN,
        "PaymentCollected": AGAIN,
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": AGAIN,
        "PaymentRefunded": (),
    },
    CANCELLED: {
        "StockReserved": UNDONE,
        "StockReservationFailed": AGAIN,
        "StockReleased": SETTLED,
        "PaymentCollected": UNDONE,
        "PaymentFailed": AGAIN,
        "PaymentRefunded": (),
    },
}
"""What each message does to an order in each state. What is not listed cannot happen."""

ENTERING: dict[Status, tuple[str, ...]] = {
    PLACED: ("OrderPlaced", "ReserveStock"),
    RESERVED: ("CollectPayment",),
    CONFIRMED: ("OrderConfirmed", "ShipOrder"),
    DISPATCHED: ("OrderDispatched", "SendEmail"),
    DELIVERED: ("OrderDelivered", "SendEmail"),
    CANCELLED: ("OrderCancelled", "SendEmail"),
}
"""The messages that an order sends as it enters a state."""

UNDO = {"ReserveStock": "ReleaseStock", "CollectPayment": "RefundPayment"}
"""The compensation of a step. Entering CANCELLED sends it for each step that was asked for."""


def diagram() -> str:
    """The saga as a Mermaid state diagram."""
    arrows = [f"[*] --> {PLACED}: PlaceOrder"]
    for state, messages in SAGA.items():
        moves = [
            (name, step) for name, step in messages.items() if isinstance(step, tuple) and step
        ]
        for name, (*passed, end) in moves:
            through = f", through {' and '.join(passed)}" if passed else ""
            arrows.append(f"{state} --> {end}: {name}{through}")
        if not moves:
            arrows.append(f"{state} --> [*]")
    return "\n    ".join(["stateDiagram-v2", *arrows])


class Impossible(Exception):
    """The message cannot be about this order as it is: it can never be handled."""


# ---- The order


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"


class Line(Model):
    """So many of one toy. `price` is that of one unit, in minor units, tax included."""

    toy_id: str
    name: str
    price: Money
    quantity: Annotated[int, Field(ge=1, le=99)]


class Address(Model):
    """Where a parcel goes."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str
    country: str = Field(description="ISO 3166 alpha-2")


TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$")]
"""The part of the net price that is added as tax, as a decimal: "0.15"."""


class Purchase(Model):
    """What a shopper agreed to. Amounts are in minor units of `currency`."""

    order_id: str
    customer_id: str
    email: str
    lines: tuple[Line, ...]
    shipping_address: Address
    payment_method_id: str
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: TaxRate
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
        gross = sum(line.price * line.quantity for line in self.lines) + self.shipping
        tax = tax_within(gross, self.tax_rate)
        if (self.gross, self.tax, self.net) != (gross, tax, gross - tax):
            raise ValueError(
                f"gross, tax and net are {self.gross}, {self.tax} and {self.net}, "
                f"but the lines come to {gross}, {tax} and {gross - tax}"
            )
        return self


def tax_within(gross: int, rate: str) -> int:
    """The tax that is part of a gross amount, in minor units, rounded half up."""
    exact = gross * Fraction(rate) / (1 + Fraction(rate))
    return floor(exact + Fraction(1, 2))


class Entry(Model):
    """One line of an order's history: it entered a state, and was then at that version."""

    status: Status
    at: Timestamp
    version: int
    causation_id: str = Field(description="metadata.id of the message that led to it")


class Refund(Model):
    """What was given back, in minor units of the order's currency."""

    amount: Money
    status: Literal["REFUNDED"]


class Facts(Model):
    """What a message may add to an order."""

    reason: Reason | None = None
    decline_code: str | None = Field(None, description="Why the card was declined, as Stripe says")
    carrier: str | None = None
    tracking_number: str | None = None
    refund: Refund | None = None


class Order(Purchase, Facts):
    """An order as it is kept. Each state that it enters is a version of its own."""

    status: Status
    history: tuple[Entry, ...]
    placed_at: Timestamp
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def place(
        cls, purchase: PurchaseRequest, correlation_id: str, causation_id: str, at: datetime
    ) -> Self:
        """A new order, at its first version."""
        return cls(
            **purchase.model_dump(by_alias=False),
            status=PLACED,
            history=(Entry(status=PLACED, at=at, version=1, causation_id=causation_id),),
            placed_at=at,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    def hear(self, message: str, facts: Facts, causation_id: str, at: datetime) -> Self | Ignored:
        """The order after a message of that name, or why the message changes nothing.

        Raises Impossible when no such message can come in the state that the order is in.
        """
        step = SAGA[self.status].get(message)
        if step is None:
            raise Impossible(f"{message} cannot come to an order that is {self.status}")
        if isinstance(step, Ignored):
            return step
        told = self.model_copy(update={name: fact for name, fact in facts if fact is not None})
        if not step and told == self:
            return AGAIN
        entries = tuple(
            Entry(status=status, at=at, version=version, causation_id=causation_id)
            for version, status in enumerate(step, self.version + 1)
        )
        return told.model_copy(
            update={
                "status": step[-1] if step else self.status,
                "history": self.history + entries,
                "version": self.version + max(1, len(step)),
                "updated_at": at,
                "causation_id": causation_id,
            }
        )

    def on_entering(self, entry: Entry) -> Self:
        """The order as it was when it entered a state of its history."""
        return self.model_copy(
            update={
                "status": entry.status,
                "history": tuple(e for e in self.history if e.version <= entry.version),
                "version": entry.version,
                "updated_at": entry.at,
                "causation_id": entry.causation_id,
            }
        )

    def sends(self) -> tuple[str, ...]:
        """The messages that go out as the order enters the state that it is in."""
        if self.status is not CANCELLED:
            return ENTERING[self.status]
        asked = {message for entry in self.history for message in ENTERING[entry.status]}
        undone = tuple(undo for step, undo in UNDO.items() if step in asked)
        return ENTERING[CANCELLED] + undone
