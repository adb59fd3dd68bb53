"""Shares in the table.

| fileId            | item                                | byOwner              | byEnd       |
|-------------------|-------------------------------------|----------------------|-------------|
| `SHARE#<shareId>` | `Share`, with its file's id as      | `owner`, `fileId`:   | `ending`,   |
|                   | `sharedFile`; `ending`, as long as  | `SHARES#<file's id>` | `expiresAt` |
|                   | SHARED; `forgetAt`, once it is over |                      |             |
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from file_manager.file import Status
from file_manager.model import written
from file_manager.share import Share, ShareStatus
from file_manager.table import REMEMBERED, SHARE, Conflict, FilesTable, traced

_ENDING = "SHARE"


class SharesTable(FilesTable):
    """Loads and saves shares, and files. Raises botocore's ClientError when DynamoDB fails."""

    def share(self, share_id: str) -> Share | None:
        """The share as it is now, whatever became of it."""
        answer = self._table.get_item(Key={"fileId": SHARE + share_id}, ConsistentRead=True)
        return read_share(answer.get("Item"))

    def shares_of(
        self, file_id: str, limit: int, after: str | None = None
    ) -> tuple[list[Share], str | None]:
        """A page of a file's shares by share id, and where the next page starts, if there is one.

        Read from an index that may be behind.
        """
        asked: dict[str, Any] = {}
        if after is not None:
            asked["ExclusiveStartKey"] = {"fileId": SHARE + after, "owner": _of(file_id)}
        page = self._table.query(
            IndexName="byOwner",
            KeyConditionExpression=Key("owner").eq(_of(file_id)),
            Limit=limit,
            **asked,
        )
        shares = [share for item in page["Items"] if (share := read_share(item))]
        return shares, shares[-1].share_id if shares and "LastEvaluatedKey" in page else None

    def due(self, at: datetime) -> Iterator[str]:
        """The ids of the shares whose days were over by then, those that were over first.

        Read as they are taken, from an index that may be behind.
        """
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName="byEnd",
                KeyConditionExpression=Key("ending").eq(_ENDING)
                & Key("expiresAt").lte(written(at)),
                **start,
            )
            for item in page["Items"]:
                yield str(item["fileId"]).removeprefix(SHARE)
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def add_share(self, share: Share) -> None:
        """Save a new share. Raises Conflict when there is one of its id."""
        self._write(_item(share), Attr("fileId").not_exists())

    def save_share(self, share: Share, after: Share) -> None:
        """Save what became of a share. Raises Conflict when `after` is no longer what is kept."""
        self._write(_item(share), Attr("version").eq(after.version))

    def commit_share(self, share: Share, after: Share) -> None:
        """Save that a file is shared, if it is stored at that moment. Raises Conflict as above."""
        is_stored = {
            "TableName": self._table.name,
            "Key": {"fileId": share.file_id},
            "ConditionExpression": "#status = :stored",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":stored": Status.STORED.value},
        }
        put = {
            "TableName": self._table.name,
            "Item": _item(share),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": after.version},
        }
        parts: Any = [{"ConditionCheck": is_stored}, {"Put": put}]
        try:
            self._client.transact_write_items(TransactItems=parts)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                raise Conflict(f"share {share.share_id} or its file is not what it was") from error
            raise


def read_share(item: Mapping[str, Any] | None) -> Share | None:
    """The share of an item. None: there is no item, or it is no share's."""
    if not item or not str(item["fileId"]).startswith(SHARE):
        return None
    return Share.model_validate({**item, "fileId": item["sharedFile"]})


def _of(file_id: str) -> str:
    return f"SHARES#{file_id}"


def _item(share: Share) -> dict[str, Any]:
    item = traced(share.model_dump(mode="json", exclude_none=True))
    item |= {
        "fileId": SHARE + share.share_id,
        "sharedFile": share.file_id,
        "owner": _of(share.file_id),
    }
    if share.status is ShareStatus.SHARED:
        item["ending"] = _ENDING
    if not share.is_live:
        item["forgetAt"] = int((share.updated_at + REMEMBERED).timestamp())
    return item
