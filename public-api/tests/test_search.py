"""What a search means: its bounds, what it matches, and the list that answers it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api.listing import END, lists, place, places, route, toy_at
from public_api.model import now
from public_api.search import BadSearch, Search, Sort, asked_attributes, meanings, means
from public_api.toy import Availability, Toy
from pydantic import ValidationError

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=120)


@pytest.fixture(autouse=True)
def aws() -> None:
    """What is tested here knows of no AWS."""


def toy(**fields: Any) -> Toy:
    at = now()
    said: dict[str, Any] = {
        "toyId": "toy-1",
        "name": "Box Kite",
        "description": "Flies in the lightest wind.",
        "category": "Outdoor",
        "brand": "Hazel & Oak",
        "price": 1500,
        "currency": "EUR",
        "availability": "IN_STOCK",
        "tags": ["Handmade"],
        "createdAt": at,
        "updatedAt": at,
    }
    return Toy.model_validate(said | fields)


@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("", True),
        ("🚂", True),
        ("box kite", True),
        ("KITE bóx", True),
        ("ki", True),
        ("box ki", True),
        ("ki box", False),
        ("hazel oak", True),
        ("handm", True),
        ("outd", True),
        ("light", True),
        ("light wind", False),
        ("lightest wind", True),
        ("ite", False),
        ("box box box", True),
        ("kites", False),
    ],
)
def test_every_word_has_to_be_there_and_the_last_may_be_begun(q: str, meant: bool) -> None:
    assert Search(q=q).matches(toy()) is meant


@pytest.mark.parametrize(
    ("ages", "asked", "meant"),
    [
        ((24, 48), (None, None), True),
        ((24, 48), (48, None), True),
        ((24, 48), (49, None), False),
        ((24, None), (1200, None), True),
        ((24, 48), (None, 24), True),
        ((24, 48), (None, 23), False),
        ((24, 48), (0, 1200), True),
        ((24, 48), (49, 60), False),
    ],
)
def test_a_toy_is_meant_for_any_age_between(
    ages: tuple[int, int | None], asked: tuple[int | None, int | None], meant: bool
) -> None:
    child = toy(minAge=ages[0], maxAge=ages[1])
    assert Search(min_age=asked[0], max_age=asked[1]).matches(child) is meant


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"min_price": 1500, "max_price": 1500}, True),
        ({"min_price": 1501}, False),
        ({"max_price": 1499}, False),
        ({"category": "Outdoor"}, True),
        ({"category": "outdoor"}, False),
        ({"brand": "Hazel & Oak"}, True),
        ({"brand": "Hazel"}, False),
        ({"availability": Availability.IN_STOCK}, True),
        ({"availability": Availability.LOW}, False),
    ],
)
def test_a_search_is_narrowed_by_each_filter(asked: dict[str, Any], meant: bool) -> None:
    assert Search(**asked).matches(toy()) is meant


@pytest.mark.parametrize(
    ("text", "value", "meant"),
    [
        ("red", "red", True),
        ("Red", "red", False),
        ("1", "1", True),
        ("1", 1, True),
        ("1.50", 1.5, True),
        ("15e-1", 1.5, True),
        ("01", 1, False),
        ("+1", 1, False),
        (" 1", 1, False),
        ("\u0661", 1, False),
        ("NaN", 1, False),
        ("true", True, True),
        ("true", False, False),
        ("1", True, False),
        ("0", False, False),
        ("true", 1, False),
        ("true", "true", True),
        ("0.1", 0.1, True),
        ("-0", 0, True),
        ('"red"', "red", False),
        ("[1]", "[1]", True),
    ],
)
def test_a_text_means_a_value(text: str, value: str | float | bool, meant: bool) -> None:
    assert means(text, value) is meant


@given(st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9).map(lambda x: round(x, 6)))
def test_a_number_is_meant_by_its_json(value: float) -> None:
    assert means(json.dumps(value), value)


@pytest.mark.parametrize("text", ["1e999", "1e101", "1e-101", "9" * 29, "1e99999999", "[" * 90_000])
def test_a_number_that_no_attribute_has_is_a_text(text: str) -> None:
    assert meanings(text) == [text]


def test_there_is_no_minus_nought() -> None:
    assert str(meanings("-0")[1]) == "0"
    assert meanings("1" + "0" * 60)[1] == Decimal(10) ** 60


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"min_age": -1}, "min_age"),
        ({"max_age": 1201}, "max_age"),
        ({"min_price": -1}, "min_price"),
        ({"max_price": 100_000_001}, "max_price"),
        ({"category": ""}, "category"),
        ({"brand": "x" * 101}, "brand"),
        ({"availability": "SOME"}, "availability"),
        ({"q": "x" * 121}, "q"),
        ({"q": "a " * 11}, "q"),
        ({"sort": "age"}, "sort"),
        ({"attributes": {"Colour": "red"}}, "attributes"),
        ({"attributes": {"colour.shade": "red"}}, "attributes"),
        ({"attributes": {"colour": ""}}, "attributes"),
        ({"attributes": {f"a{n}": "x" for n in range(6)}}, "attributes"),
        ({"min_age": 12, "max_age": 11}, None),
        ({"min_price": 2, "max_price": 1}, None),
    ],
)
def test_a_search_has_bounds(fields: dict[str, Any], where: str | None) -> None:
    with pytest.raises(ValidationError) as refused:
        Search(**fields)
    assert [error["loc"][:1] for error in refused.value.errors()] == [(where,) if where else ()]


def test_a_search_at_its_bounds() -> None:
    Search(min_age=0, max_age=1200, min_price=0, max_price=100_000_000, q="a " * 10)
    Search(min_age=7, max_age=7, min_price=7, max_price=7, q="x" * 120)
    Search(attributes={f"a{n}": "x" for n in range(5)})


def test_the_attributes_of_a_request() -> None:
    asked = {"category": ["a,b"], "limit": ["3"], "cursor": ["x"], "attribute.colour": ["red"]}
    assert asked_attributes(asked) == {"colour": "red"}
    assert asked_attributes({}) == {}


@pytest.mark.parametrize("name", ["colour", "attributes", "min_age", "attribute", "Sort", ""])
def test_an_unknown_parameter_is_refused_and_told_what_there_is(name: str) -> None:
    with pytest.raises(BadSearch) as refused:
        asked_attributes({name: ["1"]})
    for allowed in ("q", "category", "minAge", "sort", "limit", "attribute.<name>"):
        assert allowed in str(refused.value)


@pytest.mark.parametrize("name", ["q", "attribute.colour", "cursor"])
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    with pytest.raises(BadSearch):
        asked_attributes({name: ["1", "2"]})


def test_a_search_has_one_scope_however_it_is_written() -> None:
    one = Search(q="Box  KITE", attributes={"a": "1", "b": "2"})
    assert one.scope == Search(attributes={"b": "2", "a": "1"}, q="bóx kite!").scope
    others = [
        Search(),
        Search(q="kite box"),
        Search(category="Wind"),
        Search(brand="Wind"),
        Search(q="box kite", attributes={"a": "2", "b": "1"}),
        Search(q="box kite", attributes={"a": "1", "b": "2"}, sort=Sort.PRICE),
        Search(q="box kite", attributes={"a": "1", "b": "2"}, sort=Sort.DEAREST),
        Search(q="box kite", attributes={"a": "1", "b": "2"}, max_age=0),
    ]
    assert len({search.scope for search in (one, *others)}) == 9


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "ALL"),
        ({"brand": "Wind"}, "BRAND#Wind"),
        ({"brand": "Wind", "category": "Outdoor"}, "CATEGORY#Outdoor"),
        ({"brand": "Wind", "category": "Outdoor", "q": "k"}, "WORD#k"),
        ({"q": "box kites"}, "WORD#kite"),
        ({"q": "wooden tr"}, "WORD#wooden"),
        ({"q": "tr wooden"}, "WORD#wooden"),
        ({"q": "box ki"}, "WORD#box"),
    ],
)
def test_a_search_reads_the_list_with_the_fewest_others(asked: dict[str, Any], name: str) -> None:
    assert route(Search(**asked)).name == name


SEARCHES = st.builds(
    Search,
    q=st.lists(st.sampled_from(["box", "kite", "ki", "b", "lightest", "han"])).map(
        lambda found: " ".join(found[:10])
    ),
    category=st.sampled_from([None, "Outdoor"]),
    brand=st.sampled_from([None, "Hazel & Oak"]),
    min_price=st.none() | st.integers(0, 1600),
    max_price=st.none() | st.integers(1600, 3000),
    sort=st.sampled_from(Sort),
)


@given(SEARCHES, st.integers(0, 3000))
def test_what_matches_stands_in_the_stretch_of_the_list(search: Search, price: int) -> None:
    kite = toy(price=price)
    way = route(search)
    if search.matches(kite):
        assert way.name in lists(kite)
        assert way.holds(place(kite, search.sort))
    if search.sort in {Sort.PRICE, Sort.DEAREST}:
        low, high = search.min_price or 0, search.max_price or 3000
        assert way.holds(place(kite, search.sort)) is (low <= price <= high)


@given(st.lists(st.tuples(TEXT, st.integers(0, 100_000_000)), min_size=2, max_size=2))
def test_places_sort_as_what_they_are_made_of(pairs: list[tuple[str, int]]) -> None:
    one, two = (toy(name=name, price=price) for name, price in pairs)
    assert (place(one, Sort.PRICE) < place(two, Sort.PRICE)) == (one.price < two.price)
    by_name = [place(each, Sort.NAME).removeprefix("NAME#") for each in (one, two)]
    folded = [text.partition(END)[0] for text in by_name]
    assert (by_name[0] < by_name[1]) == (folded[0] < folded[1])


@pytest.mark.parametrize("letter", ["ﷺ", "힣", "😀", "a"])
def test_keys_are_short_enough_for_a_table(letter: str) -> None:
    long = toy(name=letter * 120, category=letter * 60, brand=letter * 60, tags=[letter * 40])
    assert all(len(at.encode()) < 1024 and toy_at(at) == "toy-1" for at in places(long))
    assert all(len(name.encode()) < 2048 for name in lists(long))
