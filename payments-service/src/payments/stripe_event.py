"""Stripe's events, as its webhook sends them, and how to know that they are Stripe's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import stripe
from pydantic import BaseModel, ConfigDict

from payments.answer import ActionRequired, Answer, Declined, Taken
from payments.gateway import decline_reason

TOLERANCE = timedelta(minutes=5)
"""How far the time of signing and the time of receipt may be apart. What is older is a replay."""

ACTED_ON = {
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
}
"""Types of events that tell of a payment what Stripe's direct answer may not have told."""

REFUNDED = "charge.refunded"
"""The type of event that tells of a refund, which somebody may have made by hand."""

REFUND_FAILED = "refund.failed"
"""The type of event that tells of a refund that the bank sent back, days later maybe."""

NOTED = {
    "payment_intent.canceled",
    "payment_intent.partially_funded",
    "charge.dispute.created",
    REFUNDED,
}
"""Types of events that are told of in the log and counted."""


class Forged(Exception):
    """The event is not Stripe's, or is a replay of an old one. Says which, and quotes nothing."""


class StripeModel(BaseModel):
    """What is read of an object of Stripe's. Errors quote nothing of it."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class PaymentError(StripeModel):
    """Why a payment was declined."""

    code: str | None = None
    decline_code: str | None = None


class Redirect(StripeModel):
    """The page of Stripe's where the customer has something to do."""

    url: str


class NextAction(StripeModel):
    """What the customer has to do."""

    redirect_to_url: Redirect | None = None


class Intent(StripeModel):
    """A payment intent: amounts in minor units, `currency` in small letters."""

    object: Literal["payment_intent"]
    id: str
    amount: int
    amount_received: int
    currency: str
    metadata: dict[str, str]
    client_secret: str | None = None
    last_payment_error: PaymentError | None = None
    next_action: NextAction | None = None


class Charge(StripeModel):
    """The charge of a payment intent, whose metadata it has: amounts in minor units."""

    object: Literal["charge"]
    id: str
    payment_intent: str | None = None
    amount_refunded: int
    metadata: dict[str, str]


class Returned(StripeModel):
    """A refund that has failed: `amount` in minor units."""

    object: Literal["refund"]
    id: str
    amount: int
    payment_intent: str | None = None
    failure_reason: str | None = None


class Data(StripeModel):
    """What an event tells of: an object of any kind, as it was when this happened."""

    object: dict[str, Any]


class Event(StripeModel):
    """An event of any type."""

    object: Literal["event"]
    id: str
    type: str
    data: Data


@dataclass(frozen=True, slots=True)
class News:
    """What an event says of the payment of an order. `amount` is in minor units of `currency`."""

    order_id: str
    payment_intent_id: str
    amount: int
    currency: str
    answer: Answer


def parse(body: str) -> Event:
    """The event in a webhook's body. Raises ValueError for what is none."""
    return Event.model_validate_json(body)


def news(event: Event) -> News | None:
    """What an event that is acted on says. None: its payment is no order's.

    Raises ValueError when it does not say what such an event has to.
    """
    intent = Intent.model_validate(event.data.object)
    order_id = intent.metadata.get("orderId")
    if not order_id:
        return None
    currency = intent.currency.upper()
    answer: Answer
    match event.type:
        case "payment_intent.succeeded":
            answer = Taken(intent.id, intent.amount_received, currency)
            return News(order_id, intent.id, intent.amount_received, currency, answer)
        case "payment_intent.payment_failed":
            error = intent.last_payment_error or PaymentError()
            answer = Declined(decline_reason(error.decline_code, error.code), intent.id)
        case "payment_intent.requires_action" if intent.client_secret:
            redirect = intent.next_action and intent.next_action.redirect_to_url
            url = redirect.url if redirect else None
            answer = ActionRequired(intent.id, intent.client_secret, url)
        case _:
            raise ValueError(f"{event.type} without a client_secret")
    return News(order_id, intent.id, intent.amount, currency, answer)


@dataclass(frozen=True, slots=True)
class RefundNews:
    """What an event says of an order's refunds: they are so many minor units in all."""

    order_id: str
    payment_intent_id: str
    amount: int


def refund_news(event: Event) -> RefundNews | None:
    """What a charge.refunded says. None: its charge is no order's.

    Raises ValueError when it does not say what such an event has to.
    """
    charge = Charge.model_validate(event.data.object)
    order_id = charge.metadata.get("orderId")
    if not order_id or not charge.payment_intent:
        return None
    return RefundNews(order_id, charge.payment_intent, charge.amount_refunded)


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """What an event says of a refund that has failed: of so many minor units, and why."""

    payment_intent_id: str
    stripe_id: str
    amount: int
    reason: str | None


def failed_refund(event: Event) -> RefundFailed | None:
    """What a refund.failed says. None: the refund is of no payment intent.

    Raises ValueError when it does not say what such an event has to.
    """
    refund = Returned.model_validate(event.data.object)
    if not refund.payment_intent:
        return None
    return RefundFailed(refund.payment_intent, refund.id, refund.amount, refund.failure_reason)


def check(body: str, signature: str, secret: str, received_at: float) -> None:
    """See that Stripe signed the body, and at about the time it was received (Unix seconds).

    Not the time it is read: a queue that stood still makes no event older. Raises Forged.
    """
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, tolerance=None)
        signed_at = _signed_at(signature)
    # The SDK lets a signature with letters beyond ASCII run into a TypeError.
    except (stripe.SignatureVerificationError, TypeError, ValueError) as error:
        raise Forged("no signature of Stripe's" if signature else "no signature") from error
    if abs(received_at - signed_at) > TOLERANCE.total_seconds():
        raise Forged("signed at another time than it was received")


def _signed_at(signature: str) -> int:
    """The first time in the header: the one that the SDK takes to be signed."""
    parts = (part.split("=", 2) for part in signature.split(","))
    return int(next(part[1] for part in parts if part[0] == "t"))
