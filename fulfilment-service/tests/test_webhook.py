"""The webhook, fed with carriers' events: in any order, more than once, forged, old, unknown."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from fulfilment import webhook
from fulfilment.carrier_event import sign
from fulfilment.shipment import (
    Address,
    AddressNote,
    Consignment,
    Failure,
    Line,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import ShipmentsTable

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
HOME = Address(
    name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
)
SECRET = "carrier_secret"
TABLE = ShipmentsTable("Table")

Event = dict[str, Any]


def body_of(status: str, **other: Any) -> str:
    """What a carrier sends. A failed parcel's reason is with all of them: it does no harm."""
    told = {
        "eventId": f"event-{status}",
        "orderId": "order-1",
        "status": status,
        "carrier": "Parcel Post",
        "trackingNumber": "PP1",
        "reason": "nobody at home",
        "occurredAt": "2026-01-05T11:00:00Z",
    }
    return json.dumps(told | other)


def record(body: str, header: str | None = None, at: float | None = None) -> Event:
    """The queue's record of what was sent, received at that time in Unix seconds: now."""
    received = time.time() if at is None else at
    signed = sign(body, SECRET, int(received)) if header is None else header
    return {
        "messageId": "message",
        "receiptHandle": "handle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(int(received * 1000))},
        "messageAttributes": {
            "signature": {"dataType": "String", "stringValue": f"{signed} "},
            "received": {"dataType": "String", "stringValue": f"at={int(received * 1000)}"},
        },
    }


def handled(context: Any, *records: Event) -> None:
    assert webhook.handler({"Records": list(records)}, context) == {"batchItemFailures": []}


def told(status: str, **other: Any) -> Event:
    return record(body_of(status, **other))


def waiting() -> Shipment:
    return Shipment(
        order_id="order-1",
        shipping_address=HOME,
        lines=(Line(toy_id="toy-1", name="Kite", quantity=2),),
        status=Status.WAITING,
        created_at=MORNING,
        version=1,
        updated_at=MORNING,
        correlation_id="order-1",
        causation_id="order-1:3:ShipOrder",
    )


def kept() -> Shipment:
    shipment = TABLE.shipment("order-1")
    assert isinstance(shipment, Shipment)
    return shipment


