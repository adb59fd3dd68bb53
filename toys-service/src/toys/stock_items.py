"""Stock in the table: what orders hold of it, and what else changed it.

| pk                         | item                                                |
|----------------------------|-----------------------------------------------------|
| `RESERVATION#<orderId>`    | `Reservation`; in `byToy` for the first of its lines |
| `HOLD#<orderId>#<toyId>`   | its place in `byToy`, for each further line         |
| `ADJUSTMENT#<toyId>#<key>` | `Adjustment`, under its idempotency key             |

`byToy` has keys alone, by toy (`ofToy`) and time (`since`): "ADJUSTMENT#<at>#<key>" or
"RESERVATION#<at>#<orderId>".
"""

from typing import Any

from boto3.dynamodb.conditions import Key

from toys.adjustment import Adjustment
from toys.cursor import Position
from toys.reservation import HeldLine, Reservation, ReservedLine, Status
from toys.store import Change, Conflict, Item, Part, Store, plain, traced
from toys.toy import MOST_STOCK, Fulfilment, Toy


class StockItems(Store):
    """Loads and saves reservations and adjustments, each with the stock that it moves."""

    def reservation(self, order_id: str) -> Reservation | None:
        """The order's reservation as it is now."""
        return read_reservation(self._get(_reservation_key(order_id)))

    def reserve(self, reservation: Reservation) -> tuple[HeldLine, Toy | None] | None:
        """Take every line off the stock and keep the reservation, in one transaction.

        Returns None when that was done. When a toy is not there, costs something else, there are
        too few of it, or it is not what its line says, nothing is changed: returns the first line
        of which that is so, with its toy as it was when the transaction looked at it. Raises
        Conflict when the order has a reservation already.
        """
        moves = [self._take(reservation, line) for line in reservation.lines]
        # Two for each line, one hundred for fifty: as many as a transaction may have.
        failed = self._transact(
            [self._new(_reservation_item(reservation)), *moves, *self._holds(reservation)]
        )
        if 0 in failed:
            raise Conflict(f"order {reservation.order_id} has a reservation already")
        if not failed:
            return None
        first = min(failed)
        toy = failed[first]
        return reservation.lines[first - 1], Toy.model_validate(toy) if toy else None

    def keep(self, reservation: Reservation) -> None:
        """Save a reservation that holds nothing. Raises Conflict when the order has one already."""
        if self._transact([self._new(_reservation_item(reservation))]):
            raise Conflict(f"order {reservation.order_id} has a reservation already")

    def release(self, reservation: Reservation) -> None:
        """Put every line back on the shelf and save the released reservation, in one transaction.

        Raises Conflict when the reservation is no longer held.
        """
        settled = self._put(
            _reservation_item(reservation), "#status = :held", held=Status.RESERVED.value
        )
        settled["Put"]["ExpressionAttributeNames"] = {"#status": "status"}
        moves = [
            self._update(
                f"TOY#{line.toy_id}", _touched(reservation, line.quantity), "attribute_exists(pk)"
            )
            for line in reservation.lines
        ]
        if self._transact([settled, *moves]):
            raise Conflict(f"the reservation of order {reservation.order_id} is not held")

    def adjust(self, asked: Adjustment, key: str) -> Adjustment:
        """Move a toy's stock and keep the adjustment under its key, in one transaction.

        Returns the adjustment that is kept under the key: `asked`, or another one that was there
        before, in which case nothing is changed. Raises Unmoved, with the toy as it is, when there
        would be too few or too many of it then, or it is not in the catalogue.
        """
        within = "stock >= :fewest" if asked.delta < 0 else "stock <= :most"
        bound = {"fewest": -asked.delta} if asked.delta < 0 else {"most": MOST_STOCK - asked.delta}
        change = Change(
            to={"updatedAt": plain(asked)["at"], "correlationId": asked.toy_id},
            by={"stock": asked.delta, "version": 1},
            without=["causationId"],
        )
        move = self._update(
            f"TOY#{asked.toy_id}", change, f"attribute_not_exists(deletedAt) AND {within}", **bound
        )
        failed = self._transact([move, self._new(adjustment_item(asked, key))])
        if not failed:
            return asked
        # The condition may have met this very adjustment, which is then to be seen.
        kept = failed.get(1) or self._get(_adjustment_key(asked.toy_id, key))
        if kept and kept["toyId"] == asked.toy_id:
            return Adjustment.model_validate(kept)
        toy = failed.get(0)
        raise Unmoved(Toy.model_validate(toy) if toy else None)

    def adjustments(
        self, toy_id: str, limit: int, after: Position | None
    ) -> tuple[list[Adjustment], Position | None]:
        """The adjustments of a toy's stock, the newest first, and where the next page starts."""
        keys, following = self._of_toy(toy_id, "ADJUSTMENT#", limit, after)
        found = self._get_all(keys)
        return [Adjustment.model_validate(found[key]) for key in keys if key in found], following

    def reservations(
        self, toy_id: str, limit: int, after: Position | None
    ) -> tuple[list[ReservedLine], Position | None]:
        """What orders hold or held of a toy, the newest first, and where the next page starts."""
        keys, following = self._of_toy(toy_id, "RESERVATION#", limit, after)
        kept = [_kept_in(key, toy_id) for key in keys]
        found = self._get_all(kept)
        lines = [Reservation.model_validate(found[key]).of(toy_id) for key in kept if key in found]
        return [line for line in lines if line], following

    def _of_toy(
        self, toy_id: str, kind: str, limit: int, after: Position | None
    ) -> tuple[list[str], Position | None]:
        """The keys of a page of what belongs to a toy."""
        asked: dict[str, Any] = {
            "IndexName": "byToy",
            "KeyConditionExpression": Key("ofToy").eq(toy_id) & Key("since").begins_with(kind),
            "ScanIndexForward": False,
            "Limit": limit + 1,
        }
        if after:
            asked["ExclusiveStartKey"] = {"pk": after[0], "ofToy": toy_id, "since": after[1]}
        found = self._table.query(**asked)["Items"]
        page, more = found[:limit], found[limit:]
        keys = [str(item["pk"]) for item in page]
        return keys, (keys[-1], str(page[-1]["since"])) if more else None

    def _take(self, reservation: Reservation, line: HeldLine) -> Part:
        """A line off the stock of its toy, if that is what the line says."""
        held = {"category": line.category or "", "fulfilment": line.fulfilment.value}
        if line.fulfilment is Fulfilment.DIGITAL:
            as_held = "fulfilment = :fulfilment AND downloadFileId = :file"
            held["file"] = line.file_id or ""
        else:
            as_held = "(attribute_not_exists(fulfilment) OR fulfilment = :fulfilment)"
        return self._update(
            f"TOY#{line.toy_id}",
            _touched(reservation, -line.quantity),
            "attribute_not_exists(deletedAt) AND price = :price AND currency = :currency"
            f" AND stock >= :quantity AND category = :category AND {as_held}",
            quantity=line.quantity,
            price=line.price,
            currency=reservation.currency,
            **held,
        )

    def _holds(self, reservation: Reservation) -> list[Part]:
        """The places of all lines but the first. They go with the reservation, which is new."""
        return [
            self._set(
                {"pk": f"HOLD#{reservation.order_id}#{line.toy_id}", **_place(reservation, n)}
            )
            for n, line in enumerate(reservation.lines)
            if n
        ]


