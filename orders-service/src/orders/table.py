"""This service's DynamoDB table: orders, and how far they are told again.

| pk                          | item                                                             |
|-----------------------------|------------------------------------------------------------------|
| `ORDER#<orderId>`           | `Order`; before there is one, maybe a `Cancellation` (version 0) |
| `REPUBLICATION#<requestId>` | `Republication`; gone some time after its `expiresAt`            |

| index        | by                                  | what for                                    |
|--------------|-------------------------------------|---------------------------------------------|
| `byDeadline` | `waiting` = "WAITING#<n>",          | orders that have to move on by then; sparse |
|              | `deadline`                          |                                             |
| `byCustomer` | `customerId`,                       | the orders of one customer                  |
|              | `place` = "<placedAt>#<orderId>"    |                                             |
| `byMonth`    | `month` = "<YYYY-MM>#<n>", `place`  | all orders                                  |

The last two are written when an order is placed, and never again. Waiting orders are spread over a
few partitions by their ids, and so are those of a month: one takes a thousand writes a second, and
an index that cannot keep up holds back the table itself.
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

from orders.facts import Cancellation
from orders.model import written
from orders.order import Order
from orders.republication import Progress, Republication
from orders.saga import WAITING

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

SHARDS = 4
"""Over how many partitions orders are spread. May grow: those of fewer are still read."""

PAGE = 500
"""How many waiting orders are read at once."""


ORDER = "ORDER#"
REPUBLICATION = "REPUBLICATION#"
"""What keys begin with."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class OrdersTable:
    """Loads and saves orders and republications.

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
        answer = self._table.get_item(Key={"pk": _pk(order_id)}, ConsistentRead=True)
        return kept_in(answer.get("Item"))

    def overdue(self, at: datetime) -> Iterator[str]:
        """The ids of the orders that were to move on by then, those longest overdue first.

        Read as they are taken, from an index that may be behind: some may have moved on.
        """
        shards = (self._overdue(f"WAITING#{shard}", at) for shard in range(SHARDS))
        for item in merge(*shards, key=itemgetter("deadline")):
            yield item["pk"].removeprefix(ORDER)

    def add(self, new: Order | Cancellation) -> None:
        """Save what is new. Raises Conflict when there is something under that order's id."""
        self._put(new, Attr("pk").not_exists())

    def save(self, order: Order, after: Order | Cancellation) -> None:
        """Save what became of an order. Raises Conflict when `after` is no longer what is kept."""
        self._put(order, Attr("version").eq(after.version))

    def begin(self, asked: Republication) -> None:
        """Save a new republication. Raises Conflict when there is one for that request."""
        item = _told(asked, set(Republication.model_fields))
        try:
            self._table.put_item(
                Item=_key(asked) | item, ConditionExpression=Attr("pk").not_exists()
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"republication {asked.request_id} was begun before") from error

    def move_on(self, moved: Republication, after: Republication) -> None:
        """Save how far one is now. Raises Conflict when it is no longer where it was."""
        fields = {"status", "position", "told", "version"}
        item = _told(moved, fields)
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

    def _enlist(self, order: Order) -> None:
        """Put an order on the lists. What is told of it stays as it is: it is no new version."""
        places = _places(order)
        self._table.update_item(
            Key={"pk": _pk(order.order_id)},
            UpdateExpression="SET #place = :place, #month = :month",
            ExpressionAttributeNames={f"#{name}": name for name in places},
            ExpressionAttributeValues={f":{name}": place for name, place in places.items()},
        )

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
    before, after = kept_in(old), kept_in(new)
    if not isinstance(after, Order):
        return None
    return (before if isinstance(before, Order) else None), after


def running(item: Mapping[str, Any] | None) -> Republication | None:
    """The republication of an item, where it is one that has orders left to tell."""
    if not item or not str(item.get("pk", "")).startswith(REPUBLICATION):
        return None
    found = Republication.model_validate(item)
    return found if found.status is Progress.RUNNING else None


def kept_in(item: Mapping[str, Any] | None) -> Order | Cancellation | None:
    """What an item is; None: nothing of an order."""
    if not item or not str(item["pk"]).startswith(ORDER):
        return None
    if "status" not in item:
        return Cancellation.model_validate(item)
    return Order.model_validate(item)


def _item(kept: Order | Cancellation) -> dict[str, Any]:
    told = kept.model_dump(mode="json", exclude_none=True, exclude={"refund"})
    item = {"pk": _pk(kept.order_id), **told}
    if isinstance(kept, Order):
        item |= _places(kept)
        if kept.status in WAITING:
            item["waiting"] = f"WAITING#{_shard(kept)}"
    return item


def _places(order: Order) -> dict[str, str]:
    """Where an order stands on the lists."""
    at = written(order.placed_at)
    return {"place": f"{at}#{order.order_id}", "month": f"{at[:7]}#{_shard(order)}"}


def _shard(order: Order) -> int:
    return crc32(order.order_id.encode()) % SHARDS


def _told(republication: Republication, fields: set[str]) -> dict[str, Any]:
    return republication.model_dump(mode="json", include=fields, exclude_none=True)


def _key(republication: Republication) -> dict[str, str]:
    return {"pk": f"{REPUBLICATION}{republication.request_id}"}


def _pk(order_id: str) -> str:
    return f"{ORDER}{order_id}"
