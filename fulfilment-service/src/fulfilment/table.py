"""This service's DynamoDB table: shipments, what stands in the place of one, and errors.

| pk                   | item           | byStatus                                    |
|----------------------|----------------|---------------------------------------------|
| `SHIPMENT#<orderId>` | `Shipment`     | `status`, `place` = `<createdAt>#<orderId>` |
| the same             | `AddressNote`  | not there                                   |
| the same             | `Tombstone`    | not there                                   |
| `ERROR#<errorId>`    | `MessageError` | not there; gone after its `expiresAt`       |

The first three have the same key: an order has one of them. A note gives way to the shipment or the
tombstone; of these two, whichever came first stays. The version rises by one with each of them.

An item has the header of the `trace` in which it was written.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

from fulfilment.model import written
from fulfilment.raised import MessageError
from fulfilment.shipment import AddressNote, Kept, Shipment, Status, Tombstone
from fulfilment.tracing import header

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""


SHIPMENT = "SHIPMENT#"
ERROR = "ERROR#"
"""What keys begin with."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class ShipmentsTable:
    """Loads and saves what is kept of orders, and errors.

    Raises botocore's ClientError when DynamoDB fails.
    """

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def shipment(self, order_id: str) -> Kept | None:
        """The order's shipment as it is now, or what stands in its place."""
        key = {"pk": f"{SHIPMENT}{order_id}"}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return _kept(item) if item else None

    def listed(
        self, status: Status, limit: int, after: str | None
    ) -> tuple[list[Shipment], str | None]:
        """A page of shipments, oldest first, and where the next page starts, if there is one."""
        start = {"ExclusiveStartKey": _index_key(status, after)} if after else {}
        page = self._table.query(
            IndexName="byStatus",
            KeyConditionExpression=Key("status").eq(status.value),
            Limit=limit,
            **start,  # type: ignore[arg-type]
        )
        shipments = [Shipment.model_validate(item) for item in page["Items"]]
        return shipments, _place(shipments[-1]) if "LastEvaluatedKey" in page else None

    def waiting(self, before: datetime, pages: int) -> tuple[int, bool]:
        """How many shipments wait that were lined up before then, by so many reads at most.

        Each read goes through a megabyte of them. Whether (True) or not these were all.
        """
        query = {
            "IndexName": "byStatus",
            "Select": "COUNT",
            "KeyConditionExpression": Key("status").eq(Status.WAITING.value)
            & Key("place").lt(written(before)),
        }
        count, start = 0, dict[str, Any]()
        for _ in range(pages):
            page = self._table.query(**query, **start)  # type: ignore[arg-type]
            count += page["Count"]
            if "LastEvaluatedKey" not in page:
                return count, True
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return count, False

    def add(self, new: Kept) -> None:
        """Save the first that is kept of an order. Raises Conflict when there is something."""
        self._put(new, Attr("pk").not_exists())

    def save(self, kept: Kept) -> None:
        """Save what comes next in its place. Raises Conflict when something else came first."""
        self._put(kept, Attr("version").eq(kept.version - 1))

    def keep(self, error: MessageError) -> None:
        """Save an error. Again, it changes nothing."""
        told = error.model_dump(mode="json", exclude_none=True)
        item = {"pk": f"{ERROR}{error.error_id}", **told, **_traced()}
        try:
            self._table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _put(self, kept: Kept, condition: Any) -> None:
        try:
            self._table.put_item(Item=_item(kept), ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"the shipment of order {kept.order_id} is not what it was") from error


class Change(NamedTuple):
    """What a record of the stream tells of: a shipment, before and after, or an error that is new.

    What stands in the place of a shipment counts as one. `trace` is the header of the one that it
    was written in, if any is known.
    """

    old: Kept | None
    new: Kept | MessageError
    trace: str | None


def change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change | None:
    """The change that an item's images show. None: a removal."""
    if not new:
        return None
    if str(new["pk"]).startswith(ERROR):
        known = bool(old)
        return None if known else Change(None, MessageError.model_validate(new), new.get("trace"))
    return Change(_kept(old) if old else None, _kept(new), new.get("trace"))


def _kept(item: Mapping[str, Any]) -> Kept:
    """The item's model: only shipments have a place in line, and of the rest only notes no end."""
    if "place" in item:
        return Shipment.model_validate(item)
    return (Tombstone if "cancelledAt" in item else AddressNote).model_validate(item)


def _place(shipment: Shipment) -> str:
    return f"{written(shipment.created_at)}#{shipment.order_id}"


def _index_key(status: Status, place: str) -> dict[str, str]:
    order_id = place.partition("#")[2]
    return {"pk": f"{SHIPMENT}{order_id}", "status": status.value, "place": place}


def _item(kept: Kept) -> dict[str, Any]:
    told = kept.model_dump(mode="json", exclude_none=True)
    item = {"pk": f"{SHIPMENT}{kept.order_id}", **told, **_traced()}
    # What has no place is not in the index, so no list of shipments shows it.
    return item | {"place": _place(kept)} if isinstance(kept, Shipment) else item


def _traced() -> dict[str, str]:
    """What an item has that is written in this trace."""
    told = header()
    return {"trace": told} if told else {}
