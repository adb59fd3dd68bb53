"""Errors, as managers are told of them: mails that were not delivered, and messages. Pure."""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from notification.mail import Mail, Status
from notification.message import Message, Metadata
from notification.model import Model, Timestamp

KEPT_FOR = timedelta(days=30)
"""How long an error is kept that is no mail's change."""

LONGEST = 300
"""Characters of what is said of an error."""

_WHY = {
    Status.FAILED: "was refused by SES",
    Status.BOUNCED: "bounced",
    Status.COMPLAINED: "was called spam by who got it",
}
"""What became of a mail that managers hear of. That an address is suppressed, they heard before."""


class Code(StrEnum):
    """What went wrong."""

    MAIL_NOT_DELIVERED = "MAIL_NOT_DELIVERED"
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


class MessageError(ErrorData):
    """A message that became a dead letter, as it is kept until it is told, and a while longer."""

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


def of_letter(message_id: str, body: str, code: str, reason: str, at: datetime) -> MessageError:
    """The error that a message is which becomes a dead letter. Its id is the message's in SQS."""
    name, order_id = _about(body)
    why = "was refused:" if code == Code.POISON_MESSAGE else "failed each time, at last with"
    return MessageError(
        error_id=message_id,
        kind="SYSTEM",
        code=Code(code),
        message=f"{name or 'A message'} {why} {reason}"[:LONGEST],
        order_id=order_id,
        occurred_at=at,
        expires_at=int((at + KEPT_FOR).timestamp()),
    )


def of_mail(old: Mail | None, new: Mail) -> list[ErrorRaised]:
    """The error that a mail's change is. What it says is of SES' words only what names nobody."""
    if new.status not in _WHY or (old and old.status is new.status):
        return []
    metadata = Metadata(
        id=f"{new.mail_id}:{new.version}:{ErrorRaised.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    told = (new.reason or "").partition(":")[0]
    reason = _text(told, r"[A-Za-z]{1,40}(/[A-Za-z-]{1,40})?") or "no reason given"
    data = ErrorData(
        error_id=f"{new.mail_id}:{new.version}:{Code.MAIL_NOT_DELIVERED}",
        kind="BUSINESS",
        code=Code.MAIL_NOT_DELIVERED,
        message=f"The mail {new.template} {_WHY[new.status]}: {reason}",
        order_id=new.order_id,
        occurred_at=new.updated_at,
    )
    return [ErrorRaised(metadata=metadata, data=data)]


def _about(body: str) -> tuple[str | None, str | None]:
    """The name of a message in a queue and the order it is about, as far as it says.

    It is one of the bus, or a report of SES', which names no order.
    """
    try:
        told = json.loads(body)
        name, order_id = told.get("detail-type", told.get("eventType")), None
        if "detail" in told:
            order_id = told["detail"]["data"]["content"].get("orderId")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    return _text(name, r"[A-Z][A-Za-z]{1,59}"), _text(order_id, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
