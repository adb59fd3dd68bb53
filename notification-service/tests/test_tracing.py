"""The trace goes on: from the message that was heard to the item, and from there to the bus."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from notification import api, feedback, inbox, outbox, table, tracing
from notification.mail import tag

Json = dict[str, Any]
Sample = Callable[[str], Json]
Items = Callable[[], list[Json]]

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


def test_what_is_written_in_a_trace_is_told_in_it(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    event = sample("inbox-SendEmail")
    inbox.handler(event, context)
    (record,) = event["Records"]
    inbox.handler({"Records": [record | {"body": "poison"}]}, context)
    sent, error = items()
    bounced = sent | {"status": "BOUNCED"}
    for old, new in ((sent, bounced), (None, error)):
        assert new["trace"] == HEADER
        change = table.change(old, new)
        assert change
        (message,) = outbox.tell(change)
        entry = outbox.entry(message)
        assert entry["TraceHeader"] == HEADER
        assert json.loads(entry["Detail"])["metadata"]["trace"] == HEADER


def test_what_is_written_in_no_trace_is_told_in_none(
    sample: Sample, items: Items, context: Any
) -> None:
    inbox.handler(sample("inbox-SendEmail"), context)
    (item,) = items()
    assert "trace" not in item
    change = table.change(item, item | {"status": "BOUNCED"})
    assert change
    assert [("TraceHeader" in outbox.entry(each)) for each in outbox.tell(change)] == [False]


def test_another_trace_alone_is_no_change(sample: Sample, items: Items, context: Any) -> None:
    inbox.handler(sample("inbox-SendEmail"), context)
    (item,) = items()
    bounced = item | {"status": "BOUNCED"}
    change = table.change(bounced, bounced | {"trace": HEADER})
    assert change
    assert outbox.tell(change) == []


def test_the_inbox_says_which_message_it_is_about_and_what_led_to_it(
    sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = annotated(monkeypatch, inbox)
    event = sample("inbox-SendEmail")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"]["trace"] = HEADER
    event["Records"][0]["body"] = json.dumps(body)
    inbox.handler(event, context)
    assert dict(seen) == {
        "message": "SendEmail",
        "message_id": body["detail"]["metadata"]["id"],
        "caused_by": ROOT,
        "order_id": body["detail"]["data"]["content"]["orderId"],
    }


def test_the_feedback_says_which_report_of_which_order_it_is_about(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-SendEmail"), context)
    (item,) = items()
    seen = annotated(monkeypatch, feedback)
    event = sample("feedback-Bounce")
    report = json.loads(event["Records"][0]["body"])
    report["mail"]["tags"]["mail"] = [tag(item["mailId"])]
    event["Records"][0]["body"] = json.dumps(report)
    feedback.handler(event, context)
    assert dict(seen) == {
        "message": "Bounce",
        "message_id": report["mail"]["messageId"],
        "order_id": item["orderId"],
    }


def test_the_outbox_says_which_messages_of_which_order_it_sends(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-SendEmail"), context)
    (item,) = items()
    seen = annotated(monkeypatch, outbox)
    for old, new in ((None, item), (item, item | {"status": "BOUNCED"})):
        change = table.change(old, new)
        assert change
        outbox.tell(change)
    about = ("order_id", item["orderId"])
    assert seen == [about, about, ("message", "ErrorRaised")]


def test_the_api_says_which_order_it_is_about_if_that_has_mails(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handler(sample("inbox-SendEmail"), context)
    (item,) = items()
    seen = annotated(monkeypatch, api)
    api.list_emails(item["orderId"])
    api.list_emails("shopper@example.com")
    assert seen == [("order_id", item["orderId"])]
