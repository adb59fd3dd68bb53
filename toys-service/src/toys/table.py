"""This service's DynamoDB table: toys, and the reservations made of them.

| pk                       | item          | byListing (sparse: toys in the catalogue) |
|--------------------------|---------------|-------------------------------------------|
| `TOY#<toyId>`            | `Toy`         | `listing` = "LISTED", `toyId`             |
| `RESERVATION#<orderId>`  | `Reservation` |                                           |
"""

import random
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from toys.reservation import Line, Reservation, Status
from toys.toy import Toy

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32)
"""Seconds that a write which met another one waits, at most, before each new try.

A message may wait for all of them twice, where a reservation is refused and that is kept. The
inbox is given no more messages at once than could all do so within its time.
"""

CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
"""Why DynamoDB cancels a transaction that may succeed as it is, a moment later."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class Busy(Exception):
    """Others kept writing the same items. Nothing is known of these, and nothing was written."""


class ToysTable:
    """Loads and saves toys and reservations. Raises botocore's ClientError when DynamoDB fails.

    A write that meets another one is tried again, and raises Busy when it met one each time.
    """

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
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

    def reserve(self, reservation: Reservation) -> tuple[Line, Toy | None] | None:
        """Take every line off the stock and keep the reservation, in one transaction.

        Returns None when that was done. When a toy is not there, costs something else or there
        are too few of it, nothing is changed: returns the first line of which that is so, with
        its toy as it was when the transaction looked at it. Raises Conflict when the order has a
        reservation already.
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
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for line in reservation.lines
        ]
        failed = self._transact([self._new(reservation), *moves])
        if 0 in failed:
            raise Conflict(f"order {reservation.order_id} has a reservation already")
        if not failed:
            return None
        first = min(failed)
        return reservation.lines[first - 1], _toy(failed[first])

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
        def put() -> None:
            try:
                self._table.put_item(Item=_toy_item(toy), ConditionExpression=condition)
            except self._client.exceptions.ConditionalCheckFailedException as error:
                raise Conflict(f"toy {toy.toy_id} is not what it was") from error
            except self._client.exceptions.TransactionConflictException as error:
                raise Busy(f"toy {toy.toy_id} is being written by others") from error

        _insist(put)

    def _new(self, reservation: Reservation) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": _reservation_item(reservation),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _transact(self, items: Sequence[dict[str, Any]]) -> dict[int, Mapping[str, Any] | None]:
        """Write all items or none. Returns the positions whose condition did not hold.

        With each comes the item that the condition looked at, where it was asked for. A position
        that met another transaction says nothing of its item; one whose condition failed does,
        whatever the others say.
        """

        def write() -> dict[int, Mapping[str, Any] | None]:
            try:
                self._client.transact_write_items(TransactItems=items)  # type: ignore[arg-type]
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                codes = [reason.get("Code", "None") for reason in reasons]
                if "ConditionalCheckFailed" in codes:
                    return {
                        position: _native(reasons[position].get("Item"))
                        for position, code in enumerate(codes)
                        if code == "ConditionalCheckFailed"
                    }
                if set(codes) <= CONTENTION | {"None"}:
                    raise Busy(f"a transaction was cancelled: {', '.join(codes)}") from error
                raise
            return {}

        return _insist(write)


def _insist[T](write: Callable[[], T]) -> T:
    """What `write` returns, once it does not raise Busy. Raises Busy when it always did.

    Two orders for one toy may meet in the same instant. That says nothing about the stock, so the
    write is tried again. The pauses are random, or the two would meet each time.
    """
    for longest in PAUSES:
        try:
            return write()
        except Busy:
            sleep(random.uniform(0, longest))
    return write()


def _native(item: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """An item of an error's answer, which boto3 leaves in DynamoDB's JSON."""
    return TypeDeserializer().deserialize({"M": item}) if item else None


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