class Unmoved(Exception):
    """The stock cannot change like that. `toy` is as it is; None: it is not in the catalogue."""

    def __init__(self, toy: Toy | None) -> None:
        super().__init__("the stock is as it was")
        self.toy = toy if toy and not toy.deleted_at else None


def adjustment_item(adjustment: Adjustment, key: str) -> dict[str, Any]:
    """An adjustment as it is kept under its idempotency key."""
    item = plain(adjustment)
    place = {"ofToy": adjustment.toy_id, "since": f"ADJUSTMENT#{item['at']}#{key}"}
    return {"pk": _adjustment_key(adjustment.toy_id, key), **place, **item}


def read_reservation(item: Item | None) -> Reservation | None:
    """The reservation of an item."""
    return Reservation.model_validate(item) if item else None


def _reservation_item(reservation: Reservation) -> dict[str, Any]:
    listed = _place(reservation, 0) if reservation.reserved_at and reservation.lines else {}
    item = {"pk": _reservation_key(reservation.order_id), **listed, **plain(reservation)}
    return traced(item)


def _place(reservation: Reservation, line: int) -> dict[str, str]:
    """Where a line stands among those of its toy."""
    at = plain(reservation)["reservedAt"]
    return {
        "ofToy": reservation.lines[line].toy_id,
        "since": f"RESERVATION#{at}#{reservation.order_id}",
    }


def _touched(reservation: Reservation, units: int) -> Change:
    """What becomes of a toy when so many units of it come back, or go."""
    told = plain(reservation, {"updated_at", "correlation_id", "causation_id"})
    return Change(to=told, by={"stock": units, "version": 1})


def _reservation_key(order_id: str) -> str:
    return f"RESERVATION#{order_id}"


def _adjustment_key(toy_id: str, key: str) -> str:
    return f"ADJUSTMENT#{toy_id}#{key}"


def _kept_in(key: str, toy_id: str) -> str:
    """The key of the reservation that a key in `byToy` stands for."""
    if key.startswith("HOLD#"):
        return _reservation_key(key.removeprefix("HOLD#").removesuffix(f"#{toy_id}"))
    return key
