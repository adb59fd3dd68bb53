"""Stripe, the payment gateway: takes a payment, gives it back.

Each call carries an idempotency key made from the order, and parameters made from the stored
payment: however often it is made, Stripe acts on it once and answers the same.
"""

from functools import cache

import stripe
from aws_lambda_powertools.utilities import parameters

from payments.payment import Declined, Payment, Taken

TIMEOUT = (3.0, 8.0)
"""Seconds to connect and to wait for an answer: with RETRIES, a call ends well within 30."""
RETRIES = 1
KEY_MAX_AGE = 900
"""Seconds until the API key is read again, so that a rolled key is taken up."""

ABOUT_THE_ORDER = {"payment_method", "amount", "currency"}
"""The parameters that an order brings. When Stripe refuses one of them, that is its answer."""
INCOMPATIBLE = "payment_intent_incompatible_payment_method"
"""Stripe's code for a payment method that is no card: the order brings that as well."""


class Unsettled(Exception):
    """Stripe answered with a state that is neither done nor refused."""


class Gateway:
    """Payments and refunds at Stripe. Raises stripe.StripeError when no answer is to be had."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._api = client.v1

    def collect(self, payment: Payment) -> Taken | Declined:
        """Take the money.

        The customer is not there to pass 3-D Secure: a card that asks for it is declined. So is
        what is no card: a bank account would settle days later, while the order waits.
        """
        try:
            intent = self._api.payment_intents.create(
                params={
                    "amount": payment.amount,
                    "currency": payment.currency.lower(),
                    "payment_method": payment.payment_method_id,
                    "allowed_payment_method_types": ["card"],
                    "confirm": True,
                    "off_session": True,
                    "metadata": {"orderId": payment.order_id},
                },
                options={"idempotency_key": f"{payment.order_id}:collect"},
            )
        except stripe.CardError as error:
            return Declined(_decline_code(error) or error.code or "card_declined")
        except stripe.InvalidRequestError as error:
            if error.param not in ABOUT_THE_ORDER and error.code != INCOMPATIBLE:
                raise
            return Declined(error.code or f"invalid_{error.param}")
        if intent.status != "succeeded":
            raise Unsettled(f"{intent.id} of order {payment.order_id} is {intent.status}")
        return Taken(intent.id)

    def refund(self, payment: Payment) -> str:
        """Give all of it back. Returns the refund's id, also when it was given back by hand."""
        intent_id = payment.payment_intent_id
        if intent_id is None:
            raise ValueError(f"nothing was taken for order {payment.order_id}")
        try:
            refund = self._api.refunds.create(
                params={"payment_intent": intent_id, "metadata": {"orderId": payment.order_id}},
                options={"idempotency_key": f"{payment.order_id}:refund"},
            )
        except stripe.InvalidRequestError as error:
            if error.code != "charge_already_refunded":
                raise
            refund = self._api.refunds.list({"payment_intent": intent_id, "limit": 1}).data[0]
        if refund.status not in ("succeeded", "pending"):
            raise Unsettled(f"{refund.id} of order {payment.order_id} is {refund.status}")
        return refund.id


def connect(api_base: str, secret_name: str) -> Gateway:
    """The gateway at `api_base`, with the API key of the secret {"apiKey": "sk_..."}.

    Raises GetParameterError when the secret cannot be read, KeyError when it has no apiKey.
    """
    secret = parameters.get_secret(secret_name, transform="json", max_age=KEY_MAX_AGE)
    return Gateway(
        stripe.StripeClient(
            secret["apiKey"],
            base_addresses={"api": api_base},
            max_network_retries=RETRIES,
            http_client=_http(),
        )
    )


@cache
def _http() -> stripe.HTTPClient:
    """The connections to Stripe, kept from call to call.

    Named, not left to the SDK: without `requests` that would turn to urllib, which never times out.
    """
    return stripe.RequestsClient(timeout=TIMEOUT)


def _decline_code(error: stripe.CardError) -> str | None:
    return error.error.decline_code if error.error else None
