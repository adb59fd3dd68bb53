"""The private API, called as API Gateway calls it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from toys import api, errors

KITE = {
    "name": "Kite",
    "description": "Flies",
    "category": "Outdoor",
    "brand": "Brand",
    "price": 1500,
    "currency": "EUR",
    "stock": 9,
}

CODES = {400: "MALFORMED", 413: "TOO_LARGE", 422: "OUT_OF_BOUNDS"}

Call = Callable[..., tuple[int, Any, dict[str, Any]]]


@pytest.fixture
def call(context: Any) -> Call:
    def request(
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, Any]]:
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"content-type": "application/json"} | (headers or {}),
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "requestContext": {"requestId": "request-1", "stage": "live"},
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        content = json.loads(answer["body"]) if answer.get("body") else None
        return answer["statusCode"], content, answer.get("multiValueHeaders", {})

    return request


def test_a_toy_from_its_creation_to_its_end(call: Call) -> None:
    status, toy, headers = call("POST", "/toys", KITE)
    assert (status, headers["ETag"]) == (201, ['"1"'])
    assert KITE.items() <= toy.items()
    path = f"/toys/{toy['toyId']}"
    assert call("GET", path)[1] == toy
    status, cheaper, headers = call("PUT", path, KITE | {"price": 990}, {"If-Match": '"1"'})
    assert (status, cheaper["price"], headers["ETag"]) == (200, 990, ['"2"'])
    assert call("GET", "/toys")[1] == {"items": [cheaper], "cursor": None}
    assert call("DELETE", path, headers={"If-Match": '"2"'})[0] == 204
    assert call("GET", path)[0] == 404
    assert call("GET", "/toys")[1]["items"] == []


def test_a_stale_change_is_refused(call: Call) -> None:
    toy = call("POST", "/toys", KITE)[1]
    path = f"/toys/{toy['toyId']}"
    call("PUT", path, KITE | {"price": 990}, {"If-Match": '"1"'})
    for method, body in (("PUT", KITE | {"price": 1}), ("DELETE", None)):
        status, content, _ = call(method, path, body, {"If-Match": '"1"'})
        assert (status, content["error"]["code"]) == (412, "STALE")
        status, content, _ = call(method, path, body)
        assert (status, content["error"]["code"]) == (428, "PRECONDITION_MISSING")
    assert call("GET", path)[1]["price"] == 990


def test_the_pages_together_hold_each_toy_once(call: Call) -> None:
    made = {call("POST", "/toys", KITE | {"name": f"Kite {n}"})[1]["toyId"] for n in range(7)}
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        page = call("GET", "/toys", query=query)[1]
        seen += [toy["toyId"] for toy in page["items"]]
        if not page["cursor"]:
            break
        query["cursor"] = page["cursor"]
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        (KITE | {"colour": "red"}, 400),
        ({"name": "Kite"}, 400),
        (KITE | {"price": "cheap"}, 400),
        (KITE | {"price": 0}, 422),
        (KITE | {"currency": "euro"}, 422),
        (KITE | {"stock": -1}, 422),
        (KITE | {"name": " "}, 422),
        (KITE | {"description": "x" * 300_000}, 413),
    ],
)
def test_bad_input_is_told_and_stores_nothing(call: Call, body: Any, status: int) -> None:
    answered, content, _ = call("POST", "/toys", body)
    assert content["error"].keys() == {"code", "message", "details"}
    assert (answered, content["error"]["code"]) == (status, CODES[status])
    assert call("GET", "/toys")[1]["items"] == []


def test_a_toy_that_is_not_there(call: Call) -> None:
    for method in ("GET", "PUT", "DELETE"):
        body = KITE if method == "PUT" else None
        status, content, _ = call(method, "/toys/none", body, {"If-Match": '"1"'})
        assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
        assert "none" in content["error"]["message"]


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=UTF-8"])
def test_json_may_be_spelt_in_any_case(call: Call, kind: str) -> None:
    assert call("POST", "/toys", KITE, {"content-type": kind})[0] == 201


def test_a_failing_table_is_no_fault_of_the_caller(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(api.table, "toy", down)
    status, content, _ = call("GET", "/toys/any")
    assert (status, content["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "table" not in content["error"]["message"]


def test_a_status_without_a_code_of_ours_goes_by_its_name() -> None:
    body = errors.answer(405, "Not like this").body
    assert body
    assert json.loads(body)["error"]["code"] == "METHOD_NOT_ALLOWED"
