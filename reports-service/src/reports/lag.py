"""What is counted of the orders that are written: how many, and how late. Pure, no AWS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reports.messages import OrderEvent, OrderRepublished


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_written(events: Sequence[OrderEvent], at: datetime) -> list[Figure]:
    """What a batch adds to the figures: the orders that it changed, and how late the latest was.

    An order that is told again is as old as its last change, which is nobody's delay.

    Args:
        events: the messages of which orders were written, one of each order.
        at: when they were.
    """
    if not events:
        return []
    late = [
        (at - event.metadata.occurred_at).total_seconds()
        for event in events
        if not isinstance(event, OrderRepublished)
    ]
    written = Figure("OrdersWritten", len(events))
    return [written, Figure("ReportsLag", max(0.0, *late), "Seconds")] if late else [written]
