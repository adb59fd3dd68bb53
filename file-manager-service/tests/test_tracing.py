"""The trace that goes along with what is written, and what the log and X-Ray are told."""

import copy
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import boto3
import pytest
from file_manager import api, inbox, outbox, tracing, uploads
from file_manager.changes import change
from hypothesis import given
from hypothesis import strategies as st

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
TRACE = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
OTHER = TRACE.replace("Sampled=1", "Sampled=0")

House = Any
Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)


@pytest.fixture
def annotations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What X-Ray is told."""
    told: dict[str, Any] = {}
    for door in (api, inbox, uploads, outbox):
        monkeypatch.setattr(door.tracer, "put_annotation", told.__setitem__)
    return told


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Log:
    """The lines of the log since the test began."""
    stream = StringIO()
    monkeypatch.setattr(inbox.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def item(file_id: str) -> dict[str, Any]:
    return boto3.resource("dynamodb").Table("Table").get_item(Key={"fileId": file_id})["Item"]


def test_the_header_is_what_lambda_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    assert tracing.header() is None
    for told, wanted in ((TRACE, TRACE), ("", None), ("x" * 256, "x" * 256), ("x" * 257, None)):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", told)
        assert tracing.header() == wanted


@given(st.text())
def test_only_a_trace_has_a_root(text: str) -> None:
    assert tracing.root(TRACE) == tracing.root(f"Parent=1;Root={ROOT}") == ROOT
    assert tracing.root(None) is None
    assert tracing.root(text) is None


def test_each_write_takes_its_own_trace_or_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    file_id = house.announce()["fileId"]
    assert item(file_id)["trace"] == TRACE
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OTHER)
    house.post(file_id)
    assert house.hear(file_id)
    assert item(file_id)["trace"] == OTHER
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    assert house.call("DELETE", f"/files/{file_id}")[0] == 204
    assert "trace" not in item(file_id)
    house.flow()
    assert [told.get("TraceHeader") for told in house.told] == [OTHER, None]
    assert [told["Detail"]["metadata"]["trace"] for told in house.told] == [OTHER, None]


@pytest.mark.usefixtures("traced")
def test_a_share_goes_on_in_its_trace(
    house: House, context: Any, sample: Any, annotations: dict[str, Any]
) -> None:
    file_id = house.upload(
        b"%PDF-1.7 a", contentType="application/pdf", name="p.pdf", visibility="private"
    )
    event = sample("inbox-ShareFile")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"]["fileId"] = file_id
    body["detail"]["metadata"]["trace"] = TRACE
    event["Records"][0]["body"] = json.dumps(body)
    annotations.clear()
    inbox.handler(event, context)
    order_id = body["detail"]["metadata"]["correlationId"]
    assert annotations == {
        "order_id": order_id,
        "message": "ShareFile",
        "message_id": body["detail"]["metadata"]["id"],
        "caused_by": ROOT,
    }
    annotations.clear()
    house.flow()
    shared = house.told[-1]
    assert (shared["DetailType"], shared["TraceHeader"]) == ("FileShared", TRACE)
    assert annotations == {"order_id": order_id, "message": "FileShared"}


def test_a_trace_alone_is_no_change(house: House) -> None:
    kept = item(house.upload())
    seen = change(kept, kept | {"trace": TRACE})
    assert seen
    assert outbox.tell(seen) == []


def test_every_line_says_which_message_it_is_of(
    sample: Any, context: Any, annotations: dict[str, Any], logged: Log
) -> None:
    event = sample("inbox-StoreFile")
    first = event["Records"][0]
    bad = copy.deepcopy(first) | {"body": "not json", "messageId": "bad"}
    event["Records"] = [first, bad, copy.deepcopy(first) | {"messageId": "again"}]
    inbox.handler(event, context)
    metadata = json.loads(first["body"])["detail"]["metadata"]
    of = ("correlation_id", "message_id", "message_name")
    known = (metadata["correlationId"], metadata["id"], "StoreFile")
    before, refusal, after = [tuple(line.get(name) for name in of) for line in logged()]
    assert before == after == known
    assert refusal == (None, None, None)


def test_an_upload_is_logged_and_traced_by_its_file(
    house: House, annotations: dict[str, Any], logged: Log
) -> None:
    file_id = house.announce()["fileId"]
    house.post(file_id)
    assert house.hear(file_id)
    event_id = "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9"
    wanted = {"file_id": file_id, "message": "ObjectCreated", "message_id": event_id}
    assert annotations == wanted
    announced, judged = logged()
    assert announced["correlation_id"] == judged["correlation_id"] == file_id
    assert (judged["message_name"], judged["message_id"]) == ("ObjectCreated", event_id)


def test_a_request_for_a_receipt_is_of_its_order(
    house: House, sample: Any, context: Any, annotations: dict[str, Any], logged: Log
) -> None:
    event = sample("inbox-StoreFile")
    order_id = json.loads(event["Records"][0]["body"])["detail"]["metadata"]["correlationId"]
    inbox.handler(event, context)
    house.flow()
    file_id = house.told[0]["Detail"]["data"]["fileId"]
    annotations.clear()
    assert house.call("DELETE", f"/files/{file_id}")[0] == 204
    assert annotations == {"file_id": file_id, "order_id": order_id}
    assert logged()[-1]["correlation_id"] == order_id
