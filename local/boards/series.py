"""The metrics of the local cloud: what its functions logged, and what MiniStack counts of them.

CloudWatch makes metrics of log lines in the embedded metric format, which MiniStack does not.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Point = tuple[float, float]
"""A time in seconds since 1970, and a value."""

Name = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, metric and dimensions."""


SHARED = {"service", "stack"}
"""Dimensions that every metric of the services has: they tell no two lines of a widget apart."""


@dataclass
class Metrics:
    """All points of all metrics that are known."""

    points: defaultdict[Name, list[Point]] = field(default_factory=lambda: defaultdict(list))

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], point: Point) -> None:
        """Take a point in."""
        self.points[namespace, name, frozenset(dimensions.items())].append(point)

    def read(self, line: str) -> None:
        """Take in what a log line tells, if it is in the embedded metric format."""
        for namespace, name, dimensions, point in told(line):
            self.add(namespace, name, dimensions, point)

    def of(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[Point]:
        """The points of one metric."""
        return self.points.get((namespace, name, frozenset(dimensions.items())), [])

    def found(
        self, namespace: str, name: str, parts: Sequence[str]
    ) -> Iterator[tuple[str, list[Point]]]:
        """The metrics of that name in whose dimensions all those parts are, and what tells each."""
        for (where, metric, dimensions), points in sorted(self.points.items(), key=str):
            words = {word for _, value in dimensions for word in value.split("-")}
            if (where, metric) == (namespace, name) and words.issuperset(parts):
                own = [value for known, value in sorted(dimensions) if known not in SHARED]
                yield " ".join(own), points


def told(line: str) -> Iterator[tuple[str, str, dict[str, str], Point]]:
    """What a line in the embedded metric format tells: namespace, metric, dimensions, point."""
    if '"_aws"' not in line:
        return
    try:
        entry: dict[str, Any] = json.loads(line)
        at = entry["_aws"]["Timestamp"] / 1000
        for group in entry["_aws"]["CloudWatchMetrics"]:
            for names in group["Dimensions"]:
                dimensions = {name: str(entry[name]) for name in names}
                for metric in group["Metrics"]:
                    values = entry[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        point = (at, float(value))
                        yield group["Namespace"], metric["Name"], dimensions, point
    except (ValueError, LookupError, TypeError):
        return


def bars(
    points: Iterable[Point], statistic: str, period: int, since: float, until: float
) -> list[Point]:
    """The points as CloudWatch draws them: one for each period in which there are any."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for at, value in points:
        if since <= at < until:
            found[int(at // period)].append(value)
    return [
        (float(number * period), reckoned(values, statistic))
        for number, values in sorted(found.items())
    ]


def reckoned(values: Sequence[float], statistic: str) -> float:
    """One number for all values of a period. Raises ValueError for an unknown statistic."""
    match statistic:
        case "Sum":
            return sum(values)
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return max(values)
        case "Minimum":
            return min(values)
        case "SampleCount":
            return float(len(values))
    if statistic.startswith("p") and statistic[1:].replace(".", "", 1).isdigit():
        ordered = sorted(values)
        place = float(statistic[1:]) / 100 * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    raise ValueError(f"There is no statistic {statistic}")


def seconds(at: datetime) -> float:
    """A time as points have it."""
    return at.astimezone(UTC).timestamp()
