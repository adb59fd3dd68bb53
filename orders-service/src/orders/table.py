"""This service's DynamoDB table: orders, how far they are told again, and errors.

items.py says what is in it, and what its indexes are for.
"""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from operator import itemgetter
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from orders.facts import Cancellation
from orders.items import (
    ORDER,
    REPUBLICATION,
    error_item,
    item_of,
    kept_in,
    pk,
    places,
    traced,
    waiting_for,
)
from orders.model import written
from orders.order import Order
from orders.owed import owed
from orders.raised import MessageError
from orders.republication import Republication

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAGE = 500
"""How many waiting orders are read at once."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class OrdersTable:
    """Loads and saves orders, republications and errors.

    Raises botocore's ClientError when DynamoDB fails.
    """

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def order(self, order_id: str) -> Order | None:
        """The order as it is now."""
        found = self.found(order_id)
        return found if isinstance(found, Order) else None

    def found(self, order_id: str) -> Order | Cancellation | None:
        """The order as it is now, or the request to cancel it that came before it."""
        answer = self._table.get_item(Key={"pk": pk(order_id)}, ConsistentRead=True)
        return kept_in(answer.get("Item"))

    def overdue(self, at: datetime) -> Iterator[str]:
        """The ids of the orders that were to move on by then, those longest overdue first.

        Read as they are taken, from an index that may be behind: some may have moved on.
        """
        shards = (self._overdue(waiting, at) for waiting in waiting_for("WAITING"))
        for item in merge(*shards, key=itemgetter("deadline")):
            yield item["pk"].removeprefix(ORDER)

    def owed(self, at: datetime) -> list[int]:
        """Of each order whose money was to be back by then, what is not, in minor units.

        Found by the same index, which may be behind: the orders themselves say how much.
        """
        found = (
            self.order(item["pk"].removeprefix(ORDER))
            for waiting in waiting_for("REFUND")
            for item in self._overdue(waiting, at)
        )
        return [amount for order in found if order and (amount := owed(order))]

    def add(self, new: Order | Cancellation) -> None:
        """Save what is new. Raises Conflict when there is something under that order's id."""
        self._put(new, Attr("pk").not_exists())

    def save(self, order: Order, after: Order | Cancellation) -> None:
        """Save what became of an order. Raises Conflict when `after` is no longer what is kept."""
        self._put(order, Attr("version").eq(after.version))

    def begin(self, asked: Republication) -> None:
        """Save a new republication. Raises Conflict when there is one for that request."""
        item = _told(asked, set(Republication.model_fields)) | traced()
        try:
            self._table.put_item(
                Item=_key(asked) | item, ConditionExpression=Attr("pk").not_exists()
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"republication {asked.request_id} was begun before") from error

    def move_on(self, moved: Republication, after: Republication) -> None:
        """Save how far one is now. Raises Conflict when it is no longer where it was."""
        fields = {"status", "position", "told", "version"}
        item = _told(moved, fields) | traced()
        fields.add("trace")
        gone = ", ".join(f"#{name}" for name in sorted(fields - item.keys()))
        try:
            self._table.update_item(
                Key=_key(moved),
                UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in item)}"
                + (f" REMOVE {gone}" if gone else ""),
                ConditionExpression="#version = :after",
                ExpressionAttributeNames={f"#{name}": name for name in fields},
                ExpressionAttributeValues={f":{name}": value for name, value in item.items()}
                | {":after": after.version},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"republication {moved.request_id} is not where it was") from error

    def orders_after(self, position: str | None, looks: int) -> tuple[list[Order], str | None]:
        """Orders as they are now: those among the next so many items of the table.

        Args:
            position: the key after which to start; None: at the first item.

        Returns them in no special order, maybe none, and where the next page starts; None: there
        is no other. An order from before there were lists is put on them.
        """
        start: dict[str, Any] = {"ExclusiveStartKey": {"pk": position}} if position else {}
        answer = self._table.scan(
            ConsistentRead=True,
            FilterExpression=Attr("pk").begins_with(ORDER),
            Limit=looks,
            **start,
        )
        orders = []
        for item in answer["Items"]:
            if isinstance(order := kept_in(item), Order):
                orders.append(order)
                if "place" not in item:
                    self._enlist(order)
        last = answer.get("LastEvaluatedKey")
        return orders, str(last["pk"]) if last else None

    def keep(self, error: MessageError) -> None:
        """Save an error. Again, it changes nothing."""
        try:
            self._table.put_item(
                Item=error_item(error), ConditionExpression=Attr("pk").not_exists()
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _enlist(self, order: Order) -> None:
        """Put an order on the lists. What is told of it stays as it is: it is no new version."""
        stands = places(order)
        self._table.update_item(
            Key={"pk": pk(order.order_id)},
            UpdateExpression="SET #place = :place, #month = :month",
            ExpressionAttributeNames={f"#{name}": name for name in stands},
            ExpressionAttributeValues={f":{name}": place for name, place in stands.items()},
        )

    def _put(self, kept: Order | Cancellation, condition: Any) -> None:
        try:
            self._table.put_item(Item=item_of(kept), ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"order {kept.order_id} is not what it was") from error

    def _overdue(self, waiting: str, at: datetime) -> Iterator[Any]:
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName="byDeadline",
                KeyConditionExpression=Key("waiting").eq(waiting)
                & Key("deadline").lte(written(at)),
                Limit=PAGE,
                **start,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _told(republication: Republication, fields: set[str]) -> dict[str, Any]:
    return republication.model_dump(mode="json", include=fields, exclude_none=True)


def _key(republication: Republication) -> dict[str, str]:
    return {"pk": f"{REPUBLICATION}{republication.request_id}"}
