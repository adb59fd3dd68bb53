"""A payment: what one order owes, whether it was taken, whether it was given back. Pure rules.

PENDING -> COLLECTED | FAILED | ACTION_REQUIRED | VOIDING | VOIDED
ACTION_REQUIRED -> COLLECTED | FAILED | VOIDING
VOIDING -> VOIDED | REFUNDING
COLLECTED -> REFUNDING -> REFUNDED

A payment is PENDING first without and then with a payment intent. Only an intent that is saved is
ever confirmed, so that one without has moved no money: a refund makes it VOIDED at once. With an
intent, Stripe may be taking the money at this very instant: a refund makes it VOIDING, until Stripe
has canceled the intent (VOIDED) or says that it has the money (REFUNDING).

FAILED and VOIDED are meant to be ends. Money that Stripe takes all the same is given back: they
become REFUNDING.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from payments.model import Currency, Model, Money, Timestamp

CANCELED = "canceled"
"""Why a payment failed whose intent somebody has canceled at Stripe: Stripe's word for it."""

TOO_LATE = "TAKEN_TOO_LATE"
"""Why money is given back that nobody asked back: Stripe took it after the payment had ended."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern="@")]
TaxRate = Annotated[str, StringConstraints(pattern=r"^0(\.\d{1,4})?$", max_length=6)]
"""A share of the price, as decimal text: "0.15" is 15 %."""


class Status(StrEnum):
    """Where a payment stands."""

    PENDING = "PENDING"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    COLLECTED = "COLLECTED"
    FAILED = "FAILED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    VOIDING = "VOIDING"
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class Opened:
    """Stripe's answer when it has made a payment intent, which moves no money until confirmed."""

    payment_intent_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Stripe's answer when it has the money: so many minor units of a currency (ISO 4217)."""

    payment_intent_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Stripe's answer when it cannot have the money. `reason` is its decline or error code.

    Without a `payment_intent_id`, it would not even make an intent.
    """

    reason: str
    payment_intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """Stripe's answer when the customer has to act first, as for 3-D Secure.

    `client_secret` lets the customer's browser go on with the payment; `url` is the page where that
    is done, None: the browser does it with Stripe's own script.
    """

    payment_intent_id: str
    client_secret: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Canceled:
    """Stripe's answer when the payment intent is canceled: it never can take the money."""

    payment_intent_id: str


type Answer = Opened | Taken | Declined | ActionRequired | Canceled
"""What Stripe says of a payment, at once or later by its webhook."""


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


class Record(Model):
    """What is kept of an order's payment in any case. `version` counts every change."""

    order_id: Id
    status: Status
    payment_intent_id: str | None = None
    refund_reason: str | None = Field(None, description="Why it is given back, once asked for")
    refund_id: str | None = None
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    def refunded(self, refund_id: str, causation_id: str, at: datetime) -> Self:
        """The payment, given back. Raises ValueError when it was not about to be."""
        if self.status is Status.REFUNDED:
            return self
        if self.status is not Status.REFUNDING:
            raise ValueError(f"the payment of {self.order_id} is {self.status}, not REFUNDING")
        return self._changed(causation_id, at, status=Status.REFUNDED, refund_id=refund_id)

    def _changed(self, causation_id: str, at: datetime, **fields: object) -> Self:
        edit = {"version": self.version + 1, "updated_at": at, "causation_id": causation_id}
        return self.model_copy(update=fields | edit)


