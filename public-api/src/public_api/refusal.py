"""What the shop's rules say no with. Pure, no AWS."""

from collections.abc import Sequence


class Refusal(Exception):
    """A rule of the shop that a request breaks."""

    def __init__(self, code: str, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
