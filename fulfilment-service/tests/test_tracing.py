"""The trace goes on: from the message that was heard to the item, and from there to the bus."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from fulfilment import api, carrier, inbox, outbox, table, tracing, webhook
from fulfilment.carrier_event import CarrierEvent
from fulfilment.model import now
from fulfilment.shipment import Consignment, Shipment

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")

Annotations = list[tuple[str, Any]]
Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)


@pytest.fixture
def order(sample: Sample) -> dict[str, Any]:
    """The invocation that lines a parcel up, whose message was led to by a trace."""
    event = sample("inbox-ShipOrder")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"]["trace"] = HEADER
    event["Records"][0]["body"] = json.dumps(body)
    return event


def annotated(monkeypatch: pytest.MonkeyPatch, door: Any) -> Annotations:
    """What a door's trace is annotated with from now on."""
    seen: Annotations = []
    monkeypatch.setattr(door.tracer, "put_annotation", lambda *given: seen.append(given))
    return seen


def kept() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return found


def lined_up() -> tuple[dict[str, Any], Shipment]:
    """The only item, and its shipment."""
    (item,) = kept()
    change = table.change(None, item)
    assert change
    assert isinstance(change.new, Shipment)
    return item, change.new


@pytest.mark.parametrize(
    ("told", "header", "root"),
    [
        (None, None, None),
        ("", None, None),
        (HEADER, HEADER, ROOT),
        (f"Self=1-2;Root={ROOT}", f"Self=1-2;Root={ROOT}", ROOT),
        ("Sampled=0", "Sampled=0", None),
        ("Root=anything", "Root=anything", None),
        (f"{HEADER};Lineage={'x' * 256}", None, None),
    ],
)
def test_takes_along_what_lambda_says(
    monkeypatch: pytest.MonkeyPatch, told: str | None, header: str | None, root: str | None
) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    if told is not None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", told)
    assert tracing.header() == header
    assert tracing.root(header) == root


@pytest.mark.usefixtures("traced")
def test_what_is_written_in_a_trace_is_told_in_it(order: dict[str, Any], context: Any) -> None:
    inbox.handler(order, context)
    _, shipment = lined_up()
    inbox.table.save(shipment.dispatch(POST, now()))
    poison = order["Records"][0] | {"body": "poison", "messageId": "bad"}
    inbox.handler({"Records": [poison]}, context)
    assert [item["trace"] for item in kept()] == [HEADER] * 2
    for item in kept():
        change = table.change(None, item)
        assert change
        (message,) = outbox.tell(change)
        assert message.metadata.trace == HEADER
        entry = outbox.entry(message)
        assert entry["TraceHeader"] == HEADER
        assert json.loads(entry["Detail"])["metadata"]["trace"] == HEADER


def test_what_is_written_in_no_trace_is_told_in_none(order: dict[str, Any], context: Any) -> None:
    inbox.handler(order, context)
    item, shipment = lined_up()
    assert "trace" not in item
    change = table.change(item, table._item(shipment.dispatch(POST, now())))
    assert change
    (message,) = outbox.tell(change)
    assert message.metadata.trace is None
    assert "TraceHeader" not in outbox.entry(message)


def test_another_trace_alone_is_no_change(order: dict[str, Any], context: Any) -> None:
    inbox.handler(order, context)
    _, shipment = lined_up()
    sent = table._item(shipment.dispatch(POST, now()))
    change = table.change(sent, {**sent, "trace": HEADER})
    assert change
    assert outbox.tell(change) == []


def test_the_inbox_says_which_message_it_is_about_and_what_led_to_it(
    order: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = annotated(monkeypatch, inbox)
    inbox.handler(order, context)
    detail = json.loads(order["Records"][0]["body"])["detail"]
    assert dict(seen) == {
        "message": "ShipOrder",
        "message_id": detail["metadata"]["id"],
        "caused_by": ROOT,
        "order_id": detail["data"]["orderId"],
    }


def test_the_outbox_says_which_messages_of_which_order_it_sends(
    sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = annotated(monkeypatch, outbox)
    event = sample("outbox-ShipmentFailed")
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: {"FailedEntryCount": 0})
    outbox.handler(event, context)
    order_id = event["Records"][0]["dynamodb"]["NewImage"]["orderId"]["S"]
    assert seen == [("order_id", order_id), ("message", "ShipmentFailed,ErrorRaised")]


def test_the_webhook_says_which_event_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = annotated(monkeypatch, webhook)
    told = {"eventId": "event-1", "orderId": "order-1", "status": "DELIVERED"}
    parcel = {"carrier": "Parcel Post", "trackingNumber": "PP1", "occurredAt": now()}
    webhook.mark(CarrierEvent.model_validate(told | parcel))
    assert dict(seen) == {
        "order_id": "order-1",
        "message": "CarrierEvent",
        "message_id": "event-1",
    }


def test_the_api_says_which_order_it_is_about(
    order: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(order, context)
    _, shipment = lined_up()
    seen = annotated(monkeypatch, api)
    api.existing(shipment.order_id)
    assert seen == [("order_id", shipment.order_id)]


@pytest.mark.usefixtures("traced")
def test_the_carrier_says_which_order_it_moves_and_what_led_to_it(
    order: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(order, context)
    item, shipment = lined_up()
    seen = annotated(monkeypatch, carrier)
    image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    carrier.handler({"Records": [{"dynamodb": {"NewImage": image}}]}, context)
    assert seen == [("order_id", shipment.order_id), ("caused_by", ROOT)]
