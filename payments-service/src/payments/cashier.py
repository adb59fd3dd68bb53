"""What is done about a payment, whoever asks for it: a command, Stripe's answer or its webhook.

What is to be done at Stripe is saved before it is done, and the outcome after. Every step may be
taken again, by another one at the same time too, and goes on from what is saved.
"""

import os
from collections.abc import Callable

from aws_lambda_powertools import Logger

from payments import gateway
from payments.model import now
from payments.payment import Answer, Canceled, Declined, Payment, Status, Tombstone
from payments.table import Conflict, PaymentsTable

logger = Logger()
table = PaymentsTable(os.environ["TABLE_NAME"])

STRIPE = os.environ["STRIPE_API_BASE"], os.environ["STRIPE_SECRET_NAME"]
TRIES = 4
"""How often a change is tried at once when others change the same payment."""

type Kept = Payment | Tombstone


def take(payment: Payment, cause: str) -> None:
    """Take the money of a PENDING payment: make a payment intent, save its id, confirm it.

    Only the intent that is saved is confirmed, whoever does it. One that was not saved, since the
    payment has another by now or is to be given back, is left as it is.

    Raises stripe.StripeError or gateway.Unsettled when there is no answer to be had, and Conflict
    when others change the payment all the time.
    """
    stripe = gateway.connect(*STRIPE)
    if payment.payment_intent_id is None:
        answer = stripe.create(payment)
        payment = change(payment, lambda payment: payment.settle(answer, cause, now()))
    if payment.status is Status.PENDING:
        settle(payment, stripe.confirm(payment), cause)
    else:
        go_on(payment, cause)


def settle(payment: Kept, answer: Answer, cause: str) -> None:
    """Save what an answer of Stripe's makes of the payment, and do what that leads to."""

    def settled(payment: Kept) -> Kept:
        told = answer
        if payment.status is Status.ACTION_REQUIRED and isinstance(answer, Declined):
            # The customer's browser could still pay, and may just have done so.
            told = gateway.connect(*STRIPE).cancel(payment)
            if isinstance(told, Canceled):
                told = answer
        return payment.settle(told, cause, now())

    go_on(change(payment, settled), cause)


def go_on(payment: Kept, cause: str) -> None:
    """Do at Stripe what the payment is saved for."""
    match payment.status:
        case Status.REFUNDING:
            refund_id = gateway.connect(*STRIPE).refund(payment)
            change(payment, lambda payment: payment.refunded(refund_id, cause, now()))
        case Status.VOIDING:
            settle(payment, gateway.connect(*STRIPE).cancel(payment), cause)


def change[K: Kept](payment: K, rule: Callable[[K], K]) -> K:
    """Save what a rule makes of the payment, as it is now if another one changed it meanwhile.

    Raises Conflict when that happens again and again.
    """
    for _ in range(TRIES):
        changed = rule(payment)
        if changed == payment:
            return payment
        try:
            table.save(changed)
        except Conflict:
            again = table.payment(payment.order_id)
            if not isinstance(again, type(payment)):
                raise
            payment = again
            continue
        logger.info(
            "payment saved",
            order_id=changed.order_id,
            status=changed.status,
            version=changed.version,
        )
        return changed
    raise Conflict(f"the payment of {payment.order_id} was changed by others {TRIES} times")
