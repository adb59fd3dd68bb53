"""Collects what a source has into the journal, in rounds, as long as somebody looks."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import LocalError
from local.flow.journal import Journal, Record
from local.flow.lines import Line
from local.flow.matching import SKEW, Handling, Matcher
from local.flow.segments import Run
from local.flow.sources import Source


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks at each thing."""

    messages: float
    runs: float
    lines: float
    letters: float


LOCAL = Pace(messages=0.3, runs=0.1, lines=2, letters=3)
AWS = Pace(messages=3, runs=10, lines=10, letters=20)

HISTORY = 15 * 60_000.0
"""Milliseconds that are looked back at most."""

MOST_SEGMENTS = 5_000
"""Runs whose raw documents are kept."""


class Collector:
    """Asks a source in turn, and tells the journal what is new."""

    def __init__(
        self,
        source: Source,
        journal: Journal,
        pace: Pace = LOCAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._journal = journal
        self._clock = clock
        self._matcher = Matcher()
        self._runs: dict[tuple[str, str], list[Run]] = {}
        """Those of which no log tells the door yet, by service and trace."""
        self._doors: dict[tuple[str, str], list[tuple[float, str]]] = {}
        """When which door of a service logged in a trace."""
        self.segments: dict[str, Any] = {}
        """The raw documents of each run, by its id."""
        self._since = dict.fromkeys(("runs", "lines"), float("-inf"))
        self._due = dict.fromkeys(asdict(pace), 0.0)
        self._every = asdict(pace)
        self._trouble: dict[str, str] = {}
        self._told: str | None = None
        self._adding = threading.RLock()
        self._end = threading.Event()

    def start(self) -> None:
        """Collect until `stop`, in two threads: what takes long holds up no message."""
        for look in (self.look_at_bus, self.look_beside):
            threading.Thread(target=self._forever, args=(look,), daemon=True).start()

    def stop(self) -> None:
        """Collect no more."""
        self._end.set()

    def look_at_bus(self) -> None:
        """One round: the messages and runs that are due."""
        with self._telling("bus"):
            if self._is_due("runs"):
                self._add_runs()
            if self._is_due("messages"):
                self._add_messages()

    def look_beside(self) -> None:
        """One round: the log lines and dead letters that are due."""
        with self._telling("beside"):
            if self._is_due("lines"):
                self._add_lines()
            if self._is_due("letters"):
                self._add_letters()

    def _forever(self, look: Callable[[], None]) -> None:
        while not self._end.wait(0.05):
            if self._journal.is_heard:
                look()

    @contextmanager
    def _telling(self, where: str) -> Iterator[None]:
        """Have the page told of what goes wrong. The next round may do better."""
        try:
            yield
        except (LocalError, BotoCoreError, ClientError) as error:
            self._say(where, str(error))
        except Exception as error:
            traceback.print_exc()
            self._say(where, f"This page failed: {error!r}")
        else:
            self._say(where, "")
            return
        self._end.wait(1)

    def _add_messages(self) -> None:
        now = self._now()
        found = self._source.messages(now - HISTORY, now)  # it knows itself where it reads on
        with self._adding:
            self._journal.add(one.record() for one in found)
            for one in found:
                self._tell_handlings(self._matcher.message(one))

    def _add_runs(self) -> None:
        now = self._now()
        found = self._source.runs(max(self._since["runs"], now - HISTORY), now)
        self._since["runs"] = now
        with self._adding:
            for run in found:
                self._add_run(run)

    def _add_run(self, run: Run) -> None:
        logged = self._doors.get((run.service, run.trace), [])
        door = next((door for at, door in logged if _during(run, at)), None)
        if door is None:
            self._runs.setdefault((run.service, run.trace), []).append(run)
            while len(self._runs) > 2_000:
                self._runs.pop(next(iter(self._runs)))
        self._journal.add([record(run, door or run.door)])
        self.segments[run.id] = list(run.documents)
        while len(self.segments) > MOST_SEGMENTS:
            self.segments.pop(next(iter(self.segments)))
        self._tell_handlings(self._matcher.run(run))

    def _add_lines(self) -> None:
        now = self._now()
        found = self._source.lines(max(self._since["lines"], now - HISTORY), now)
        self._since["lines"] = now
        with self._adding:
            self._journal.add(one.record() for one in found)
            for one in found:
                if isinstance(one, Line):
                    self._add_line(one)

    def _add_line(self, line: Line) -> None:
        self._tell_handlings(self._matcher.line(line))
        if line.trace is None:
            return
        key = line.service, line.trace
        self._doors.setdefault(key, []).append((line.at, line.door))
        while len(self._doors) > 20_000:
            self._doors.pop(next(iter(self._doors)))
        waiting = self._runs.pop(key, [])
        self._journal.add(
            record(run, line.door)
            for run in waiting
            if _during(run, line.at) and run.door != line.door
        )
        if left := [run for run in waiting if not _during(run, line.at)]:
            self._runs[key] = left

    def _add_letters(self) -> None:
        found = self._source.letters()
        if found is not None:
            self._journal.add([{"k": "letters", "at": self._now(), "queues": found}])

    def _tell_handlings(self, found: list[Handling]) -> None:
        self._journal.add(one.record() for one in found)

    def _say(self, where: str, trouble: str) -> None:
        """Tell the page that something does not answer, or that it does again."""
        with self._adding:
            self._trouble[where] = trouble
            told = next((one for one in self._trouble.values() if one), None)
            if told != self._told:
                self._told = told
                self._journal.add([{"k": "trouble", "at": self._now(), "text": told}])

    def _is_due(self, what: str) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + self._every[what]
        return True

    def _now(self) -> float:
        return self._clock() * 1000


def _during(run: Run, at: float) -> bool:
    return run.begun - SKEW <= at <= run.ended + SKEW


def record(run: Run, door: str | None) -> Record:
    """What the page is told of a run."""
    return {
        "k": "run",
        "id": run.id,
        "trace": run.trace,
        "service": run.service,
        "door": door,
        "begun": run.begun,
        "ended": run.ended,
        "cold": run.cold,
        "failed": run.failed,
        "causes": list(run.caused_by),
        "calls": [asdict(call) for call in run.calls],
    }
