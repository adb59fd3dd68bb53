"""What becomes of a message that fails, in a real queue."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from toys import delivery, inbox

MAX_RECEIVE_COUNT = 10

DeadLetters = Callable[[], list[tuple[str, str | None]]]


def send(body: str) -> None:
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


@pytest.fixture
def body(sample: Callable[[str], dict[str, Any]]) -> str:
    """A message that can be handled."""
    return str(sample("inbox-ReserveStock")["Records"][0]["body"])


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table answers nothing."""

    def down(*_: Any) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(inbox.table, "reserve", down)


@given(st.integers(1, 40))
def test_every_wait_is_longer_than_the_one_before_until_the_longest(tries: int) -> None:
    first, second = delivery.wait(tries), delivery.wait(tries + 1)
    assert 1 <= first <= delivery.LONGEST_WAIT
    assert second >= first or first > delivery.LONGEST_WAIT // 2


@pytest.mark.usefixtures("broken")
def test_a_message_that_keeps_failing_waits_longer_each_time_and_is_a_dead_letter_at_last(
    body: str, context: Any, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def at_once(tries: int) -> int:
        tried.append(tries)
        return 0

    monkeypatch.setattr(delivery, "wait", at_once)
    send(body)
    while event := received():
        failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert inbox.handler(event, context) == {"batchItemFailures": failed}
    assert tried == list(range(1, MAX_RECEIVE_COUNT + 1))
    assert dead_letters() == [(body, None)]


@pytest.mark.usefixtures("broken")
def test_what_failed_stays_out_of_sight_for_as_long_as_it_waits(body: str, context: Any) -> None:
    send(body)
    event = received()
    assert event
    seen: list[dict[str, Any]] = []
    client = inbox.processor._sqs
    name = "provide-client-params.sqs.ChangeMessageVisibility"
    client.meta.events.register(name, spy := lambda params, **_: seen.append(params))
    try:
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
        inbox.handler(event, context)
    finally:
        client.meta.events.unregister(name, spy)
    (given,) = seen
    assert given["QueueUrl"] == os.environ["QUEUE_URL"]
    assert given["ReceiptHandle"] == event["Records"][0]["receiptHandle"]
    assert 256 <= given["VisibilityTimeout"] <= 512


def test_poison_is_dead_at_once_and_the_rest_of_its_batch_is_handled_once(
    body: str,
    context: Any,
    dead_letters: DeadLetters,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reserved: list[Any] = []
    monkeypatch.setattr(inbox.table, "reserve", reserved.append)
    for text in (body, "po\tison", body.replace("ReserveStock", "Sell\\u0001Everything")):
        send(text)
    event = received()
    assert event
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert len(reserved) == 1
    buried = dict(dead_letters())
    assert buried.keys() == {record["body"] for record in event["Records"]} - {body}
    assert all(reason and reason.isprintable() for reason in buried.values())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "{" in line]
    metrics = [line for line in told if "PoisonMessages" in line]
    assert [(line["PoisonMessages"], line["service"]) for line in metrics] == [([1.0], "toys")] * 2


@pytest.mark.usefixtures("broken")
def test_where_sqs_does_not_answer_all_comes_again(
    body: str, context: Any, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")

    for text in (body, "poison"):
        send(text)
    event = received()
    assert event
    with monkeypatch.context() as while_down:
        for name in ("send_message", "change_message_visibility"):
            while_down.setattr(inbox.processor._sqs, name, down)
        answer = inbox.handler(event, context)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert failed == {record["messageId"] for record in event["Records"]}
    assert dead_letters() == []
