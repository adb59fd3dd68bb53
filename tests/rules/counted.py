"""What the services count, as their logs have it: CloudWatch's embedded metric format."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from local.boards.series import told as told_in
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
        points = (point for line in invocation.log.splitlines() for point in told_in(line))
        for namespace, metric, named, _ in points:
            dimensions = {name: _plain(value, stack) for name, value in named.items()}
            if namespace == OWN and dimensions not in found[service][metric]:
                found[service][metric].append(dimensions)
    return found


def _plain(value: str, stack: str) -> str:
    return "${AWS::StackName}" if value == stack else value
