"""What is counted of the stock: figures off committed changes. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what there is.
"""

from dataclasses import dataclass
from typing import Literal

from toys.reservation import Reservation, Status
from toys.toy import Availability, Toy


@dataclass(frozen=True)
class Figure:
    """A value of a metric. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float
    unit: Literal["Count", "Seconds", "None"] = "Count"
    by: tuple[str, str] | None = None


PICTURE_REFUSED = Figure("PicturesRefused", 1)
"""A file of a toy was not kept. It is counted as it is heard: nothing changes here."""


def of_reservation(old: Reservation | None, new: Reservation) -> list[Figure]:
    """What a reservation's change adds. One that never held anything gives nothing back."""
    if old and old.status == new.status:
        return []
    match new.status:
        case Status.RESERVED:
            return [Figure("ReservationsMade", 1)]
        case Status.REFUSED:
            return [Figure("ReservationsRefused", 1, by=("reason", str(new.reason)))]
        case Status.RELEASED if old:
            return [Figure("StockReleases", 1)]
    return []


def of_toy(old: Toy | None, new: Toy) -> list[Figure]:
    """What a toy's change adds: one, where the last of it is sold, or its file is gone."""
    is_out = new.availability is Availability.SOLD_OUT and not new.deleted_at
    was_in = old is not None and old.availability is not Availability.SOLD_OUT
    return [Figure("ToysOutOfStock", 1)] if is_out and was_in else []
