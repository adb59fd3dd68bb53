"""This service's DynamoDB table, whose only key is `pk`.

What is kept there stands in the modules that keep it: toy_items (toys and SKUs), stock_items
(reservations and adjustments), file_items, republication_items and error_items. The search reads
its indexes in catalogue.

An item whose change leads to messages has the header of the `trace` in which it was written.
"""

from typing import NamedTuple

from toys.error_items import ErrorItems
from toys.file_items import FileItems
from toys.raised import MessageError
from toys.republication_items import RepublicationItems, running
from toys.reservation import Reservation
from toys.stock_items import StockItems, Unmoved, read_reservation
from toys.store import Busy, Conflict, Item, trace_of
from toys.toy import Toy
from toys.toy_items import SkuTaken, read_toy

__all__ = [
    "Busy",
    "Conflict",
    "Seen",
    "SkuTaken",
    "ToysTable",
    "Unmoved",
    "change",
    "running",
    "trace_of",
]


class ToysTable(FileItems, StockItems, RepublicationItems, ErrorItems):
    """Loads and saves all that this service keeps. Raises botocore's ClientError as DynamoDB does.

    A write that meets another one is tried again, and raises Busy when it met one each time.
    """


class Seen(NamedTuple):
    """What a record of the stream tells of, before and after. An error is new, and stays.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: Toy | Reservation | None
    new: Toy | Reservation | MessageError
    trace: str | None


def change(old: Item | None, new: Item | None) -> Seen | None:
    """The change that an item's images show. None: of nothing that is told, or a removal."""
    if not new:
        return None
    match str(new["pk"]).partition("#")[0]:
        case "TOY":
            return Seen(read_toy(old), Toy.model_validate(new), trace_of(new))
        case "RESERVATION":
            return Seen(read_reservation(old), Reservation.model_validate(new), trace_of(new))
        case "ERROR" if not old:
            return Seen(None, MessageError.model_validate(new), trace_of(new))
    return None
