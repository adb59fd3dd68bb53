"""What is counted of mails: figures off committed changes. Pure, no AWS.

A batch of the stream that comes again is counted again: they tell how things go, not what is owed.
"""

from dataclasses import dataclass
from typing import Literal

from notification.mail import Mail, Status


@dataclass(frozen=True)
class Figure:
    """A count. `by` is a dimension beside service and stack, and its value."""

    name: str
    value: float = 1
    unit: Literal["Count"] = "Count"
    by: tuple[str, str] | None = None


def of_change(old: Mail | None, new: Mail) -> list[Figure]:
    """What a change adds to the figures: whether SES took the mail, once that is known.

    What SES reports of a mail after that is none of these, though its report may be the first that
    is heard of the mail.
    """
    before = old.status if old else Status.SENDING
    if before is not Status.SENDING:
        return []
    match new.status:
        case Status.SENDING:
            return []
        case Status.SUPPRESSED:
            return [Figure("MailsSuppressed")]
        case Status.FAILED:
            return [Figure("MailsFailed")]
        case _:
            return [Figure("MailsSent", by=("template", new.template))]


def lost(old: Mail, new: Mail) -> list[Figure]:
    """The figure of a mail that nobody will read, if it becomes that by this change."""
    if old.is_lost or not new.is_lost:
        return []
    return [Figure("MailsNotDelivered", by=("template", new.template))]
