"""What staff give back of an order, whole or in part. Pure, no AWS."""

from collections import Counter
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orders.model import MOST, Given, Model, Money, Timestamp
from orders.purchase import Id, Line

MOST_REFUNDS = 50
"""How often something is given back of one order: all of that is kept with it."""

StaffText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"\S")
]
"""Why staff did something, in their words. Nobody else is told."""


BY_HAND = "by-hand"
"""The refund id under which is told what somebody gave back at Stripe, all in all."""


class Excess(Exception):
    """More is to be given back than is left. `left` is what is, in minor units."""

    def __init__(self, message: str, left: int) -> None:
        super().__init__(message)
        self.left = left


class RefundLine(Model):
    """So many units of a toy that are given back."""

    toy_id: str
    quantity: int


class RefundLineDraft(Given):
    """So many units of a toy that was bought."""

    toy_id: Id
    quantity: Annotated[int, Field(ge=1, le=99)]


class RefundDraft(Given):
    """What is to be given back: an amount, or what lines cost, or else all that is left."""

    amount: Annotated[
        int | None,
        Field(ge=1, le=MOST, description="In minor units of the order's currency"),
    ] = None
    lines: Annotated[list[RefundLineDraft] | None, Field(min_length=1, max_length=50)] = None
    reason: StaffText

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Raise ValueError for an amount and lines at once, and for two lines of one toy."""
        if self.amount is not None and self.lines is not None:
            raise ValueError("give an amount or lines, not both")
        toys = [line.toy_id for line in self.lines or ()]
        if len(set(toys)) < len(toys):
            raise ValueError("there is more than one line for a toy")
        return self

    @property
    def fingerprint(self) -> str:
        """The same for the same request, however the JSON was written."""
        return sha256(self.model_dump_json(exclude_none=True).encode()).hexdigest()


class StaffRefund(Model):
    """What staff asked to be given back, and when. `version` is the order's that asks for it."""

    refund_id: str
    amount: Money
    reason: str
    lines: tuple[RefundLine, ...] | None = None
    requested_at: Timestamp
    version: int
    fingerprint: str
    rest: bool = Field(False, description="Whether it is all that was left, whatever that was")
    covered: bool = Field(
        False, description="Whether it will not be made: its money went back otherwise"
    )


class Refund(Model):
    """What is given back, or has been, all in all, in minor units of the order's currency."""

    amount: Money
    status: Literal["PENDING", "REFUNDED"]


class RefundData(Model):
    """A part of what is given back, in minor units of the order's currency.

    Staff asked for it then. "by-hand" is what was given back at Stripe, all in all, and when that
    total was first told.
    """

    refund_id: str
    amount: Money
    requested_at: Timestamp


def total(asked: tuple[StaffRefund, ...]) -> int:
    """What staff asked for, in minor units, without what is covered."""
    return sum(refund.amount for refund in asked if not refund.covered)


def unmet(asked: tuple[StaffRefund, ...], told: int) -> datetime | None:
    """When the first of what staff asked for was that is not made; None: all of it is.

    Args:
        told: how much of it was told given back, in minor units. That is the oldest of it.
    """
    for refund in asked:
        if refund.covered:
            continue
        told -= refund.amount
        if told < 0:
            return refund.requested_at
    return None


def settled(
    asked: tuple[StaffRefund, ...], covered: tuple[str, ...], by_hand: int, gross: int
) -> tuple[StaffRefund, ...]:
    """What staff asked for, once it is told which of that is covered, and how much is by hand.

    All that was left is what neither they asked for beside it, nor went back by hand.
    """
    told = [refund.model_copy(update={"covered": refund.refund_id in covered}) for refund in asked]
    left = gross - by_hand - total(tuple(refund for refund in told if not refund.rest))
    return tuple(
        refund.model_copy(update={"amount": max(0, left)}) if refund.rest else refund
        for refund in told
    )


def parts(
    asked: tuple[StaffRefund, ...], by_hand: int, by_hand_at: datetime | None, gross: int
) -> tuple[RefundData, ...]:
    """What an order's refund is made of as far as each has a time, oldest first: never above gross.

    What is covered is none of them, nor what goes back since the order was cancelled.
    """
    told = [
        RefundData.model_validate(refund, from_attributes=True)
        for refund in asked
        if refund.amount and not refund.covered
    ]
    rest = min(by_hand, gross - total(asked))
    if by_hand_at and rest > 0:
        told.append(RefundData(refund_id=BY_HAND, amount=rest, requested_at=by_hand_at))
    return tuple(sorted(told, key=lambda part: part.requested_at))


def amount_of(
    draft: RefundDraft, bought: tuple[Line, ...], before: tuple[StaffRefund, ...], left: int
) -> int:
    """What a request comes to, in minor units. `left` is what is left of the order.

    Raises Excess for more than that, for more units than are left, and for nothing.
    """
    if draft.lines is None:
        amount = left if draft.amount is None else draft.amount
    else:
        amount = _price(draft.lines, bought, before, left)
    if amount > left:
        raise Excess(f"{amount} is more than what is left of the order: {left}", left)
    if amount == 0:
        raise Excess(f"That comes to nothing. Of the order, {left} is left", left)
    return amount


def _price(
    wanted: list[RefundLineDraft],
    bought: tuple[Line, ...],
    before: tuple[StaffRefund, ...],
    left: int,
) -> int:
    lines = {line.toy_id: line for line in bought}
    returned: Counter[str] = Counter()
    for refund in before:
        for gone in () if refund.covered else refund.lines or ():
            returned[gone.toy_id] += gone.quantity
    for line in wanted:
        units = lines[line.toy_id].quantity if line.toy_id in lines else 0
        units -= returned[line.toy_id]
        if line.quantity > units:
            raise Excess(
                f"Of toy {line.toy_id}, {units} units are left to be given back, "
                f"not {line.quantity}. Of the order, {left} is left",
                left,
            )
    return sum(lines[line.toy_id].price * line.quantity for line in wanted)
