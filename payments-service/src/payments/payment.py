"""A payment: what one order owes, whether it was taken, whether it was given back. Pure rules.

PENDING -> COLLECTED | FAILED, COLLECTED -> REFUNDING -> REFUNDED

A refund may be asked for while the payment is PENDING, when Stripe may be taking the money at this
very instant. The payment then carries the reason, and becomes REFUNDING in place of COLLECTED.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from payments.model import Currency, Model, Money, Timestamp

REPEATABLE_FOR = timedelta(hours=23)
"""How long a charge may be asked for again: Stripe keeps an idempotency key for 24 hours."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern="@")]
TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$", max_length=6)]
"""A share of the price, as decimal text: "0.15" is 15 %."""


class Status(StrEnum):
    """Where a payment stands."""

    PENDING = "PENDING"
    COLLECTED = "COLLECTED"
    FAILED = "FAILED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class Taken:
    """Stripe's answer when it has the money."""

    payment_intent_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Stripe's answer when it cannot have the money. `reason` is its decline or error code."""

    reason: str


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


class Payment(Bill):
    """The one payment of an order. `version` counts every change."""

    status: Status
    requested_at: Timestamp
    collected_at: Timestamp | None = None
    payment_intent_id: str | None = None
    reason: str | None = Field(None, description="Why it failed: Stripe's code")
    refund_reason: str | None = Field(None, description="Why it is given back, once asked for")
    refund_id: str | None = None
    receipt_file_id: str | None = None
    receipt_problem: str | None = Field(None, description="Why the receipt could not be stored")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def request(cls, bill: Bill, correlation_id: str, causation_id: str, at: datetime) -> Self:
        """A payment that is now to be asked of Stripe."""
        return cls(
            **bill.model_dump(by_alias=False),
            status=Status.PENDING,
            requested_at=at,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    def repeatable(self, at: datetime) -> bool:
        """Whether asking Stripe once more is sure not to take the money once more."""
        return at - self.requested_at < REPEATABLE_FOR

    def settle(self, answer: Taken | Declined, causation_id: str, at: datetime) -> Self:
        """The payment after Stripe's answer. Raises ValueError when it was settled before."""
        self._expect(Status.PENDING)
        match answer:
            case Declined(reason):
                return self._changed(causation_id, at, status=Status.FAILED, reason=reason)
            case Taken(payment_intent_id):
                unwanted = self.refund_reason is not None
                return self._changed(
                    causation_id,
                    at,
                    status=Status.REFUNDING if unwanted else Status.COLLECTED,
                    payment_intent_id=payment_intent_id,
                    collected_at=at,
                )

    def refund(self, reason: str, causation_id: str, at: datetime) -> Self:
        """The payment, to be given back. One with nothing to give back stays as it is."""
        match self.status:
            case Status.COLLECTED:
                refunding = Status.REFUNDING
                return self._changed(causation_id, at, status=refunding, refund_reason=reason)
            case Status.PENDING if self.refund_reason is None:
                return self._changed(causation_id, at, refund_reason=reason)
            case _:
                return self

    def refunded(self, refund_id: str, causation_id: str, at: datetime) -> Self:
        """The payment, given back. Raises ValueError when it was not about to be."""
        self._expect(Status.REFUNDING)
        return self._changed(causation_id, at, status=Status.REFUNDED, refund_id=refund_id)

    def receipt_stored(self, file_id: str, causation_id: str, at: datetime) -> Self:
        """The payment with its receipt. The first one stands."""
        if self.receipt_file_id is not None:
            return self
        return self._changed(causation_id, at, receipt_file_id=file_id, receipt_problem=None)

    def receipt_rejected(self, problem: str, causation_id: str, at: datetime) -> Self:
        """The payment with a note that its receipt could not be stored. A stored one stands."""
        if self.receipt_file_id is not None or self.receipt_problem == problem:
            return self
        return self._changed(causation_id, at, receipt_problem=problem)

    def _expect(self, status: Status) -> None:
        if self.status is not status:
            raise ValueError(f"the payment of {self.order_id} is {self.status}, not {status}")

    def _changed(self, causation_id: str, at: datetime, **fields: object) -> Self:
        edit = {"version": self.version + 1, "updated_at": at, "causation_id": causation_id}
        return self.model_copy(update=fields | edit)


class Tombstone(Model):
    """The mark of a refund that came before its payment. Should that still come, it stops here."""

    order_id: Id
    status: Literal[Status.VOIDED] = Status.VOIDED
    refund_reason: str
    version: Literal[1] = 1
    updated_at: Timestamp
    correlation_id: str
    causation_id: str
