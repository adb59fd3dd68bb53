"""Cancellation: what a shopper's wish to cancel an order comes to. Pure rules, no AWS."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from public_api.model import Model
from public_api.order import CANCELLED, CANCELLING, CONFIRMED, LEFT, Cancellation, Order
from public_api.refusal import Refusal


class TooLate(Exception):
    """The parcel has left, or the downloads. Says since when, and what the shopper can do."""


class CancellationRequest(Model):
    """That an order be cancelled. It is so as a whole: `amount`, if given, is its gross."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False, validate_by_alias=True)

    amount: Annotated[int | None, Field(strict=True, description="In minor units")] = None


def cancel(order: Order, amount: int | None, at: datetime) -> Cancellation | None:
    """The wish to keep, that `order` as it is known be cancelled. None: it was asked for, or is so.

    `amount` is what the shopper wants back, in minor units; None is all of it. Raises Refusal for
    another amount than the whole, and TooLate when the order has left: by parcel, or by mail. Where
    it has no parcel, that is as soon as it was paid. It may have left without being known here:
    what comes of the wish is decided where the order is.
    """
    gross = order.purchase.gross
    if amount not in (None, gross):
        message = f"An order is cancelled whole: leave amount out, or give {gross}"
        raise Refusal("PARTIAL_REFUND", message)
    if order.left:
        raise TooLate(_too_late(order))
    if order.cancellation or order.status in (CANCELLING, CANCELLED):
        return None
    return Cancellation(requested_at=at)


def _too_late(order: Order) -> str:
    """Why it cannot be cancelled, and what its shopper can do."""
    name = f"Order {order.purchase.order_id}"
    if order.has_parcel and order.status == CONFIRMED:
        return (
            f"{name} cannot be cancelled any more: its downloads were mailed. What comes by parcel "
            "can be sent back"
        )
    shown = order.shown
    leaving = LEFT if order.has_parcel else {CONFIRMED}
    at = next((step.at for step in shown.history if step.status in leaving), shown.updated_at)
    instead = "Send it back instead" if order.has_parcel else "Its downloads are mailed"
    left = at.astimezone(UTC)
    return f"{name} left on {left:%Y-%m-%d}: it cannot be cancelled any more. {instead}"
