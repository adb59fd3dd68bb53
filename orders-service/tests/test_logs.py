"""What is logged: every line says which message it is about, and none quotes anybody's data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from orders import api, delivery, desk, inbox, outbox
from orders.heard import PlaceOrder

Record = Callable[[str], dict[str, Any]]
Logged = Callable[[], list[dict[str, Any]]]


def about(line: dict[str, Any]) -> tuple[Any, ...]:
    """What a line says of the message it is about."""
    return tuple(line.get(name) for name in ("correlation_id", "message_name", "message_id"))


def told_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """What a line about that message has to say."""
    body = json.loads(record["body"])
    metadata = body["detail"]["metadata"]
    return metadata["correlationId"], body["detail-type"], metadata["id"]


def test_each_line_of_the_inbox_is_about_its_own_message(
    record: Record, context: Any, logged: Logged
) -> None:
    names = ("PlaceOrder", "ShipmentCancelled", "StockReserved")
    placed, impossible, reserved = (record(name) for name in names)
    bad = placed | {"messageId": "bad", "body": "poison"}
    inbox.handler({"Records": [placed, bad, impossible, reserved]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("order placed", told_of(placed)),
        ("refused", (None, None, None)),
        ("refused", told_of(impossible)),
        ("order saved", told_of(reserved)),
    ]


def test_what_there_is_no_time_for_has_nothing_of_the_message_before(
    record: Record, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([delivery.SPARE, 0])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", lambda **_: None)
    inbox.handler({"Records": [record("PlaceOrder"), record("StockReserved")]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("order placed", told_of(record("PlaceOrder"))),
        ("out of time", (None, None, None)),
    ]


def test_the_outbox_logs_one_line_for_each_message(
    sample: Record, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Any] = []
    monkeypatch.setattr(outbox.bus, "put", put.extend)
    outbox.handler(sample("outbox-OrderPlaced"), context)
    assert len(put) == 2
    assert [about(line) for line in logged() if line["message"] == "sending"] == [
        (each.metadata.correlation_id, type(each).__name__, each.metadata.id) for each in put
    ]


def test_the_api_logs_under_the_order_or_else_under_its_request(
    sample: Record, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = json.loads(api.handler(sample("api-place-order"), context)["body"])["orderId"]
    event = sample("api-cancel-order")
    event["path"] = f"/orders/{order_id}/cancellation"
    event["pathParameters"] = {"order_id": order_id}
    assert api.handler(event, context)["statusCode"] == 200
    monkeypatch.setattr(desk.lists, "page", None)
    listing = sample("api-list-orders")
    listing["queryStringParameters"] = listing["multiValueQueryStringParameters"] = None
    assert api.handler(listing, context)["statusCode"] == 500
    assert [(line["message"], line["correlation_id"]) for line in logged()] == [
        ("order placed", order_id),
        ("cancelled by staff", order_id),
        ("failed", listing["requestContext"]["requestId"]),
    ]


def test_nothing_of_the_shopper_or_the_card_is_logged(
    command: PlaceOrder,
    record: Record,
    sample: Record,
    context: Any,
    logged: Logged,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = ("PlaceOrder", "StockReserved", "PaymentActionRequired", "FileShared", "CancelOrder")
    inbox.handler({"Records": [record(name) for name in story]}, context)
    broken = json.loads(record("PlaceOrder")["body"])
    broken["detail"]["data"]["currency"] = broken["detail"]["data"]["email"]
    inbox.handler({"Records": [record("PlaceOrder") | {"body": json.dumps(broken)}]}, context)
    api.handler(sample("api-place-order"), context)
    monkeypatch.setattr(outbox.bus, "put", lambda _: None)
    for name in ("OrderPlaced", "CollectPayment", "OrderDispatched", "SendEmail"):
        outbox.handler(sample(f"outbox-{name}"), context)
    told = json.dumps(logged()) + "".join(capfd.readouterr())
    bought, action = command.data, json.loads(record("PaymentActionRequired")["body"])
    secrets = (
        *(bought.email, bought.payment_method_id, bought.shipping_address.name),
        *(bought.shipping_address.line1, action["detail"]["data"]["clientSecret"]),
        json.loads(record("FileShared")["body"])["detail"]["data"]["url"],
    )
    assert all(line in told for line in ("order placed", "order saved", "refused", "sending"))
    assert [secret for secret in secrets if secret in told] == []
