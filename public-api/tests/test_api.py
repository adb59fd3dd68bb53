"""The public API, called as API Gateway calls it."""

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from public_api import api, desk, dynamo, inbox, orders_api
from public_api.cancellation import TooLate, cancel
from public_api.catalogue import Catalogue
from public_api.cursor import write
from public_api.dynamo import PAUSES
from public_api.messages import CancelOrder, of_order
from public_api.model import now
from public_api.order import Cancellation, Order, OrderView, Projection, Step
from public_api.refusal import Refusal
from public_api.table import PublicTable
from public_api.toy import Availability, Toy

ADA = {"sub": "shopper-ada", "email": "ada@example.com"}
BOB = {"sub": "shopper-bob", "email": "bob@example.com"}
ADDRESS = {
    "name": "Ada",
    "line1": "1 Example Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D01 F5P2",
    "country": "IE",
}
BODY: dict[str, Any] = {
    "lines": [{"toyId": "kite", "quantity": 2}],
    "shippingAddress": ADDRESS,
    "paymentMethodId": "pm_card_visa",
}
CODES = {400: "MALFORMED", 413: "TOO_LARGE", 422: "OUT_OF_BOUNDS"}
SHOWN = {
    "orderId",
    "status",
    "reason",
    "cancellation",
    "paymentAction",
    "refund",
    "refunds",
    "downloadsMailed",
    "lines",
    "shippingAddress",
    "currency",
    "shipping",
    "net",
    "tax",
    "gross",
    "taxRate",
    "history",
    "carrier",
    "trackingNumber",
    "deadline",
    "submittedAt",
    "placedAt",
    "updatedAt",
}

Call = Callable[..., tuple[int, Any, dict[str, Any]]]


@pytest.fixture
def table() -> PublicTable:
    return PublicTable("Table")


def put(toy_id: str, version: int = 1, **changes: Any) -> Toy:
    """Put a toy on sale, as the catalogue would tell of it."""
    at = now()
    toy = Toy(
        toy_id=toy_id,
        name=toy_id.title(),
        description="",
        category="Outdoor",
        brand="Brand",
        price=1999,
        currency="EUR",
        availability=Availability.IN_STOCK,
        created_at=at,
        updated_at=at,
    ).model_copy(update=changes)
    assert Catalogue("Catalogue").show(toy, version)
    return toy


@pytest.fixture
def kite() -> Toy:
    return put("kite")


