"""What is counted of the parcels: figures off committed changes, and off the watch. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what is owed.
"""

from dataclasses import dataclass
from typing import Literal

from fulfilment.shipment import Kept, Shipment, Status


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


def of_change(old: Kept | None, new: Kept) -> list[Figure]:
    """What a change adds to the figures: a count for each state entered, and how long it took."""
    if not isinstance(new, Shipment) or (isinstance(old, Shipment) and old.status is new.status):
        return []
    match new.status, new.dispatched_at:
        case Status.DISPATCHED, at if at:
            took = (at - new.created_at).total_seconds()
            return [Figure("ParcelsDispatched", 1), Figure("TimeToDispatch", took, "Seconds")]
        case Status.DELIVERED, _:
            return [Figure("ParcelsDelivered", 1)]
        case Status.FAILED, _:
            return [Figure("ParcelsFailed", 1)]
    return []


def of_watch(late: int, oldest: float) -> list[Figure]:
    """What is found each hour: how many parcels wait too long, and the seconds of the oldest."""
    return [
        Figure("ShipmentsWaitingTooLong", late),
        Figure("OldestShipmentWaiting", oldest, "Seconds"),
    ]
