"""Errors in the table: messages that became dead letters.

| pk                | item                                                 |
|-------------------|------------------------------------------------------|
| `ERROR#<errorId>` | `MessageError`; gone some time after its `expiresAt` |
"""

from boto3.dynamodb.conditions import Attr

from toys.raised import MessageError
from toys.store import Store, plain, traced

KIND = "ERROR#"
"""What the key of an error begins with."""


class ErrorItems(Store):
    """Saves errors."""

    def note(self, error: MessageError) -> None:
        """Save an error. Again, it changes nothing."""
        item = traced({"pk": f"{KIND}{error.error_id}", **plain(error)})
        try:
            self._table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
        except self._client.exceptions.ConditionalCheckFailedException:
            return
