"""What is given back of a payment, in one or more parts. Pure rules.

PENDING -> REFUNDED | COVERED

A part that is asked for is PENDING until Stripe has it. Stripe alone knows what was given back: a
refund made by hand in its Dashboard counts as any other, and so does the rest that the refund of
the whole gives back; those are REFUNDED when they are first heard of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from payments.model import Model, Money, Timestamp

BY_HAND = "BY_HAND"
"""Why money was given back that this service did not give back: somebody did so at Stripe."""


class RefundStatus(StrEnum):
    """How far a refund has come."""

    PENDING = "PENDING"
    REFUNDED = "REFUNDED"
    COVERED = "COVERED"
    """It will not be made: what it asked for went back otherwise."""


class Refund(Model):
    """A part of the money that is given back, or was. `amount` is in minor units."""

    refund_id: Annotated[
        str | None, Field(description="Of the command that asked for this part; null: for no part")
    ] = None
    amount: Money
    status: RefundStatus
    reason: str
    attempt: Annotated[int, Field(description="Idempotency keys that are used up at Stripe")] = 0
    requested_at: Timestamp | None = None
    stripe_id: str | None = None
    refunded_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund as Stripe has it.

    Attributes:
        stripe_id: re_...
        amount: minor units.
        refund_id: the part that it was made for; None: for the rest, or by hand.
        ours: whether this service made it.
        stands: False when it failed or was canceled, and the money is not given back.
    """

    stripe_id: str
    amount: int
    refund_id: str | None
    ours: bool
    stands: bool


def total(refunds: Sequence[Refund]) -> int:
    """What was given back, in minor units."""
    return sum(each.amount for each in refunds if each.status is RefundStatus.REFUNDED)


def by_hand(refunds: Sequence[Refund]) -> int:
    """What of that was given back at Stripe and asked for by nobody here, in minor units."""
    done = (each for each in refunds if each.status is RefundStatus.REFUNDED)
    return sum(each.amount for each in done if each.refund_id is None and each.reason == BY_HAND)


def promised(refunds: Sequence[Refund]) -> int:
    """What was or is to be given back, in minor units."""
    return sum(each.amount for each in refunds if each.status is not RefundStatus.COVERED)


def failures(told: Sequence[GivenBack], refund_id: str) -> int:
    """How many refunds that Stripe made for this part have failed."""
    return sum(each.refund_id == refund_id and not each.stands for each in told)


def with_one_more(
    refunds: Sequence[Refund], told: Sequence[GivenBack], reason: str, at: Timestamp
) -> tuple[tuple[Refund, ...], str] | None:
    """The refunds with the first one of Stripe's that they lack, and its id. None: they lack none.

    One at a time, so that each is a change of its own, and told by itself. `reason` is that of the
    rest, which no part asked for.
    """
    known = {each.stripe_id for each in refunds}
    failed = {each.stripe_id for each in told if not each.stands}
    for each in told:
        if not each.stands or each.stripe_id in known:
            continue
        done = {
            "status": RefundStatus.REFUNDED,
            "amount": each.amount,
            "stripe_id": each.stripe_id,
            "refunded_at": at,
        }
        for place, part in enumerate(refunds):
            if part.status is not RefundStatus.REFUNDED and part.refund_id == each.refund_id:
                made = part.model_copy(update=done)
                return (*refunds[:place], made, *refunds[place + 1 :]), each.stripe_id
            # What failed after it was noted, and was given back anew by hand, counts once.
            if not each.ours and (part.amount, part.stripe_id in failed) == (each.amount, True):
                anew = part.model_copy(update={"stripe_id": each.stripe_id, "refunded_at": at})
                return (*refunds[:place], anew, *refunds[place + 1 :]), each.stripe_id
        made = Refund.model_validate(
            done | {"refund_id": each.refund_id, "reason": reason if each.ours else BY_HAND}
        )
        return (*refunds, made), each.stripe_id
    return None


def covered(refunds: Sequence[Refund]) -> tuple[Refund, ...]:
    """The refunds, of which those that are not made will not be."""
    return tuple(
        each.model_copy(update={"status": RefundStatus.COVERED})
        if each.status is RefundStatus.PENDING
        else each
        for each in refunds
    )
