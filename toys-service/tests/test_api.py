"""The private API, called as API Gateway calls it."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import api, errors
from toys.model import now
from toys.picture import MOST_SHOWN, MOST_WAITING, Picture, Waiting
from toys.toy import Toy, ToyDraft, merge

CODES = {400: "MALFORMED", 413: "TOO_LARGE", 422: "OUT_OF_BOUNDS"}

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Json = dict[str, Any]


def told(toy: Json) -> Json:
    """What PUT takes of a toy that was read."""
    return {name: toy[name] for name in toy if name in NAMES}


KITE: Json = {
    "sku": "KITE-1",
    "name": "Kite",
    "category": "Outdoor",
    "brand": "Brand",
    "price": 1500,
    "currency": "EUR",
    "stock": 9,
}
NAMES = {field.alias for name, field in ToyDraft.model_fields.items() if name != "stock"}


def test_a_toy_from_its_creation_to_its_end(call: Call, kite: Json) -> None:
    status, toy, headers = call("POST", "/toys", kite)
    assert (status, headers["ETag"]) == (201, ['"1"'])
    assert kite.items() <= toy.items()
    assert toy["pictures"] == []
    path = f"/toys/{toy['toyId']}"
    assert call("GET", path)[1] == toy
    status, cheaper, headers = call("PUT", path, told(toy) | {"price": 990}, {"If-Match": '"1"'})
    assert (status, cheaper["price"], headers["ETag"]) == (200, 990, ['"2"'])
    assert call("GET", path)[1] == cheaper
    assert call("GET", "/toys")[1] == {"items": [cheaper], "cursor": None}
    assert call("DELETE", path, headers={"If-Match": '"2"'})[0] == 204
    assert call("GET", path)[0] == 404
    assert call("GET", "/toys")[1]["items"] == []


def test_an_empty_answer_is_empty_and_not_none(kite: Json, context: Any, call: Call) -> None:
    """API Gateway takes either; not all that stands in for it does."""
    toy = call("POST", "/toys", kite)[1]
    event = {
        "httpMethod": "DELETE",
        "path": f"/toys/{toy['toyId']}",
        "headers": {"If-Match": '"1"'},
        "requestContext": {"requestId": "request-1", "stage": "live"},
    }
    assert api.handler(event, context)["body"] == ""


def test_whatever_is_not_said_is_at_its_default(call: Call, kite: Json) -> None:
    needed = ("sku", "name", "category", "brand", "price", "currency", "stock")
    toy = call("POST", "/toys", {name: kite[name] for name in needed})[1]
    assert (toy["description"], toy["minAge"], toy["maxAge"]) == ("", 0, None)
    assert (toy["tags"], toy["attributes"]) == ([], {})


def test_a_stale_change_is_refused(call: Call, kite: Json) -> None:
    toy = call("POST", "/toys", kite)[1]
    path = f"/toys/{toy['toyId']}"
    call("PUT", path, told(toy) | {"price": 990}, {"If-Match": '"1"'})
    for method, where, body in (
        ("PUT", path, told(toy)),
        ("PATCH", path, {"price": 1}),
        ("PUT", f"{path}/pictures", {"fileIds": []}),
        ("DELETE", path, None),
    ):
        status, content, _ = call(method, where, body, {"If-Match": '"1"'})
        assert (status, content["error"]["code"]) == (412, "STALE")
        status, content, _ = call(method, where, body)
        assert (status, content["error"]["code"]) == (428, "PRECONDITION_MISSING")
    assert call("GET", path)[1]["price"] == 990


@pytest.mark.parametrize(
    ("method", "where", "body"),
    [
        ("PATCH", "", {"price": 990}),
        ("PATCH", "", {"sku": "KITE-2"}),
        ("PATCH", "", {"sku": "TAKEN"}),
        ("PUT", "/pictures", {"fileIds": []}),
        ("DELETE", "", None),
    ],
)
def test_of_two_changes_at_once_one_is_stale(
    call: Call,
    kite: Json,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    where: str,
    body: Any,
) -> None:
    toy = call("POST", "/toys", kite)[1]
    call("POST", "/toys", kite | {"sku": "TAKEN"})
    path = f"/toys/{toy['toyId']}"
    read = api.table.toy(toy["toyId"])
    assert call("PATCH", path, {"price": 700}, {"If-Match": '"1"'})[0] == 200
    with monkeypatch.context() as late:
        late.setattr(api.table, "toy", lambda _: read)
        assert call(method, path + where, body, {"If-Match": '"1"'})[0] == 412
    assert call("GET", path)[1]["price"] == 700
    # What was refused took no SKU, and freed none.
    assert call("POST", "/toys", kite)[0] == 409
    assert call("POST", "/toys", kite | {"sku": "KITE-2"})[0] == 201


def test_a_toy_that_sells_can_still_be_edited(call: Call, kite: Json) -> None:
    """Its stock moves under the same ETag, and an edit leaves the stock as it is."""
    toy = call("POST", "/toys", kite)[1]
    path = f"/toys/{toy['toyId']}"
    moved = call(
        "POST",
        f"{path}/stock-adjustments",
        {"delta": -4, "reason": "broken"},
        {"Idempotency-Key": "1"},
    )
    assert moved[0] == 201
    status, toy, headers = call("PATCH", path, {"name": "Big kite"}, {"If-Match": '"1"'})
    assert (status, toy["stock"], toy["version"], headers["ETag"]) == (200, 5, 3, ['"2"'])


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ("*", 200),
        (' "1" ', 200),
        ('"0", "1"', 200),
        ('"0","1","2"', 200),
        ('W/"1", "1"', 200),
        ('"0,9",\t"1"', 200),
        ('"0"', 412),
        ('"0", "2"', 412),
        ('W/"1"', 412),
        ('w/"1"', 412),
        ('"0", W/"1"', 412),
        ('"*"', 412),
        ("1", 412),
        ('"10"', 412),
        ('"0,"1', 412),
        ("", 412),
    ],
)
def test_if_match_names_one_etag_or_several_or_any(
    call: Call, kite: Json, if_match: str, status: int
) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1"""
    path = f"/toys/{call('POST', '/toys', kite)[1]['toyId']}"
    assert call("PATCH", path, {"price": 990}, {"If-Match": if_match})[0] == status
    assert call("GET", path)[1]["price"] == (990 if status == 200 else 1500)


