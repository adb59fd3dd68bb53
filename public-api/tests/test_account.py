"""The profile that a shopper keeps, from one tab and from two."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from public_api import desk

Call = Callable[..., tuple[int, Any, dict[str, Any]]]

BOB = {"sub": "shopper-bob", "email": "bob@example.com"}
ADDRESS = {
    "label": "Home",
    "name": "Ada",
    "line1": "1 Example Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D01 F5P2",
    "country": "IE",
}
PROFILE = {"name": "Ada", "addresses": [ADDRESS]}


def put(call: Call, profile: Any, tag: str | None = None, **more: Any) -> tuple[int, Any, str]:
    """Keep a profile: status, content and ETag."""
    headers = {} if tag is None else {"If-Match": tag}
    status, content, told = call("PUT", "/profile", profile, headers=headers, **more)
    return status, content, told.get("ETag", [""])[0]


def tag_of(call: Call) -> str:
    return str(call("GET", "/profile")[2]["ETag"][0])


def stored() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("Table").scan()["Items"]


def test_a_new_shoppers_profile_is_empty(call: Call) -> None:
    status, profile, headers = call("GET", "/profile")
    assert (status, profile) == (200, {"name": None, "addresses": []})
    assert headers["Cache-Control"] == ["private, no-cache"]
    assert stored() == []


@pytest.mark.parametrize("tag", [None, "*", '"0"', 'W/"0"', '"7", "0"'])
def test_the_first_profile_is_kept(call: Call, tag: str | None) -> None:
    status, profile, first = put(call, PROFILE, tag)
    assert (status, profile) == (200, PROFILE)
    status, seen, headers = call("GET", "/profile")
    assert (status, seen, headers["ETag"]) == (200, PROFILE, [first])
    assert call("GET", "/profile", headers={"If-None-Match": first})[:2] == (304, None)


def test_a_profile_is_one_shoppers_own(call: Call) -> None:
    put(call, PROFILE)
    assert call("GET", "/profile", shopper=BOB)[1] == {"name": None, "addresses": []}
    assert put(call, PROFILE | {"name": "Bob"}, shopper=BOB)[0] == 200
    assert call("GET", "/profile")[1] == PROFILE
    for method in ("GET", "PUT"):
        body = PROFILE if method == "PUT" else None
        assert call(method, "/profile", body, shopper=None)[0] == 401


@pytest.mark.parametrize("weak", ["", "W/"])
def test_a_profile_is_changed_by_who_read_it_last(call: Call, weak: str) -> None:
    first = put(call, PROFILE)[2]
    status, _, second = put(call, PROFILE | {"name": "Ada L."}, weak + first)
    assert status == 200
    assert first != second == tag_of(call)
    status, problem, _ = put(call, PROFILE | {"name": "Eve"}, first)
    assert (status, problem["error"]["code"]) == (412, "STALE")
    assert call("GET", "/profile")[1]["name"] == "Ada L."
    status, problem, _ = put(call, PROFILE | {"name": "Eve"})
    assert (status, problem["error"]["code"]) == (428, "PRECONDITION_MISSING")
    assert put(call, PROFILE | {"name": "Eve"}, "*")[0] == 200


def test_what_is_there_already_can_be_sent_again(call: Call) -> None:
    """The answer to the first one was lost."""
    first = put(call, PROFILE)
    assert put(call, PROFILE) == first
    second = put(call, PROFILE | {"name": "Ada L."}, first[2])
    assert put(call, PROFILE | {"name": "Ada L."}, first[2]) == second
    assert len(stored()) == 1


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("same", [True, False])
def test_of_two_tabs_the_second_is_told_of_the_first(
    call: Call, operation: str, existing: bool, same: bool
) -> None:
    """The other tab is done just before this one's call."""
    if existing:
        put(call, PROFILE)
    tag = tag_of(call)
    other = PROFILE | {"name": "Other"}
    mine = other if same else PROFILE | {"name": "Mine"}
    left = [lambda: put(call, other, tag)]

    def once(**_: Any) -> None:
        if left:
            assert left.pop()()[0] == 200

    events = desk.table._table.meta.client.meta.events
    events.register(hook := f"before-call.dynamodb.{operation}", once)
    try:
        status, _, _ = put(call, mine, tag)
    finally:
        events.unregister(hook, once)
    assert not left
    assert status == (200 if same else 412)
    assert call("GET", "/profile")[1] == other
    assert stored()[0]["version"] == 1 + existing


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_change_that_broke_off_can_be_made_again(call: Call, moment: str) -> None:
    tag = put(call, PROFILE)[2]
    left = [1]

    def crash(**_: Any) -> None:
        if left:
            left.pop()
            raise ConnectionError("the network is gone")

    events = desk.table._table.meta.client.meta.events
    events.register(hook := f"{moment}-call.dynamodb.PutItem", crash)
    try:
        assert put(call, PROFILE | {"name": "Ada L."}, tag)[0] == 500
    finally:
        events.unregister(hook, crash)
    assert put(call, PROFILE | {"name": "Ada L."}, tag)[0] == 200
    assert call("GET", "/profile")[1]["name"] == "Ada L."


def test_a_shopper_may_keep_addresses_and_no_name(call: Call) -> None:
    unnamed = {"name": None, "addresses": [ADDRESS | {"label": None}]}
    assert put(call, unnamed)[:2] == (200, unnamed)
    bare = {name: value for name, value in ADDRESS.items() if name not in ("label", "line2")}
    tag = tag_of(call)
    assert put(call, {"addresses": [bare]}, tag)[1] == unnamed


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ("[]", 400),
        (PROFILE | {"email": "eve@example.com"}, 400),
        (PROFILE | {"name": " "}, 422),
        (PROFILE | {"name": "x" * 121}, 422),
        (PROFILE | {"addresses": [ADDRESS] * 11}, 422),
        (PROFILE | {"addresses": [ADDRESS | {"label": "x" * 41}]}, 422),
        (PROFILE | {"addresses": [ADDRESS | {"country": "Ireland"}]}, 422),
        (PROFILE | {"addresses": [ADDRESS | {"planet": "Mars"}]}, 400),
        (PROFILE | {"addresses": "none"}, 400),
    ],
)
def test_a_bad_profile_is_told(call: Call, body: Any, status: int) -> None:
    answered, problem, _ = call("PUT", "/profile", body)
    assert answered == status
    assert problem["error"]["code"] == {400: "MALFORMED", 422: "OUT_OF_BOUNDS"}[status]
    assert stored() == []


def test_the_largest_profile_is_kept(call: Call) -> None:
    whole = ADDRESS | dict.fromkeys(("name", "line1", "line2", "city"), "\U0001f9f8" * 120)
    largest = {"name": "\U0001f9f8" * 120, "addresses": [whole] * 10}
    assert put(call, largest)[:2] == (200, largest)
