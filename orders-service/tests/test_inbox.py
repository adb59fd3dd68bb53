"""The inbox, fed with real messages: once, twice, late, out of order and after a crash."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3
import pytest
from orders import inbox
from orders.facts import Cancellation, PaymentAction, Reason
from orders.heard import PlaceOrder
from orders.messages import parse
from orders.order import Order
from orders.purchase import Line
from orders.refunds import Refund
from orders.saga import Status
from orders.table import OrdersTable

Sample = Callable[[str], dict[str, Any]]
Tell = Callable[..., None]
Told = Callable[[str], dict[str, Any]]
DeadLetters = Callable[[], list[tuple[str, str | None]]]

TO_DELIVERED = (
    "PlaceOrder",
    "StockReserved",
    "PaymentCollected",
    "ShipmentDispatched",
    "ShipmentDelivered",
)
TO_DECLINED = ("PlaceOrder", "StockReserved", "PaymentFailed")
TO_REFUSED = ("PlaceOrder", "StockReservationFailed")
TO_STOPPED = (
    "PlaceOrder",
    "StockReserved",
    "PaymentActionRequired",
    "PaymentCollected",
    "CancelOrder",
    "ShipmentCancelled",
    "PaymentRefunded",
)
TO_TOO_LATE = (
    "PlaceOrder",
    "StockReserved",
    "PaymentCollected",
    "CancelOrder",
    "ShipmentDispatched",
    "ShipmentDelivered",
)
TO_LOST = (
    "PlaceOrder",
    "StockReserved",
    "PaymentCollected",
    "ShipmentDispatched",
    "ShipmentFailed",
)
STORIES = (TO_DELIVERED, TO_DECLINED, TO_REFUSED, TO_STOPPED, TO_TOO_LATE, TO_LOST)


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
    bought = command.data.model_dump(exclude={"lines"})
    assert bought.items() <= first.model_dump().items()
    assert [Line.model_validate(dict(line)) for line in first.lines] == [*command.data.lines]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (TO_DELIVERED, ["PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED"]),
        (TO_DECLINED, ["PLACED", "RESERVED", "CANCELLED"]),
        (TO_REFUSED, ["PLACED", "CANCELLED"]),
        (TO_STOPPED, ["PLACED", "RESERVED", "CONFIRMED", "CANCELLING", "CANCELLED"]),
        (
            TO_TOO_LATE,
            ["PLACED", "RESERVED", "CONFIRMED", "CANCELLING", "DISPATCHED", "DELIVERED"],
        ),
        (TO_LOST, ["PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "CANCELLED"]),
    ],
)
def test_carries_an_order_to_its_end_and_leaves_it_there(
    tell: Tell, kept: Callable[[], Order], story: tuple[str, ...], expected: list[str]
) -> None:
    for name in story:
        tell(name, name)
    ended = kept()
    assert states(ended) == expected
    assert ended.version == len(story)
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
    record: Callable[[str], dict[str, Any]], tell: Tell, kept: Callable[[], Order]
) -> None:
    told = json.loads(record("PaymentRefunded")["body"])["detail"]["data"]
    tell(*TO_DECLINED)
    cancelled = kept()
    tell("StockReserved", "StockReleased", "PaymentFailed")
    assert kept() == cancelled
    tell("PaymentRefunded")
    refunded = kept()
    assert refunded.refund
    assert refunded.refund.amount == told["amount"]
    assert (refunded.status, refunded.version) == (Status.CANCELLED, cancelled.version + 1)
    tell("PaymentRefunded", "PaymentCollected")
    assert kept() == refunded


def test_a_cancelled_order_that_was_paid_after_all_has_a_refund_to_come(
    told: Told, tell: Tell, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder", "StockReserved", "CancelOrder")
    assert kept().refund is None
    tell("PaymentCollected", "PaymentCollected")
    paid = kept()
    assert (paid.status, paid.version) == (Status.CANCELLED, 4)
    assert paid.refund == Refund(amount=paid.gross, status="PENDING")
    tell("PaymentRefunded", "PaymentCollected")
    assert kept().refund == Refund(amount=told("PaymentRefunded")["amount"], status="REFUNDED")
    assert kept().version == 5


def test_what_payments_tells_of_a_refund_is_kept_as_it_was_told_last(
    record: Callable[[str], dict[str, Any]], tell: Tell, kept: Callable[[], Order], context: Any
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected")

    def say(version: int, **more: Any) -> Order:
        message = record("PaymentRefunded")
        body = json.loads(message["body"])
        body["detail"]["metadata"]["version"] = version
        body["detail"]["data"] |= {"status": "PARTLY_REFUNDED"} | more
        event = {"Records": [message | {"body": json.dumps(body)}]}
        assert inbox.handler(event, context) == {"batchItemFailures": []}
        return kept()

    after = say(5, amount=900, byHand=300, covered=[])
    assert (after.refunded, after.by_hand, after.payment_version) == (900, 300, 5)
    assert say(4, amount=600, byHand=600, covered=[]) == after
    assert say(5, amount=900, byHand=300, covered=[]) == after
    after = say(6, amount=900, byHand=400, covered=[])
    assert (after.refunded, after.by_hand) == (900, 400)


def test_an_order_whose_money_was_given_back_by_hand_is_not_confirmed(
    tell: Tell, kept: Callable[[], Order], dead_letters: DeadLetters
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentRefunded")
    refunded = kept()
    tell("PaymentCollected")
    assert kept() == refunded
    assert refunded.status is Status.RESERVED
    assert dead_letters() == []


@pytest.mark.parametrize("name", ["StockReserved", "PaymentFailed", "ShipmentDelivered"])
def test_an_event_for_an_order_that_is_not_there_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    dead_letters: DeadLetters,
    name: str,
) -> None:
    tell(name)
    ((letter, reason),) = dead_letters()
    assert letter == record(name)["body"]
    assert reason
    assert reason.startswith(f"{name} is about order ")


def test_an_event_that_cannot_be_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    dead_letters: DeadLetters,
) -> None:
    tell("PlaceOrder", "PaymentCollected")
    assert kept().status is Status.PLACED
    why = "PaymentCollected cannot come to an order that is PLACED"
    assert dead_letters() == [(record("PaymentCollected")["body"], why)]


def test_an_order_that_does_not_add_up_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]],
    command: PlaceOrder,
    context: Any,
    dead_letters: DeadLetters,
) -> None:
    wrong = record("PlaceOrder")
    body = json.loads(wrong["body"])
    body["detail"]["data"]["gross"] += 1
    wrong["body"] = json.dumps(body)
    assert inbox.handler({"Records": [wrong]}, context) == {"batchItemFailures": []}
    ((letter, reason),) = dead_letters()
    assert letter == wrong["body"]
    assert reason
    assert "but the lines come to" in reason
    assert OrdersTable("Table").order(command.data.order_id) is None


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"detail-type": "SellEverything", "detail": {}}',
        '{"detail-type": "PlaceOrder", "detail": {"data": {}}}',
        '{"detail-type": "StockReserved", "detail": {"data": {}}}',
        '{"detail-type": "CancelOrder", "detail": {"data": {"orderId": "1"}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    record: Callable[[str], dict[str, Any]],
    kept: Callable[[], Order],
    context: Any,
    dead_letters: DeadLetters,
    body: str,
) -> None:
    good = record("PlaceOrder")
    event = {"Records": [good | {"messageId": "bad", "body": body}, good]}
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    ((letter, reason),) = dead_letters()
    assert letter == body
    assert reason
    assert kept().status is Status.PLACED


def test_what_is_refused_is_not_repeated_in_the_log() -> None:
    body = '{"detail-type": "PlaceOrder", "detail": {"data": {"email": "shopper@example.com"}'
    for text in (body, body + "}}"):
        with pytest.raises(ValueError, match="validation error") as refused:
            parse(text)
        assert "shopper" not in str(refused.value)


@pytest.mark.parametrize("story", STORIES)
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
            with failing(moment, operation, inbox.table._client):
                answer = inbox.handler({"Records": [record(name)]}, context)
            assert answer == {"batchItemFailures": [{"itemIdentifier": name}]}
        tell(name)
    ended = kept()
    assert ended.status in {Status.DELIVERED, Status.CANCELLED}
    assert ended.version == len(story)


def test_what_the_shopper_has_to_do_is_kept_until_the_order_is_paid(
    told: Told, tell: Tell, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentActionRequired", "PaymentActionRequired")
    waiting = kept()
    assert (waiting.status, waiting.version) == (Status.RESERVED, 3)
    asked = told("PaymentActionRequired")
    assert waiting.payment_action == PaymentAction.model_validate(asked)
    assert asked["url"]
    tell("PaymentCollected", "PaymentActionRequired")
    assert kept().payment_action is None
    assert kept().status is Status.CONFIRMED


def test_nothing_of_a_payment_action_is_logged(
    told: Told, tell: Tell, capfd: pytest.CaptureFixture[str]
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentActionRequired")
    assert told("PaymentActionRequired")["clientSecret"] not in "".join(capfd.readouterr())


def test_an_undelivered_order_keeps_why(told: Told, tell: Tell, kept: Callable[[], Order]) -> None:
    tell(*TO_LOST)
    order = kept()
    assert (order.reason, order.failure) == (Reason.UNDELIVERABLE, told("ShipmentFailed")["reason"])
    assert order.refund == Refund(amount=order.gross, status="PENDING")


def test_a_failure_that_overtakes_its_dispatch(
    told: Told, tell: Tell, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed", "ShipmentDispatched")
    assert states(kept()) == ["PLACED", "RESERVED", "CONFIRMED", "CANCELLED"]
    assert kept().tracking_number == told("ShipmentFailed")["trackingNumber"]
    assert kept().tracking_number


def test_a_request_to_cancel_that_comes_before_its_order(
    command: PlaceOrder, tell: Tell, kept: Callable[[], Order]
) -> None:
    tell("CancelOrder", "CancelOrder")
    table = OrdersTable("Table")
    assert isinstance(table.found(command.data.order_id), Cancellation)
    assert table.order(command.data.order_id) is None
    tell("PlaceOrder")
    cancelled = kept()
    assert states(cancelled) == ["PLACED", "CANCELLED"]
    assert (cancelled.version, cancelled.reason) == (2, Reason.CUSTOMER)
    assert [entry.causation_id for entry in cancelled.history] == [
        command.metadata.id,
        f"{command.data.order_id}:1:CancelOrder",
    ]
    tell("PlaceOrder", "CancelOrder", "StockReserved", "StockReleased")
    assert kept() == cancelled


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_crash_between_a_request_to_cancel_and_its_order(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    operation: str,
    moment: str,
) -> None:
    for name in ("CancelOrder", "PlaceOrder"):
        with failing(moment, operation, inbox.table._client):
            answer = inbox.handler({"Records": [record(name)]}, context)
        assert answer == {"batchItemFailures": [{"itemIdentifier": name}]}
        tell(name)
    assert states(kept()) == ["PLACED", "CANCELLED"]


def test_an_answer_to_an_order_that_is_only_to_be_cancelled_is_a_dead_letter(
    record: Callable[[str], dict[str, Any]], tell: Tell, dead_letters: DeadLetters
) -> None:
    tell("CancelOrder", "StockReserved")
    assert [letter for letter, _ in dead_letters()] == [record("StockReserved")["body"]]


def test_has_fifteen_minutes(tell: Tell, kept: Callable[[], Order]) -> None:
    tell("PlaceOrder")
    assert kept().deadline - kept().placed_at == timedelta(minutes=15)


def test_who_read_too_early_looks_again_at_once(
    tell: Tell, kept: Callable[[], Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected")
    stale = kept()
    tell("ShipmentDelivered")
    delivered = kept()
    seen = [stale, stale]
    found = inbox.table.found
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(inbox.table, "found", lambda i: seen.pop() if seen else found(i))
        tell("ShipmentDispatched")
    assert not seen
    assert kept() == delivered


def test_who_is_always_too_late_tries_again_later(
    record: Callable[[str], dict[str, Any]],
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell("PlaceOrder")
    stale = kept()
    tell("StockReserved")
    looks: list[str] = []

    def found(order_id: str) -> Order:
        looks.append(order_id)
        return stale

    monkeypatch.setattr(inbox.table, "found", found)
    answer = inbox.handler({"Records": [record("CancelOrder")]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "CancelOrder"}]}
    assert len(looks) == inbox.LOOKS


def test_a_failing_table_sends_the_message_back(
    record: Callable[[str], dict[str, Any]], context: Any
) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    answer = inbox.handler({"Records": [record("PlaceOrder")]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "PlaceOrder"}]}