def test_any_etag_is_one_of_a_toy_that_is_there(call: Call) -> None:
    assert call("DELETE", "/toys/none", headers={"If-Match": "*"})[0] == 404


# Merge patch


def test_a_patch_changes_what_it_names(call: Call, kite: Json) -> None:
    path = f"/toys/{call('POST', '/toys', kite | {'maxAge': 90})[1]['toyId']}"
    patch = {
        "price": 990,
        "description": None,
        "minAge": None,
        "maxAge": None,
        "tags": None,
        "attributes": {"colour": None, "pieces": 4, "strong": True},
    }
    media = {"If-Match": '"1"', "content-type": "application/merge-patch+json"}
    status, toy, _ = call("PATCH", path, patch, media)
    assert status == 200
    assert toy["name"] == "Kite"
    assert (toy["price"], toy["description"], toy["tags"]) == (990, "", [])
    assert (toy["minAge"], toy["maxAge"]) == (0, None)
    assert toy["attributes"] == {"span": 1.4, "pieces": 4, "batteries": False, "strong": True}
    assert call("GET", path)[1] == toy


@pytest.mark.parametrize("name", ["sku", "name", "category", "brand", "price", "currency"])
def test_a_patch_cannot_take_away_what_must_be(call: Call, kite: Json, name: str) -> None:
    toy = call("POST", "/toys", kite)[1]
    path = f"/toys/{toy['toyId']}"
    status, content, _ = call("PATCH", path, {name: None}, {"If-Match": '"1"'})
    assert status == 400
    assert name in content["error"]["message"]
    assert call("GET", path)[1] == toy


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ([], 400),
        ([{"price": 990}], 400),
        ("{", 400),
        ({"stock": 3}, 400),
        ({"pictures": []}, 400),
        ({"toyId": "other"}, 400),
        ({"colour": "red"}, 400),
        ({"price": "990"}, 400),
        ({"price": 0}, 422),
        ({"maxAge": 35}, 422),
        ({"tags": ["a", "a"]}, 422),
        ({"minAge": 12, "min_age": 12}, 400),
        ({"min_age": 12}, 400),
        ({"attributes": {f"more{n}": n for n in range(27)}}, 422),
        ({"attributes": {f"more{n}": None for n in range(61)}}, 422),
    ],
)
def test_a_bad_patch_changes_nothing(call: Call, kite: Json, patch: Any, status: int) -> None:
    toy = call("POST", "/toys", kite)[1]
    path = f"/toys/{toy['toyId']}"
    body = patch if patch == "{" else json.dumps(patch)
    assert call("PATCH", path, body, {"If-Match": '"1"'})[0] == status
    assert call("GET", path)[1] == toy


