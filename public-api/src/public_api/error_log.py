"""The errors of the shop, kept for its managers in this service's DynamoDB table for some days.

| pk       | sk                    | item                                                          |
|----------|-----------------------|---------------------------------------------------------------|
| `ERRORS` | `<service>#<errorId>` | `RaisedError`; `since`: when it occurred, by which the index  |
|          |                       | `byTime` lists it; gone some time after its `expiresAt`       |
"""

from datetime import timedelta
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from pydantic import TypeAdapter

from public_api import cursor as cursors
from public_api.cursor import BadCursor
from public_api.dynamo import PROMPTLY
from public_api.model import Timestamp, now
from public_api.raised import Kind, RaisedError

PAGE = 25
"""Errors of a page."""

MOST_READ = 500
"""Errors that are looked at for a page. It is then short, and another may follow all the same."""

_READ_AT_ONCE = 100
"""Errors that one query of a narrowed list looks at."""

_PK = "ERRORS"

_TIME = TypeAdapter(Timestamp)
"""How a time is written."""


class ErrorLog:
    """Keeps and lists errors, each for so many days. Raises ClientError when DynamoDB fails."""

    def __init__(self, name: str, days: int) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._stale = self._table.meta.client.exceptions.ConditionalCheckFailedException
        self._kept_for = timedelta(days=days)

    def keep(self, error: RaisedError) -> bool:
        """Save an error. False: it is there already."""
        item = error.model_dump(mode="json", exclude_none=True)
        try:
            self._table.put_item(
                Item={
                    "pk": _PK,
                    "sk": f"{error.service}#{error.error_id}",
                    **item,
                    "since": item["occurredAt"],
                    "expiresAt": int((error.occurred_at + self._kept_for).timestamp()),
                },
                ConditionExpression=Attr("pk").not_exists(),
            )
        except self._stale:
            return False
        return True

    def page(
        self, kind: Kind | None, service: str | None, cursor: str | None
    ) -> tuple[list[RaisedError], str | None]:
        """A page of errors, newest first, and the next page's cursor; None: this is the last.

        `kind` and `service` narrow the list. Raises BadCursor.
        """
        scope = f"errors {kind} {service}"
        oldest = _TIME.dump_python(now() - self._kept_for)
        start = _read(scope, cursor)
        if start and start["since"] < oldest:
            return [], None
        wanted = [
            Attr(name).eq(value)
            for name, value in (("kind", kind), ("service", service))
            if value is not None
        ]
        found: list[RaisedError] = []
        for _ in range(MOST_READ // _READ_AT_ONCE if wanted else 1):
            page = self._table.query(**_query(oldest, start, wanted))
            found += map(RaisedError.model_validate, page["Items"])
            start = page.get("LastEvaluatedKey", {})
            if len(found) > PAGE:
                found = found[:PAGE]
                start = _place(found[-1])
            if not start or len(found) == PAGE:
                break
        return found, _write(scope, start)


def _query(oldest: str, start: dict[str, Any], wanted: list[Any]) -> dict[str, Any]:
    query: dict[str, Any] = {
        "IndexName": "byTime",
        "KeyConditionExpression": Key("pk").eq(_PK) & Key("since").gte(oldest),
        "ScanIndexForward": False,
        "Limit": _READ_AT_ONCE if wanted else PAGE,
    }
    if start:
        query["ExclusiveStartKey"] = start
    if wanted:
        query["FilterExpression"] = wanted[0] & wanted[1] if len(wanted) > 1 else wanted[0]
    return query


def _place(error: RaisedError) -> dict[str, Any]:
    """Where an error stands in the list."""
    since = _TIME.dump_python(error.occurred_at)
    return {"pk": _PK, "sk": f"{error.service}#{error.error_id}", "since": since}


def _write(scope: str, place: dict[str, Any]) -> str | None:
    return cursors.write(scope, f"{place['since']} {place['sk']}") if place else None


def _read(scope: str, cursor: str | None) -> dict[str, Any]:
    """Where a cursor goes on. Raises BadCursor."""
    if cursor is None:
        return {}
    since, _, sk = cursors.read(scope, cursor).partition(" ")
    if not since or not sk:
        raise BadCursor("made up")
    return {"pk": _PK, "sk": sk, "since": since}
