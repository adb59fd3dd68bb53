"""This service's DynamoDB table: shipments.

| pk                   | item       | byStatus                                       |
|----------------------|------------|------------------------------------------------|
| `SHIPMENT#<orderId>` | `Shipment` | `status`, `place` = `<createdAt>#<orderId>`    |
"""

from collections.abc import Mapping
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key

from fulfilment.shipment import Shipment, Status


class Conflict(Exception):
    """The shipment is no longer what it was when it was read, or is there already."""


class ShipmentsTable:
    """Loads and saves shipments. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb").Table(name)
        self._client = self._table.meta.client

    def shipment(self, order_id: str) -> Shipment | None:
        """The order's shipment as it is now."""
        key = {"pk": f"SHIPMENT#{order_id}"}
        return _shipment(self._table.get_item(Key=key, ConsistentRead=True).get("Item"))

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

    def add(self, shipment: Shipment) -> None:
        """Save a new shipment. Raises Conflict when its order has one."""
        self._put(shipment, Attr("pk").not_exists())

    def save(self, shipment: Shipment) -> None:
        """Save the next version of a shipment. Raises Conflict when another one came first."""
        self._put(shipment, Attr("version").eq(shipment.version - 1))

    def _put(self, shipment: Shipment, condition: Any) -> None:
        try:
            self._table.put_item(Item=_item(shipment), ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(
                f"the shipment of order {shipment.order_id} is not what it was"
            ) from error


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Shipment | None, Shipment] | None:
    """What a stream record tells of: a shipment, before and after. None: a removal."""
    return (_shipment(old), Shipment.model_validate(new)) if new else None


def _shipment(item: Mapping[str, Any] | None) -> Shipment | None:
    return Shipment.model_validate(item) if item else None


def _place(shipment: Shipment) -> str:
    return f"{shipment.model_dump()['createdAt']}#{shipment.order_id}"


def _index_key(status: Status, place: str) -> dict[str, str]:
    order_id = place.partition("#")[2]
    return {"pk": f"SHIPMENT#{order_id}", "status": status.value, "place": place}


def _item(shipment: Shipment) -> dict[str, Any]:
    item = shipment.model_dump(mode="json", exclude_none=True)
    return {"pk": f"SHIPMENT#{shipment.order_id}", "place": _place(shipment), **item}