def test_a_patch_may_put_all_attributes_in_place_of_all_others(call: Call, kite: Json) -> None:
    old, new = ({f"{name}{n}": n for n in range(30)} for name in ("old", "new"))
    path = f"/toys/{call('POST', '/toys', kite | {'attributes': old})[1]['toyId']}"
    patch = {"attributes": dict.fromkeys(old) | new}
    status, toy, _ = call("PATCH", path, patch, {"If-Match": '"1"'})
    assert (status, toy["attributes"]) == (200, new)


def test_a_patch_is_one_only_where_one_is_taken(call: Call, kite: Json) -> None:
    assert call("POST", "/toys", kite, {"content-type": "application/merge-patch+json"})[0] == 400
    toy = call("POST", "/toys", kite)[1]
    media = {"If-Match": '"1"', "content-type": "application/xml"}
    assert call("PATCH", f"/toys/{toy['toyId']}", {"price": 1}, media)[0] == 400


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    # https://www.rfc-editor.org/rfc/rfc7396#appendix-A
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_what_the_standard_says(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


# SKUs


def test_no_two_toys_have_one_sku(call: Call, kite: Json) -> None:
    first = call("POST", "/toys", kite)[1]["toyId"]
    other = call("POST", "/toys", kite | {"sku": "BALL-1"})[1]["toyId"]
    for status, content, _ in (
        call("POST", "/toys", kite),
        call("PATCH", f"/toys/{other}", {"sku": "KITE-1"}, {"If-Match": '"1"'}),
    ):
        assert (status, content["error"]["code"]) == (409, "CONFLICT")
        assert first in content["error"]["message"]
    assert call("GET", f"/toys/{other}")[1]["sku"] == "BALL-1"
    assert len(call("GET", "/toys")[1]["items"]) == 2


def test_a_sku_that_is_given_up_can_be_had(call: Call, kite: Json) -> None:
    path = f"/toys/{call('POST', '/toys', kite)[1]['toyId']}"
    assert call("PATCH", path, {"sku": "KITE-2"}, {"If-Match": '"1"'})[1]["sku"] == "KITE-2"
    second = f"/toys/{call('POST', '/toys', kite)[1]['toyId']}"
    assert call("PATCH", path, {"sku": "KITE-1"}, {"If-Match": '"2"'})[0] == 409
    assert call("DELETE", second, headers={"If-Match": '"1"'})[0] == 204
    assert call("PATCH", path, {"sku": "KITE-1"}, {"If-Match": '"2"'})[1]["revision"] == 3


# Many at once


def test_each_toy_of_a_batch_is_judged_for_itself(call: Call, kite: Json) -> None:
    there = call("POST", "/toys", kite)[1]["toyId"]
    given = [
        kite | {"sku": "A"},
        kite,
        kite | {"sku": "B", "price": 0},
        {"name": "nothing else"},
        "not even that",
        kite | {"sku": "A"},
        kite | {"sku": "C", "stock": 0},
    ]
    status, content, _ = call("POST", "/toys/batch", {"toys": given})
    results = content["results"]
    assert status == 200
    assert [result["status"] for result in results] == [201, 409, 422, 400, 400, 409, 201]
    assert there in results[1]["error"]["message"]
    assert results[0]["toy"]["toyId"] in results[5]["error"]["message"]
    assert results[2]["error"]["code"] == "OUT_OF_BOUNDS"
    assert results[2]["error"]["details"][0]["where"] == "body.price"
    for result in (results[0], results[6]):
        assert call("GET", f"/toys/{result['toy']['toyId']}")[1] == result["toy"]
    assert len(call("GET", "/toys")[1]["items"]) == 3


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "sku": st.sampled_from(["KITE-1", "TAKEN", "kite", "K" * 41]),
    "name": st.sampled_from(["Kite", "", " ", " \N{KITE} ", "x" * 121]),
    "description": st.text(max_size=9),
    "category": st.sampled_from(["Outdoor", "x" * 61]),
    "minAge": st.sampled_from([0, 36, -1, 1201]),
    "maxAge": st.sampled_from([None, 12, 40, 1.5]),
    "price": st.sampled_from([1500, 0, 15.0, 15.5, "15", True]),
    "currency": st.sampled_from(["EUR", "euro"]),
    "stock": st.sampled_from([0, 9, -1, 1_000_001]),
    "tags": st.lists(st.sampled_from(["a", "b", " a", "", 1]), max_size=3),
    "attributes": st.dictionaries(
        st.sampled_from(["colour", "size", "Colour", "a.b"]),
        st.sampled_from(["red", 1, 1.5, True, "", None, [], 10**10]),
    ),
    "min_age": st.just(36),
    "toyId": st.just("mine"),
}


