"""The lists of the catalogue: kept by the indexer, and read by searches."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from public_api import dynamo, indexer
from public_api.catalogue import Catalogue
from public_api.cursor import BadCursor
from public_api.dynamo import Unavailable
from public_api.listing import place
from public_api.lists import READ_AT_MOST, Lists, entries
from public_api.model import now
from public_api.search import Search, Sort
from public_api.toy import Availability, Toy

Index = Callable[[], list[dict[str, Any]]]

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
NAMES = ("Box Kite", "Box kité", "Wooden Train", "Train set", "Bear")
CATEGORIES = ("Outdoor", "Trains")
BRANDS = ("Hazel & Oak", "Wind")
COLOURS = ("red", "blue")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue("Catalogue")


@pytest.fixture
def lists() -> Lists:
    return Lists("Catalogue")


def toy(toy_id: str, **fields: Any) -> Toy:
    at = now()
    said: dict[str, Any] = {
        "toyId": toy_id,
        "name": "Kite",
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


def many(count: int) -> list[Toy]:
    """So many toys, of which no two are alike and many are in part."""
    return [
        toy(
            f"toy-{n:03}",
            name=NAMES[n % 5],
            description="Good for a rainy day." if n % 7 == 0 else "",
            category=CATEGORIES[n % 2],
            brand=BRANDS[n // 2 % 2],
            minAge=12 * (n % 4),
            maxAge=None if n % 3 == 0 else 12 * (n % 4) + 24,
            price=500 + n % 6 * 100,
            availability=list(Availability)[n % 3],
            attributes={"colour": COLOURS[n % 2], "pieces": n % 3, "length": n % 2 + 0.5},
            createdAt=now() - timedelta(minutes=n % 4),
        )
        for n in range(count)
    ]


def kept() -> dict[tuple[str, str], dict[str, Any]]:
    """All entries in the table, by key."""
    table = boto3.resource("dynamodb").Table("Catalogue")
    answer = table.scan()
    found = answer["Items"]
    while "LastEvaluatedKey" in answer:
        answer = table.scan(ExclusiveStartKey=answer["LastEvaluatedKey"])
        found += answer["Items"]
    return {
        (str(item["pk"]), str(item["sk"])): item
        for item in found
        if str(item["pk"]).startswith("LIST#")
    }


def those_of(*toys: Toy | None) -> dict[tuple[str, str], Any]:
    """The entries that these toys are to have."""
    return {key: item for each in toys for key, item in entries(each).items()}


def fill(catalogue: Catalogue, lists: Lists, toys: list[Toy]) -> None:
    """Put toys on sale, as the inbox and the indexer do it together."""
    for each in toys:
        assert catalogue.show(each, 1)
    lists.settle({each.toy_id: [None] for each in toys}, {each.toy_id: each for each in toys})


def whole(lists: Lists, search: Search, limit: int) -> list[Toy]:
    """The toys of all pages."""
    found: list[Toy] = []
    position = None
    while True:
        page, position = lists.page(search, limit, position)
        assert len(page) <= limit
        found += page
        if position is None:
            return found


def maybe(*values: Any, none: Any = None) -> st.SearchStrategy[Any]:
    """One of these, but mostly none: what asks for much finds nothing."""
    return st.sampled_from([*[none] * 2 * len(values), *values])


SEARCHES = st.builds(
    Search,
    q=maybe(
        *("box", "box ki", "kite", "trai", "train", "set train"),
        *("b", "rainy", "oak tr", "wooden"),
        none="",
    ),
    category=maybe(*CATEGORIES, "None"),
    brand=maybe(*BRANDS),
    min_age=maybe(0, 13),
    max_age=maybe(24, 100),
    min_price=maybe(500, 650),
    max_price=maybe(700, 900),
    availability=maybe(*Availability),
    attributes=maybe(
        {"colour": "red"},
        {"pieces": "2.0"},
        {"length": "1.5", "colour": "blue"},
        {"no": "1"},
        none={},
    ),
    sort=st.sampled_from(Sort),
)


def test_pages_together_hold_each_toy_of_a_search_once_in_order(
    catalogue: Catalogue, lists: Lists
) -> None:
    """As a filter of all toys finds them, for whatever is asked."""
    toys = many(16)
    fill(catalogue, lists, toys)

    @settings(max_examples=25, suppress_health_check=SLOW)
    @given(SEARCHES, st.sampled_from([1, 3, 12]))
    def holds(search: Search, limit: int) -> None:
        plain = sorted(
            (each for each in toys if search.matches(each)),
            key=lambda each: place(each, search.sort),
            reverse=search.sort in {Sort.NEWEST, Sort.DEAREST},
        )
        assert whole(lists, search, limit) == plain

    holds()


def test_each_sort_is_what_it_says(catalogue: Catalogue, lists: Lists) -> None:
    fill(catalogue, lists, many(12))
    prices = [each.price for each in whole(lists, Search(sort=Sort.PRICE), 5)]
    assert prices == sorted(prices)
    assert [each.price for each in whole(lists, Search(sort=Sort.DEAREST), 5)] == prices[::-1]
    ages = [each.created_at for each in whole(lists, Search(sort=Sort.NEWEST), 5)]
    assert ages == sorted(ages, reverse=True)
    names = [each.name.lower().replace("é", "e") for each in whole(lists, Search(), 5)]
    assert names == sorted(names)
    assert len(names) == 12


def test_the_last_page_is_known_for_the_last(catalogue: Catalogue, lists: Lists) -> None:
    fill(catalogue, lists, many(6))
    assert [len(lists.page(Search(), limit)[0]) for limit in (5, 6, 7)] == [5, 6, 6]
    assert [lists.page(Search(), limit)[1] is None for limit in (5, 6, 7)] == [False, True, True]


def test_a_toy_that_changed_a_moment_ago_is_not_shown_as_it_was(
    catalogue: Catalogue, lists: Lists, index: Index
) -> None:
    fill(catalogue, lists, [toy("a", name="Ant"), toy("b", name="Bear"), toy("c", name="Cat")])
    assert index()
    catalogue.show(toy("a", name="Zebra"), 2)
    catalogue.bury("b", 2, now())
    catalogue.show(toy("c", name="Cat", category="Pets"), 2)
    assert [each.name for each in whole(lists, Search(), 1)] == ["Cat"]
    assert whole(lists, Search(category="Outdoor"), 1) == []
    index()
    assert [each.name for each in whole(lists, Search(), 1)] == ["Cat", "Zebra"]
    assert [each.name for each in whole(lists, Search(category="Pets"), 1)] == ["Cat"]


def test_a_page_ends_after_500_entries(catalogue: Catalogue, lists: Lists) -> None:
    """The last toy of 501 is the only one that is meant, and stands on the second page."""
    red = toy("zz", name="Zebra", attributes={"colour": "red"})
    fill(catalogue, lists, [red])
    (entry,) = (
        item for item in kept().values() if item["pk"] == "LIST#ALL" and "NAME" in item["sk"]
    )
    with boto3.resource("dynamodb").Table("Catalogue").batch_writer() as batch:
        for n in range(READ_AT_MOST):
            at = f"NAME#kite\x1ftoy-{n:03}"
            batch.put_item(Item={**entry, "sk": at, "attributes": {"colour": "blue"}})
    search = Search(attributes={"colour": "red"})
    nothing, position = lists.page(search, 25)
    assert nothing == []
    assert position == f"NAME#kite\x1ftoy-{READ_AT_MOST - 1:03}"
    assert lists.page(search, 25, position) == ([red], None)


def test_a_position_of_another_list_is_refused(lists: Lists) -> None:
    for position in ("PRICE#000000100\x1ftoy", "NAME", "ZZZ", "\U0010ffff"):
        with pytest.raises(BadCursor):
            lists.page(Search(), 25, position)
    with pytest.raises(BadCursor):
        lists.page(Search(sort=Sort.PRICE, max_price=1), 25, "PRICE#000000100\x1ftoy")


# The indexer


def test_what_is_told_of_a_toy_gets_into_its_lists(catalogue: Catalogue, index: Index) -> None:
    kite = toy("kite", name="Box Kite", tags=["gift"])
    catalogue.show(kite, 1)
    assert len(index()) == 1
    assert kept() == those_of(kite)
    assert {pk for pk, _ in kept()} >= {"LIST#ALL", "LIST#CATEGORY#Outdoor", "LIST#WORD#gif"}
    bear = toy("kite", name="Bear", price=3, category="Games")
    catalogue.show(bear, 2)
    index()
    assert kept() == those_of(bear)
    catalogue.bury("kite", 3, now())
    index()
    assert kept() == {}
    boto3.resource("dynamodb").Table("Catalogue").delete_item(Key={"pk": "TOY#kite", "sk": "TOY"})
    assert [record["eventName"] for record in index()] == ["REMOVE"]
    assert kept() == {}


def test_a_category_may_have_any_name(catalogue: Catalogue, index: Index, context: Any) -> None:
    catalogue.show(toy("kite", category="TOY"), 1)
    index()
    count = {"Keys": {"pk": {"S": "CATEGORIES"}, "sk": {"S": "TOY"}}}
    image = count["Keys"] | {"count": {"N": "1"}}
    record = {"eventName": "INSERT", "dynamodb": count | {"NewImage": image}}
    indexer.handler({"Records": [record]}, context)
    assert len({pk for pk, _ in kept()}) > 3


def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each call of BatchWriteItem is to write, as calls are made."""
    calls: list[int] = []
    real = indexer.lists._resource.batch_write_item

    def count(**given: Any) -> Any:
        calls.append(len(given["RequestItems"]["Catalogue"]))
        return real(**given)

    monkeypatch.setattr(indexer.lists._resource, "batch_write_item", count)
    return calls


