"""A batch ends before its function does, though the table does not answer."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from cfnlint.decode import cfn_yaml
from notification import delivery, inbox
from notification.table import MailsTable, SuppressionsTable

Sample = Callable[[str], dict[str, Any]]

TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
FUNCTION = TEMPLATE["Globals"]["Function"]
BATCH = TEMPLATE["Resources"]["InboxFunction"]["Properties"]["Events"]["Inbox"]["Properties"]
LONGEST_PAUSE = 1
"""Seconds that botocore waits between the first try of a call and the second, at most."""


class Raw(BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


class Time:
    """What is left of the function's time. It goes by only where it is spent, in seconds."""

    def __init__(self) -> None:
        self.left = float(FUNCTION["Timeout"])

    def spend(self, seconds: float) -> None:
        self.left -= seconds


@pytest.fixture
def batch(sample: Sample) -> dict[str, Any]:
    """As many messages as the function is given at once."""
    record = sample("inbox-SendEmail")["Records"][0]
    return {"Records": [record | {"messageId": f"{n}"} for n in range(BATCH["BatchSize"])]}


@pytest.fixture
def put_off(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Each message that is to come again later, as SQS is told of it."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(
        inbox.processor._sqs, "change_message_visibility", lambda **given: told.append(given)
    )
    return told


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, context: Any) -> Time:
    """The function's time, which botocore's pauses take a part of: always the longest."""
    time = Time()
    monkeypatch.setattr(
        "botocore.endpoint.time.sleep", lambda seconds: time.spend(max(seconds, LONGEST_PAUSE))
    )
    monkeypatch.setattr(
        type(context), "get_remaining_time_in_millis", lambda _: int(time.left * 1000)
    )
    return time


@pytest.mark.parametrize(
    ("answer", "status"), [("ThrottlingException", 400), ("InternalServerError", 500), (None, 0)]
)
def test_a_batch_ends_in_time_though_the_table_does_not_answer(
    batch: dict[str, Any],
    put_off: list[dict[str, Any]],
    time: Time,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    status: int,
) -> None:
    """Each call of DynamoDB is refused with that error or, with None, never answered."""
    for name in ("AWS_DEFAULTS_MODE", "AWS_MAX_ATTEMPTS"):
        monkeypatch.setenv(name, FUNCTION["Environment"]["Variables"][name])
    monkeypatch.setattr(inbox, "table", MailsTable("Table", timedelta(days=90)))
    monkeypatch.setattr(inbox, "suppressions", SuppressionsTable("Suppressions"))
    clients = [each._table.meta.client for each in (inbox.table, inbox.suppressions)]
    calls = 0

    def sent(request: Any, **_: Any) -> Any:
        nonlocal calls
        calls += 1
        if answer is None:
            time.spend(vars(clients[0].meta.config)["read_timeout"])
            raise ReadTimeoutError(endpoint_url=request.url)
        body = Raw(f'{{"__type": "com.amazonaws.dynamodb.v20120810#{answer}"}}'.encode())
        return AWSResponse(request.url, status, HTTPHeaders(), body)

    for client in clients:
        client.meta.events.register_first("before-send.dynamodb", sent)
    failed = inbox.handler(batch, context)["batchItemFailures"]
    ids = [record["messageId"] for record in batch["Records"]]
    assert [failure["itemIdentifier"] for failure in failed] == ids
    assert len(put_off) == len(ids)
    assert time.left > 0
    assert calls in range(2, 2 * len(ids) + 1, 2)


def test_what_there_is_no_time_for_comes_again_untouched(
    batch: dict[str, Any],
    put_off: list[dict[str, Any]],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (record, *_), given = batch["Records"], []
    left = iter([10_000, delivery.SPARE, delivery.SPARE - 1, 0])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox, "receive", lambda record: given.append(record.message_id))
    records = [
        record | {"messageId": name, "receiptHandle": name}
        for name in ("first", "second", "third", "fourth")
    ]
    assert inbox.handler({"Records": records}, context) == {
        "batchItemFailures": [{"itemIdentifier": "third"}, {"itemIdentifier": "fourth"}]
    }
    assert given == ["first", "second"]
    assert [told["ReceiptHandle"] for told in put_off] == ["third", "fourth"]
    assert all(told["VisibilityTimeout"] > 0 for told in put_off)
