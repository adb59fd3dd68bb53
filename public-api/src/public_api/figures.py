"""What is counted of what shoppers ask for: figures off committed changes. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what is owed.
"""

from dataclasses import dataclass
from typing import Literal

from public_api.order import Order


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_change(old: Order | None, new: Order) -> list[Figure]:
    """What a change adds to the figures: an order submitted, a cancellation asked for."""
    figures = []
    if old is None and new.submission:
        figures.append(Figure("OrdersSubmitted", 1))
    if new.cancellation and not (old and old.cancellation):
        figures.append(Figure("CancellationsSubmitted", 1))
    return figures
