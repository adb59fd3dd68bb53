"""Cursors: where a list goes on, in a text that means nothing to others and that none can make."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from hashlib import sha256

Position = tuple[str, ...]
"""Where in a list something stands, in terms of whoever reads that list."""

LONGEST = 4096
"""Characters of a cursor, at most. One of this service's own has some hundreds."""

_SEAL_BYTES = sha256().digest_size


class BadCursor(ValueError):
    """A text is no cursor of this list: made up, altered, cut off, or of another one."""


class Cursors:
    """Makes cursors, and reads those that were made with the same key.

    `key` is asked for the key each time, and not before: it may have to be fetched.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def seal(self, scope: str, position: Position) -> str:
        """The cursor of a position in the list that `scope` tells from all others."""
        told = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
        return _text(self._seal(scope, told) + told)

    def open(self, scope: str, text: str) -> Position:
        """The position that a cursor was made of. Raises BadCursor when it is none of `scope`."""
        sealed = _bytes(text)
        seal, told = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(scope, told)):
            raise BadCursor("The cursor is not one of this list: take the one of the page before")
        return tuple(json.loads(told))

    def _seal(self, scope: str, told: bytes) -> bytes:
        return hmac.digest(self._key(), sha256(scope.encode()).digest() + told, "sha256")


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """What `_text` wrote. Raises BadCursor for all that it never writes.

    Base64 has several spellings of the same bytes, of which only its own is taken.
    """
    if not text.isascii() or len(text) > LONGEST:
        raise BadCursor("The cursor is not one that was ever given")
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Error as error:
        raise BadCursor("The cursor is not one that was ever given") from error
    if _text(sealed) != text:
        raise BadCursor("The cursor is not one that was ever given")
    return sealed
