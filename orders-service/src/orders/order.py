"""An order and its saga: which message takes it where, and what it then sends. Pure, no AWS."""

from collections import Counter
from datetime import datetime, timedelta
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
    CANCELLING = "CANCELLING"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class Ignored(StrEnum):
    """Why a message changes nothing."""

    AGAIN = "it tells the order nothing new"
    UNDONE = "its undo was sent when the order was cancelled"
    SETTLED = "the undo that was sent is done"
    LEFT = "the parcel has left"
    IN_TIME = "the order was confirmed in time"
    RETURNED = "the money was given back"


type Step = tuple[Status, ...] | Ignored
"""The states that a message makes the order enter, one after the other, or why it is ignored.

The empty tuple: what the message says is kept with the order, whose state stays the same.
"""

PLACED = Status.PLACED
RESERVED = Status.RESERVED
CONFIRMED = Status.CONFIRMED
CANCELLING = Status.CANCELLING
DISPATCHED = Status.DISPATCHED
DELIVERED = Status.DELIVERED
CANCELLED = Status.CANCELLED

AGAIN = Ignored.AGAIN
UNDONE = Ignored.UNDONE
SETTLED = Ignored.SETTLED
LEFT = Ignored.LEFT
IN_TIME = Ignored.IN_TIME
RETURNED = Ignored.RETURNED

KEPT: Step = ()

PAID: dict[str, Step] = {
    "StockReserved": AGAIN,
    "PaymentActionRequired": AGAIN,
    "PaymentCollected": AGAIN,
    "PaymentRefunded": KEPT,
    "DeadlinePassed": IN_TIME,
}
"""What is the same in every state that only a paid order enters."""

SAGA: dict[Status, dict[str, Step]] = {
    PLACED: {
        "StockReserved": (RESERVED,),
        "StockReservationFailed": (CANCELLED,),
        "CancelOrder": (CANCELLED,),
        "DeadlinePassed": (CANCELLED,),
    },
    RESERVED: {
        "StockReserved": AGAIN,
        "PaymentActionRequired": KEPT,
        "PaymentCollected": (CONFIRMED,),
        "PaymentFailed": (CANCELLED,),
        "PaymentRefunded": KEPT,  # it overtook what was told of the payment before
        "CancelOrder": (CANCELLED,),
        "DeadlinePassed": (CANCELLED,),
    },
    CONFIRMED: PAID
    | {
        "ShipmentDispatched": (DISPATCHED,),
        "ShipmentDelivered": (DISPATCHED, DELIVERED),
        "ShipmentFailed": (CANCELLED,),
        "CancelOrder": (CANCELLING,),
    },
    CANCELLING: PAID
    | {
        "ShipmentDispatched": (DISPATCHED,),
        "ShipmentDelivered": (DISPATCHED, DELIVERED),
        "ShipmentCancelled": (CANCELLED,),
        "ShipmentFailed": (CANCELLED,),
        "CancelOrder": AGAIN,
    },
    DISPATCHED: PAID
    | {
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": (DELIVERED,),
        "ShipmentFailed": (CANCELLED,),
        "CancelOrder": LEFT,
    },
    DELIVERED: PAID
    | {
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": AGAIN,
        "CancelOrder": LEFT,
    },
    CANCELLED: {
        "StockReserved": UNDONE,
        "StockReservationFailed": AGAIN,
        "StockReleased": SETTLED,
        "PaymentActionRequired": UNDONE,
        "PaymentCollected": KEPT,  # as a refund to come: the undo was sent
        "PaymentFailed": AGAIN,
        "PaymentRefunded": KEPT,
        "ShipmentDispatched": AGAIN,
        "ShipmentCancelled": AGAIN,
        "ShipmentFailed": AGAIN,
        "CancelOrder": AGAIN,
        "DeadlinePassed": AGAIN,
    },
}
"""What each message does to an order in each state. What is not listed cannot happen.

All are heard from others, but for DeadlinePassed: that is the sweep's own word.
"""

REFUNDED: dict[Status, dict[str, Step]] = {RESERVED: {"PaymentCollected": RETURNED}}
"""What is otherwise for an order that holds a refund already.

Somebody gave the money back by hand, and that overtook what was told of the payment. Nothing is
shipped that is not paid for: the order waits for its deadline.
"""

