"""What Stripe says of a payment, at once or later by its webhook or its lists."""

from dataclasses import dataclass

from payments.model import Model, Timestamp


@dataclass(frozen=True, slots=True)
class Opened:
    """Stripe's answer when it has made a payment intent, which moves no money until confirmed."""

    payment_intent_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Stripe's answer when it has the money: so many minor units of a currency (ISO 4217)."""

    payment_intent_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Stripe's answer when it cannot have the money. `reason` is its decline or error code.

    Without a `payment_intent_id`, it would not even make an intent.
    """

    reason: str
    payment_intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """Stripe's answer when the customer has to act first, as for 3-D Secure.

    `client_secret` lets the customer's browser go on with the payment; `url` is the page where that
    is done, None: the browser does it with Stripe's own script.
    """

    payment_intent_id: str
    client_secret: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Canceled:
    """Stripe's answer when the payment intent is canceled: it never can take the money."""

    payment_intent_id: str


type Answer = Opened | Taken | Declined | ActionRequired | Canceled
"""What Stripe says of a payment."""

_OUTCOMES: dict[type[Answer], str] = {
    Opened: "OPENED",
    Taken: "TAKEN",
    Declined: "DECLINED",
    ActionRequired: "ACTION_REQUIRED",
    Canceled: "CANCELED",
}


class Attempt(Model):
    """An answer of Stripe's that changed the payment: when it was saved, and what it said."""

    at: Timestamp
    outcome: str
    payment_intent_id: str | None = None
    reason: str | None = None


def attempt(answer: Answer, at: Timestamp) -> Attempt:
    """The answer as it is kept with the payment: without what lets somebody pay."""
    return Attempt(
        at=at,
        outcome=_OUTCOMES[type(answer)],
        payment_intent_id=answer.payment_intent_id,
        reason=answer.reason if isinstance(answer, Declined) else None,
    )
