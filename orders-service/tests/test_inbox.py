"""The inbox, fed with real messages: once, twice, late, out of order and after a crash."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from orders import inbox
from orders.messages import PlaceOrder, parse
from orders.order import Order, Reason, Status
from orders.table import OrdersTable

Sample = Callable[[str], dict[str, Any]]
Tell = Callable[..., None]

TO_DELIVERED = (
    "PlaceOrder",
    "StockReserved",
    "PaymentCollected",
    "ShipmentDispatched",
    "ShipmentDelivered",
)
TO_DECLINED = ("PlaceOrder", "StockReserved", "PaymentFailed")
TO_REFUSED = ("PlaceOrder", "StockReservationFailed")


@pytest.fixture
def command(sample: Sample) -> PlaceOrder:
    """The order in the sample. All other samples are made to be about the same one."""
    message = parse(sample("inbox-PlaceOrder")["Records"][0]["body"])
    assert isinstance(message, PlaceOrder)
    return message


@pytest.fixture
def record(sample: Sample, command: PlaceOrder) -> Callable[[str], dict[str, Any]]:
    """A record of the queue with the message of that name, about the sample's order."""

    def of(name: str) -> dict[str, Any]:
        found: dict[str, Any] = sample(f"inbox-{name}")["Records"][0]
        body = json.loads(found["body"])
        body["detail"]["data"]["orderId"] = command.data.order_id
        body["detail"]["metadata"]["id"] = f"{command.data.order_id}:1:{name}"
        return found | {"messageId": name, "body": json.dumps(body)}

    return of


@pytest.fixture
def tell(record: Callable[[str], dict[str, Any]], context: Any) -> Tell:
    """Give the inbox these messages, one after the other."""

    def give(*names: str) -> None:
        for name in names:
            event = {"Records": [record(name)]}
            assert inbox.handler(event, context) == {"batchItemFailures": []}

    return give


@pytest.fixture
def kept(command: PlaceOrder) -> Callable[[], Order]:
    """The sample's order, as it is in the table."""

    def read() -> Order:
        order = OrdersTable("Table").order(command.data.order_id)
        assert order
        return order

    return read


@contextmanager
def failing(moment: str, operation: str, client: Any) -> Iterator[None]:
    """Crash at each call of an AWS operation: at its "before-call" or at its "after-call"."""

    def crash(**_: Any) -> None:
        raise ConnectionError(operation)

    client.meta.events.register(f"{moment}.*.{operation}", crash)
    yield
    client.meta.events.unregister(f"{moment}.*.{operation}", crash)


def states(order: Order) -> list[str]:
    return [entry.status for entry in order.history]


def test_places_an_order_once_however_often_it_is_told(
    command: PlaceOrder, tell: Tell, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder")
    first = kept()
    tell("PlaceOrder")
    assert kept() == first
    assert (first.status, first.version) == (Status.PLACED, 1)
    assert first.causation_id == f"{command.data.order_id}:1:PlaceOrder"
    assert command.data.model_dump().items() <= first.model_dump().items()


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (TO_DELIVERED, ["PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED"]),
        (TO_DECLINED, ["PLACED", "RESERVED", "CANCELLED"]),
        (TO_REFUSED, ["PLACED", "CANCELLED"]),
    ],
)
def test_carries_an_order_to_its_end_and_leaves_it_there(
    tell: Tell, kept: Callable[[], Order], story: tuple[str, ...], expected: list[str]
) -> None:
    for name in story:
        tell(name, name)
    ended = kept()
    assert states(ended) == expected
    assert ended.version == len(expected)
    tell(*story)
    assert kept() == ended


def test_two_copies_in_one_batch_count_once(
    record: Callable[[str], dict[str, Any]], kept: Callable[[], Order], context: Any
) -> None:
    records = [record(name) for name in TO_DELIVERED for _ in range(2)]
    assert inbox.handler({"Records": copy.deepcopy(records)}, context) == {"batchItemFailures": []}
    assert kept().version == len(TO_DELIVERED)


def test_a_delivery_that_overtakes_its_dispatch(tell: Tell, kept: Callable[[], Order]) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentDelivered")
    delivered = kept()
    assert states(delivered)[-2:] == ["DISPATCHED", "DELIVERED"]
    assert delivered.carrier
    assert delivered.tracking_number
    tell("ShipmentDispatched")
    assert kept() == delivered


def test_a_cancelled_order_keeps_the_reason(
    sample: Sample, tell: Tell, kept: Callable[[], Order]
) -> None:
    told = json.loads(sample("inbox-PaymentFailed")["Records"][0]["body"])["detail"]["data"]
    tell(*TO_DECLINED)
    assert kept().reason is Reason.PAYMENT_DECLINED
    assert kept().decline_code == told["reason"]