@contextmanager
def at_call(operation: str, moment: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something once, just before or after the API's next call of DynamoDB of that name."""
    clients = [desk.table._table.meta.client, desk.catalogue._client]
    name = f"{moment}-call.dynamodb.{operation}"
    left = [act]

    def once(**_: Any) -> None:
        if left:
            left.pop()()

    for client in clients:
        client.meta.events.register(name, once)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister(name, once)
    assert not left, f"{name} never came"


def crash() -> None:
    raise ConnectionError("the network is gone")


def stored() -> list[dict[str, Any]]:
    """The orders in the table."""
    items = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return [item for item in items if str(item["sk"]).startswith("ORDER#")]


def pages(call: Call, path: str, limit: int, **given: Any) -> list[Any]:
    """The items of all pages."""
    seen: list[Any] = []
    query = {"limit": str(limit)}
    while True:
        status, page, _ = call("GET", path, query=query, **given)
        assert status == 200
        assert len(page["items"]) <= limit
        seen += page["items"]
        if page["cursor"] is None:
            return seen
        query["cursor"] = page["cursor"]


# Orders


def test_an_order_is_answered_at_once_and_shown_as_submitted(call: Call, kite: Toy) -> None:
    status, order, headers = call("POST", "/orders", BODY)
    assert status == 202
    assert headers["Location"] == [f"orders/{order['orderId']}"]
    assert order.keys() == SHOWN
    (line,) = order["lines"]
    assert line == {
        "toyId": "kite",
        "name": "Kite",
        "price": 1999,
        "quantity": 2,
        "category": None,
        "fulfilment": "parcel",
        "undeliverable": False,
    }
    assert order["shippingAddress"] == ADDRESS
    assert [order[name] for name in ("shipping", "net", "tax", "gross")] == [495, 3907, 586, 4493]
    assert order["status"] == "SUBMITTED"
    assert order["history"] == [{"status": "SUBMITTED", "at": order["submittedAt"]}]
    assert order["updatedAt"] == order["submittedAt"]
    assert order["placedAt"] is order["reason"] is order["carrier"] is None
    assert order["cancellation"] is order["paymentAction"] is order["refund"] is None
    assert call("GET", f"/orders/{order['orderId']}")[1] == order
    assert call("GET", "/orders")[1] == {"items": [order], "cursor": None}


def test_the_payment_method_is_never_shown(call: Call, kite: Toy) -> None:
    order_id = call("POST", "/orders", BODY)[1]["orderId"]
    for path in ("/orders", f"/orders/{order_id}"):
        assert BODY["paymentMethodId"] not in json.dumps(call("GET", path)[1])


def test_who_orders_is_who_the_token_says(call: Call, kite: Toy) -> None:
    call("POST", "/orders", BODY, shopper=BOB)
    (item,) = stored()
    assert item["submission"]["customerId"] == BOB["sub"]
    assert item["submission"]["email"] == BOB["email"]
    assert call("POST", "/orders", BODY | {"customerId": ADA["sub"]}, key="key-2")[0] == 400


def test_a_request_without_a_shopper_is_not_let_in(call: Call, kite: Toy) -> None:
    for method, path in (("POST", "/orders"), ("GET", "/orders"), ("GET", "/orders/any")):
        body = BODY if method == "POST" else None
        status, problem, _ = call(method, path, body, shopper=None)
        assert (status, problem["error"]["code"]) == (401, "UNAUTHORIZED")
    assert stored() == []


def told(order: dict[str, Any], shopper: dict[str, str], **changes: Any) -> Projection:
    """The order as it is told of when it was placed."""
    state = order | {"customerId": shopper["sub"], "status": "PLACED", "version": 1}
    placed = now() + timedelta(seconds=1)
    times = {"placedAt": placed, "updatedAt": placed, "history": [Step(status="PLACED", at=placed)]}
    return Projection.model_validate(state | times | changes)


def test_another_shoppers_order_is_not_there(call: Call, kite: Toy, table: PublicTable) -> None:
    order = call("POST", "/orders", BODY)[1]
    assert table.follow(told(order, ADA))
    status, problem, _ = call("GET", f"/orders/{order['orderId']}", shopper=BOB)
    assert (status, problem["error"]["code"]) == (404, "NOT_FOUND")
    assert call("GET", "/orders", shopper=BOB)[1]["items"] == []
    assert call("GET", f"/orders/{order['orderId']}", shopper=ADA)[0] == 200


def test_anothers_cursor_leads_to_none_of_their_orders(call: Call, kite: Toy) -> None:
    for n in range(3):
        call("POST", "/orders", BODY, key=f"key-{n}")
    cursor = call("GET", "/orders", query={"limit": "1"})[1]["cursor"]
    mine = call("POST", "/orders", BODY, shopper=BOB, key="mine")[1]["orderId"]
    page = call("GET", "/orders", shopper=BOB, query={"cursor": cursor})[1]
    assert {order["orderId"] for order in page["items"]} <= {mine}


def test_what_is_told_of_an_order_is_shown_after_its_submission(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    projection = told(order, ADA)
    assert table.follow(projection)
    seen = call("GET", f"/orders/{order['orderId']}")[1]
    assert seen["status"] == "PLACED"
    assert [step["status"] for step in seen["history"]] == ["SUBMITTED", "PLACED"]
    assert seen["submittedAt"] == order["submittedAt"]
    assert seen["placedAt"] == seen["updatedAt"] == projection.model_dump()["placedAt"]


def test_an_order_of_which_only_events_are_known_is_shown(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    lost = order | {"orderId": "01J0000000000000000000LOST"}
    assert table.follow(told(lost, BOB))
    (seen,) = call("GET", "/orders", shopper=BOB)[1]["items"]
    assert (seen["status"], seen["submittedAt"]) == ("PLACED", None)
    assert [step["status"] for step in seen["history"]] == ["PLACED"]


def test_orders_come_newest_first_each_once(call: Call, kite: Toy, table: PublicTable) -> None:
    order = call("POST", "/orders", BODY)[1]
    start = now() + timedelta(days=1)
    for n in range(6):
        at = start + timedelta(seconds=n)
        assert table.follow(told(order | {"orderId": f"later-{n}"}, ADA, placedAt=at))
    seen = [shown["orderId"] for shown in pages(call, "/orders", 2)]
    assert seen == [*(f"later-{n}" for n in reversed(range(6))), order["orderId"]]


# Idempotency


def test_the_same_request_again_gets_the_same_answer_and_makes_one_order(
    call: Call, kite: Toy
) -> None:
    first = call("POST", "/orders", BODY)
    spelt = json.dumps(dict(reversed(BODY.items())), indent=3)
    assert call("POST", "/orders", BODY) == call("POST", "/orders", spelt) == first
    assert len(stored()) == 1


def test_the_same_request_gets_the_same_answer_whatever_happened_since(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    first = call("POST", "/orders", BODY)
    put("kite", version=2, price=1, name="Cheap kite")
    assert call("POST", "/orders", BODY) == first
    assert Catalogue("Catalogue").bury("kite", 3, now())
    assert call("POST", "/orders", BODY) == first
    assert table.follow(told(first[1], ADA))
    assert call("POST", "/orders", BODY) == first
    assert len(stored()) == 1
    assert call("GET", "/orders")[1]["items"][0]["status"] == "PLACED"


def test_a_key_is_for_one_body(call: Call, kite: Toy) -> None:
    first = call("POST", "/orders", BODY)[1]
    for other in (
        BODY | {"lines": [{"toyId": "kite", "quantity": 3}]},
        BODY | {"paymentMethodId": "pm_card_mastercard"},
        BODY | {"shippingAddress": ADDRESS | {"city": "Cork"}},
    ):
        status, problem, _ = call("POST", "/orders", other)
        assert (status, problem["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert call("GET", "/orders")[1]["items"] == [first]


def test_a_key_is_one_shoppers_own(call: Call, kite: Toy) -> None:
    orders = [call("POST", "/orders", BODY, shopper=who)[1]["orderId"] for who in (ADA, BOB)]
    assert len(set(orders)) == len(stored()) == 2


def test_another_key_is_another_order(call: Call, kite: Toy) -> None:
    orders = {call("POST", "/orders", BODY, key=key)[1]["orderId"] for key in ("a", "b", "A")}
    assert len(orders) == len(stored()) == 3


def test_a_key_whose_order_is_only_known_from_events_makes_no_second_one(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    boto3.resource("dynamodb").Table("Table").delete_item(
        Key={"pk": f"SHOPPER#{ADA['sub']}", "sk": f"ORDER#{order['orderId']}"}
    )
    assert table.follow(told(order, ADA))
    for same in (
        BODY,
        BODY | {"paymentMethodId": "pm_card_mastercard"},
        # The shop may have changed where it goes since.
        BODY | {"shippingAddress": ADDRESS | {"city": "Cork"}},
    ):
        status, seen, headers = call("POST", "/orders", same)
        assert (status, seen["orderId"], seen["status"]) == (202, order["orderId"], "PLACED")
        assert headers["Location"] == [f"orders/{order['orderId']}"]
    for other in (
        BODY | {"lines": [{"toyId": "kite", "quantity": 3}]},
        BODY | {"lines": [{"toyId": "kite", "quantity": 2}, {"toyId": "yoyo", "quantity": 1}]},
    ):
        status, problem, _ = call("POST", "/orders", other)
        assert (status, problem["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    (item,) = stored()
    assert "submission" not in item


def test_a_key_whose_order_was_lost_before_anybody_told_of_it_makes_the_same_one_again(
    call: Call, kite: Toy
) -> None:
    order = call("POST", "/orders", BODY)[1]
    boto3.resource("dynamodb").Table("Table").delete_item(
        Key={"pk": f"SHOPPER#{ADA['sub']}", "sk": f"ORDER#{order['orderId']}"}
    )
    assert call("POST", "/orders", BODY)[1]["orderId"] == order["orderId"]


# What it is expected to cost


def test_an_order_is_made_at_the_price_that_was_told(call: Call, kite: Toy) -> None:
    quote = call("POST", "/quotes", {"lines": BODY["lines"]}, shopper=None)[1]
    status, order, _ = call("POST", "/orders", BODY | {"expectedGross": quote["gross"]})
    assert (status, order["gross"]) == (202, quote["gross"])


@pytest.mark.parametrize("expected", [0, 4492, 4494])
def test_an_order_is_not_made_at_another_price(call: Call, kite: Toy, expected: int) -> None:
    status, problem, _ = call("POST", "/orders", BODY | {"expectedGross": expected})
    assert (status, problem["error"]["code"]) == (409, "PRICE_CHANGED")
    assert problem["error"]["details"] == [{"what": "GROSS", "was": expected, "now": 4493}]
    assert stored() == []
    # nothing was made, so that the key is still free
    assert call("POST", "/orders", BODY | {"expectedGross": 4493})[0] == 202


def test_an_order_that_was_made_is_found_whatever_is_expected_since(call: Call, kite: Toy) -> None:
    first = call("POST", "/orders", BODY | {"expectedGross": 4493})
    put("kite", version=2, price=5000)
    for expected in ({}, {"expectedGross": 10000}, {"expectedGross": 4493}):
        assert call("POST", "/orders", BODY | expected) == first
    assert len(stored()) == 1


@pytest.mark.parametrize(
    ("expected", "status"), [("4493", 400), (1.5, 400), (True, 400), (-1, 422), (10**9, 422)]
)
def test_what_is_expected_is_an_amount(call: Call, kite: Toy, expected: Any, status: int) -> None:
    assert call("POST", "/orders", BODY | {"expectedGross": expected})[0] == status
    assert stored() == []


# To follow an order


def test_an_order_that_is_as_it_was_is_not_sent_again(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    path = f"/orders/{order['orderId']}"
    tags: list[str] = []
    for act in (
        lambda: None,
        lambda: follow(table, order, "PLACED", 1),
        lambda: follow(table, order, "CONFIRMED", 2),
        lambda: call("POST", f"{path}/cancellation"),
    ):
        act()
        status, seen, headers = call("GET", path)
        assert (status, seen["orderId"]) == (200, order["orderId"])
        assert headers["Cache-Control"] == ["private, no-cache"]
        assert all(call("GET", path, headers={"If-None-Match": tag})[0] == 200 for tag in tags)
        (tag,) = headers["ETag"]
        status, nothing, again = call("GET", path, headers={"If-None-Match": f'"x", W/{tag}'})
        assert (status, nothing, again["ETag"]) == (304, None, [tag])
        assert again["Retry-After"] == headers["Retry-After"]
        tags.append(tag)
    assert len(set(tags)) == 4
    assert call("GET", path, shopper=BOB, headers={"If-None-Match": tags[-1]})[0] == 404


@pytest.mark.parametrize(
    ("status", "changes", "seconds"),
    [
        (None, {}, 1),
        ("PLACED", {}, 1),
        ("RESERVED", {}, 1),
        ("RESERVED", {"paymentAction": {"clientSecret": "s"}}, 2),
        ("CONFIRMED", {}, 15),
        ("CANCELLING", {}, 2),
        ("DISPATCHED", {}, 15),
        ("DELIVERED", {}, None),
        ("CANCELLED", {}, None),
        ("CANCELLED", {"refund": {"amount": 4493, "status": "PENDING"}}, 2),
        ("CANCELLED", {"refund": {"amount": 4493, "status": "REFUNDED"}}, None),
        ("CONFIRMED", {"refund": {"amount": 500, "status": "PENDING"}}, 2),
        ("DELIVERED", {"refund": {"amount": 500, "status": "PENDING"}}, 2),
        ("DELIVERED", {"refund": {"amount": 500, "status": "REFUNDED"}}, None),
    ],
)
def test_when_it_is_worth_asking_again(
    call: Call,
    kite: Toy,
    table: PublicTable,
    status: str | None,
    changes: dict[str, Any],
    seconds: int | None,
) -> None:
    order = call("POST", "/orders", BODY)[1]
    if status:
        assert table.follow(told(order, ADA, status=status, **changes))
    headers = call("GET", f"/orders/{order['orderId']}")[2]
    assert headers.get("Retry-After") == (None if seconds is None else [str(seconds)])


def test_a_wish_to_cancel_is_worth_asking_for_until_it_is_decided(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    path = f"/orders/{order['orderId']}"
    follow(table, order, "CONFIRMED")
    call("POST", f"{path}/cancellation")
    assert call("GET", path)[2]["Retry-After"] == ["2"]
    follow(table, order, "DISPATCHED", 2)
    assert call("GET", path)[2]["Retry-After"] == ["15"]


@given(
    quiet=st.integers(0, 10_000),
    status=st.sampled_from(["PLACED", "RESERVED", "CONFIRMED", "CANCELLING", "DISPATCHED", "NEW"]),
)
def test_the_longer_nothing_is_told_the_less_it_is_worth_asking(quiet: int, status: str) -> None:
    at = now()
    order = Order(projection=projected(status, at))
    seconds = order.patience(at + timedelta(seconds=quiet))
    assert seconds is not None
    assert max(1, min(15, quiet // 10)) <= seconds <= 15


# Six months


def test_orders_are_listed_for_six_months(call: Call, kite: Toy, table: PublicTable) -> None:
    order = call("POST", "/orders", BODY)[1]
    for days in (1, 183, 185, 400):
        at = now() - timedelta(days=days)
        assert table.follow(told(order | {"orderId": f"{days}"}, ADA, placedAt=at))
    assert [shown["orderId"] for shown in pages(call, "/orders", 1)] == [
        order["orderId"],
        "1",
        "183",
    ]
    assert call("GET", "/orders/400")[0] == 200


def test_a_page_that_began_six_months_ago_is_the_last(
    call: Call, kite: Toy, table: PublicTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = call("POST", "/orders", BODY)[1]
    for days in (183, 183.5):
        at = now() - timedelta(days=days)
        assert table.follow(told(order | {"orderId": f"{days}"}, ADA, placedAt=at))
    cursor = call("GET", "/orders", query={"limit": "2"})[1]["cursor"]
    assert call("GET", "/orders", query={"cursor": cursor})[1]["items"]
    monkeypatch.setattr(orders_api, "SIX_MONTHS", timedelta(days=90))
    page = call("GET", "/orders", query={"cursor": cursor})[1]
    assert page == {"items": [], "cursor": None}


# Two at once


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "PutItem"])
@pytest.mark.parametrize("same", [True, False])
def test_two_requests_at_once_make_one_order(
    call: Call, kite: Toy, operation: str, same: bool
) -> None:
    """The second comes, and is done, just before the first one makes its call."""
    other = BODY if same else BODY | {"paymentMethodId": "pm_card_mastercard"}
    second: list[Any] = []
    with at_call(operation, "before", lambda: second.append(call("POST", "/orders", other))):
        first = call("POST", "/orders", BODY)
    assert second[0][0] == 202
    if same:
        assert first == second[0]
    else:
        assert (first[0], first[1]["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    (item,) = stored()
    assert item["submission"]["paymentMethodId"] == other["paymentMethodId"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "PutItem"])
def test_a_request_that_broke_off_can_be_made_again(
    call: Call, kite: Toy, operation: str, moment: str
) -> None:
    with at_call(operation, moment, crash):
        status, problem, _ = call("POST", "/orders", BODY)
    assert (status, problem["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert len(stored()) == (operation == "PutItem" and moment == "after")
    assert call("POST", "/orders", BODY)[0] == 202
    assert len(stored()) == 1


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that are waited before toys are asked for again."""
    waited: list[float] = []
    monkeypatch.setattr(dynamo, "sleep", waited.append)
    return waited


def test_toys_that_dynamodb_left_out_are_asked_for_again(
    call: Call, kite: Toy, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, asked = desk.catalogue._resource.batch_get_item, []

    def busy(**given: Any) -> Any:
        asked.append(given)
        if len(asked) % 2:
            return {"Responses": {}, "UnprocessedKeys": given["RequestItems"]}
        return whole(**given)

    monkeypatch.setattr(desk.catalogue._resource, "batch_get_item", busy)
    assert call("POST", "/orders", BODY)[0] == 202
    assert asked[0] == asked[1]
    (pause,) = pauses
    assert 0 <= pause <= PAUSES[0]


def test_toys_that_never_come_are_not_unknown(
    call: Call, kite: Toy, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"Responses": {}, "UnprocessedKeys": {"Catalogue": {"Keys": [{"pk": "", "sk": ""}]}}}
    monkeypatch.setattr(desk.catalogue._resource, "batch_get_item", lambda **_: nothing)
    assert call("POST", "/orders", BODY)[0] == 500
    assert stored() == []
    assert len(pauses) == len(PAUSES)
    assert all(pause <= longest for pause, longest in zip(pauses, PAUSES, strict=True))
    assert len(set(pauses)) > 1


# Cancellation


def cancellation(order: dict[str, Any]) -> str:
    return f"/orders/{order['orderId']}/cancellation"


def follow(table: PublicTable, order: dict[str, Any], status: str, version: int = 1) -> Projection:
    """Tell of Ada's order that it came to a status."""
    at = now()
    history = [Step(status="PLACED", at=at), Step(status=status, at=at)]
    projection = told(order, ADA, status=status, version=version, history=history)
    table.follow(projection)
    return projection


def asked() -> list[Any]:
    """The wishes to cancel that are kept."""
    return [item["cancellation"] for item in stored() if "cancellation" in item]


@pytest.mark.parametrize("body", [None, "", "null", {}, {"amount": None}, {"amount": 4493}])
def test_an_order_of_which_nothing_was_told_can_be_cancelled(
    call: Call, kite: Toy, body: Any
) -> None:
    order = call("POST", "/orders", BODY)[1]
    status, seen, _ = call("POST", cancellation(order), body)
    assert status == 202
    wish = seen.pop("cancellation")
    assert wish["outcome"] == "REQUESTED"
    assert wish["requestedAt"] >= order["submittedAt"]
    assert seen == {name: value for name, value in order.items() if name != "cancellation"}
    assert asked() == [{"requestedAt": wish["requestedAt"]}]
    assert call("GET", f"/orders/{order['orderId']}")[1] == seen | {"cancellation": wish}
    assert call("GET", "/orders")[1]["items"] == [seen | {"cancellation": wish}]


@pytest.mark.parametrize("status", ["PLACED", "RESERVED", "CONFIRMED", "BEING_WRAPPED"])
def test_an_order_that_has_not_left_can_be_cancelled(
    call: Call, kite: Toy, table: PublicTable, status: str
) -> None:
    order = call("POST", "/orders", BODY)[1]
    follow(table, order, status)
    answered, seen, _ = call("POST", cancellation(order))
    assert (answered, seen["status"]) == (202, status)
    assert seen["cancellation"]["outcome"] == "REQUESTED"
    assert len(asked()) == 1


def test_an_order_of_which_only_events_are_known_can_be_cancelled(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY, shopper=BOB)[1] | {"orderId": "only-told"}
    follow(table, order, "PLACED")
    assert call("POST", cancellation(order))[0] == 202
    assert len(asked()) == 1


@pytest.mark.parametrize("status", ["CANCELLING", "CANCELLED"])
def test_a_cancelled_order_is_shown_as_it_is(
    call: Call, kite: Toy, table: PublicTable, status: str
) -> None:
    order = call("POST", "/orders", BODY)[1]
    follow(table, order, status)
    before = stored()
    answered, seen, _ = call("POST", cancellation(order))
    assert (answered, seen["status"], seen["cancellation"]) == (202, status, None)
    assert stored() == before


def test_cancelled_again_nothing_more_is_written(call: Call, kite: Toy) -> None:
    order = call("POST", "/orders", BODY)[1]
    first = call("POST", cancellation(order))
    before = stored()
    assert call("POST", cancellation(order)) == first
    assert stored() == before


@pytest.mark.parametrize("wished", [True, False])
@pytest.mark.parametrize("status", ["DISPATCHED", "DELIVERED"])
def test_what_has_left_cannot_be_cancelled(
    call: Call, kite: Toy, table: PublicTable, status: str, wished: bool
) -> None:
    order = call("POST", "/orders", BODY)[1]
    if wished:
        call("POST", cancellation(order))
    projection = follow(table, order, status)
    before = stored()
    answered, problem, _ = call("POST", cancellation(order))
    assert (answered, problem["error"]["code"]) == (409, "TOO_LATE")
    assert f"{projection.updated_at:%Y-%m-%d}" in problem["error"]["message"]
    assert stored() == before


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("RESERVED", "REQUESTED"),
        ("CANCELLING", "REQUESTED"),
        ("CANCELLED", "CANCELLED"),
        ("DISPATCHED", "TOO_LATE"),
        ("DELIVERED", "TOO_LATE"),
    ],
)
def test_what_comes_of_the_wish_is_shown(
    call: Call, kite: Toy, table: PublicTable, status: str, outcome: str
) -> None:
    order = call("POST", "/orders", BODY)[1]
    wish = call("POST", cancellation(order))[1]["cancellation"]
    follow(table, order, status)
    seen = call("GET", f"/orders/{order['orderId']}")[1]
    assert seen["cancellation"] == wish | {"outcome": outcome}
    assert call("GET", "/orders")[1]["items"] == [seen]


@pytest.mark.parametrize("amount", [0, -1, 1, 4492, 4494, 10**30])
@pytest.mark.parametrize("status", [None, "CONFIRMED", "CANCELLED", "DELIVERED"])
def test_an_order_is_cancelled_whole(
    call: Call, kite: Toy, table: PublicTable, amount: int, status: str | None
) -> None:
    order = call("POST", "/orders", BODY)[1]
    if status:
        follow(table, order, status)
    answered, problem, _ = call("POST", cancellation(order), {"amount": amount})
    assert (answered, problem["error"]["code"]) == (422, "PARTIAL_REFUND")
    assert "give 4493" in problem["error"]["message"]
    assert asked() == []


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "[null]",
        [{"amount": 4493}],
        "1",
        '"4493"',
        '{"amount": NaN}',
        {"amount": "4493"},
        {"amount": 1.5},
        {"amount": True},
    ],
)
def test_a_bad_cancellation_is_told(call: Call, kite: Toy, body: Any) -> None:
    order = call("POST", "/orders", BODY)[1]
    for bad in (body, {"reason": "none"}, {"amount": 4493, "why": 1}):
        status, problem, _ = call("POST", cancellation(order), bad)
        assert (status, problem["error"]["code"]) == (400, "MALFORMED")
    assert asked() == []


def test_another_shoppers_order_cannot_be_cancelled(call: Call, kite: Toy) -> None:
    order = call("POST", "/orders", BODY)[1]
    for path in (cancellation(order), "/orders/none/cancellation"):
        status, problem, _ = call("POST", path, shopper=BOB)
        assert (status, problem["error"]["code"]) == (404, "NOT_FOUND")
    assert call("POST", cancellation(order), shopper=None)[0] == 401
    assert call("POST", f"/orders/{'x' * 101}/cancellation")[0] == 422
    assert asked() == []
    assert len(stored()) == 1


def test_an_order_that_is_cancelled_gets_the_same_answer_to_its_own_request(
    call: Call, kite: Toy
) -> None:
    first = call("POST", "/orders", BODY)
    call("POST", cancellation(first[1]))
    assert call("POST", "/orders", BODY) == first
    assert len(asked()) == 1


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_two_cancellations_at_once_are_one(call: Call, kite: Toy, operation: str) -> None:
    order = call("POST", "/orders", BODY)[1]
    second: list[Any] = []
    with at_call(operation, "before", lambda: second.append(call("POST", cancellation(order)))):
        first = call("POST", cancellation(order))
    assert [first] == second
    assert first[0] == 202
    assert len(asked()) == 1


@pytest.mark.parametrize(
    ("status", "answer", "kept"),
    [
        ("CONFIRMED", 202, 1),
        ("CANCELLING", 202, 0),
        ("CANCELLED", 202, 0),
        ("DISPATCHED", 409, 0),
        ("DELIVERED", 409, 0),
    ],
)
@pytest.mark.parametrize("was", [None, "PLACED"])
@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_what_is_told_while_an_order_is_being_cancelled_counts(
    call: Call,
    kite: Toy,
    table: PublicTable,
    operation: str,
    was: str | None,
    status: str,
    answer: int,
    kept: int,
) -> None:
    """It is told just before the API's call."""
    order = call("POST", "/orders", BODY)[1]
    if was:
        follow(table, order, was)
    with at_call(operation, "before", lambda: follow(table, order, status, 2)):
        answered, seen, _ = call("POST", cancellation(order))
    assert answered == answer
    if answer == 202:
        assert seen["status"] == status
    assert len(asked()) == kept
    (item,) = stored()
    assert item["projection"]["status"] == status
    assert "submission" in item


def test_an_order_that_never_stands_still_is_a_failure(
    call: Call, kite: Toy, table: PublicTable
) -> None:
    order = call("POST", "/orders", BODY)[1]
    versions = iter(range(1, 100))
    events, hook = desk.table._table.meta.client.meta.events, "before-call.dynamodb.UpdateItem"

    def tell(**_: Any) -> None:
        follow(table, order, "PLACED", next(versions))

    events.register(hook, tell)
    try:
        assert call("POST", cancellation(order))[0] == 500
    finally:
        events.unregister(hook, tell)
    assert next(versions) == orders_api.ATTEMPTS + 1
    assert asked() == []
    assert call("POST", cancellation(order))[0] == 202


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_a_cancellation_that_broke_off_can_be_asked_again(
    call: Call, kite: Toy, operation: str, moment: str
) -> None:
    order = call("POST", "/orders", BODY)[1]
    with at_call(operation, moment, crash):
        assert call("POST", cancellation(order))[0] == 500
    assert len(asked()) == (operation == "UpdateItem" and moment == "after")
    assert call("POST", cancellation(order))[0] == 202
    assert len(asked()) == 1


ROADS = [
    ["PLACED", "CONFIRMED", "DISPATCHED", "DELIVERED"],
    ["PLACED", "RESERVED", "CONFIRMED", "CANCELLING", "CANCELLED"],
    ["PLACED", "CONFIRMED", "CANCELLING", "DISPATCHED", "DELIVERED"],
    ["PLACED", "CANCELLED", "CANCELLED"],
]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data())
def test_however_it_goes_one_command_is_sent_for_a_wish_that_was_taken_in_time(
    call: Call, kite: Toy, table: PublicTable, drawn: st.DataObject
) -> None:
    """Each change of the order is shown to the outbox, while it is told of, cancelled, and asked
    again, in any order.
    """
    key = str(uuid.uuid4())  # drawn, it might come twice: the table is one for all examples
    order = call("POST", "/orders", BODY, key=key)[1]
    road = drawn.draw(st.sampled_from(ROADS))
    news = [("tell", version) for version in range(1, len(road) + 1)]
    acts = drawn.draw(st.permutations(news + news[:2] + [("cancel", 0)] * 2 + [("submit", 0)]))
    sent: list[Any] = []
    accepted = 0
    before = table.order(ADA["sub"], order["orderId"])
    for act, version in acts:
        match act:
            case "tell":
                follow(table, order, road[version - 1], version)
            case "submit":
                call("POST", "/orders", BODY, key=key)
            case "cancel":
                left = before is not None and before.status in ("DISPATCHED", "DELIVERED")
                ended = before is not None and before.status in ("CANCELLING", "CANCELLED")
                status = call("POST", cancellation(order))[0]
                assert status == (409 if left else 202)
                accepted += not (left or ended)
        after = table.order(ADA["sub"], order["orderId"])
        assert after
        sent += of_order(before, after)
        assert [*map(type, sent)] == [CancelOrder] * bool(accepted)
        assert bool(after.cancellation) == bool(accepted)
        before = after
    assert before
    assert before.projection
    assert before.projection.version == len(road)


def projected(status: str, at: datetime) -> Projection:
    """An order of Ada's that came to a status, and was told of, at a time."""
    history = (Step(status=status, at=at),)
    line = {"toyId": "kite", "name": "Kite", "price": 1999, "quantity": 2}
    data = {"orderId": "1", "customerId": "ada", "lines": [line], "shippingAddress": ADDRESS}
    costs = {"currency": "EUR", "shipping": 0, "net": 4000, "tax": 493, "gross": 4493}
    rest = {"taxRate": "0.15", "history": history, "placedAt": at, "updatedAt": at, "version": 1}
    return Projection.model_validate(data | costs | rest | {"status": status})


@given(
    status=st.sampled_from(ROADS).flatmap(st.sampled_from),
    wished=st.booleans(),
    amount=st.integers(0, 9000),
)
def test_the_rule_of_cancelling(status: str, wished: bool, amount: int) -> None:
    at = now()
    projection = projected(status, at)
    order = Order(
        projection=projection, cancellation=Cancellation(requested_at=at) if wished else None
    )
    if amount != 4493:
        with pytest.raises(Refusal, match="cancelled whole"):
            cancel(order, amount, at)
    for whole in (None, 4493):
        if status in ("DISPATCHED", "DELIVERED"):
            with pytest.raises(TooLate, match=f"{at:%Y-%m-%d}"):
                cancel(order, whole, at)
        else:
            again = wished or status in ("CANCELLING", "CANCELLED")
            assert cancel(order, whole, at) == (None if again else Cancellation(requested_at=at))


# Bad input


def lines(*quantities: Any) -> dict[str, Any]:
    return BODY | {
        "lines": [{"toyId": f"toy-{n}", "quantity": q} for n, q in enumerate(quantities)]
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("null", 400),
        ([BODY], 400),
        ([BODY, BODY], 400),
        ("[" * 60_000, 400),
        ('{"lines": ' + "9" * 5_000 + "}", 400),
        ({}, 400),
        (BODY | {"total": 1}, 400),
        (BODY | {"shippingAddress": ADDRESS | {"planet": "Mars"}}, 400),
        (BODY | {"lines": [{"toyId": "kite", "quantity": 1, "price": 1}]}, 400),
        (BODY | {"lines": [{"toy_id": "kite", "quantity": 1}]}, 400),
        (BODY | {"lines": "kite"}, 400),
        (lines("2"), 400),
        (lines(1.5), 400),
        (lines(True), 400),
        (lines(1e300), 400),
        (lines(float("inf")), 400),
        (lines(float("nan")), 400),
        (lines(None), 400),
        (lines(0), 422),
        (lines(-1), 422),
        (lines(100), 422),
        (lines(), 422),
        (lines(*[1] * 51), 422),
        (lines(*[1] * 200), 422),
        (BODY | {"lines": BODY["lines"] * 2}, 422),
        (BODY | {"lines": [{"toyId": "", "quantity": 1}]}, 422),
        (BODY | {"paymentMethodId": "4242424242424242"}, 422),
        (BODY | {"paymentMethodId": "pm_"}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"country": "Ireland"}}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"name": " "}}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"name": "A\u0000B"}}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"name": "\ud800"}}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"city": "x" * 121}}, 422),
        (BODY | {"shippingAddress": ADDRESS | {"city": "x" * 300_000}}, 413),
    ],
)
def test_bad_input_is_told_and_stores_nothing(
    call: Call, kite: Toy, body: Any, status: int
) -> None:
    answered, problem, _ = call("POST", "/orders", body)
    assert problem["error"].keys() == {"code", "message", "details"}
    assert (answered, problem["error"]["code"]) == (status, CODES[status])
    assert stored() == []


