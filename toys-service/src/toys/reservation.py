"""A reservation: the stock that one order holds, all of its lines or none. Pure rules, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field

from toys.model import Currency, Model, Money, Timestamp
from toys.toy import Fulfilment, Toy


class Status(StrEnum):
    """Where a reservation stands. Only RESERVED holds stock."""

    RESERVED = "RESERVED"
    REFUSED = "REFUSED"
    RELEASED = "RELEASED"


class Refusal(StrEnum):
    """Why stock was not reserved."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"


class Line(Model):
    """So many of one toy, at the price (minor units, tax included) that the shopper was shown."""

    toy_id: str
    quantity: Annotated[int, Field(ge=1, le=99)]
    price: Money


class HeldLine(Line):
    """A line, and what its toy was when the line was held. It stays so, whatever becomes of that.

    `category` is null where nothing was known of the toy.
    """

    category: str | None = None
    fulfilment: Fulfilment = Fulfilment.PARCEL
    file_id: Annotated[
        str | None, Field(description="Of a digital toy, the file that was sold; null: a parcel")
    ] = None

    @classmethod
    def of(cls, line: Line, toy: Toy | None) -> Self:
        """The line as it is held of `toy`."""
        is_digital = toy is not None and toy.fulfilment is Fulfilment.DIGITAL
        return cls(
            toy_id=line.toy_id,
            quantity=line.quantity,
            price=line.price,
            category=toy and toy.category,
            fulfilment=toy.fulfilment if toy else Fulfilment.PARCEL,
            file_id=toy.download_file_id if toy and is_digital else None,
        )


class ReservedLine(Model):
    """What one order holds of a toy, or held, at the price (minor units) it was reserved at."""

    order_id: str
    quantity: int
    price: Money
    status: Literal[Status.RESERVED, Status.RELEASED]
    reserved_at: Timestamp
    updated_at: Timestamp


class Reservation(Model):
    """One order's claim on the stock, and what became of it.

    `reserved_at` is null where nothing was ever held.
    """

    order_id: str
    status: Status
    currency: Currency | None = None
    lines: tuple[HeldLine, ...] = ()
    reason: Refusal | None = None
    toy_id: str | None = None
    reserved_at: Timestamp | None = None
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    def refuse(self, line: Line, reason: Refusal) -> Self:
        """The same claim, turned down because of one of its lines."""
        return self.model_copy(
            update={
                "status": Status.REFUSED,
                "reason": reason,
                "toy_id": line.toy_id,
                "reserved_at": None,
            }
        )

    def of(self, toy_id: str) -> ReservedLine | None:
        """The line of that toy, where the order holds or held some of it."""
        for line in self.lines:
            if line.toy_id == toy_id and self.reserved_at and self.status is not Status.REFUSED:
                return ReservedLine(
                    order_id=self.order_id,
                    quantity=line.quantity,
                    price=line.price,
                    status=self.status,
                    reserved_at=self.reserved_at,
                    updated_at=self.updated_at,
                )
        return None

    def release(self, causation_id: str, at: datetime) -> Self:
        """The claim, given back."""
        return self.model_copy(
            update={
                "status": Status.RELEASED,
                "version": self.version + 1,
                "updated_at": at,
                "causation_id": causation_id,
            }
        )


def tombstone(order_id: str, causation_id: str, at: datetime) -> Reservation:
    """A claim given back before it was made. Should it still come, it finds this and stops."""
    return Reservation(
        order_id=order_id,
        status=Status.RELEASED,
        version=1,
        updated_at=at,
        correlation_id=order_id,
        causation_id=causation_id,
    )


def refusal(line: Line, currency: str, toy: Toy | None) -> Refusal | None:
    """Why `line` cannot be reserved of `toy`, or None when it can."""
    if toy is None or toy.deleted_at:
        return Refusal.UNKNOWN_TOY
    if (toy.price, toy.currency) != (line.price, currency):
        return Refusal.PRICE_CHANGED
    if toy.sellable < line.quantity:
        return Refusal.OUT_OF_STOCK
    return None
