"""What the flow page is made of, from the local cloud or from AWS: the same but for the segments.

Messages come from the table of the flow stack, log lines from CloudWatch Logs, dead letters from
their queues. Segments come by UDP on this machine, and from X-Ray on AWS.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local import letters
from local.account import Account
from local.errors import LocalError
from local.flow.lines import Figure, Line, parse
from local.flow.messages import Message, hours, message
from local.flow.readers import Rule
from local.flow.segments import Run
from local.flow.service import FLOW
from local.flow.tracing import Segments
from local.letters import DeadLetters
from local.progress import Progress
from local.services import Service
from local.settings import Settings

OVERLAP = 20_000.0
"""Milliseconds of a log that are looked at again: what was written earlier may appear later."""

WRITES = 15_000.0
"""The same for the table: as long as a write may take."""

BEHIND = 300_000.0
"""Milliseconds by which this machine's clock may be behind that of the table's function."""

MISSING = 60.0
"""Seconds between two looks for the queues of a stack that was not there."""


class Source(Protocol):
    """Where the page's records come from. Each call gives what is new; times are in ms."""

    def messages(self, since: float, now: float) -> list[Message]:
        """Messages on the bus."""

    def runs(self, since: float, now: float) -> list[Run]:
        """Invocations of functions."""

    def lines(self, since: float, now: float) -> list[Line | Figure]:
        """What the functions logged."""

    def letters(self) -> list[dict[str, Any]] | None:
        """All dead letters, by queue; None while no queue has changed."""

    def redrive(self, service: str, queue: str) -> int:
        """Send a queue's dead letters back: how many. Raises LocalError."""


@dataclass(frozen=True, slots=True)
class _Group:
    service: str
    door: str
    name: str
    region: str | None


