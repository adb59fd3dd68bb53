"""What is counted of the orders: figures off committed changes. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what is owed.
"""

from dataclasses import dataclass
from typing import Literal

from orders.order import Order
from orders.saga import Status


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_change(old: Order | None, new: Order) -> list[Figure]:
    """What a change adds to the figures: a count for each state entered, and how long it took."""
    known = old.version if old else 0
    figures = []
    for entry in new.history:
        if entry.version <= known:
            continue
        took = (entry.at - new.placed_at).total_seconds()
        match entry.status:
            case Status.PLACED:
                figures.append(Figure("OrdersPlaced", 1))
            case Status.CONFIRMED:
                figures += [Figure("OrdersConfirmed", 1), Figure("TimeToConfirm", took, "Seconds")]
            case Status.DELIVERED:
                figures += [Figure("OrdersDelivered", 1), Figure("TimeToDeliver", took, "Seconds")]
            case Status.CANCELLED:
                figures.append(Figure("OrdersCancelled", 1, by=("reason", str(new.reason))))
    return figures


def of_sweep(late: int, owed: list[int]) -> list[Figure]:
    """What is found each minute that should not be.

    Args:
        late: the orders that wait in spite of the sweep, well past their deadlines.
        owed: of each order whose money should be back by now, what is not, in minor units.
    """
    return [
        Figure("OrdersPastDeadline", late),
        Figure("RefundsOverdue", len(owed)),
        Figure("MoneyOwed", sum(owed), "None"),
    ]
