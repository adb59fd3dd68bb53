"""The private API, called as API Gateway calls it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from orders import api, inbox
from orders.heard import PlaceOrder
from orders.messages import parse

Sample = Callable[[str], dict[str, Any]]
Call = Callable[[str], tuple[int, Any]]


@pytest.fixture
def call(sample: Sample, context: Any) -> Call:
    """GET the path."""

    def request(path: str) -> tuple[int, Any]:
        answer = api.handler(sample("api-get-order") | {"path": path}, context)
        return answer["statusCode"], json.loads(answer["body"])

    return request


def test_shows_an_order_and_its_history(call: Call, sample: Sample, context: Any) -> None:
    event = sample("inbox-PlaceOrder")
    command = parse(event["Records"][0]["body"])
    assert isinstance(command, PlaceOrder)
    inbox.handler(event, context)
    status, order = call(f"/orders/{command.data.order_id}")
    assert status == 200
    agreed = command.data.model_dump(mode="json", exclude={"payment_method_id", "lines"})
    assert agreed.items() <= order.items()
    assert (order["status"], order["version"], order["reason"]) == ("PLACED", 1, None)
    assert order["history"] == [
        {
            "status": "PLACED",
            "at": order["placedAt"],
            "version": 1,
            "causationId": command.metadata.id,
        }
    ]


def test_keeps_to_itself_how_an_order_is_paid(call: Call, sample: Sample, context: Any) -> None:
    event = sample("inbox-PlaceOrder")
    command = parse(event["Records"][0]["body"])
    assert isinstance(command, PlaceOrder)
    inbox.handler(event, context)
    _, order = call(f"/orders/{command.data.order_id}")
    assert "paymentMethodId" not in order
    assert command.data.payment_method_id not in json.dumps(order)


def test_keeps_to_itself_what_lets_one_pay(
    call: Call, told: Sample, tell: Callable[..., None], command: PlaceOrder
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentActionRequired")
    _, order = call(f"/orders/{command.data.order_id}")
    assert "paymentAction" not in order
    assert told("PaymentActionRequired")["clientSecret"] not in json.dumps(order)


def test_shows_why_an_order_came_to_nothing_and_its_refund(
    call: Call, told: Sample, tell: Callable[..., None], command: PlaceOrder
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed")
    _, order = call(f"/orders/{command.data.order_id}")
    assert (order["reason"], order["failure"]) == (
        "UNDELIVERABLE",
        told("ShipmentFailed")["reason"],
    )
    assert order["refund"] == {"amount": order["gross"], "status": "PENDING"}
    assert order["deadline"] > order["placedAt"]


def test_an_order_that_is_only_to_be_cancelled_is_not_there(
    call: Call, tell: Callable[..., None], command: PlaceOrder
) -> None:
    tell("CancelOrder")
    assert call(f"/orders/{command.data.order_id}")[0] == 404


def test_an_order_that_is_not_there(call: Call) -> None:
    status, content = call("/orders/none")
    assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
    assert content["error"].keys() == {"code", "message", "details"}
    assert "none" in content["error"]["message"]


def test_an_id_no_order_can_have(call: Call) -> None:
    status, content = call("/orders/" + "x" * 101)
    assert (status, content["error"]["code"]) == (422, "OUT_OF_BOUNDS")


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("application/json", "x" * 300_000, 413, "TOO_LARGE"),
        ("text/plain", "x", 400, "MALFORMED"),
    ],
)
def test_a_body_that_is_not_taken(
    sample: Sample, context: Any, kind: str, body: str, status: int, code: str
) -> None:
    request = {"headers": {"Content-Type": kind}, "body": body}
    answer = api.handler(sample("api-get-order") | request, context)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (status, code)


def test_a_failing_table_is_no_fault_of_the_caller(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(api.table, "order", down)
    status, content = call("/orders/order-1")
    assert (status, content["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "table" not in content["error"]["message"]
