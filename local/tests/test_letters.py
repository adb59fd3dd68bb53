"""Dead letters are listed with their reasons and stay where they are, and go back when asked to."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from local import letters
from local.account import Account
from local.errors import LocalError
from local.letters import age, content, discreet
from local.progress import Progress, console
from local.services import Service
from local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

TEMPLATE = {
    "Resources": {
        "Inbox": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["InboxDeadLetters", "Arn"]},
                    "maxReceiveCount": 10,
                }
            },
        },
        "InboxDeadLetters": {"Type": "AWS::SQS::Queue"},
        "OutboxDeadLetters": {"Type": "AWS::SQS::Queue"},
    }
}
ORDER = {
    "source": "tbs.orders",
    "detail-type": "ReserveStock",
    "detail": {
        "metadata": {"correlationId": "o-1"},
        "data": {"orderId": "o-1", "email": "sam@example.com"},
    },
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator["SQSClient"]:
    """An account of AWS, the caller's own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(letters, "_POLL", 0)
    monkeypatch.setattr(letters, "_APPEARS", 0.1)
    monkeypatch.setattr(letters, "_PATIENCE", 0)
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def toys(tmp_path: Path, cloud: "SQSClient") -> Service:
    """A service whose stack is deployed in the environment `dev`."""
    folder = tmp_path / "toys-service"
    folder.mkdir()
    (folder / "samconfig.toml").write_text('[dev.deploy.parameters]\nstack_name = "a-dev"\n')
    boto3.client("cloudformation").create_stack(
        StackName="a-dev", TemplateBody=json.dumps(TEMPLATE)
    )
    return Service(folder)


@pytest.fixture
def urls(toys: Service, settings: Settings, cloud: "SQSClient") -> dict[str, str]:
    """The addresses of the stack's queues, by their names in the template."""
    resources = boto3.client("cloudformation").list_stack_resources(StackName="a-dev")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources["StackResourceSummaries"]
    }


def bury(cloud: "SQSClient", url: str, body: str, reason: str = "") -> None:
    attributes: Any = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
    cloud.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def waiting(cloud: "SQSClient", url: str) -> list[dict[str, Any]]:
    """The messages that a reader gets, all of them, taken away."""
    found: list[dict[str, Any]] = []
    while messages := cloud.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages  # type: ignore[arg-type]
    return found


def shown(settings: Settings, *services: Service) -> str:
    with console.capture() as captured:
        letters.show(settings, services, "dev")
    return captured.get()


def redriven(settings: Settings, toys: Service, name: str = "InboxDeadLetters") -> int:
    with Progress() as progress:
        return letters.redrive(settings, toys, "dev", name, progress)


class Moves:
    """Plays the two calls of SQS that moto lacks."""

    def __init__(self, cloud: "SQSClient", statuses: list[str] | None) -> None:
        self.started: list[dict[str, Any]] = []
        self._cloud = cloud
        self._statuses = statuses
        self._tasks: list[dict[str, Any]] = [{"Status": "COMPLETED", "StartedTimestamp": 0}]

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        if self._statuses is None:
            error = {"Error": {"Code": "InvalidAction", "Message": "is not valid"}}
            raise ClientError(error, operation)  # type: ignore[arg-type]
        if operation == "StartMessageMoveTask":
            self.started.append(given)
            return {"TaskHandle": "h"}
        if self.started and self._statuses:
            status = self._statuses.pop(0)
            moved = self._move() if status == "COMPLETED" else 0
            task = {
                "Status": status,
                "StartedTimestamp": len(self.started),
                "ApproximateNumberOfMessagesMoved": moved,
                "FailureReason": "AccessDenied",
            }
            self._tasks.insert(0, task)
        return {"Results": self._tasks[:1]}

    def _move(self) -> int:
        url = {
            key: self._cloud.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            for key, arn in self.started[-1].items()
        }
        found = waiting(self._cloud, url["SourceArn"])
        for message in found:
            self._cloud.send_message(QueueUrl=url["DestinationArn"], MessageBody=message["Body"])
            self._cloud.delete_message(
                QueueUrl=url["SourceArn"], ReceiptHandle=message["ReceiptHandle"]
            )
        return len(found)


Give = Callable[[list[str] | None], Moves]


