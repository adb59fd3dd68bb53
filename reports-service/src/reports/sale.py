"""A sale: what the reports keep of an order. Pure rules, no AWS, no database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from reports.messages import Line, OrderEvent


@dataclass(frozen=True, slots=True)
class Sale:
    """An order at one of its versions. Amounts are in minor units of `currency`.

    Each time but `placed_at` and `updated_at` is None until the order came to that status; the
    refund is None unless there is one.
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
    version: int
    updated_at: datetime
    lines: tuple[Line, ...]

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
            version=event.metadata.version,
            updated_at=order.updated_at,
            lines=order.lines,
        )


def newest(sales: Iterable[Sale]) -> list[Sale]:
    """The newest version of each order, by order id.

    Two batches at once then lock their orders the same way round, so that neither waits for ever.
    """
    latest: dict[str, Sale] = {}
    for sale in sales:
        held = latest.get(sale.order_id)
        if held is None or sale.version > held.version:
            latest[sale.order_id] = sale
    return sorted(latest.values(), key=lambda sale: sale.order_id)
