"""An order as its shopper sees it: what was submitted here, and what came of it. No AWS."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from public_api.model import Currency, Model, Money, Timestamp
from public_api.purchase import LOCALE, Address, Locale, Purchase, SoldLine
from public_api.toy import Fulfilment

SUBMITTED = "SUBMITTED"
"""The status of an order of which nothing has been told yet."""

CANCELLING = "CANCELLING"
"""The status of a paid order whose parcel is being stopped, if it has not left."""

CANCELLED = "CANCELLED"
"""The status of an order that came to nothing."""

CONFIRMED = "CONFIRMED"
"""The status of an order that is paid, and waits for its parcel to leave, or its downloads."""

DELIVERED = "DELIVERED"
"""The status of an order that arrived."""

LEFT = frozenset({"DISPATCHED", "DELIVERED"})
"""The statuses of an order whose parcel has left."""

PARCEL_WAIT = 15
"""Seconds after which it is worth asking again for an order that waits for its parcel."""


class Step(Model):
    """A status that an order entered, and when."""

    status: str
    at: Timestamp


class Submission(Purchase):
    """An order as it was submitted here. It never changes."""

    lines: tuple[SoldLine, ...]
    email: str
    payment_method_id: str
    locale: Locale = LOCALE
    submitted_at: Timestamp
    fingerprint: str = Field(description="Of the request's body: the same body has the same one")


class Cancellation(Model):
    """That its shopper asked for an order to be cancelled. Asked once, it is never taken back."""

    requested_at: Timestamp


class PaymentAction(Model):
    """What a browser needs to let the shopper authenticate the payment (3-D Secure)."""

    client_secret: str = Field(
        repr=False, description="What Stripe.js goes on with. Whoever has it can finish the payment"
    )
    url: str | None = Field(None, description="The page to authenticate at, where there is one")


class Refund(Model):
    """Money on its way back, or there. `amount` is in minor units of the order's currency."""

    amount: Money = Field(description="Of all that goes back, of an order or of parts of it")
    status: str = Field(description="PENDING until all of it is back, then REFUNDED")


class PartRefund(Model):
    """A refund that the shop made. `amount` is in minor units of the order's currency.

    `refund_id` is "by-hand" for what it gave back past this system, all in all.
    """

    refund_id: str
    amount: Money
    requested_at: Timestamp


class OrderState(Purchase):
    """An order as it stands, and how it came there. `reason` is why it was cancelled.

    `payment_action` is there while the order waits for it; `deadline` is when the order is
    cancelled unless it is paid.
    """

    lines: tuple[SoldLine, ...]
    status: str
    reason: str | None = None
    payment_action: PaymentAction | None = None
    refund: Refund | None = None
    refunds: tuple[PartRefund, ...] = ()
    downloads_mailed: bool = False
    history: tuple[Step, ...]
    carrier: str | None = None
    tracking_number: str | None = None
    deadline: Timestamp | None = None
    placed_at: Timestamp
    updated_at: Timestamp


class Projection(OrderState):
    """An order as it was last told of. The higher `version` is the newer one."""

    version: int


class Outcome(StrEnum):
    """What came of a shopper's wish to cancel."""

    REQUESTED = "REQUESTED"
    CANCELLED = "CANCELLED"
    TOO_LATE = "TOO_LATE"


class CancellationView(Cancellation):
    """A shopper's wish to cancel, and what came of it."""

    outcome: Outcome = Field(
        description="REQUESTED until it is decided, CANCELLED, or TOO_LATE: the parcel had left, "
        "or the downloads were mailed"
    )


class OrderView(Model):
    """An order as its shopper sees it. Amounts are in minor units of `currency`."""

    order_id: str
    status: str = Field(
        description="SUBMITTED, PLACED, RESERVED, CONFIRMED, CANCELLING, DISPATCHED, DELIVERED or "
        "CANCELLED. RESERVED shows while the payment waits for the shopper (`paymentAction`), else "
        "in the history only: no event tells of it when it is entered"
    )
    reason: str | None = Field(
        None,
        description="Why it was cancelled: OUT_OF_STOCK, PRICE_CHANGED, UNKNOWN_TOY, "
        "PAYMENT_DECLINED, CUSTOMER, SHOP, EXPIRED or UNDELIVERABLE",
    )
    cancellation: CancellationView | None = Field(
        None, description="That the shopper asked for its cancellation"
    )
    payment_action: PaymentAction | None = Field(
        None, description="What the shopper has to do for the payment, while the order waits for it"
    )
    refund: Refund | None = Field(
        None,
        description="What goes back of its payment: of a cancelled order all",
    )
    refunds: tuple[PartRefund, ...] = Field(
        (), description="What the shop gave back one by one, oldest first. It is part of `refund`"
    )
    downloads_mailed: bool = Field(
        False, description="Whether the links of its downloads were mailed. Then it is too late"
    )
    lines: tuple[SoldLine, ...]
    shipping_address: Address
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: str = Field(description='A fraction, such as "0.15". Prices include the tax')
    history: tuple[Step, ...] = Field(description="Every status it entered, oldest first")
    carrier: str | None = None
    tracking_number: str | None = None
    deadline: Timestamp | None = Field(
        None, description="When it is cancelled, unless it is paid by then"
    )
    submitted_at: Timestamp | None = Field(None, description="When this API took it")
    placed_at: Timestamp | None = Field(None, description="When it was found in order")
    updated_at: Timestamp


