"""What a day's reconciliation with Stripe found. Pure rules.

A day is gone through in three lists, each a page at a time: Stripe's payment intents, Stripe's
refunds, and this service's own payments. What differs is a finding: mended, where that is what
Stripe's own message would have done had it come, or left for a person to look at.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from payments.model import Model, Timestamp

MOST_FINDINGS = 200
"""So many are kept in a report, those that are not mended before the others. All are counted."""


class Kind(StrEnum):
    """What was found to differ."""

    NOT_SETTLED = "NOT_SETTLED"
    """Stripe has ended the payment, and nobody told us."""
    NOT_GIVEN_BACK = "NOT_GIVEN_BACK"
    """Money that is to be given back was not."""
    REFUND_UNKNOWN = "REFUND_UNKNOWN"
    """Stripe has given money back that we did not know of."""
    REFUND_MISSING = "REFUND_MISSING"
    """We take money for given back that Stripe has not given back, or not any more."""
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    """Stripe has money for an order that has no payment."""
    INTENT_UNKNOWN = "INTENT_UNKNOWN"
    """Stripe has money for an order by another payment intent than the payment's."""
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    """Amount or currency are not the payment's."""
    NOT_TAKEN = "NOT_TAKEN"
    """We take the order for paid, and Stripe does not have the money."""
    STILL_OPEN = "STILL_OPEN"
    """Hours later, the payment has come to no end, at Stripe neither."""


class Finding(Model):
    """One thing that differs: of which order, what exactly, and whether it is mended by now."""

    kind: Kind
    order_id: str
    payment_intent_id: str | None = None
    told: str
    mended: bool


class Progress(StrEnum):
    """How far a reconciliation is."""

    RUNNING = "RUNNING"
    DONE = "DONE"


class Phase(StrEnum):
    """The list that is gone through."""

    INTENTS = "INTENTS"
    REFUNDS = "REFUNDS"
    PAYMENTS = "PAYMENTS"


_NEXT = {Phase.INTENTS: Phase.REFUNDS, Phase.REFUNDS: Phase.PAYMENTS}


class Summary(Model):
    """The reconciliation of the payments that were made on one day, UTC. Findings come beside."""

    day: date
    status: Progress
    started_at: Timestamp
    updated_at: Timestamp
    intents: Annotated[int, Field(description="Stripe's payment intents of that day")] = 0
    refunds: Annotated[int, Field(description="Stripe's refunds of that day")] = 0
    payments: Annotated[int, Field(description="Our payments of that day")] = 0
    foreign: Annotated[int, Field(description="Of Stripe's: those without an order of ours")] = 0
    left_behind: Annotated[int, Field(description="Intents of no payment's own, unpaid")] = 0
    differences: Annotated[int, Field(description="Findings that a person has to look at")] = 0
    mended: Annotated[int, Field(description="Findings that are in order again")] = 0


class Report(Summary):
    """A reconciliation as it is kept: what was found, and where it goes on. Counts its changes."""

    findings: tuple[Finding, ...] = ()
    phase: Phase = Phase.INTENTS
    position: str | None = None
    version: int = 1

    @classmethod
    def begin(cls, day: date, at: datetime, before: Self | None = None) -> Self:
        """The reconciliation of a day that is now to be done, in place of one from before."""
        version = before.version + 1 if before else 1
        return cls(day=day, status=Progress.RUNNING, started_at=at, updated_at=at, version=version)

    def counted(self, **more: int) -> Self:
        """With so many more looked at: intents, refunds, payments, foreign, left_behind."""
        return self.model_copy(update={n: getattr(self, n) + count for n, count in more.items()})

    def found(self, finding: Finding) -> Self:
        """With one more finding. What was found before is the same one."""
        alike = {(f.kind, f.order_id, f.payment_intent_id, f.mended) for f in self.findings}
        if (finding.kind, finding.order_id, finding.payment_intent_id, finding.mended) in alike:
            return self
        findings = (*self.findings, finding)
        if len(findings) > MOST_FINDINGS:
            mended = next((f for f in reversed(findings) if f.mended), findings[-1])
            findings = tuple(f for f in findings if f is not mended)
        edit = {
            "findings": findings,
            "mended": self.mended + finding.mended,
            "differences": self.differences + (not finding.mended),
        }
        return self.model_copy(update=edit)

    def at(self, position: str) -> Self:
        """Come so far in its list."""
        return self.model_copy(update={"position": position})

    def through(self) -> Self:
        """At the end of its list: the next one follows, or it is done."""
        following = _NEXT.get(self.phase)
        edit = {"phase": following} if following else {"status": Progress.DONE}
        return self.model_copy(update=edit | {"position": None})

    def saved(self, at: datetime) -> Self:
        """As it is saved after a step."""
        return self.model_copy(update={"version": self.version + 1, "updated_at": at})
