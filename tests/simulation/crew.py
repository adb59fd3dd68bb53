"""Worlds in processes of their own, one for each core: they play plans side by side."""

import gc
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psycopg

from tests.simulation.plants import PLANTS, planted
from tests.simulation.shrink import Shrinker, tell
from tests.simulation.violation import Violation
from tests.simulation.world import Outcome, Plan, World
from tools import stand_ins

_world: World | None = None
"""This process's own."""


@dataclass(frozen=True)
class Found:
    """What became of the hunt for a fault."""

    fault: str
    seeds: int | None
    """How many runs it took; None: it was not found."""
    violation: Violation | None


class Crew:
    """Plays plans in several processes."""

    def __init__(self, pool: ProcessPoolExecutor, size: int) -> None:
        self._pool = pool
        self._size = size

    def play(self, plans: Iterable[Plan]) -> Iterator[Outcome]:
        """The outcomes, as they come. Takes the next plan when a process is free."""
        under_way: set[Future[Outcome]] = set()
        waiting = iter(plans)
        while True:
            while len(under_way) < self._size and (plan := next(waiting, None)):
                under_way.add(self._pool.submit(_play, plan))
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()

    def tell(self, outcome: Outcome) -> tuple[Plan, list[str]]:
        """The shortest plan that breaks the same rule, and its story."""
        return self._pool.submit(_tell, outcome).result()

    def story(self, plan: Plan) -> list[str]:
        """Everything that happens in a run."""
        return self._pool.submit(_story, plan).result()

    def hunt(self, faults: Iterable[str], seeds: int, orders: int) -> Iterator[Found]:
        """For each fault that is put in: how many runs it takes to find it, and how it shows."""
        futures = [self._pool.submit(_hunt, fault, seeds, orders) for fault in faults]
        for done in as_completed(futures):
            yield done.result()


@contextmanager
def crew(size: int | None = None) -> Iterator[Crew]:
    """Open worlds, as many as there are cores."""
    size = size or os.cpu_count() or 1
    # Sets of strings are walked through in the same order then, so that a seed repeats exactly.
    os.environ["PYTHONHASHSEED"] = "0"
    with stand_ins.postgres() as port:
        context = get_context("spawn")
        numbers = context.Queue()
        for number in range(size):
            numbers.put(number)
        pool = ProcessPoolExecutor(size, context, _open, (port, numbers))
        try:
            yield Crew(pool, size)
        finally:
            pool.shutdown(cancel_futures=True)


def _open(port: int, numbers: Any) -> None:
    global _world
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for good: metrics are printed
    name = f"simulation_{numbers.get()}"
    url = f"postgresql://{stand_ins.DATABASE_USER}@{stand_ins.HOST}:{port}/{stand_ins.DATABASE}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    _world = World(port, name)
    _world.__enter__()
    warnings.simplefilter("ignore")  # metrics that nobody publishes
    # What was opened stays: to look through it for garbage again and again takes a fourth of a run.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@contextmanager
def _in_world(plan: Plan) -> Iterator[World]:
    """This process's world, with the plan's fault in it."""
    assert _world
    with planted(plan.fault, _world) if plan.fault else nullcontext():
        yield _world


def _play(plan: Plan) -> Outcome:
    with _in_world(plan) as world:
        return world.run(plan)


def _tell(outcome: Outcome) -> tuple[Plan, list[str]]:
    with _in_world(outcome.plan) as world:
        shortest = Shrinker(world, outcome.violations[0].rule).shrink(outcome)
        return shortest.plan, tell(world, shortest)


def _story(plan: Plan) -> list[str]:
    lines: list[str] = []
    with _in_world(plan) as world:
        outcome = world.run(plan, lines.append)
    return [*lines, *map(str, outcome.violations)]


def _hunt(fault: str, seeds: int, orders: int) -> Found:
    plant = PLANTS[fault]
    for tries in range(seeds):
        for violation in _play(Plan(plant.first + tries, orders, fault=fault)).violations:
            if violation.rule in plant.breaks:
                return Found(fault, tries + 1, violation)
    return Found(fault, None, None)