@st.composite
def drafts(draw: st.DrawFn) -> Any:
    """A toy with some fields that are others, or gone, or more than there may be."""
    draft = dict(KITE)
    for name in draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=3)):
        draft[name] = draw(FIELDS[name] | ANYTHING)
    for name in draw(st.sets(st.sampled_from(sorted(draft)), max_size=1)):
        del draft[name]
    return draft


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draft=drafts() | ANYTHING.filter(lambda draft: not isinstance(draft, dict)))
def test_what_a_batch_says_of_a_toy_is_what_would_be_said_of_it_alone(
    call: Call, draft: Any
) -> None:
    taken = Toy.create("taken", ToyDraft.model_validate(KITE | {"sku": "TAKEN"}), now())

    def said(path: str, body: Any) -> tuple[int, Any]:
        empty()
        api.table.add(taken)
        status, content, _ = call("POST", path, json.dumps(body))
        if path == "/toys":
            return status, content.get("error", content)
        assert status == 200
        (result,) = content["results"]
        return result["status"], result["error"] if "error" in result else result["toy"]

    (status, alone), (judged, result) = said("/toys", draft), said("/toys/batch", {"toys": [draft]})
    assert judged == status
    if isinstance(draft, dict):
        for toy in (alone, result):
            for name in ("toyId", "correlationId", "createdAt", "updatedAt"):
                toy.pop(name, None)
        assert result == alone


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"toys": []}, 422), ({"toys": {}}, 400), ({"toys": [{}] * 26}, 422)],
)
def test_a_batch_has_one_to_25_toys(call: Call, body: Any, status: int) -> None:
    assert call("POST", "/toys/batch", body)[0] == status


def empty() -> None:
    """Take everything out of the table: hypothesis makes one for all examples."""
    table = boto3.resource("dynamodb").Table("Table")
    with table.batch_writer() as batch:
        for item in table.scan()["Items"]:
            batch.delete_item(Key={"pk": item["pk"]})


# Bad input


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("{", 400),
        ({"colour": "red"}, 400),
        ({"toyId": "mine"}, 400),
        ({"min_age": 36}, 400),
        ({"name": None}, 400),
        ({"price": "cheap"}, 400),
        ({"price": True}, 400),
        ({"price": 0}, 422),
        ({"price": 100_000_001}, 422),
        ({"currency": "euro"}, 422),
        ({"stock": -1}, 422),
        ({"stock": 1_000_001}, 422),
        ({"name": " "}, 422),
        ({"sku": "kite"}, 422),
        ({"sku": "K" * 41}, 422),
        ({"minAge": -1}, 422),
        ({"maxAge": 1201}, 422),
        ({"minAge": 12, "maxAge": 11}, 422),
        ({"tags": [f"tag {n}" for n in range(21)]}, 422),
        ({"tags": ["x" * 41]}, 422),
        ({"tags": ["garden", " garden"]}, 422),
        ({"attributes": {f"a{n}": n for n in range(31)}}, 422),
        ({"attributes": {"Colour": "red"}}, 422),
        ({"attributes": {"colour": "x" * 101}}, 422),
        ({"attributes": {"colour": ""}}, 422),
        ({"attributes": {"size": 10**10}}, 422),
        ({"attributes": {"colour": None}}, 400),
        ({"attributes": {"colour": ["red"]}}, 400),
        ('{"attributes": {"size": NaN}}', 400),
        ({"description": "x" * 300_000}, 413),
    ],
)
def test_bad_input_is_told_and_stores_nothing(
    call: Call, kite: Json, change: Any, status: int
) -> None:
    body = change
    if change != "{":
        fields = json.loads(change) if isinstance(change, str) else change
        body = json.dumps(kite | fields)
    answered, content, _ = call("POST", "/toys", body)
    assert content["error"].keys() == {"code", "message", "details"}
    assert (answered, content["error"]["code"]) == (status, CODES[status])
    assert call("GET", "/toys")[1]["items"] == []
    assert boto3.resource("dynamodb").Table("Table").scan()["Items"] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [(1.0, 1), (-0.0, 0), (0.1, 0.1), (1e-7, 0), (123456789.125, 123456789.125), (-1e9, -(10**9))],
)
def test_numbers_are_kept_to_six_decimals(
    call: Call, kite: Json, given: float, kept: float
) -> None:
    toy = call("POST", "/toys", kite | {"attributes": {"size": given}})[1]
    again = call("GET", f"/toys/{toy['toyId']}")[1]
    for found in (toy, again):
        assert repr(found["attributes"]["size"]) == repr(kept)