@pytest.mark.parametrize(("quantity", "status"), [(0, 422), (100, 422), ("2", 400), ("two", 400)])
def test_only_what_is_wrong_is_told(call: Call, kite: Toy, quantity: Any, status: int) -> None:
    answered, problem, _ = call("POST", "/orders", lines(quantity))
    (detail,) = problem["error"]["details"]
    assert (answered, detail["where"]) == (status, "body.lines.0.quantity")


def test_every_thing_that_is_wrong_is_told(call: Call, kite: Toy) -> None:
    _, problem, _ = call("POST", "/orders", lines(0, 1, 100) | {"paymentMethodId": "pm_"})
    told = {detail["where"] for detail in problem["error"]["details"]}
    assert told == {"body.lines.0.quantity", "body.lines.2.quantity", "body.paymentMethodId"}


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (None, 400),
        ("", 400),
        ("   ", 400),
        ("k" * 256, 422),
        ("schlüssel", 422),
        ("a\tb", 422),
        ("k" * 255, 202),
    ],
)
def test_an_order_needs_a_key(call: Call, kite: Toy, key: str | None, status: int) -> None:
    answered, content, _ = call("POST", "/orders", BODY, key=key)
    assert answered == status
    if status != 202:
        assert content["error"]["code"] == CODES[status]
        assert "idempotency-key" in content["error"]["message"]
    assert len(stored()) == (status == 202)


