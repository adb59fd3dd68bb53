"""From a run that went wrong to the shortest one that still does, told message by message."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tests.simulation.world import Outcome, Plan, World

MOST_RUNS = 400
"""How many runs are spent on making a failure smaller."""


class Shrinker:
    """Leaves out people and mishaps for as long as the same rule is broken."""

    def __init__(self, world: World, rule: str) -> None:
        self._world = world
        self._rule = rule
        self._left = MOST_RUNS

    def shrink(self, outcome: Outcome) -> Outcome:
        """The smallest failing run that was found."""
        smallest = outcome
        everybody = frozenset(range(outcome.plan.orders))

        def at_home(stay: Iterable[int]) -> Plan:
            return replace(smallest.plan, without=everybody - frozenset(stay))

        def of_kinds(keep: Iterable[str]) -> Plan:
            return replace(smallest.plan, kinds=frozenset(keep))

        def without_mishaps(keep: Iterable[str]) -> Plan:
            gone = smallest.struck.keys() - frozenset(keep)
            return replace(smallest.plan, muted=smallest.plan.muted | gone)

        smallest = self._fails(replace(outcome.plan, alone=True)) or smallest
        before: Outcome | None = None
        while before is not smallest and self._left > 0:
            before = smallest
            shoppers = sorted(everybody - smallest.plan.without)
            smallest = self._fewer(shoppers, at_home, smallest)
            kinds = sorted(smallest.plan.kinds)
            smallest = self._fewer(kinds, of_kinds, smallest)
            smallest = self._fewer(sorted(smallest.struck), without_mishaps, smallest)
        return smallest

    def _fewer[T](
        self, items: Sequence[T], plan_of: Callable[[Iterable[T]], Plan], smallest: Outcome
    ) -> Outcome:
        """Leave items out, many at a time, then fewer (delta debugging)."""
        kept = list(items)
        size = max(1, len(kept) // 2)
        while kept and self._left > 0:
            for start in range(0, len(kept), size):
                rest = kept[:start] + kept[start + size :]
                if found := self._fails(plan_of(rest)):
                    kept, smallest = rest, found
                    break
                if self._left <= 0:
                    return smallest
            else:
                if size == 1:
                    break
                size = max(1, size // 2)
                continue
            size = min(size, max(1, len(kept) // 2))
        return smallest

    def _fails(self, plan: Plan) -> Outcome | None:
        self._left -= 1
        outcome = self._world.run(plan)
        return outcome if any(v.rule == self._rule for v in outcome.violations) else None


def tell(world: World, outcome: Outcome) -> list[str]:
    """The story of what went wrong: all that concerns the orders and toys that it is about."""
    lines: list[str] = []
    again = world.run(outcome.plan, lines.append)
    if not again.violations:
        return [*lines, "The same plan went well this time: something in it is not repeatable."]
    rule = again.violations[0].rule
    about = dict.fromkeys(v.about for v in again.violations if v.rule == rule)
    told = [line for line in lines if "!!" in line or any(name in line for name in about)]
    # An id is long: where it is about one order, all lines but the first leave it out.
    return [
        f"It is about {', '.join(about)}.",
        *(line.replace(next(iter(about)), "it") for line in told),
        *map(str, again.violations),
    ]
