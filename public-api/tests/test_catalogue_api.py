"""The catalogue as everybody sees it: over HTTP, with the indexer keeping its lists."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from public_api import api, etag
from public_api.catalogue import Catalogue
from public_api.model import now
from public_api.toy import Toy

Call = Callable[..., tuple[int, Any, dict[str, str]]]
Put = Callable[..., Toy]


@pytest.fixture
def call(context: Any) -> Call:
    """Asks the API. What it answers: status, body (None: it has none) and headers."""

    def request(
        path: str, query: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        asked = {name: [str(value)] for name, value in (query or {}).items()}
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        event = {
            "httpMethod": "GET",
            "path": path,
            "headers": names,
            "multiValueHeaders": {name: [value] for name, value in names.items()},
            "queryStringParameters": {name: values[-1] for name, values in asked.items()},
            "multiValueQueryStringParameters": asked,
            "requestContext": {"requestId": "request-1", "stage": "api"},
            "body": None,
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        told = {name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()}
        body = answer.get("body")
        return answer["statusCode"], json.loads(body) if body else None, told

    return request


@pytest.fixture
def put(index: Callable[[], Any]) -> Put:
    """Puts a toy on sale, and into its lists: by itself, or with the next."""

    def show(toy_id: str, version: int = 1, *, listed: bool = True, **fields: Any) -> Toy:
        at = now()
        said: dict[str, Any] = {
            "toyId": toy_id,
            "name": toy_id.title(),
            "description": "",
            "category": "Outdoor",
            "brand": "Brand",
            "price": 1999,
            "currency": "EUR",
            "availability": "IN_STOCK",
            "createdAt": at,
            "updatedAt": at,
        }
        toy = Toy.model_validate(said | fields)
        assert Catalogue("Catalogue").show(toy, version)
        if listed:
            index()
        return toy

    return show


def names(answer: tuple[int, Any, Any]) -> list[str]:
    status, page, _ = answer
    assert status == 200, page
    return [toy["name"] for toy in page["items"]]


def test_a_toy_is_shown_to_everybody(call: Call, put: Put) -> None:
    kite = put("kite", attributes={"pieces": 3, "length": 1.5, "batteries": False})
    status, toy, headers = call("/toys/kite")
    assert (status, toy) == (200, kite.model_dump(mode="json"))
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "public, max-age=10"
    assert call("/toys")[1] == {"items": [toy], "cursor": None}
    assert call("/categories")[1] == {"items": [{"category": "Outdoor", "count": 1}]}


def test_a_toy_that_is_not_there_is_not_found(call: Call, put: Put) -> None:
    put("kite")
    Catalogue("Catalogue").bury("kite", 2, now())
    for toy_id in ("kite", "none"):
        status, problem, headers = call(f"/toys/{toy_id}")
        assert (status, problem["error"]["code"]) == (404, "NOT_FOUND")
        assert toy_id in problem["error"]["message"]
        assert "Cache-Control" not in headers
    assert call("/toys")[1]["items"] == []
    assert call("/categories")[1]["items"] == []


def test_toys_come_by_name_whatever_its_case(call: Call, put: Put) -> None:
    for toy_id, name in (("1", "zebra"), ("2", "Apple"), ("3", "ant"), ("4", "Ärmel")):
        put(toy_id, name=name)
    assert names(call("/toys")) == ["ant", "Apple", "Ärmel", "zebra"]


def test_every_parameter_reaches_the_search(call: Call, put: Put) -> None:
    put("a", name="Box Kite", minAge=0, maxAge=12, price=100, attributes={"colour": "red"})
    put("b", name="Bear", category="Soft", brand="Oak", minAge=24, price=300, availability="LOW")
    for query, found in (
        ({"q": "kite BÓX"}, ["Box Kite"]),
        ({"q": ""}, ["Bear", "Box Kite"]),
        ({"category": "Soft"}, ["Bear"]),
        ({"brand": "Oak"}, ["Bear"]),
        ({"minAge": 13}, ["Bear"]),
        ({"maxAge": 23}, ["Box Kite"]),
        ({"minPrice": 101}, ["Bear"]),
        ({"maxPrice": 299}, ["Box Kite"]),
        ({"availability": "LOW"}, ["Bear"]),
        ({"attribute.colour": "red"}, ["Box Kite"]),
        ({"sort": "price"}, ["Box Kite", "Bear"]),
        ({"sort": "-price"}, ["Bear", "Box Kite"]),
        ({"sort": "newest"}, ["Bear", "Box Kite"]),
    ):
        assert names(call("/toys", query)) == found, query


def test_25_toys_are_the_first_page(call: Call, put: Put) -> None:
    for n in range(26):
        put(f"toy-{n:02}", name="T", listed=n == 25)
    page = call("/toys")[1]
    assert [toy["toyId"] for toy in page["items"]] == [f"toy-{n:02}" for n in range(25)]
    (last,) = call("/toys", {"cursor": page["cursor"]})[1]["items"]
    assert last["toyId"] == "toy-25"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"colour": "red"}, 400),
        ({"page": "2"}, 400),
        ({"limit": "x"}, 400),
        ({"minAge": "x"}, 400),
        ({"cursor": "made-up"}, 400),
        ({"cursor": ""}, 400),
        ({"cursor": "é"}, 400),
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"sort": "age"}, 422),
        ({"category": ""}, 422),
        ({"q": "x" * 121}, 422),
        ({"q": "a " * 11}, 422),
        ({"minPrice": "2", "maxPrice": "1"}, 422),
        ({"attribute.": "x"}, 422),
        ({"attribute.a.b": "x"}, 422),
    ],
)
def test_what_no_search_is_is_refused(call: Call, query: dict[str, str], status: int) -> None:
    answered, problem, headers = call("/toys", query)
    assert answered == status
    assert problem["error"]["code"] == {400: "MALFORMED", 422: "OUT_OF_BOUNDS"}[status]
    assert "ETag" not in headers


def test_a_cursor_is_good_for_its_search(call: Call, put: Put) -> None:
    for n in range(3):
        put(f"toy-{n}", name="T")
    cursor = call("/toys", {"limit": 1, "q": "t"})[1]["cursor"]
    assert names(call("/toys", {"limit": 2, "q": "T", "cursor": cursor})) == ["T", "T"]
    for other in ({"q": "t", "sort": "price"}, {"q": "to"}, {}, {"q": "t", "brand": "Brand"}):
        status, problem, _ = call("/toys", {**other, "cursor": cursor})
        assert (status, problem["error"]["code"]) == (400, "MALFORMED")


@pytest.mark.parametrize("path", ["/toys", "/toys/kite", "/categories"])
def test_who_has_it_as_it_is_is_told_so_without_a_body(call: Call, put: Put, path: str) -> None:
    put("kite")
    status, _, headers = call(path)
    tag = headers["ETag"]
    assert call(path)[2]["ETag"] == tag
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*", f'W/"a" ,W/{tag}'):
        status, body, told = call(path, if_none_match=known)
        assert (status, body) == (304, None)
        assert (told["ETag"], told["Cache-Control"]) == (tag, "public, max-age=10")
        assert "Content-Type" not in told
    assert call(path, if_none_match='"other", W/"another"')[0] == 200
    put("kite", 2, price=1, category="Games")
    status, body, told = call(path, if_none_match=tag)
    assert status == 200
    assert body
    assert told["ETag"] != tag


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (None, False),
        ("", False),
        ("abc", False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x","abc"', True),
        ('"abcd"', False),
        (" * ", True),
        ('"*"', False),
    ],
)
def test_what_if_none_match_names(header: str | None, named: bool) -> None:
    assert etag.matches(header, '"abc"') is named
