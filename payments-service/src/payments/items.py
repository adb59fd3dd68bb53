"""The items of this service's DynamoDB table, as models, and what a change of one tells.

| pk                     | item                                                                |
|------------------------|---------------------------------------------------------------------|
| `PAYMENT#<orderId>`    | `Payment`, or in its place a `Tombstone`, which was never requested |
| `RECONCILIATION#<day>` | `Report`                                                            |
| `ERROR#<errorId>`      | `KeptError`; gone some time after its `expiresAt`                   |

| index   | by                                     | what for                              |
|---------|----------------------------------------|---------------------------------------|
| `byDay` | `day` = "<day>#<n>",                   | the payments requested on a day, UTC, |
|         | `place` = "<requestedAt>#<orderId>"    | as `Listed`                           |

A day's payments are spread over a few partitions by their orders: one takes a thousand writes a
second, and an index that cannot keep up holds back the table itself.

Each item has the header of the `trace` in which it was written.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

from payments.listing import Listed
from payments.payment import Payment, Tombstone
from payments.raised import KeptError
from payments.reconciliation import Progress, Report
from payments.tracing import header

SHARDS = 4
"""Over how many partitions a day's payments are spread. May grow: those of fewer are still read."""

PAYMENT = "PAYMENT#"
RECONCILIATION = "RECONCILIATION#"
ERROR = "ERROR#"
"""What keys begin with."""

Kept = Payment | Tombstone | Report | KeptError
"""What the table has."""


class Change(NamedTuple):
    """What a record of the stream tells of: an item, before and after.

    `trace` is the header of the one that it was written in, if any is known.
    """

    old: Kept | None
    new: Kept
    trace: str | None


def change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change | None:
    """The change that an item's images show. None: it is gone, or nothing of this service's."""
    after = _kept(new)
    if not new or after is None:
        return None
    return Change(_kept(old), after, new.get("trace"))


def running(item: Mapping[str, Any] | None) -> Report | None:
    """The report of a stream's item, where it is one that is not done yet."""
    match _kept(item):
        case Report(status=Progress.RUNNING) as report:
            return report
    return None


def payment_in(item: Mapping[str, Any] | None) -> Payment | Tombstone | None:
    """The payment that an item is."""
    if not item:
        return None
    kind = Payment if "requestedAt" in item else Tombstone
    return kind.model_validate(item)


def payment_item(payment: Payment | Tombstone) -> dict[str, Any]:
    """A payment as an item."""
    item = _item(f"{PAYMENT}{payment.order_id}", payment)
    if isinstance(payment, Payment):
        shard = crc32(payment.order_id.encode()) % SHARDS
        listed = Listed.of(payment)
        item |= {
            "day": f"{listed.place[:10]}#{shard}",
            "place": listed.place,
            "refunded": listed.refunded,
        }
    return item


def report_item(report: Report) -> dict[str, Any]:
    """A report as an item."""
    return _item(f"{RECONCILIATION}{report.day.isoformat()}", report)


def error_item(error: KeptError) -> dict[str, Any]:
    """An error as an item."""
    return _item(f"{ERROR}{error.error_id}", error)


def _item(pk: str, kept: Kept) -> dict[str, Any]:
    item = {"pk": pk} | kept.model_dump(mode="json", exclude_none=True)
    if trace := header():
        item["trace"] = trace
    return item


def _kept(item: Mapping[str, Any] | None) -> Kept | None:
    pk = str(item.get("pk", PAYMENT)) if item else ""
    if pk.startswith(PAYMENT):
        return payment_in(item)
    if pk.startswith(RECONCILIATION):
        return Report.model_validate(item)
    return KeptError.model_validate(item) if pk.startswith(ERROR) else None
