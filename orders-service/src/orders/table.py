"""This service's DynamoDB table: orders.

| pk                | item                                                             |
|-------------------|------------------------------------------------------------------|
| `ORDER#<orderId>` | `Order`; before there is one, maybe a `Cancellation` (version 0) |

| index        | by                                  | what for                                    |
|--------------|-------------------------------------|---------------------------------------------|
| `byDeadline` | `waiting` = "WAITING#<n>",          | orders that have to move on by then; sparse |
|              | `deadline`                          |                                             |

Waiting orders are spread over a few partitions by their ids: one takes a thousand writes a second,
and an index that cannot keep up holds back the table itself.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from heapq import merge
from operator import itemgetter
from typing import Any
from zlib import crc32

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from orders.model import written
from orders.order import WAITING, Cancellation, Order

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

SHARDS = 4
"""Over how many partitions waiting orders are spread. May grow: those of fewer are still read."""

PAGE = 500
"""How many waiting orders are read at once."""


class Conflict(Exception):
    """The order is no longer what it was when it was read, or is there already."""


class OrdersTable:
    """Loads and saves orders. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def order(self, order_id: str) -> Order | None:
        """The order as it is now."""
        found = self.found(order_id)
        return found if isinstance(found, Order) else None

    def found(self, order_id: str) -> Order | Cancellation | None:
        """The order as it is now, or the request to cancel it that came before it."""
        answer = self._table.get_item(Key={"pk": _pk(order_id)}, ConsistentRead=True)
        return _kept(answer.get("Item"))

    def overdue(self, at: datetime) -> Iterator[str]:
        """The ids of the orders that were to move on by then, those longest overdue first.

        Read as they are taken, from an index that may be behind: some may have moved on.
        """
        shards = (self._overdue(f"WAITING#{shard}", at) for shard in range(SHARDS))
        for item in merge(*shards, key=itemgetter("deadline")):
            yield item["pk"].removeprefix("ORDER#")

    def add(self, new: Order | Cancellation) -> None:
        """Save what is new. Raises Conflict when there is something under that order's id."""
        self._put(new, Attr("pk").not_exists())

    def save(self, order: Order, after: Order | Cancellation) -> None:
        """Save what became of an order. Raises Conflict when `after` is no longer what is kept."""
        self._put(order, Attr("version").eq(after.version))

    def _put(self, kept: Order | Cancellation, condition: Any) -> None:
        try:
            self._table.put_item(Item=_item(kept), ConditionExpression=condition)
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


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Order | None, Order] | None:
    """What a stream record tells of: an order, before and after. None: no order, or a removal."""
    before, after = _kept(old), _kept(new)
    if not isinstance(after, Order):
        return None
    return (before if isinstance(before, Order) else None), after


def _kept(item: Mapping[str, Any] | None) -> Order | Cancellation | None:
    if not item:
        return None
    if "status" not in item:
        return Cancellation.model_validate(item)
    return Order.model_validate(item)


def _item(kept: Order | Cancellation) -> dict[str, Any]:
    item = {"pk": _pk(kept.order_id), **kept.model_dump(mode="json", exclude_none=True)}
    if isinstance(kept, Order) and kept.status in WAITING:
        item["waiting"] = f"WAITING#{crc32(kept.order_id.encode()) % SHARDS}"
    return item


def _pk(order_id: str) -> str:
    return f"ORDER#{order_id}"
