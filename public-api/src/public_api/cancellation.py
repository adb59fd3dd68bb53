"""Cancellation: what a shopper's wish to cancel an order comes to. Pure rules, no AWS."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from public_api.checkout import Refusal
from public_api.model import Model
from public_api.order import CANCELLED, CANCELLING, LEFT, Cancellation, Order


class TooLate(Exception):
    """The parcel has left. Says since when, and what the shopper can do."""


class CancellationRequest(Model):
    """That an order be cancelled. It is so as a whole: `amount`, if given, is its gross."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False, validate_by_alias=True)

    amount: Annotated[int | None, Field(strict=True, description="In minor units")] = None


def cancel(order: Order, amount: int | None, at: datetime) -> Cancellation | None:
    """The wish to keep, that `order` as it is known be cancelled. None: it was asked for, or is so.

    `amount` is what the shopper wants back, in minor units; None is all of it. Raises Refusal for
    another amount than the whole, and TooLate when the parcel has left. It may have left without
    being known here: what comes of the wish is decided where the parcel is.
    """
    gross = order.purchase.gross
    if amount not in (None, gross):
        message = f"An order is cancelled whole: leave amount out, or give {gross}"
        raise Refusal("PARTIAL_REFUND", message)
    if order.status in LEFT:
        raise TooLate(
            f"Order {order.purchase.order_id} left on {_left(order):%Y-%m-%d}: it cannot be "
            "cancelled any more. Send it back instead"
        )
    if order.cancellation or order.status in (CANCELLING, CANCELLED):
        return None
    return Cancellation(requested_at=at)


def _left(order: Order) -> datetime:
    """When the parcel left, in UTC, as its order's history says."""
    shown = order.shown
    at = next((step.at for step in shown.history if step.status in LEFT), shown.updated_at)
    return at.astimezone(UTC)
