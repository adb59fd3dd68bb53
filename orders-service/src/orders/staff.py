"""What staff may do with an order, and when. Pure, no AWS."""

from datetime import datetime

from orders.facts import Facts, Reason
from orders.order import Order
from orders.purchase import Address, Purchase, PurchaseRequest
from orders.refunds import MOST_REFUNDS, RefundDraft, RefundLine, StaffRefund, amount_of
from orders.saga import AGAIN, SAGA, Ignored, Impossible

MOST_ADDRESSES = 20
"""How often an order may be sent elsewhere."""


class NotAllowed(Exception):
    """The order is not where this can be done. Says what can."""


def change_address(order: Order, address: Address, at: datetime) -> Order | Ignored:
    """The order with its parcel to go elsewhere. Raises NotAllowed where that is too late."""
    cause = f"{order.order_id}:address:{order.address_changes + 1}"
    changed = _hear(order, "AddressChanged", Facts(wanted=address), cause, at)
    if not isinstance(changed, Ignored) and order.address_changes >= MOST_ADDRESSES:
        raise NotAllowed(
            f"The address of order {order.order_id} was changed {MOST_ADDRESSES} times: it can be "
            "cancelled and ordered anew"
        )
    if isinstance(changed, Ignored) and changed is not AGAIN:
        raise NotAllowed(f"Order {order.order_id} has no address to change: {changed}")
    return changed


def cancel(order: Order, reason: str, at: datetime) -> Order | Ignored:
    """The order, cancelled by the shop or on its way there. Raises NotAllowed once it has left."""
    facts = Facts(reason=Reason.SHOP, reason_text=reason)
    cancelled = _hear(order, "CancelOrder", facts, f"{order.order_id}:cancellation", at)
    if isinstance(cancelled, Ignored) and cancelled is not AGAIN:
        raise NotAllowed(
            f"Order {order.order_id} is {order.status}, and cannot be cancelled: {cancelled}. Its "
            "money can be given back"
        )
    return cancelled


def give_back(
    order: Order, draft: RefundDraft, refund_id: str, at: datetime
) -> tuple[Order | Ignored, StaffRefund]:
    """The order with a refund asked for, and that refund: the one it has under that id, if any.

    Raises NotAllowed for an order of which nothing can be given back now, or under an id that is
    another refund's; Excess for more than is left.
    """
    for known in order.refunds:
        if known.refund_id == refund_id:
            if known.fingerprint != draft.fingerprint:
                raise NotAllowed(
                    "That Idempotency-Key was used for another refund of this order: another "
                    "refund needs another key"
                )
            return AGAIN, known
    refunding = [status for status, row in SAGA.items() if "RefundAsked" in row]
    if order.status not in refunding:
        raise NotAllowed(_refusal(order, "RefundAsked"))
    if len(order.refunds) >= MOST_REFUNDS:
        raise NotAllowed(f"Order {order.order_id} has {MOST_REFUNDS} refunds: it takes no more")
    left = order.gross - order.going_back
    refund = StaffRefund(
        refund_id=refund_id,
        amount=amount_of(draft, order.lines, order.refunds, left),
        reason=draft.reason,
        lines=tuple(RefundLine(**dict(line)) for line in draft.lines) if draft.lines else None,
        requested_at=at,
        version=order.version + 1,
        fingerprint=draft.fingerprint,
        rest=draft.amount is None and draft.lines is None,
    )
    cause = f"{order.order_id}:refund:{refund_id}"
    return _hear(order, "RefundAsked", Facts(refund=refund), cause, at), refund


def is_same(order: Order, purchase: PurchaseRequest) -> bool:
    """Whether the order is of just that purchase, as far as it was not changed since."""
    bought = Purchase.model_validate(order.model_dump())
    update: dict[str, object] = {"submitted_at": bought.submitted_at}
    if order.address_changes:
        update["shipping_address"] = bought.shipping_address
    return bought == Purchase.model_validate(purchase.model_copy(update=update).model_dump())


def _hear(order: Order, message: str, facts: Facts, cause: str, at: datetime) -> Order | Ignored:
    try:
        return order.hear(message, facts, cause, at)
    except Impossible as error:
        raise NotAllowed(_refusal(order, message)) from error


_DONE = {"AddressChanged": "its address can be changed", "RefundAsked": "money can be given back"}


def _refusal(order: Order, message: str) -> str:
    """Why an order does not take what staff want, and when it would."""
    when = ", ".join(status for status, row in SAGA.items() if message in row)
    return f"Order {order.order_id} is {order.status}: {_DONE[message]} while it is one of {when}"
