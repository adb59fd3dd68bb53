"""The trace goes on: from the message that was heard to the item, and from there to the bus."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from orders import desk, inbox, items, outbox, republisher, tracing
from orders.heard import PlaceOrder

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"

Annotations = list[tuple[str, Any]]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)


def annotated(monkeypatch: pytest.MonkeyPatch, door: Any) -> Annotations:
    """What a door's trace is annotated with from now on."""
    seen: Annotations = []
    monkeypatch.setattr(door.tracer, "put_annotation", lambda *given: seen.append(given))
    return seen


SAID = [
    (None, None, None),
    ("", None, None),
    (HEADER, HEADER, ROOT),
    (f"Self=1-2;Root={ROOT}", f"Self=1-2;Root={ROOT}", ROOT),
    ("Sampled=0", "Sampled=0", None),
    ("Root=anything", "Root=anything", None),
    (f"{HEADER};Lineage={'x' * 256}", None, None),
]
"""What Lambda may say of a trace, what is taken along of that, and which trace it is."""


def test_takes_along_what_lambda_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, header, root in SAID:
        monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
        if told is not None:
            monkeypatch.setenv("_X_AMZN_TRACE_ID", told)
        assert tracing.header() == header
        assert tracing.root(header) == root


def kept() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return found


@pytest.mark.usefixtures("traced")
def test_what_is_written_in_a_trace_is_told_in_it(
    tell: Callable[..., None],
    record: Callable[[str], dict[str, Any]],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell("PlaceOrder", "RepublishOrders")
    inbox.handler({"Records": [record("PlaceOrder") | {"body": "poison"}]}, context)
    assert [item["trace"] for item in kept()] == [HEADER] * 3
    for item in kept():
        if change := items.change(None, item):
            messages = outbox.tell(change)
            assert messages
            assert {message.metadata.trace for message in messages} == {HEADER}
            entries = [outbox.bus.entry(message) for message in messages]
            assert {entry["TraceHeader"] for entry in entries} == {HEADER}
            assert {json.loads(e["Detail"])["metadata"]["trace"] for e in entries} == {HEADER}
        elif asked := items.running(item):
            put: list[Any] = []
            monkeypatch.setattr(republisher.bus, "put", put.extend)
            republisher.tell(asked, items.trace_of(item))
            assert [message.metadata.trace for message in put] == [HEADER]


def test_what_is_written_in_no_trace_is_told_in_none(tell: Callable[..., None]) -> None:
    tell("PlaceOrder")
    (item,) = kept()
    assert "trace" not in item
    change = items.change(None, item)
    assert change
    assert all("TraceHeader" not in outbox.bus.entry(each) for each in outbox.tell(change))


def test_another_trace_alone_is_no_change(tell: Callable[..., None]) -> None:
    tell("PlaceOrder")
    (item,) = kept()
    change = items.change(item, {**item, "trace": HEADER})
    assert change
    assert outbox.tell(change) == []


def test_the_inbox_says_which_message_it_is_about_and_what_led_to_it(
    record: Callable[[str], dict[str, Any]],
    command: PlaceOrder,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = annotated(monkeypatch, inbox)
    given = record("PlaceOrder")
    body = json.loads(given["body"])
    body["detail"]["metadata"]["trace"] = HEADER
    inbox.handler({"Records": [given | {"body": json.dumps(body)}]}, context)
    assert dict(seen) == {
        "message": "PlaceOrder",
        "message_id": body["detail"]["metadata"]["id"],
        "caused_by": ROOT,
        "order_id": command.data.order_id,
    }


def test_the_outbox_says_which_messages_of_which_order_it_sends(
    tell: Callable[..., None], command: PlaceOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("PlaceOrder")
    (item,) = kept()
    change = items.change(None, item)
    assert change
    seen = annotated(monkeypatch, outbox)
    outbox.tell(change)
    expected = [("order_id", command.data.order_id), ("message", "OrderPlaced,ReserveStock")]
    assert seen == expected


def test_the_api_says_which_order_it_is_about(
    tell: Callable[..., None], command: PlaceOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("PlaceOrder")
    seen = annotated(monkeypatch, desk)
    desk.existing(command.data.order_id)
    assert seen == [("order_id", command.data.order_id)]