def test_a_unit_sold_writes_no_entry(
    catalogue: Catalogue, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    kite = toy("kite")
    catalogue.show(kite, 1)
    index()
    calls = written(monkeypatch)
    catalogue.show(kite.model_copy(update={"availability": Availability.LOW}), 2)
    assert index()
    assert calls == []
    catalogue.show(kite.model_copy(update={"tags": ("gift",)}), 3)
    index()
    assert sum(calls) > 0


AT = "2026-01-01T00:00:00Z"
STATES: tuple[Toy | None, ...] = (
    toy("x", createdAt=AT, name="A"),
    toy("x", createdAt=AT, name="A", availability="LOW"),
    toy("x", createdAt=AT, name="A", price=9),
    toy("x", createdAt=AT, name="B b", price=9),
    toy("x", createdAt=AT, name="B b", category="C"),
    None,
)
"""What a toy may be, one after the other. None: it is deleted."""


class Memory:
    """Stands for DynamoDB: keeps what is written, and breaks off where it is told to."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        self.left: float = inf
        """Writes that are done until the network is gone."""

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        for request in RequestItems["Catalogue"]:
            if self.left <= 0:
                raise ConnectionError
            self.left -= 1
            if "PutRequest" in request:
                item = request["PutRequest"]["Item"]
                self.items[item["pk"], item["sk"]] = item
            else:
                key = request["DeleteRequest"]["Key"]
                self.items.pop((key["pk"], key["sk"]), None)
        return {"UnprocessedItems": {}}


@settings(suppress_health_check=SLOW)
@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=8), st.data())
def test_however_batches_come_the_lists_end_as_those_of_the_toy(
    lists: Lists, news: list[Toy | None], drawn: st.DataObject
) -> None:
    """Twice, cut anew, late, while the toy changes on, and broken off after any write."""
    memory = Memory()
    lists._resource = memory  # type: ignore[assignment]
    states = [None, *news]
    changes = list(pairwise(states))

    def settle(first: int, last: int, now: int) -> None:
        """Have changes settled from one up to another, at a time when the toy is at a state."""
        seen = [image for change in changes[first : last + 1] for image in change]
        current = states[now]
        lists.settle({"x": seen}, {"x": current} if current else {})

    def some(first: int) -> tuple[int, int]:
        last = drawn.draw(st.integers(first, len(changes) - 1), label="last")
        return last, drawn.draw(st.integers(present, len(changes)), label="now")

    done = present = 0
    while done < len(changes):
        for memory.left in drawn.draw(st.lists(st.integers(0, 99), max_size=2), label="breaks"):
            last, at = some(done)
            present = max(present, at, last + 1)
            with suppress(ConnectionError):
                settle(done, last, present)
        memory.left = inf
        last, at = some(done)
        present = max(present, at, last + 1)
        settle(done, last, present)
        done = last + 1
    late = drawn.draw(st.integers(0, len(changes) - 1), label="late")
    settle(late, some(late)[0], len(changes))
    assert memory.items == those_of(news[-1])


@settings(suppress_health_check=SLOW)
@given(st.permutations(range(6)))
def test_changes_that_were_given_up_can_be_settled_later(lists: Lists, order: list[int]) -> None:
    """In whatever order: what counts is what the toy is now."""
    memory = Memory()
    lists._resource = memory  # type: ignore[assignment]
    states = [None, *STATES[:5], STATES[3]]
    last = states[-1]
    assert last
    for n in order:
        lists.settle({"x": states[n : n + 2]}, {"x": last})
    assert memory.items == those_of(last)


def test_entries_that_dynamodb_left_out_are_written_again(
    catalogue: Catalogue, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(dynamo, "sleep", pauses.append)
    real, calls = indexer.lists._resource.batch_write_item, 0

    def busy(**given: Any) -> Any:
        nonlocal calls
        calls += 1
        asked = given["RequestItems"]["Catalogue"]
        done = asked[: len(asked) // 2] if calls % 2 else asked
        if done:
            real(RequestItems={"Catalogue": done})
        left = asked[len(done) :]
        return {"UnprocessedItems": {"Catalogue": left} if left else {}}

    monkeypatch.setattr(indexer.lists._resource, "batch_write_item", busy)
    catalogue.show(toy("kite"), 1)
    index()
    assert kept() == those_of(catalogue.toy("kite"))
    assert pauses


def test_entries_that_are_never_taken_are_a_failure(
    catalogue: Catalogue, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamo, "sleep", lambda _: None)
    monkeypatch.setattr(
        indexer.lists._resource,
        "batch_write_item",
        lambda RequestItems: {"UnprocessedItems": RequestItems},  # noqa: N803
    )
    catalogue.show(toy("kite"), 1)
    with pytest.raises(Unavailable):
        index()


def longest(letters: str) -> Toy:
    """A toy with as many words, and as long ones, as a toy can have."""
    words = [f"{letters[n % 26]}{letters[n // 26 % 26]}{n:04}" for n in range(400)]
    return toy(
        "kite",
        name=" ".join(words[:17]),
        description=" ".join(words[17:302]),
        category="c" * 60,
        brand="b" * 60,
        tags=[" ".join(words[300 + 5 * n : 305 + 5 * n]) for n in range(20)],
        attributes={f"a{n}{'x' * 37}": "y" * 100 for n in range(30)},
    )


def test_the_toy_with_the_most_entries_stays_within_limits() -> None:
    most = longest("abcdefghijklmnopqrstuvwxyz")
    assert len(most.description) <= 2000
    assert len(most.name) <= 120
    found = entries(most)
    assert 3000 < len(found) < 5500
    sizes = [len(str(item).encode()) for item in found.values()]
    assert max(sizes) < 20 * 1024
