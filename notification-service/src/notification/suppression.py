"""The suppression list: addresses that no mail is to go to, for a time. Pure rules, no AWS."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from notification.model import Model, Timestamp

REMEMBERED = timedelta(days=30)
"""How long it is kept that an address was taken off the list. No report that is older comes after
that: a queue keeps its own for four days, a dead-letter queue for fourteen."""


class Cause(StrEnum):
    """What put an address on the list."""

    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"


class Suppression(Model):
    """An address that no mail goes to until that time."""

    address: str
    cause: Cause
    detail: str = Field(description="SES' type and subtype: Permanent/NoEmail, abuse, …")
    suppressed_at: Timestamp = Field(description="When the latest of its mails bounced, or so")
    until: Timestamp

    def holds(self, at: datetime) -> bool:
        """Whether it is still in force."""
        return at < self.until


def normalised(address: str) -> str:
    """An address as the list knows it. Letters may be of either case: they mean the same."""
    return address.strip().lower()


def key(address: str) -> str:
    """What stands for an address where it must not stand itself: its SHA-256, in hex."""
    return hashlib.sha256(normalised(address).encode()).hexdigest()
