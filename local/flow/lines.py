"""Log lines of the functions: what a person reads, the ids on them, and the metrics in them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")

_OWN = {
    "level",
    "message",
    "timestamp",
    "service",
    "correlation_id",
    "message_id",
    "xray_trace_id",
    "location",
    "cold_start",
    "function_name",
    "function_memory_size",
    "function_arn",
}
"""Fields that are shown elsewhere, or tell nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A log line. `at` is in ms since 1970."""

    at: float
    service: str
    door: str
    level: str
    text: str
    about: str
    message_id: str | None
    trace: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "k": "log",
            "at": self.at,
            "service": self.service,
            "door": self.door,
            "level": self.level,
            "text": self.text,
            "about": self.about,
            "mid": self.message_id,
            "trace": self.trace,
            "fields": self.fields,
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of a metric, off a line in CloudWatch's embedded metric format."""

    at: float
    service: str
    name: str
    value: float
    dimensions: Mapping[str, str]

    def record(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "k": "figure",
            "at": self.at,
            "service": self.service,
            "name": self.name,
            "value": self.value,
            "dimensions": self.dimensions,
        }


def parse(service: str, door: str, at: float, text: str) -> list[Line | Figure]:
    """What a line of a log holds: itself, or the figures in it, or nothing that is worth a line."""
    text = text.rstrip()
    if not text or text.startswith(_PLATFORM):
        return []
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return [Line(at, service, door, "", text, "", None, None)]
    if "_aws" in entry:
        return list(_figures(service, entry, at))
    if str(entry.get("type", "")).startswith("platform."):
        return []
    text = str(entry.get("message") or entry.get("errorMessage") or "")
    return [
        Line(
            at=_when(entry.get("timestamp"), at),
            service=service,
            door=door,
            level=str(entry.get("level") or entry.get("log_level") or ""),
            text=text,
            about=str(entry.get("correlation_id") or ""),
            message_id=_text(entry.get("message_id")),
            trace=_text(entry.get("xray_trace_id")),
            fields={key: value for key, value in entry.items() if key not in _OWN},
        )
    ]


def _figures(service: str, entry: Mapping[str, Any], at: float) -> list[Figure]:
    found = []
    for told in entry["_aws"].get("CloudWatchMetrics", ()):
        names = {name for group in told.get("Dimensions", ()) for name in group}
        dimensions = {name: str(entry[name]) for name in sorted(names) if name in entry}
        for metric in told.get("Metrics", ()):
            value = entry.get(metric["Name"])
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, int | float):
                    found.append(Figure(at, service, metric["Name"], float(one), dimensions))
    return found


def _when(timestamp: object, otherwise: float) -> float:
    """Powertools' own time of the line: 2026-11-20 10:15:00,123+0000."""
    try:
        return datetime.fromisoformat(str(timestamp).replace(",", ".")).timestamp() * 1000
    except ValueError:
        return otherwise


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