def test_a_toy_that_is_not_there(call: Call, kite: Json) -> None:
    described = {name: value for name, value in kite.items() if name != "stock"}
    for method, path, body in (
        ("GET", "/toys/none", None),
        ("PUT", "/toys/none", described),
        ("PATCH", "/toys/none", {}),
        ("DELETE", "/toys/none", None),
        ("PUT", "/toys/none/pictures", {"fileIds": []}),
        ("POST", "/toys/none/stock-adjustments", {"delta": 1, "reason": "found"}),
        ("GET", "/toys/none/stock-adjustments", None),
        ("GET", "/toys/none/reservations", None),
    ):
        headers = {"If-Match": '"1"', "Idempotency-Key": "1"}
        status, content, _ = call(method, path, body, headers)
        assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
        assert "none" in content["error"]["message"]


def test_the_stock_is_not_said_in_a_description(call: Call, kite: Json) -> None:
    path = f"/toys/{call('POST', '/toys', kite)[1]['toyId']}"
    status, content, _ = call("PUT", path, kite | {"stock": 3}, {"If-Match": '"1"'})
    assert status == 400
    assert "stock" in content["error"]["message"]


def test_a_whole_number_may_be_written_with_a_point(call: Call, kite: Json) -> None:
    body = json.dumps(kite).replace("1500", "1500.0")
    assert call("POST", "/toys", body)[1]["price"] == 1500


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=UTF-8"])
def test_json_may_be_spelt_in_any_case(call: Call, kite: Json, kind: str) -> None:
    assert call("POST", "/toys", kite, {"content-type": kind})[0] == 201


