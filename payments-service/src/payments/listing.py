"""What a list of payments says of each, and where such a list goes on."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Self

from pydantic import Field

from payments.model import Currency, Model, Money, Timestamp
from payments.payment import Payment
from payments.record import Status

_PLACE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#.{1,128}", re.DOTALL)


class Listed(Model):
    """A payment as lists show it. Money is in minor units."""

    order_id: str
    status: Status
    amount: Money
    currency: Currency
    refunded: Annotated[Money, Field(description="What was given back of it so far")]
    payment_intent_id: str | None = None
    requested_at: Timestamp

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """What a list says of the payment."""
        return cls.model_validate(payment.model_dump() | {"refunded": payment.given_back})

    @property
    def place(self) -> str:
        """Where it stands among all payments, by time: no other has the same place."""
        return f"{self.model_dump(mode='json')['requestedAt']}#{self.order_id}"


def cursor(place: str) -> str:
    """The cursor of a list that goes on after this place."""
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place(cursor: str) -> str:
    """The place that a cursor was made of. Raises ValueError for what is no cursor.

    There is nothing to guard in it: one that somebody makes up begins the same list elsewhere.
    """
    try:
        found = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise ValueError("the cursor is none of this list") from error
    if not _PLACE.fullmatch(found):
        raise ValueError("the cursor is none of this list")
    return found
