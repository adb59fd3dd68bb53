"""A republication: every order is told again as it is, for a reader whose copy is lost or new.

It goes by pages. How far it is, is kept in one item, and each change of that item leads to the
next page: so it goes on wherever it was broken off. Pure, no AWS.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field

from orders.model import Model

KEPT_FOR = timedelta(days=30)
"""How long a republication is remembered. For so long, the same request is not carried out anew."""


class Progress(StrEnum):
    """Whether there are orders left to tell."""

    RUNNING = "RUNNING"
    DONE = "DONE"


class Republication(Model):
    """How far a republication is. Each page that was told is a version of it."""

    request_id: str
    status: Progress
    position: str | None = Field(
        None, description="The key after which the next page starts; null: it is the first"
    )
    told: int = Field(description="The orders on all pages so far")
    version: int
    causation_id: str = Field(description="metadata.id of the command that asked for it")
    expires_at: int = Field(description="When it may be forgotten, as a Unix time in seconds")

    @classmethod
    def begin(cls, request_id: str, causation_id: str, at: datetime) -> Self:
        """A new one, at its first version: nothing was told yet."""
        return cls(
            request_id=request_id,
            status=Progress.RUNNING,
            told=0,
            version=1,
            causation_id=causation_id,
            expires_at=int((at + KEPT_FOR).timestamp()),
        )

    def move_on(self, told: int, position: str | None) -> Self:
        """It after one more page, which had so many orders.

        Args:
            position: of the next page; None: that was the last one. It is DONE then.
        """
        return self.model_copy(
            update={
                "status": Progress.RUNNING if position else Progress.DONE,
                "position": position,
                "told": self.told + told,
                "version": self.version + 1,
            }
        )
