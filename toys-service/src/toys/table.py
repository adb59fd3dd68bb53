"""This service's DynamoDB table: toys, and the reservations made of them.

| pk                       | item          | byListing (sparse: toys in the catalogue) |
|--------------------------|---------------|-------------------------------------------|
| `TOY#<toyId>`            | `Toy`         | `listing` = "LISTED", `toyId`             |
| `RESERVATION#<orderId>`  | `Reservation` |                                           |
"""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key

from toys.reservation import Reservation, Status
from toys.toy import Toy

ATTEMPTS = 6
"""How often a transaction that met another one is tried before the message has to come again."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class ToysTable:
    """Loads and saves toys and reservations. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb").Table(name)
        self._client = self._table.meta.client

    def toy(self, toy_id: str) -> Toy | None:
        """The toy as it is now, deleted or not."""
        return _toy(self._get(f"TOY#{toy_id}"))

    def reservation(self, order_id: str) -> Reservation | None:
        """The order's reservation as it is now."""
        return _reservation(self._get(f"RESERVATION#{order_id}"))

    def listed(self, limit: int, after: str | None) -> tuple[list[Toy], str | None]:
        """A page of the catalogue by toy id, and where the next page starts, if there is one."""
        start = (
            {"ExclusiveStartKey": {"pk": f"TOY#{after}", "listing": "LISTED", "toyId": after}}
            if after
            else {}
        )
        page = self._table.query(
            IndexName="byListing",
            KeyConditionExpression=Key("listing").eq("LISTED"),
            Limit=limit,
            **start,  # type: ignore[arg-type]
        )
        toys = [Toy.model_validate(item) for item in page["Items"]]
        return toys, toys[-1].toy_id if "LastEvaluatedKey" in page else None

    def add(self, toy: Toy) -> None:
        """Save a new toy. Raises Conflict when its id is taken."""
        self._put(toy, Attr("pk").not_exists())

    def save(self, toy: Toy) -> None:
        """Save the next version of a toy. Raises Conflict when another one came first."""
        self._put(toy, Attr("version").eq(toy.version - 1))

    def reserve(self, reservation: Reservation) -> bool:
        """Take every line off the stock and keep the reservation, in one transaction.

        Returns False, having changed nothing, when a toy is not there, costs something else or
        there are too few of it. Raises Conflict when the order has a reservation already.
        """
        moves = [
            {
                "Update": {
                    "TableName": self._table.name,
                    "Key": {"pk": f"TOY#{line.toy_id}"},
                    "ConditionExpression": "attribute_not_exists(deletedAt) AND price = :price"
                    " AND currency = :currency AND stock >= :quantity",
                    "UpdateExpression": "SET stock = stock - :quantity, " + _TOUCH,
                    "ExpressionAttributeValues": {
                        ":quantity": line.quantity,
                        ":price": line.price,
                        ":currency": reservation.currency,
                        **_touch(reservation),
                    },
                }
            }
            for line in reservation.lines
        ]
        failed = self._transact([self._new(reservation), *moves])
        if 0 in failed:
            raise Conflict(f"order {reservation.order_id} has a reservation already")
        return not failed

    def keep(self, reservation: Reservation) -> None:
        """Save a reservation that holds nothing. Raises Conflict when the order has one already."""
        if self._transact([self._new(reservation)]):
            raise Conflict(f"order {reservation.order_id} has a reservation already")

    def release(self, reservation: Reservation) -> None:
        """Put every line back on the shelf and save the released reservation, in one transaction.

        Raises Conflict when the reservation is no longer held.
        """
        settled = {
            "Put": {
                "TableName": self._table.name,
                "Item": _reservation_item(reservation),
                "ConditionExpression": "#status = :held",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":held": Status.RESERVED.value},
            }
        }
        moves = [
            {
                "Update": {
                    "TableName": self._table.name,
                    "Key": {"pk": f"TOY#{line.toy_id}"},
                    "ConditionExpression": "attribute_exists(pk)",
                    "UpdateExpression": "SET stock = stock + :quantity, " + _TOUCH,
                    "ExpressionAttributeValues": {
                        ":quantity": line.quantity,
                        **_touch(reservation),
                    },
                }
            }
            for line in reservation.lines
        ]
        if self._transact([settled, *moves]):
            raise Conflict(f"the reservation of order {reservation.order_id} is not held")

    def _get(self, pk: str) -> Mapping[str, Any] | None:
        return self._table.get_item(Key={"pk": pk}, ConsistentRead=True).get("Item")

    def _put(self, toy: Toy, condition: Any) -> None:
        try:
            self._table.put_item(Item=_toy_item(toy), ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"toy {toy.toy_id} is not what it was") from error

    def _new(self, reservation: Reservation) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": _reservation_item(reservation),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _transact(self, items: Sequence[dict[str, Any]]) -> set[int]:
        """Write all items or none. Returns the positions whose condition did not hold.

        Two orders for one toy may meet in the same instant. That says nothing about the stock,
        so the transaction is tried again after a short random pause.
        """
        attempt = 0
        while True:
            try:
                self._client.transact_write_items(TransactItems=items)  # type: ignore[arg-type]
                return set()
            except self._client.exceptions.TransactionCanceledException as error:
                codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
                failed = {i for i, code in enumerate(codes) if code == "ConditionalCheckFailed"}
                if failed:
                    return failed
                attempt += 1
                if "TransactionConflict" not in codes or attempt == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))


_TOUCH = (
    "version = version + :one, updatedAt = :at, correlationId = :correlation, causationId = :cause"
)


def _touch(reservation: Reservation) -> dict[str, Any]:
    return {
        ":one": 1,
        ":at": reservation.model_dump()["updatedAt"],
        ":correlation": reservation.correlation_id,
        ":cause": reservation.causation_id,
    }


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Toy | None, Toy] | tuple[Reservation | None, Reservation] | None:
    """What a stream record tells of: a toy or a reservation, before and after. None: a removal."""
    if not new:
        return None
    if new["pk"].startswith("TOY#"):
        return _toy(old), Toy.model_validate(new)
    return _reservation(old), Reservation.model_validate(new)


def _toy(item: Mapping[str, Any] | None) -> Toy | None:
    return Toy.model_validate(item) if item else None


def _reservation(item: Mapping[str, Any] | None) -> Reservation | None:
    return Reservation.model_validate(item) if item else None


def _toy_item(toy: Toy) -> dict[str, Any]:
    listing = {} if toy.deleted_at else {"listing": "LISTED"}
    item = toy.model_dump(mode="json", exclude_none=True)
    return {"pk": f"TOY#{toy.toy_id}", **listing, **item}


def _reservation_item(reservation: Reservation) -> dict[str, Any]:
    item = reservation.model_dump(mode="json", exclude_none=True)
    return {"pk": f"RESERVATION#{reservation.order_id}", **item}
