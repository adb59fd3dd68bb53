"""A bus that says everything again, while the shop is at work."""

import heapq
import random
import threading
import time
from types import TracebackType
from typing import Any, Self

from local.bus import BusWatch
from local.settings import Settings
from tests.e2e.shop import Shop

TIMES = 2
"""How often each message is said again."""

LONGEST = 3.0
"""Seconds after which it is, at most. Each time has a delay of its own, so the order is another."""


class Echo:
    """Says each message of the shop twice again while it is open, each time a little later.

    Closing it waits until all is said that was heard until then, and raises what went wrong.

    Attributes:
        said: how many messages were said again so far.
    """

    def __init__(self, settings: Settings, shop: Shop, seed: int) -> None:
        self.said = 0
        self._watch = BusWatch(settings)
        self._shop = shop
        self._dice = random.Random(seed)
        self._closing = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen, and to speak."""
        self._watch.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say what is still to be said, and leave nothing behind."""
        self._closing.set()
        self._thread.join()
        self._watch.__exit__(kind, error, trace)
        if self._error and not error:
            raise self._error

    def _run(self) -> None:
        try:
            self._speak()
        except Exception as error:  # told by whoever closes this
            self._error = error

    def _speak(self) -> None:
        """Until it is closed and has nothing more to say."""
        heard: set[str] = set()
        due: list[tuple[float, int, dict[str, Any]]] = []
        while due or not self._closing.is_set():
            news = [] if self._closing.is_set() else self._watch.read()
            for seen in news:
                if (message := seen.metadata["id"]) in heard:
                    continue
                heard.add(message)
                for again in range(TIMES):
                    at = time.monotonic() + self._dice.uniform(0, LONGEST)
                    heapq.heappush(due, (at, len(heard) * TIMES + again, seen.event))
            ready = []
            while due and due[0][0] <= time.monotonic():
                ready.append(heapq.heappop(due)[-1])
            if ready:
                self._shop.send(ready)
                self.said += len(ready)
            time.sleep(0.05)
