"""Stripe's own lists: what it says that it took and gave back, a page at a time, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import stripe

from payments.answer import Answer, Canceled, Declined, Taken
from payments.gateway import decline, given_back
from payments.refund import GivenBack

PAGE = 100
"""So many are listed for each call: the most that Stripe gives."""

MISSING = "resource_missing"
"""Stripe's code for what it does not know."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment intent as Stripe has it. Amounts are in minor units.

    Attributes:
        order_id: of its metadata; None: it is no order's.
        status: Stripe's word for it.
        amount: what was taken if it succeeded, else what is to be.
        refunded: what was given back of it, failed refunds left out.
        answer: what its end says to the payment; None: it has come to none.
    """

    id: str
    order_id: str | None
    status: str
    amount: int
    currency: str
    refunded: int
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund as Stripe has it, and of what."""

    refund: GivenBack
    intent_id: str | None
    order_id: str | None


class Statement:
    """Reads Stripe's lists. Raises stripe.StripeError when there is no answer to be had."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._api = client.v1

    def intents(self, day: date, after: str | None) -> tuple[Sequence[Intent], bool]:
        """A page of the payment intents made on a day, UTC, and whether there are more.

        `after` is the id of the one before the page; None: it is the first.
        """
        return self._intents(*_bounds(day), after)

    def between(self, first: datetime, last: datetime) -> dict[str, Intent]:
        """All payment intents made between two moments, both included, by their ids."""
        found: dict[str, Intent] = {}
        more, after = True, None
        while more:
            page, more = self._intents(int(first.timestamp()), int(last.timestamp()) + 1, after)
            found |= {intent.id: intent for intent in page}
            after = page[-1].id if page else None
            more = more and bool(page)
        return found

    def intent(self, intent_id: str) -> Intent | None:
        """The payment intent as it is now; None: Stripe does not know it."""
        try:
            return _intent(
                self._api.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
            )
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None

    def refunds(self, day: date, after: str | None) -> tuple[Sequence[Refunded], bool]:
        """A page of the refunds made on a day, UTC, and whether there are more."""
        since, until = _bounds(day)
        params: stripe.params.RefundListParams = {
            "created": {"gte": since, "lt": until},
            "expand": ["data.payment_intent"],
            "limit": PAGE,
        }
        if after:
            params["starting_after"] = after
        page = self._api.refunds.list(params)
        return [_refunded(each) for each in page.data], page.has_more

    def _intents(self, since: int, until: int, after: str | None) -> tuple[Sequence[Intent], bool]:
        params: stripe.params.PaymentIntentListParams = {
            "created": {"gte": since, "lt": until},
            "expand": ["data.latest_charge"],
            "limit": PAGE,
        }
        if after:
            params["starting_after"] = after
        page = self._api.payment_intents.list(params)
        return [_intent(each) for each in page.data], page.has_more


def _bounds(day: date) -> tuple[int, int]:
    """The day's first second and the next one's, in Unix seconds."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())


def _intent(intent: stripe.PaymentIntent) -> Intent:
    taken = intent.status == "succeeded"
    amount = intent.amount_received if taken else intent.amount
    charge = intent.latest_charge
    answer: Answer | None = None
    match intent.status:
        case "succeeded":
            answer = Taken(intent.id, amount, intent.currency.upper())
        case "canceled":
            answer = Canceled(intent.id)
        case "requires_payment_method" if intent.last_payment_error:
            answer = Declined(decline(intent.last_payment_error), intent.id)
    return Intent(
        id=intent.id,
        order_id=_order_id(intent),
        status=intent.status,
        amount=amount,
        currency=intent.currency.upper(),
        refunded=charge.amount_refunded if taken and isinstance(charge, stripe.Charge) else 0,
        answer=answer,
    )


def _refunded(refund: stripe.Refund) -> Refunded:
    intent = refund.payment_intent
    if not isinstance(intent, stripe.PaymentIntent):
        return Refunded(given_back(refund), None, None)
    return Refunded(given_back(refund), intent.id, _order_id(intent))


def _order_id(intent: stripe.PaymentIntent) -> str | None:
    metadata = intent.metadata.to_dict() if intent.metadata else {}
    return metadata.get("orderId") or None