@pytest.mark.parametrize("quantity", ["2", "2.0", "2e0", "0.2E1"])
def test_a_whole_number_is_one_however_it_is_written(call: Call, kite: Toy, quantity: str) -> None:
    body = json.dumps(lines("?") | {"lines": [{"toyId": "kite", "quantity": "?"}]})
    status, order, _ = call("POST", "/orders", body.replace('"?"', quantity))
    assert (status, order["lines"][0]["quantity"]) == (202, 2)
    # and so the same order has the same fingerprint
    assert call("POST", "/orders", BODY)[1]["orderId"] == order["orderId"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml"])
def test_only_json_is_taken(call: Call, kite: Toy, kind: str) -> None:
    answered, problem, _ = call("POST", "/orders", BODY, content_type=kind)
    assert (answered, problem["error"]["code"]) == (400, "MALFORMED")
    assert stored() == []


@pytest.mark.parametrize("kind", ["Application/JSON", "APPLICATION/JSON; charset=UTF-8"])
def test_json_may_be_spelt_in_any_case(call: Call, kite: Toy, kind: str) -> None:
    assert call("POST", "/orders", BODY, content_type=kind)[0] == 202


def test_an_address_that_no_mail_reaches_is_told_to_its_shopper(call: Call, kite: Toy) -> None:
    longest = "a" * 242 + "@example.com"
    status, problem, _ = call("POST", "/orders", BODY, shopper=ADA | {"email": "a" + longest})
    assert (status, problem["error"]["code"]) == (422, "OUT_OF_BOUNDS")
    assert "254" in problem["error"]["message"]
    assert longest not in problem["error"]["message"]
    assert stored() == []
    assert call("POST", "/orders", BODY, shopper=ADA | {"email": longest})[0] == 202


def test_unknown_toys_are_named(call: Call, kite: Toy) -> None:
    put("gone")
    assert Catalogue("Catalogue").bury("gone", 2, now())
    wanted = [{"toyId": toy_id, "quantity": 1} for toy_id in ("kite", "none", "gone")]
    status, problem, _ = call("POST", "/orders", BODY | {"lines": wanted})
    assert (status, problem["error"]["code"]) == (422, "UNKNOWN_TOY")
    assert problem["error"]["details"] == ["none", "gone"]
    assert stored() == []


def test_a_toy_that_is_sold_out_can_be_ordered(call: Call) -> None:
    put("kite", availability=Availability.SOLD_OUT)
    assert call("POST", "/orders", BODY)[0] == 202


@pytest.mark.parametrize("path", ["/toys", "/orders"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"limit": "many"}, 400),
        ({"cursor": ""}, 400),
        ({"cursor": "made-up"}, 400),
        ({"cursor": "e30"}, 400),
        ({"cursor": write("orders", " ORDER#A")}, 400),
        ({"cursor": write("orders", "2026 PROFILE")}, 400),
        ({"cursor": "WyJieU5hbWUiLCIiLCJraXRlIl0"}, 400),
        ({"cursor": "é"}, 400),
        ({"cursor": "A" * 5_000}, 400),
    ],
)
def test_bad_queries_are_told(
    call: Call, kite: Toy, path: str, query: dict[str, str], status: int
) -> None:
    answered, problem, _ = call("GET", path, query=query)
    assert problem["error"].keys() == {"code", "message", "details"}
    assert (answered, problem["error"]["code"]) == (status, CODES[status])


