"""What is logged: every line says which message it is about, and none quotes anybody's data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from notification import delivery, feedback, inbox, outbox
from notification.mail import tag

Json = dict[str, Any]
Sample = Callable[[str], Json]
Items = Callable[[], list[Json]]
Logged = Callable[[], list[Json]]


def about(line: Json) -> tuple[Any, ...]:
    """What a line says of the message it is about."""
    return tuple(line.get(name) for name in ("correlation_id", "message_name", "message_id"))


def record(sample: Sample, id_: str = "order-1:3:SendEmail", **data: Any) -> Json:
    """The sample's message, under another id."""
    (found,) = sample("inbox-SendEmail")["Records"]
    body = json.loads(found["body"])
    body["detail"]["metadata"]["id"] = id_
    body["detail"]["data"] |= data
    made: Json = found | {"messageId": id_, "body": json.dumps(body)}
    return made


def told_of(record: Json) -> tuple[Any, ...]:
    """What a line about that message has to say."""
    body = json.loads(record["body"])
    metadata = body["detail"]["metadata"]
    return metadata["correlationId"], body["detail-type"], metadata["id"]


def test_each_line_of_the_inbox_is_about_its_own_message(
    sample: Sample, context: Any, logged: Logged
) -> None:
    one, other = record(sample), record(sample, "order-2:4:SendEmail")
    bad = record(sample, "bad", to="Ann Archer")
    inbox.handler({"Records": [one, bad, other]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("sent", told_of(one)),
        ("refused", (None, None, None)),
        ("sent", told_of(other)),
    ]


def test_what_there_is_no_time_for_has_nothing_of_the_message_before(
    sample: Sample, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([delivery.SPARE, 0])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", lambda **_: None)
    one, other = record(sample), record(sample, "order-2:4:SendEmail")
    inbox.handler({"Records": [one, other]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("sent", told_of(one)),
        ("out of time", (None, None, None)),
    ]


def test_nothing_of_who_gets_a_mail_is_logged(
    sample: Sample,
    items: Items,
    changed: Callable[..., Json],
    put: list[Json],
    context: Any,
    logged: Logged,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """From the first line to the last, and all about one order."""
    link = "https://files.example.com/shared/t0ken/castle.pdf"
    content = {
        "template": "order-downloads",
        "orderId": "order-1",
        "downloads": [
            {"name": "Paper Castle", "url": link, "expiresAt": "2026-02-05T10:00:00.000Z"}
        ],
    }
    to = "ann.archer@example.com"
    inbox.handler({"Records": [record(sample, to=to, content=content)]}, context)
    (sent,) = items()
    event = sample("feedback-Bounce")
    report = json.loads(event["Records"][0]["body"])
    report["mail"] |= {"destination": [to], "tags": {"mail": [tag(sent["mailId"])]}}
    event["Records"][0]["body"] = json.dumps(report)
    feedback.handler(event, context)
    (bounced,) = items()
    outbox.handler(changed((sent, bounced)), context)
    lines = logged()
    assert [line["message"] for line in lines] == [
        *("sent", "address suppressed", "reported", "sending")
    ]
    whole = json.dumps(lines) + "".join(capfd.readouterr())
    assert [secret for secret in (to, "archer", link, "t0ken") if secret in whole] == []
    assert {line["message_name"] for line in lines} == {"SendEmail", "Bounce", "ErrorRaised"}
    (order,) = {line["correlation_id"] for line in lines if line["message"] != "address suppressed"}
    assert order == sent["correlationId"]
