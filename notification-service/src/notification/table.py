"""This service's DynamoDB table: one item for each e-mail that was asked for.

| mailId | item   | expiresAt                                                          |
|--------|--------|--------------------------------------------------------------------|
| its id | `Mail` | when DynamoDB may remove it (Unix time), some days after its change |
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.config import Config

from notification.mail import Mail

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class MailsTable:
    """Loads and saves mails. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str, retention: timedelta) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client
        self._retention = retention

    def mail(self, mail_id: str) -> Mail | None:
        """The mail as it is now."""
        answer = self._table.get_item(Key={"mailId": mail_id}, ConsistentRead=True)
        return _mail(answer.get("Item"))

    def add(self, mail: Mail) -> None:
        """Save a new mail. Raises Conflict when its id is taken."""
        self._put(mail, Attr("mailId").not_exists())

    def save(self, mail: Mail) -> None:
        """Save the next version of a mail. Raises Conflict when another one came first."""
        self._put(mail, Attr("version").eq(mail.version - 1))

    def _put(self, mail: Mail, condition: Any) -> None:
        item = mail.model_dump(mode="json", exclude_none=True)
        item["expiresAt"] = int((mail.updated_at + self._retention).timestamp())
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"mail {mail.mail_id} is not what it was") from error


def _mail(item: Mapping[str, Any] | None) -> Mail | None:
    return Mail.model_validate(item) if item else None
