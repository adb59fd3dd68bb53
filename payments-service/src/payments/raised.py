"""Errors, as managers are told of them: payments that went wrong, and messages. Pure."""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from payments.amounts import money
from payments.heard import OWNER
from payments.message import Message, Metadata
from payments.model import Model, Timestamp
from payments.payment import Payment, Tombstone
from payments.reconciliation import Progress, Report
from payments.record import Status

KEPT_FOR = timedelta(days=30)
"""How long an error is kept that is no change of a payment or a report."""

LONGEST = 300
"""Characters of what is said of an error."""


class Code(StrEnum):
    """What went wrong."""

    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    REFUND_SENT_BACK = "REFUND_SENT_BACK"
    RECONCILIATION_DIFFERENCE = "RECONCILIATION_DIFFERENCE"
    POISON_MESSAGE = "POISON_MESSAGE"
    MESSAGE_FAILED = "MESSAGE_FAILED"


class ErrorData(Model):
    """Something that went wrong, for managers. It says nothing of any person."""

    error_id: str
    kind: Literal["BUSINESS", "SYSTEM"]
    code: Code
    message: Annotated[str, Field(max_length=LONGEST, description="One sentence")]
    order_id: str | None = Field(description="The order that it is about, if any is known")
    occurred_at: Timestamp


class ErrorRaised(Message):
    """Event: something went wrong that a manager should know of."""

    data: ErrorData


class KeptError(ErrorData):
    """An error that is no other item's change, as it is kept until it is told, and a while longer.

    It is a message that became a dead letter, or a refund that the bank sent back.
    """

    order_id: str | None = None
    expires_at: int = Field(description="When it may be forgotten, as a Unix time in seconds")

    def told(self) -> ErrorRaised:
        """The event that tells of it."""
        metadata = Metadata(
            id=f"{self.error_id}:1:{ErrorRaised.__name__}",
            correlation_id=self.order_id or self.error_id,
            causation_id=None,
            occurred_at=self.occurred_at,
            version=1,
        )
        return ErrorRaised(metadata=metadata, data=ErrorData.model_validate(dict(self)))


def of_letter(message_id: str, body: str, code: str, reason: str, at: datetime) -> KeptError:
    """The error that a message is which becomes a dead letter. Its id is the message's in SQS."""
    name, order_id = _about(body)
    why = "was refused:" if code == Code.POISON_MESSAGE else "failed each time, at last with"
    return KeptError(
        error_id=message_id,
        kind="SYSTEM",
        code=Code(code),
        message=f"{name or 'A message'} {why} {reason}"[:LONGEST],
        order_id=order_id,
        occurred_at=at,
        expires_at=_expires(at),
    )


def of_refund_sent_back(
    payment: Payment | Tombstone, stripe_id: str, amount: int, reason: str | None, at: datetime
) -> KeptError:
    """The error that a refund is which the bank sent back: `amount` in minor units."""
    currency = payment.currency
    written = f"{money(amount, currency)} {currency}" if currency else f"{amount} (minor units)"
    why = _text(reason, r"[a-z_]{1,60}") or "no reason given"
    return KeptError(
        error_id=f"refund:{stripe_id}",
        kind="BUSINESS",
        code=Code.REFUND_SENT_BACK,
        message=f"The bank sent back a refund of {written}: {why}",
        order_id=payment.order_id,
        occurred_at=at,
        expires_at=_expires(at),
    )


def of_payment(old: Payment | Tombstone | None, new: Payment | Tombstone) -> list[ErrorRaised]:
    """The error that a payment's change is: one that could not be had."""
    failed = isinstance(new, Payment) and new.status is Status.FAILED
    if not failed or (old and old.status is Status.FAILED):
        return []
    metadata = Metadata(
        id=f"{new.order_id}:{new.version}:{ErrorRaised.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    reason = new.reason if isinstance(new, Payment) else None
    data = ErrorData(
        error_id=f"{new.order_id}:{new.version}:{Code.PAYMENT_DECLINED}",
        kind="BUSINESS",
        code=Code.PAYMENT_DECLINED,
        message=f"The order could not be paid: {reason}"[:LONGEST],
        order_id=new.order_id,
        occurred_at=new.updated_at,
    )
    return [ErrorRaised(metadata=metadata, data=data)]


def of_report(old: Report | None, new: Report) -> list[ErrorRaised]:
    """The error that a reconciliation is which is done and has found what a person has to see."""
    was_done = old is not None and old.status is Progress.DONE
    if new.status is not Progress.DONE or was_done or not new.differences:
        return []
    about = f"reconciliation:{new.day.isoformat()}"
    metadata = Metadata(
        id=f"{about}:{new.version}:{ErrorRaised.__name__}",
        correlation_id=about,
        causation_id=None,
        occurred_at=new.updated_at,
        version=new.version,
    )
    data = ErrorData(
        error_id=f"{about}:{Code.RECONCILIATION_DIFFERENCE}",
        kind="BUSINESS",
        code=Code.RECONCILIATION_DIFFERENCE,
        message=f"Payments of {new.day.isoformat()} are not as Stripe has them: "
        f"{new.differences} to be looked at, {new.mended} mended",
        order_id=None,
        occurred_at=new.updated_at,
    )
    return [ErrorRaised(metadata=metadata, data=data)]


def _expires(at: datetime) -> int:
    return int((at + KEPT_FOR).timestamp())


def _about(body: str) -> tuple[str | None, str | None]:
    """The name of a message in a queue and the order it is about, as far as it says.

    It is one of the bus or an event of Stripe's; of the latter maybe nobody has seen the signature.
    """
    try:
        told = json.loads(body)
        if "detail-type" in told:
            data = told["detail"].get("data", {})
            owner = str(data.get("owner", ""))
            receipt_of = owner.removeprefix(OWNER) if owner.startswith(OWNER) else None
            name, order_id = told["detail-type"], data.get("orderId") or receipt_of
        else:
            name = told.get("type")
            order_id = told["data"]["object"].get("metadata", {}).get("orderId")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    kind = _text(name, r"[A-Z][A-Za-z]{1,59}|[a-z_]{1,30}(\.[a-z_]{1,30}){1,3}")
    return kind, _text(order_id, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
