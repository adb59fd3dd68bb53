"""The inbox, fed with real messages: once, twice, late, early and after a crash."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from fulfilment import inbox
from fulfilment.messages import ShipOrder, parse
from fulfilment.model import now
from fulfilment.shipment import Consignment, Failure, Shipment, Status, Tombstone
from fulfilment.table import ShipmentsTable


@pytest.fixture
def event(sample: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return sample("inbox-ShipOrder")


@pytest.fixture
def command(event: dict[str, Any]) -> ShipOrder:
    """The command in the sample."""
    command = parse(event["Records"][0]["body"])
    assert isinstance(command, ShipOrder)
    return command


@pytest.fixture
def cancellation(event: dict[str, Any], command: ShipOrder) -> dict[str, Any]:
    """The invocation with the CancelShipment of the same order."""
    event = copy.deepcopy(event)
    order_id = command.data.order_id
    body = json.loads(event["Records"][0]["body"])
    body["detail-type"] = "CancelShipment"
    body["detail"]["metadata"] |= {"id": f"{order_id}:4:CancelShipment", "version": 4}
    body["detail"]["data"] = {"orderId": order_id}
    event["Records"][0] |= {"body": json.dumps(body), "messageId": "cancellation"}
    return event


@pytest.fixture
def kept(command: ShipOrder) -> Callable[[], Shipment]:
    """The sample order's shipment, as it is in the table."""

    def read() -> Shipment:
        shipment = ShipmentsTable("Table").shipment(command.data.order_id)
        assert isinstance(shipment, Shipment)
        return shipment

    return read


@pytest.fixture
def tombstone(command: ShipOrder) -> Callable[[], Tombstone]:
    """What is in the table in place of the sample order's shipment."""

    def read() -> Tombstone:
        found = ShipmentsTable("Table").shipment(command.data.order_id)
        assert isinstance(found, Tombstone)
        return found

    return read


@contextmanager
def failing(moment: str, operation: str, client: Any) -> Iterator[None]:
    """Crash at each call of an AWS operation: at its "before-call" or at its "after-call"."""

    def crash(**_: Any) -> None:
        raise ConnectionError(operation)

    client.meta.events.register(f"{moment}.*.{operation}", crash)
    yield
    client.meta.events.unregister(f"{moment}.*.{operation}", crash)


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def comes_again(event: dict[str, Any], context: Any) -> None:
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    assert inbox.handler(event, context) == {"batchItemFailures": failed}


def test_lines_up_a_shipment_once_however_often_it_is_told(
    command: ShipOrder, event: dict[str, Any], kept: Callable[[], Shipment], context: Any
) -> None:
    handled(event, context)
    first = kept()
    handled(event, context)
    assert kept() == first
    assert (first.status, first.version) == (Status.WAITING, 1)
    assert command.data.model_dump().items() <= first.model_dump().items()
    assert first.causation_id == command.metadata.id
    assert first.correlation_id == command.metadata.correlation_id


def test_two_copies_in_one_batch_are_one_shipment(
    event: dict[str, Any], kept: Callable[[], Shipment], context: Any
) -> None:
    event["Records"].append(copy.deepcopy(event["Records"][0]) | {"messageId": "copy"})
    handled(event, context)
    assert kept().version == 1


def test_a_late_copy_does_not_call_the_parcel_back(
    event: dict[str, Any], kept: Callable[[], Shipment], context: Any
) -> None:
    handled(event, context)
    sent = kept().dispatch(Consignment(carrier="Parcel Post", tracking_number="PP1"), now())
    ShipmentsTable("Table").save(sent)
    handled(event, context)
    assert kept() == sent


def test_calls_off_a_parcel_that_waits(
    event: dict[str, Any],
    cancellation: dict[str, Any],
    kept: Callable[[], Shipment],
    context: Any,
) -> None:
    handled(event, context)
    waiting = kept()
    handled(cancellation, context)
    cancelled = kept()
    assert (cancelled.status, cancelled.version) == (Status.CANCELLED, 2)
    assert cancelled.cancelled_at == cancelled.updated_at
    assert cancelled.causation_id == f"{cancelled.order_id}:4:CancelShipment"
    assert cancelled.lines == waiting.lines
    for again in (cancellation, event):
        handled(again, context)
        assert kept() == cancelled


def test_a_cancellation_that_comes_first_keeps_the_parcel_from_being_lined_up(
    event: dict[str, Any],
    cancellation: dict[str, Any],
    tombstone: Callable[[], Tombstone],
    context: Any,
) -> None:
    handled(cancellation, context)
    first = tombstone()
    assert (first.status, first.version) == (Status.CANCELLED, 1)
    assert first.causation_id == f"{first.order_id}:4:CancelShipment"
    for late in (cancellation, event, cancellation):
        handled(late, context)
        assert tombstone() == first


