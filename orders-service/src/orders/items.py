"""The items of this service's DynamoDB table, as models, and what a change of one tells.

| pk                          | item                                                             |
|-----------------------------|------------------------------------------------------------------|
| `ORDER#<orderId>`           | `Order`; before there is one, maybe a `Cancellation` (version 0) |
| `REPUBLICATION#<requestId>` | `Republication`; gone some time after its `expiresAt`            |
| `ERROR#<errorId>`           | `MessageError`; gone some time after its `expiresAt`             |

| index        | by                                  | what for                                    |
|--------------|-------------------------------------|---------------------------------------------|
| `byDeadline` | `waiting` = "WAITING#<n>",          | orders that have to move on by then; sparse |
|              | `deadline`                          |                                             |
|              | `waiting` = "REFUND#<n>",           | orders whose money has to be back by then,  |
|              | `deadline` = "<then>#<minor units>" | and how much of it is not; sparse           |
| `byCustomer` | `customerId`,                       | the orders of one customer                  |
|              | `place` = "<placedAt>#<orderId>"    |                                             |
| `byMonth`    | `month` = "<YYYY-MM>#<n>", `place`  | all orders                                  |

The last two are written when an order is placed, and never again. What waits is spread over a few
partitions by the orders' ids, and so is a month: one takes a thousand writes a second, and an index
that cannot keep up holds back the table itself. An order that waits for its refund has its own
deadline, which is over, in `confirmBy`.

An item whose change leads to messages has the header of the `trace` in which it was written.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

from orders.facts import Cancellation
from orders.model import written
from orders.order import Order
from orders.owed import GIVEN_BACK_WITHIN, owed_since
from orders.raised import MessageError
from orders.republication import Progress, Republication
from orders.saga import WAITING
from orders.tracing import header

SHARDS = 4
"""Over how many partitions orders are spread. May grow: those of fewer are still read."""

ORDER = "ORDER#"
REPUBLICATION = "REPUBLICATION#"
ERROR = "ERROR#"
"""What keys begin with."""


class Change(NamedTuple):
    """What a record of the stream tells of: an order, before and after, or an error that is new.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: Order | None
    new: Order | MessageError
    trace: str | None


def change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change | None:
    """The change that an item's images show. None: of no order or error, or a removal."""
    if not new:
        return None
    if not old and str(new["pk"]).startswith(ERROR):
        return Change(None, MessageError.model_validate(new), trace_of(new))
    before, after = kept_in(old), kept_in(new)
    if not isinstance(after, Order):
        return None
    return Change(before if isinstance(before, Order) else None, after, trace_of(new))


def running(item: Mapping[str, Any] | None) -> Republication | None:
    """The republication of an item, where it is one that has orders left to tell."""
    if not item or not str(item.get("pk", "")).startswith(REPUBLICATION):
        return None
    found = Republication.model_validate(item)
    return found if found.status is Progress.RUNNING else None


def trace_of(item: Mapping[str, Any] | None) -> str | None:
    """The header of the trace in which an item was written."""
    return item.get("trace") if item else None


def traced() -> dict[str, str]:
    """What an item has that is written in this trace."""
    told = header()
    return {"trace": told} if told else {}


def kept_in(item: Mapping[str, Any] | None) -> Order | Cancellation | None:
    """What an item is; None: nothing of an order."""
    if not item or not str(item["pk"]).startswith(ORDER):
        return None
    if "status" not in item:
        return Cancellation.model_validate(item)
    if "confirmBy" in item:
        item = {**item, "deadline": item["confirmBy"]}
    return Order.model_validate(item)


def item_of(kept: Order | Cancellation) -> dict[str, Any]:
    """An order as an item, or the request that came before it."""
    told = kept.model_dump(mode="json", exclude_none=True, exclude={"refund"})
    item = {"pk": pk(kept.order_id), **told, **traced()}
    if isinstance(kept, Order):
        item |= places(kept) | _waiting(kept)
    return item


def error_item(error: MessageError) -> dict[str, Any]:
    """An error as an item."""
    told = error.model_dump(mode="json", exclude_none=True)
    return {"pk": f"{ERROR}{error.error_id}", **told, **traced()}


def pk(order_id: str) -> str:
    """The key of an order."""
    return f"{ORDER}{order_id}"


def waiting_for(what: str) -> list[str]:
    """All partitions of those that wait for "WAITING" (their next step) or "REFUND"."""
    return [f"{what}#{shard}" for shard in range(SHARDS)]


def places(order: Order) -> dict[str, str]:
    """Where an order stands on the lists."""
    at = written(order.placed_at)
    return {"place": f"{at}#{order.order_id}", "month": f"{at[:7]}#{_shard(order)}"}


def _waiting(order: Order) -> dict[str, str]:
    """What puts an order among those that wait. One is not owed anything before its deadline."""
    if order.status in WAITING:
        return {"waiting": f"WAITING#{_shard(order)}"}
    since = owed_since(order)
    if since is None:
        return {}
    return {
        "waiting": f"REFUND#{_shard(order)}",
        "deadline": written(since + GIVEN_BACK_WITHIN),
        "confirmBy": written(order.deadline),
    }


def _shard(order: Order) -> int:
    return crc32(order.order_id.encode()) % SHARDS
