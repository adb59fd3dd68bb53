"""What the shop owes a shopper: money that is to go back, and was not told given back. Pure."""

from datetime import datetime, timedelta

from orders.order import Order
from orders.refunds import unmet
from orders.saga import CANCELLED, CONFIRMED, WAITING

GIVEN_BACK_WITHIN = timedelta(hours=1)
"""How long after it was asked for money may take to be told given back."""


def owed(order: Order) -> int:
    """So much, in minor units. Nothing before it is CONFIRMED: nothing was asked for until then."""
    if order.status in WAITING:
        return 0
    return max(0, order.going_back - order.refunded)


def owed_since(order: Order) -> datetime | None:
    """When the longest owed part of it was asked for; None: nothing is owed."""
    if not owed(order):
        return None
    asked = unmet(order.refunds, order.refunded - order.by_hand)
    entered = {entry.status: entry.at for entry in order.history}
    if order.status is not CANCELLED or (asked and asked < entered[CANCELLED]):
        return asked
    if CONFIRMED in entered or order.collected_at is None:
        return entered[CANCELLED]
    return max(entered[CANCELLED], order.collected_at)  # it was paid after that
