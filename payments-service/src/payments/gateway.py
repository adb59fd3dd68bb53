"""Stripe, the payment gateway: takes a payment, cancels it, gives it back.

Nothing hangs on an answer: it may be lost, and Stripe keeps an error under an idempotency key for
a day. What counts is how the payment intent stands and which refunds it has, and that can be asked
at any time. So no call carries a key but those that the SDK makes up, for its own retries. One
does: two that give back the same part at the same time have to make one refund, and there Stripe's
own limit, the whole, does not help. Its key counts on once Stripe has kept an error under it.
"""

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import stripe
from aws_lambda_powertools.utilities import parameters

from payments.answer import ActionRequired, Canceled, Declined, Opened, Taken
from payments.payment import Payment
from payments.record import Record
from payments.refund import GivenBack, Refund

if TYPE_CHECKING:
    from stripe.params import PaymentIntentConfirmParams

TIMEOUT = (3.0, 8.0)
"""Seconds to connect and to wait for an answer: with RETRIES, a call ends well within 30.

Who is cut off in the call after that goes on from what is saved, as after any crash.
"""
RETRIES = 1
KEY_MAX_AGE = 900
"""Seconds until the API key is read again, so that a rolled key is taken up."""

ABOUT_THE_ORDER = {"payment_method", "amount", "currency"}
"""The parameters that an order brings. When Stripe refuses one of them, that is its answer."""
INCOMPATIBLE = "payment_intent_incompatible_payment_method"
"""Stripe's code for a payment method that is no card: the order brings that as well."""
ALREADY_REFUNDED = "charge_already_refunded"
"""Stripe's code for a payment that has been given back as a whole."""
STANDS = ("succeeded", "pending")
"""How a refund stands that gives money back. A card's is pending for days at most."""
MOST_REFUNDS = 1000
"""So many refunds of one payment are looked through, a hundred for each call."""


class Unsettled(Exception):
    """Stripe answered with a state that is neither done nor refused."""


class Gateway:
    """Payments and refunds at Stripe. Raises stripe.StripeError when no answer is to be had."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._api = client.v1

    def create(self, payment: Payment) -> Opened | Declined:
        """Make a payment intent, which moves no money until it is confirmed.

        What is no card is declined: a bank account would settle days later, while the order waits.

        Each call makes another one. At worst one is left behind at Stripe for each time that the
        answer was lost or the id was not saved: it stays "Incomplete", and never takes money, for
        nobody confirms it. A key of ours would spare us those, but keep a 500 for a day.
        """
        try:
            intent = self._api.payment_intents.create(
                {
                    "amount": payment.amount,
                    "currency": payment.currency.lower(),
                    "payment_method": payment.payment_method_id,
                    "allowed_payment_method_types": ["card"],
                    "metadata": {"orderId": payment.order_id},
                }
            )
        except stripe.StripeError as error:
            if reason := _refusal(error):
                return Declined(reason)
            raise
        return Opened(intent.id)

    def confirm(self, payment: Payment) -> Taken | Declined | ActionRequired | Canceled:
        """Take the money, or learn what the customer has to do for it first, or that it was done.

        However often and by however many it is asked, Stripe charges once: it lets one request at a
        time at an intent, and confirms none that has succeeded or was canceled. A declined one has
        lost its payment method, and no other is ever named here. So an error says nothing yet, and
        the intent is asked how it stands.

        Raises Unsettled when Stripe is still at it, ValueError when the payment has no intent.
        """
        intent_id = _intent_id(payment)
        params: PaymentIntentConfirmParams = {}
        if payment.return_url:
            params["return_url"] = payment.return_url
        try:
            intent = self._api.payment_intents.confirm(intent_id, params)
        except stripe.StripeError as error:
            intent = self._api.payment_intents.retrieve(intent_id)
            if intent.status == "requires_confirmation":
                if not (reason := _refusal(error)):
                    raise
                # Another one could still confirm it. Who is told that it failed has to be sure.
                told = self.cancel(payment)
                return Declined(reason, intent_id) if isinstance(told, Canceled) else told
        match intent.status:
            case "succeeded":
                return _taken(intent)
            case "canceled":
                return Canceled(intent.id)
            case "requires_action" if intent.client_secret:
                return ActionRequired(intent.id, intent.client_secret, _redirect(intent))
            case "requires_payment_method" if intent.last_payment_error:
                return Declined(decline(intent.last_payment_error), intent.id)
        raise Unsettled(f"{intent.id} of order {payment.order_id} is {intent.status}")

    def cancel(self, payment: Record) -> Canceled | Taken:
        """Make sure that the payment's intent never takes money, or learn that it has done so.

        Stripe refuses to cancel twice, and an answer may be lost: after an error, the intent is
        asked how it stands. Raises Unsettled when it is neither, and ValueError when the payment
        has no intent.
        """
        intent_id = _intent_id(payment)
        try:
            intent = self._api.payment_intents.cancel(intent_id)
        except stripe.StripeError:
            intent = self._api.payment_intents.retrieve(intent_id)
        match intent.status:
            case "canceled":
                return Canceled(intent.id)
            case "succeeded":
                return _taken(intent)
        raise Unsettled(f"{intent.id} of order {payment.order_id} is {intent.status}")

    def refund(self, payment: Record) -> GivenBack | None:
        """Give back all that is left. None: nothing is, it was given back before, maybe by hand.

        However often it is asked, Stripe gives back no more than it took. Raises Unsettled when the
        refund has failed, so that it is asked anew, and ValueError when the payment has no intent.
        """
        try:
            refund = self._api.refunds.create(
                {
                    "payment_intent": _intent_id(payment),
                    "metadata": {"orderId": payment.order_id},
                }
            )
        except stripe.InvalidRequestError as error:
            if error.code != ALREADY_REFUNDED:
                raise
            return None
        return self._standing(refund, payment)

    def refund_part(self, payment: Payment, part: Refund, number: int) -> GivenBack:
        """Give back a part, which is to be looked for among the refunds first.

        `number` counts the keys that are used up: with the same one, Stripe makes one refund and
        answers the same each time, for a day. It gives back no more than is left. Raises Unsettled
        when the refund has failed.
        """
        refund_id = str(part.refund_id)
        refund = self._api.refunds.create(
            {
                "payment_intent": _intent_id(payment),
                "amount": part.amount,
                "metadata": {"orderId": payment.order_id, "refundId": refund_id},
            },
            {"idempotency_key": f"{payment.order_id}:{refund_id}:{number}"},
        )
        return self._standing(refund, payment)

    def refunds(self, payment: Record) -> list[GivenBack]:
        """All refunds of the payment's intent, the oldest first, those that failed too."""
        listed = self._api.refunds.list({"payment_intent": _intent_id(payment), "limit": 100})
        return [given_back(each) for each in islice(listed.auto_paging_iter(), MOST_REFUNDS)][::-1]

    def _standing(self, refund: stripe.Refund, payment: Record) -> GivenBack:
        told = given_back(refund)
        if not told.stands:
            raise Unsettled(f"{refund.id} of order {payment.order_id} is {refund.status}")
        return told