ENTERING: dict[Status, tuple[str, ...]] = {
    PLACED: ("OrderPlaced", "ReserveStock"),
    RESERVED: ("CollectPayment",),
    CONFIRMED: ("OrderConfirmed", "ShipOrder"),
    CANCELLING: ("OrderUpdated", "CancelShipment"),
    DISPATCHED: ("OrderDispatched", "SendEmail"),
    DELIVERED: ("OrderDelivered", "SendEmail"),
    CANCELLED: ("OrderCancelled", "SendEmail"),
}
"""The messages that an order sends as it enters a state."""

KEEPING = ("OrderUpdated",)
"""The messages that an order sends when it keeps what it heard and stays in its state."""

UNDO = {"ReserveStock": "ReleaseStock", "CollectPayment": "RefundPayment"}
"""The compensation of a step. Entering CANCELLED sends it for each step that was asked for.

ShipOrder has none: a parcel is stopped before the order is CANCELLED, or it has come to nothing.
"""

WAITING = frozenset({PLACED, RESERVED})
"""The states that an order has to leave by its deadline."""


def diagram() -> str:
    """The saga as a Mermaid state diagram."""
    arrows = [f"[*] --> {PLACED}: PlaceOrder"]
    for state, messages in SAGA.items():
        moves = [
            (name, step) for name, step in messages.items() if isinstance(step, tuple) and step
        ]
        for step in dict.fromkeys(step for _, step in moves):
            *passed, end = step
            names = ", ".join(name for name, leads in moves if leads == step)
            through = f", through {' and '.join(passed)}" if passed else ""
            arrows.append(f"{state} --> {end}: {names}{through}")
        if not moves:
            arrows.append(f"{state} --> [*]")
    return "\n    ".join(["stateDiagram-v2", *arrows])


