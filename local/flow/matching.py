"""Which receipt of a function belongs to which message on the bus.

A receipt that names its message is that message's; of one that names none, nothing is guessed.
Whichever comes first, message or receipt, waits for the other. Where no segment tells of a message,
the log lines of its reader do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from local.flow.lines import Line
from local.flow.messages import Message
from local.flow.segments import Receipt, Run

SKEW = 50.0
"""Milliseconds by which two clocks may differ."""

MOST = 20_000
"""Messages that are remembered."""


@dataclass(frozen=True, slots=True)
class Handling:
    """A try to handle a copy of a message by one of its readers. Times in ms since 1970."""

    id: str
    message: str
    """The id of the copy on the bus."""
    reader: str
    run: str | None
    begun: float
    ended: float
    state: str
    """handled, failed, or dead."""
    reason: str | None

    def record(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "k": "handling",
            "id": self.id,
            "message": self.message,
            "reader": self.reader,
            "run": self.run,
            "begun": self.begun,
            "ended": self.ended,
            "state": self.state,
            "reason": self.reason,
        }


@dataclass(slots=True)
class _Copy:
    message: Message
    tries: dict[str, list[Handling]] = field(default_factory=dict)

    def is_open(self, reader: str) -> bool:
        """Whether it waits for the reader: untried, or failed the last time."""
        tries = self.tries.get(reader)
        return not tries or tries[-1].state == "failed"

    def during(self, reader: str, begun: float, ended: float) -> Handling | None:
        """A try of the reader in that time."""
        return next(
            (
                one
                for one in self.tries.get(reader, ())
                if one.begun - SKEW <= ended and begun <= one.ended + SKEW
            ),
            None,
        )


@dataclass(slots=True)
class _Pending:
    run: Run
    receipt: Receipt


class Matcher:
    """Matches what comes, in whatever order it does."""

    def __init__(self) -> None:
        self._copies: dict[str, list[_Copy]] = {}
        """By metadata.id."""
        self._count = 0
        self._named: dict[str, list[_Pending]] = {}
        """Receipts whose message is not known yet, by metadata.id."""
        self._lines: dict[str, list[Line]] = {}
        """Log lines about messages that are not known yet, by metadata.id."""

    def message(self, message: Message) -> list[Handling]:
        """A message came. What is known of its handling."""
        copy = _Copy(message)
        self._copies.setdefault(message.message_id, []).append(copy)
        self._copies[message.message_id].sort(key=lambda one: one.message.at)
        self._count += 1
        if self._count > MOST:
            self._forget()
        waiting = self._named.pop(message.message_id, [])
        found = [
            one
            for pending in waiting
            for one in self._receipt(message.message_id, pending.run, pending.receipt)
        ]
        for line in self._lines.pop(message.message_id, []):
            found += self.line(line)
        return found

    def run(self, run: Run) -> list[Handling]:
        """A function ran. What it handled, as far as that is known."""
        return [
            one
            for receipt in run.receipts
            if receipt.message_id is not None
            for one in self._receipt(receipt.message_id, run, receipt)
        ]

    def line(self, line: Line) -> list[Handling]:
        """A reader logged something of a message. Where no segment tells of it, that must do."""
        if line.message_id is None or line.door == "outbox":
            return []
        copy = self._copy(line.message_id, line.service, line.at)
        if copy is None:
            if line.message_id not in self._copies:
                _put_off(self._lines, line.message_id, line)
            return []
        state, reason = _told(line)
        tries = copy.tries.setdefault(line.service, [])
        known = tries[-1] if tries else None
        if known is not None and known.run is None and _is_worse(state, known):
            tries[-1] = replace(known, ended=line.at, state=state, reason=reason)
            return [tries[-1]]
        if not copy.is_open(line.service) or copy.during(line.service, line.at, line.at):
            return []
        found = Handling(
            id=f"log:{copy.message.id}:{line.service}:{line.at:.0f}",
            message=copy.message.id,
            reader=line.service,
            run=None,
            begun=line.at,
            ended=line.at,
            state=state,
            reason=reason,
        )
        tries.append(found)
        return [found]

    def _receipt(self, message_id: str, run: Run, receipt: Receipt) -> Iterable[Handling]:
        copy = self._copy(message_id, run.service, receipt.begun)
        if copy is None:
            _put_off(self._named, message_id, _Pending(run, receipt))
            return
        yield self._try(copy, run, receipt)

    def _copy(self, message_id: str, reader: str, begun: float) -> _Copy | None:
        """The copy that a reader most likely took: the oldest that waits for it, or the last."""
        sent = [
            copy
            for copy in self._copies.get(message_id, ())
            if copy.message.at <= begun + SKEW and reader in copy.message.readers
        ]
        return next((copy for copy in sent if copy.is_open(reader)), sent[-1] if sent else None)

    def _try(self, copy: _Copy, run: Run, receipt: Receipt) -> Handling:
        state = "handled"
        if receipt.failed:
            state = "dead" if receipt.failed == "Poison" else "failed"
        tries = copy.tries.setdefault(run.service, [])
        logged = copy.during(run.service, receipt.begun, receipt.ended)
        own = receipt.id
        if logged is not None and logged.run is None:  # now it is known better
            tries.remove(logged)
            own = logged.id
        found = Handling(
            id=own,
            message=copy.message.id,
            reader=run.service,
            run=run.id,
            begun=receipt.begun,
            ended=receipt.ended,
            state=state,
            reason=receipt.failed,
        )
        tries.append(found)
        tries.sort(key=lambda one: one.begun)
        return found

    def _forget(self) -> None:
        """Let go of the older half."""
        copies = sorted(
            (copy for group in self._copies.values() for copy in group),
            key=lambda copy: copy.message.at,
        )[MOST // 2 :]
        self._copies, self._count = {}, len(copies)
        for copy in copies:
            self._copies.setdefault(copy.message.message_id, []).append(copy)


def _told(line: Line) -> tuple[str, str | None]:
    """The state that a log line tells of, and the reason.

    A message that failed is a warning with an exception: Powertools logs it so.
    """
    if line.level not in {"ERROR", "CRITICAL"} and not line.fields.get("exception"):
        return "handled", None
    reason = line.fields.get("reason") or line.fields.get("exception_name") or line.text
    return "dead" if line.text == "refused" else "failed", str(reason)


def _is_worse(state: str, known: Handling) -> bool:
    """Whether a line tells that a try came to a worse end than was known."""
    if state == "dead":
        return known.state != "dead"
    return state == "failed" and known.state == "handled"


def _put_off[T](waiting: dict[str, list[T]], key: str, one: T) -> None:
    """Keep what waits for a message; the oldest go. Some wait for what never was on the bus."""
    waiting.setdefault(key, []).append(one)
    while len(waiting) > MOST:
        waiting.pop(next(iter(waiting)))
