"""A shipment: the parcel of one order, from the shelf to the door. Pure rules, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints

from fulfilment.model import Model, Timestamp

Label = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=60)
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=200)
]
Text = Annotated[str, StringConstraints(max_length=200)]
AddressNumber = Annotated[int, Field(ge=0)]
"""Of an order's addresses. 0: the one that was ordered to. It rises with each change."""

EARLIER_KEPT = 10
"""The most addresses that a shipment keeps besides the one that it goes to."""


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

    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    postal_code: Text
    country: Text = Field(description="ISO 3166 alpha-2")


class Consignment(Model):
    """Who carries a parcel, and the number to follow it by."""

    model_config = ConfigDict(extra="forbid")

    carrier: Label
    tracking_number: Label
    address_number: AddressNumber | None = Field(
        default=None,
        description="Of the address on the parcel, as its packing slip says it. "
        "Without it, the parcel goes to the newest one",
    )


class EarlierAddress(Model):
    """Where a parcel was to go before, and may have been labelled to go."""

    number: AddressNumber
    shipping_address: Address


class Failure(Model):
    """Why a parcel will never arrive."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(
        description="In words: the parcel was lost, the address does not exist, …"
    )


class Tombstone(Model):
    """What is kept of an order that was called off before anyone asked to ship it.

    It stands where the shipment would, so that a ShipOrder that comes after all finds the place
    taken. There is nothing to pack, and nothing more can happen to it.
    """

    order_id: str
    status: Literal[Status.CANCELLED] = Status.CANCELLED
    cancelled_at: Timestamp
    version: int = 1
    updated_at: Timestamp
    correlation_id: str
    causation_id: str


class AddressNote(Model):
    """Another address for an order that nobody has asked to ship yet.

    It stands where the shipment will, so that the ShipOrder finds it when it comes. The number of
    an address rises with each change, from 1: the higher one holds.
    """

    order_id: str
    shipping_address: Address
    address_number: Annotated[int, Field(ge=1)]
    version: int = 1
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    def readdress(self, address: Address, number: int, causation_id: str, at: datetime) -> Self:
        """The note of a newer address: the very same one when it has that or a newer one."""
        if number <= self.address_number:
            return self
        change = {"shipping_address": address, "address_number": number, "updated_at": at}
        update = change | {"version": self.version + 1, "causation_id": causation_id}
        return self.model_copy(update=update)


class Shipment(Model):
    """The parcel of one order, as it is kept.

    `causation_id` is that of the last command that it followed: the ShipOrder, a
    ChangeShippingAddress or, once it is CANCELLED, the CancelShipment.
    """

    order_id: str
    shipping_address: Address
    address_number: int = Field(
        default=0, description="0: the address that was ordered to. It rises with each change"
    )
    earlier_addresses: tuple[EarlierAddress, ...] = Field(
        default=(), description=f"The newest {EARLIER_KEPT} of lower numbers, the newest last"
    )
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
        or has failed, or when the address on the parcel is another than the shipment's.
        """
        given = consignment.model_dump(by_alias=False, exclude={"address_number"})
        known = {"carrier": self.carrier, "tracking_number": self.tracking_number}
        held, on_it = self.address_number, consignment.address_number
        match self.status:
            case Status.WAITING if on_it not in (None, held):
                raise NotAllowed(
                    f"{self.standing}: it goes to address {held}, not {on_it}. "
                    "Print its packing slip again and dispatch it by that"
                )
            case Status.WAITING:
                return self._moved(Status.DISPATCHED, at, dispatched_at=at, **given)
            case Status.DISPATCHED | Status.DELIVERED if given == known:
                if on_it not in (None, held):
                    raise NotAllowed(f"{self.standing}: it went to address {held}, not {on_it}")
                return self
        raise NotAllowed(self._refusal)

    def labelled(self, number: int | None) -> Self:
        """The shipment as it was at the address of that number; None: as it is.

        Raises NotAllowed when it never had that address, or had it too many changes ago.
        """
        if number in (None, self.address_number):
            return self
        earlier = {each.number: each for each in self.earlier_addresses}
        if number not in earlier:
            known = ", ".join(map(str, [*earlier, self.address_number]))
            raise NotAllowed(f"{self.standing}: address {number} is not known here, only {known}")
        before = tuple(each for each in self.earlier_addresses if each.number < number)
        address = {"shipping_address": earlier[number].shipping_address, "address_number": number}
        return self.model_copy(update=address | {"earlier_addresses": before})

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

    def readdress(self, address: Address, number: int, causation_id: str, at: datetime) -> Self:
        """The shipment to another address, where it stays in line.

        The very same one when it has left or is settled, or has that address or a newer one.
        """
        if self.status is not Status.WAITING or number <= self.address_number:
            return self
        last = EarlierAddress(number=self.address_number, shipping_address=self.shipping_address)
        change = {
            "shipping_address": address,
            "address_number": number,
            "earlier_addresses": (*self.earlier_addresses, last)[-EARLIER_KEPT:],
        }
        return self._moved(self.status, at, **change, causation_id=causation_id)

    @property
    def standing(self) -> str:
        """What the shipment is, in words that go on. They may get into a log: not why it failed."""
        by = f"by {self.carrier} as {self.tracking_number}"
        match self.status:
            case Status.WAITING | Status.FAILED:
                told = ""
            case Status.DISPATCHED | Status.DELIVERED:
                told = f", {by}"
            case Status.CANCELLED:
                told = ", its order is called off"
        return f"The shipment is {self.status}{told}"

    @property
    def _refusal(self) -> str:
        """What the shipment is, and what can be done with it, for who tried something else."""
        return f"{self.standing}: {_ALLOWED.get(self.status, 'nothing more can be done with it')}"

    def _moved(self, status: Status, at: datetime, **facts: object) -> Self:
        step = {"status": status, "version": self.version + 1, "updated_at": at}
        return self.model_copy(update=step | facts)


Kept = Shipment | Tombstone | AddressNote
"""What is kept of an order, in the one place that it has."""


_ALLOWED = {
    Status.WAITING: "it can only be dispatched, or fail",
    Status.DISPATCHED: "it can only be delivered, or fail",
}
