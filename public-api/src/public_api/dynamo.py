"""What DynamoDB asks of every table's module: patience, and to ask again for what it left out."""

import json
import random
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import batched
from time import sleep
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from pydantic import BaseModel

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds waited, at most, before something is tried again that met others or was left out.

DynamoDB leaves out when it is throttled. The pauses are random, or all who wait would come at once.
"""

KEYS_AT_ONCE = 100
"""The most that BatchGetItem takes."""

WRITES_AT_ONCE = 25
"""The most that BatchWriteItem takes."""

Item = Mapping[str, Any]


class Busy(Exception):
    """Others are writing the same just now, or DynamoDB left something out of its answer."""


class Unavailable(Exception):
    """DynamoDB did not do all that it was asked for, however often it was asked."""


def plain(model: BaseModel, fields: set[str] | None = None) -> dict[str, Any]:
    """The fields of a model as DynamoDB takes them: no nulls, and no binary fractions."""
    text = model.model_dump_json(include=fields, exclude_none=True)
    item: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return item


def insist[T](call: Callable[[], T]) -> T:
    """What `call` returns, once it does not raise Busy. Raises Unavailable when it always did."""
    for pause in (*PAUSES, None):
        try:
            return call()
        except Busy as error:
            if pause is None:
                raise Unavailable(str(error)) from error
            sleep(random.uniform(0, pause))
    raise AssertionError("the last try returns or raises")


def read_all(
    resource: "DynamoDBServiceResource",
    table: str,
    keys: Iterable[Item],
    *,
    consistent: bool,
) -> list[Item]:
    """The items of these keys that are there, in no order. Raises Unavailable."""
    found: list[Item] = []
    for chunk in batched(keys, KEYS_AT_ONCE):
        left: list[Any] = list(chunk)

        def read(left: list[Any] = left) -> None:
            answer = resource.batch_get_item(
                RequestItems={table: {"Keys": left, "ConsistentRead": consistent}}
            )
            found.extend(answer["Responses"].get(table, []))
            again = answer["UnprocessedKeys"].get(table)
            left[:] = again["Keys"] if again else []
            if left:
                raise Busy(f"{len(left)} items were left out of every answer")

        insist(read)
    return found


def write_all(
    resource: "DynamoDBServiceResource", table: str, puts: Iterable[Item], deletes: Iterable[Item]
) -> None:
    """Put items, then delete those of other keys; no key twice. Raises Unavailable.

    What was written before it raised stays written.
    """
    requests: list[Any] = [{"PutRequest": {"Item": item}} for item in puts]
    requests += [{"DeleteRequest": {"Key": key}} for key in deletes]
    for chunk in batched(requests, WRITES_AT_ONCE):
        left = list(chunk)

        def write(left: list[Any] = left) -> None:
            answer = resource.batch_write_item(RequestItems={table: left})
            left[:] = answer.get("UnprocessedItems", {}).get(table, [])
            if left:
                raise Busy(f"{len(left)} items were not written")

        insist(write)