class Payment(Bill, Record):
    """The one payment of an order."""

    requested_at: Timestamp
    return_url: str | None = Field(None, description="Where the customer goes after 3-D Secure")
    client_secret: str | None = Field(None, description="What 3-D Secure goes on with")
    action_url: str | None = Field(None, description="Stripe's page for 3-D Secure")
    collected_at: Timestamp | None = None
    reason: str | None = Field(None, description="Why it failed: Stripe's code")
    receipt_file_id: str | None = None
    receipt_problem: str | None = Field(None, description="Why the receipt could not be stored")

    @classmethod
    def request(
        cls,
        bill: Bill,
        correlation_id: str,
        causation_id: str,
        at: datetime,
        return_url: str | None = None,
    ) -> Self:
        """A payment that is now to be asked of Stripe."""
        return cls(
            **bill.model_dump(by_alias=False),
            status=Status.PENDING,
            requested_at=at,
            return_url=return_url,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    def settle(self, answer: Answer, causation_id: str, at: datetime) -> Self:
        """The payment after an answer of Stripe's. One that comes late or again changes nothing.

        Nor does one about another intent, unless it has taken money: the first intent that is saved
        is the payment's own. A Declined of an ACTION_REQUIRED payment holds only once its intent is
        canceled: the customer's browser could go on with it.
        """
        if not self._concerned_by(answer):
            return self
        match self.status, answer:
            case Status.PENDING, Opened(intent_id):
                return self._changed(causation_id, at, payment_intent_id=intent_id)
            case Status.PENDING | Status.ACTION_REQUIRED, Declined(reason):
                return self._acted(causation_id, at, status=Status.FAILED, reason=reason)
            case Status.PENDING, Canceled():
                return self._changed(causation_id, at, status=Status.FAILED, reason=CANCELED)
            case Status.PENDING, ActionRequired(_, client_secret, url):
                return self._changed(
                    causation_id,
                    at,
                    status=Status.ACTION_REQUIRED,
                    client_secret=client_secret,
                    action_url=url,
                )
            case Status.PENDING | Status.ACTION_REQUIRED, Taken():
                return self._taken(answer, causation_id, at, status=Status.COLLECTED)
            case Status.VOIDING | Status.VOIDED | Status.FAILED, Taken():
                reason = self.refund_reason or TOO_LATE
                refunding = Status.REFUNDING
                return self._taken(answer, causation_id, at, status=refunding, refund_reason=reason)
            case Status.VOIDING, Canceled():
                return self._changed(causation_id, at, status=Status.VOIDED)
            case _:
                return self

    def refund(self, reason: str, causation_id: str, at: datetime) -> Self:
        """The payment, to be given back. One with nothing to give back stays as it is."""
        match self.status:
            case Status.COLLECTED:
                refunding = Status.REFUNDING
                return self._changed(causation_id, at, status=refunding, refund_reason=reason)
            case Status.PENDING if self.payment_intent_id is None:
                voided = Status.VOIDED
                return self._changed(causation_id, at, status=voided, refund_reason=reason)
            case Status.PENDING | Status.ACTION_REQUIRED:
                voiding = Status.VOIDING
                return self._acted(causation_id, at, status=voiding, refund_reason=reason)
            case _:
                return self

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

    def mismatch(self, intent_id: str, amount: int, currency: str) -> str | None:
        """What of a payment intent is not this payment's; None: it is the one of this payment."""
        if self.payment_intent_id not in (None, intent_id):
            return f"the payment intent of order {self.order_id} is another one"
        if (amount, currency) != (self.amount, self.currency):
            return f"order {self.order_id} costs {self.amount} {self.currency}"
        return None

    def _concerned_by(self, answer: Answer) -> bool:
        match answer:
            case Taken():
                return True
            case Opened():
                return self.payment_intent_id is None
            case _:
                return answer.payment_intent_id == self.payment_intent_id

    def _taken(self, taken: Taken, causation_id: str, at: datetime, **fields: object) -> Self:
        intent_id = taken.payment_intent_id
        return self._acted(causation_id, at, payment_intent_id=intent_id, collected_at=at, **fields)

    def _acted(self, causation_id: str, at: datetime, **fields: object) -> Self:
        """Changed, and the customer has no more to do: what that takes is forgotten."""
        return self._changed(causation_id, at, client_secret=None, action_url=None, **fields)


class Tombstone(Record):
    """The mark of a refund that came before its payment. Should that still come, it stops here.

    `amount` and `currency` are known only if Stripe took money for the order all the same.
    """

    amount: Money | None = None
    currency: Currency | None = None

    @classmethod
    def request(
        cls, order_id: str, reason: str, correlation_id: str, cause: str, at: datetime
    ) -> Self:
        """The mark of a refund of an order whose payment never came."""
        return cls(
            order_id=order_id,
            status=Status.VOIDED,
            refund_reason=reason,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=cause,
        )

    def settle(self, answer: Answer, causation_id: str, at: datetime) -> Self:
        """The mark after an answer of Stripe's: what was taken is given back."""
        match self.status, answer:
            case Status.VOIDED, Taken(intent_id, amount, currency):
                return self._changed(
                    causation_id,
                    at,
                    status=Status.REFUNDING,
                    payment_intent_id=intent_id,
                    amount=amount,
                    currency=currency,
                )
            case _:
                return self

    def mismatch(self, intent_id: str, amount: int, currency: str) -> str | None:
        """What of a payment intent is not what was taken before; None: nothing."""
        if self.payment_intent_id not in (None, intent_id):
            return f"the payment intent of order {self.order_id} is another one"
        return None
