"""What the stand-in remembers: plain, frozen records, and the tables that hold them.

Amounts are integers in the currency's smallest unit, times are Unix seconds, as on Stripe.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

type Json = dict[str, Any]
"""A JSON object, as Stripe answers it."""

IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "succeeded",
    "canceled",
]
AllowRedirects = Literal["always", "never"]
CancellationReason = Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"]
CaptureMethod = Literal["automatic", "automatic_async"]
RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The `error` of an answer, and an intent's `last_payment_error`."""

    type: str
    message: str
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    charge: str | None = None
    payment_method: str | None = None
    """Id of the payment method that failed; answered as the whole object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """One use of a test card. Without a customer it pays once, as on Stripe."""

    id: str
    card: str
    """The test card it stands for, for example `pm_card_visa`."""
    created: int
    used: bool = False
    """Whether a charge, good or declined, has been made with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIntent:
    id: str
    client_secret: str
    amount: int
    currency: str
    created: int
    status: IntentStatus
    payment_method: str | None
    payment_method_types: tuple[str, ...]
    allow_redirects: AllowRedirects | None
    """None when the intent names its `allowed_payment_method_types` itself."""
    capture_method: CaptureMethod
    description: str | None
    receipt_email: str | None
    metadata: dict[str, str]
    allowed_payment_method_types: tuple[str, ...] | None = None
    """What the request allowed; None when it left that to automatic payment methods."""
    return_url: str | None = None
    """Where the customer goes after 3-D Secure; None leaves it to Stripe.js."""
    latest_charge: str | None = None
    last_payment_error: ErrorBody | None = None
    canceled_at: int | None = None
    cancellation_reason: CancellationReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    id: str
    amount: int
    currency: str
    created: int
    payment_intent: str
    payment_method: str
    description: str | None
    receipt_email: str | None
    metadata: dict[str, str]
    failure: ErrorBody | None
    """Why it was declined; None when it succeeded."""
    authenticated: bool
    """Whether the customer went through 3-D Secure."""
    amount_refunded: int = 0

    @property
    def refundable(self) -> int:
        """What may still be given back, in the currency's smallest unit."""
        return 0 if self.failure else self.amount - self.amount_refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: str
    amount: int
    currency: str
    created: int
    charge: str
    payment_intent: str
    reason: RefundReason | None
    metadata: dict[str, str]
    failure_reason: str | None = None
    """Why the bank sent the money back; None: it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    type: str
    created: int
    data: Json
    """`object` as it was at that moment, and `previous_attributes` of an update."""
    request_id: str | None
    idempotency_key: str | None
    pending: tuple[str, ...] = ()
    """The webhook addresses that have not answered 2xx yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook endpoint: where events go, and the secret they are signed with."""

    url: str
    secret: str
    enabled_events: tuple[str, ...] = ("*",)

    def wants(self, event_type: str) -> bool:
        return "*" in self.enabled_events or event_type in self.enabled_events


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAnswer:
    """The answer kept under an idempotency key."""

    key: str
    endpoint: str
    """Method and path, for example `POST /v1/refunds`."""
    fingerprint: str
    """Digest of the request's parameters."""
    created: int
    request_id: str
    status: int
    body: str


@dataclass(slots=True)
class Table[R]:
    """Records by id in the order they were first put, and which of them changed."""

    name: str
    rows: dict[str, R] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    """Ids put or dropped since the table was last saved, in that order."""

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows.values())

    def get(self, row_id: str | None) -> R | None:
        return None if row_id is None else self.rows.get(row_id)

    def put(self, row_id: str, row: R) -> None:
        self.rows[row_id] = row
        self.changed[row_id] = None

    def drop(self, row_id: str) -> None:
        del self.rows[row_id]
        self.changed[row_id] = None

    def clear(self) -> None:
        self.changed.update(dict.fromkeys(self.rows))
        self.rows.clear()


class Books:
    """All tables of the stand-in."""

    def __init__(self) -> None:
        self.payment_methods = Table[PaymentMethod]("payment_method")
        self.payment_intents = Table[PaymentIntent]("payment_intent")
        self.charges = Table[Charge]("charge")
        self.refunds = Table[Refund]("refund")
        self.events = Table[Event]("event")
        self.answers = Table[SavedAnswer]("answer")
        self.endpoints = Table[Endpoint]("endpoint")

    def money(self) -> tuple[Table[Any], ...]:
        """Every table but the webhook endpoints, which are configuration."""
        return (
            self.payment_methods,
            self.payment_intents,
            self.charges,
            self.refunds,
            self.events,
            self.answers,
        )

    def tables(self) -> tuple[Table[Any], ...]:
        return (*self.money(), self.endpoints)
