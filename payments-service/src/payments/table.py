"""This service's DynamoDB table: the payment of each order, or the tombstone in its place.

| pk                  | item                                                |
|---------------------|-----------------------------------------------------|
| `PAYMENT#<orderId>` | `Payment`, or `Tombstone`, which was never requested |
"""

from collections.abc import Mapping
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.config import Config

from payments.payment import Payment, Tombstone

PROMPTLY = Config(connect_timeout=1, read_timeout=1)
"""Seconds that DynamoDB is waited for, at each try. By itself boto3 waits for a minute."""


class Conflict(Exception):
    """The item is no longer what it was when it was read, or is there already."""


class PaymentsTable:
    """Loads and saves payments. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource("dynamodb", config=PROMPTLY).Table(name)
        self._client = self._table.meta.client

    def payment(self, order_id: str) -> Payment | Tombstone | None:
        """The order's payment as it is now."""
        key = {"pk": f"PAYMENT#{order_id}"}
        return _read(self._table.get_item(Key=key, ConsistentRead=True).get("Item"))

    def add(self, payment: Payment | Tombstone) -> None:
        """Save the first of an order. Raises Conflict when the order has one already."""
        self._put(payment, Attr("pk").not_exists())

    def save(self, payment: Payment | Tombstone) -> None:
        """Save the next version of a payment. Raises Conflict when another one came first."""
        self._put(payment, Attr("version").eq(payment.version - 1))

    def _put(self, payment: Payment | Tombstone, condition: ConditionBase) -> None:
        item = payment.model_dump(mode="json", exclude_none=True)
        try:
            self._table.put_item(
                Item={"pk": f"PAYMENT#{payment.order_id}", **item}, ConditionExpression=condition
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"the payment of {payment.order_id} is not what it was") from error


def images(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[Payment | Tombstone | None, Payment | Tombstone] | None:
    """What a stream record tells of, before and after. None: the item is gone."""
    after = _read(new)
    return (_read(old), after) if after else None


def _read(item: Mapping[str, Any] | None) -> Payment | Tombstone | None:
    if not item:
        return None
    kind = Payment if "requestedAt" in item else Tombstone
    return kind.model_validate(item)
