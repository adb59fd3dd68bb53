"""Errors for managers: a parcel that failed, and what became a dead letter."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fulfilment import delivery, inbox, webhook
from fulfilment.raised import (
    KEPT_FOR,
    LONGEST,
    MessageError,
    of_carrier,
    of_letter,
    of_shipment,
)
from fulfilment.shipment import (
    Address,
    AddressNote,
    Consignment,
    Failure,
    Kept,
    Line,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import change
from hypothesis import given
from hypothesis import strategies as st

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
HOME = Address(
    name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
)
WAITING = Shipment(
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
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
SENT = WAITING.dispatch(POST, MORNING)
UNWANTED = Failure(reason="A. Shopper of 1 High Street did not want it")
MOST = int(os.environ["MAX_RECEIVES"])

Errors = Callable[[], list[dict[str, Any]]]
Sample = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize(
    ("before", "where"),
    [(WAITING, "before it left"), (SENT, "on its way")],
    ids=["waiting", "sent"],
)
def test_a_parcel_that_failed_is_an_error(before: Shipment, where: str) -> None:
    failed = before.fail(UNWANTED, MORNING.replace(minute=1))
    (error,) = of_shipment(before, failed)
    assert error.model_dump(mode="json") == {
        "metadata": {
            "id": f"order-1:{failed.version}:ErrorRaised",
            "correlationId": "order-1",
            "causationId": "order-1:3:ShipOrder",
            "occurredAt": "2026-01-05T10:01:00.000Z",
            "version": failed.version,
            "trace": None,
        },
        "data": {
            "errorId": f"order-1:{failed.version}:SHIPMENT_FAILED",
            "kind": "BUSINESS",
            "code": "SHIPMENT_FAILED",
            "message": f"The parcel was given up {where}: the shipment says why",
            "orderId": "order-1",
            "occurredAt": "2026-01-05T10:01:00.000Z",
        },
    }
    assert of_shipment(failed, failed) == []


def test_all_else_that_happens_to_a_parcel_is_none() -> None:
    facts: dict[str, Any] = {
        "order_id": "order-1",
        "updated_at": MORNING,
        "correlation_id": "order-1",
        "causation_id": "m",
    }
    note = AddressNote(**facts, shipping_address=HOME, address_number=1)
    stone = Tombstone(**facts, cancelled_at=MORNING)
    steps: list[tuple[Kept | None, Kept]] = [
        (None, WAITING),
        (note, WAITING),
        (WAITING, SENT),
        (SENT, SENT.deliver(MORNING)),
        (WAITING, WAITING.cancel("m", MORNING)),
        (None, note),
        (note, stone),
    ]
    assert [of_shipment(old, new) for old, new in steps] == [[]] * len(steps)


def test_a_message_that_is_refused_is_an_error(sample: Sample) -> None:
    body = sample("inbox-ShipOrder")["Records"][0]["body"]
    error = of_letter("sqs-1", body, "POISON_MESSAGE", "it cannot be", MORNING)
    told = error.told()
    order_id = json.loads(body)["detail"]["data"]["orderId"]
    assert (told.metadata.id, told.metadata.correlation_id) == ("sqs-1:1:ErrorRaised", order_id)
    assert told.data.model_dump(mode="json") == {
        "errorId": "sqs-1",
        "kind": "SYSTEM",
        "code": "POISON_MESSAGE",
        "message": "ShipOrder was refused: it cannot be",
        "orderId": order_id,
        "occurredAt": "2026-01-05T10:00:00.000Z",
    }
    assert error.expires_at == (MORNING + KEPT_FOR).timestamp()


@pytest.mark.parametrize(
    ("code", "order_id"), [("POISON_MESSAGE", "o-1"), ("MESSAGE_FAILED", None)]
)
def test_the_order_of_a_carriers_event_is_told_once_it_is_known_to_be_a_carriers(
    code: str, order_id: str | None
) -> None:
    error = of_carrier("sqs-1", '{"orderId": "o-1"}', code, "why", MORNING)
    assert error.order_id == order_id
    assert error.message.startswith("An event of a carrier's ")
    assert error.message.endswith(" why")


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
NAMED = st.fixed_dictionaries(
    {"detail-type": JSON, "orderId": JSON, "detail": st.fixed_dictionaries({"data": JSON}) | JSON}
)


@given(body=st.text() | (JSON | NAMED).map(json.dumps), reason=st.text(max_size=1000))
def test_whatever_is_in_a_message_it_is_one_bounded_error(body: str, reason: str) -> None:
    for error in (
        of_letter("sqs-1", body, "MESSAGE_FAILED", reason, MORNING),
        of_carrier("sqs-1", body, "POISON_MESSAGE", reason, MORNING),
    ):
        assert len(error.message) <= LONGEST
        assert MessageError.model_validate(error.model_dump(mode="json")) == error


# In the table, from the queue


def tried(event: dict[str, Any], times: int, **other: Any) -> dict[str, Any]:
    """The invocation in which a message comes for that time."""
    (record,) = event["Records"]
    attributes = record["attributes"] | {"ApproximateReceiveCount": str(times)}
    return {"Records": [record | {"attributes": attributes} | other]}


def down(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException"}}, "any")


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are in no queue, so none of them can be put off."""
    for door in (inbox, webhook):
        monkeypatch.setattr(door.processor._sqs, "change_message_visibility", lambda **_: None)


