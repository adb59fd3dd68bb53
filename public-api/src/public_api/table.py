"""This service's DynamoDB table: the toys on sale, and the orders of each shopper.

| pk                     | sk                | item                                             |
|------------------------|-------------------|--------------------------------------------------|
| `TOY#<toyId>`          | `TOY`             | `Toy`, `version`; of a deleted one only `toyId`, |
|                        |                   | `version`, `deletedAt`: a tombstone              |
| `SHOPPER#<customerId>` | `ORDER#<orderId>` | `submission`, `projection`, `cancellation`: an   |
|                        |                   | `Order`. Each is written by itself               |

| index    | by                                                 | what for                        |
|----------|----------------------------------------------------|---------------------------------|
| `byName` | `listing` = "LISTED", `sorting` = "<name>#<toyId>" | the toys on sale; sparse        |
| `byTime` | `pk`, `since` = when it was submitted, else placed | a shopper's orders; sparse, and |
|          |                                                    | local, so read consistently     |

An order lies under its shopper, so that whoever asks for another's finds nothing.
"""

import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from time import sleep
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from pydantic import TypeAdapter

from public_api.model import Timestamp
from public_api.order import Cancellation, Order, Projection, Submission
from public_api.toy import Toy

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds waited, at most, before toys are asked for again that DynamoDB left out of its answer.

It does so when it is throttled. The pauses are random, or all who wait would come at once.
"""

MAX_CURSOR = 1360
"""The longest cursor, in characters. What it says is then short enough to be a key."""


_UNTOLD = Attr("projection").not_exists()
"""The condition that nothing has been told of an order."""


class Conflict(Exception):
    """The item is there already, or is not any more as it was read."""


class BadCursor(ValueError):
    """A cursor that this table did not give."""


class Unavailable(Exception):
    """DynamoDB did not answer in full, however often it was asked."""


class PublicTable:
    """Loads and saves toys and orders. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)
        self._stale = self._table.meta.client.exceptions.ConditionalCheckFailedException

    def toy(self, toy_id: str) -> Toy | None:
        """The toy, if it is on sale."""
        return _toy(self._table.get_item(Key=_toy_key(toy_id)).get("Item"))

    def toys(self, toy_ids: Iterable[str]) -> dict[str, Toy]:
        """Those of up to 100 toys that are on sale, by id, as they are now."""
        keys: list[Any] = [_toy_key(toy_id) for toy_id in toy_ids]
        found: dict[str, Toy] = {}
        for pause in (*PAUSES, None):
            answer = self._resource.batch_get_item(
                RequestItems={self._table.name: {"Keys": keys, "ConsistentRead": True}}
            )
            on_sale = filter(None, map(_toy, answer["Responses"].get(self._table.name, [])))
            found |= {toy.toy_id: toy for toy in on_sale}
            left = answer["UnprocessedKeys"].get(self._table.name)
            if not left:
                return found
            keys = list(left["Keys"])
            if pause:
                sleep(random.uniform(0, pause))
        raise Unavailable(f"{len(keys)} toys were left out of every answer")

    def on_sale(self, limit: int, cursor: str | None) -> tuple[list[Toy], str | None]:
        """A page of the toys by name, and the cursor of the next. Raises BadCursor."""
        start: dict[str, Any] = {}
        if cursor is not None:
            sorting, toy_id = _read_cursor("byName", cursor)
            start = {"listing": "LISTED", "sorting": sorting} | _toy_key(toy_id)
        page = self._table.query(
            IndexName="byName",
            KeyConditionExpression=Key("listing").eq("LISTED"),
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]
        )
        toys = [Toy.model_validate(item) for item in page["Items"]]
        return toys, _following("byName", page, "sorting", "pk")

    def order(self, customer_id: str, order_id: str) -> Order | None:
        """The shopper's order as it is now."""
        key = _order_key(customer_id, order_id)
        return _order(self._table.get_item(Key=key, ConsistentRead=True).get("Item"))

    def orders(
        self, customer_id: str, limit: int, cursor: str | None
    ) -> tuple[list[Order], str | None]:
        """A page of the shopper's orders, newest first, and the next's cursor. Raises BadCursor."""
        start: dict[str, Any] = {}
        if cursor is not None:
            since, order_id = _read_cursor("byTime", cursor)
            start = {"since": since} | _order_key(customer_id, order_id)
        page = self._table.query(
            IndexName="byTime",
            KeyConditionExpression=Key("pk").eq(f"SHOPPER#{customer_id}"),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]
        )
        orders = [Order.model_validate(item) for item in page["Items"]]
        return orders, _following("byTime", page, "since", "sk")

    def submit(self, submission: Submission) -> None:
        """Save a new order. Raises Conflict when the order is there already."""
        item = submission.model_dump(mode="json", exclude_none=True)
        try:
            self._table.put_item(
                Item={
                    **_order_key(submission.customer_id, submission.order_id),
                    "since": item["submittedAt"],
                    "submission": item,
                },
                ConditionExpression=Attr("pk").not_exists(),
            )
        except self._stale as error:
            raise Conflict(f"order {submission.order_id} is there already") from error

    def cancel(self, order: Order, cancellation: Cancellation) -> None:
        """Save a shopper's wish to cancel `order`, provided that it still is as given.

        Raises Conflict when it was asked for meanwhile, or something newer was told of the order.
        """
        told = order.projection
        same = Attr("projection.version").eq(told.version) if told else _UNTOLD
        try:
            self._table.update_item(
                Key=_order_key(order.purchase.customer_id, order.purchase.order_id),
                UpdateExpression="SET cancellation = :asked",
                ConditionExpression=Attr("pk").exists() & Attr("cancellation").not_exists() & same,
                ExpressionAttributeValues={":asked": cancellation.model_dump(mode="json")},
            )
        except self._stale as error:
            raise Conflict(f"order {order.purchase.order_id} is not as it was read") from error

    def show(self, toy: Toy, version: int) -> bool:
        """Save what was told of a toy. False: something as new or newer is there."""
        # DynamoDB takes no float.
        item = json.loads(toy.model_dump_json(exclude_none=True), parse_float=Decimal)
        sorting = f"{toy.name.casefold()[:120]}#{toy.toy_id}"
        return self._newer(
            {**_toy_key(toy.toy_id), **item, "listing": "LISTED", "sorting": sorting}, version
        )

    def bury(self, toy_id: str, version: int, at: datetime) -> bool:
        """Leave a tombstone for a toy, which keeps what is older from coming back. As `show`."""
        stone = {"toyId": toy_id, "deletedAt": _TIME.dump_python(at)}
        return self._newer({**_toy_key(toy_id), **stone}, version)

    def follow(self, projection: Projection) -> bool:
        """Save what was told of an order. False: something as new or newer is there."""
        item = projection.model_dump(mode="json", exclude_none=True)
        try:
            self._table.update_item(
                Key=_order_key(projection.customer_id, projection.order_id),
                UpdateExpression="SET #told = :told, since = if_not_exists(since, :placed)",
                ConditionExpression=_UNTOLD | Attr("projection.version").lt(projection.version),
                ExpressionAttributeNames={"#told": "projection"},
                ExpressionAttributeValues={":told": item, ":placed": item["placedAt"]},
            )
        except self._stale:
            return False
        return True

    def _newer(self, item: dict[str, Any], version: int) -> bool:
        newer = Attr("pk").not_exists() | Attr("version").lt(version)
        try:
            self._table.put_item(Item={**item, "version": version}, ConditionExpression=newer)
        except self._stale:
            return False
        return True


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Order | None, Order] | None:
    """What a stream record tells of: an order, before and after. None: a toy, or a removal."""
    if not new or not new["sk"].startswith("ORDER#"):
        return None
    return _order(old), Order.model_validate(new)