class Cloud:
    """An environment: the local cloud, or stacks on AWS."""

    def __init__(
        self,
        settings: Settings,
        account: Account,
        services: Sequence[Service],
        rules: Sequence[Rule],
        segments: Segments,
    ) -> None:
        self._settings = settings
        self._account = account
        self._services = list(services)
        self._rules = list(rules)
        self._segments = segments
        self._places = _Seen()
        self._ids = _Seen()
        self._logged_lines = _Seen()
        self._table: str | None = None
        self._newest = 0.0
        """When the newest message was kept, by the clock of the function that keeps them."""
        self._found = 0.0
        """When it was found, by this machine's clock."""
        self._groups: list[_Group] = []
        self._grouped = 0.0
        self._queues: dict[str, list[DeadLetters]] = {}
        """By service, of the stacks that are there."""
        self._queues_sought = float("-inf")
        self._depths: list[tuple[int, int]] = []

    def messages(self, since: float, now: float) -> list[Message]:
        """Messages that the table keeps, none twice, kept at `since` or later.

        It reads on from the newest that it found, not from `now`: the table goes by the clock of
        the function that writes it. Raises LocalError when the flow stack is not there.
        """
        if self._table is None:
            outputs = self._account.outputs(FLOW)
            self._table = outputs["TableName"]
        _, region = self._account.placed(FLOW)
        pages = self._account.client("dynamodb", region).get_paginator("query")
        items = []
        begin = max(since, self._newest - (WRITES if now - self._found < 2 * WRITES else 0))
        for hour in hours(begin, now + BEHIND):
            for page in pages.paginate(
                TableName=self._table,
                KeyConditionExpression="#hour = :hour AND place > :since",
                ExpressionAttributeNames={"#hour": "hour"},
                ExpressionAttributeValues={
                    ":hour": {"S": hour},
                    ":since": {"S": f"{max(begin, 0):013.0f}"},
                },
            ):
                items += page["Items"]
        newest = max((float(item["place"]["S"].partition("#")[0]) for item in items), default=0)
        if newest > self._newest:
            self._newest, self._found = newest, now
        found = [
            message({name: one.get("S", one.get("N")) for name, one in item.items()}, self._rules)
            for item in items
            if self._places.is_new(item["place"]["S"], now)
        ]
        return [one for one in found if one is not None and self._ids.is_new(one.id, now)]

    def runs(self, since: float, now: float) -> list[Run]:
        """Invocations of functions."""
        return self._segments.runs(since, now)

    def lines(self, since: float, now: float) -> list[Line | Figure]:
        """What the functions logged."""
        if now - self._grouped > 60_000:
            self._groups, self._grouped = list(self._find_groups()), now
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda group: self._logged(group, since - OVERLAP), self._groups))
        new = [one for lines in found for one in lines]
        return sorted(new, key=lambda one: one.at)

    def letters(self) -> list[dict[str, Any]] | None:
        """All dead letters, by queue; None while no queue has changed."""
        queues = self._known_queues()
        counted = [self._depth(queue) for queue in queues]
        if counted == self._depths:
            return None
        self._depths = counted
        return [
            self._letters(queue, waiting + in_flight)
            for queue, (waiting, in_flight) in zip(queues, counted, strict=True)
            if waiting + in_flight
        ]

    def redrive(self, service: str, queue: str) -> int:
        """Send a queue's dead letters back: how many. Raises LocalError."""
        named = next((one for one in self._services if one.name == service), None)
        if named is None:
            raise LocalError(f"There is no service {service!r}.")
        with Progress() as progress:
            return letters.redrive(
                self._settings, named, self._account.environment, queue, progress
            )

    def _known_queues(self) -> list[DeadLetters]:
        missing = [one for one in self._services if one.name not in self._queues]
        if missing and time.monotonic() >= self._queues_sought + MISSING:
            for service in missing:
                own = letters.queues(self._account, service)
                if own is not None:
                    self._queues[service.name] = own
            self._queues_sought = time.monotonic()
        return [queue for one in self._services for queue in self._queues.get(one.name, ())]

    def _depth(self, queue: DeadLetters) -> tuple[int, int]:
        counted = letters.depth(letters.sqs_of(self._account, queue), queue)
        return counted.waiting, counted.in_flight

    def _letters(self, queue: DeadLetters, count: int) -> dict[str, Any]:
        sqs = letters.sqs_of(self._account, queue)
        with letters.held(sqs, queue) as messages:
            found = [_letter(queue, one) for one in messages]
        found.sort(key=lambda one: one["at"])
        return {
            "service": queue.service,
            "queue": queue.name,
            "count": max(count, len(found)),
            "back": queue.source is not None,
            "letters": found,
        }

    def _find_groups(self) -> Iterator[_Group]:
        for service in self._services:
            stack, region = self._account.placed(service)
            prefix = f"/tbs/{stack}/"
            pages = self._account.client("logs", region).get_paginator("describe_log_groups")
            for page in pages.paginate(logGroupNamePrefix=prefix):
                for group in page["logGroups"]:
                    name = group["logGroupName"]
                    yield _Group(service.name, name.removeprefix(prefix), name, region)

    def _logged(self, group: _Group, since: float) -> list[Line | Figure]:
        client = self._account.client("logs", group.region)
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group.name, startTime=max(0, int(since))
        )
        try:
            events = [event for page in pages for event in page["events"]]
        except (BotoCoreError, ClientError):  # the others are there; it is looked at again
            return []
        return [
            one
            for event in events
            if self._logged_lines.is_new(f"{group.name} {_event_id(event)}", since)
            for one in parse(group.service, group.door, float(event["timestamp"]), event["message"])
        ]


class _Seen:
    """What was given already."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._known: dict[str, float] = {}

    def is_new(self, key: str, now: float) -> bool:
        """Whether it was not asked for before. `now` is in ms, and only goes up."""
        if key in self._known:
            return False
        self._known[key] = now
        if len(self._known) > self._most:
            self._known = {k: at for k, at in list(self._known.items()) if at > now - 120_000}
        return True


def _event_id(event: Mapping[str, Any]) -> str:
    return f"{event['timestamp']} {event.get('logStreamName', '')} {hash(event['message'])}"


def _letter(queue: DeadLetters, found: Any) -> dict[str, Any]:
    """A dead letter: what `make dlq` tells of it, and the message on the bus that it was."""
    letter = letters.letter_of(queue, found)
    try:
        body = json.loads(found["Body"])
    except ValueError:
        body = None
    event = body if isinstance(body, dict) and "detail-type" in body else {}
    detail = event.get("detail")
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    named = metadata.get("id") if isinstance(metadata, dict) else None
    return {
        "what": letter.what,
        "about": letter.about,
        "reason": letter.reason,
        "at": letter.sent.timestamp() * 1000,
        "mid": named if isinstance(named, str) else None,
        "message": event.get("id"),
    }
