"""Something that must never be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """A rule that was broken, by which order, toy or queue, and how."""

    rule: str
    about: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.about} {self.what}"
