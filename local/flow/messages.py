"""A message as the flow stack's table has it, and as the page is told of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.flow.readers import Rule, readers

HOUR = "%Y-%m-%dT%H"
"""How the table names an hour."""


@dataclass(frozen=True, slots=True)
class Message:
    """One copy of a message on the bus. Times are in ms since 1970."""

    id: str
    """The bus's own, another one for each copy."""
    message_id: str
    """metadata.id, the same for each copy."""
    name: str
    sender: str
    at: float
    """When the bus took it."""
    changed: float
    """When the change was made that it tells of."""
    order: str
    """The order that it is about, or what else it belongs to."""
    cause: str | None
    """metadata.id of the message that led to it."""
    trace: str | None
    """The trace of the invocation that made the change."""
    readers: tuple[str, ...]
    event: Mapping[str, Any]

    def record(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "k": "message",
            "id": self.id,
            "mid": self.message_id,
            "name": self.name,
            "sender": self.sender,
            "at": self.at,
            "changed": self.changed,
            "order": self.order,
            "cause": self.cause,
            "trace": self.trace,
            "readers": list(self.readers),
            "event": self.event,
        }


def message(item: Mapping[str, Any], rules: Iterable[Rule]) -> Message | None:
    """The message of an item of the table. None for what has not the form of the shop's messages.

    `item` has `sent` and `event`, as strings.
    """
    try:
        event = json.loads(item["event"])
        at = float(item["sent"])
        metadata = event["detail"]["metadata"]
        data = event["detail"].get("data") or {}
        return Message(
            id=str(event["id"]),
            message_id=str(metadata["id"]),
            name=str(event["detail-type"]),
            sender=str(event["source"]).removeprefix("tbs."),
            at=at,
            changed=min(at, _milliseconds(metadata.get("occurredAt"), at)),
            order=str(data.get("orderId") or metadata.get("correlationId") or ""),
            cause=metadata.get("causationId"),
            trace=root(metadata.get("trace")),
            readers=tuple(readers(rules, event)),
            event=event,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def root(header: str | None) -> str | None:
    """The trace that X-Ray's header names: 1-5759e988-bd862e3fe1be46a994272793."""
    parts = dict(part.partition("=")[::2] for part in (header or "").split(";"))
    return parts.get("Root") or None


def hours(since: float, until: float) -> list[str]:
    """The names of the hours from one time to another, both in ms since 1970."""
    first = datetime.fromtimestamp(since / 1000, UTC).replace(minute=0, second=0, microsecond=0)
    last = datetime.fromtimestamp(until / 1000, UTC)
    count = max(0, int((last - first).total_seconds() // 3600)) + 1
    return [(first + timedelta(hours=number)).strftime(HOUR) for number in range(count)]


def _milliseconds(text: object, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp() * 1000
    except ValueError:
        return otherwise
