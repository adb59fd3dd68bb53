"""This service's DynamoDB table of what belongs to shoppers, and the report.

| pk                     | sk                | item                                             |
|------------------------|-------------------|--------------------------------------------------|
| `SHOPPER#<customerId>` | `ORDER#<orderId>` | `submission`, `projection`, `cancellation`: an   |
|                        |                   | `Order`. Each is written by itself               |
| `SHOPPER#<customerId>` | `PROFILE`         | `profile`, `version`: how often it was written   |
| `REPORT`               | `SALES`           | `report`, `version`: the last that was told      |
| `REBUILD#<requestId>`  | `REBUILD`         | `Rebuild`. It is told once, and stays            |
| `ERRORS`               |                   | errors: see `error_log`                          |

| index    | by                                                 | what for                        |
|----------|----------------------------------------------------|---------------------------------|
| `byTime` | `pk`, `since` = when it was submitted, else placed | a shopper's orders; sparse, and |
|          |                                                    | local, so read consistently     |

What leads to a message has the header of the `trace` in which it was written last.

An order lies under its shopper, so that whoever asks for another's finds nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.conditions import Attr, Key
from pydantic import TypeAdapter

from public_api import cursor as cursors
from public_api.cursor import BadCursor
from public_api.dynamo import PROMPTLY
from public_api.model import Timestamp
from public_api.order import Cancellation, Order, Projection, Submission
from public_api.profile import Profile
from public_api.report import SalesReport
from public_api.republication import Rebuild
from public_api.tracing import header

_TIME = TypeAdapter(Timestamp)
"""How a time is written."""

_ORDERS = "orders"
"""What the cursors of shoppers' orders are good for. Whose they are, the query says."""

_SALES = {"pk": "REPORT", "sk": "SALES"}
"""The key of the report of sales."""

_UNTOLD = Attr("projection").not_exists()
"""The condition that nothing has been told of an order."""


class Conflict(Exception):
    """The item is there already, or is not any more as it was read."""


