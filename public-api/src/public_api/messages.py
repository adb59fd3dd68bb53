"""The messages this service sends, and all that it knows."""

from datetime import datetime

from public_api.heard import HEARS, Heard, parse
from public_api.message import SOURCE, Message, Metadata
from public_api.model import Model, Timestamp
from public_api.order import Cancellation, Order
from public_api.purchase import Locale, Purchase
from public_api.republication import Rebuild

__all__ = ["HEARS", "SENDS", "SOURCE", "Heard", "Message", "of_order", "of_rebuild", "parse"]
"""What is heard as well: it is looked for here."""


class PlaceOrderData(Purchase):
    """The order. Amounts are in minor units, and gross = lines + shipping = net + tax."""

    email: str
    payment_method_id: str
    submitted_at: Timestamp
    locale: Locale


class PlaceOrder(Message):
    """Command: carry out this order, which a shopper submitted."""

    data: PlaceOrderData


class CancelOrderData(Cancellation):
    """Which order, and since when its shopper wants it cancelled."""

    order_id: str


class CancelOrder(Message):
    """Command: cancel this order, unless its parcel has left."""

    data: CancelOrderData


class RepublicationData(Model):
    """Which rebuild it is for."""

    request_id: str


class RepublishToys(Message):
    """Command: tell of every toy again, as it is now."""

    data: RepublicationData


class RepublishOrders(Message):
    """Command: tell of every order again, as it is now."""

    data: RepublicationData


SENDS: tuple[type[Message], ...] = (PlaceOrder, CancelOrder, RepublishToys, RepublishOrders)


def of_order(old: Order | None, new: Order) -> list[Message]:
    """The messages that tell of an order's change from `old` to `new`.

    Its submission does, and the wish to cancel it. Neither ever changes, so that their versions
    are always 1 and 2.
    """
    messages: list[Message] = []
    if old is None and (sent := new.submission):
        metadata = _metadata(PlaceOrder, sent.order_id, 1, sent.submitted_at)
        messages.append(
            PlaceOrder.model_validate({"metadata": metadata, "data": sent.model_dump()})
        )
    if (asked := new.cancellation) and not (old and old.cancellation):
        order_id = new.purchase.order_id
        metadata = _metadata(CancelOrder, order_id, 2, asked.requested_at)
        data = CancelOrderData(order_id=order_id, requested_at=asked.requested_at)
        messages.append(CancelOrder(metadata=metadata, data=data))
    return messages


def of_rebuild(asked: Rebuild) -> list[Message]:
    """The messages that a rebuild leads to: to each owner of what is copied here."""
    data = RepublicationData(request_id=asked.request_id)
    return [
        kind(metadata=_metadata(kind, asked.request_id, 1, asked.requested_at), data=data)
        for kind in (RepublishToys, RepublishOrders)
    ]


def _metadata(kind: type[Message], about: str, version: int, at: datetime) -> Metadata:
    return Metadata(
        id=f"{about}:{version}:{kind.__name__}",
        correlation_id=about,
        causation_id=None,
        occurred_at=at,
        version=version,
    )
