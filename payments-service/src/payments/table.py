"""This service's DynamoDB table: payments, what each day's reconciliation found, and errors.

items.py says what is in it, and what its index is for.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from heapq import merge
from itertools import batched
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.config import Config

from payments.items import (
    PAYMENT,
    RECONCILIATION,
    SHARDS,
    error_item,
    payment_in,
    payment_item,
    report_item,
)
from payments.listing import Listed
from payments.payment import Payment, Tombstone
from payments.raised import KeptError
from payments.reconciliation import Report

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAGE = 25
"""How many payments are read at once of each partition."""
KEYS_AT_ONCE = 100
"""The most that BatchGetItem takes."""

WAITS = (0.05, 0.2, 0.8)
"""Seconds until keys that DynamoDB left out of an answer are asked for again, and again."""


class Busy(Exception):
    """DynamoDB has left keys out of every answer."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class PaymentsTable:
    """Loads and saves payments, reports and errors. Raises botocore's ClientError when it fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)
        self._client = self._table.meta.client

    def payment(self, order_id: str) -> Payment | Tombstone | None:
        """The order's payment as it is now."""
        key = {"pk": f"{PAYMENT}{order_id}"}
        return payment_in(self._table.get_item(Key=key, ConsistentRead=True).get("Item"))

    def payments(self, order_ids: Iterable[str]) -> dict[str, Payment | Tombstone]:
        """The payments that these orders have, as they are now, by order."""
        items = self._items(f"{PAYMENT}{order_id}" for order_id in order_ids)
        return {found.order_id: found for item in items if (found := payment_in(item))}

    def add(self, payment: Payment | Tombstone) -> None:
        """Save the first of an order. Raises Conflict when the order has one already."""
        self._put(payment_item(payment), Attr("pk").not_exists())

    def save(self, payment: Payment | Tombstone) -> None:
        """Save the next version of a payment. Raises Conflict when another one came first."""
        self._put(payment_item(payment), Attr("version").eq(payment.version - 1))

    def newest_first(self, first: date, last: date, before: str | None) -> Iterator[Listed]:
        """The payments requested on these days, both included, the newest first.

        Read as they are taken, from an index that may be a moment behind. `before` is the place
        after which to go on in that order; None: at the newest.
        """
        for back in range((last - first).days + 1):
            day = last - timedelta(days=back)
            if before is None or before[:10] >= day.isoformat():
                yield from self._of_day(day, before, forward=False)

    def oldest_first(self, day: date, after: str | None) -> Iterator[Listed]:
        """The payments requested on that day after a place, the oldest first, read as taken."""
        return self._of_day(day, after, forward=True)

    def report(self, day: date) -> Report | None:
        """What the reconciliation of a day found, or has found so far."""
        return next(iter(self.reports([day])), None)

    def reports(self, days: Iterable[date]) -> list[Report]:
        """The reconciliations of these days that there are, the newest day first."""
        items = self._items(f"{RECONCILIATION}{day.isoformat()}" for day in days)
        found = (Report.model_validate(item) for item in items)
        return sorted(found, key=lambda report: report.day, reverse=True)

    def save_report(self, report: Report) -> None:
        """Save the next version of a report. Raises Conflict when another one came first."""
        first = report.version == 1
        condition = Attr("pk").not_exists() if first else Attr("version").eq(report.version - 1)
        self._put(report_item(report), condition)

    def keep(self, error: KeptError) -> None:
        """Save an error. Again, it changes nothing."""
        with suppress(Conflict):
            self._put(error_item(error), Attr("pk").not_exists())

    def _of_day(self, day: date, beyond: str | None, *, forward: bool) -> Iterator[Listed]:
        shards = (
            self._of_shard(f"{day.isoformat()}#{shard}", beyond, forward=forward)
            for shard in range(SHARDS)
        )
        for item in merge(*shards, key=lambda item: item["place"], reverse=not forward):
            yield Listed.model_validate(item)

    def _of_shard(
        self, shard: str, beyond: str | None, *, forward: bool
    ) -> Iterator[dict[str, Any]]:
        condition: ConditionBase = Key("day").eq(shard)
        if beyond is not None:
            place = Key("place")
            condition &= place.gt(beyond) if forward else place.lt(beyond)
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName="byDay",
                KeyConditionExpression=condition,
                ScanIndexForward=forward,
                Limit=PAGE,
                **start,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _items(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        for chunk in batched(dict.fromkeys(keys), KEYS_AT_ONCE, strict=False):
            left: list[Any] = [{"pk": key} for key in chunk]
            for wait in (0, *WAITS):
                time.sleep(wait)
                asked: Any = {self._table.name: {"Keys": left, "ConsistentRead": True}}
                answer = self._resource.batch_get_item(RequestItems=asked)
                yield from answer["Responses"].get(self._table.name, [])
                left = list(_keys(answer["UnprocessedKeys"].get(self._table.name)))
                if not left:
                    break
            else:
                raise Busy(f"{len(left)} payments were left out of every answer")

    def _put(self, item: dict[str, Any], condition: ConditionBase) -> None:
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"{item['pk']} is not what it was") from error


def _keys(left_out: Any) -> list[Any]:
    return list(left_out["Keys"]) if left_out else []
