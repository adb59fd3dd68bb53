"""The inbox, fed with real messages: once, twice, late and after a crash."""

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
from fulfilment.shipment import Consignment, Shipment, Status
from fulfilment.table import ShipmentsTable


@pytest.fixture
def event(sample: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return sample("inbox-ShipOrder")


@pytest.fixture
def command(event: dict[str, Any]) -> ShipOrder:
    """The command in the sample."""
    return parse(event["Records"][0]["body"])


@pytest.fixture
def kept(command: ShipOrder) -> Callable[[], Shipment]:
    """The sample order's shipment, as it is in the table."""

    def read() -> Shipment:
        shipment = ShipmentsTable("Table").shipment(command.data.order_id)
        assert shipment
        return shipment

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
    with (
        failing(moment, "PutItem", inbox.table._client),
        pytest.raises(Exception, match="All records failed"),
    ):
        inbox.handler(event, context)
    handled(event, context)
    assert (kept().status, kept().version) == (Status.WAITING, 1)


def test_a_dead_letter_that_cannot_be_sent_comes_again(
    event: dict[str, Any], context: Any, dead_letters: Callable[[], list[str]]
) -> None:
    event["Records"][0]["body"] = "not json"
    with (
        failing("before-call", "SendMessage", inbox.sqs),
        pytest.raises(Exception, match="All records failed"),
    ):
        inbox.handler(event, context)
    assert dead_letters() == []
    handled(event, context)
    assert dead_letters() == ["not json"]


def test_a_failing_table_sends_the_message_back(event: dict[str, Any], context: Any) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    with pytest.raises(Exception, match="All records failed"):
        inbox.handler(event, context)
