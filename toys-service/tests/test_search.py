"""What a search means: its bounds, what it matches, and the order that answers it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from toys.model import now
from toys.search import (
    END,
    BadSearch,
    Group,
    Search,
    Sort,
    asked_attributes,
    fold,
    index_keys,
    is_text_of,
    number,
    plan,
)
from toys.toy import Availability, Toy, ToyDraft

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=120).filter(
    lambda name: bool(name.strip())
)


@pytest.fixture(autouse=True)
def aws() -> None:
    """What is tested here knows of no AWS."""


def toy(**fields: Any) -> Toy:
    said: dict[str, Any] = {
        "sku": "KITE-1",
        "name": "Kite",
        "category": "Outdoor",
        "brand": "Wind",
        "price": 1500,
        "currency": "EUR",
        "stock": 9,
    }
    return Toy.create("toy-1", ToyDraft.model_validate(said | fields), now())


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Kite", "kite"),
        ("  Red \t\n kite ", "red kite"),
        ("Pâté d'ÉLAN", "pate d'elan"),
        ("Große STRASSE", "grosse strasse"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("İstanbul", "istanbul"),
        ("ﬁre", "fire"),
        ("a\x01b\x1fc", "ab c"),
        ("\u0301", ""),
    ],
)
def test_names_are_compared_without_case_accents_and_blanks(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(st.text(st.characters(codec="utf-8")))
def test_a_folded_name_is_folded_for_good(name: str) -> None:
    folded = fold(name)
    assert fold(folded) == folded
    assert all(character > END for character in folded)


@given(NAMES, st.integers(1, 120))
def test_a_name_is_found_by_how_it_starts(name: str, length: int) -> None:
    prefix = name.strip()[:length].strip()
    if fold(prefix):
        assert Search(name_prefix=prefix).matches(toy(name=name))


@given(NAMES, st.text(st.characters(codec="utf-8"), min_size=1, max_size=120))
def test_what_matches_lies_in_the_stretch_of_the_index(name: str, prefix: str) -> None:
    try:
        search = Search(name_prefix=prefix)
    except ValidationError:
        return
    key, stretch = index_keys(toy(name=name))["nameKey"], plan(search).prefix
    assert stretch
    if search.matches(toy(name=name)):
        assert key.startswith(stretch)


@pytest.mark.parametrize("letter", ["ﷺ", "힣", "😀", "a"])
def test_keys_are_short_enough_for_dynamodb(letter: str) -> None:
    keys = index_keys(toy(name=letter * 120))
    assert all(len(key.encode()) < 1024 for key in keys.values())
    prefix = plan(Search(name_prefix=letter * 120)).prefix
    assert prefix
    assert keys["nameKey"] == prefix + END + "toy-1"


@given(st.lists(st.tuples(NAMES, st.integers(1, 100_000_000)), min_size=2, max_size=2))
def test_keys_sort_as_what_they_are_made_of(pairs: list[tuple[str, int]]) -> None:
    one, two = (toy(name=name, price=price) for name, price in pairs)
    keys, others = index_keys(one), index_keys(two)
    if len(fold(one.name).encode()) < 480 > len(fold(two.name).encode()):
        names = [fold(t.name) for t in (one, two)]
        assert (keys["nameKey"] < others["nameKey"]) == (names[0] < names[1])
    assert (keys["priceKey"] < others["priceKey"]) == (one.price < two.price)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"min_age": -1}, "min_age"),
        ({"max_age": 1201}, "max_age"),
        ({"min_price": -1}, "min_price"),
        ({"max_price": 100_000_001}, "max_price"),
        ({"category": " "}, "category"),
        ({"brand": "x" * 61}, "brand"),
        ({"availability": "SOME"}, "availability"),
        ({"name_prefix": ""}, "name_prefix"),
        ({"name_prefix": " "}, "name_prefix"),
        ({"name_prefix": "\u0301"}, "name_prefix"),
        ({"name_prefix": "x" * 121}, "name_prefix"),
        ({"sort": "age"}, "sort"),
        ({"attributes": {"Colour": "red"}}, "attributes"),
        ({"attributes": {"": "red"}}, "attributes"),
        ({"attributes": {"colour.shade": "red"}}, "attributes"),
        ({"attributes": {"colour": ""}}, "attributes"),
        ({"attributes": {"colour": "x" * 101}}, "attributes"),
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
    Search(min_age=0, max_age=1200, min_price=0, max_price=100_000_000)
    Search(min_age=7, max_age=7, min_price=7, max_price=7)
    Search(attributes={f"a{n}": "x" for n in range(5)})


@pytest.mark.parametrize(
    ("ages", "asked", "meant"),
    [
        ((24, 48), (None, None), True),
        ((24, 48), (48, None), True),
        ((24, 48), (49, None), False),
        ((24, None), (1200, None), True),
        ((24, 48), (None, 24), True),
        ((24, 48), (None, 23), False),
        ((24, 48), (30, 36), True),
        ((24, 48), (0, 1200), True),
        ((24, 48), (49, 60), False),
        ((0, None), (0, 0), True),
    ],
)
def test_a_toy_is_meant_for_any_age_between(
    ages: tuple[int, int | None], asked: tuple[int | None, int | None], meant: bool
) -> None:
    child = toy(minAge=ages[0], maxAge=ages[1])
    assert Search(min_age=asked[0], max_age=asked[1]).matches(child) is meant


def test_a_toy_that_is_gone_is_not_found() -> None:
    assert Search().matches(toy())
    assert not Search().matches(toy().delete(now()))


def test_availability_is_that_of_the_stock() -> None:
    for stock, told in ((0, "SOLD_OUT"), (5, "LOW"), (6, "IN_STOCK")):
        found = [
            each for each in Availability if Search(availability=each).matches(toy(stock=stock))
        ]
        assert found == [told]


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
        ("1 ", 1, False),
        ("\u0661", 1, False),
        ("NaN", 1, False),
        ("true", True, True),
        ("true", False, False),
        ("True", True, False),
        ("1", True, False),
        ("0", False, False),
        ("true", 1, False),
        ("true", "true", True),
        ("0.1", 0.1, True),
        ("-0", 0, True),
    ],
)
def test_a_text_means_a_value(text: str, value: str | float | bool, meant: bool) -> None:
    assert is_text_of(text, value) is meant


def test_an_attribute_that_a_toy_does_not_have() -> None:
    red = toy(attributes={"colour": "red", "pieces": 12})
    assert Search(attributes={"colour": "red", "pieces": "12"}).matches(red)
    assert not Search(attributes={"colour": "red", "wheels": "4"}).matches(red)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_or_such_as_no_attribute_has(value: float) -> None:
    read = number(json.dumps(value))
    exact = Decimal(str(value))
    assert read in (None, exact)
    if abs(exact) < 10**30 and (exact == 0 or abs(exact) > Decimal("1e-30")):
        assert read == exact


@pytest.mark.parametrize("text", ["1e999", "1e126", "-1e-131", "9" * 39, "1" * 100, "1e9999"])
def test_a_number_that_dynamodb_does_not_have_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("text", ["1" + "0" * 99, "0." + "0" * 97 + "1", "1.5" + "0" * 97])
def test_noughts_make_no_number_too_long(text: str) -> None:
    assert number(text) == Decimal(text)


def test_the_attributes_of_a_request() -> None:
    asked = {"category": ["a,b"], "limit": ["3"], "cursor": ["x"], "attribute.colour": ["red"]}
    assert asked_attributes(asked) == {"colour": "red"}
    assert asked_attributes({}) == {}


@pytest.mark.parametrize("name", ["colour", "attributes", "min_age", "attribute", "Sort", ""])
def test_an_unknown_parameter_is_refused_and_told_what_there_is(name: str) -> None:
    with pytest.raises(BadSearch) as refused:
        asked_attributes({name: ["1"]})
    for allowed in ("category", "minAge", "namePrefix", "sort", "limit", "attribute.<name>"):
        assert allowed in str(refused.value)


@pytest.mark.parametrize("name", ["category", "attribute.colour", "cursor"])
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    with pytest.raises(BadSearch):
        asked_attributes({name: ["1", "2"]})


def test_a_search_has_one_scope_however_it_is_written() -> None:
    one = Search(brand="Wind", attributes={"a": "1", "b": "2"})
    assert one.scope == Search(attributes={"b": "2", "a": "1"}, brand=" Wind ").scope
    others = [
        Search(),
        Search(category="Wind"),
        Search(brand="Wind"),
        Search(brand="Wind", attributes={"a": "2", "b": "1"}),
        Search(brand="Wind", attributes={"a": "1", "b": "2"}, sort=Sort.PRICE),
        Search(brand="Wind", attributes={"a": "1", "b": "2"}, min_age=0),
        Search(brand="Wind", attributes={"a": "1", "b": "2"}, max_age=0),
    ]
    assert len({search.scope for search in (one, *others)}) == 8


def test_a_category_comes_before_a_brand() -> None:
    route = plan(Search(category="Outdoor", brand="Wind", name_prefix="Ki"))
    assert (route.group, route.of, route.prefix) == (Group.CATEGORY, "Outdoor", "ki")
    assert route.rest == Search(brand="Wind")


def test_what_the_sorting_serves_is_not_left_to_ask() -> None:
    prices = {"min_price": 100, "max_price": 200}
    route = plan(Search(brand="Wind", sort=Sort.PRICE, name_prefix="Ki", **prices))
    assert (route.group, route.of) == (Group.BRAND, "Wind")
    assert (route.low, route.high, route.prefix) == ("000000100", "000000201", None)
    assert route.rest == Search(name_prefix="Ki", sort=Sort.PRICE)
    route = plan(Search(sort=Sort.NEWEST, name_prefix="Ki", **prices))
    assert (route.group, route.of, route.low, route.prefix) == (Group.ALL, None, None, None)
    assert route.rest == Search(sort=Sort.NEWEST, name_prefix="Ki", **prices)
    assert route.descends


@given(price=st.integers(1, 100_000_000), bound=st.integers(0, 100_000_000))
def test_a_stretch_of_prices_holds_those_that_match(price: int, bound: int) -> None:
    key = index_keys(toy(price=price))["priceKey"]
    low = plan(Search(min_price=bound, sort=Sort.PRICE)).low
    high = plan(Search(max_price=bound, sort=Sort.PRICE)).high
    assert low
    assert high
    assert (key >= low) == (price >= bound)
    assert (key < high) == (price <= bound)
