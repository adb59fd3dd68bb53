"""This service's DynamoDB table, whose only key is `pk`.

What is kept there stands in the modules that keep it: toy_items (toys and SKUs), stock_items
(reservations and adjustments), file_items and republication_items. The search reads its indexes
in catalogue.
"""

from toys.file_items import FileItems
from toys.republication_items import RepublicationItems, running
from toys.reservation import Reservation
from toys.stock_items import StockItems, Unmoved, read_reservation
from toys.store import Busy, Conflict, Item
from toys.toy import Toy
from toys.toy_items import SkuTaken, read_toy

__all__ = ["Busy", "Conflict", "SkuTaken", "ToysTable", "Unmoved", "images", "running"]


class ToysTable(FileItems, StockItems, RepublicationItems):
    """Loads and saves all that this service keeps. Raises botocore's ClientError as DynamoDB does.

    A write that meets another one is tried again, and raises Busy when it met one each time.
    """


def images(
    old: Item | None, new: Item | None
) -> tuple[Toy | None, Toy] | tuple[Reservation | None, Reservation] | None:
    """What a stream record tells of: a toy or a reservation, before and after. None: neither."""
    match (new or {}).get("pk", "").partition("#")[0]:
        case "TOY":
            return read_toy(old), Toy.model_validate(new)
        case "RESERVATION":
            return read_reservation(old), Reservation.model_validate(new)
    return None
