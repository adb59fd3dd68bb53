"""This service's DynamoDB table: one item for each file that was handed in.

| fileId | item   | byOwner           |
|--------|--------|-------------------|
| its id | `File` | `owner`, `fileId` |
"""

from collections.abc import Mapping
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from file_manager.file import File

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""


class Conflict(Exception):
    """The item is there already."""


class FilesTable:
    """Loads and saves files. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def file(self, file_id: str) -> File | None:
        """The file as it is now, stored or rejected."""
        answer = self._table.get_item(Key={"fileId": file_id}, ConsistentRead=True)
        return _file(answer.get("Item"))

    def owned(self, owner: str, limit: int, after: str | None) -> tuple[list[File], str | None]:
        """A page of an owner's files by file id, and where the next page starts, if there is one.

        A file shows here a moment after it was saved.
        """
        start = {"ExclusiveStartKey": {"fileId": after, "owner": owner}} if after else {}
        page = self._table.query(
            IndexName="byOwner",
            KeyConditionExpression=Key("owner").eq(owner),
            Limit=limit,
            **start,  # type: ignore[arg-type]
        )
        files = [File.model_validate(item) for item in page["Items"]]
        return files, files[-1].file_id if "LastEvaluatedKey" in page else None

    def add(self, file: File) -> None:
        """Save a new file. Raises Conflict when its id is taken."""
        item = file.model_dump(mode="json", exclude_none=True)
        try:
            self._table.put_item(Item=item, ConditionExpression=Attr("fileId").not_exists())
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"file {file.file_id} is there already") from error


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[File | None, File] | None:
    """What a stream record tells of: a file, before and after. None: a removal."""
    return (_file(old), File.model_validate(new)) if new else None


def _file(item: Mapping[str, Any] | None) -> File | None:
    return File.model_validate(item) if item else None
