"""Stripe, the payment gateway: takes a payment, cancels it, gives it back.

Nothing hangs on an answer: it may be lost, and Stripe keeps an error under an idempotency key for
a day. What counts is how the payment intent stands, and that can be asked at any time. So no call
carries a key but those that the SDK makes up, for its own retries.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import stripe
from aws_lambda_powertools.utilities import parameters

from payments.payment import ActionRequired, Canceled, Declined, Opened, Payment, Record, Taken

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
                return Declined(_decline(intent.last_payment_error), intent.id)
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

    def refund(self, payment: Record) -> str:
        """Give all of it back. Returns the refund's id, also when it was given back by hand.

        However often it is asked, Stripe gives back no more than it took. Raises Unsettled when the
        refund has failed, so that it is asked anew, and ValueError when the payment has no intent.
        """
        intent_id = _intent_id(payment)
        refund: stripe.Refund | None
        try:
            refund = self._api.refunds.create(
                {"payment_intent": intent_id, "metadata": {"orderId": payment.order_id}}
            )
        except stripe.InvalidRequestError as error:
            if error.code != ALREADY_REFUNDED:
                raise
            refund = self._newest_refund(intent_id)
        if refund is None:
            raise Unsettled(f"{intent_id} of order {payment.order_id} is refunded by no refund")
        if refund.status not in ("succeeded", "pending"):
            raise Unsettled(f"{refund.id} of order {payment.order_id} is {refund.status}")
        return refund.id

    def _newest_refund(self, intent_id: str) -> stripe.Refund | None:
        refunds = self._api.refunds.list({"payment_intent": intent_id, "limit": 1}).data
        return refunds[0] if refunds else None


def connect(api_base: str, secret_name: str) -> Gateway:
    """The gateway at `api_base`, with the API key of the secret {"apiKey": "sk_..."}.

    Raises GetParameterError when the secret cannot be read, KeyError when it has no apiKey.
    """
    return Gateway(
        stripe.StripeClient(
            _secret(secret_name)["apiKey"],
            base_addresses={"api": api_base},
            max_network_retries=RETRIES,
            http_client=_http(),
        )
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


def _decline(error: stripe.PaymentIntent.LastPaymentError) -> str:
    # What Stripe leaves out is no attribute.
    return decline_reason(getattr(error, "decline_code", None), getattr(error, "code", None))


def decline_reason(decline_code: str | None, code: str | None) -> str:
    """What is told of a declined payment: the most that Stripe says of it."""
    return decline_code or code or "card_declined"
