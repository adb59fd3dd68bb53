"""A payment: what one order owes, whether it was taken, whether it was given back. Pure rules.

PENDING -> COLLECTED | FAILED | ACTION_REQUIRED | VOIDING | VOIDED
ACTION_REQUIRED -> COLLECTED | FAILED | VOIDING
VOIDING -> VOIDED | REFUNDING
COLLECTED -> REFUNDING -> REFUNDED
COLLECTED -> REFUNDED, once its parts are the whole

A payment is PENDING first without and then with a payment intent. Only an intent that is saved is
ever confirmed, so that one without has moved no money: a refund makes it VOIDED at once. With an
intent, Stripe may be taking the money at this very instant: a refund makes it VOIDING, until Stripe
has canceled the intent (VOIDED) or says that it has the money (REFUNDING).

FAILED and VOIDED are meant to be ends. Money that Stripe takes all the same is given back: they
become REFUNDING.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from payments import refund
from payments.answer import (
    ActionRequired,
    Answer,
    Attempt,
    Canceled,
    Declined,
    Opened,
    Taken,
    attempt,
)
from payments.bill import Bill
from payments.model import Currency, Money, Timestamp
from payments.record import Record, Status
from payments.refund import Refund, RefundStatus

CANCELED = "canceled"
"""Why a payment failed whose intent somebody has canceled at Stripe: Stripe's word for it."""

TOO_LATE = "TAKEN_TOO_LATE"
"""Why money is given back that nobody asked back: Stripe took it after the payment had ended."""


class NotLeft(ValueError):
    """More is asked back than is left of the payment. Says how much that is."""


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
    attempts: tuple[Attempt, ...] = ()

    @property
    def whole(self) -> int:
        """What the order costs, in minor units."""
        return self.amount

    @property
    def left(self) -> int:
        """What a further part may ask back at most, in minor units."""
        return self.amount - refund.promised(self.refunds)

    @property
    def awaited(self) -> tuple[Refund, ...]:
        """The parts that Stripe is to give back."""
        if self.status is not Status.COLLECTED:
            return ()
        return tuple(each for each in self.refunds if each.status is RefundStatus.PENDING)

    def part(self, refund_id: str) -> Refund | None:
        """What became of the part of that id; None: it was never asked for."""
        return next((each for each in self.refunds if each.refund_id == refund_id), None)

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
        settled = self._settled(answer, causation_id, at)
        if settled is self:
            return self
        attempts = (*self.attempts, attempt(answer, at))
        return settled.model_copy(update={"attempts": attempts})

    def _settled(self, answer: Answer, causation_id: str, at: datetime) -> Self:
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

    def refund_part(
        self, refund_id: str, amount: int, reason: str, causation_id: str, at: datetime
    ) -> Self:
        """The payment, of which a part is to be given back (minor units), once for each id.

        It is covered from the beginning where all goes back already, and where it would be left if
        somebody had not given money back by hand. Where nothing was taken, nothing changes. Raises
        NotLeft for more than that, ValueError when the same id asked for another amount before.
        """
        if known := self.part(refund_id):
            if known.status is RefundStatus.PENDING and known.amount != amount:
                raise ValueError(f"refund {refund_id} asked for {known.amount} before")
            return self
        all_of_it = self.status in (Status.REFUNDING, Status.REFUNDED)
        if self.status is not Status.COLLECTED and not all_of_it:
            return self
        if not all_of_it and not 0 < amount <= self.left + self.by_hand:
            raise NotLeft(f"{self.left} is left of the payment, and {amount} is asked back")
        late = all_of_it or amount > self.left
        part = Refund(
            refund_id=refund_id,
            amount=amount,
            status=RefundStatus.COVERED if late else RefundStatus.PENDING,
            reason=reason,
            requested_at=at,
        )
        return self._changed(causation_id, at, refunds=(*self.refunds, part))

    def tried(self, part: Refund, causation_id: str, at: datetime) -> Self:
        """The payment, whose part is tried at Stripe under another key: this one is used up."""
        return self._with_part(part, {"attempt": part.attempt + 1}, causation_id, at)

    def part_covered(self, part: Refund, causation_id: str, at: datetime) -> Self:
        """The payment, whose part is not made: Stripe has less left than that."""
        return self._with_part(part, {"status": RefundStatus.COVERED}, causation_id, at)

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

    def _with_part(
        self, part: Refund, edit: dict[str, object], causation_id: str, at: datetime
    ) -> Self:
        if part not in self.awaited:
            return self
        edited = part.model_copy(update=edit)
        refunds = tuple(edited if each == part else each for each in self.refunds)
        return self._changed(causation_id, at, refunds=refunds)

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

    @property
    def whole(self) -> int:
        """What Stripe took, in minor units; 0: nothing."""
        return self.amount or 0

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