def test_a_cancelled_order_takes_note_of_its_refund_and_of_nothing_else(
    sample: Sample, tell: Tell, kept: Callable[[], Order]
) -> None:
    told = json.loads(sample("inbox-PaymentRefunded")["Records"][0]["body"])["detail"]["data"]
    tell(*TO_DECLINED)
    cancelled = kept()
    tell("StockReserved", "StockReleased", "PaymentCollected", "PaymentFailed")
    assert kept() == cancelled
    tell("PaymentRefunded")
    refunded = kept()
    assert refunded.refund
    assert refunded.refund.amount == told["amount"]
    assert (refunded.status, refunded.version) == (Status.CANCELLED, cancelled.version + 1)
    tell("PaymentRefunded")
    assert kept() == refunded


@pytest.mark.parametrize("name", ["StockReserved", "PaymentFailed", "ShipmentDelivered"])
def test_an_event_for_an_order_that_is_not_there_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    dead_letters: Callable[[], list[str]],
    name: str,
) -> None:
    tell(name)
    assert dead_letters() == [record(name)["body"]]


def test_an_event_that_cannot_be_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    dead_letters: Callable[[], list[str]],
) -> None:
    tell("PlaceOrder", "PaymentCollected")
    assert kept().status is Status.PLACED
    assert dead_letters() == [record("PaymentCollected")["body"]]


def test_an_order_that_does_not_add_up_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    command: PlaceOrder,
    context: Any,
    dead_letters: Callable[[], list[str]],
) -> None:
    wrong = record("PlaceOrder")
    body = json.loads(wrong["body"])
    body["detail"]["data"]["gross"] += 1
    wrong["body"] = json.dumps(body)
    assert inbox.handler({"Records": [wrong]}, context) == {"batchItemFailures": []}
    assert dead_letters() == [wrong["body"]]
    assert OrdersTable("Table").order(command.data.order_id) is None


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"detail-type": "SellEverything", "detail": {}}',
        '{"detail-type": "PlaceOrder", "detail": {"data": {}}}',
        '{"detail-type": "StockReserved", "detail": {"data": {}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    record: Callable[[str], dict[str, Any]],
    kept: Callable[[], Order],
    context: Any,
    dead_letters: Callable[[], list[str]],
    body: str,
) -> None:
    good = record("PlaceOrder")
    event = {"Records": [good | {"messageId": "bad", "body": body}, good]}
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert dead_letters() == [body]
    assert kept().status is Status.PLACED


def test_what_is_refused_is_not_repeated_in_the_log() -> None:
    body = '{"detail-type": "PlaceOrder", "detail": {"data": {"email": "shopper@example.com"}'
    for text in (body, body + "}}"):
        with pytest.raises(ValueError, match="validation error") as refused:
            parse(text)
        assert "shopper" not in str(refused.value)


@pytest.mark.parametrize("story", [TO_DELIVERED, TO_DECLINED, TO_REFUSED])
@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_crash_at_any_call_costs_nothing_but_time(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    story: tuple[str, ...],
    operation: str,
    moment: str,
) -> None:
    for name in story:
        if (name, operation) != ("PlaceOrder", "GetItem"):
            with (
                failing(moment, operation, inbox.table._client),
                pytest.raises(Exception, match="All records failed"),
            ):
                inbox.handler({"Records": [record(name)]}, context)
        tell(name)
    ended = kept()
    assert ended.status in {Status.DELIVERED, Status.CANCELLED}
    assert ended.version == len(story)


def test_a_dead_letter_that_cannot_be_sent_comes_again(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    context: Any,
    dead_letters: Callable[[], list[str]],
) -> None:
    with (
        failing("before-call", "SendMessage", inbox.sqs),
        pytest.raises(Exception, match="All records failed"),
    ):
        inbox.handler({"Records": [record("StockReserved")]}, context)
    assert dead_letters() == []
    tell("StockReserved")
    assert dead_letters() == [record("StockReserved")["body"]]


def test_who_read_too_early_decides_anew(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected")
    stale = kept()
    tell("ShipmentDelivered")
    delivered = kept()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(inbox.table, "order", lambda _: stale)
        with pytest.raises(Exception, match="is not what it was"):
            inbox.handler({"Records": [record("ShipmentDispatched")]}, context)
    assert kept() == delivered
    tell("ShipmentDispatched")
    assert kept() == delivered


def test_a_failing_table_sends_the_message_back(
    record: Callable[[str], dict[str, Any]], context: Any
) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    with pytest.raises(Exception, match="All records failed"):
        inbox.handler({"Records": [record("PlaceOrder")]}, context)
