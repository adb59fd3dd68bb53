"""Whatever goes wrong, the books balance; and what is wrong with the services, the runs find."""

import random
from collections.abc import Iterator

import pytest

from tests.simulation.chaos import KINDS
from tests.simulation.crew import Crew, Found, crew
from tests.simulation.plants import PLANTS
from tests.simulation.world import Outcome, Plan
from tools.services import find

SEEDS = 20
ORDERS = 40

HUNTED = 20
"""Orders of the runs in which planted faults are looked for: most show in few."""

MOST_SEEDS = 200
"""Within so many runs every planted fault has to be found."""


def heard() -> set[str]:
    """The names of all messages that some rule lets in. CloudWatch is not in the simulation."""
    return {
        name
        for service in find()
        for rule in service.of_type("AWS::Events::Rule").values()
        if rule["EventPattern"].get("source") != ["aws.cloudwatch"]
        for name in rule["EventPattern"].get("detail-type", ())
    }


@pytest.fixture(scope="module")
def workers() -> Iterator[Crew]:
    """Worlds in processes of their own."""
    with crew() as opened:
        yield opened


@pytest.fixture(scope="module")
def outcomes(workers: Crew) -> list[Outcome]:
    """What came of a fixed number of seeds, and of a fresh one."""
    fresh = random.SystemRandom().randrange(10**6, 10**9)
    plans = [Plan(seed, ORDERS) for seed in (*range(SEEDS), fresh)]
    return list(workers.play(plans))


@pytest.fixture(scope="module")
def found(workers: Crew) -> dict[str, Found]:
    """What became of the hunt for every planted fault."""
    return {each.fault: each for each in workers.hunt(PLANTS, MOST_SEEDS, HUNTED)}


def test_the_books_balance_whatever_goes_wrong(workers: Crew, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.violations:
            seed = outcome.plan.seed
            _, story = workers.tell(outcome)
            told = "\n".join(story)
            pytest.fail(f"make simulate SEED={seed} ORDERS={ORDERS} plays it again\n{told}")


def test_everything_that_can_happen_did(outcomes: list[Outcome]) -> None:
    ended = {end for outcome in outcomes for end in outcome.ended}
    assert ended == {
        "DELIVERED",
        "OUT_OF_STOCK",
        "PRICE_CHANGED",
        "UNKNOWN_TOY",
        "PAYMENT_DECLINED",
        "CUSTOMER",
        "SHOP",
        "EXPIRED",
        "UNDELIVERABLE",
    }
    struck = {kind for outcome in outcomes for kind in outcome.struck.values()}
    assert KINDS - struck == set()
    delivered = {name for outcome in outcomes for name in outcome.delivered}
    assert heard() - delivered == set()


def test_the_same_seed_tells_the_same_story(workers: Crew) -> None:
    plan = Plan(seed=7, orders=12)
    first, *others = [workers.story(plan) for _ in range(3)]
    assert len(first) > 100
    assert others == [first, first]


@pytest.mark.parametrize("fault", PLANTS)
def test_a_planted_fault_is_found(found: dict[str, Found], fault: str) -> None:
    assert found[fault].seeds is not None


def test_a_failure_is_made_small_and_told(workers: Crew) -> None:
    plans = [Plan(seed, HUNTED, fault="the sweep never runs") for seed in range(4)]
    outcome = next(each for each in workers.play(plans) if each.violations)
    shortest, story = workers.tell(outcome)
    assert shortest.alone
    assert len(shortest.without) == HUNTED - 1
    assert any(line.startswith("every order ends") for line in story)
    assert any("PlaceOrder" in line for line in story)
    assert len(story) < 80
