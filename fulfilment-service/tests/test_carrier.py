"""The simulated carrier, fed with real changes of the table."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from boto3.dynamodb.types import TypeSerializer
from cfnlint.decode import cfn_yaml
from fulfilment import carrier
from fulfilment.model import now
from fulfilment.shipment import Consignment, Failure, Shipment, Status, Tombstone
from fulfilment.table import ShipmentsTable, _item
from fulfilment.table import change as table_change
from moto.events.models import EventPattern

Sample = Callable[[str], dict[str, Any]]

PIGEON = Consignment(carrier="Pigeon", tracking_number="P1")


def told(event: dict[str, Any]) -> Shipment:
    """The shipment as a stream record tells of it."""
    images = DynamoDBRecord(event["Records"][0]).dynamodb
    found = images and table_change(images.old_image, images.new_image)
    assert found
    assert isinstance(found.new, Shipment)
    return found.new


def change(new: Shipment | Tombstone) -> dict[str, Any]:
    """The invocation with the change that left a shipment so."""
    item = _item(new)
    image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {"Records": [{"dynamodb": {"NewImage": image}}]}


def in_city(shipment: Shipment, city: str) -> Shipment:
    there = shipment.shipping_address.model_copy(update={"city": city})
    return shipment.model_copy(update={"shipping_address": there})


@pytest.fixture
def table() -> ShipmentsTable:
    return ShipmentsTable("Table")


@pytest.fixture
def waiting(sample: Sample, table: ShipmentsTable) -> dict[str, Any]:
    """The change that lined up a shipment, which is in the table."""
    event = sample("carrier-WAITING")
    table.add(told(event))
    return event


@contextmanager
def failing(moment: str) -> Iterator[None]:
    """Crash at each save: at its "before-call" or at its "after-call"."""

    def crash(**_: Any) -> None:
        raise ConnectionError("PutItem")

    hooks = carrier.table._client.meta.events
    hooks.register(f"{moment}.*.PutItem", crash)
    yield
    hooks.unregister(f"{moment}.*.PutItem", crash)


def test_dispatches_what_waits_once(
    waiting: dict[str, Any], table: ShipmentsTable, context: Any
) -> None:
    order_id = told(waiting).order_id
    carrier.handler(waiting, context)
    sent = table.shipment(order_id)
    assert isinstance(sent, Shipment)
    assert sent.status is Status.DISPATCHED
    assert sent.tracking_number == carrier.consignment(order_id).tracking_number
    carrier.handler(waiting, context)
    assert table.shipment(order_id) == sent


def test_delivers_what_is_dispatched_once(
    sample: Sample, table: ShipmentsTable, context: Any
) -> None:
    event = sample("carrier-DISPATCHED")
    sent = told(event)
    table.add(sent)
    carrier.handler(event, context)
    there = table.shipment(sent.order_id)
    assert isinstance(there, Shipment)
    assert (there.status, there.version) == (Status.DELIVERED, sent.version + 1)
    assert there.carrier == sent.carrier
    carrier.handler(event, context)
    assert table.shipment(sent.order_id) == there


def test_a_parcel_that_people_sent_off_is_left_to_them(
    waiting: dict[str, Any], table: ShipmentsTable, context: Any
) -> None:
    by_hand = told(waiting).dispatch(PIGEON, now())
    table.save(by_hand)
    carrier.handler(waiting, context)
    assert table.shipment(by_hand.order_id) == by_hand


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_crash_at_the_table_costs_nothing_but_time(
    waiting: dict[str, Any], table: ShipmentsTable, context: Any, moment: str
) -> None:
    with failing(moment), pytest.raises(ConnectionError):
        carrier.handler(waiting, context)
    carrier.handler(waiting, context)
    sent = table.shipment(told(waiting).order_id)
    assert isinstance(sent, Shipment)
    assert (sent.status, sent.version) == (Status.DISPATCHED, 2)


def test_atlantis_is_set_out_for_and_never_found(
    sample: Sample, table: ShipmentsTable, context: Any
) -> None:
    waiting = in_city(told(sample("carrier-WAITING")), carrier.NOWHERE)
    table.add(waiting)
    carrier.handler(change(waiting), context)
    sent = table.shipment(waiting.order_id)
    assert isinstance(sent, Shipment)
    assert sent.status is Status.DISPATCHED
    for _ in range(2):
        carrier.handler(change(sent), context)
        failed = table.shipment(waiting.order_id)
        assert isinstance(failed, Shipment)
        assert (failed.status, failed.reason, failed.version) == (
            Status.FAILED,
            "no such city",
            sent.version + 1,
        )
        assert failed.tracking_number == sent.tracking_number


def test_leaves_alone_what_was_called_off_or_failed(
    sample: Sample, table: ShipmentsTable, context: Any
) -> None:
    waiting = told(sample("carrier-WAITING"))
    at = now()
    cancelled = waiting.cancel("cause", at)
    tombstone = Tombstone(
        order_id="early", cancelled_at=at, updated_at=at, correlation_id="c", causation_id="m"
    )
    failed = waiting.fail(Failure(reason="lost"), at)
    table.add(cancelled)
    table.add(tombstone)
    for left in (cancelled, tombstone, failed):
        carrier.handler(change(left), context)
    assert table.shipment(waiting.order_id) == cancelled
    assert table.shipment("early") == tombstone


def test_a_parcel_that_was_called_off_meanwhile_stays(
    waiting: dict[str, Any], table: ShipmentsTable, context: Any
) -> None:
    cancelled = told(waiting).cancel("cause", now())
    table.save(cancelled)
    carrier.handler(waiting, context)
    assert table.shipment(cancelled.order_id) == cancelled


def test_leaves_alone_what_has_has_arrived_or_was_removed(
    sample: Sample, table: ShipmentsTable, context: Any
) -> None:
    event = sample("outbox-ShipmentDelivered")
    there = told(event)
    table.add(there)
    carrier.handler(event, context)
    del event["Records"][0]["dynamodb"]["NewImage"]
    carrier.handler(event, context)
    assert table.shipment(there.order_id) == there


def test_is_told_of_the_parcels_that_it_moves_on_and_of_no_others(
    sample: Sample, table: ShipmentsTable
) -> None:
    """The filter of the template, over the images that the table makes."""
    template = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
    changes = template["Resources"]["CarrierFunction"]["Properties"]["Events"]["Changes"]
    filters = changes["Properties"]["FilterCriteria"]["Filters"]
    patterns = [EventPattern(None, json.loads(each["Pattern"])) for each in filters]
    stored = boto3.client("dynamodb")

    def image(order_id: str) -> dict[str, Any] | None:
        key = {"pk": {"S": f"SHIPMENT#{order_id}"}}
        return stored.get_item(TableName="Table", Key=key).get("Item")

    def is_told(write: Callable[[Any], None], new: Shipment | Tombstone) -> bool:
        old = image(new.order_id)
        write(new)
        images = {"NewImage": image(new.order_id), **({"OldImage": old} if old else {})}
        record: Any = {"eventName": "MODIFY" if old else "INSERT", "dynamodb": images}
        return any(pattern.matches_event(record) for pattern in patterns)

    at, waiting = now(), told(sample("carrier-WAITING"))
    stone = Tombstone(
        order_id="early", cancelled_at=at, updated_at=at, correlation_id="c", causation_id="m"
    )
    lost = waiting.model_copy(update={"order_id": "lost"})
    stopped = waiting.model_copy(update={"order_id": "stopped"})
    sent = waiting.dispatch(PIGEON, at)
    assert is_told(table.add, waiting)
    assert is_told(table.save, sent)
    assert not is_told(table.save, sent.deliver(at))
    assert is_told(table.add, lost)
    assert not is_told(table.save, lost.fail(Failure(reason="lost"), at))
    assert is_told(table.add, stopped)
    assert not is_told(table.save, stopped.cancel("cause", at))
    assert not is_told(table.add, stone)
    removal: Any = {"eventName": "REMOVE", "dynamodb": {"OldImage": image(waiting.order_id)}}
    assert not any(pattern.matches_event(removal) for pattern in patterns)