def test_a_cursor_is_good_as_it_was_given_only(call: Call, kite: Toy) -> None:
    for n in range(2):
        call("POST", "/orders", BODY, key=f"key-{n}")
    cursor = call("GET", "/orders", query={"limit": "1"})[1]["cursor"]
    for other in (cursor[:-1], cursor + "="):
        assert call("GET", "/orders", query={"cursor": other})[0] == 400
    assert call("GET", "/toys", query={"cursor": cursor})[0] == 400


def test_an_id_no_item_can_have(call: Call) -> None:
    for path in ("/toys/", "/orders/"):
        assert call("GET", path + "x" * 101)[0] == 422
        assert call("GET", path + "none")[0] == 404


def test_no_such_route(call: Call) -> None:
    status, problem, _ = call("GET", "/secrets")
    assert (status, problem["error"]["code"]) == (404, "NOT_FOUND")


# The samples


def test_the_samples_are_answered(
    sample: Callable[[str], dict[str, Any]], index: Callable[[], Any], context: Any
) -> None:
    order = sample("api-place-order")
    asked = json.loads(order["body"])
    first, *others = asked["lines"]
    # Together they cost what the sample expects.
    put(first["toyId"], price=asked["expectedGross"] // first["quantity"])
    for line in others:
        put(line["toyId"], price=0)
    answer = api.handler(order, context)
    assert answer["statusCode"] == 202
    view = OrderView.model_validate_json(answer["body"])
    mine = copy.deepcopy(sample("api-get-order"))
    mine["requestContext"] = order["requestContext"]
    mine["path"] = f"/orders/{view.order_id}"
    assert json.loads(api.handler(mine, context)["body"]) == json.loads(answer["body"])
    listed = sample("api-list-orders")
    listed["requestContext"] = order["requestContext"]
    assert json.loads(api.handler(listed, context)["body"])["items"] == [json.loads(answer["body"])]
    ended = sample("api-cancel-order")
    ended["requestContext"] = order["requestContext"]
    ended["path"] = f"/orders/{view.order_id}/cancellation"
    answer = api.handler(ended, context)
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["cancellation"]["outcome"] == "REQUESTED"
    toy = sample("api-get-toy")
    put(toy["path"].rpartition("/")[2], version=2)
    assert api.handler(toy, context)["statusCode"] == 200
    search = sample("api-list-toys")
    found = put("found", name=search["queryStringParameters"]["q"])
    index()
    (item,) = json.loads(api.handler(search, context)["body"])["items"]
    assert item["toyId"] == found.toy_id


@pytest.mark.parametrize(
    "name", ["get-shop", "list-categories", "make-quote", "get-profile", "put-profile"]
)
def test_other_samples_are_answered(
    name: str, sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    assert api.handler(sample(f"api-{name}"), context)["statusCode"] == 200


def test_the_sample_of_a_manager_is_let_in(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    assert api.handler(sample("api-get-sales"), context)["statusCode"] == 404
    inbox.handler(sample("inbox-SalesReported"), context)
    assert api.handler(sample("api-get-sales"), context)["statusCode"] == 200
