"""A shipment: the parcel of one order, from the shelf to the door. Pure rules, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints

from fulfilment.model import Model, Timestamp

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Status(StrEnum):
    """Where a shipment stands. It goes forward and never back; the last three are final.

    WAITING leads to DISPATCHED, CANCELLED or FAILED, DISPATCHED to DELIVERED or FAILED.
    """

    WAITING = "WAITING"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


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


class Failure(Model):
    """Why a parcel will never arrive."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
    ] = Field(description="In words: the parcel was lost, the address does not exist, …")


class Tombstone(Model):
    """What is kept of an order that was called off before anyone asked to ship it.

    It stands where the shipment would, so that a ShipOrder that comes after all finds the place
    taken. There is nothing to pack, and nothing more can happen to it.
    """

    order_id: str
    status: Literal[Status.CANCELLED] = Status.CANCELLED
    cancelled_at: Timestamp
    version: Literal[1] = 1
    updated_at: Timestamp
    correlation_id: str
    causation_id: str


class Shipment(Model):
    """The parcel of one order, as it is kept.

    `causation_id` is that of the command that it follows: the ShipOrder or, once it is CANCELLED,
    the CancelShipment.
    """

    order_id: str
    shipping_address: Address
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    status: Status
    carrier: str | None = None
    tracking_number: str | None = None
    created_at: Timestamp
    dispatched_at: Timestamp | None = None
    delivered_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    failed_at: Timestamp | None = None
    reason: str | None = Field(default=None, description="Why it failed, in words")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    def dispatch(self, consignment: Consignment, at: datetime) -> Self:
        """The shipment, handed to a carrier: the very same one when it was, to that one, before.

        Raises NotAllowed when it was handed over with another carrier or number, was called off
        or has failed.
        """
        given = consignment.model_dump(by_alias=False)
        match self.status:
            case Status.WAITING:
                return self._moved(Status.DISPATCHED, at, dispatched_at=at, **given)
            case Status.DISPATCHED | Status.DELIVERED:
                if given == {"carrier": self.carrier, "tracking_number": self.tracking_number}:
                    return self
        raise NotAllowed(self._refusal)

    def deliver(self, at: datetime) -> Self:
        """The shipment, at its destination: the very same one when it was there before.

        Raises NotAllowed when it is not on its way.
        """
        match self.status:
            case Status.DISPATCHED:
                return self._moved(Status.DELIVERED, at, delivered_at=at)
            case Status.DELIVERED:
                return self
        raise NotAllowed(self._refusal)

    def fail(self, failure: Failure, at: datetime) -> Self:
        """The shipment, given up: the very same one when it was, for that reason, before.

        Raises NotAllowed when it has arrived, was called off, or failed for another reason.
        """
        match self.status:
            case Status.WAITING | Status.DISPATCHED:
                return self._moved(Status.FAILED, at, failed_at=at, reason=failure.reason)
            case Status.FAILED if self.reason == failure.reason:
                return self
        raise NotAllowed(self._refusal)

    def cancel(self, causation_id: str, at: datetime) -> Self:
        """The shipment, called off; the very same one when it has left or is settled."""
        if self.status is not Status.WAITING:
            return self
        return self._moved(Status.CANCELLED, at, cancelled_at=at, causation_id=causation_id)

    @property
    def _refusal(self) -> str:
        """What the shipment is, and what can be done with it, for who tried something else."""
        by = f"by {self.carrier} as {self.tracking_number}"
        match self.status:
            case Status.WAITING:
                return "The shipment is WAITING: it can only be dispatched, or fail"
            case Status.DISPATCHED:
                return f"The shipment is DISPATCHED, {by}: it can only be delivered, or fail"
            case Status.DELIVERED:
                return f"The shipment is DELIVERED, {by}: {_CLOSED}"
            case Status.CANCELLED:
                return f"The shipment is CANCELLED, its order is called off: {_CLOSED}"
            case Status.FAILED:
                return f"The shipment is FAILED ({self.reason}): {_CLOSED}"

    def _moved(self, status: Status, at: datetime, **facts: object) -> Self:
        step = {"status": status, "version": self.version + 1, "updated_at": at}
        return self.model_copy(update=step | facts)


_CLOSED = "nothing more can be done with it"
