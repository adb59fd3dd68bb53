"""What is counted of payments: figures off committed changes, and off what Stripe tells. Pure.

A batch of the stream that comes again is counted again: they tell how things go, not what is owed.
"""

from dataclasses import dataclass
from typing import Literal

from payments.payment import Payment, Tombstone
from payments.reconciliation import Report
from payments.record import Status


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float = 1
    unit: Literal["Count", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_change(old: Payment | Tombstone | None, new: Payment | Tombstone) -> list[Figure]:
    """What a change adds to the figures. Amounts are in minor units of their currency.

    All that Stripe took is collected, also what nobody waited for any more: it is given back, and
    counts as refunded then.
    """
    figures = []
    if _taken(new) and not (old and _taken(old)):
        figures += [Figure("PaymentsCollected"), _amount("AmountCollected", new.whole, new)]
    if new.status is Status.FAILED and not (old and old.status is Status.FAILED):
        figures.append(Figure("PaymentsDeclined"))
    more = new.given_back - (old.given_back if old else 0)
    if more > 0:
        figures += [Figure("RefundsMade"), _amount("AmountRefunded", more, new)]
    return figures


def of_report(report: Report) -> list[Figure]:
    """What a reconciliation found."""
    return [
        Figure("ReconciliationDifferences", report.differences),
        Figure("ReconciliationMended", report.mended),
    ]


def _taken(payment: Payment | Tombstone) -> bool:
    """Whether Stripe has taken the money, or had."""
    if isinstance(payment, Payment):
        return payment.collected_at is not None
    return payment.amount is not None


def _amount(name: str, amount: int, payment: Payment | Tombstone) -> Figure:
    return Figure(name, amount, "None", ("currency", str(payment.currency)))
