"""What carriers tell of parcels, and how to know that they told it. Pure rules, no AWS."""

import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from fulfilment.model import Model
from fulfilment.shipment import (
    AddressNumber,
    Consignment,
    Failure,
    Label,
    NotAllowed,
    Reason,
    Shipment,
    Status,
)

TOLERANCE = timedelta(minutes=5)
"""How far the time of signing and the time of receipt may be apart. What is older is a replay."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Forged(Exception):
    """The event is no carrier's, or a replay of an old one. Says which, and quotes nothing."""


class Progress(StrEnum):
    """What happened to a parcel."""

    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class CarrierEvent(Model):
    """One thing that a carrier tells of one parcel. What it does not name here is ignored."""

    event_id: Id = Field(description="The carrier's own name of it, for the log")
    order_id: Id
    status: Progress
    carrier: Label
    tracking_number: Label
    address_number: AddressNumber | None = Field(
        default=None, description="Of the address on the parcel, where its packing slip said it"
    )
    reason: Reason | None = Field(default=None, description="Why it failed; needed if it did")
    occurred_at: AwareDatetime

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.status is Progress.FAILED and self.reason is None:
            raise ValueError("a parcel that failed needs a reason")
        return self

    def step(self, shipment: Shipment, at: datetime) -> Shipment:
        """The shipment one step nearer to what is told: the very same one when it is there.

        Whatever a carrier tells of a parcel, it has that parcel: one that waits is dispatched
        first, to the address that is on it: it has left, whatever became of its order since.
        Raises NotAllowed where what is told cannot be: the parcel went another way or with another
        carrier or number, to an address that is not known, or was called off.
        """
        consignment = Consignment(carrier=self.carrier, tracking_number=self.tracking_number)
        match self.status, shipment.status:
            case _, Status.WAITING:
                return shipment.labelled(self.address_number).dispatch(consignment, at)
            case Progress.FAILED, Status.FAILED if shipment.carrier is None:
                return shipment
        if (shipment.carrier, shipment.tracking_number) != (self.carrier, self.tracking_number):
            raise NotAllowed(f"{shipment.standing}: it is another parcel that is told of")
        match self.status, shipment.status:
            case Progress.DISPATCHED, _:
                return shipment
            case Progress.DELIVERED, _:
                return shipment.deliver(at)
            case Progress.FAILED, Status.FAILED:
                return shipment
        return shipment.fail(Failure(reason=self.reason or ""), at)

    def time(self, shipment: Shipment, now: datetime) -> datetime:
        """When it happened, as far as that can be: not before what came before it, nor later."""
        return max(shipment.updated_at, min(self.occurred_at, now))


def parse(body: str) -> CarrierEvent:
    """The event in a webhook's body. Raises ValueError for what is none."""
    return CarrierEvent.model_validate_json(body)


def sign(body: str, secret: str, at: int) -> str:
    """The header Carrier-Signature of a body that is signed at that time, in Unix seconds."""
    return f"t={at},v1={_digest(body, secret, str(at))}"


def check(body: str, header: str, secret: str, received_at: float) -> None:
    """See that a carrier signed the body, and at about the time it was received (Unix seconds).

    Not the time it is read: a queue that stood still makes no event older. The header may bring
    several signatures `v1`, so that a secret can be changed. Raises Forged.
    """
    time, given = read(header)
    wanted = _digest(body, secret, time).encode()
    if not any(hmac.compare_digest(wanted, each.encode()) for each in given):
        raise Forged("no signature of a carrier's")
    if abs(received_at - int(time)) > TOLERANCE.total_seconds():
        raise Forged("signed at another time than it was received")


def read(header: str) -> tuple[str, list[str]]:
    """The header's time, in Unix seconds, and its signatures. Raises Forged where one is missing.

    Nothing secret is needed to see that. Blanks around its parts are no part of them.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not given:
        raise Forged("no signature of a carrier's" if header else "no signature")
    (time,) = times
    if not (time.isascii() and time.isdecimal() and len(time) <= 12):
        raise Forged("no signature of a carrier's")
    return time, given


def _digest(body: str, secret: str, time: str) -> str:
    return hmac.digest(secret.encode(), f"{time}.{body}".encode(), "sha256").hex()