@pytest.fixture
def order(sample: Sample) -> dict[str, Any]:
    return sample("inbox-ShipOrder")


def test_poison_is_kept_before_it_is_buried(
    order: dict[str, Any], errors: Errors, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = {"body": "poison", "messageId": "sqs-1"}
    monkeypatch.setattr(inbox.processor._sqs, "send_message", down)
    answer = inbox.handler(tried(order, 1, **poison), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-1"}]}
    (item,) = errors()
    assert (item["pk"], item["code"]) == ("ERROR#sqs-1", "POISON_MESSAGE")
    # It comes again, and is told once.
    monkeypatch.undo()
    assert inbox.handler(tried(order, 2, **poison), context) == {"batchItemFailures": []}
    assert errors() == [item]


def test_what_fails_is_an_error_at_its_last_try(
    order: dict[str, Any], errors: Errors, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.table, "add", down)
    for times in range(1, MOST):
        inbox.handler(tried(order, times), context)
        assert errors() == []
    inbox.handler(tried(order, MOST), context)
    (item,) = errors()
    assert item["code"] == "MESSAGE_FAILED"
    assert item["message"] == "ShipOrder failed each time, at last with ThrottlingException"
    assert item["orderId"] == json.loads(order["Records"][0]["body"])["detail"]["data"]["orderId"]


def test_where_the_error_cannot_be_kept_the_message_goes_its_way(
    order: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    dead_letters: Callable[[], list[str]],
) -> None:
    monkeypatch.setattr(inbox.table, "keep", down)
    answer = inbox.handler(tried(order, 1, body="poison"), context)
    assert answer == {"batchItemFailures": []}
    assert dead_letters() == ["poison"]


def test_where_no_time_is_left_the_error_is_not_kept(
    order: dict[str, Any], errors: Errors, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([delivery.SPARE, delivery.SPARE - 1])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    inbox.handler(tried(order, 1, body="poison"), context)
    assert errors() == []


def test_an_error_that_is_kept_is_told_once(
    order: dict[str, Any], errors: Errors, context: Any
) -> None:
    inbox.handler(tried(order, 1, body="poison"), context)
    (item,) = errors()
    told = change({}, item)
    assert told
    assert isinstance(told.new, MessageError)
    assert told.new.told().data.message.startswith("A message was refused: ")
    assert change(item, item) is None
    assert change(item, None) is None


def test_a_carriers_event_that_can_never_be_is_an_error(
    errors: Errors, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "check", lambda *_: None)
    told = {
        "eventId": "event-1",
        "orderId": "order-9",
        "status": "DELIVERED",
        "carrier": "Parcel Post",
        "trackingNumber": "PP1",
        "occurredAt": "2026-01-05T11:00:00Z",
    }
    record = {
        "messageId": "sqs-2",
        "receiptHandle": "handle",
        "body": json.dumps(told),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
        "messageAttributes": {"signature": {"dataType": "String", "stringValue": "t=1,v1=0"}},
    }
    assert webhook.handler({"Records": [record]}, context) == {"batchItemFailures": []}
    (item,) = errors()
    assert (item["code"], item["orderId"]) == ("POISON_MESSAGE", "order-9")
    assert item["message"] == (
        "An event of a carrier's was refused: DELIVERED: there is no shipment of order order-9"
    )


@pytest.mark.parametrize("told", ["DISPATCHED", "DELIVERED"])
def test_why_a_parcel_failed_is_in_no_reason(
    errors: Errors, context: Any, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Whoever gave it up may have written a name. What is refused of it later tells none."""
    monkeypatch.setattr(webhook, "check", lambda *_: None)
    webhook.table.add(WAITING)
    webhook.table.save(SENT)
    webhook.table.save(SENT.fail(UNWANTED, MORNING))
    event = {
        "eventId": "event-1",
        "orderId": "order-1",
        "status": told,
        "carrier": "Another",
        "trackingNumber": "PP1",
        "occurredAt": "2026-01-05T11:00:00Z",
    }
    record = {
        "messageId": "sqs-2",
        "receiptHandle": "handle",
        "body": json.dumps(event),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
        "messageAttributes": {"signature": {"dataType": "String", "stringValue": "t=1,v1=0"}},
    }
    webhook.handler({"Records": [record]}, context)
    (item,) = errors()
    assert "Shopper" not in item["message"]
