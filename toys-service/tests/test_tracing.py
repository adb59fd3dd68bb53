"""The trace that goes along with what is written, and what the log and X-Ray are told."""

import copy
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import inbox, outbox, tracing
from toys.model import now
from toys.republication import Republication
from toys.reservation import Reservation, tombstone
from toys.table import ToysTable, change
from toys.toy import Toy, ToyDraft

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
TRACE = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
OTHER = TRACE.replace("Sampled=1", "Sampled=0")
DRAFT = ToyDraft(
    sku="KITE-1", name="Kite", category="O", brand="B", price=1500, currency="EUR", stock=9
)

Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)


@pytest.fixture
def annotations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the inbox tells X-Ray."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(inbox.tracer, "put_annotation", told.__setitem__)
    return told


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Log:
    """The lines of the log since the test began."""
    stream = StringIO()
    monkeypatch.setattr(inbox.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def item(pk: str) -> dict[str, Any]:
    return boto3.resource("dynamodb").Table("Table").get_item(Key={"pk": pk})["Item"]


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


@pytest.mark.usefixtures("traced")
def test_what_is_told_of_has_the_trace_it_was_written_in() -> None:
    table = ToysTable("Table")
    table.add(Toy.create("toy-1", DRAFT, now()))
    table.keep(tombstone("order-1", "cause", now()))
    table.begin(Republication.begin("request-1", "cause", now()))
    for pk in ("TOY#toy-1", "RESERVATION#order-1", "REPUBLICATION#request-1"):
        assert item(pk)["trace"] == TRACE


def test_the_next_write_takes_its_own_trace_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ToysTable("Table")
    toy = Toy.create("toy-1", DRAFT, now())
    table.add(toy)
    for header in (TRACE, OTHER, None):
        if header:
            monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
        else:
            monkeypatch.delenv("_X_AMZN_TRACE_ID")
        arranged = toy.arrange(toy.gallery, now())
        toy = table.arrange(arranged)
        assert item("TOY#toy-1").get("trace") == header


@pytest.mark.usefixtures("traced")
def test_a_message_goes_on_in_the_trace_that_led_to_it() -> None:
    table = ToysTable("Table")
    table.add(Toy.create("toy-1", DRAFT, now()))
    kept = item("TOY#toy-1")
    seen = change(None, kept)
    assert seen
    (message,) = outbox.tell(seen)
    assert message.metadata.trace == TRACE
    entry = outbox.bus.entry(message)
    assert entry["TraceHeader"] == TRACE
    assert json.loads(entry["Detail"])["metadata"]["trace"] == TRACE
    assert "TraceHeader" not in outbox.bus.entry(message.traced(None))
    alone = change(kept, kept | {"trace": OTHER})
    assert alone
    assert outbox.tell(alone) == []


def test_a_message_says_which_trace_led_to_it(
    sample: Any, context: Any, annotations: dict[str, Any]
) -> None:
    event = sample("inbox-ReleaseStock")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"]["trace"] = TRACE
    event["Records"][0]["body"] = json.dumps(body)
    inbox.handler(event, context)
    assert annotations == {
        "order_id": body["detail"]["data"]["orderId"],
        "message": "ReleaseStock",
        "message_id": body["detail"]["metadata"]["id"],
        "caused_by": ROOT,
    }


def test_a_message_of_no_trace_was_caused_by_none(
    sample: Any, context: Any, annotations: dict[str, Any]
) -> None:
    event = sample("inbox-ReleaseStock")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"].pop("trace", None)
    event["Records"][0]["body"] = json.dumps(body)
    inbox.handler(event, context)
    assert annotations.keys() == {"order_id", "message", "message_id"}


def test_every_line_says_which_message_it_is_of(sample: Any, context: Any, logged: Log) -> None:
    event = sample("inbox-ReleaseStock")
    first = event["Records"][0]
    bad = copy.deepcopy(first) | {"body": "not json", "messageId": "bad"}
    event["Records"] = [first, bad, copy.deepcopy(first) | {"messageId": "again"}]
    inbox.handler(event, context)
    metadata = json.loads(first["body"])["detail"]["metadata"]
    of = ("correlation_id", "message_id", "message_name")
    known = (metadata["correlationId"], metadata["id"], "ReleaseStock")
    before, refusal, after = [tuple(line.get(name) for name in of) for line in logged()]
    assert before == after == known
    assert refusal == (None, None, None)


def test_the_outbox_says_what_it_sends(
    sample: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    logged: Log,
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(outbox.tracer, "put_annotation", told.__setitem__)
    monkeypatch.setattr(outbox.bus, "put", lambda _: None)
    event = sample("outbox-StockReservationFailed")
    outbox.handler(event, context)
    image = event["Records"][0]["dynamodb"]["NewImage"]
    order_id = image["orderId"]["S"]
    names = ["StockReservationFailed", "ErrorRaised"]
    assert told == {"order_id": order_id, "message": ",".join(names)}
    sent = [line for line in logged() if line["message"] == "sending"]
    assert [line["message_name"] for line in sent] == names
    assert [line["message_id"] for line in sent] == [f"{order_id}:1:{name}" for name in names]
    assert {line["correlation_id"] for line in sent} == {image["correlationId"]["S"]}


def test_a_trace_is_no_part_of_what_is_kept(sample: Any) -> None:
    stone = tombstone("order-1", "cause", now())
    assert Reservation.model_validate(stone.model_dump() | {"trace": TRACE}) == stone