@pytest.mark.parametrize("first", [0, 1])
def test_both_commands_in_one_batch_end_in_a_cancellation(
    event: dict[str, Any],
    cancellation: dict[str, Any],
    command: ShipOrder,
    context: Any,
    first: int,
) -> None:
    both = [event["Records"][0], cancellation["Records"][0]]
    handled({"Records": [both[first], both[1 - first]]}, context)
    found = ShipmentsTable("Table").shipment(command.data.order_id)
    assert isinstance(found, Shipment | Tombstone)
    assert found.status is Status.CANCELLED


@pytest.mark.parametrize("moves", [["dispatch"], ["dispatch", "deliver"], ["dispatch", "fail"]])
def test_a_parcel_that_has_left_is_not_called_off(
    event: dict[str, Any],
    cancellation: dict[str, Any],
    kept: Callable[[], Shipment],
    context: Any,
    moves: list[str],
) -> None:
    handled(event, context)
    steps: dict[str, Callable[[Shipment], Shipment]] = {
        "dispatch": lambda s: s.dispatch(Consignment(carrier="Post", tracking_number="1"), now()),
        "deliver": lambda s: s.deliver(now()),
        "fail": lambda s: s.fail(Failure(reason="lost"), now()),
    }
    for move in moves:
        ShipmentsTable("Table").save(steps[move](kept()))
    before = kept()
    handled(cancellation, context)
    assert kept() == before


def no_lines(body: str) -> str:
    event = json.loads(body)
    event["detail"]["data"]["lines"] = []
    return json.dumps(event)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "not json",
        lambda _: "{}",
        lambda _: '{"detail-type": "ShipEverything", "detail": {}}',
        lambda _: '{"detail-type": "ShipOrder", "detail": {"data": {}}}',
        lambda _: '{"detail-type": "CancelShipment", "detail": {"data": {}}}',
        no_lines,
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    event: dict[str, Any],
    kept: Callable[[], Shipment],
    context: Any,
    dead_letters: Callable[[], list[str]],
    spoil: Callable[[str], str],
) -> None:
    body = spoil(event["Records"][0]["body"])
    event["Records"].insert(0, event["Records"][0] | {"messageId": "bad", "body": body})
    handled(event, context)
    assert dead_letters() == [body]
    assert kept().status is Status.WAITING


def test_what_is_refused_is_not_repeated_in_the_log(
    command: ShipOrder, event: dict[str, Any]
) -> None:
    for body in (no_lines(event["Records"][0]["body"]), event["Records"][0]["body"][:-1]):
        with pytest.raises(ValueError, match="validation error") as refused:
            parse(body)
        assert command.data.shipping_address.line1 not in str(refused.value)


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_crash_at_the_table_costs_nothing_but_time(
    event: dict[str, Any], kept: Callable[[], Shipment], context: Any, moment: str
) -> None:
    with failing(moment, "PutItem", inbox.table._client):
        comes_again(event, context)
    handled(event, context)
    assert (kept().status, kept().version) == (Status.WAITING, 1)


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
@pytest.mark.parametrize("lined_up", [True, False])
def test_a_crash_while_calling_off_costs_nothing_but_time(
    event: dict[str, Any],
    cancellation: dict[str, Any],
    command: ShipOrder,
    context: Any,
    moment: str,
    operation: str,
    lined_up: bool,
) -> None:
    if lined_up:
        handled(event, context)
    with failing(moment, operation, inbox.table._client):
        comes_again(cancellation, context)
    handled(cancellation, context)
    found = ShipmentsTable("Table").shipment(command.data.order_id)
    assert isinstance(found, Shipment | Tombstone)
    assert (found.status, found.version) == (Status.CANCELLED, 2 if lined_up else 1)
    assert isinstance(found, Shipment) == lined_up


def test_what_fails_comes_again_later_each_time(event: dict[str, Any], context: Any) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    waits: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        assert params["QueueUrl"].endswith("/Inbox")
        waits.append(params["VisibilityTimeout"])

    hooks, call = inbox.processor._sqs.meta.events, "provide-client-params.sqs.*"
    hooks.register(call, note)
    for tries in range(1, 6):
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(tries)
        comes_again(event, context)
    hooks.unregister(call, note)
    assert waits == sorted(set(waits))
    assert len(waits) == 5