class Order(Model):
    """What is known of an order.

    `submission` or `projection` is there, or both, and either may come first.
    """

    submission: Submission | None = None
    projection: Projection | None = None
    cancellation: Cancellation | None = None

    @property
    def purchase(self) -> Purchase:
        """What is bought. Raises ValueError for an order of which nothing is known."""
        purchase = self.projection or self.submission
        if purchase is None:
            raise ValueError("nothing is known of the order")
        return purchase

    @property
    def status(self) -> str:
        """Where it stands, as far as it was told."""
        return self.projection.status if self.projection else SUBMITTED

    @property
    def lines(self) -> tuple[SoldLine, ...]:
        """Its lines. How a toy reaches the shopper is as told; until it is, as submitted."""
        submitted = self.submission.lines if self.submission else ()
        if self.projection is None:
            return submitted
        sent = {line.toy_id: line for line in submitted}
        return tuple(
            line.model_copy(update={"fulfilment": sent[line.toy_id].fulfilment})
            if line.category is None and line.toy_id in sent
            else line
            for line in self.projection.lines
        )

    @property
    def has_parcel(self) -> bool:
        """Whether something of it goes by parcel."""
        return any(line.fulfilment is Fulfilment.PARCEL for line in self.lines)

    @property
    def downloads_mailed(self) -> bool:
        """Whether the links of its downloads were mailed, as far as was told."""
        return self.projection is not None and self.projection.downloads_mailed

    @property
    def left(self) -> bool:
        """Whether it is too late to stop it: its parcel or its downloads are out of our hands."""
        mailing = self.downloads_mailed or not self.has_parcel
        return self.status in LEFT or (self.status == CONFIRMED and mailing)

    @property
    def outcome(self) -> Outcome:
        """What came of its shopper's wish to cancel, or would."""
        if self.left:
            return Outcome.TOO_LATE
        return Outcome.CANCELLED if self.status == CANCELLED else Outcome.REQUESTED

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be told of it."""
        return self.status in (DELIVERED, CANCELLED) and not self._refunding

    @property
    def _refunding(self) -> bool:
        """Whether money is on its way back."""
        refund = self.projection.refund if self.projection else None
        return refund is not None and refund.status == "PENDING"

    def patience(self, at: datetime) -> int | None:
        """Seconds after which it is worth asking again for what became of it; None: never.

        Where machines are at it, as long as it takes them; the longer nothing comes, the longer, a
        tenth of what has passed. Where people are, a quarter of a minute.
        """
        if self.settled:
            return None
        asked = self.cancellation and self.outcome is Outcome.REQUESTED
        waits = self.status == CONFIRMED and self.has_parcel
        if (waits or self.status in LEFT) and not (asked or self._refunding):
            return PARCEL_WAIT
        paying = self.projection is not None and self.projection.payment_action is not None
        slow = asked or paying or self._refunding or self.status in (CANCELLING, CANCELLED)
        pace = 2 if slow else 1
        last = self.cancellation.requested_at if asked and self.cancellation else None
        quiet = at - max(filter(None, (self.shown.updated_at, last)))
        return max(pace, min(PARCEL_WAIT, quiet // timedelta(seconds=10)))

    @property
    def shown(self) -> OrderView:
        """What its shopper sees: the submission, what was told since over it, and their wish."""
        seen: dict[str, Any] = {}
        history: list[Step] = []
        if sent := self.submission:
            seen |= sent.model_dump() | {"status": SUBMITTED, "updatedAt": sent.submitted_at}
            history += [Step(status=SUBMITTED, at=sent.submitted_at)]
        if told := self.projection:
            seen |= told.model_dump() | {"lines": self.lines}
            history += told.history
        if asked := self.cancellation:
            seen["cancellation"] = asked.model_dump() | {"outcome": self.outcome}
        return OrderView.model_validate(seen | {"history": history})
