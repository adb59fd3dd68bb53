"""What becomes of messages that fail, on the queues of the template."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import ClientError
from fulfilment.delivery import LONGEST_WAIT, MAX_REASON, Poison, QueueProcessor, printable, wait
from hypothesis import given
from hypothesis import strategies as st

Handle = Callable[[SQSRecord], None]


class Batch:
    """Messages that lie in the inbox, and the function that is given them, all at once."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._sqs = boto3.client("sqs")
        self._records: list[dict[str, Any]] = []
        self.processor = QueueProcessor(
            os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], Logger()
        )
        self.put_off: list[int] = []
        """The visibility timeouts that were set, in seconds."""
        hooks = self.processor._sqs.meta.events
        hooks.register("provide-client-params.sqs.ChangeMessageVisibility", self._note)

    def add(self, body: str, tries: int = 1) -> None:
        """One more message, which is given out for the nth time."""
        self._sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=body)
        (message,) = self._sqs.receive_message(QueueUrl=os.environ["QUEUE_URL"])["Messages"]
        record = {
            "messageId": f"id of {body}",
            "receiptHandle": message["ReceiptHandle"],
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(tries)},
        }
        self._records.append(record)

    def given_to(self, handle: Handle) -> list[str]:
        """The bodies that the function reports as failed."""
        answer = process_partial_response(
            {"Records": self._records}, handle, self.processor, self._context
        )
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        return [r["body"] for r in self._records if r["messageId"] in failed]

    def broken(self, operation: str) -> None:
        """From here on SQS refuses that operation."""

        def refuse(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, operation)

        self.processor._sqs.meta.events.register(f"before-call.sqs.{operation}", refuse)

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self.put_off.append(params["VisibilityTimeout"])


@pytest.fixture
def batch(context: Any) -> Batch:
    return Batch(context)


def letters() -> list[tuple[str, str]]:
    """The dead letters: their bodies and the reasons that go with them."""
    answer = boto3.client("sqs").receive_message(
        QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return [
        (message["Body"], message["MessageAttributes"]["reason"]["StringValue"])
        for message in answer.get("Messages", [])
    ]


def handler(handled: list[str]) -> Handle:
    """Notes what it is given, but for "poison" and "broken"."""

    def handle(record: SQSRecord) -> None:
        match record.body:
            case "poison":
                raise Poison("it is no good")
            case "broken":
                raise ConnectionError("table")
            case body:
                handled.append(body)

    return handle


def test_poison_is_a_dead_letter_at_once_and_says_why(batch: Batch) -> None:
    handled: list[str] = []
    for body in ("one", "poison", "two"):
        batch.add(body)
    assert batch.given_to(handler(handled)) == []
    assert letters() == [("poison", "it is no good")]
    assert handled == ["one", "two"]
    assert batch.put_off == []


def test_poison_is_counted(batch: Batch, capsys: pytest.CaptureFixture[str]) -> None:
    batch.add("poison")
    batch.given_to(handler([]))
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "PoisonMessages" in line]
    metric = json.loads(told)
    assert metric["PoisonMessages"] == [1]
    assert metric["service"] == os.environ["POWERTOOLS_SERVICE_NAME"]
    assert metric["stack"] == os.environ["STACK_NAME"]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "TheBetterStore"


@pytest.mark.parametrize(
    ("tries", "least", "most"),
    [(1, 1, 2), (2, 4, 8), (3, 16, 32), (4, 64, 128), (5, 256, 512), (6, 450, 900), (10, 450, 900)],
)
def test_what_failed_comes_again_later_each_time(
    batch: Batch, tries: int, least: int, most: int
) -> None:
    handled: list[str] = []
    batch.add("one")
    batch.add("broken", tries)
    batch.add("two")
    assert batch.given_to(handler(handled)) == ["broken"]
    assert handled == ["one", "two"]
    (seconds,) = batch.put_off
    assert least <= seconds <= most
    assert letters() == []


def test_a_batch_of_which_all_failed_is_reported_one_by_one(batch: Batch) -> None:
    batch.add("broken")
    assert batch.given_to(handler([])) == ["broken"]


def test_poison_that_cannot_be_buried_comes_again_alone(batch: Batch) -> None:
    handled: list[str] = []
    for body in ("one", "poison", "two"):
        batch.add(body)
    batch.broken("SendMessage")
    assert batch.given_to(handler(handled)) == ["poison"]
    assert handled == ["one", "two"]
    assert letters() == []


def test_what_cannot_be_put_off_is_reported_all_the_same(batch: Batch) -> None:
    handled: list[str] = []
    for body in ("one", "broken", "two"):
        batch.add(body)
    batch.broken("ChangeMessageVisibility")
    assert batch.given_to(handler(handled)) == ["broken"]
    assert handled == ["one", "two"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("data.id\n  is wrong: '\x01'\ufffe", "data.id is wrong: ' '"),
        ("x" * 5000, "x" * MAX_REASON),
        ("\x00", "Poison"),
        ("", "Poison"),
    ],
)
def test_any_reason_goes_with_a_dead_letter(batch: Batch, reason: str, told: str) -> None:
    def refuse(record: SQSRecord) -> None:
        raise Poison(reason)

    batch.add("poison")
    assert batch.given_to(refuse) == []
    assert letters() == [("poison", told)]


@given(st.text(st.characters(), min_size=1))
def test_a_reason_holds_only_what_sqs_takes(text: str) -> None:
    told = printable(text)
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    assert all(" " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" for c in told)
    assert told.split() == (told.split(" ") if told else [])


@given(st.integers(1, 1000))
def test_a_wait_is_one_that_sqs_takes(tries: int) -> None:
    assert 1 <= wait(tries) <= LONGEST_WAIT
