"""A shipment: the parcel of one order, from the shelf to the door. Pure rules, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints

from fulfilment.model import Model, Timestamp

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Status(StrEnum):
    """Where a shipment stands. It goes from each to the next, and never back."""

    WAITING = "WAITING"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"


class NotAllowed(Exception):
    """The shipment cannot take that step. Says which one it can."""


class Line(Model):
    """So many of one toy, to be packed."""

    toy_id: str
    name: str
    quantity: Annotated[int, Field(ge=1)]


class Address(Model):
    """Where the parcel goes."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str
    country: str = Field(description="ISO 3166 alpha-2")


class Consignment(Model):
    """Who carries a parcel, and the number to follow it by."""

    model_config = ConfigDict(extra="forbid")

    carrier: Label
    tracking_number: Label


class Shipment(Model):
    """The parcel of one order, as it is kept. `causation_id` stays that of the ShipOrder."""

    order_id: str
    shipping_address: Address
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    status: Status
    carrier: str | None = None
    tracking_number: str | None = None
    created_at: Timestamp
    dispatched_at: Timestamp | None = None
    delivered_at: Timestamp | None = None
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    def dispatch(self, consignment: Consignment, at: datetime) -> Self:
        """The shipment, handed to a carrier: the very same one when it was, to that one, before.

        Raises NotAllowed when it was handed over with another carrier or number.
        """
        if self.status is Status.WAITING:
            given = consignment.model_dump(by_alias=False)
            return self._moved(Status.DISPATCHED, at, dispatched_at=at, **given)
        if (self.carrier, self.tracking_number) == (
            consignment.carrier,
            consignment.tracking_number,
        ):
            return self
        raise NotAllowed(
            f"The shipment is {self.status}, by {self.carrier} as {self.tracking_number}: "
            + ("it can only be delivered" if self.status is Status.DISPATCHED else _CLOSED)
        )

    def deliver(self, at: datetime) -> Self:
        """The shipment, at its destination: the very same one when it was there before.

        Raises NotAllowed when it has not left yet.
        """
        match self.status:
            case Status.WAITING:
                raise NotAllowed("The shipment is WAITING: it can only be dispatched")
            case Status.DISPATCHED:
                return self._moved(Status.DELIVERED, at, delivered_at=at)
            case Status.DELIVERED:
                return self

    def _moved(self, status: Status, at: datetime, **facts: object) -> Self:
        step = {"status": status, "version": self.version + 1, "updated_at": at}
        return self.model_copy(update=step | facts)


_CLOSED = "nothing more can be done with it"
