"""This service's DynamoDB table: one item for each file, for each share and for each error.

| fileId | item                                    | byOwner           | byWaiting              |
|--------|-----------------------------------------|-------------------|------------------------|
| its id | `File`; `waiting`, as long as PENDING;  | `owner`, `fileId` | `waiting`, `createdAt` |
|        | `forgetAt`, once EXPIRED or DELETED     |                   |                        |

Shares stand in share_items. An error is a `MessageError`, its id `ERROR#<errorId>`. `forgetAt` is
the epoch second from which DynamoDB may drop the item. One whose change leads to messages has the
header of the `trace` in which it was written.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from file_manager.file import File, Status
from file_manager.model import written
from file_manager.raised import MessageError
from file_manager.tracing import header

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

REMEMBERED = timedelta(days=30)
"""How long it is kept that a file is no more. No message comes later than that: a queue keeps its
own for four days, a dead-letter queue for fourteen."""

SHARE = "SHARE#"
ERROR = "ERROR#"
"""What the keys of shares and of errors begin with. No file has such an id."""

_WAITING = "UPLOAD"


class Conflict(Exception):
    """The item is not what it was: it is there already, or another change came first."""


class FilesTable:
    """Loads and saves files. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def file(self, file_id: str) -> File | None:
        """The file as it is now, whatever became of it."""
        if file_id.startswith((SHARE, ERROR)):
            return None
        answer = self._table.get_item(Key={"fileId": file_id}, ConsistentRead=True)
        return read_file(answer.get("Item"))

    def owned(self, owner: str, limit: int, after: str | None) -> tuple[list[File], str | None]:
        """A page of an owner's files by file id, and where the next page starts, if there is one.

        Deleted ones are read and left out, so that a page may hold fewer than `limit`. A file shows
        here a moment after it was saved.
        """
        start = {"ExclusiveStartKey": {"fileId": after, "owner": owner}} if after else {}
        page = self._table.query(
            IndexName="byOwner",
            KeyConditionExpression=Key("owner").eq(owner),
            FilterExpression=Attr("status").ne(Status.DELETED.value),
            Limit=limit,
            **start,  # type: ignore[arg-type]
        )
        files = [_known(item) for item in page["Items"]]
        last = page.get("LastEvaluatedKey")
        return files, str(last["fileId"]) if last else None

    def waiting_since(self, at: datetime) -> Iterator[str]:
        """The ids of the files that were PENDING by then, those that wait longest first.

        Read as they are taken, from an index that may be behind: some may have been judged.
        """
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName="byWaiting",
                KeyConditionExpression=Key("waiting").eq(_WAITING)
                & Key("createdAt").lte(written(at)),
                **start,
            )
            for item in page["Items"]:
                yield str(item["fileId"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def add(self, file: File) -> None:
        """Save a new file. Raises Conflict when its id is taken."""
        self._write(_item(file), Attr("fileId").not_exists())

    def save(self, file: File, after: File) -> None:
        """Save what became of a file. Raises Conflict when `after` is no longer what is kept."""
        self._write(_item(file), Attr("version").eq(after.version))

    def note(self, error: MessageError) -> None:
        """Save an error. Again, it changes nothing."""
        told = error.model_dump(mode="json", exclude_none=True)
        item = traced({"fileId": f"{ERROR}{error.error_id}", **told})
        with suppress(Conflict):
            self._write(item, Attr("fileId").not_exists())

    def _write(self, item: dict[str, Any], condition: Any) -> None:
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"{item['fileId']} is not what it was") from error


def read_file(item: Mapping[str, Any] | None) -> File | None:
    """The file of an item. None: there is no item, or it is an error's."""
    return _known(item) if item and not str(item["fileId"]).startswith(ERROR) else None


def read_error(item: Mapping[str, Any] | None) -> MessageError | None:
    """The error of an item. None: there is no item, or it is no error's."""
    if not item or not str(item["fileId"]).startswith(ERROR):
        return None
    return MessageError.model_validate(item)


def traced(item: dict[str, Any]) -> dict[str, Any]:
    """The item with the header of the trace that it is written in, where there is one."""
    told = header()
    return item | {"trace": told} if told else item


def _item(file: File) -> dict[str, Any]:
    item = traced(file.model_dump(mode="json", exclude_none=True))
    match file.status:
        case Status.PENDING:
            item["waiting"] = _WAITING
        case Status.EXPIRED | Status.DELETED:
            item["forgetAt"] = int((file.updated_at + REMEMBERED).timestamp())
    return item


def _known(item: Mapping[str, Any]) -> File:
    # Of a file that never changed, its first and its last time are the same one.
    return File.model_validate({"createdAt": item.get("updatedAt"), **item})
