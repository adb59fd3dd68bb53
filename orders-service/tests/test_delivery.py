"""What becomes of a message that fails, in the template's own queue."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from orders import delivery, inbox, items
from orders.order import Order
from orders.raised import MessageError

TRIES = 10

Record = Callable[[str], dict[str, Any]]
DeadLetters = Callable[[], list[tuple[str, str | None]]]


def send(*bodies: str) -> None:
    for body in bodies:
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=body)


def received() -> dict[str, Any] | None:
    """The queue's next messages, as Lambda hands them to the inbox."""
    messages = boto3.client("sqs").receive_message(
        QueueUrl=os.environ["QUEUE_URL"], MaxNumberOfMessages=10, AttributeNames=["All"]
    )
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for message in messages.get("Messages", [])
    ]
    return {"Records": records} if records else None


def down(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")


@given(st.integers(1, 40))
def test_a_wait_is_at_least_half_of_the_longest_there_may_be(tries: int) -> None:
    longest = min(2 * 4 ** (tries - 1), 900)
    assert max(1, longest // 2) <= delivery.wait(tries) <= longest


def test_a_message_that_keeps_failing_waits_longer_each_time_and_is_a_dead_letter_at_last(
    record: Record, context: Any, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def wait(tries: int) -> int:
        tried.append(tries)
        return 0

    monkeypatch.setattr(delivery, "wait", wait)
    monkeypatch.setattr(inbox.table, "add", down)
    body = record("PlaceOrder")["body"]
    send(body)
    while event := received():
        failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert inbox.handler(event, context) == {"batchItemFailures": failed}
    assert tried == list(range(1, TRIES + 1))
    assert dead_letters() == [(body, None)]


def test_what_failed_stays_out_of_sight_for_as_long_as_it_waits(
    record: Record, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.table, "add", down)
    send(record("PlaceOrder")["body"])
    event = received()
    assert event
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(
        inbox.processor._sqs, "change_message_visibility", lambda **given: seen.append(given)
    )
    inbox.handler(event, context)
    (told,) = seen
    assert told["QueueUrl"] == os.environ["QUEUE_URL"]
    assert told["ReceiptHandle"] == event["Records"][0]["receiptHandle"]
    assert 256 <= told["VisibilityTimeout"] <= 512


def test_poison_is_dead_at_once_and_the_rest_of_its_batch_is_handled(
    record: Record,
    kept: Callable[[], Order],
    context: Any,
    dead_letters: DeadLetters,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad, impossible = "poi\tson", record("ShipmentCancelled")["body"]
    send(bad, record("PlaceOrder")["body"], impossible, record("StockReserved")["body"])
    event = received()
    assert event
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert [entry.status for entry in kept().history] == ["PLACED", "RESERVED"]
    buried = dict(dead_letters())
    assert buried.keys() == {bad, impossible}
    assert all(reason and reason.isprintable() for reason in buried.values())
    assert buried[impossible] == "ShipmentCancelled cannot come to an order that is PLACED"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "{" in line]
    metrics = [line for line in told if "PoisonMessages" in line]
    assert [(line["PoisonMessages"], line["service"]) for line in metrics] == [
        ([1.0], "orders")
    ] * 2


def test_where_sqs_does_not_answer_all_that_failed_comes_again(
    record: Record, context: Any, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.table, "add", down)
    send(record("PlaceOrder")["body"], "poison")
    event = received()
    assert event
    for call in ("send_message", "change_message_visibility"):
        monkeypatch.setattr(inbox.processor._sqs, call, down)
    answer = inbox.handler(event, context)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert failed == {record["messageId"] for record in event["Records"]}
    assert dead_letters() == []


# What is kept for managers


def errors() -> list[dict[str, Any]]:
    """The errors that are kept."""
    found = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return [item for item in found if str(item["pk"]).startswith("ERROR#")]


def tried(record: dict[str, Any], times: int) -> dict[str, Any]:
    """The invocation in which a message comes for that time."""
    attributes = record["attributes"] | {"ApproximateReceiveCount": str(times)}
    return {"Records": [record | {"attributes": attributes}]}


@pytest.fixture
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are in no queue, so none of them can be put off."""
    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", lambda **_: None)


@pytest.mark.usefixtures("unqueued")
def test_poison_is_kept_before_it_is_buried(
    record: Record, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.processor._sqs, "send_message", down)
    impossible = record("ShipmentCancelled")
    answer = inbox.handler(tried(impossible, 1), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "ShipmentCancelled"}]}
    (item,) = errors()
    assert (item["pk"], item["code"]) == ("ERROR#ShipmentCancelled", "POISON_MESSAGE")
    # It comes again, and is told once.
    monkeypatch.undo()
    assert inbox.handler(tried(impossible, 2), context) == {"batchItemFailures": []}
    assert errors() == [item]


@pytest.mark.usefixtures("unqueued")
def test_what_fails_is_an_error_at_its_last_try(
    record: Record, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.table, "add", down)
    for times in range(1, TRIES):
        inbox.handler(tried(record("PlaceOrder"), times), context)
        assert errors() == []
    inbox.handler(tried(record("PlaceOrder"), TRIES), context)
    (item,) = errors()
    assert item["code"] == "MESSAGE_FAILED"
    assert item["message"] == "PlaceOrder failed each time, at last with ServiceUnavailable"


@pytest.mark.usefixtures("unqueued")
def test_where_the_error_cannot_be_kept_the_message_goes_its_way(
    record: Record,
    context: Any,
    dead_letters: DeadLetters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox.table, "keep", down)
    impossible = record("ShipmentCancelled")
    assert inbox.handler(tried(impossible, 1), context) == {"batchItemFailures": []}
    assert [body for body, _ in dead_letters()] == [impossible["body"]]


@pytest.mark.usefixtures("unqueued")
def test_where_no_time_is_left_the_error_is_not_kept(
    record: Record, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([delivery.SPARE, delivery.SPARE - 1])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox.table, "keep", down)
    assert inbox.handler(tried(record("ShipmentCancelled"), 1), context) == {
        "batchItemFailures": []
    }
    assert next(left, None) is None


@pytest.mark.usefixtures("unqueued")
def test_an_error_that_is_kept_is_told_once(record: Record, context: Any) -> None:
    inbox.handler(tried(record("ShipmentCancelled"), 1), context)
    (item,) = errors()
    change = items.change({}, item)
    assert change
    assert isinstance(change.new, MessageError)
    assert change.new.told().data.message.startswith("ShipmentCancelled was refused: ")
    assert items.change(item, item) is None
    assert items.change(item, None) is None


@pytest.mark.usefixtures("unqueued")
def test_how_long_a_message_has_failed_is_counted(
    record: Record,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(inbox, "act", down)
    failing = tried(record("StockReserved"), 4)
    sent = int(failing["Records"][0]["attributes"]["SentTimestamp"]) / 1000
    monkeypatch.setattr("orders.delivery.time.time", lambda: sent + 42)
    inbox.handler(failing, context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (line,) = lines
    assert (line["FailingMessageAge"], line["service"]) == ([42.0], "orders")
    assert line["stack"] == os.environ["STACK_NAME"]
