"""Errors, as managers are told of them: parcels that failed, and messages that did. Pure."""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from fulfilment.message import Message, Metadata
from fulfilment.model import Model, Timestamp
from fulfilment.shipment import Kept, Shipment, Status

KEPT_FOR = timedelta(days=30)
"""How long an error is kept that is none of a shipment's changes."""

LONGEST = 300
"""Characters of what is said of an error."""


class Code(StrEnum):
    """What went wrong."""

    SHIPMENT_FAILED = "SHIPMENT_FAILED"
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
    return _of_letter(message_id, *_delivered(body), code, reason, at)


def of_carrier(message_id: str, body: str, code: str, reason: str, at: datetime) -> MessageError:
    """The same of what came to the webhook.

    Only where it was refused is it known to be a carrier's: else its order may be anybody's word.
    """
    order_id = _carried(body) if code == Code.POISON_MESSAGE else None
    return _of_letter(message_id, "An event of a carrier's", order_id, code, reason, at)


def of_shipment(old: Kept | None, new: Kept) -> list[ErrorRaised]:
    """The error that a shipment's change is, if it is one.

    What was written of why it failed may name a person. It stays in the shipment.
    """
    if not isinstance(new, Shipment) or new.status is not Status.FAILED:
        return []
    if isinstance(old, Shipment) and old.status is Status.FAILED:
        return []
    where = "was given up on its way" if new.dispatched_at else "was given up before it left"
    metadata = Metadata(
        id=f"{new.order_id}:{new.version}:{ErrorRaised.__name__}",
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
        occurred_at=new.updated_at,
        version=new.version,
    )
    data = ErrorData(
        error_id=f"{new.order_id}:{new.version}:{Code.SHIPMENT_FAILED}",
        kind="BUSINESS",
        code=Code.SHIPMENT_FAILED,
        message=f"The parcel {where}: the shipment says why",
        order_id=new.order_id,
        occurred_at=new.updated_at,
    )
    return [ErrorRaised(metadata=metadata, data=data)]


def _of_letter(
    message_id: str, name: str | None, order_id: str | None, code: str, reason: str, at: datetime
) -> MessageError:
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


def _delivered(body: str) -> tuple[str | None, str | None]:
    """The name of the message in a queue's record and the order it is about, as far as it says."""
    try:
        delivery = json.loads(body)
        order_id = delivery["detail"]["data"].get("orderId")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    name = delivery.get("detail-type")
    return _text(name, r"[A-Z][A-Za-z]{1,59}"), _order_id(order_id)


def _carried(body: str) -> str | None:
    """The order that a carrier's event is about, if it says."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _order_id(told.get("orderId")) if isinstance(told, dict) else None


def _order_id(given: Any) -> str | None:
    return _text(given, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
