"""A sale: what the reports keep of an order. Pure rules, no AWS, no database."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from reports.messages import Line, OrderData, OrderEvent

REST = ""
"""The refund id of what goes back beside the parts that have a time of their own."""


@dataclass(frozen=True, slots=True)
class Back:
    """Money of an order that goes back, in minor units, and when that was decided."""

    refund_id: str
    amount: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Sale:
    """An order at one of its versions. Amounts are in minor units of `currency`.

    Each time but `placed_at` and `updated_at` is None until the order came to that status; the
    refund is None unless there is one, and then `backs` says what it is made of.
    """

    order_id: str
    customer_id: str
    status: str
    reason: str | None
    currency: str
    shipping: int
    net: int
    tax: int
    gross: int
    tax_rate: Decimal
    placed_at: datetime
    confirmed_at: datetime | None
    dispatched_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    refund_amount: int | None
    refund_status: str | None
    carrier: str | None
    version: int
    updated_at: datetime
    lines: tuple[Line, ...]
    backs: tuple[Back, ...] = ()

    @classmethod
    def of(cls, event: OrderEvent) -> Self:
        """The sale that an order's event tells of."""
        order = event.data
        reached = {step.status: step.at for step in order.history}
        return cls(
            order_id=order.order_id,
            customer_id=order.customer_id,
            status=order.status,
            reason=order.reason,
            currency=order.currency,
            shipping=order.shipping,
            net=order.net,
            tax=order.tax,
            gross=order.gross,
            tax_rate=order.tax_rate,
            placed_at=order.placed_at,
            confirmed_at=reached.get("CONFIRMED"),
            dispatched_at=reached.get("DISPATCHED"),
            delivered_at=reached.get("DELIVERED"),
            cancelled_at=reached.get("CANCELLED"),
            refund_amount=order.refund.amount if order.refund else None,
            refund_status=order.refund.status if order.refund else None,
            carrier=order.carrier,
            version=event.metadata.version,
            updated_at=order.updated_at,
            lines=order.lines,
            backs=backs(order, reached),
        )

    def tax_of(self, line: Line) -> int:
        """The share of the order's tax that a line has of the order's gross, rounded down."""
        return self.tax * line.price * line.quantity // self.gross if self.gross else 0


def backs(order: OrderData, reached: Mapping[str, datetime]) -> tuple[Back, ...]:
    """What an order's refund is made of: the parts that have a time of their own, and the rest.

    The rest goes back when the order is cancelled. Of one that is not, somebody gave it back by
    hand, and nobody told when: it counts when the order was paid. That time is the same in each
    later version of the order, so that what has once been told does not move on with it.
    """
    parts = {
        part.refund_id: Back(part.refund_id, part.amount, part.requested_at)
        for part in order.refunds
        if part.amount
    }
    whole = order.refund.amount if order.refund else 0
    rest = whole - sum(part.amount for part in parts.values())
    if rest > 0:
        at = reached.get("CANCELLED") or reached.get("CONFIRMED") or order.placed_at
        parts[REST] = Back(REST, rest, at)
    return tuple(parts.values())


def firsts(kinds: Sequence[Hashable]) -> list[bool]:
    """Whether each is the first of its kind."""
    first: dict[Hashable, int] = {}
    for n, kind in enumerate(kinds):
        first.setdefault(kind, n)
    return [first[kind] == n for n, kind in enumerate(kinds)]


def newest(events: Iterable[OrderEvent]) -> list[OrderEvent]:
    """The newest version of each order, by order id.

    Two batches at once then lock their orders the same way round, so that neither waits for ever.
    """
    latest: dict[str, OrderEvent] = {}
    for event in events:
        held = latest.get(event.data.order_id)
        if held is None or event.metadata.version > held.metadata.version:
            latest[event.data.order_id] = event
    return sorted(latest.values(), key=lambda event: event.data.order_id)