def given_back(refund: stripe.Refund) -> GivenBack:
    """What one of Stripe's refunds says."""
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return GivenBack(
        stripe_id=refund.id,
        amount=refund.amount,
        refund_id=metadata.get("refundId"),
        ours="orderId" in metadata,
        stands=refund.status in STANDS,
    )


def is_kept(error: stripe.StripeError) -> bool:
    """Whether Stripe answers this, and nothing else, whenever the same key comes: it says so."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"


def is_too_much(error: stripe.StripeError) -> bool:
    """Whether Stripe says that less is left of the payment than is to be given back."""
    if not isinstance(error, stripe.InvalidRequestError):
        return False
    return error.code == ALREADY_REFUNDED or error.param == "amount"


def connect(api_base: str, secret_name: str) -> Gateway:
    """The gateway at `api_base`, with the API key of the secret {"apiKey": "sk_..."}.

    Raises GetParameterError when the secret cannot be read, KeyError when it has no apiKey.
    """
    return Gateway(client(api_base, secret_name))


def client(api_base: str, secret_name: str) -> stripe.StripeClient:
    """Stripe's SDK, for `connect` and for who reads Stripe's lists. Raises what `connect` does."""
    return stripe.StripeClient(
        _secret(secret_name)["apiKey"],
        base_addresses={"api": api_base},
        max_network_retries=RETRIES,
        http_client=_http(),
    )


def webhook_secret(secret_name: str) -> str:
    """What Stripe signs its webhooks with, of the secret {"webhookSecret": "whsec_..."}.

    Raises GetParameterError when the secret cannot be read, KeyError when it has no webhookSecret.
    """
    return str(_secret(secret_name)["webhookSecret"])


def _secret(name: str) -> dict[str, Any]:
    secret: dict[str, Any] = parameters.get_secret(name, transform="json", max_age=KEY_MAX_AGE)
    return secret


@cache
def _http() -> stripe.HTTPClient:
    """The connections to Stripe, kept from call to call.

    Named, not left to the SDK: without `requests` that would turn to urllib, which never times out.
    """
    return stripe.RequestsClient(timeout=TIMEOUT)


def _intent_id(payment: Record) -> str:
    if payment.payment_intent_id is None:
        raise ValueError(f"order {payment.order_id} has no payment intent")
    return payment.payment_intent_id


def _taken(intent: stripe.PaymentIntent) -> Taken:
    return Taken(intent.id, intent.amount_received, intent.currency.upper())


def _redirect(intent: stripe.PaymentIntent) -> str | None:
    """Stripe's own page for what the customer has to do, which there is with a return_url only."""
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    return redirect.url if redirect else None


def _refusal(error: stripe.StripeError) -> str | None:
    """Why Stripe refuses what the order brings. None: the error is no answer to that."""
    if isinstance(error, stripe.CardError):
        return decline_reason(getattr(error.error, "decline_code", None), error.code)
    if not isinstance(error, stripe.InvalidRequestError):
        return None
    if error.param not in ABOUT_THE_ORDER and error.code != INCOMPATIBLE:
        return None
    return error.code or f"invalid_{error.param}"


def decline(error: stripe.PaymentIntent.LastPaymentError) -> str:
    """What is told of the last attempt to pay that failed."""
    # What Stripe leaves out is no attribute.
    return decline_reason(getattr(error, "decline_code", None), getattr(error, "code", None))


def decline_reason(decline_code: str | None, code: str | None) -> str:
    """What is told of a declined payment: the most that Stripe says of it."""
    return decline_code or code or "card_declined"
