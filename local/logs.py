"""What the functions of a service logged, from CloudWatch Logs."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from local import aws
from local.errors import LocalError
from local.progress import console
from local.services import Service
from local.settings import Settings

_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")
Event = tuple[int, str, str, str]
"""Time in ms since 1970, door, log stream, message."""

_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red", "DEBUG": "dim"}


@dataclass(frozen=True, slots=True)
class Line:
    """One log line of one of the service's doors."""

    at: datetime
    door: str
    level: str
    message: str
    correlation_id: str
    trace: str

    @classmethod
    def parse(cls, door: str, milliseconds: int, text: str) -> "Line":
        """Read a line of Powertools' JSON logger, or any other text."""
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
        try:
            entry: Any = json.loads(text)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            return cls(at, door, "", text.rstrip(), "", "")
        return cls(
            at,
            door,
            str(entry.get("level") or entry.get("log_level") or ""),
            str(entry.get("message") or entry.get("errorMessage") or ""),
            str(entry.get("correlation_id") or ""),
            str(entry.get("exception") or ""),
        )

    def pretty(self) -> Text:
        """Time, door, level, message and correlation id; an exception's trace below."""
        text = Text(f"{self.at:%H:%M:%S}.{self.at.microsecond // 1000:03} ", style="dim")
        text.append(f"{self.door:<9} ", style="cyan")
        text.append(f"{self.level:<8} ", style=_COLOURS.get(self.level, "green"))
        text.append(self.message, style="default")
        if self.correlation_id:
            text.append(f"  {self.correlation_id}", style="dim")
        if self.trace:
            text.append(f"\n{self.trace}", style="red")
        return text


def show(settings: Settings, service: Service, follow: bool) -> None:
    """Print a service's log lines, oldest first; on and on when followed."""
    seen: set[Event] = set()
    since = 0
    while True:
        lines, newest = _read(settings, service, since, seen)
        for line in lines:
            console.print(line.pretty(), soft_wrap=True)
        if not follow:
            if not lines:
                console.print(f"{service.stack()} has logged nothing yet")
            return
        # A line may be written after a later one of another door: look a little way back.
        since = max(since, newest - 10_000)
        time.sleep(1)


def _read(
    settings: Settings, service: Service, since: int, seen: set[Event]
) -> tuple[list[Line], int]:
    """The lines not seen before, by time, and the time of the newest in ms since 1970."""
    client = aws.client("logs", settings)
    prefix = f"/tbs/{service.stack()}/"
    groups = [
        group["logGroupName"]
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    if not groups:
        raise LocalError(f"There are no logs under {prefix}: is the stack up? `make status` says.")
    events = [
        (event["timestamp"], group.removeprefix(prefix), event["logStreamName"], event["message"])
        for group in groups
        for event in _events(client, group, since)
    ]
    fresh = sorted(set(events) - seen)
    seen.update(fresh)
    lines = [
        Line.parse(door, at, message)
        for at, door, _, message in fresh
        if message.strip() and not message.startswith(_PLATFORM)
    ]
    return lines, max((at for at, *_ in fresh), default=since)


def _events(client: Any, group: str, since: int) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    for page in pages:
        yield from page["events"]