@pytest.fixture
def moves(cloud: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> Give:
    """Gives SQS the statuses that its next move takes, one a look; None: it cannot move."""
    whole = BaseClient._make_api_call  # type: ignore[attr-defined]

    def give(statuses: list[str] | None) -> Moves:
        played = Moves(cloud, statuses)

        def call(self: Any, operation: str, given: dict[str, Any]) -> Any:
            if operation in ("StartMessageMoveTask", "ListMessageMoveTasks"):
                return played.answer(operation, given)
            return whole(self, operation, given)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        return played

    return give


def test_nothing_to_see(settings: Settings, toys: Service) -> None:
    assert "No dead letters: all 2 queues for them are empty." in shown(settings, toys)


def test_every_letter_is_shown_once_and_stays(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    for number in range(25):
        bury(cloud, urls["InboxDeadLetters"], json.dumps({"a": number}), f"reason {number}.")
    for _ in range(2):
        text = shown(settings, toys)
        assert "25 dead letters" in text
        assert all(f"reason {number}." in text for number in range(25))
    assert len(waiting(cloud, urls["InboxDeadLetters"])) == 25


def test_what_a_letter_is_and_why(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    bury(cloud, urls["InboxDeadLetters"], json.dumps(ORDER), "sold to sam@example.com")
    bury(cloud, urls["InboxDeadLetters"], "<xml/>")
    stream = {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4},
        "DDBStreamBatchInfo": {"batchSize": 2, "shardId": "s"},
    }
    bury(cloud, urls["OutboxDeadLetters"], json.dumps(stream))
    text = re.sub(r"\s+", " ", shown(settings, toys))
    assert "toys InboxDeadLetters ReserveStock o-1 sold to <e-mail>" in text
    assert "example.com" not in text
    assert "InboxDeadLetters not JSON failed 10 times: see the log" in text
    assert "OutboxDeadLetters 2 changes of a table RetryAttemptsExhausted after 4 tries" in text
    assert "make redrive SERVICE=toys ENV=dev" in text
    assert "OutboxDeadLetters of toys came from no queue: docs/operations.md" in text


def test_newest_first(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    queue = (letters.queues(Account(settings, "dev"), toys) or [])[0]
    now = datetime.now(UTC)
    old, new = (
        letters.Letter(queue, name, "", "", now - timedelta(days=days))
        for name, days in (("old", 3), ("new", 0))
    )
    with console.capture() as captured:
        console.print(letters._table([new, old], now))
    assert re.findall(r"3 d|0 s", captured.get()) == ["0 s", "3 d"]
    bury(cloud, urls["InboxDeadLetters"], "1", "first")
    bury(cloud, urls["OutboxDeadLetters"], "2", "second")
    assert re.findall("first|second", shown(settings, toys)) == ["second", "first"]


def test_a_letter_that_sqs_buried_again_does_not_repeat_its_old_reason(
    settings: Settings, toys: Service
) -> None:
    queue = (letters.queues(Account(settings, "dev"), toys) or [])[0]
    message: Any = {
        "Body": "{}",
        "Attributes": {"SentTimestamp": "0", "DeadLetterQueueSourceArn": "arn"},
        "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "mended since"}},
    }
    assert letters.why(queue, message) == "failed 10 times: see the log"


def test_a_message_that_comes_twice_is_one_letter(settings: Settings, toys: Service) -> None:
    class Twice:
        """An SQS that gives the same message out again, as it may."""

        def __init__(self) -> None:
            self.calls = 0
            self.returned: list[str] = []

        def receive_message(self, **_: Any) -> Any:
            self.calls += 1
            message = {
                "MessageId": "m",
                "ReceiptHandle": f"r{self.calls}",
                "Body": "1",
                "Attributes": {"SentTimestamp": "0"},
            }
            return {"Messages": [message]}

        def change_message_visibility_batch(self, **given: Any) -> None:
            self.returned += [entry["ReceiptHandle"] for entry in given["Entries"]]

    queue = (letters.queues(Account(settings, "dev"), toys) or [])[0]
    twice: Any = Twice()
    assert len(letters.letters_in(twice, queue)) == 1
    assert twice.returned == ["r2"]


def test_letters_are_handed_back_when_looking_at_them_fails(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    queue = next(q for q in letters.queues(Account(settings, "dev"), toys) or [] if q.source)
    bury(cloud, queue.url, "1")
    with pytest.raises(IndexError), letters.held(cloud, queue) as messages:
        messages[1]
    assert len(waiting(cloud, queue.url)) == 1


def test_letters_in_other_hands_are_told_of(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    for number in range(3):
        bury(cloud, urls["InboxDeadLetters"], str(number), f"reason {number}.")
    cloud.receive_message(QueueUrl=urls["InboxDeadLetters"], MaxNumberOfMessages=2)
    text = shown(settings, toys)
    assert "1 dead letter." in text
    assert "2 more of InboxDeadLetters of toys are in flight" in text
    cloud.receive_message(QueueUrl=urls["InboxDeadLetters"], MaxNumberOfMessages=2)
    text = shown(settings, toys)
    assert "No dead letters" not in text
    assert "3 more of InboxDeadLetters of toys are in flight" in text
    assert "OutboxDeadLetters" not in text


@pytest.mark.parametrize(
    ("waiting", "in_flight", "found", "unseen"),
    [(3, 0, 3, 0), (3, 2, 3, 2), (3, 2, 5, 0), (3, 2, 4, 1), (0, 2, 9, 0), (9, 2, 3, 2)],
)
def test_letters_that_were_not_seen(waiting: int, in_flight: int, found: int, unseen: int) -> None:
    assert letters.Depth(waiting, in_flight).unseen(found) == unseen


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("", ("not JSON", "")),
        ("[1]", ("JSON of no known form", "")),
        ("{}", ("JSON of no known form", "")),
        ('{"detail-type": "A", "detail": 1}', ("A", "")),
        ('{"detail-type": "A", "detail": {"data": {"orderId": 7}}}', ("A", "")),
        ('{"detail-type": "sam@example.com", "detail": {}}', ("a message of no known name", "")),
        (
            '{"detail-type": "A", "detail": {"metadata": {"correlationId": "c"}, "data": []}}',
            ("A", "c"),
        ),
        (
            '{"object": "event", "type": "payment_intent.succeeded", '
            '"data": {"object": {"metadata": {"orderId": "o-1"}}}}',
            ("payment_intent.succeeded", "o-1"),
        ),
        ('{"requestContext": {}, "requestPayload": {}}', ("a call of a function", "")),
        (
            '{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}',
            ("aws:s3 ObjectCreated:Put", ""),
        ),
        (
            '{"eventType": "Bounce", "mail": {"messageId": "m-1", "destination": ["a@b.c"]}}',
            ("SES: Bounce", "m-1"),
        ),
    ],
)
def test_the_content_of_a_body(body: str, found: tuple[str, str]) -> None:
    assert content(body) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["detail-type", "detail", "data", "object", "type", "Records", "orderId"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON.map(json.dumps) | st.text())
def test_any_body_can_be_told_of(body: str) -> None:
    what, about = content(body)
    assert what
    assert len(about) <= 80


def test_a_reason_tells_of_no_person() -> None:
    told = discreet(
        "2 validation errors for PlaceOrder\n"
        "data.email\n"
        "  Field required [type=missing, input_value={'name': 'Sam, input_type=x'}, "
        "input_type=dict]\n"
        "    For further information visit https://errors.pydantic.dev/2.12/v/missing\n"
        "data.to\n  sam.shopper+1@mail.example.com is no pi_1_secret_2, pm_card_visa, sk_test_1"
    )
    assert told == (
        "2 validation errors for PlaceOrder data.email Field required [type=missing] "
        "data.to <e-mail> is no <secret>, <secret>, <secret>"
    )


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_600, "1 h"), (200_000, "2 d")],
)
def test_ages(seconds: float, told: str) -> None:
    assert age(seconds) == told