def grid() -> str:
    """The saga as a Markdown table: what each message does to an order in each state.

    A state that the order enters, "kept", "ignored" and why, or nothing: it cannot come.
    """
    messages = dict.fromkeys(name for row in SAGA.values() for name in row)
    rows = [
        ["message", *SAGA],
        ["---"] * (1 + len(SAGA)),
        *([f"`{name}`", *(_cell(state, name) for state in SAGA)] for name in messages),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(state: Status, message: str) -> str:
    steps = [SAGA[state].get(message), REFUNDED.get(state, {}).get(message)]
    told = [_named(step) for step in steps if step is not None]
    return "; if refunded, ".join(told)


def _named(step: Step) -> str:
    if isinstance(step, Ignored):
        return f"ignored: {step}"
    return ", ".join(step) or "kept"


class Impossible(Exception):
    """The message cannot be about this order as it is: it can never be handled."""


# ---- The order


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    CUSTOMER = "CUSTOMER"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"


Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Text = Annotated[str, StringConstraints(max_length=120)]


class Line(Model):
    """So many of one toy. `price` is that of one unit, in minor units, tax included."""

    toy_id: Id
    name: Text
    price: Money
    quantity: Annotated[int, Field(ge=1, le=99)]


class Address(Model):
    """Where a parcel goes."""

    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    postal_code: Annotated[str, Field(max_length=20)]
    country: str = Field(max_length=2, description="ISO 3166 alpha-2")


TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$")]
"""The part of the net price that is added as tax, as a decimal: "0.15"."""


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


class PaymentAction(Model):
    """What the shopper's browser needs to finish a payment (3-D Secure). To be kept out of logs."""

    client_secret: str = Field(repr=False, description="Of the payment intent, as Stripe gives it")
    url: str | None = Field(None, description="Where the shopper is asked to go, if anywhere")


class Refund(Model):
    """What is given back, or has been, in minor units of the order's currency."""

    amount: Money
    status: Literal["PENDING", "REFUNDED"]


class Facts(Model):
    """What a message may add to an order."""

    reason: Reason | None = None
    decline_code: str | None = Field(None, description="Why the card was declined, as Stripe says")
    failure: str | None = Field(None, description="Why the parcel did not arrive, as is told")
    carrier: str | None = None
    tracking_number: str | None = None
    payment_action: PaymentAction | None = None
    refund: Refund | None = None


class CancellationRequest(Model):
    """The order that a shopper no longer wants."""

    order_id: str
    requested_at: Timestamp


class Cancellation(CancellationRequest):
    """A request to cancel an order that was not placed yet, kept in its place until it comes."""

    version: Literal[0] = 0
    causation_id: str


class Order(Purchase, Facts):
    """An order as it is kept. Each state that it enters, or fact that it keeps, is a version."""

    status: Status
    history: tuple[Entry, ...]
    placed_at: Timestamp
    deadline: Timestamp = Field(description="When it is cancelled, unless it was CONFIRMED before")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def place(
        cls,
        purchase: PurchaseRequest,
        correlation_id: str,
        causation_id: str,
        at: datetime,
        patience: timedelta,
    ) -> Self:
        """A new order, at its first version, to be confirmed within `patience`."""
        return cls(
            **purchase.model_dump(by_alias=False),
            status=PLACED,
            history=(Entry(status=PLACED, at=at, version=1, causation_id=causation_id),),
            placed_at=at,
            deadline=at + patience,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    def cancelled_by(self, request: Cancellation, at: datetime) -> Self:
        """A new order, cancelled by a request that came before it."""
        return self._taking((CANCELLED,), Facts(reason=Reason.CUSTOMER), request.causation_id, at)

    def hear(self, message: str, facts: Facts, causation_id: str, at: datetime) -> Self | Ignored:
        """The order after a message of that name, or why the message changes nothing.

        Raises Impossible when no such message can come in the state that the order is in.
        """
        row = SAGA[self.status]
        if self.refund:
            row = row | REFUNDED.get(self.status, {})
        step = row.get(message)
        if step is None:
            raise Impossible(f"{message} cannot come to an order that is {self.status}")
        if isinstance(step, Ignored):
            return step
        if message == "PaymentCollected" and self.status is CANCELLED and not self.refund:
            facts = facts.model_copy(update={"refund": self._to_come})
        if not step and self._knowing(facts, self.status) == self:
            return AGAIN
        return self._taking(step, facts, causation_id, at)

    def _taking(
        self, step: tuple[Status, ...], facts: Facts, causation_id: str, at: datetime
    ) -> Self:
        entries = tuple(
            Entry(status=status, at=at, version=version, causation_id=causation_id)
            for version, status in enumerate(step, self.version + 1)
        )
        status = step[-1] if step else self.status
        return self._knowing(facts, status).model_copy(
            update={
                "status": status,
                "history": self.history + entries,
                "version": self.version + max(1, len(step)),
                "updated_at": at,
                "causation_id": causation_id,
            }
        )

    def _knowing(self, facts: Facts, status: Status) -> Self:
        """The order with all that it has to know in that state, and nothing that is over."""
        told = {name: fact for name, fact in facts if fact is not None}
        if status is not RESERVED:
            told["payment_action"] = None
        if status is not CANCELLED:
            told["reason"] = None
        elif self.refund is None and CONFIRMED in {entry.status for entry in self.history}:
            told.setdefault("refund", self._to_come)
        return self.model_copy(update=told)

    @property
    def _to_come(self) -> Refund:
        return Refund(amount=self.gross, status="PENDING")

    def on_entering(self, entry: Entry) -> Self:
        """The order as it was when it entered a state of its history."""
        return self.model_copy(
            update={
                "status": entry.status,
                "reason": self.reason if entry.status is CANCELLED else None,
                "payment_action": None,
                "history": tuple(e for e in self.history if e.version <= entry.version),
                "version": entry.version,
                "updated_at": entry.at,
                "causation_id": entry.causation_id,
            }
        )

    def sends(self) -> tuple[str, ...]:
        """The messages that go out with the version that the order is at."""
        if self.history[-1].version < self.version:
            return KEEPING
        if self.status is not CANCELLED:
            return ENTERING[self.status]
        asked = {message for entry in self.history for message in ENTERING[entry.status]}
        undone = tuple(undo for step, undo in UNDO.items() if step in asked)
        return ENTERING[CANCELLED] + undone
