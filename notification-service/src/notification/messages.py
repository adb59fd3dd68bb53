"""The messages this service hears and sends."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from notification.content import Content
from notification.message import SOURCE, Message
from notification.model import Model
from notification.raised import ErrorRaised

__all__ = ["SOURCE"]
"""What is looked for here, too."""

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+$", max_length=320)]
"""One e-mail address. Whether mail reaches it, only SES can tell."""

LocaleTag = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=30)
]
"""A BCP 47 language tag: "en-IE", "de-DE"."""


class EmailRequest(Model):
    """Who gets the e-mail, how they write money and dates, and what it is about."""

    to: Address
    locale: LocaleTag = Field(default="en", description="Unknown ones are taken as en")
    content: Content


class SendEmail(Message):
    """Command: send this e-mail, once."""

    data: EmailRequest


HEARS: dict[str, type[SendEmail]] = {SendEmail.__name__: SendEmail}
SENDS: tuple[type[Message], ...] = (ErrorRaised,)


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    source: str
    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> tuple[str, SendEmail]:
    """The sender and the message in a queue's record. Raises ValueError for one we do not hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return delivery.source, HEARS[delivery.name].model_validate(delivery.detail)
