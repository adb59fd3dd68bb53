"""The catalogue's own table: the toys that are told of, and how many each category has.

| pk            | sk           | item                                                       |
|---------------|--------------|---------------------------------------------------------------|
| `TOY#<toyId>` | `TOY`        | `Toy`, `version`; of a deleted one only `toyId`, `version`,   |
|               |              | `deletedAt`, `expiresAt`: a tombstone                      |
| `CATEGORIES`  | `<category>` | `count`: its toys                                          |
| `LIST#<name>` | `<place>`    | an entry of a list: see `lists`                               |

A toy is written on condition of the version that was read, together with the counts that it
changes. So a count changes once for each change of a toy, however often that is told.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key
from pydantic import TypeAdapter

from public_api.dynamo import PROMPTLY, Busy, Item, insist, plain, read_all
from public_api.model import Timestamp, now
from public_api.toy import Category, Toy
from public_api.words import fold

TOMBSTONE = timedelta(days=30)
"""So long what is told late of a deleted toy is known for what it is. No queue keeps it longer."""

_MET_OTHERS = {
    "None",
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}
"""Why a transaction is cancelled that may succeed when the toy is looked at anew."""

_TIME = TypeAdapter(Timestamp)
"""How a time is written."""


class Catalogue:
    """Loads and saves toys. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)
        self._client = self._table.meta.client

    def toy(self, toy_id: str) -> Toy | None:
        """The toy, if it is on sale."""
        return toy_of(self._table.get_item(Key=toy_key(toy_id)).get("Item"))

    def toys(self, toy_ids: Iterable[str]) -> dict[str, Toy]:
        """Those of the toys that are on sale, by id, as they are now. Raises Unavailable."""
        keys = [toy_key(toy_id) for toy_id in dict.fromkeys(toy_ids)]
        items = read_all(self._resource, self._table.name, keys, consistent=True)
        return {toy.toy_id: toy for toy in filter(None, map(toy_of, items))}

    def categories(self) -> list[Category]:
        """The categories that have toys, by name."""
        found: list[Category] = []
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                KeyConditionExpression=Key("pk").eq("CATEGORIES"),
                **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]
            )
            found += [
                Category.model_validate({"category": item["sk"], "count": item["count"]})
                for item in page["Items"]
            ]
            start = page.get("LastEvaluatedKey", {})
            if not start:
                break
        return sorted(
            (each for each in found if each.count > 0),
            key=lambda each: (fold(each.category), each.category),
        )

    def show(self, toy: Toy, version: int) -> bool:
        """Save what was told of a toy. False: something as new or newer is there.

        Raises Unavailable when others kept writing the same.
        """
        return insist(partial(self._newer, toy.toy_id, version, plain(toy), toy.category))

    def bury(self, toy_id: str, version: int, at: datetime) -> bool:
        """Leave a tombstone for a toy, which keeps what is older from coming back. As `show`."""
        stone = {
            "toyId": toy_id,
            "deletedAt": _TIME.dump_python(at),
            "expiresAt": int((now() + TOMBSTONE).timestamp()),
        }
        return insist(partial(self._newer, toy_id, version, stone, None))

    def _newer(self, toy_id: str, version: int, item: Item, category: str | None) -> bool:
        """Write an item over an older one. Raises Busy when that was written meanwhile."""
        key = toy_key(toy_id)
        old = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        if old and int(str(old["version"])) >= version:
            return False
        put: dict[str, Any] = {
            "TableName": self._table.name,
            "Item": {**key, **item, "version": version},
            "ConditionExpression": "version = :seen" if old else "attribute_not_exists(pk)",
            **({"ExpressionAttributeValues": {":seen": old["version"]}} if old else {}),
        }
        was = toy_of(old)
        moves = [] if was is None else [(was.category, -1)]
        moves += [] if category is None else [(category, 1)]
        if was and was.category == category:
            moves = []
        self._write(put, [self._count(*move) for move in moves])
        return True

    def _count(self, category: str, by: int) -> dict[str, Any]:
        return {
            "TableName": self._table.name,
            "Key": {"pk": "CATEGORIES", "sk": category},
            "UpdateExpression": "ADD #count :by",
            "ExpressionAttributeNames": {"#count": "count"},
            "ExpressionAttributeValues": {":by": by},
        }

    def _write(self, put: dict[str, Any], counts: list[dict[str, Any]]) -> None:
        """Write a toy with the counts that it changes, all or nothing. Raises Busy."""
        errors = self._client.exceptions
        try:
            if counts:
                steps: list[Any] = [{"Put": put}, *({"Update": count} for count in counts)]
                self._client.transact_write_items(TransactItems=steps)
            else:
                self._client.put_item(**put)
        except (
            errors.ConditionalCheckFailedException,
            errors.TransactionConflictException,
        ) as error:
            raise Busy("the toy is being written by others") from error
        except errors.TransactionCanceledException as error:
            reasons = {
                reason.get("Code", "None") for reason in error.response["CancellationReasons"]
            }
            if not reasons <= _MET_OTHERS:
                raise
            raise Busy("the toy, or its category, is being written by others") from error


def toy_key(toy_id: str) -> dict[str, str]:
    """The key of a toy's item."""
    return {"pk": f"TOY#{toy_id}", "sk": "TOY"}


def toy_of(item: Item | None) -> Toy | None:
    """The toy that an item is. None for a tombstone, and where there is none."""
    return Toy.model_validate(item) if item and "deletedAt" not in item else None


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[str, Toy | None, Toy | None] | None:
    """What a stream record tells of: a toy's id, and the toy before and after.

    None: of something else. A toy that is not on sale is None.
    """
    item = new or old
    if not item or not item["pk"].startswith("TOY#"):
        return None
    return item["pk"].removeprefix("TOY#"), toy_of(old), toy_of(new)
