"""Errors, as managers are told of them: what went wrong with orders, and with messages. Pure.

Nothing that others tell already is among them: a card that was declined, toys that were not there.
"""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from orders.facts import Reason
from orders.message import Message, Metadata
from orders.model import Model, Timestamp
from orders.order import Order
from orders.saga import Status

KEPT_FOR = timedelta(days=30)
"""How long an error is kept that is none of an order's changes."""

LONGEST = 300
"""Characters of what is said of an error."""


class Code(StrEnum):
    """What went wrong."""

    DEADLINE_PASSED = "DEADLINE_PASSED"
    DOWNLOAD_UNDELIVERABLE = "DOWNLOAD_UNDELIVERABLE"
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


def of_order(old: Order | None, new: Order) -> list[ErrorRaised]:
    """The errors that an order's change is. There is one at most for each version."""
    known = old.version if old else 0
    errors = []
    for before, entry in pairwise(new.history):
        expired = entry.status is Status.CANCELLED and new.reason is Reason.EXPIRED
        if entry.version > known and expired:
            why = f"The order was still {before.status} at its deadline, and was cancelled"
            errors.append(_told(new.on_entering(entry), Code.DEADLINE_PASSED, why))
    for download in new.downloads[len(old.downloads) if old else 0 :]:
        if not download.url:
            toy = new.lines[download.line - 1].toy_id
            why = f"Toy {toy} cannot be downloaded: {download.failure}"
            errors.append(_told(new, Code.DOWNLOAD_UNDELIVERABLE, why))
    return errors


def _told(order: Order, code: Code, why: str) -> ErrorRaised:
    """The error that the order's version is."""
    metadata = Metadata(
        id=f"{order.order_id}:{order.version}:{ErrorRaised.__name__}",
        correlation_id=order.correlation_id,
        causation_id=order.causation_id,
        occurred_at=order.updated_at,
        version=order.version,
    )
    data = ErrorData(
        error_id=f"{order.order_id}:{order.version}:{code}",
        kind="BUSINESS",
        code=code,
        message=why[:LONGEST],
        order_id=order.order_id,
        occurred_at=order.updated_at,
    )
    return ErrorRaised(metadata=metadata, data=data)


def _about(body: str) -> tuple[str | None, str | None]:
    """The name of the message in a queue's record and the order it is about, as far as it says."""
    try:
        delivery = json.loads(body)
        data = delivery["detail"].get("data", {})
        order_id = data.get("orderId") or str(data.get("shareId", "")).rpartition(":")[0]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    name = delivery.get("detail-type")
    return _text(name, r"[A-Z][A-Za-z]{1,59}"), _text(order_id, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