def test_sqs_moves_the_letters(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient", moves: Give
) -> None:
    for number in range(12):
        bury(cloud, urls["InboxDeadLetters"], str(number), "poison")
    played = moves(["RUNNING", "RUNNING", "COMPLETED"])
    assert redriven(settings, toys) == 12
    (started,) = played.started
    assert started["SourceArn"].rpartition(":")[2] in urls["InboxDeadLetters"]
    assert started["DestinationArn"].rpartition(":")[2] in urls["Inbox"]
    assert sorted(int(m["Body"]) for m in waiting(cloud, urls["Inbox"])) == list(range(12))


def test_sqs_gives_up(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient", moves: Give
) -> None:
    bury(cloud, urls["InboxDeadLetters"], "1")
    moves(["RUNNING", "FAILED"])
    with pytest.raises(LocalError, match=r"moved 0 letters .* gave up, FAILED: AccessDenied"):
        redriven(settings, toys)


def test_a_move_that_sqs_never_lists_is_not_waited_for_for_ever(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient", moves: Give
) -> None:
    bury(cloud, urls["InboxDeadLetters"], "1")
    played = moves([])
    with pytest.raises(LocalError, match=r"lists no such move .* make dlq"):
        redriven(settings, toys)
    assert len(played.started) == 1


