"""Trouble on demand, so that a caller's behaviour in it can be tested."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["none", "broken", "down", "in_vain", "late", "lose_answer"]


class Fault(BaseModel):
    """What goes wrong with the next requests to `/v1`.

    - `down`: 503 before the key is looked at, and nothing is done.
    - `broken`: all is done, and 500 is the answer, kept under the key as any other.
    - `in_vain`: nothing is done, and 500 is the answer, kept under the key as any other.
    - `lose_answer`: all is done and 500 is answered; the true answer is kept under the key.
    - `late`: all is done, and answered `delay` seconds later; until then the key is in use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    count: int | None = Field(default=1, ge=1)
    """How many requests it strikes; null strikes all until the fault is changed."""
    delay: float = Field(default=1, ge=0)
    """Seconds; of `late` alone."""


@dataclass(slots=True)
class Faults:
    """The fault that is set, and how many requests it still strikes."""

    fault: Fault
    left: int | None

    @classmethod
    def none(cls) -> "Faults":
        return cls(Fault(mode="none"), None)

    def set(self, fault: Fault) -> None:
        self.fault, self.left = fault, fault.count

    def strike(self) -> Fault:
        """The fault of one request."""
        fault = self.fault
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.set(Fault(mode="none", count=None))
        return fault
