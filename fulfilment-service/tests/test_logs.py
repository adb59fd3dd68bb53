"""What is logged: every line says which message it is about, and none quotes anybody's data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fulfilment import api, delivery, inbox, outbox

Logged = Callable[[], list[dict[str, Any]]]
Sample = Callable[[str], dict[str, Any]]


def about(line: dict[str, Any]) -> tuple[Any, ...]:
    """What a line says of the message it is about."""
    return tuple(line.get(name) for name in ("correlation_id", "message_name", "message_id"))


def told_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """What a line about that message has to say."""
    body = json.loads(record["body"])
    metadata = body["detail"]["metadata"]
    return metadata["correlationId"], body["detail-type"], metadata["id"]


@pytest.fixture
def record(sample: Sample) -> Sample:
    """A message of the inbox, by its name."""

    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = sample(f"inbox-{name}")["Records"][0]
        return found | {"messageId": name}

    return read


def test_each_line_of_the_inbox_is_about_its_own_message(
    record: Sample, context: Any, logged: Logged
) -> None:
    order, cancel = record("ShipOrder"), record("CancelShipment")
    bad = order | {"messageId": "bad", "body": "poison"}
    inbox.handler({"Records": [order, bad, cancel]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("shipment lined up", told_of(order)),
        ("refused", (None, None, None)),
        ("shipment called off", told_of(cancel)),
    ]


def test_what_there_is_no_time_for_has_nothing_of_the_message_before(
    record: Sample, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([delivery.SPARE, 0])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", lambda **_: None)
    inbox.handler({"Records": [record("ShipOrder"), record("CancelShipment")]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("shipment lined up", told_of(record("ShipOrder"))),
        ("out of time", (None, None, None)),
    ]


def test_the_outbox_logs_one_line_for_each_message(
    sample: Sample, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Any] = []

    def put_events(*, Entries: list[Any]) -> dict[str, int]:  # noqa: N803
        put.extend(Entries)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(outbox.events, "put_events", put_events)
    outbox.handler(sample("outbox-ShipmentFailed"), context)
    assert len(put) == 2
    details = [json.loads(entry["Detail"])["metadata"] for entry in put]
    assert [about(line) for line in logged() if line["message"] == "sending"] == [
        (detail["correlationId"], entry["DetailType"], detail["id"])
        for entry, detail in zip(put, details, strict=True)
    ]


def test_the_api_logs_under_the_order_or_else_under_its_request(
    record: Sample, sample: Sample, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler({"Records": [record("ShipOrder")]}, context)
    order_id = json.loads(record("ShipOrder")["body"])["detail"]["data"]["orderId"]
    event = sample("api-dispatch-shipment")
    event["path"] = f"/shipments/{order_id}/dispatch"
    event["pathParameters"] = {"order_id": order_id}
    logged()
    assert api.handler(event, context)["statusCode"] == 200
    monkeypatch.setattr(api.table, "listed", None)
    listing = sample("api-list-shipments")
    assert api.handler(listing, context)["statusCode"] == 500
    assert [(line["message"], line["correlation_id"]) for line in logged()] == [
        ("shipment saved", order_id),
        ("failed", listing["requestContext"]["requestId"]),
    ]


def test_nothing_of_the_shopper_is_logged(
    record: Sample,
    sample: Sample,
    context: Any,
    logged: Logged,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("ShipOrder", "ChangeShippingAddress", "CancelShipment")
    inbox.handler({"Records": [record(name) for name in names]}, context)
    order = json.loads(record("ShipOrder")["body"])
    address = order["detail"]["data"]["shippingAddress"]
    order["detail"]["data"]["lines"] = address["line1"]
    inbox.handler({"Records": [record("ShipOrder") | {"body": json.dumps(order)}]}, context)
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: {"FailedEntryCount": 0})
    for name in ("ShipmentReaddressed", "ShipmentDispatched", "ShipmentFailed"):
        outbox.handler(sample(f"outbox-{name}"), context)
    told = json.dumps(logged()) + "".join(capfd.readouterr())
    assert all(line in told for line in ("shipment lined up", "refused", "sending"))
    secrets = (address["name"], address["line1"], address["postalCode"])
    assert [secret for secret in secrets if secret in told] == []
