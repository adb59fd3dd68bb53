"""The catalogue's search against one that simply looks at all toys, and what it reads for that."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import ConditionExpressionBuilder
from cfnlint.decode import cfn_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import catalogue as module
from toys import store
from toys.catalogue import HASH, RANGE, READ_AT_MOST, Catalogue
from toys.search import Search, Sort, index_keys, plan
from toys.store import Busy, plain
from toys.table import ToysTable
from toys.toy import Availability, Described, Toy, ToyDescription, ToyDraft

TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
INDEXES = {
    index["IndexName"]: index
    for index in TEMPLATE["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]
}
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
FOLDED = {"Kite": "kite", "kité": "kite", "KITE  red": "kite red", "Äpfel": "apfel", "Ball": "ball"}
STOCKS = {Availability.SOLD_OUT: [0], Availability.LOW: [1, 5], Availability.IN_STOCK: [6, 100]}


@st.composite
def toys(draw: st.DrawFn, first: int = 0, most: int = 10) -> list[Toy]:
    """Some toys of few names, prices, ages and so on, so that many of them are alike."""
    return [draw(toy(f"toy-{first + n}")) for n in range(draw(st.integers(0, most)))]


@st.composite
def toy(draw: st.DrawFn, toy_id: str) -> Toy:
    ages = sorted(draw(st.tuples(st.sampled_from([0, 12, 36]), st.sampled_from([12, 36, 99]))))
    said = {
        "sku": toy_id.upper(),
        "name": draw(st.sampled_from(list(FOLDED))),
        "category": draw(st.sampled_from(["Outdoor", "Indoor"])),
        "brand": draw(st.sampled_from(["Wind", "Wood"])),
        "minAge": ages[0],
        "maxAge": draw(st.sampled_from([None, ages[1]])),
        "price": draw(st.sampled_from([1, 99, 100, 100_000_000])),
        "currency": "EUR",
        "attributes": draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "colour": st.sampled_from(["red", "1", "true"]),
                    "size": st.sampled_from([1, 1.5, True, "1"]),
                },
            )
        ),
        "stock": draw(st.sampled_from([0, 1, 5, 6, 100])),
    }
    created = BEGINNING + timedelta(milliseconds=draw(st.integers(0, 3)))
    return Toy.create(toy_id, ToyDraft.model_validate(said), created)


@st.composite
def searches(draw: st.DrawFn) -> Search:
    """Any parameters beside each other, each of them mostly not there."""

    def maybe(*values: Any) -> Any:
        return draw(st.sampled_from([*[None] * 2 * len(values), *values]))

    ages = sorted(draw(st.tuples(*[st.sampled_from([0, 11, 12, 36, 100])] * 2)))
    prices = sorted(draw(st.tuples(*[st.sampled_from([0, 1, 99, 100, 100_000_000])] * 2)))
    colour, size = maybe("red", "1", "true", "blue"), maybe("1", "1.5", "true", "2")
    return Search(
        category=maybe("Outdoor", "Indoor", "Elsewhere"),
        brand=maybe("Wind", "Wood"),
        min_age=maybe(ages[0]),
        max_age=maybe(ages[1]),
        min_price=maybe(prices[0]),
        max_price=maybe(prices[1]),
        availability=maybe(*Availability),
        name_prefix=maybe("k", "KITÉ", "kite r", "a", "z"),
        attributes={
            name: text for name, text in (("colour", colour), ("size", size)) if text is not None
        },
        sort=draw(st.sampled_from(Sort)),
    )


def naive(search: Search, toys: Sequence[Toy]) -> list[str]:
    """The ids of the toys that are asked for, in order, by looking at all of them."""
    prefix = (search.name_prefix or "").lower().replace("é", "e")

    def meant(toy: Toy) -> bool:
        ages = range(toy.min_age, (1200 if toy.max_age is None else toy.max_age) + 1)
        asked = range(search.min_age or 0, (1200 if search.max_age is None else search.max_age) + 1)
        said = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in toy.attributes.items()
        }
        return (
            search.category in (None, toy.category)
            and search.brand in (None, toy.brand)
            and max(ages[0], asked[0]) <= min(ages[-1], asked[-1])
            and toy.price >= (search.min_price or 0)
            and (search.max_price is None or toy.price <= search.max_price)
            and (search.availability is None or toy.stock in STOCKS[search.availability])
            and FOLDED[toy.name].startswith(prefix)
            and search.attributes.items() <= said.items()
        )

    order: dict[Sort, Callable[[Toy], Any]] = {
        Sort.NAME: lambda toy: (FOLDED[toy.name], toy.toy_id),
        Sort.PRICE: lambda toy: (toy.price, toy.toy_id),
        Sort.NEWEST: lambda toy: (toy.created_at, toy.toy_id),
    }
    found = sorted(filter(meant, toys), key=order[search.sort])
    return [toy.toy_id for toy in (found[::-1] if search.sort is Sort.NEWEST else found)]


@cache
def any_catalogue() -> Catalogue:
    return Catalogue("Table")


@cache
def any_table() -> Any:
    return boto3.resource("dynamodb").Table("Table")


def pages(
    search: Search, limit: int, between: Callable[[list[Toy]], None] = lambda _: None
) -> list[list[str]]:
    """The ids on each page of a search, up to the last. `between` is told of each page."""
    position, read = None, list[list[str]]()
    catalogue = any_catalogue()
    while True:
        page, position = catalogue.page(search, limit, position)
        assert len(page) <= limit
        read.append([toy.toy_id for toy in page])
        between(page)
        if position is None:
            return read


def flat(pages: list[list[str]]) -> list[str]:
    return [toy_id for page in pages for toy_id in page]


def put(toys: Sequence[Toy]) -> None:
    """Toys, as the service keeps them, without the way that they come there."""
    with any_table().batch_writer() as batch:
        for toy in toys:
            batch.put_item({"pk": f"TOY#{toy.toy_id}"} | index_keys(toy) | plain(toy))


def remove(toys: Sequence[Toy]) -> None:
    with any_table().batch_writer() as batch:
        for toy in toys:
            batch.delete_item({"pk": f"TOY#{toy.toy_id}"})


@contextmanager
def kept(toys: Sequence[Toy]) -> Iterator[list[Toy]]:
    """These toys in the table, and those that are put into the list later on; none afterwards."""
    there = list(toys)
    put(there)
    try:
        yield there
    finally:
        remove(there)


def count(catalogue: Catalogue) -> Counter[str]:
    """What is read from now on: entries of an index, toys, and calls by their names."""
    read = Counter[str]()

    def after(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        read[model.name] += 1
        read["entries"] += parsed.get("ScannedCount", 0)
        read["toys"] += len(parsed.get("Responses", {}).get("Table", []))

    catalogue._client.meta.events.register("after-call.dynamodb", after)
    return read


def many(number: int, **fields: Any) -> list[Toy]:
    """So many toys, each newer, dearer and later by its name than the one before."""
    said: dict[str, Any] = {"category": "Outdoor", "brand": "Wind", "currency": "EUR", "stock": 9}
    return [
        Toy.create(
            f"toy-{n:05}",
            ToyDraft.model_validate(
                {"sku": f"SKU-{n}", "name": f"Kite {n:05}", "price": n + 1} | said | fields
            ),
            BEGINNING + timedelta(seconds=n),
        )
        for n in range(number)
    ]


@settings(max_examples=35)
@given(toys=toys(), search=searches(), limit=st.integers(1, 12))
def test_the_pages_together_are_what_looking_at_all_toys_finds(
    toys: list[Toy], search: Search, limit: int
) -> None:
    with kept(toys):
        read = pages(search, limit)
    found = naive(search, toys)
    assert flat(read) == found
    # Every page but the last is full, and the last is not empty unless it is the only one.
    assert [len(page) for page in read] == [
        len(found[at : at + limit]) for at in range(0, len(found) or 1, limit)
    ]


def test_each_parameter_is_served_or_filtered_as_asked() -> None:
    values: dict[str, list[Any]] = {
        "category": ["Outdoor", "Elsewhere"],
        "brand": ["Wind"],
        "min_age": [0, 12, 13, 99],
        "max_age": [0, 11, 12, 1200],
        "min_price": [99, 100],
        "max_price": [99, 100_000_000],
        "availability": list(Availability),
        "name_prefix": ["KITÉ", "kite r"],
        "attributes": [{"colour": "true"}, {"size": "1"}, {"size": "1.5"}, {"size": "true"}],
    }
    asked = [{name: value} for name, given in values.items() for value in given]
    with kept(alike()[::5]) as there:
        for fields, sort in product(asked, Sort):
            search = Search.model_validate(fields | {"sort": sort})
            assert flat(pages(search, 100)) == naive(search, there), search


def alike() -> list[Toy]:
    """Toys that have each value of one field beside each value of another, more or less."""
    told = product(FOLDED, ["Outdoor", "Indoor"], ["Wind", "Wood"], [0, 12], [None, 12, 99])
    prices, stocks = cycle([1, 99, 100, 100_000_000]), cycle([0, 1, 5, 6, 100])
    colours = cycle(["red", "1", "true"])
    sizes = cycle(list[str | float | bool]([1, 1.5, True, "1", "1.5", "true", False]))
    return [
        Toy.create(
            f"toy-{n}",
            ToyDraft.model_validate(
                {
                    "sku": f"SKU-{n}",
                    "name": name,
                    "category": category,
                    "brand": brand,
                    "minAge": first,
                    "maxAge": last,
                    "price": next(prices),
                    "currency": "EUR",
                    "attributes": {"colour": next(colours), "size": next(sizes)},
                    "stock": next(stocks),
                }
            ),
            BEGINNING + timedelta(seconds=n % 7),
        )
        for n, (name, category, brand, first, last) in enumerate(told)
    ]


@given(search=searches(), start=st.none() | st.just("kite\x1ftoy-1"))
def test_a_query_is_one_that_dynamodb_takes(search: Search, start: str | None) -> None:
    """It refuses a filter by a key of the index, and values between bounds that descend."""
    asked = module._query(plan(search), start)
    of, by = (key["AttributeName"] for key in INDEXES[asked["IndexName"]]["KeySchema"])
    told = ConditionExpressionBuilder()
    if "FilterExpression" in asked:
        built = told.build_expression(asked["FilterExpression"])
        assert not {of, by} & set(built.attribute_name_placeholders.values())
    built = told.build_expression(asked["KeyConditionExpression"], is_key_condition=True)
    assert set(built.attribute_name_placeholders.values()) <= {of, by}
    if "BETWEEN" in built.condition_expression:
        low, high = list(built.attribute_value_placeholders.values())[1:]
        assert low <= high
    if start:
        assert asked["ExclusiveStartKey"].keys() == {"pk", of, by}


@settings(max_examples=35)
@given(toys=toys(), search=searches(), limit=st.integers(1, 5), most=st.integers(1, 5))
def test_short_pages_still_hold_each_toy_once(
    toys: list[Toy], search: Search, limit: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, kept(toys):
        patch.setattr(module, "READ_AT_MOST", most)
        assert flat(pages(search, limit)) == naive(search, toys)


@settings(max_examples=35)
@given(
    toys=toys(),
    more=toys(first=100, most=6),
    gone=st.sets(st.integers(0, 9)),
    search=searches(),
    limit=st.integers(1, 4),
)
def test_toys_that_come_and_go_between_pages_move_no_other(
    toys: list[Toy], more: list[Toy], gone: set[int], search: Search, limit: int
) -> None:
    """After each page one toy comes, and the last that was shown goes, if it is one to go."""
    coming, added = iter(more), list[Toy]()
    with kept(toys) as there:

        def between(page: list[Toy]) -> None:
            if (new := next(coming, None)) is not None:
                put([new])
                added.append(new)
                there.append(new)
            if page and int(page[-1].toy_id.removeprefix("toy-")) in gone:
                remove(page[-1:])

        seen = flat(pages(search, limit, between))
    assert len(seen) == len(set(seen))
    old = {toy.toy_id for toy in toys}
    assert [toy_id for toy_id in seen if toy_id in old] == naive(search, toys)
    assert set(seen) <= set(naive(search, [*toys, *added]))


def test_what_is_said_of_a_toy_is_found_from_then_on() -> None:
    table, (toy, *others) = ToysTable("Table"), many(3)
    for one in (toy, *others):
        table.add(one)
    assert flat(pages(Search(), 1)) == ["toy-00000", "toy-00001", "toy-00002"]
    said = toy.model_dump(include={*Described.model_fields}) | {"name": "Yo-yo", "brand": "Wood"}
    table.describe(toy.describe(ToyDescription.model_validate(said), BEGINNING), toy)
    assert flat(pages(Search(), 1)) == ["toy-00001", "toy-00002", "toy-00000"]
    assert flat(pages(Search(brand="Wood"), 1)) == ["toy-00000"]
    assert flat(pages(Search(brand="Wind", sort=Sort.NEWEST), 1)) == ["toy-00002", "toy-00001"]
    table.delete(others[0].delete(BEGINNING))
    for sort in Sort:
        assert set(flat(pages(Search(sort=sort), 1))) == {"toy-00000", "toy-00002"}


INDEXED = [
    Search.model_validate(of | by)
    for of, by in product(
        list[dict[str, object]]([{}, {"category": "Outdoor"}, {"brand": "Wind"}]),
        list[dict[str, object]](
            [
                {},
                {"name_prefix": "kite 000"},
                {"sort": Sort.PRICE},
                {"sort": Sort.PRICE, "min_price": 20},
                {"sort": Sort.PRICE, "max_price": 90},
                {"sort": Sort.PRICE, "min_price": 20, "max_price": 90},
                {"sort": Sort.NEWEST},
            ]
        ),
    )
]


def test_what_an_index_serves_reads_a_page_and_one_more_whatever_there_is() -> None:
    with kept([*many(150), *other("toy-x", 100)]):
        for search, limit in [*product(INDEXED, [25]), (Search(), 1)]:
            catalogue, position = Catalogue("Table"), None
            read = count(catalogue)
            for turn in (1, 2):
                page, position = catalogue.page(search, limit, position)
                assert position
                assert len(page) == limit
                assert read["entries"] == read["toys"] == turn * (limit + 1)
            assert read.keys() == {"Query", "BatchGetItem", "entries", "toys"}
            assert (read["Query"], read["BatchGetItem"]) == (2, 2)


def other(prefix: str, number: int) -> list[Toy]:
    """Toys of another category and brand."""
    return [
        toy.model_copy(update={"toy_id": f"{prefix}-{toy.toy_id}"})
        for toy in many(number, category="Indoor", brand="Wood")
    ]


def test_entries_tell_all_that_a_search_filters_by_and_no_unit_sold_writes_one() -> None:
    """DynamoDB names at most 100 attributes for all indexes of a table together."""
    told = {
        name: {key["AttributeName"] for key in index["KeySchema"]}
        | set(index["Projection"]["NonKeyAttributes"])
        for name, index in INDEXES.items()
        if name != "byToy"
    }
    assert told.keys() == {f"{group}By{sort.title()}" for group, sort in product(HASH, RANGE)}
    for name, attributes in told.items():
        assert attributes >= {"brand", "price", "minAge", "maxAge", "attributes", "nameKey"}, name
        assert not attributes & {"stock", "version", "revision", "updatedAt"}
    named = [index["Projection"].get("NonKeyAttributes", []) for index in INDEXES.values()]
    assert sum(map(len, named)) <= 100


def test_a_filter_reads_no_more_than_its_bound_and_fetches_what_it_shows() -> None:
    toys = many(READ_AT_MOST + 100)
    rare = [toy.model_copy(update={"brand": "Wood"}) for toy in toys[-2:]]
    with kept([*toys[:-2], *rare]):
        catalogue = Catalogue("Table")
        read, search = count(catalogue), Search(category="Outdoor", brand="Wood")
        page, position = catalogue.page(search, 25, None)
        assert page == []
        assert position
        assert (read["entries"], read["toys"]) == (READ_AT_MOST, 0)
        page, position = catalogue.page(search, 25, position)
        assert page == rare
        assert position is None
        assert (read["entries"], read["toys"]) == (READ_AT_MOST + 100, 2)
        assert read["Query"] <= 8


def test_a_filter_that_many_pass_reads_little_more_than_it_shows() -> None:
    toys = [
        toy.model_copy(update={"brand": "Wood"}) if n % 2 else toy
        for n, toy in enumerate(many(200))
    ]
    with kept(toys):
        catalogue = Catalogue("Table")
        read = count(catalogue)
        page, _ = catalogue.page(Search(category="Outdoor", brand="Wood"), 25, None)
        assert len(page) == 25
        assert read["entries"] <= 3 * 26
        assert read["toys"] == 26


def test_availability_is_judged_from_toys_that_are_fetched() -> None:
    toys = many(READ_AT_MOST + 10)
    gone = [toy.model_copy(update={"stock": 0}) for toy in toys[90:120]]
    with kept([*toys[:90], *gone, *toys[120:]]):
        catalogue = Catalogue("Table")
        search, read = Search(availability=Availability.SOLD_OUT), count(catalogue)
        page, position = catalogue.page(search, 30, None)
        assert page == gone
        assert read["toys"] == read["entries"] == READ_AT_MOST
        assert catalogue.page(search, 30, position) == ([], None)


@pytest.mark.parametrize(("every", "most"), [(10, 32), (4, 40), (2, 52)])
def test_an_availability_that_many_have_fetches_little_more_than_it_shows(
    every: int, most: int
) -> None:
    """One toy of so many is sold out: the page is a few short, and few more are fetched."""
    toys = [
        toy.model_copy(update={"stock": 0}) if n % every == 0 else toy
        for n, toy in enumerate(many(300))
    ]
    with kept(toys):
        catalogue = Catalogue("Table")
        read, search = count(catalogue), Search(availability=Availability.IN_STOCK)
        page, position = catalogue.page(search, 25, None)
        assert page == [toy for toy in toys if toy.stock][:25]
        assert position
        assert 26 < read["toys"] <= most


def test_a_hundred_toys_fit_on_a_page() -> None:
    toys = many(120)
    with kept(toys):
        catalogue = Catalogue("Table")
        page, position = catalogue.page(Search(), 100, None)
        assert page == toys[:100]
        assert catalogue.page(Search(), 100, position) == (toys[100:], None)


def test_a_toy_that_goes_before_it_is_fetched_leaves_its_place_to_the_next() -> None:
    toys = many(5)
    with kept(toys):
        catalogue = Catalogue("Table")

        meanwhile = [toys[0].delete(BEGINNING)]

        def delete(**_: Any) -> None:
            if meanwhile:
                ToysTable("Table").delete(meanwhile.pop())

        catalogue._client.meta.events.register("before-call.dynamodb.BatchGetItem", delete)
        page, position = catalogue.page(Search(), 2, None)
        assert page == toys[1:3]
        assert position


def test_a_toy_that_was_deleted_is_gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an index tells and what is read without need of the present may be a while behind."""
    toys = many(3)
    with kept(toys):
        catalogue = Catalogue("Table")
        table, client = catalogue._table, catalogue._client
        query, fetch = table.query, client.batch_get_item
        behind: dict[str, Any] = {}

        def indexed(**asked: Any) -> Any:
            return behind.setdefault("index", query(**asked))

        def fetched(**asked: Any) -> Any:
            answer = fetch(**asked)
            if asked["RequestItems"]["Table"].get("ConsistentRead"):
                return answer
            return behind.setdefault("toys", answer)

        monkeypatch.setattr(table, "query", indexed)
        monkeypatch.setattr(client, "batch_get_item", fetched)
        assert catalogue.page(Search(), 9, None) == (toys, None)
        ToysTable("Table").delete(toys[1].delete(BEGINNING))
        assert catalogue.page(Search(), 9, None) == ([toys[0], toys[2]], None)


