"""The e-mails that a shopper gets about an order."""

from typing import Annotated, Literal

from pydantic import Field

from orders.facts import Reason
from orders.message import Message
from orders.model import Model, Timestamp
from orders.purchase import Locale


class CancelledMail(Model):
    """The e-mail that says why an order was cancelled."""

    template: Literal["order-cancelled"]
    order_id: str
    reason: Reason


class DispatchedMail(Model):
    """The e-mail that says how to follow the parcel."""

    template: Literal["order-dispatched"]
    order_id: str
    carrier: str
    tracking_number: str


class DeliveredMail(Model):
    """The e-mail that says that the parcel has arrived."""

    template: Literal["order-delivered"]
    order_id: str


class DownloadData(Model):
    """A download: the toy's name, where it can be had, and until when."""

    name: str
    url: str = Field(repr=False)
    expires_at: Timestamp


class DownloadsMail(Model):
    """The e-mail that brings the downloads of an order."""

    template: Literal["order-downloads"]
    order_id: str
    downloads: tuple[DownloadData, ...]


class EmailRequest(Model):
    """An e-mail: whom it goes to, its template and what the template is filled with."""

    to: str = Field(repr=False)
    locale: Locale
    content: Annotated[
        CancelledMail | DispatchedMail | DeliveredMail | DownloadsMail,
        Field(discriminator="template"),
    ]


class SendEmail(Message):
    """Command: send the shopper an e-mail, once."""

    data: EmailRequest
