"""Cursors: where a list goes on, in a text that is good for that very list.

They are not sealed: whoever makes one up learns nothing that the list itself would not show.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

LONGEST = 1382
"""Characters of a cursor, at most. What it says is then no longer than a table's key may be."""

_DIGEST = 12
"""Bytes of a list's digest."""


class BadCursor(ValueError):
    """A cursor that was made up, altered, or is another list's."""


def write(scope: str, position: str) -> str:
    """The cursor of a position in the list that `scope` tells from all others."""
    return urlsafe_b64encode(_digest(scope) + position.encode()).decode().rstrip("=")


def read(scope: str, cursor: str) -> str:
    """The position that a cursor was made of. Raises BadCursor when it is none of `scope`."""
    if len(cursor) > LONGEST:
        raise BadCursor("too long")
    try:
        told = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        position = told[_DIGEST:].decode()
    except ValueError as error:
        raise BadCursor("made up") from error
    # Base64 has several spellings of the same bytes, of which only one was given.
    if not position or cursor != write(scope, position):
        raise BadCursor("made up, or another list's")
    return position


def _digest(scope: str) -> bytes:
    return sha256(scope.encode()).digest()[:_DIGEST]
