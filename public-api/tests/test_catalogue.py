"""The catalogue's table: what is told twice, late, in any order, at once, and broken off."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from public_api import dynamo
from public_api.catalogue import TOMBSTONE, Catalogue
from public_api.dynamo import PAUSES, Unavailable, plain
from public_api.model import now
from public_api.toy import Category, Toy

CATEGORIES = ("Outdoor", "Games", "TOY")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue("Catalogue")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited."""
    waited: list[float] = []
    monkeypatch.setattr(dynamo, "sleep", waited.append)
    return waited


def toy(toy_id: str, **fields: Any) -> Toy:
    at = now()
    said: dict[str, Any] = {
        "toyId": toy_id,
        "name": "Box Kite",
        "description": "",
        "category": "Outdoor",
        "brand": "Wind",
        "price": 1500,
        "currency": "EUR",
        "availability": "IN_STOCK",
        "createdAt": at,
        "updatedAt": at,
    }
    return Toy.model_validate(said | fields)


def counted(catalogue: Catalogue) -> dict[str, int]:
    return {each.category: each.count for each in catalogue.categories()}


def items() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("Catalogue").scan()["Items"]


def recounted() -> dict[str, int]:
    """The toys of each category, counted one by one."""
    return dict(Counter(item["category"] for item in items() if "category" in item))


@contextmanager
def at_call(
    catalogue: Catalogue, operation: str, moment: str, act: Callable[[], object]
) -> Iterator[None]:
    """Do something once, just before or after the next call of DynamoDB of that name."""
    events = catalogue._client.meta.events
    name, left = f"{moment}-call.dynamodb.{operation}", [act]

    def once(**_: Any) -> None:
        if left:
            left.pop()()

    events.register(name, once)
    try:
        yield
    finally:
        events.unregister(name, once)
    assert not left, f"{name} never came"


def crash() -> None:
    raise ConnectionError("the network is gone")


def test_a_toy_is_kept_as_it_was_told(catalogue: Catalogue) -> None:
    kite = toy("kite", attributes={"length": 1.5, "pieces": 3, "batteries": False}, tags=["gift"])
    assert catalogue.show(kite, 1)
    assert catalogue.toy("kite") == kite
    assert catalogue.toys(["kite", "none", "kite"]) == {"kite": kite}
    assert catalogue.toy("none") is None
    assert catalogue.categories() == [Category(category="Outdoor", count=1)]


def test_more_toys_than_one_call_takes(catalogue: Catalogue) -> None:
    ids = [f"toy-{n}" for n in range(120)]
    item = plain(toy("kite"))
    with boto3.resource("dynamodb").Table("Catalogue").batch_writer() as batch:
        for toy_id in ids:
            batch.put_item(Item={**item, "pk": f"TOY#{toy_id}", "sk": "TOY", "toyId": toy_id})
    assert catalogue.toys(ids).keys() == set(ids)


def test_categories_are_told_by_name_as_long_as_they_have_toys(catalogue: Catalogue) -> None:
    for n, category in enumerate(("zoo", "Émile", "Games", "Art", "Games")):
        catalogue.show(toy(f"toy-{n}", category=category), 1)
    catalogue.bury("toy-3", 2, now())
    told = [(each.category, each.count) for each in catalogue.categories()]
    assert told == [("Émile", 1), ("Games", 2), ("zoo", 1)]


def test_of_a_deleted_toy_a_tombstone_is_left_for_thirty_days(catalogue: Catalogue) -> None:
    catalogue.show(toy("kite"), 1)
    at = now() - timedelta(days=400)
    assert catalogue.bury("kite", 2, at)
    (stone,) = (item for item in items() if item["sk"] == "TOY")
    expires = int(stone.pop("expiresAt"))
    assert 0 <= (now() + TOMBSTONE).timestamp() - expires < 60
    assert stone.keys() == {"pk", "sk", "toyId", "version", "deletedAt"}
    assert not catalogue.show(toy("kite"), 1)
    assert catalogue.toy("kite") is None
    assert catalogue.toys(["kite"]) == {}
    assert catalogue.categories() == []


def test_a_toy_that_changes_no_count_is_written_by_itself(catalogue: Catalogue) -> None:
    catalogue.show(toy("kite"), 1)
    with at_call(catalogue, "PutItem", "before", lambda: None):
        assert catalogue.show(toy("kite", price=1), 2)
    with at_call(catalogue, "TransactWriteItems", "before", lambda: None):
        assert catalogue.show(toy("kite", category="Games"), 3)
    assert counted(catalogue) == {"Games": 1}


