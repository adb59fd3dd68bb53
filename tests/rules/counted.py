"""What the services count, as their logs have it: CloudWatch's embedded metric format."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.rules.watch import OWN
from tools.shop import Invocation
from tools.wiring import stack_name

Counted = Mapping[str, Mapping[str, list[Mapping[str, str]]]]
"""The dimensions with which each metric was seen, by service and metric."""


def counted_in(told: Iterable[Invocation]) -> Counted:
    """What was counted in these invocations. The stack's name stands as ${AWS::StackName}."""
    found: defaultdict[str, defaultdict[str, list[Mapping[str, str]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for invocation in told:
        service, stack = invocation.door.service.name, stack_name(invocation.door.service)
        for line in lines(invocation.log):
            for group in line["_aws"]["CloudWatchMetrics"]:
                if group["Namespace"] != OWN:
                    continue
                for names in group["Dimensions"]:
                    dimensions = {name: _plain(line[name], stack) for name in names}
                    for metric in group["Metrics"]:
                        seen = found[service][metric["Name"]]
                        if dimensions not in seen:
                            seen.append(dimensions)
    return found


def lines(log: str) -> Iterable[Mapping[str, Any]]:
    """The lines of a log that tell metrics."""
    for text in log.splitlines():
        if '"_aws"' in text:
            yield json.loads(text)


def _plain(value: str, stack: str) -> str:
    return "${AWS::StackName}" if value == stack else value
