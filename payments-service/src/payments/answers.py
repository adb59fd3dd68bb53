"""What the private API answers."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field

from payments.answer import Attempt
from payments.listing import Listed
from payments.model import Currency, Model, Money, Timestamp
from payments.payment import Payment, Tombstone
from payments.reconciliation import Finding, Report, Summary
from payments.record import Status
from payments.refund import Refund


class PaymentShown(Model):
    """A payment for those who look after it: whose it is and how it is paid only by ids.

    What is null of it is not known: a payment that never came has neither amount nor customer.
    """

    order_id: str
    status: Status
    amount: Money | None = None
    currency: Currency | None = None
    refunded: Annotated[Money, Field(description="What was given back of it so far")]
    customer_id: str | None = None
    email: Annotated[str | None, Field(description="Its first letter and its domain")] = None
    payment_intent_id: str | None = None
    payment_method_id: str | None = None
    requested_at: Timestamp | None = None
    collected_at: Timestamp | None = None
    reason: Annotated[str | None, Field(description="Why it failed: Stripe's code")] = None
    attempts: Annotated[
        tuple[Attempt, ...], Field(description="Stripe's answers that changed it, the oldest first")
    ] = ()
    refund_reason: Annotated[str | None, Field(description="Why all of it is given back")] = None
    refunds: tuple[Refund, ...] = ()
    receipt_file_id: str | None = None
    receipt_problem: str | None = None
    version: int
    updated_at: Timestamp

    @classmethod
    def of(cls, payment: Payment | Tombstone) -> Self:
        """What is shown of a payment. Never what lets somebody pay, nor a whole address."""
        known = payment.model_dump() | {"refunded": payment.given_back}
        if isinstance(payment, Payment):
            known["email"] = masked(payment.email)
        return cls.model_validate(known)


class PaymentPage(Model):
    """Some payments. There may be fewer than asked for, and yet more pages."""

    items: list[Listed]
    cursor: Annotated[
        str | None,
        Field(description="Of the next page; null: this is the last"),
    ]


class ReportShown(Summary):
    """What the comparison of a day with Stripe found. All is counted, 200 findings are kept."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, report: Report) -> Self:
        """What is shown of a report."""
        return cls.model_validate(report.model_dump())


class ReportList(Model):
    """The comparisons of some days, the newest day first; days without one are left out."""

    items: list[Summary]

    @classmethod
    def of(cls, reports: Sequence[Report]) -> Self:
        """What a list says of reports."""
        return cls(items=[Summary.model_validate(report.model_dump()) for report in reports])


def masked(email: str) -> str:
    """An address by which who has it before them knows it, and nobody else: a***@example.com."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"
