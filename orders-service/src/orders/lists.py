"""Lists of orders, read off the table's indexes, newest first."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

from orders.items import ORDER, SHARDS, kept_in
from orders.model import Model, written
from orders.order import Order
from orders.saga import Status
from orders.table import PROMPTLY

READ_AT_ONCE = 100
"""How many orders one call reads."""

LOOKS = 500
"""How many orders are looked at for a page, at most. Where few are of a status it may be short."""

USUAL = timedelta(days=31)
"""How far back a list of all goes that does not say."""

LONGEST = timedelta(days=366)
"""How far back a list of all may go."""


class Search(Model):
    """Which orders are asked for: those of `[since, until)`, and of what else is given."""

    status: Status | None = None
    customer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def scope(self) -> str:
        """The search as text, the same for the same search: what its cursors are good for."""
        return f"orders:{self.model_dump_json()}"


class OrderLists:
    """Reads the orders that a search asks for. Raises botocore's ClientError when that fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)
        self._name = name

    def page(
        self, asked: Search, limit: int, after: str | None, at: datetime
    ) -> tuple[list[Order], str | None]:
        """A page of orders as they are now, newest first, and where the next page begins.

        Args:
            after: where this page begins; None: with the newest.
            at: the present, up to which orders are listed that were placed before.

        There may be fewer than asked for, and yet more pages; None: there is no other.
        """
        places = self._places(asked, after, at)
        found: list[Order] = []
        looked = 0
        last = None
        while len(found) < limit and looked < LOOKS:
            chunk = list(islice(places, READ_AT_ONCE if asked.status else limit - len(found)))
            if not chunk:
                return found, None
            orders = self._orders(chunk)
            for place in chunk:
                looked, last = looked + 1, place
                order = orders.get(_order_id(place))
                if order and asked.status in {None, order.status}:
                    found.append(order)
                if len(found) == limit:
                    break
        more = last != chunk[-1] or next(places, None) is not None
        return found, last if more else None

    def _places(self, asked: Search, after: str | None, at: datetime) -> Iterator[str]:
        """Where the orders stand that were placed in that time, newest first."""
        until = asked.until or at + timedelta(days=1)
        high = after or written(until)
        if asked.customer_id:
            low = written(asked.since) if asked.since else "0"
            yield from self._of("byCustomer", "customerId", asked.customer_id, low, high)
            return
        since = asked.since or (asked.until or at) - USUAL
        for month in _months(written(since)[:7], high[:7]):
            shards = (
                self._of("byMonth", "month", f"{month}#{shard}", written(since), high)
                for shard in range(SHARDS)
            )
            yield from merge(*shards, reverse=True)

    def _of(self, index: str, name: str, value: str, low: str, high: str) -> Iterator[str]:
        """The places below `high` in one partition of an index, the last first."""
        if low > high:  # DynamoDB refuses such a range. The usual time has passed the cursor.
            return
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName=index,
                KeyConditionExpression=Key(name).eq(value) & Key("place").between(low, high),
                ScanIndexForward=False,
                Limit=READ_AT_ONCE,
                **start,
            )
            for item in page["Items"]:
                if (place := str(item["place"])) != high:
                    yield place
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _orders(self, places: list[str]) -> dict[str, Order]:
        """The orders that stand there, by their ids."""
        found = {}
        keys: list[Any] = [{"pk": f"{ORDER}{_order_id(place)}"} for place in places]
        while keys:
            answer = self._resource.batch_get_item(RequestItems={self._name: {"Keys": keys}})
            for item in answer["Responses"][self._name]:
                if isinstance(order := kept_in(item), Order):
                    found[order.order_id] = order
            left = answer["UnprocessedKeys"]
            keys = list(left[self._name]["Keys"]) if self._name in left else []
        return found


def _order_id(place: str) -> str:
    return place.partition("#")[2]


def _months(first: str, last: str) -> Iterator[str]:
    """The months from the last to the first, as YYYY-MM."""
    year, month = map(int, last.split("-"))
    while (named := f"{year:04}-{month:02}") >= first:
        yield named
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