def held_back(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, calls: float) -> list[int]:
    """For so many calls DynamoDB hands out one toy only. Returns how many each is asked for."""
    made, fetch = list[int](), catalogue._client.batch_get_item
    monkeypatch.setattr(store, "sleep", lambda _: None)

    def some(**asked: Any) -> Any:
        keys = asked["RequestItems"]["Table"]["Keys"]
        made.append(len(keys))
        if len(made) > calls:
            return fetch(**asked)
        answer = fetch(RequestItems={"Table": {"Keys": keys[:1]}})
        return answer | {"UnprocessedKeys": {"Table": {"Keys": keys[1:]}}}

    monkeypatch.setattr(catalogue._client, "batch_get_item", some)
    return made


def test_toys_that_dynamodb_holds_back_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toys = many(9)
    with kept(toys):
        catalogue = Catalogue("Table")
        made = held_back(catalogue, monkeypatch, 3)
        assert catalogue.page(Search(), 9, None) == (toys, None)
        assert made == [9, 8, 7, 6]


def test_a_page_ends_though_dynamodb_goes_on_holding_toys_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with kept(many(9)):
        catalogue = Catalogue("Table")
        made = held_back(catalogue, monkeypatch, float("inf"))
        with pytest.raises(Busy):
            catalogue.page(Search(), 9, None)
        assert len(made) == len(store.PAUSES) + 1
