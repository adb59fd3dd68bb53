"""This service's DynamoDB table: orders.

| pk                | item    |
|-------------------|---------|
| `ORDER#<orderId>` | `Order` |
"""

from collections.abc import Mapping
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr

from orders.order import Order


class Conflict(Exception):
    """The order is no longer what it was when it was read, or is there already."""


class OrdersTable:
    """Loads and saves orders. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb").Table(name)
        self._client = self._table.meta.client

    def order(self, order_id: str) -> Order | None:
        """The order as it is now."""
        answer = self._table.get_item(Key={"pk": f"ORDER#{order_id}"}, ConsistentRead=True)
        return _order(answer.get("Item"))

    def add(self, order: Order) -> None:
        """Save a new order. Raises Conflict when its id is taken."""
        self._put(order, Attr("pk").not_exists())

    def save(self, order: Order, after: Order) -> None:
        """Save what became of an order. Raises Conflict when `after` is no longer what is kept."""
        self._put(order, Attr("version").eq(after.version))

    def _put(self, order: Order, condition: Any) -> None:
        try:
            self._table.put_item(Item=_item(order), ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"order {order.order_id} is not what it was") from error


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Order | None, Order] | None:
    """What a stream record tells of: an order, before and after. None: a removal."""
    return (_order(old), Order.model_validate(new)) if new else None


def _order(item: Mapping[str, Any] | None) -> Order | None:
    return Order.model_validate(item) if item else None


def _item(order: Order) -> dict[str, Any]:
    item = order.model_dump(mode="json", exclude_none=True)
    return {"pk": f"ORDER#{order.order_id}", **item}
