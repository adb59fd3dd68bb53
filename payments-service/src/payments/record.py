"""What a payment and the mark in its place have in common: where it stands, what was given back."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from payments import refund
from payments.bill import Id
from payments.model import Model, Timestamp
from payments.refund import GivenBack, Refund, RefundStatus


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


class Record(Model):
    """What is kept of an order's payment in any case. `version` counts every change."""

    order_id: Id
    status: Status
    payment_intent_id: str | None = None
    refund_reason: str | None = Field(None, description="Why all is given back, once asked for")
    refund_id: str | None = Field(None, description="Stripe's id of the newest refund")
    refunds: tuple[Refund, ...] = ()
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @property
    def whole(self) -> int:
        """What was taken, or is to be, in minor units."""
        raise NotImplementedError

    @property
    def given_back(self) -> int:
        """What was given back so far, in minor units."""
        return self.whole if self.status is Status.REFUNDED else refund.total(self.refunds)

    @property
    def by_hand(self) -> int:
        """What of that nobody here asked for, in minor units."""
        return refund.by_hand(self.refunds)

    @property
    def covered(self) -> tuple[str, ...]:
        """The parts that were asked for and will not be made: their money went back otherwise."""
        covered = (each for each in self.refunds if each.status is RefundStatus.COVERED)
        return tuple(each.refund_id for each in covered if each.refund_id)

    def noted(self, told: Sequence[GivenBack], causation_id: str, at: datetime) -> Self:
        """The payment with the first of Stripe's refunds that it did not know of.

        To be asked until nothing changes. Once all of it is given back, it is REFUNDED, and what
        was asked for beside that is covered.
        """
        if self.status not in (Status.COLLECTED, Status.REFUNDING):
            return self
        reason = self.refund_reason or refund.BY_HAND
        one_more = refund.with_one_more(self.refunds, told, reason, at)
        if one_more is None:
            return self
        refunds, stripe_id = one_more
        status: Status = self.status
        if refund.total(refunds) >= self.whole:
            refunds, status = refund.covered(refunds), Status.REFUNDED
        fields = {"status": status, "refunds": refunds, "refund_id": stripe_id}
        return self._changed(causation_id, at, **fields)

    def _changed(self, causation_id: str, at: datetime, **fields: object) -> Self:
        edit = {"version": self.version + 1, "updated_at": at, "causation_id": causation_id}
        return self.model_copy(update=fields | edit)
