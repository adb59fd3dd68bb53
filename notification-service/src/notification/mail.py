"""A mail: one e-mail asked for, and what became of it. Pure rules, no AWS."""

import base64
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field

from notification.model import Model, Timestamp

LEASE = timedelta(seconds=60)
"""How long a worker has a mail for itself: more than its function may run, less than it takes
until the queue gives the message up."""

MAX_TAG = 256
"""Characters of the value of a tag, at most: SES takes no more."""


class Status(StrEnum):
    """What became of a mail. All but SENDING are final, save that SES may report on what it took.

    SUPPRESSED: not sent, since its address is on the suppression list. BOUNCED: SES took it, and
    nobody will ever get it. COMPLAINED: who got it called it spam.
    """

    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"


_LOST = {Status.FAILED, Status.SUPPRESSED, Status.BOUNCED}
_GRAVITY = {Status.BOUNCED: 2, Status.COMPLAINED: 3}


class Report(Model):
    """What SES found out about a mail after it took it.

    `status` is SENT for a bounce that may not come again: a full mailbox, a server that is down.
    """

    status: Status
    reason: str = Field(description="SES' type and subtype: Permanent/NoEmail, abuse, …")
    reported_at: Timestamp = Field(description="When it bounced, or the complaint came")
    ses_message_id: str

    @property
    def is_lasting(self) -> bool:
        """Whether no more mail is to go to that address."""
        return self.status is not Status.SENT

    @property
    def _rank(self) -> tuple[int, datetime, str, str]:
        return _GRAVITY.get(self.status, 1), self.reported_at, self.reason, self.ses_message_id


class Mail(Model):
    """One e-mail, without its address and its text: these stay in the message that asked for it."""

    mail_id: str = Field(description="<sender>/<metadata.id> of the message that asked for it")
    order_id: str
    template: str
    status: Status
    leased_until: Timestamp = Field(description="Until then, SENDING means that somebody does")
    ses_message_id: str | None = None
    reason: str | None = Field(
        default=None, description="Why SES or we did not take it, or what SES reported of it"
    )
    reported_at: Timestamp | None = Field(default=None, description="Where SES reported: of when")
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def claim(
        cls,
        mail_id: str,
        order_id: str,
        template: str,
        correlation_id: str,
        causation_id: str,
        at: datetime,
    ) -> Self:
        """A new mail, in the hands of who is about to send it."""
        return cls(
            mail_id=mail_id,
            order_id=order_id,
            template=template,
            status=Status.SENDING,
            leased_until=at + LEASE,
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    def is_being_sent(self, at: datetime) -> bool:
        """Whether somebody is sending it at this moment."""
        return self.status is Status.SENDING and at < self.leased_until

    @property
    def is_let_go(self) -> bool:
        """Whether its last worker gave it back unsent, and did not just disappear with it."""
        return self.status is Status.SENDING and self.leased_until <= self.updated_at

    @property
    def is_lost(self) -> bool:
        """Whether it is known that nobody will read it."""
        return self.status in _LOST

    def let_go(self, at: datetime) -> Self:
        """The mail, which SES did not take this time, for whoever tries next."""
        return self._changed(at, leased_until=at)

    def claim_again(self, at: datetime) -> Self:
        """The mail of a worker that gave it back, or was never heard of again, in other hands."""
        return self._changed(at, leased_until=at + LEASE)

    def sent(self, ses_message_id: str, at: datetime) -> Self:
        """The mail, taken by SES."""
        return self._changed(at, status=Status.SENT, ses_message_id=ses_message_id)

    def failed(self, reason: str, at: datetime) -> Self:
        """The mail, which SES will never take."""
        return self._changed(at, status=Status.FAILED, reason=reason)

    def suppressed(self, reason: str, at: datetime) -> Self:
        """The mail, which is not sent, because its address is on the suppression list."""
        return self._changed(at, status=Status.SUPPRESSED, reason=reason)

    def reported(self, report: Report, at: datetime) -> Self:
        """The mail after what SES reports of it. Itself, where it is known or outweighed.

        A report counts before SENT is saved, too: that it came says that SES took the mail. Of
        several the gravest counts, and of those the latest, in whatever order they come.
        """
        held = self._report
        if held is not None and report._rank <= held._rank:
            return self
        return self._changed(at, **dict(report))

    @property
    def _report(self) -> Report | None:
        if self.reported_at is None:
            return None
        return Report(
            status=self.status,
            reason=self.reason or "",
            reported_at=self.reported_at,
            ses_message_id=self.ses_message_id or "",
        )

    def _changed(self, at: datetime, **fields: object) -> Self:
        return self.model_copy(
            update=fields | {"version": self.version + 1, "updated_at": at},
        )


def mail_id(sender: str, command_id: str) -> str:
    """The id of the mail that a command asks for. It follows from the command: one makes one mail.

    A message's id is its sender's own, so both together say which command it was.
    """
    return f"{sender}/{command_id}"


def tag(mail_id: str) -> str | None:
    """The id as the value of a tag of SES, which takes few characters; None: it is too long."""
    written = base64.urlsafe_b64encode(mail_id.encode()).decode().rstrip("=")
    return written if len(written) <= MAX_TAG else None


def tagged(value: str) -> str | None:
    """The id of the mail that a tag's value stands for; None for what is no such value."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True).decode()
    except ValueError:
        return None