def _toy_key(toy_id: str) -> dict[str, str]:
    return {"pk": f"TOY#{toy_id}", "sk": "TOY"}


def _order_key(customer_id: str, order_id: str) -> dict[str, str]:
    return {"pk": f"SHOPPER#{customer_id}", "sk": f"ORDER#{order_id}"}


def _toy(item: Mapping[str, Any] | None) -> Toy | None:
    return Toy.model_validate(item) if item and "deletedAt" not in item else None


def _order(item: Mapping[str, Any] | None) -> Order | None:
    return Order.model_validate(item) if item else None


_TIME = TypeAdapter(Timestamp)
"""How a time is written."""

_Position = TypeAdapter(tuple[str, str, str])
"""A place in an index: the index, the sort key there, and the id of the toy or order."""


def _following(index: str, page: Mapping[str, Any], sort: str, key: str) -> str | None:
    """The cursor of the page after `page`, if there is one."""
    last = page.get("LastEvaluatedKey")
    return _cursor(index, last[sort], last[key].partition("#")[2]) if last else None


def _cursor(index: str, sort: str, identity: str) -> str:
    return urlsafe_b64encode(_Position.dump_json((index, sort, identity))).decode().rstrip("=")


def _read_cursor(index: str, cursor: str) -> tuple[str, str]:
    """The place that a cursor stands for: sort key and id. Raises BadCursor."""
    if len(cursor) > MAX_CURSOR:
        raise BadCursor("too long")
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        of_index, sort, identity = _Position.validate_json(urlsafe_b64decode(padded))
    except ValueError as error:
        raise BadCursor("made up") from error
    if of_index != index or not sort or cursor != _cursor(index, sort, identity):
        raise BadCursor("made up")
    return sort, identity
