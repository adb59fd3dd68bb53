"""A DynamoDB table with a single key, `pk`: reads, and writes that meet others.

It knows nothing of what is kept in it.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import batched
from time import sleep
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from pydantic import BaseModel

from toys.tracing import header

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32)
"""Seconds that a call which met others waits, at most, before each new try.

A message may wait for all of them twice: where a reservation is refused and that is kept, and where
a toy is another by the time its picture could be hung. The inbox is given no more messages at once
than could all do so within its time.
"""

CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
"""Why DynamoDB cancels a transaction that may succeed as it is, a moment later."""

KEYS_PER_CALL = 100
"""The most that BatchGetItem takes at once."""

Item = Mapping[str, Any]

Part = dict[str, Any]
"""One of the writes that a transaction is made of."""


@dataclass(frozen=True)
class Change:
    """What is to be other about an item. There is always something in `to` or `by`."""

    to: Item = field(default_factory=dict)
    """New values, by attribute."""
    by: Mapping[str, int] = field(default_factory=dict)
    """How much more a number is to be, by attribute."""
    without: Iterable[str] = ()
    """The attributes that are to be gone."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class Busy(Exception):
    """Others kept writing the same items. Nothing is known of these, and nothing was written."""


class Store:
    """Loads and saves items. Raises botocore's ClientError when DynamoDB fails.

    A write that meets another one is tried again, and raises Busy when it met one each time.
    """

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def _get(self, pk: str) -> Item | None:
        return self._table.get_item(Key={"pk": pk}, ConsistentRead=True).get("Item")

    def _get_all(self, keys: Iterable[str]) -> dict[str, Item]:
        """The items that are there, by key, as they are now."""
        found: dict[str, Item] = {}
        for chunk in batched(dict.fromkeys(keys), KEYS_PER_CALL):
            insist(partial(self._read, [{"pk": key} for key in chunk], found))
        return found

    def _read(self, keys: list[Any], found: dict[str, Item]) -> None:
        """Put the items that are there into `found`. Raises Busy with `keys` those still unread."""
        answer: Any = self._client.batch_get_item(
            RequestItems={self._table.name: {"Keys": keys, "ConsistentRead": True}}
        )
        found |= {item["pk"]: item for item in answer["Responses"][self._table.name]}
        keys[:] = answer["UnprocessedKeys"].get(self._table.name, {}).get("Keys", [])
        if keys:
            raise Busy(f"{len(keys)} items were not read")

    def _new(self, item: Item) -> Part:
        """The whole item, where there is none yet."""
        return self._put(item, "attribute_not_exists(pk)")

    def _put(self, item: Item, only_if: str, **values: Any) -> Part:
        """The whole item, where what is there fulfils the condition. `values` are its `:names`."""
        return {"Put": self._conditional(only_if, values) | {"Item": item}}

    def _set(self, item: Item) -> Part:
        """The whole item, whatever is there."""
        return {"Put": {"TableName": self._table.name, "Item": item}}

    def _delete(self, pk: str, only_if: str, **values: Any) -> Part:
        """The item is gone, where it fulfils the condition."""
        return {"Delete": self._conditional(only_if, values) | {"Key": {"pk": pk}}}

    def _update(self, pk: str, change: Change, only_if: str, **values: Any) -> Part:
        """Some attributes of an item are others, where it fulfils the condition.

        It has the trace of this write then, or none: not that of the write before.
        """
        part = self._conditional(only_if, values) | {"Key": {"pk": pk}}
        to = traced(change.to)
        without = list(change.without) if "trace" in to else [*change.without, "trace"]
        told = part.setdefault("ExpressionAttributeValues", {})
        told |= {f":to_{name}": value for name, value in to.items()}
        told |= {f":by_{name}": value for name, value in change.by.items()}
        names = [*to, *change.by, *without]
        part["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
        moves = [f"#{name} = :to_{name}" for name in to]
        moves += [f"#{name} = #{name} + :by_{name}" for name in change.by]
        removed = ", ".join(f"#{name}" for name in without)
        part["UpdateExpression"] = f"SET {', '.join(moves)}" + (
            f" REMOVE {removed}" if removed else ""
        )
        return {"Update": part}

    def _conditional(self, only_if: str, values: Item) -> dict[str, Any]:
        part = {
            "TableName": self._table.name,
            "ConditionExpression": only_if,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        filled = {f":{name}": value for name, value in values.items()}
        return part | ({"ExpressionAttributeValues": filled} if filled else {})

    def _write(self, part: Part) -> Item | None:
        """Carry out an `_update` alone. Returns the item as it is then; None: it was not to be."""
        update = part["Update"]

        def write() -> Item | None:
            try:
                answer = self._client.update_item(**update, ReturnValues="ALL_NEW")
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
            except self._client.exceptions.TransactionConflictException as error:
                raise Busy(f"{update['Key']['pk']} is being written by others") from error
            return answer["Attributes"]

        return insist(write)

    def _transact(self, parts: Sequence[Part]) -> dict[int, Item | None]:
        """Write all parts or none. Returns the positions whose condition did not hold.

        With each comes the item that the condition looked at. A position that met another
        transaction says nothing of its item; one whose condition failed does, whatever the others
        say.
        """

        def write() -> dict[int, Item | None]:
            try:
                self._client.transact_write_items(TransactItems=parts)  # type: ignore[arg-type]
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

        return insist(write)


def insist[T](call: Callable[[], T]) -> T:
    """What `call` returns, once it does not raise Busy. Raises Busy when it always did.

    Two orders for one toy may meet in the same instant. That says nothing about the stock, so the
    write is tried again. The pauses are random, or the two would meet each time.
    """
    for longest in PAUSES:
        try:
            return call()
        except Busy:
            sleep(random.uniform(0, longest))
    return call()


def traced(item: Item) -> dict[str, Any]:
    """The item with the header of the trace that it is written in, where there is one."""
    told = header()
    return {**item, "trace": told} if told else {**item}


def trace_of(item: Item | None) -> str | None:
    """The header of the trace in which an item was written."""
    return item.get("trace") if item else None


def plain(model: BaseModel, fields: set[str] | None = None) -> dict[str, Any]:
    """The fields of a model as DynamoDB takes them: no nulls, and no binary fractions."""
    text = model.model_dump_json(include=fields, exclude_none=True)
    item: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return item


def _native(item: Item | None) -> Item | None:
    """An item of an error's answer, which boto3 leaves in DynamoDB's JSON."""
    return TypeDeserializer().deserialize({"M": item}) if item else None
