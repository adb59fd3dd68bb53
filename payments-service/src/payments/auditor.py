"""Compares single payments with what Stripe says of them, and mends what is safe to mend."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import stripe
from aws_lambda_powertools import Logger

from payments.cashier import STRIPE, Kept, go_on, note, settle, table
from payments.gateway import Unsettled, connect
from payments.listing import Listed
from payments.model import now
from payments.payment import Payment
from payments.reconciliation import Finding, Kind, Report
from payments.record import Status
from payments.refund import RefundStatus
from payments.statement import Intent, Refunded, Statement
from payments.table import Conflict

logger = Logger()

TAKEN = (Status.COLLECTED, Status.REFUNDING, Status.REFUNDED)
"""How a payment stands whose money Stripe has, or had."""
OPEN = (Status.PENDING, Status.ACTION_REQUIRED, Status.VOIDING)
"""How a payment stands that comes to an end yet."""

PATIENCE = timedelta(hours=1)
"""A payment that is still open so long after it was requested is a finding."""


class Auditor:
    """Looks at payments one by one; each look returns the report with what was found.

    Mended is what Stripe's own message would have done, and what a command that is saved was to do.
    What fails in that is a finding like any other, and does not hold up the rest.
    """

    def __init__(self, statement: Statement, cause: str) -> None:
        self._statement = statement
        self._cause = cause

    def intent(self, report: Report, intent: Intent, payment: Kept | None) -> Report:
        """Compare one of Stripe's payment intents with the payment of its order."""
        taken = intent.status == "succeeded"
        if intent.order_id is None:
            return report.counted(foreign=1)
        if payment is None:
            told = f"Stripe took {intent.amount} {intent.currency}, and the order has no payment"
            return self._left(report, Kind.ORDER_UNKNOWN, intent, told, taken=taken)
        own = payment.payment_intent_id
        if own not in (None, intent.id) or (own is None and not taken):
            told = f"Stripe took {intent.amount} {intent.currency} beside the payment's own intent"
            return self._left(report, Kind.INTENT_UNKNOWN, intent, told, taken=taken)
        if wrong := payment.mismatch(intent.id, intent.amount, intent.currency):
            told = f"Stripe says {intent.amount} {intent.currency}: {wrong}"
            return self._found(report, Kind.AMOUNT_DIFFERS, intent.order_id, intent.id, told)
        if self._differs(intent, payment):
            # It was read with its whole page, and may have moved on since.
            payment = table.payment(intent.order_id) or payment
        report, payment = self._settled(report, intent, payment)
        return self._refunds(report, intent, payment)

    def refund(self, report: Report, made: Refunded, payment: Kept | None) -> Report:
        """Compare one of Stripe's refunds with the payment of its order, whenever that was made."""
        if made.order_id is None:
            return report.counted(foreign=1)
        if payment is None or payment.payment_intent_id not in (None, made.intent_id):
            return report  # The day of the intent tells of it.
        known = any(
            each.stripe_id == made.refund.stripe_id and each.status is RefundStatus.REFUNDED
            for each in payment.refunds
        )
        if known == made.refund.stands or made.intent_id is None:
            return report
        intent = self._statement.intent(made.intent_id)
        # Others of the same page may have been mended with it.
        again = table.payment(payment.order_id)
        return self.intent(report, intent, again) if intent and again else report

    def payment(self, report: Report, listed: Listed, known: Mapping[str, Intent]) -> Report:
        """Compare one of our payments with Stripe's intents of about that time."""
        intent_id = listed.payment_intent_id
        if listed.status in TAKEN and intent_id:
            intent = known.get(intent_id) or self._statement.intent(intent_id)
            if intent and intent.status == "succeeded":
                return report
            told = f"Stripe says it is {intent.status}" if intent else "Stripe does not know it"
            return self._confirmed(report, Kind.NOT_TAKEN, listed, told, TAKEN)
        if listed.status in OPEN and now() - listed.requested_at > PATIENCE:
            told = f"it was requested {listed.requested_at:%Y-%m-%d %H:%M} UTC"
            return self._confirmed(report, Kind.STILL_OPEN, listed, told, OPEN)
        return report

    def _differs(self, intent: Intent, payment: Kept) -> bool:
        answer = intent.answer
        settles = answer and payment.settle(answer, self._cause, now()) is not payment
        waits = payment.status in (Status.VOIDING, Status.REFUNDING)
        parts = isinstance(payment, Payment) and payment.awaited
        return bool(settles or waits or parts) or intent.refunded != payment.given_back

    def _settled(self, report: Report, intent: Intent, payment: Kept) -> tuple[Report, Kept]:
        answer, before = intent.answer, payment.status
        if answer and payment.settle(answer, self._cause, now()) is not payment:
            act: Callable[[], Kept] = lambda: settle(payment, answer, self._cause)  # noqa: E731
        elif payment.status is Status.VOIDING:
            act = lambda: go_on(payment, self._cause)  # noqa: E731
        else:
            return report, payment
        told = f"Stripe says it is {intent.status}, and here it was {before}"
        return self._mended(report, Kind.NOT_SETTLED, intent, payment, act, told)

    def _refunds(self, report: Report, intent: Intent, payment: Kept) -> Report:
        given_back = payment.given_back
        if payment.status in (Status.COLLECTED, Status.REFUNDING) and intent.refunded > given_back:
            told = f"Stripe gave back {intent.refunded}, and we knew of {given_back}"
            held = payment
            report, payment = self._mended(
                report,
                Kind.REFUND_UNKNOWN,
                intent,
                payment,
                lambda: note(held, connect(*STRIPE).refunds(held), self._cause),
                told,
            )
        if payment.status is Status.REFUNDING or (isinstance(payment, Payment) and payment.awaited):
            told, owed = "money to be given back was not", payment
            report, payment = self._mended(
                report,
                Kind.NOT_GIVEN_BACK,
                intent,
                payment,
                lambda: go_on(owed, self._cause),
                told,
            )
        elif given_back > intent.refunded and intent.order_id:
            # A refund may have been made since Stripe was asked.
            again = self._statement.intent(intent.id)
            if again and given_back > again.refunded:
                told = f"we say that {given_back} went back, and Stripe says {again.refunded}"
                kind = Kind.REFUND_MISSING
                return self._found(report, kind, intent.order_id, intent.id, told)
        return report

    def _mended(
        self,
        report: Report,
        kind: Kind,
        intent: Intent,
        payment: Kept,
        act: Callable[[], Kept],
        told: str,
    ) -> tuple[Report, Kept]:
        mended = True
        try:
            payment = act()
        except (stripe.StripeError, Unsettled, Conflict) as error:
            mended = False
            told = f"{told}: {getattr(error, 'code', None) or type(error).__name__}"
        if mended and payment.causation_id != self._cause:
            return report, payment  # Another one was at it, and came first.
        order_id = payment.order_id
        report = self._found(report, kind, order_id, intent.id, told, mended=mended)
        return report, payment

    def _confirmed(
        self, report: Report, kind: Kind, listed: Listed, told: str, statuses: tuple[Status, ...]
    ) -> Report:
        """A finding, if the payment itself stands as the list says, which may be behind."""
        payment = table.payment(listed.order_id)
        if payment is None or payment.status not in statuses:
            return report
        told = f"here it is {payment.status}: {told}"
        return self._found(report, kind, listed.order_id, payment.payment_intent_id, told)

    def _left(
        self, report: Report, kind: Kind, intent: Intent, told: str, *, taken: bool
    ) -> Report:
        """An intent that is no payment's: only one that took money is a finding."""
        if not taken:
            return report.counted(left_behind=1)
        return self._found(report, kind, str(intent.order_id), intent.id, told)

    def _found(
        self,
        report: Report,
        kind: Kind,
        order_id: str,
        intent_id: str | None,
        told: str,
        *,
        mended: bool = False,
    ) -> Report:
        logger.warning("found", kind=kind, order_id=order_id, told=told, mended=mended)
        finding = Finding(
            kind=kind, order_id=order_id, payment_intent_id=intent_id, told=told, mended=mended
        )
        return report.found(finding)
