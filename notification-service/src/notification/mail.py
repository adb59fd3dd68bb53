"""A mail: one e-mail asked for, and how far it got. Pure rules, no AWS."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field

from notification.model import Model, Timestamp

LEASE = timedelta(seconds=60)
"""How long a worker has a mail for itself: more than its function may run, less than it takes
until the queue gives the message up."""


class Status(StrEnum):
    """How far a mail got. SENT and FAILED are final."""

    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class Mail(Model):
    """One e-mail, without its address and its text: these stay in the message that asked for it."""

    mail_id: str = Field(description="<sender>/<metadata.id> of the message that asked for it")
    template: str
    status: Status
    leased_until: Timestamp = Field(description="Until then, SENDING means that somebody does")
    ses_message_id: str | None = None
    reason: str | None = Field(default=None, description="Why SES will never take it")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @classmethod
    def claim(
        cls, mail_id: str, template: str, correlation_id: str, causation_id: str, at: datetime
    ) -> Self:
        """A new mail, in the hands of who is about to send it."""
        return cls(
            mail_id=mail_id,
            template=template,
            status=Status.SENDING,
            leased_until=at + LEASE,
            version=1,
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

    def _changed(self, at: datetime, **fields: object) -> Self:
        return self.model_copy(
            update=fields | {"version": self.version + 1, "updated_at": at},
        )


def mail_id(sender: str, command_id: str) -> str:
    """The id of the mail that a command asks for. It follows from the command: one makes one mail.

    A message's id is its sender's own, so both together say which command it was.
    """
    return f"{sender}/{command_id}"
