"""Lists of orders, over the indexes that the template makes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from orders import api, desk, items, lists
from orders.cursor import LONGEST, BadCursor, Cursors
from orders.facts import Facts
from orders.heard import PlaceOrder
from orders.model import now, written
from orders.order import Order
from orders.table import OrdersTable

Json = dict[str, Any]
Ask = Callable[..., tuple[int, Any]]

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ask(context: Any) -> Ask:
    """GET /orders with a query."""

    def request(**query: str) -> tuple[int, Any]:
        event = {
            "httpMethod": "GET",
            "path": "/orders",
            "headers": {},
            "multiValueHeaders": {},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} or None,
            "body": None,
            "requestContext": {"requestId": "request-1", "stage": "live", "identity": {}},
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"])

    return request


@pytest.fixture
def place(command: PlaceOrder) -> Callable[..., Order]:
    """Keep an order, placed then."""

    def placed(
        order_id: str, at: datetime, customer: str = "ada", confirmed: bool = False
    ) -> Order:
        update = {"order_id": order_id, "customer_id": customer}
        bought = command.data.model_copy(update=update)
        order = Order.place(bought, order_id, "cause", at, timedelta(minutes=15))
        for name in ("StockReserved", "PaymentCollected") if confirmed else ():
            moved = order.hear(name, Facts(), "cause", at)
            assert isinstance(moved, Order)
            order = moved
        OrdersTable("Table").add(order)
        return order

    return placed


def everything(ask: Ask, **query: str) -> list[str]:
    """The ids on all pages of a list."""
    found, cursor = [], None
    while True:
        status, page = ask(**query, **({"cursor": cursor} if cursor else {}))
        assert status == 200, page
        found += [item["orderId"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            return found


def test_lists_all_orders_newest_first(ask: Ask, place: Callable[..., Order]) -> None:
    at = now()
    orders = [place(f"order-{n}", at - timedelta(days=n)) for n in range(3)]
    status, page = ask()
    assert status == 200
    assert page["cursor"] is None
    assert page["items"] == [
        {
            "orderId": order.order_id,
            "customerId": "ada",
            "status": "PLACED",
            "reason": None,
            "currency": order.currency,
            "gross": order.gross,
            "refund": None,
            "placedAt": written(order.placed_at),
            "updatedAt": written(order.placed_at),
            "version": 1,
        }
        for order in orders
    ]
    assert "email" not in json.dumps(page)


@pytest.mark.parametrize("limit", [2, 100])
def test_every_search_finds_what_a_look_at_all_orders_finds(
    ask: Ask, place: Callable[..., Order], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(lists, "READ_AT_ONCE", 4)
    monkeypatch.setattr(lists, "LOOKS", 8)
    random = Random(limit)
    orders = [
        place(
            f"order#{n}",
            NEW_YEAR + timedelta(hours=random.randrange(24 * 70)),
            random.choice(["ada", "bob"]),
            random.random() < 0.3,
        )
        for n in range(14)
    ]
    orders.sort(key=lambda order: (written(order.placed_at), order.order_id), reverse=True)
    middle = NEW_YEAR + timedelta(days=20)
    whole = {"from": written(NEW_YEAR), "to": written(NEW_YEAR + timedelta(days=70))}
    for customer in (None, "ada"):
        for status in (None, "CONFIRMED"):
            for times in (whole, {"from": written(middle), "to": whole["to"]}):
                query = times | {"limit": str(limit)}
                query |= {"customerId": customer} if customer else {}
                query |= {"status": status} if status else {}
                assert everything(ask, **query) == [
                    order.order_id
                    for order in orders
                    if customer in {None, order.customer_id}
                    and status in {None, order.status}
                    and times["from"] <= written(order.placed_at) < times["to"]
                ]


def test_a_list_of_all_goes_back_a_month_and_one_of_a_customer_to_the_first(
    ask: Ask, place: Callable[..., Order]
) -> None:
    place("old", now() - timedelta(days=400))
    place("new", now() - timedelta(days=30))
    assert everything(ask) == ["new"]
    assert everything(ask, customerId="ada") == ["new", "old"]
    assert everything(ask, customerId="bob") == []


def test_shows_an_order_as_it_is_now_and_lists_it_once(
    ask: Ask, tell: Callable[..., None], kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected")
    place = written(kept().placed_at)
    tell("ShipmentFailed")
    _, page = ask()
    ((item),) = page["items"]
    assert (item["status"], item["reason"], item["placedAt"]) == (
        "CANCELLED",
        "UNDELIVERABLE",
        place,
    )
    assert item["refund"] == {"amount": item["gross"], "status": "PENDING"}
    assert ask(status="CONFIRMED")[1]["items"] == []


def test_a_request_to_cancel_is_on_no_list(ask: Ask, tell: Callable[..., None]) -> None:
    tell("CancelOrder")
    assert ask()[1]["items"] == []


def test_a_cursor_is_good_for_its_own_list(ask: Ask, place: Callable[..., Order]) -> None:
    for n in range(3):
        place(f"order-{n}", now() - timedelta(days=n))
    cursor = ask(limit="1")[1]["cursor"]
    assert [item["orderId"] for item in ask(limit="1", cursor=cursor)[1]["items"]] == ["order-1"]
    other = "A" if cursor[10] != "A" else "B"
    for query in (
        {"cursor": cursor, "status": "PLACED"},
        {"cursor": cursor, "customerId": "ada"},
        {"cursor": cursor, "from": written(NEW_YEAR)},
        {"cursor": cursor[:10] + other + cursor[11:]},
        {"cursor": cursor[:-1]},
        {"cursor": "made-up"},
        {"cursor": "x" * (LONGEST + 1)},
    ):
        status, told = ask(**query)
        assert (status, told["error"]["code"]) == (400, "MALFORMED")


def test_a_cursor_that_the_usual_time_has_passed_leads_to_the_end(
    ask: Ask, place: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 1, 31, 22, tzinfo=UTC)
    monkeypatch.setattr(api, "now", lambda: at)
    for hours in (1, 740, 741, 742):
        place(f"order-{hours}", at - timedelta(hours=hours))
    cursor = ask(limit="2")[1]["cursor"]
    monkeypatch.setattr(api, "now", lambda: at + timedelta(hours=6))
    ends: list[tuple[str, str]] = []
    between = Key.between

    def noted(key: Any, low: str, high: str) -> Any:
        ends.append((low, high))
        return between(key, low, high)

    monkeypatch.setattr(Key, "between", noted)
    assert ask(limit="2", cursor=cursor) == (200, {"items": [], "cursor": None})
    # DynamoDB refuses a range whose end is before its beginning.
    assert all(low <= high for low, high in ends)


def test_a_cursor_of_another_key_is_none() -> None:
    cursor = Cursors(lambda: b"a" * 64).seal("orders", ("2026-01-01#order-1",))
    assert Cursors(lambda: b"a" * 64).open("orders", cursor) == ("2026-01-01#order-1",)
    with pytest.raises(BadCursor):
        Cursors(lambda: b"b" * 64).open("orders", cursor)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"status": "LOST"}, 422),
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"from": "yesterday"}, 400),
        ({"from": "2026-01-01T00:00:00"}, 400),
        ({"to": "0001-01-01T00:00:00Z"}, 422),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400),
        ({"from": "2024-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400),
        ({"customerId": "é"}, 422),
    ],
)
def test_a_search_that_is_none(ask: Ask, query: Json, status: int) -> None:
    assert ask(**query)[0] in {status, 422 if status == 400 else 400}


def test_orders_of_a_month_are_spread_over_all_shards(place: Callable[..., Order]) -> None:
    for n in range(40):
        place(f"order-{n}", NEW_YEAR)
    answer = boto3.resource("dynamodb").Table("Table").scan(IndexName="byMonth")
    shards = {item["month"] for item in answer["Items"]}
    assert shards == {f"2026-01#{shard}" for shard in range(items.SHARDS)}


def test_an_order_from_before_there_were_lists_is_put_on_them_when_all_are_told_again(
    ask: Ask, place: Callable[..., Order]
) -> None:
    order = place("old", now(), confirmed=True)
    boto3.resource("dynamodb").Table("Table").update_item(
        Key={"pk": "ORDER#old"},
        UpdateExpression="REMOVE #place, #month",
        ExpressionAttributeNames={"#place": "place", "#month": "month"},
    )
    assert everything(ask) == []
    told, following = desk.table.orders_after(None, 10)
    assert (told, following) == ([order], None)
    assert everything(ask) == everything(ask, customerId="ada") == ["old"]
    assert desk.table.order("old") == order