@pytest.mark.parametrize("letter", ["\N{KITE}", "\x01"])
def test_the_largest_page_is_one_that_lambda_answers(
    context: Any, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred toys with all that the models take: of the letters that take most, in all texts.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: six megabytes.
    """
    draft = ToyDraft.model_validate(
        KITE
        | {
            "name": letter * 120,
            "description": letter * 2000,
            "category": letter * 60,
            "brand": letter * 60,
            "tags": [letter * 38 + f"{n:02}" for n in range(20)],
            "attributes": {f"{n:a>40}": letter * 100 for n in range(30)},
        }
    )
    at, ids = now(), [f"{n:0>36}" for n in range(MOST_SHOWN + MOST_WAITING)]
    urls = dict.fromkeys(("thumbnail", "card", "full"), "https://" + "x" * 100)
    shown = tuple(
        Picture(file_id=file_id, name="\N{KITE}" * 100, created_at=at, **urls)
        for file_id in ids[:MOST_SHOWN]
    )
    waiting = tuple(Waiting(file_id=file_id, created_at=at) for file_id in ids[MOST_SHOWN:])
    toy = Toy.create("toy", draft, at).model_copy(update={"pictures": shown, "waiting": waiting})
    # Not out of the table: moto takes a minute for so much.
    monkeypatch.setattr(api.catalogue, "page", lambda *_: ([toy] * 100, None))
    query = {"limit": "100"}
    answer = api.handler(
        {
            "httpMethod": "GET",
            "path": "/toys",
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {"limit": ["100"]},
            "requestContext": {"requestId": "request-1", "stage": "live"},
        },
        context,
    )
    assert len(json.loads(answer["body"])["items"]) == 100
    # As the runtime of Python 3.12 and later hands it over.
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6 * 1024 * 1024


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


# Searches and their cursors


def test_the_pages_together_hold_each_toy_once(call: Call, kite: Json) -> None:
    made = {
        call("POST", "/toys", kite | {"sku": f"K{n}", "name": f"Kite {n}"})[1]["toyId"]
        for n in range(7)
    }
    seen: list[str] = []
    query = {"limit": "3", "sort": "newest"}
    while True:
        page = call("GET", "/toys", query=query)[1]
        seen += [toy["toyId"] for toy in page["items"]]
        if not page["cursor"]:
            break
        query["cursor"] = page["cursor"]
    assert len(seen) == 7
    assert set(seen) == made


def test_a_search_finds_what_it_asks_for(call: Call, kite: Json) -> None:
    red = call("POST", "/toys", kite)[1]
    call("POST", "/toys", kite | {"sku": "K2", "attributes": {"colour": "blue"}})
    call("POST", "/toys", kite | {"sku": "K3", "category": "Indoor"})
    query = {
        "category": "Outdoor",
        "brand": "Brand",
        "minAge": "40",
        "maxAge": "60",
        "minPrice": "1000",
        "maxPrice": "2000",
        "availability": "IN_STOCK",
        "namePrefix": "KI",
        "attribute.colour": "red",
        "attribute.pieces": "3",
        "sort": "price",
    }
    assert call("GET", "/toys", query=query)[1] == {"items": [red], "cursor": None}
    # An edit moves a toy in the indexes.
    assert call("PATCH", f"/toys/{red['toyId']}", {"price": 900}, {"If-Match": '"1"'})[0] == 200
    assert call("GET", "/toys", query=query)[1]["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"colour": "red"}, 400),
        ({"minAge": "old"}, 400),
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"sort": "stock"}, 422),
        ({"minPrice": "2", "maxPrice": "1"}, 422),
        ({"attribute.Colour": "red"}, 422),
        ({"cursor": "made-up"}, 400),
        ({"cursor": ""}, 400),
    ],
)
def test_a_search_that_is_none_is_told(call: Call, query: dict[str, str], status: int) -> None:
    assert call("GET", "/toys", query=query)[0] == status


def test_a_cursor_is_good_for_its_own_list(call: Call, kite: Json) -> None:
    for n in range(2):
        call("POST", "/toys", kite | {"sku": f"K{n}"})
    toys = call("GET", "/toys")[1]["items"]
    cursor = call("GET", "/toys", query={"limit": "1"})[1]["cursor"]
    paths = [f"/toys/{toy['toyId']}/stock-adjustments" for toy in toys]
    for path in paths:
        body = {"delta": 1, "reason": "found"}
        assert call("POST", path, body, {"Idempotency-Key": "1"})[0] == 201
    of_stock = call("GET", paths[0], query={"limit": "1"})[1]["cursor"]
    for path, other in (
        ("/toys", of_stock),
        (paths[0], cursor),
        (paths[1], of_stock),
        (paths[0].replace("stock-adjustments", "reservations"), of_stock),
    ):
        assert call("GET", path, query={"limit": "1", "cursor": other})[0] == 400
    query = {"limit": "1", "cursor": cursor, "sort": "price"}
    assert call("GET", "/toys", query=query)[0] == 400
    assert call("GET", paths[0], query={"limit": "1", "cursor": of_stock})[0] == 200


def test_the_indexes_know_nothing_of_the_stock(call: Call, kite: Json) -> None:
    """A unit sold writes no index: what an index holds of a toy stays as it is."""
    toy = call("POST", "/toys", kite)[1]
    client, held = boto3.client("dynamodb"), ("stock", "version", "updatedAt", "correlationId")
    described = client.describe_table(TableName="Table")["Table"]
    indexes = [one for one in described["GlobalSecondaryIndexes"] if one["IndexName"] != "byToy"]
    assert len(indexes) == 9
    for index in indexes:
        names = {key["AttributeName"] for key in index["KeySchema"]}
        names |= set(index["Projection"]["NonKeyAttributes"])
        assert not names & set(held)
    first = f"/toys/{toy['toyId']}"
    assert call("DELETE", first, headers={"If-Match": '"1"'})[0] == 204
    item = boto3.resource("dynamodb").Table("Table").get_item(Key={"pk": f"TOY#{toy['toyId']}"})
    assert not {"nameKey", "priceKey", "createdKey"} & item["Item"].keys()
