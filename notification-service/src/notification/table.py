"""This service's two DynamoDB tables.

The mails, one item for each e-mail that was asked for:

| mailId            | item           | byOrder                | expiresAt                  |
|-------------------|----------------|------------------------|----------------------------|
| its id            | `Mail`         | `orderId`, `createdAt` | some days after its change |
| `ERROR#<errorId>` | `MessageError` | not there              | 30 days after it           |

Each has the header of the `trace` in which it was written. DynamoDB drops what has expired.

The suppression list, the only place where addresses are kept:

| addressHash             | item          | bySuppressedAt            | expiresAt                  |
|-------------------------|---------------|---------------------------|----------------------------|
| SHA-256 of the address  | `Suppression` | `listed`, `suppressedAt`  | `until`                    |
| the same, once lifted   | `liftedAt`    | not there                 | 30 days after that         |

`expiresAt` is in Unix time.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from notification.mail import Mail
from notification.model import written
from notification.raised import MessageError
from notification.suppression import REMEMBERED, Suppression, key
from notification.tracing import header

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""

_LISTED = "SUPPRESSION"
_ERROR = "ERROR#"


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class Change(NamedTuple):
    """What a record of the mails' stream tells of: an item, before and after.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: Mail | MessageError | None
    new: Mail | MessageError
    trace: str | None


class MailsTable:
    """Loads and saves mails, and errors. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str, retention: timedelta) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client
        self._retention = retention

    def mail(self, mail_id: str) -> Mail | None:
        """The mail as it is now."""
        answer = self._table.get_item(Key={"mailId": mail_id}, ConsistentRead=True)
        return _mail(answer.get("Item"))

    def of_order(
        self, order_id: str, limit: int, after: str | None
    ) -> tuple[list[Mail], str | None]:
        """A page of an order's mails, newest first, and where the next page starts, if any.

        A mail shows here a moment after it was saved.
        """
        start: dict[str, Any] = {}
        if after:
            created_at, _, mail_id = after.partition("#")
            place = {"mailId": mail_id, "orderId": order_id, "createdAt": created_at}
            start = {"ExclusiveStartKey": place}
        page = self._table.query(
            IndexName="byOrder",
            KeyConditionExpression=Key("orderId").eq(order_id),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        following = _place(page.get("LastEvaluatedKey"), "createdAt", "mailId")
        return [_known(item) for item in page["Items"]], following

    def add(self, mail: Mail) -> None:
        """Save a new mail. Raises Conflict when its id is taken."""
        self._put_mail(mail, Attr("mailId").not_exists())

    def save(self, mail: Mail) -> None:
        """Save the next version of a mail. Raises Conflict when another one came first."""
        self._put_mail(mail, Attr("version").eq(mail.version - 1))

    def keep(self, error: MessageError) -> None:
        """Save an error. Again, it changes nothing."""
        item = error.model_dump(mode="json", exclude_none=True)
        with suppress(Conflict):
            self._put({"mailId": f"{_ERROR}{error.error_id}"} | item, Attr("mailId").not_exists())

    def _put_mail(self, mail: Mail, condition: Any) -> None:
        item = mail.model_dump(mode="json", exclude_none=True)
        item["expiresAt"] = int((mail.updated_at + self._retention).timestamp())
        self._put(item, condition)

    def _put(self, item: dict[str, Any], condition: Any) -> None:
        if trace := header():
            item["trace"] = trace
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"mail {item['mailId']} is not what it was") from error


class SuppressionsTable:
    """Keeps the suppression list. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def of(self, address: str, at: datetime) -> Suppression | None:
        """What keeps mails from that address at this time; None: nothing does."""
        answer = self._table.get_item(Key={"addressHash": key(address)}, ConsistentRead=True)
        item = answer.get("Item", {})
        suppression = Suppression.model_validate(item) if "address" in item else None
        return suppression if suppression and suppression.holds(at) else None

    def page(
        self, limit: int, after: str | None, at: datetime
    ) -> tuple[list[Suppression], str | None]:
        """A page of the list, latest first, and where the next page starts, if there is one.

        What no longer holds is read and left out, so that a page may hold fewer than `limit`. A
        suppression shows here a moment after it was saved.
        """
        start: dict[str, Any] = {}
        if after:
            suppressed_at, _, hash_ = after.partition("#")
            place = {"addressHash": hash_, "listed": _LISTED, "suppressedAt": suppressed_at}
            start = {"ExclusiveStartKey": place}
        page = self._table.query(
            IndexName="bySuppressedAt",
            KeyConditionExpression=Key("listed").eq(_LISTED),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        found = [Suppression.model_validate(item) for item in page["Items"]]
        following = _place(page.get("LastEvaluatedKey"), "suppressedAt", "addressHash")
        return [one for one in found if one.holds(at)], following

    def add(self, suppression: Suppression) -> bool:
        """Put an address on the list; False: what is kept of it is as new, or newer.

        An address that was taken off the list comes back by a later bounce only.
        """
        since = written(suppression.suppressed_at)
        item = {
            "addressHash": key(suppression.address),
            "listed": _LISTED,
            "expiresAt": int(suppression.until.timestamp()),
            **suppression.model_dump(mode="json"),
        }
        older = Attr("suppressedAt").lt(since) | Attr("liftedAt").lt(since)
        return self._put(item, Attr("addressHash").not_exists() | older)

    def lift(self, address: str, at: datetime) -> bool:
        """Take an address off the list; False: it was not on it."""
        item = {
            "addressHash": key(address),
            "liftedAt": written(at),
            "expiresAt": int((at + REMEMBERED).timestamp()),
        }
        return self._put(item, Attr("address").exists())

    def _put(self, item: Mapping[str, Any], condition: Any) -> bool:
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change | None:
    """The change that an item's images show. None: it is gone."""
    return Change(_kept(old) if old else None, _kept(new), new.get("trace")) if new else None


def _kept(item: Mapping[str, Any]) -> Mail | MessageError:
    if str(item["mailId"]).startswith(_ERROR):
        return MessageError.model_validate(item)
    return _known(item)


def _mail(item: Mapping[str, Any] | None) -> Mail | None:
    return _known(item) if item else None


def _known(item: Mapping[str, Any]) -> Mail:
    # Kept by an earlier release: its order's id was the correlation id, and its first time is lost.
    before = {"orderId": item.get("correlationId"), "createdAt": item.get("updatedAt")}
    return Mail.model_validate(before | dict(item))


def _place(last: Mapping[str, Any] | None, *keys: str) -> str | None:
    """Where the next page starts, as a text; None: there is none."""
    return "#".join(str(last[key]) for key in keys) if last else None
