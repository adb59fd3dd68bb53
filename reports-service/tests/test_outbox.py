"""The outbox: has the report made, tells it, and says so when either fails."""

import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest
from reports import inbox, outbox, reporter
from reports.messages import SOURCE, SalesReported

Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def bus() -> Callable[[], list[dict[str, Any]]]:
    """What the bus was told since the last look."""
    events, sqs = boto3.client("events"), boto3.client("sqs")
    url = sqs.create_queue(QueueName="tap")["QueueUrl"]
    events.put_rule(Name="tap", EventPattern=json.dumps({"source": [SOURCE]}))
    arn = "arn:aws:sqs:eu-west-1:123456789012:tap"
    events.put_targets(Rule="tap", Targets=[{"Id": "tap", "Arn": arn}])

    def heard() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    return heard


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch, context: Any) -> list[str]:
    """Lambda, which runs the reporter as it would. The functions that were invoked."""
    invoked: list[str] = []

    def invoke(*, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        invoked.append(FunctionName)
        try:
            answer: Any = reporter.handler(json.loads(Payload), context)
        except Exception as error:
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            payload = io.BytesIO(json.dumps(told).encode())
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(outbox.functions, "invoke", invoke)
    return invoked


def test_the_report_is_told_as_it_is_stored(
    server: Any, context: Any, sample: Sample, bus: Any, lambda_: list[str]
) -> None:
    delivered = sample("inbox-OrderDelivered")
    inbox.handler(delivered, context)
    answer = outbox.handler({}, context)
    assert lambda_ == ["reporter"]
    (row,) = server.rows("select * from reports")
    (event,) = bus()
    assert (event["source"], event["detail-type"]) == ("tbs.reports", "SalesReported")
    assert event["detail"] == answer
    assert answer == {
        "metadata": {
            "id": f"sales:{row['number']}:SalesReported",
            "correlationId": "sales",
            "causationId": None,
            "occurredAt": row["body"]["reportedAt"],
            "version": row["number"],
            "trace": None,
        },
        "data": row["body"],
    }
    order = json.loads(delivered["Records"][0]["body"])["detail"]["data"]
    reached = {step["status"]: step["at"] for step in order["history"]}
    assert answer["data"]["months"][-1]["month"] >= reached["CONFIRMED"][:7]
    assert sum(month["gross"] for month in answer["data"]["months"]) in (0, order["gross"])


def test_what_is_not_new_is_told_again_as_the_same_message(
    server: Any, context: Any, bus: Any, lambda_: list[str]
) -> None:
    first = outbox.handler({"time": "1"}, context)
    assert outbox.handler({"time": "2"}, context) == first
    assert [event["detail"] for event in bus()] == [first, first]


def test_a_report_that_was_stored_and_not_told_is_told_the_next_time(
    server: Any,
    context: Any,
    bus: Any,
    lambda_: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with monkeypatch.context() as broken:
        broken.setattr(outbox.events, "put_events", lambda **_: refusal)
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler({}, context)
    (row,) = server.rows("select number from reports")
    told: Any = outbox.handler({}, context)
    assert told["metadata"]["version"] == row["number"]
    assert len(bus()) == 1


def test_nothing_is_told_when_the_reporter_fails(
    server: Any, context: Any, bus: Any, lambda_: list[str]
) -> None:
    server.stop()
    try:
        with pytest.raises(outbox.NotReported, match="OperationalError"):
            outbox.handler({}, context)
    finally:
        server.start()
    assert bus() == []
    outbox.handler({}, context)
    assert len(bus()) == 1


def test_a_reporter_that_died_is_a_failure(
    context: Any, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda tells of a timeout without an errorType."""
    died = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "timed out"}')}
    monkeypatch.setattr(outbox.functions, "invoke", lambda **_: died)
    with pytest.raises(outbox.NotReported, match="Unhandled"):
        outbox.handler({}, context)
    assert bus() == []


def test_the_message_is_small_enough_for_the_bus() -> None:
    """At its longest: PutEvents takes 256 KB."""
    totals = {"currency": "EUR"} | dict.fromkeys(
        ("orders", "units", "net", "tax", "gross", "refunded"), 10**15
    )
    at = datetime.fromisoformat("2026-11-21T23:55:00Z")
    toy = {"toyId": "t" * 100, "name": "🪁" * 120, "units": 1, "gross": 10**15, "currency": "EUR"}
    failure = {"orderId": "o" * 100, "reason": "PAYMENT_DECLINED", "at": at}
    message = SalesReported.model_validate(
        {
            "metadata": {
                "id": "sales:1:SalesReported",
                "correlationId": "sales",
                "causationId": None,
                "occurredAt": at,
                "version": 1,
            },
            "data": {
                "reportedAt": at,
                "day": "2026-11-21",
                "timeZone": "UTC",
                "months": [{"month": "2026-11", **totals}] * 12,
                "today": totals,
                "topToys": [toy] * 10,
                "failures": [failure] * 50,
            },
        }
    )
    assert len(message.model_dump_json().encode()) < 64_000
