"""The simulation from the command line: `make simulate` (its README says with what)."""

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.simulation.crew import Crew, crew
from tests.simulation.plants import PLANTS
from tests.simulation.world import Outcome, Plan

ORDERS = 40
"""Orders of a run, unless told otherwise."""


QUIET_SECONDS = 30
"""Between two lines of progress, where there is no bar."""


class Tally:
    """What many runs came to."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.runs = 0
        self.orders = 0
        self.invocations = 0
        self.ended: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count a run."""
        self.runs += 1
        self.orders += outcome.orders
        self.invocations += outcome.invocations
        self.ended.update(outcome.ended)
        self.delivered.update(outcome.delivered)
        self.struck.update(outcome.struck.values())

    @property
    def line(self) -> str:
        """In a few words."""
        seconds = time.monotonic() - self.began
        return (
            f"{self.runs} runs, {self.orders} orders, {self.delivered.total()} messages, "
            f"{self.struck.total()} mishaps, {self.orders / seconds:.0f} orders/s"
        )

    def show(self, console: Console) -> None:
        """All of it."""
        console.print(self.line + f", {self.invocations} invocations")
        for title, counts in (
            ("how the orders ended", self.ended),
            ("messages given to functions", self.delivered),
            ("mishaps", self.struck),
        ):
            table = Table(title, "", box=None, pad_edge=False)
            for name, count in counts.most_common():
                table.add_row(name, f"{count:,}")
            console.print()
            console.print(table)


def main(arguments: list[str]) -> int:
    """Run; the exit code is 1 when something was found."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    with crew(1 if options.story or options.seed is not None else None) as workers:
        if options.story:
            for line in workers.story(_plan(options, options.seed or 0)):
                console.print(line, markup=False, soft_wrap=True)
            return 0
        return _play(workers, options, console)


def _play(workers: Crew, options: argparse.Namespace, console: Console) -> int:
    tally = Tally()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as progress:
        task = progress.add_task("simulating", total=60 * options.minutes)
        told = tally.began
        for outcome in workers.play(_plans(options, tally.began)):
            tally.add(outcome)
            now = time.monotonic()
            progress.update(task, completed=now - tally.began, description=tally.line)
            if not console.is_terminal and now - told > QUIET_SECONDS:
                print(tally.line, flush=True)
                told = now
            if outcome.violations:
                progress.stop()
                _report(workers, outcome, console)
                return 1
    tally.show(console)
    console.print("\nNothing was violated.")
    return 0


def _plans(options: argparse.Namespace, began: float) -> Iterator[Plan]:
    """The plan that was asked for; or one after the other, from a fresh seed, until time is up."""
    if options.seed is not None:
        yield _plan(options, options.seed)
        return
    first = random.SystemRandom().randrange(10**9)
    for seed in itertools.count(first):
        if time.monotonic() - began > 60 * options.minutes:
            return
        yield _plan(options, seed)


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    return Plan(seed, options.orders, fault=options.fault)


def _report(workers: Crew, outcome: Outcome, console: Console) -> None:
    plan = outcome.plan
    console.print(f"[bold red]Seed {plan.seed} with {plan.orders} orders went wrong:[/]")
    for violation in outcome.violations[:10]:
        console.print(f"  {violation}", markup=False, soft_wrap=True)
    console.print("\nThe shortest story that breaks the same rule:\n")
    for line in workers.tell(outcome)[1]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    fault = f" FAULT='{plan.fault}'" if plan.fault else ""
    console.print(f"\nmake simulate SEED={plan.seed} ORDERS={plan.orders}{fault} plays it again.")
    console.print("With STORY=1 it tells everything that happened.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, exactly as before")
    parser.add_argument("--orders", type=int, default=ORDERS, help="of each run")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long, without a seed")
    parser.add_argument("--story", action="store_true", help="tell all that happens in a seed")
    parser.add_argument("--fault", choices=PLANTS, help="put a fault into the services first")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
