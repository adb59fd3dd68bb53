"""Simulated time: what is to happen next, and tasks that run in turns.

A task is a greenlet. It gives up its turn where it sleeps or waits, which every call to AWS does:
so two invocations meet between any two of their calls, as two machines would.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from greenlet import getcurrent, greenlet


class Task:
    """A function that runs in turns with others."""

    __slots__ = ("about", "greenlet")

    def __init__(self, act: Callable[[], Any], about: Any, hub: greenlet) -> None:
        self.greenlet = greenlet(act, parent=hub)  # where its end leads, whoever started it
        self.about = about


class Hub:
    """The clock, and all that waits for its time. Times are Unix seconds."""

    def __init__(self, start: float, moved: Callable[[float], None]) -> None:
        self.now = start
        self.current: Task | None = None
        """Whose turn it is. None: the hub's own."""
        self._moved = moved
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._main = getcurrent()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        self._count += 1
        heappush(self._heap, (self.now + seconds, self._count, act))

    def spawn(self, act: Callable[[], Any], about: Any = None, after: float = 0.0) -> Task:
        """Start a task."""
        task = Task(act, about, self._main)
        self.later(after, lambda: self.resume(task))
        return task

    def resume(self, task: Task) -> None:
        """Give a task its turn. Comes back when it waits, or is done."""
        self.current = task
        try:
            task.greenlet.switch()
        finally:
            self.current = None

    def sleep(self, seconds: float) -> None:
        """Let time pass for the task whose turn it is."""
        task = self.current
        if task is None:
            return
        self.later(seconds, lambda: self.resume(task))
        self._main.switch()

    def wait[T](self, start: Callable[[Callable[[T], None]], None]) -> T:
        """Let the task wait until what `start` begins calls back. Gives what it was called with."""
        task = self.current
        assert task
        found: list[T] = []

        def back(value: T) -> None:
            found.append(value)
            self.later(0.0, lambda: self.resume(task))

        start(back)
        self._main.switch()
        return found[0]

    @property
    def idle(self) -> bool:
        """Whether nothing is left to happen."""
        return not self._heap

    def run(self, until: float = float("inf")) -> None:
        """Let everything happen, in the order of time, up to a time."""
        while self._heap and self._heap[0][0] <= until:
            at, _, act = heappop(self._heap)
            if at > self.now:
                self.now = at
                self._moved(at)
            act()

    def skip_to(self, at: float) -> None:
        """Let time pass in which nothing happens."""
        self.now = max(self.now, at)
        self._moved(self.now)
