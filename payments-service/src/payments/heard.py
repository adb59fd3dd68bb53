"""The messages this service hears. Of each, only what is read."""

from typing import Annotated, ClassVar

from pydantic import Field

from payments.bill import Bill, Id, Text
from payments.message import Message
from payments.model import Model, Money

OWNER = "urn:tbs:payment:"
"""What the owner of a file begins with when it is a payment's. The order's id follows."""


class CollectPayment(Message):
    """Command: take what an order costs, or say why it cannot be had."""

    data: Bill


class RefundRequest(Model):
    """The order whose payment is given back, or a part of it, and why."""

    order_id: Id
    reason: Text
    amount: Annotated[
        Money | None, Field(description="Of a part, with refundId. Null: all that is left")
    ] = None
    refund_id: Annotated[
        Id | None, Field(description="Of a part: it is given back once for each. Null: the whole")
    ] = None

    @property
    def is_part(self) -> bool:
        """Whether a part is asked for, and not all that is left."""
        return self.amount is not None and self.refund_id is not None


class RefundPayment(Message):
    """Command: give back what was taken for an order, or see to it that nothing ever is.

    With an amount and a refundId, that part of it is given back, once for each refundId.
    """

    data: RefundRequest


class OwnedFile(Model):
    """A file that somebody stored. Only those of a payment concern this service."""

    file_id: Id
    owner: str

    @property
    def order_id(self) -> str | None:
        """The order whose receipt this is. None: it is somebody else's file."""
        return self.owner.removeprefix(OWNER) if self.owner.startswith(OWNER) else None


class FileStored(Message):
    """Event: a file is stored."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: OwnedFile


class RejectedFile(OwnedFile):
    """A file that was not stored, and why."""

    reason: str


class FileRejected(Message):
    """Event: a file was not stored."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: RejectedFile
