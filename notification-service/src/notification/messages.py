"""The messages this service hears. It sends none."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from notification.content import Content
from notification.model import Model, Timestamp

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+$", max_length=320)]
"""One e-mail address. Whether mail reaches it, only SES can tell."""


LocaleTag = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=30)
]
"""A BCP 47 language tag: "en-IE", "de-DE"."""


class Metadata(Model):
    """What every message says of itself. Made from the stored item, so it is the same each time."""

    id: str = Field(description="<aggregate id>:<version>:<message name>")
    correlation_id: str = Field(description="The order's id, or the aggregate's own")
    causation_id: str | None = Field(description="metadata.id of the message that led to this")
    occurred_at: Timestamp
    version: int = Field(description="Of the aggregate. Of two messages, the higher one is newer")


class Message(Model):
    """A message on the bus: the detail of an EventBridge event, whose detail-type is its name."""

    metadata: Metadata


# Heard


class EmailRequest(Model):
    """Who gets the e-mail, how they write money and dates, and what it is about."""

    to: Address
    locale: LocaleTag = Field(default="en", description="Unknown ones are taken as en")
    content: Content


class SendEmail(Message):
    """Command: send this e-mail, once."""

    data: EmailRequest


HEARS: dict[str, type[SendEmail]] = {SendEmail.__name__: SendEmail}
SENDS: tuple[type[Message], ...] = ()


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
