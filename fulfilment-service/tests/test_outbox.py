"""The outbox, fed with real changes of the table."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.stub import ANY, Stubber
from fulfilment import outbox, raised
from fulfilment.messages import SENDS, of_shipment
from fulfilment.model import now
from fulfilment.raised import of_letter
from fulfilment.shipment import Address, AddressNote, Consignment, Failure, Shipment
from fulfilment.table import _item
from fulfilment.table import change as table_change
from fulfilment.tracing import LONGEST

Sample = Callable[[str], dict[str, Any]]

POST = Consignment(carrier="Parcel Post", tracking_number="PP1")


def published(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """The entries that the outbox puts on the bus for an invocation."""
    calls: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params)

    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.events.meta.events.register_first("provide-client-params.events.PutEvents", note)
        outbox.handler(event, context)
        outbox.events.meta.events.unregister("provide-client-params.events.PutEvents", note)
    return [entry for call in calls for entry in call["Entries"]]


@pytest.mark.parametrize(
    ("name", "status"), [("ShipmentDispatched", "DISPATCHED"), ("ShipmentDelivered", "DELIVERED")]
)
def test_publishes_the_same_message_for_the_same_change(
    sample: Sample, context: Any, name: str, status: str
) -> None:
    event = sample(f"outbox-{name}")
    (entry,) = published(event, context)
    assert published(event, context) == [entry]
    assert (entry["Source"], entry["DetailType"]) == ("tbs.fulfilment", name)
    assert entry["EventBusName"] == "default"
    detail = json.loads(entry["Detail"])
    item = event["Records"][0]["dynamodb"]["NewImage"]
    order_id, version = item["orderId"]["S"], int(item["version"]["N"])
    assert detail["metadata"] == {
        "id": f"{order_id}:{version}:{name}",
        "correlationId": item["correlationId"]["S"],
        "causationId": item["causationId"]["S"],
        "occurredAt": item["updatedAt"]["S"],
        "version": version,
        "trace": item["trace"]["S"] if "trace" in item else None,
    }
    assert detail["data"] == {
        "orderId": order_id,
        "status": status,
        "shippingAddress": {"line2": None}
        | TypeDeserializer().deserialize(item["shippingAddress"]),
        "addressNumber": 0,
        "carrier": item["carrier"]["S"],
        "trackingNumber": item["trackingNumber"]["S"],
        "dispatchedAt": item["dispatchedAt"]["S"],
        "deliveredAt": item["deliveredAt"]["S"] if status == "DELIVERED" else None,
    }


@pytest.fixture
def failed(sample: Sample) -> dict[str, Any]:
    """The change by which a parcel failed on its way."""
    event = sample("outbox-ShipmentDelivered")
    change = event["Records"][0]["dynamodb"]
    item = change["NewImage"]
    item["failedAt"] = item.pop("deliveredAt")
    item |= {"status": {"S": "FAILED"}, "reason": {"S": "no such city"}}
    return event


def test_tells_that_a_parcel_failed(failed: dict[str, Any], context: Any) -> None:
    entry, error = published(failed, context)
    assert published(failed, context) == [entry, error]
    assert (entry["DetailType"], error["DetailType"]) == ("ShipmentFailed", "ErrorRaised")
    item = failed["Records"][0]["dynamodb"]["NewImage"]
    assert json.loads(entry["Detail"])["data"] == {
        "orderId": item["orderId"]["S"],
        "status": "FAILED",
        "reason": "no such city",
        "failedAt": item["failedAt"]["S"],
        "carrier": item["carrier"]["S"],
        "trackingNumber": item["trackingNumber"]["S"],
    }
    for name in ("carrier", "trackingNumber", "dispatchedAt"):
        del item[name]
    entry, _ = published(failed, context)
    data = json.loads(entry["Detail"])["data"]
    assert (data["carrier"], data["trackingNumber"]) == (None, None)


def test_tells_that_a_parcel_was_called_off_and_why(sample: Sample, context: Any) -> None:
    event = sample("carrier-WAITING")
    change = event["Records"][0]["dynamodb"]
    item = change["NewImage"]
    change["OldImage"] = dict(item)
    order_id, at = item["orderId"]["S"], "2026-01-05T10:20:00.000Z"
    cause = f"{order_id}:4:CancelShipment"
    item |= {
        "status": {"S": "CANCELLED"},
        "version": {"N": "2"},
        "cancelledAt": {"S": at},
        "updatedAt": {"S": at},
        "causationId": {"S": cause},
    }
    (entry,) = published(event, context)
    assert entry["DetailType"] == "ShipmentCancelled"
    assert json.loads(entry["Detail"]) == {
        "metadata": {
            "id": f"{order_id}:2:ShipmentCancelled",
            "correlationId": order_id,
            "causationId": cause,
            "occurredAt": at,
            "version": 2,
            "trace": item["trace"]["S"] if "trace" in item else None,
        },
        "data": {"orderId": order_id, "status": "CANCELLED", "cancelledAt": at},
    }


def test_tells_of_a_tombstone_that_the_parcel_will_not_leave(context: Any) -> None:
    at = "2026-01-05T10:20:00.000Z"
    item = {
        "pk": "SHIPMENT#order-1",
        "orderId": "order-1",
        "status": "CANCELLED",
        "cancelledAt": at,
        "version": 1,
        "updatedAt": at,
        "correlationId": "order-1",
        "causationId": "order-1:4:CancelShipment",
    }
    image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    (entry,) = published({"Records": [{"dynamodb": {"NewImage": image}}]}, context)
    assert entry["DetailType"] == "ShipmentCancelled"
    detail = json.loads(entry["Detail"])
    assert detail["metadata"]["id"] == "order-1:1:ShipmentCancelled"
    assert detail["data"] == {"orderId": "order-1", "status": "CANCELLED", "cancelledAt": at}


def test_tells_of_another_address_once_a_parcel_goes_there(sample: Sample, context: Any) -> None:
    """From the shipment, or from a note: that told nothing, since no parcel had the address."""
    event = sample("carrier-WAITING")
    change = event["Records"][0]["dynamodb"]
    found = table_change(None, DynamoDBRecord(event["Records"][0]).dynamodb.new_image)  # type: ignore[union-attr]
    assert found
    waiting = found[1]
    assert isinstance(waiting, Shipment)
    there = waiting.shipping_address.model_copy(update={"line1": "2 Low Street"})
    cause = f"{waiting.order_id}:5:ChangeShippingAddress"
    moved = waiting.readdress(there, 3, cause, now())
    note = AddressNote(
        order_id=waiting.order_id,
        shipping_address=there,
        address_number=3,
        updated_at=now(),
        correlation_id=waiting.correlation_id,
        causation_id=cause,
    )
    assert of_shipment(None, note) == []
    assert of_shipment(note, note.readdress(there, 4, cause, now())) == []
    for before in (waiting, note):
        change["OldImage"] = image(before)
        change["NewImage"] = image(moved)
        (entry,) = published(event, context)
        assert published(event, context) == [entry]
        assert entry["DetailType"] == "ShipmentReaddressed"
        detail = json.loads(entry["Detail"])
        assert detail["metadata"]["id"] == f"{waiting.order_id}:2:ShipmentReaddressed"
        assert detail["metadata"]["causationId"] == cause
        assert detail["data"] == {
            "orderId": waiting.order_id,
            "shippingAddress": there.model_dump(),
            "number": 3,
        }
    (told,) = of_shipment(moved, moved.dispatch(POST, now()))
    data = json.loads(told.model_dump_json())["data"]
    assert (data["shippingAddress"], data["addressNumber"]) == (there.model_dump(), 3)


def image(kept: Shipment | AddressNote) -> dict[str, Any]:
    """The item of it, as a stream record has it."""
    return {name: TypeSerializer().serialize(value) for name, value in _item(kept).items()}


def test_says_nothing_of_a_parcel_that_waits(sample: Sample, context: Any) -> None:
    assert published(sample("carrier-WAITING"), context) == []


def test_says_nothing_when_the_status_stays(sample: Sample, context: Any) -> None:
    event = sample("outbox-ShipmentDispatched")
    change = event["Records"][0]["dynamodb"]
    change["OldImage"] = change["NewImage"]
    assert published(event, context) == []


def test_says_nothing_of_a_removal(sample: Sample, context: Any) -> None:
    event = sample("outbox-ShipmentDelivered")
    del event["Records"][0]["dynamodb"]["NewImage"]
    assert published(event, context) == []


NOISE = "\x01" * 200
"""Each character takes six bytes in JSON, the most that one may."""


def test_no_call_is_larger_than_the_bus_takes(sample: Sample) -> None:
    """The longest that a parcel's story can be told in, as often as a call takes it."""
    change = DynamoDBRecord(sample("carrier-WAITING")["Records"][0]).dynamodb
    found = change and table_change(None, change.new_image)
    assert found
    waiting = found[1]
    assert isinstance(waiting, Shipment)
    far = Address.model_validate(dict.fromkeys(Address.model_fields, NOISE))
    waiting = waiting.model_copy(
        update={"order_id": "o" * 100, "correlation_id": "c" * 100, "shipping_address": far}
    )
    again = waiting.readdress(far, 1, "m", now())
    sent = waiting.dispatch(Consignment(carrier=NOISE[:60], tracking_number=NOISE[:60]), now())
    failed = sent.fail(Failure(reason=NOISE), now())
    ends = [sent.deliver(now()), failed, waiting.cancel("m", now())]
    letter = of_letter("m" * 36, "", "POISON_MESSAGE", NOISE * 9, now())
    stories = [of_shipment(waiting, end) for end in (again, sent, *ends)]
    stories += [list(raised.of_shipment(waiting, failed)), [letter.told()]]
    told = [message.traced("t" * LONGEST) for story in stories for message in story]
    assert {type(message) for message in told} == set(SENDS)
    entries = [outbox.entry(message) for message in told]
    sizes = [len((e["Source"] + e["DetailType"] + e["Detail"]).encode()) for e in entries]
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    assert max(sizes) * outbox.ENTRIES_PER_CALL < 256 * 1024


def test_raises_when_the_bus_does_not_take_every_message(sample: Sample, context: Any) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-ShipmentDispatched"), context)
