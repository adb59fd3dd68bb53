"""What is done about a payment, whoever asks for it: a command, Stripe's answer or its webhook.

What is to be done at Stripe is saved before it is done, and the outcome after. Every step may be
taken again, by another one at the same time too, and goes on from what is saved.
"""

import os
from collections.abc import Callable, Sequence
from typing import cast

import stripe
from aws_lambda_powertools import Logger

from payments import gateway
from payments.answer import Answer, Canceled, Declined
from payments.model import now
from payments.payment import Payment, Tombstone
from payments.record import Status
from payments.refund import GivenBack, Refund, failures
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
    at_stripe = gateway.connect(*STRIPE)
    if payment.payment_intent_id is None:
        answer = at_stripe.create(payment)
        payment = change(payment, lambda payment: payment.settle(answer, cause, now()))
    if payment.status is Status.PENDING:
        settle(payment, at_stripe.confirm(payment), cause)
    else:
        go_on(payment, cause)


def settle(payment: Kept, answer: Answer, cause: str) -> Kept:
    """Save what an answer of Stripe's makes of the payment, and do what that leads to."""

    def settled(payment: Kept) -> Kept:
        told = answer
        if payment.status is Status.ACTION_REQUIRED and isinstance(answer, Declined):
            # The customer's browser could still pay, and may just have done so.
            told = gateway.connect(*STRIPE).cancel(payment)
            if isinstance(told, Canceled):
                told = answer
        return payment.settle(told, cause, now())

    return go_on(change(payment, settled), cause)


def go_on(payment: Kept, cause: str) -> Kept:
    """Do at Stripe what the payment is saved for. Returns it as it is then.

    Each part is tried, and the first one's error is raised after the last.
    """
    match payment:
        case Payment(status=Status.COLLECTED):
            errors: list[Exception] = []
            for part in payment.awaited:
                try:
                    payment = give_part(payment, str(part.refund_id), cause)
                except (stripe.StripeError, gateway.Unsettled) as error:
                    errors.append(error)
            if errors:
                raise errors[0]
        case Payment(status=Status.REFUNDING) | Tombstone(status=Status.REFUNDING):
            return give_rest(payment, cause)
        case Payment(status=Status.VOIDING) | Tombstone(status=Status.VOIDING):
            return settle(payment, gateway.connect(*STRIPE).cancel(payment), cause)
    return payment


def give_rest(payment: Kept, cause: str) -> Kept:
    """Give back all that is left of a REFUNDING payment.

    Raises gateway.Unsettled when Stripe has not given back all of it, and stripe.StripeError when
    there is no answer to be had.
    """
    at_stripe = gateway.connect(*STRIPE)
    made = at_stripe.refund(payment)
    payment = note(payment, [made] if made else [], cause)
    if payment.status is Status.REFUNDING:  # Parts were given back, or all of it by hand.
        payment = note(payment, at_stripe.refunds(payment), cause)
    if payment.status is Status.REFUNDING:
        raise gateway.Unsettled(f"order {payment.order_id} has not all of its money back")
    return payment


def go_on_with_part(payment: Payment, refund_id: str, cause: str) -> Kept:
    """Do at Stripe what one part waits for, whatever the others come to."""
    if payment.status is not Status.COLLECTED:
        return go_on(payment, cause)
    return give_part(payment, refund_id, cause) if _awaited(payment, refund_id) else payment


def give_part(payment: Payment, refund_id: str, cause: str) -> Payment:
    """Give back a part that is saved, once.

    Whoever comes again looks through Stripe's refunds for it first. Two that find none make one, by
    the key they give: it is the part's, and counts on only when Stripe has kept an error under it
    or the refund has failed, so that it can make no other. Raises gateway.Unsettled when the refund
    has failed, and stripe.StripeError when there is no answer to be had.
    """
    at_stripe = gateway.connect(*STRIPE)
    told = at_stripe.refunds(payment)
    payment = note(payment, told, cause)
    part = _awaited(payment, refund_id)
    if part is None:
        return payment
    try:
        made = at_stripe.refund_part(payment, part, part.attempt + failures(told, refund_id))
    except stripe.StripeError as error:
        payment = note(payment, at_stripe.refunds(payment), cause)
        if _awaited(payment, refund_id) is None:
            return payment
        if gateway.is_too_much(error) and part.amount > payment.amount - payment.given_back:
            logger.error("less is left at Stripe", order_id=payment.order_id, refund_id=refund_id)
            return change(payment, lambda payment: payment.part_covered(part, cause, now()))
        if gateway.is_kept(error):
            change(payment, lambda payment: payment.tried(part, cause, now()))
        raise
    return note(payment, [made], cause)


def note[K: Kept](payment: K, told: Sequence[GivenBack], cause: str) -> K:
    """Save Stripe's refunds that the payment did not know of: a change for each."""

    def noted(kept: K) -> K:
        return cast("K", kept.noted(told, cause, now()))

    while (changed := change(payment, noted)) != payment:
        payment = changed
    return payment


def _awaited(payment: Payment, refund_id: str) -> Refund | None:
    return next((part for part in payment.awaited if part.refund_id == refund_id), None)


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