def test_a_move_that_takes_long_is_waited_for(
    settings: Settings,
    toys: Service,
    urls: dict[str, str],
    cloud: "SQSClient",
    moves: Give,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letters, "_APPEARS", 0.005)
    monkeypatch.setattr(letters, "_POLL", 0.005)
    bury(cloud, urls["InboxDeadLetters"], "1")
    moves([*["RUNNING"] * 9, "COMPLETED"])
    assert redriven(settings, toys) == 1


def test_sqs_is_at_it_already(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient", moves: Give
) -> None:
    bury(cloud, urls["InboxDeadLetters"], "1")
    played = moves([])
    played._tasks.insert(0, {"Status": "RUNNING"})
    with pytest.raises(LocalError, match="already"):
        redriven(settings, toys)
    assert played.started == []


def test_an_sqs_that_cannot_move_has_it_done_by_hand(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient", moves: Give
) -> None:
    for number in range(12):
        bury(cloud, urls["InboxDeadLetters"], str(number), f"poison {number}")
    moves(None)
    assert redriven(settings, toys) == 12
    assert waiting(cloud, urls["InboxDeadLetters"]) == []
    back = {
        message["Body"]: message["MessageAttributes"]["reason"]["StringValue"]
        for message in waiting(cloud, urls["Inbox"])
    }
    assert back == {str(number): f"poison {number}" for number in range(12)}


def test_by_hand_nothing_is_lost_when_it_breaks_off(
    settings: Settings,
    toys: Service,
    urls: dict[str, str],
    cloud: "SQSClient",
    moves: Give,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        bury(cloud, urls["InboxDeadLetters"], str(number))
    moves(None)
    whole, deleted = BaseClient._make_api_call, 0  # type: ignore[attr-defined]

    def call(self: Any, operation: str, given: dict[str, Any]) -> Any:
        nonlocal deleted
        if operation == "DeleteMessage" and (deleted := deleted + 1) == 3:
            raise ClientError({"Error": {"Code": "Throttled"}}, operation)
        return whole(self, operation, given)

    with monkeypatch.context() as broken:
        broken.setattr(BaseClient, "_make_api_call", call)
        with pytest.raises(LocalError, match="Throttled"):
            redriven(settings, toys)
    there = [m["Body"] for m in waiting(cloud, urls["InboxDeadLetters"])]
    back = [m["Body"] for m in waiting(cloud, urls["Inbox"])]
    assert set(there) | set(back) == {str(number) for number in range(5)}
    assert (len(there), len(back)) == (3, 3)


def test_another_error_is_not_taken_for_an_sqs_that_cannot(
    settings: Settings,
    toys: Service,
    urls: dict[str, str],
    cloud: "SQSClient",
    moves: Give,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bury(cloud, urls["InboxDeadLetters"], "1")
    played = moves([])

    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "StartMessageMoveTask")

    monkeypatch.setattr(played, "answer", refuse)
    with pytest.raises(LocalError, match="AccessDenied"):
        redriven(settings, toys)
    assert len(waiting(cloud, urls["InboxDeadLetters"])) == 1


def test_what_cannot_go_back(
    settings: Settings, toys: Service, urls: dict[str, str], cloud: "SQSClient"
) -> None:
    with pytest.raises(LocalError, match="is empty: nothing to send back"):
        redriven(settings, toys)
    with pytest.raises(LocalError, match="no queue 'Outbox' of dead letters, but InboxDead"):
        redriven(settings, toys, "Outbox")
    bury(cloud, urls["OutboxDeadLetters"], "{}")
    with pytest.raises(LocalError, match=r"was in no queue before.*docs/operations\.md"):
        redriven(settings, toys, "OutboxDeadLetters")
    assert len(waiting(cloud, urls["OutboxDeadLetters"])) == 1


def test_no_stack_and_no_environment(settings: Settings, toys: Service) -> None:
    boto3.client("cloudformation").delete_stack(StackName="a-dev")
    with pytest.raises(LocalError, match=r"There is no stack a-dev\."):
        redriven(settings, toys)
    with pytest.raises(LocalError, match="None of the stacks of 'dev' is there"):
        shown(settings, toys)
    with pytest.raises(LocalError, match="tells of dev, not of 'prod'"):
        letters.show(settings, [toys], "prod")


def test_a_stack_that_is_not_there_hides_no_other(
    settings: Settings, toys: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "orders-service"
    folder.mkdir()
    (folder / "samconfig.toml").write_text('[dev.deploy.parameters]\nstack_name = "b-dev"\n')
    text = shown(settings, Service(folder), toys)
    assert "No stack: orders" in text
    assert "all 2 queues for them are empty" in text
