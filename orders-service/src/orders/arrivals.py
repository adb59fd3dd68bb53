"""The events that tell of an order's parcel and of its downloads, and what each adds to it."""

from typing import Annotated, ClassVar

from pydantic import Field

from orders.answer import AboutShare, Answer
from orders.downloads import Download
from orders.facts import Facts, Reason
from orders.message import AboutOrder
from orders.model import Timestamp
from orders.purchase import Address


class ShipmentData(AboutOrder):
    """Who carries the parcel, the number to follow it by, and where it goes.

    `addressNumber` is that of the change of address that was the last one in time; 0: there was
    none.
    """

    carrier: str
    tracking_number: str
    shipping_address: Address | None = None
    address_number: int = 0


class ShipmentDispatched(Answer):
    """Event: the parcel is on its way."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: ShipmentData

    def facts(self) -> Facts:
        """How to follow the parcel, and where it goes."""
        return _shipped(self.data)


class ShipmentDelivered(Answer):
    """Event: the parcel has arrived. It tells the whole state, and may come before its dispatch."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: ShipmentData

    def facts(self) -> Facts:
        """How the parcel was to be followed, where it went, and that it is there."""
        return _shipped(self.data).model_copy(update={"arrived": True})


def _shipped(data: ShipmentData) -> Facts:
    return Facts(
        carrier=data.carrier,
        tracking_number=data.tracking_number,
        address=data.shipping_address,
        address_number=data.address_number,
    )


class ReaddressedData(AboutOrder):
    """Where the parcel of an order goes by now. `number` is that of the change."""

    shipping_address: Address
    number: int


class ShipmentReaddressed(Answer):
    """Event: a change of address came in time: the parcel has not left, and goes there."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: ReaddressedData

    def facts(self) -> Facts:
        """Where the parcel goes."""
        return Facts(address=self.data.shipping_address, address_number=self.data.number)


class ShipmentCancelled(Answer):
    """Event: the parcel has not left, and will not. The order knows why it was to be stopped."""

    sender: ClassVar[str] = "tbs.fulfilment"


class FailedData(AboutOrder):
    """Why a parcel did not arrive, and how it was to be followed if it had left."""

    reason: str
    carrier: str | None
    tracking_number: str | None


class ShipmentFailed(Answer):
    """Event: the parcel cannot be brought to the shopper, whether it had left or not."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: FailedData

    def facts(self) -> Facts:
        """Why the order is cancelled, and which parcel it was."""
        return Facts(
            reason=Reason.UNDELIVERABLE,
            failure=self.data.reason,
            carrier=self.data.carrier,
            tracking_number=self.data.tracking_number,
        )


class SharedData(AboutShare):
    """Where a file can be had by whoever knows the address, and until when."""

    url: Annotated[str, Field(max_length=3000, repr=False)]
    expires_at: Timestamp


class FileShared(Answer):
    """Event: the download of an order's line can be had. To be kept out of logs."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: SharedData

    def facts(self) -> Facts:
        """Where the download is."""
        told = self.data
        return Facts(download=Download(line=told.line, url=told.url, expires_at=told.expires_at))


class NotSharedData(AboutShare):
    """Why a file cannot be had."""

    reason: str


class FileNotShared(Answer):
    """Event: the download of an order's line cannot be had, and never will be."""

    sender: ClassVar[str] = "tbs.file-manager"
    data: NotSharedData

    def facts(self) -> Facts:
        """Why there is no download, which is why the order is cancelled."""
        missing = Download(line=self.data.line, failure=self.data.reason[:200])
        return Facts(reason=Reason.UNDELIVERABLE, download=missing)
