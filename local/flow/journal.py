"""What the page is told, in the order in which it became known."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

Record = Mapping[str, Any]

MOST = 50_000
"""Records that are kept; the oldest go, but for the last that tells of dead letters."""

CHUNK = 4_000
"""Records of one answer, at most."""

LISTENS = 30.0
"""Seconds for which somebody is taken to listen who asked."""


class Journal:
    """Records with a number each. A cursor is the number of the last record that one has."""

    def __init__(self, most: int = MOST) -> None:
        self.run = uuid.uuid4().hex
        """Another one for each journal: who has a cursor of another begins anew."""
        self._records: deque[Record] = deque(maxlen=most)
        self._last = 0
        self._letters: tuple[int, Record] | None = None
        """The last record of dead letters, and its number: it stands until the next one."""
        self._lock = threading.Lock()
        self._asked = float("-inf")

    def add(self, records: Iterable[Record]) -> None:
        """Append records."""
        new = list(records)
        with self._lock:
            for number, record in enumerate(new, self._last + 1):
                if record["k"] == "letters":
                    self._letters = number, record
            self._records.extend(new)
            self._last += len(new)

    def after(self, cursor: int, run: str, limit: int = CHUNK) -> tuple[int, list[Record]]:
        """The records after a cursor, and the cursor after them.

        `run` is the journal that the cursor is of; of another one, it means the beginning.
        """
        if run != self.run:
            cursor = 0
        with self._lock:
            self._asked = time.monotonic()
            first = self._last - len(self._records)
            start = max(cursor, first)
            found = list(islice(self._records, start - first, start - first + limit))
            return start + len(found), [*self._dropped(cursor), *found]

    def all(self) -> list[Record]:
        """All that is kept."""
        with self._lock:
            return [*self._dropped(0), *self._records]

    def _dropped(self, cursor: int) -> list[Record]:
        """The last record of dead letters, where it is not kept among the others any more."""
        if self._letters is None:
            return []
        number, record = self._letters
        return [record] if cursor < number <= self._last - len(self._records) else []

    @property
    def is_heard(self) -> bool:
        """Whether somebody asked a moment ago, and so will ask again."""
        return time.monotonic() - self._asked < LISTENS
