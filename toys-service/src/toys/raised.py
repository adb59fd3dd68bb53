"""Errors, as managers are told of them: stock that was refused, and messages that failed. Pure."""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from toys.message import Message, Metadata
from toys.model import Model, Timestamp
from toys.reservation import Refusal, Reservation, Status

KEPT_FOR = timedelta(days=30)
"""How long an error is kept that is no reservation's change."""

LONGEST = 300
"""Characters of what is said of an error."""

_WHY = {
    Refusal.OUT_OF_STOCK: "there are too few",
    Refusal.PRICE_CHANGED: "its price is another one",
    Refusal.UNKNOWN_TOY: "the catalogue does not have it",
}


class Code(StrEnum):
    """What went wrong."""

    STOCK_REFUSED = "STOCK_REFUSED"
    POISON_MESSAGE = "POISON_MESSAGE"
    MESSAGE_FAILED = "MESSAGE_FAILED"


class ErrorData(Model):
    """Something that went wrong, for managers. It says nothing of any person."""

    error_id: str
    kind: Literal["BUSINESS", "SYSTEM"]
    code: Code
    message: Annotated[str, Field(max_length=LONGEST, description="One sentence")]
    order_id: str | None = Field(None, description="The order that it is about, if any is known")
    occurred_at: Timestamp


class ErrorRaised(Message):
    """Event: something went wrong that a manager should know of."""

    data: ErrorData


class MessageError(ErrorData):
    """A message that became a dead letter, as it is kept until it is told, and a while longer."""

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


def of_reservation(old: Reservation | None, new: Reservation) -> list[ErrorRaised]:
    """The errors that a reservation's change from `old` to `new` is: one, where it is refused."""
    if new.status is not Status.REFUSED or new.reason is None or (old and old.status == new.status):
        return []
    metadata = Metadata(
        id=f"{new.order_id}:{new.version}:{ErrorRaised.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    data = ErrorData(
        error_id=f"{new.order_id}:{new.version}:{Code.STOCK_REFUSED}",
        kind="BUSINESS",
        code=Code.STOCK_REFUSED,
        message=f"No stock was reserved: of toy {new.toy_id}, {_WHY[new.reason]}"[:LONGEST],
        order_id=new.order_id,
        occurred_at=new.updated_at,
    )
    return [ErrorRaised(metadata=metadata, data=data)]


def _about(body: str) -> tuple[str | None, str | None]:
    """The name of the message in a queue's record and the order it is about, as far as it says."""
    try:
        delivery = json.loads(body)
        name = delivery["detail-type"]
        order_id = delivery["detail"].get("data", {}).get("orderId")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    return _text(name, r"[A-Z][A-Za-z]{1,59}"), _text(order_id, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
