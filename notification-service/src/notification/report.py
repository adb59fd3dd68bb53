"""What SES reports of the mails it took: an event of its configuration set, as SNS hands it on."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from notification.mail import Report, Status, tagged
from notification.model import Model, Timestamp

VALIDATED = "Successfully validated SNS topic"
"""How the text begins that SES tells a topic once, when it is to send its events there."""

LASTING = "Permanent"


class Letter(Model):
    """The mail as SES knows it: one of ours has one recipient."""

    message_id: str
    destination: tuple[str, ...] = Field(min_length=1)
    tags: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Bounce(Model):
    """It did not arrive. Transient: another mail may. Undetermined: nobody knows why."""

    bounce_type: str
    bounce_sub_type: str
    timestamp: Timestamp


class Complaint(Model):
    """Who got it called it spam."""

    timestamp: Timestamp
    complaint_feedback_type: str | None = None
    complaint_sub_type: str | None = None


class Bounced(Model):
    """SES' event of a bounce."""

    event_type: Literal["Bounce"]
    mail: Letter
    bounce: Bounce


class Complained(Model):
    """SES' event of a complaint."""

    event_type: Literal["Complaint"]
    mail: Letter
    complaint: Complaint


class Told(BaseModel):
    """What an event comes to: whose addresses, which mail of ours (None: unknown), and what of it.

    `name` is SES' name for the kind of event.

    The addresses are those that the mail was sent to, not those that it was forwarded to from
    there.
    """

    name: str
    addresses: tuple[str, ...]
    mail_id: str | None
    report: Report


# What it refuses holds an address, which is not to get into a log.
_EVENTS = TypeAdapter[Bounced | Complained](
    Annotated[Bounced | Complained, Field(discriminator="event_type")],
    config=ConfigDict(hide_input_in_errors=True),
)


def parse(body: str) -> Told | None:
    """What SES tells; None: nothing of a mail. Raises ValueError for what is no such event."""
    if body.startswith(VALIDATED):
        return None
    event = _EVENTS.validate_json(body)
    mail = event.mail
    match event:
        case Bounced(bounce=bounce):
            lasting = bounce.bounce_type == LASTING
            status, at = Status.BOUNCED if lasting else Status.SENT, bounce.timestamp
            reason = f"{bounce.bounce_type}/{bounce.bounce_sub_type}"
        case Complained(complaint=complaint):
            status, at = Status.COMPLAINED, complaint.timestamp
            given = (complaint.complaint_feedback_type, complaint.complaint_sub_type)
            reason = "/".join(filter(None, given)) or "unknown"
    id_ = next(iter(mail.tags.get("mail", ())), None)
    return Told(
        name=event.event_type,
        addresses=mail.destination,
        mail_id=tagged(id_) if id_ else None,
        report=Report(status=status, reason=reason, reported_at=at, ses_message_id=mail.message_id),
    )
