"""The inbox, fed with real messages: once, twice, crashing in between, and with bad ones."""

import copy
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import boto3
import pytest
from file_manager import inbox
from file_manager.file import MAX_TEXT, File, Rejection, Status, Submission, file_id
from file_manager.messages import StoreFile, parse
from file_manager.table import FilesTable

Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def event(sample: Sample) -> dict[str, Any]:
    return sample("inbox-StoreFile")


@pytest.fixture
def table() -> FilesTable:
    return FilesTable("Table")


def given(event: dict[str, Any]) -> Submission:
    _, command = parse(event["Records"][0]["body"])
    assert isinstance(command, StoreFile)
    return command.data


def id_of(event: dict[str, Any]) -> str:
    sender, command = parse(event["Records"][0]["body"])
    return file_id(sender, command.metadata.id)


def kept(table: FilesTable, event: dict[str, Any]) -> File:
    file = table.file(id_of(event))
    assert file
    return file


def changed(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    """The same command, with other data."""
    event = copy.deepcopy(event)
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"] |= data
    event["Records"][0]["body"] = json.dumps(body)
    return event


def objects() -> dict[str, bytes]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket="receipts").get("Contents", [])
    return {o["Key"]: s3.get_object(Bucket="receipts", Key=o["Key"])["Body"].read() for o in listed}


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def comes_again(event: dict[str, Any], context: Any) -> None:
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    assert inbox.handler(event, context) == {"batchItemFailures": failed}


def test_stores_a_file_once_however_often_it_is_told(
    table: FilesTable, event: dict[str, Any], context: Any
) -> None:
    handled(event, context)
    first = kept(table, event)
    handled(event, context)
    assert kept(table, event) == first
    assert first.status is Status.STORED
    file = given(event)
    assert objects() == {f"private/{first.file_id}/{file.name}": file.content.encode()}


def test_what_is_stored_says_what_it_is(
    table: FilesTable, event: dict[str, Any], context: Any, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    handled(event, context)
    file = kept(table, event)
    put = dict(calls)["PutObject"]
    assert put["ChecksumSHA256"] == b64encode(sha256(given(event).body).digest()).decode()
    key = f"private/{file.file_id}/{file.name}"
    head = boto3.client("s3").head_object(Bucket="receipts", Key=key)
    assert head["ContentType"] == f"{file.content_type}; charset=utf-8"
    assert head["ContentLength"] == file.size


def test_the_item_that_commits_is_written_last(
    event: dict[str, Any], context: Any, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    handled(event, context)
    assert [name for name, _ in calls] == ["GetItem", "PutObject", "PutItem"]


def test_two_copies_in_one_batch_store_once(
    table: FilesTable, event: dict[str, Any], context: Any
) -> None:
    event["Records"].append(copy.deepcopy(event["Records"][0]) | {"messageId": "copy"})
    handled(event, context)
    assert kept(table, event).version == 1
    assert len(objects()) == 1


def test_the_same_id_of_another_sender_is_another_file(
    table: FilesTable, event: dict[str, Any], context: Any
) -> None:
    other = copy.deepcopy(event)
    body = json.loads(other["Records"][0]["body"]) | {"source": "tbs.other"}
    other["Records"][0]["body"] = json.dumps(body)
    handled(event, context)
    handled(other, context)
    assert id_of(event) != id_of(other)
    assert len(objects()) == 2


def test_another_worker_may_have_committed_meanwhile(
    event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled(event, context)
    before = objects()
    monkeypatch.setattr(inbox.table, "file", lambda _: None)
    handled(event, context)
    assert objects() == before


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("operation", ["GetItem", "PutObject", "PutItem"])
def test_a_crash_at_any_call_is_made_good_when_the_message_comes_again(
    table: FilesTable,
    event: dict[str, Any],
    context: Any,
    crash_at: Callable[[str, bool], None],
    operation: str,
    done: bool,
) -> None:
    crash_at(operation, done)
    comes_again(event, context)
    committed = table.file(id_of(event))
    assert (committed is not None) == ((operation, done) == ("PutItem", True))
    handled(event, context)
    file = kept(table, event)
    assert objects() == {f"private/{file.file_id}/{file.name}": given(event).body}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"name": "../up"}, Rejection.NAME_NOT_ALLOWED),
        ({"contentType": "application/x-sh"}, Rejection.TYPE_NOT_ALLOWED),
        ({"visibility": "public"}, Rejection.VISIBILITY_NOT_ALLOWED),
        ({"content": "é" * (MAX_TEXT // 2) + "x"}, Rejection.TOO_LARGE),
    ],
)
def test_a_file_that_breaks_a_rule_is_answered_not_stored(
    table: FilesTable,
    event: dict[str, Any],
    context: Any,
    dead_letters: Callable[[], list[str]],
    data: dict[str, Any],
    reason: Rejection,
) -> None:
    event = changed(event, **data)
    handled(event, context)
    handled(event, context)
    rejected = kept(table, event)
    assert (rejected.status, rejected.reason) == (Status.REJECTED, reason)
    assert objects() == {}
    assert dead_letters() == []


def test_a_decision_stands(table: FilesTable, event: dict[str, Any], context: Any) -> None:
    handled(changed(event, visibility="public"), context)
    handled(event, context)
    assert kept(table, event).status is Status.REJECTED
    assert objects() == {}


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"source": "tbs.other", "detail-type": "StoreEverything", "detail": {}}',
        '{"source": "tbs.other", "detail-type": "StoreFile", "detail": {"data": {}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    table: FilesTable,
    event: dict[str, Any],
    context: Any,
    dead_letters: Callable[[], list[str]],
    body: str,
) -> None:
    event["Records"].append(event["Records"][0] | {"messageId": "bad", "body": body})
    handled(event, context)
    assert dead_letters() == [body]
    assert kept(table, event).status is Status.STORED


def test_what_fails_comes_again_later_each_time_and_its_batch_mates_do_not(
    table: FilesTable,
    event: dict[str, Any],
    context: Any,
    crash_at: Callable[[str, bool], None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    (first,) = event["Records"]
    other = json.loads(first["body"]) | {"source": "tbs.other"}
    event["Records"].append(first | {"messageId": "other", "body": json.dumps(other)})
    for tries in range(1, 4):
        first["attributes"]["ApproximateReceiveCount"] = str(tries)
        crash_at("PutObject", False)
        answer = inbox.handler(event, context)
        assert answer == {"batchItemFailures": [{"itemIdentifier": first["messageId"]}]}
    assert table.file(id_of(event)) is None
    assert len(objects()) == 1
    put_off = [params for name, params in calls if name == "ChangeMessageVisibility"]
    assert {params["QueueUrl"].rpartition("/")[2] for params in put_off} == {"Inbox"}
    waits = [params["VisibilityTimeout"] for params in put_off]
    assert waits == sorted(set(waits))
    assert len(waits) == 3


def test_a_dead_letter_is_logged_without_what_it_carried(
    event: dict[str, Any], context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handled(changed(event, owner="nobody", content="hush-hush"), context)
    logged = str([vars(record) for record in caplog.records])
    assert "data.owner" in logged
    assert "hush-hush" not in logged
    assert "nobody" not in logged