class PublicTable:
    """Loads and saves orders. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)
        self._stale = self._table.meta.client.exceptions.ConditionalCheckFailedException

    def order(self, customer_id: str, order_id: str) -> Order | None:
        """The shopper's order as it is now."""
        key = _order_key(customer_id, order_id)
        return _order(self._table.get_item(Key=key, ConsistentRead=True).get("Item"))

    def orders(
        self, customer_id: str, earliest: datetime, limit: int, cursor: str | None
    ) -> tuple[list[Order], str | None]:
        """A page of the shopper's orders since `earliest`, newest first, and the next's cursor.

        Raises BadCursor.
        """
        start: dict[str, Any] = {}
        oldest = _TIME.dump_python(earliest)
        if cursor is not None:
            since, _, sk = cursors.read(_ORDERS, cursor).partition(" ")
            if not since or not sk.startswith("ORDER#"):
                raise BadCursor("made up")
            if since < oldest:  # where a query may not begin, and nothing is left to be found
                return [], None
            start = {"pk": f"SHOPPER#{customer_id}", "sk": sk, "since": since}
        page = self._table.query(
            IndexName="byTime",
            KeyConditionExpression=Key("pk").eq(f"SHOPPER#{customer_id}")
            & Key("since").gte(oldest),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]
        )
        orders = [Order.model_validate(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return orders, None
        last = page["LastEvaluatedKey"]
        return orders, cursors.write(_ORDERS, " ".join(map(str, (last["since"], last["sk"]))))

    def submit(self, submission: Submission) -> None:
        """Save a new order. Raises Conflict when the order is there already."""
        item = submission.model_dump(mode="json", exclude_none=True)
        try:
            self._table.put_item(
                Item={
                    **_order_key(submission.customer_id, submission.order_id),
                    "since": item["submittedAt"],
                    "submission": item,
                    **_traced(),
                },
                ConditionExpression=Attr("pk").not_exists(),
            )
        except self._stale as error:
            raise Conflict(f"order {submission.order_id} is there already") from error

    def cancel(self, order: Order, cancellation: Cancellation) -> None:
        """Save a shopper's wish to cancel `order`, provided that it still is as given.

        Raises Conflict when it was asked for meanwhile, or something newer was told of the order.
        """
        told = order.projection
        same = Attr("projection.version").eq(told.version) if told else _UNTOLD
        traced = _traced()
        marked = ", #trace = :trace" if traced else " REMOVE #trace"
        try:
            self._table.update_item(
                Key=_order_key(order.purchase.customer_id, order.purchase.order_id),
                UpdateExpression=f"SET cancellation = :asked{marked}",
                ConditionExpression=Attr("pk").exists() & Attr("cancellation").not_exists() & same,
                ExpressionAttributeNames={"#trace": "trace"},
                ExpressionAttributeValues={
                    ":asked": cancellation.model_dump(mode="json"),
                    **{f":{name}": value for name, value in traced.items()},
                },
            )
        except self._stale as error:
            raise Conflict(f"order {order.purchase.order_id} is not as it was read") from error

    def follow(self, projection: Projection) -> bool:
        """Save what was told of an order. False: something as new or newer is there."""
        item = projection.model_dump(mode="json", exclude_none=True)
        try:
            self._table.update_item(
                Key=_order_key(projection.customer_id, projection.order_id),
                UpdateExpression="SET #told = :told, since = if_not_exists(since, :placed)",
                ConditionExpression=_UNTOLD | Attr("projection.version").lt(projection.version),
                ExpressionAttributeNames={"#told": "projection"},
                ExpressionAttributeValues={":told": item, ":placed": item["placedAt"]},
            )
        except self._stale:
            return False
        return True

    def profile(self, customer_id: str) -> tuple[Profile, int]:
        """The shopper's profile and how often it was written: empty and 0 for a new shopper."""
        key = _profile_key(customer_id)
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return Profile(), 0
        return Profile.model_validate(item["profile"]), int(str(item["version"]))

    def keep_profile(self, customer_id: str, profile: Profile, version: int) -> None:
        """Save a shopper's profile as its `version`. Raises Conflict unless the last is before."""
        is_next = Attr("version").eq(version - 1) if version > 1 else Attr("pk").not_exists()
        item: dict[str, Any] = {"profile": profile.model_dump(mode="json"), "version": version}
        try:
            self._table.put_item(
                Item={**_profile_key(customer_id), **item},
                ConditionExpression=is_next,
            )
        except self._stale as error:
            raise Conflict("the profile is not as it was read") from error

    def sales(self) -> SalesReport | None:
        """The report of sales that was told last."""
        item = self._table.get_item(Key=_SALES).get("Item")
        return SalesReport.model_validate(item["report"]) if item else None

    def report(self, report: SalesReport, version: int) -> bool:
        """Save a report of sales. False: one as new or newer is there."""
        item: dict[str, Any] = {
            **_SALES,
            "report": report.model_dump(mode="json"),
            "version": version,
        }
        newer = Attr("pk").not_exists() | Attr("version").lt(version)
        try:
            self._table.put_item(Item=item, ConditionExpression=newer)
        except self._stale:
            return False
        return True

    def rebuild(self, rebuild: Rebuild) -> None:
        """Save that a rebuild was asked for. Raises Conflict when it was before."""
        key = {"pk": f"REBUILD#{rebuild.request_id}", "sk": "REBUILD"}
        try:
            self._table.put_item(
                Item={**key, **rebuild.model_dump(mode="json"), **_traced()},
                ConditionExpression=Attr("pk").not_exists(),
            )
        except self._stale as error:
            raise Conflict(f"rebuild {rebuild.request_id} was asked for before") from error


class Change(NamedTuple):
    """What a record of the stream tells of: an order, before and after, or a rebuild asked for.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: Order | None
    new: Order | Rebuild
    trace: str | None


def images(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change | None:
    """The change that an item's images show. None: of something else, or a removal."""
    if not new:
        return None
    trace = new.get("trace")
    if new["sk"] == "REBUILD":
        return None if old else Change(None, Rebuild.model_validate(new), trace)
    if new["sk"].startswith("ORDER#"):
        return Change(_order(old), Order.model_validate(new), trace)
    return None


def _traced() -> dict[str, str]:
    """What an item has that is written in this trace."""
    told = header()
    return {"trace": told} if told else {}


def _order_key(customer_id: str, order_id: str) -> dict[str, str]:
    return {"pk": f"SHOPPER#{customer_id}", "sk": f"ORDER#{order_id}"}


def _profile_key(customer_id: str) -> dict[str, str]:
    return {"pk": f"SHOPPER#{customer_id}", "sk": "PROFILE"}


def _order(item: Mapping[str, Any] | None) -> Order | None:
    return Order.model_validate(item) if item else None
