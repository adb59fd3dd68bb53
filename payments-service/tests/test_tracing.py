"""The trace goes on: from the message that was heard to the item, and from there to the bus."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from payments import api, inbox, items, outbox, tracing, webhook

Sample = Callable[[str], dict[str, Any]]

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"

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


def annotated(monkeypatch: pytest.MonkeyPatch, door: Any) -> list[tuple[str, Any]]:
    """What a door's trace is annotated with from now on."""
    seen: list[tuple[str, Any]] = []
    monkeypatch.setattr(door.tracer, "put_annotation", lambda *given: seen.append(given))
    return seen


def kept() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return found


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)


@pytest.mark.usefixtures("traced")
def test_what_is_written_in_a_trace_is_told_in_it(
    sample: Sample, context: Any, fake_stripe: Any
) -> None:
    event = sample("inbox-CollectPayment")
    inbox.handler(event, context)
    (record,) = event["Records"]
    inbox.handler({"Records": [record | {"body": "poison"}]}, context)
    assert [item["trace"] for item in kept()] == [HEADER] * 2
    for item in kept():
        change = items.change(None, item)
        assert change
        messages = outbox.messages(change)
        assert messages
        entries = [outbox.entry(message) for message in messages]
        assert {entry["TraceHeader"] for entry in entries} == {HEADER}
        assert {json.loads(e["Detail"])["metadata"]["trace"] for e in entries} == {HEADER}


def test_what_is_written_in_no_trace_is_told_in_none(
    sample: Sample, context: Any, fake_stripe: Any
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    (item,) = kept()
    assert "trace" not in item
    change = items.change(None, item)
    assert change
    assert all("TraceHeader" not in outbox.entry(each) for each in outbox.messages(change))


def test_another_trace_alone_is_no_change(sample: Sample, context: Any, fake_stripe: Any) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    (item,) = kept()
    change = items.change(item, {**item, "trace": HEADER})
    assert change
    assert outbox.messages(change) == []


def test_the_inbox_says_which_message_it_is_about_and_what_led_to_it(
    sample: Sample, context: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = annotated(monkeypatch, inbox)
    event = sample("inbox-CollectPayment")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"]["trace"] = HEADER
    event["Records"][0]["body"] = json.dumps(body)
    inbox.handler(event, context)
    assert dict(seen) == {
        "message": "CollectPayment",
        "message_id": body["detail"]["metadata"]["id"],
        "caused_by": ROOT,
        "order_id": body["detail"]["data"]["orderId"],
    }


def test_the_webhook_says_which_event_of_which_order_it_is_about(
    sample: Sample, context: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    seen = annotated(monkeypatch, webhook)
    event = fake_stripe.told("payment_intent.succeeded")
    webhook.handler(fake_stripe.send(event), context)
    assert dict(seen) == {
        "message": "payment_intent.succeeded",
        "message_id": event["id"],
        "order_id": event["data"]["object"]["metadata"]["orderId"],
    }


def test_the_outbox_says_which_messages_of_which_order_it_sends(
    sample: Sample, context: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    (item,) = kept()
    change = items.change(None, item)
    assert change
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: {"FailedEntryCount": 0})
    seen = annotated(monkeypatch, outbox)
    outbox.tell(change, [outbox.entry(message) for message in outbox.messages(change)])
    names = "PaymentCollected,StoreFile,SendEmail"
    assert seen == [("order_id", item["orderId"]), ("message", names)]


def test_the_api_says_which_order_it_is_about(
    sample: Sample, context: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    (item,) = kept()
    seen = annotated(monkeypatch, api)
    api.get_payment(item["orderId"])
    assert seen == [("order_id", item["orderId"])]