NEWS = st.lists(
    st.tuples(st.sampled_from(["kite", "bear"]), st.sampled_from([*CATEGORIES, None])),
    min_size=1,
    max_size=8,
)
"""Which toy, and its category then; None: it is deleted."""


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NEWS, st.data())
def test_counts_are_those_of_a_recount(
    catalogue: Catalogue, news: list[tuple[str, str | None]], drawn: st.DataObject
) -> None:
    """Twice, in any order, with the network gone before or after any call."""
    run = uuid.uuid4().hex  # the table is one for all examples
    told = [(f"{name}-{run}", n, category) for n, (name, category) in enumerate(news, 1)]
    again = drawn.draw(st.lists(st.sampled_from(told), max_size=4), label="again")
    for toy_id, version, category in drawn.draw(st.permutations(told + again), label="order"):

        def tell(
            toy_id: str = toy_id, version: int = version, category: str | None = category
        ) -> bool:
            if category is None:
                return catalogue.bury(toy_id, version, now())
            return catalogue.show(toy(toy_id, category=category, price=version), version)

        operations = ("GetItem", "PutItem", "TransactWriteItems")
        broken = drawn.draw(
            st.none() | st.tuples(st.sampled_from(operations), st.sampled_from(["before", "after"]))
        )
        if broken:
            try:
                with at_call(catalogue, *broken, crash):
                    tell()
            except (ConnectionError, AssertionError):
                pass
        tell()
    assert counted(catalogue) == recounted()
    newest = {toy_id: category for toy_id, _, category in told}
    for toy_id, category in newest.items():
        shown = catalogue.toy(toy_id)
        assert (shown.category if shown else None) == category


@pytest.mark.parametrize("other", [1, 3])
@pytest.mark.parametrize("category", ["Outdoor", "Games", None])
def test_two_that_write_at_once_count_once(
    catalogue: Catalogue, pauses: list[float], category: str | None, other: int
) -> None:
    """Another message is applied between the reading and the writing of this one."""
    catalogue.show(toy("bear"), 1)
    operation = "PutItem" if category == "Outdoor" else "TransactWriteItems"
    catalogue.show(toy("kite"), 1)
    rival = Catalogue("Catalogue")

    def meanwhile() -> None:
        assert rival.show(toy("kite", category="Games"), 2 if other == 1 else other)

    with at_call(catalogue, operation, "before", meanwhile):
        version = 3 if other == 1 else 2
        applied = (
            catalogue.bury("kite", version, now())
            if category is None
            else catalogue.show(toy("kite", category=category), version)
        )
    assert applied is (other == 1)
    assert len(pauses) == 1
    assert counted(catalogue) == recounted()


def cancelled(*codes: str) -> Any:
    """What DynamoDB answers when it cancels a transaction for these reasons."""
    reasons = [{"Code": code} for code in codes]
    return {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}


def refusing(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, *codes: str) -> list[Any]:
    """Has each transaction of the catalogue refused for these reasons."""
    calls: list[Any] = []
    kind = catalogue._client.exceptions.TransactionCanceledException

    def refuse(**given: Any) -> None:
        calls.append(given)
        raise kind(cancelled(*codes), "TransactWriteItems")

    monkeypatch.setattr(catalogue._client, "transact_write_items", refuse)
    return calls


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_a_category_that_many_write_is_tried_again_and_then_given_up(
    catalogue: Catalogue, pauses: list[float], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    calls = refusing(catalogue, monkeypatch, "None", code)
    with pytest.raises(Unavailable):
        catalogue.show(toy("kite"), 1)
    assert len(calls) == len(PAUSES) + 1
    assert all(0 <= pause <= longest for pause, longest in zip(pauses, PAUSES, strict=True))
    assert len(set(pauses)) > 1


def test_a_transaction_that_can_never_be_is_not_tried_again(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = refusing(catalogue, monkeypatch, "ValidationError", "None")
    with pytest.raises(ClientError):
        catalogue.show(toy("kite"), 1)
    assert len(calls) == 1


def test_the_largest_toy_is_a_small_item(catalogue: Catalogue) -> None:
    assert catalogue.show(largest("kite"), 1)
    (item,) = (item for item in items() if item["sk"] == "TOY")
    assert len(json.dumps(item, default=str).encode()) < 100 * 1024


def largest(toy_id: str) -> Toy:
    """A toy of which as much is told as can be, in letters of four bytes."""
    letter = "😀"
    sizes = {size: f"https://{letter * 20}/{size}" for size in ("thumbnail", "card", "full")}
    return toy(
        toy_id,
        name=letter * 120,
        description=letter * 2000,
        category=letter * 60,
        brand=letter * 60,
        tags=[f"{n:02}{letter * 38}" for n in range(20)],
        attributes={f"a{n:02}{'x' * 37}": letter * 100 for n in range(30)},
        pictures=[sizes] * 12,
    )