def letters() -> list[tuple[str, str]]:
    """The dead letters: their bodies and the reasons that go with them."""
    answer = boto3.client("sqs").receive_message(
        QueueUrl="https://sqs.eu-west-1.amazonaws.com/123456789012/WebhookDeadLetters",
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return [
        (message["Body"], message["MessageAttributes"]["reason"]["StringValue"])
        for message in answer.get("Messages", [])
    ]


# What is a carrier's


def test_a_carrier_does_what_the_buttons_do(context: Any) -> None:
    TABLE.add(waiting())
    for _ in range(2):
        handled(context, told("DISPATCHED"))
        sent = kept()
        assert (sent.status, sent.carrier, sent.tracking_number) == (
            "DISPATCHED",
            "Parcel Post",
            "PP1",
        )
        assert (sent.version, sent.dispatched_at) == (2, MORNING.replace(hour=11))
    for _ in range(2):
        handled(context, told("DELIVERED", occurredAt="2026-01-05T14:00:00+01:00"))
        assert (kept().status, kept().version) == ("DELIVERED", 3)
        assert kept().delivered_at == MORNING.replace(hour=13)
    assert letters() == []


@pytest.mark.parametrize("last", ["DELIVERED", "FAILED"])
def test_in_any_order_and_twice_it_ends_the_same(context: Any, last: str) -> None:
    for order in sorted(set(permutations(["DISPATCHED", last, last]))):
        boto3.client("dynamodb").delete_item(
            TableName="Table", Key={"pk": {"S": "SHIPMENT#order-1"}}
        )
        TABLE.add(waiting())
        handled(context, *(told(status) for status in order))
        ended = kept()
        assert (ended.status, ended.carrier, ended.version) == (last, "Parcel Post", 3)
        assert ended.reason == ("nobody at home" if last == "FAILED" else None)
    assert letters() == []


def test_a_parcel_that_the_warehouse_dispatched_is_the_same_parcel(context: Any) -> None:
    TABLE.add(waiting())
    sent = waiting().dispatch(POST, MORNING)
    TABLE.save(sent)
    handled(context, told("DISPATCHED"))
    assert kept() == sent


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
@pytest.mark.parametrize("status", ["DISPATCHED", "DELIVERED", "FAILED"])
def test_a_crash_costs_nothing_but_time(
    context: Any, moment: str, operation: str, status: str
) -> None:
    def crash(**_: Any) -> None:
        raise ConnectionError(operation)

    TABLE.add(waiting())
    hooks = webhook.table._client.meta.events
    for crashes in range(2):  # at the first save, and then at the second, where there is one
        hooks.register(f"{moment}.*.{operation}", crash)
        answer = webhook.handler({"Records": [told(status)]}, context)
        hooks.unregister(f"{moment}.*.{operation}", crash)
        again = operation == "GetItem" or moment == "before-call" or not crashes
        if again or status != "DISPATCHED":
            assert answer == {"batchItemFailures": [{"itemIdentifier": "message"}]}
    handled(context, told(status))
    assert (kept().status, kept().version) == (status, 2 if status == "DISPATCHED" else 3)


def test_one_who_is_faster_is_looked_at_again(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    TABLE.add(waiting())
    cancelled = waiting().cancel("order-1:4:CancelShipment", MORNING)
    TABLE.save(cancelled)
    reads = [waiting()]  # the first read came before the other's save
    read = webhook.table.shipment
    monkeypatch.setattr(webhook.table, "shipment", lambda key: reads.pop() if reads else read(key))
    handled(context, told("DISPATCHED"))
    assert kept() == cancelled
    ((_, reason),) = letters()
    assert "CANCELLED, its order is called off" in reason


# What can never be


@pytest.mark.parametrize(
    ("before", "status", "reason"),
    [
        ("delivered", "FAILED", "DELIVERED, by Parcel Post as PP1: nothing more"),
        ("failed", "DELIVERED", "FAILED: nothing more"),
        ("by another", "DELIVERED", "DISPATCHED, by Bicycle as PP1: it is another parcel"),
        ("called off", "DISPATCHED", "CANCELLED, its order is called off"),
        ("given up", "DISPATCHED", "FAILED: it is another parcel"),
    ],
)
def test_what_can_never_be_is_a_dead_letter_that_says_why(
    context: Any, before: str, status: str, reason: str
) -> None:
    bicycle = Consignment(carrier="Bicycle", tracking_number="PP1")
    lost = Failure(reason="lost")
    steps: dict[str, list[Callable[[Shipment], Shipment]]] = {
        "delivered": [lambda s: s.dispatch(POST, MORNING), lambda s: s.deliver(MORNING)],
        "failed": [lambda s: s.dispatch(POST, MORNING), lambda s: s.fail(lost, MORNING)],
        "by another": [lambda s: s.dispatch(bicycle, MORNING)],
        "called off": [lambda s: s.cancel("cause", MORNING)],
        "given up": [lambda s: s.fail(lost, MORNING)],
    }
    TABLE.add(waiting())
    for step in steps[before]:
        TABLE.save(step(kept()))
    there = kept()
    handled(context, told(status))
    assert kept() == there
    ((body, why),) = letters()
    assert body == body_of(status)
    assert why.startswith(f"{status} of order order-1: The shipment is")
    assert reason in why


@pytest.mark.parametrize("there", ["nothing", "a note", "a tombstone"])
def test_an_unknown_order_is_a_dead_letter(context: Any, there: str) -> None:
    facts: dict[str, Any] = {
        "order_id": "order-1",
        "updated_at": MORNING,
        "correlation_id": "order-1",
        "causation_id": "m",
    }
    if there == "a note":
        TABLE.add(AddressNote(**facts, shipping_address=HOME, address_number=1))
    if there == "a tombstone":
        TABLE.add(Tombstone(**facts, cancelled_at=MORNING))
    before = TABLE.shipment("order-1")
    handled(context, told("DISPATCHED"))
    assert TABLE.shipment("order-1") == before
    ((_, reason),) = letters()
    assert "order-1" in reason
    assert ("called off" in reason) == (there == "a tombstone")


@pytest.mark.parametrize("body", ["{}", "null", "", "not json", body_of("LOST")])
def test_what_a_carrier_signed_and_is_no_event_is_a_dead_letter(context: Any, body: str) -> None:
    if not body:
        return
    handled(context, record(body), told("DISPATCHED", orderId="other"))
    assert sorted(letter for letter, _ in letters()) == sorted(
        [body, body_of("DISPATCHED", orderId="other")]
    )


# What is no carrier's


@pytest.mark.parametrize(
    ("header", "age"),
    [
        ("", 0),
        ("t=1,v1=00", 0),
        (sign(body_of("DISPATCHED"), "guessed", int(time.time())), 0),
        (sign(body_of("DELIVERED"), SECRET, int(time.time())), 0),
        (None, 301),
        (None, -301),
    ],
)
def test_what_is_forged_or_stale_is_counted_and_done_with(
    context: Any,
    logged: Callable[[], list[dict[str, Any]]],
    metrics: Callable[[], list[dict[str, Any]]],
    header: str | None,
    age: int,
) -> None:
    TABLE.add(waiting())
    body, at = body_of("DISPATCHED"), time.time()
    signed = sign(body, SECRET, int(at) - age) if header is None else header
    handled(context, record(body, signed, at))
    assert kept() == waiting()
    assert letters() == []
    (line,) = [line for line in logged() if line["level"] == "WARNING"]
    assert line["message"] == "carrier event refused"
    assert line["reason"] in (
        "no signature",
        "no signature of a carrier's",
        "signed at another time than it was received",
    )
    (metric,) = metrics()
    assert metric["CarrierEventsRefused"] == [1]
    assert (metric["service"], metric["stack"]) == ("fulfilment", "tbs-app-fulfilment-test")


def test_a_queue_that_stood_still_makes_no_event_older(context: Any) -> None:
    TABLE.add(waiting())
    handled(context, record(body_of("DISPATCHED"), at=time.time() - 86_400))
    assert kept().status is Status.DISPATCHED


def test_a_dead_letter_that_is_sent_back_is_as_good_as_new(context: Any) -> None:
    """It is a new message to SQS, and has the time of receipt of the old one with it."""
    TABLE.add(waiting())
    old = record(body_of("DISPATCHED"), at=time.time() - 86_400)
    old["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    handled(context, old)
    assert kept().status is Status.DISPATCHED


def test_where_the_secret_cannot_be_read_the_event_comes_again(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise parameters.exceptions.GetParameterError("no")

    TABLE.add(waiting())
    monkeypatch.setattr(parameters, "get_secret", down)
    answer = webhook.handler({"Records": [told("DISPATCHED")]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message"}]}
    assert kept() == waiting()
    assert letters() == []


@pytest.mark.parametrize("header", ["", "garbage", "t=1", "v1=00", "t=x,v1=00"])
def test_what_has_no_signature_is_refused_without_the_secret(
    context: Any, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setattr(webhook, "SECRET_NAME", "tbs/nobody-made-it")
    handled(context, record("garbage", header))
    assert letters() == []


def test_the_parcel_went_to_the_address_on_its_slip(context: Any) -> None:
    away = HOME.model_copy(update={"line1": "1 Low Street"})
    TABLE.add(waiting())
    TABLE.save(waiting().readdress(away, 1, "order-1:5:ChangeShippingAddress", MORNING))
    handled(context, told("DELIVERED", addressNumber=0), told("DISPATCHED", addressNumber=0))
    assert (kept().status, kept().shipping_address, kept().address_number) == ("DELIVERED", HOME, 0)
    assert letters() == []


def test_an_address_that_no_slip_had_is_a_dead_letter(context: Any) -> None:
    TABLE.add(waiting())
    handled(context, told("DISPATCHED", addressNumber=7))
    assert kept() == waiting()
    ((_, reason),) = letters()
    assert reason.endswith("The shipment is WAITING: address 7 is not known here, only 0")


def test_the_log_names_the_order_and_no_address(
    context: Any, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    TABLE.add(waiting())
    handled(context, told("DELIVERED"))
    lines = logged()
    assert [line["status"] for line in lines] == ["DISPATCHED", "DELIVERED", "DELIVERED"]
    for line in lines:
        assert line["correlation_id"] == "order-1"
        assert (line["message_name"], line["message_id"]) == ("CarrierEvent", "event-DELIVERED")
    assert "High Street" not in json.dumps(lines)
