"""Mails that nobody will read are counted, and of paid downloads an alarm tells."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from notification import feedback, inbox, mail, post
from notification.mail import LEASE
from notification.model import now, written
from notification.suppression import Cause, Suppression

Json = dict[str, Any]
Lost = Callable[[], list[str]]
TO = "shopper@example.com"
CONTENT = {
    "template": "order-downloads",
    "orderId": "ORDER-1",
    "downloads": [
        {
            "name": "Paper Castle",
            "url": "https://files.example.com/shared/t0ken/castle.pdf",
            "expiresAt": "2026-02-05T10:00:00.000Z",
        }
    ],
}


@pytest.fixture
def command(sample: Callable[[str], Json]) -> Json:
    """The mail of an order's downloads, asked for."""
    asked = copy.deepcopy(sample("inbox-SendEmail"))
    body = json.loads(asked["Records"][0]["body"])
    body["detail"]["data"] |= {"to": TO, "content": CONTENT}
    asked["Records"][0]["body"] = json.dumps(body)
    return asked


@pytest.fixture
def lost(capsys: pytest.CaptureFixture[str], template: Json) -> Lost:
    """The templates of the mails that were counted since, each as the alarm would see it."""
    alarm = template["Resources"]["DownloadsNotDeliveredAlarm"]["Properties"]
    watched = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    assert watched["stack"] == {"Ref": "AWS::StackName"}

    def read() -> list[str]:
        return list(told())

    def told() -> Iterator[str]:
        for line in capsys.readouterr().out.splitlines():
            metric = json.loads(line)
            (about,) = metric["_aws"]["CloudWatchMetrics"]
            assert about["Namespace"] == alarm["Namespace"]
            if "FailingMessageAge" in metric:  # the message has, too
                continue
            assert metric[alarm["MetricName"]] == [1]
            assert set(about["Dimensions"][0]) == set(watched)
            assert metric["service"] == watched["service"]
            assert metric["stack"] == os.environ["STACK_NAME"]
            yield metric["template"]

    assert watched["template"] == CONTENT["template"]
    return read


def handled(event: Json, context: Any) -> bool:
    return not inbox.handler(event, context)["batchItemFailures"]


def bounced(command: Json, context: Any, kind: str = "Permanent", seconds: int = 0) -> bool:
    """Let SES report a bounce, so long from now."""
    metadata = json.loads(command["Records"][0]["body"])
    id_ = mail.mail_id(metadata["source"], metadata["detail"]["metadata"]["id"])
    at = written(now() + timedelta(seconds=seconds))
    report = {
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bounceSubType": "General", "timestamp": at},
        "mail": {"messageId": "ses-1", "destination": [TO], "tags": {"mail": [mail.tag(id_)]}},
    }
    record = command["Records"][0] | {"body": json.dumps(report)}
    return not feedback.handler({"Records": [record]}, context)["batchItemFailures"]


def suppress() -> None:
    since, until = now() - timedelta(days=1), now() + timedelta(days=1)
    suppression = Suppression(
        address=TO, cause=Cause.BOUNCE, detail="x", suppressed_at=since, until=until
    )
    assert inbox.suppressions.add(suppression)


def test_what_ses_took_is_not_counted(command: Json, context: Any, lost: Lost) -> None:
    assert handled(command, context)
    assert bounced(command, context, "Transient")
    assert lost() == []


def test_a_suppressed_mail_is_counted_once(command: Json, context: Any, lost: Lost) -> None:
    suppress()
    for _ in range(2):
        assert handled(command, context)
    assert lost() == ["order-downloads"]


def test_a_mail_that_ses_will_never_take_is_counted_once(
    command: Json, context: Any, lost: Lost
) -> None:
    with Stubber(inbox.post._ses) as ses:
        ses.add_client_error("send_email", "MessageRejected", "no", 400)
        for _ in range(2):
            assert handled(command, context)
    assert lost() == ["order-downloads"]


def test_a_mail_that_bounced_is_counted_once(command: Json, context: Any, lost: Lost) -> None:
    assert handled(command, context)
    for seconds in range(3):
        assert bounced(command, context, seconds=seconds)
    assert lost() == ["order-downloads"]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("how", ["suppressed", "bounced"])
def test_a_crash_leaves_none_uncounted(
    command: Json,
    context: Any,
    lost: Lost,
    crash_at: Callable[[str, int, bool], None],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    done: bool,
) -> None:
    """It dies where it saves what became of the mail."""
    if how == "suppressed":
        suppress()
        crash_at("PutItem", 2, done)
        assert not handled(command, context)
        later = now() + LEASE
        monkeypatch.setattr(inbox, "now", lambda: later)
        assert handled(command, context)
    else:
        assert handled(command, context)
        crash_at("PutItem", 2, done)
        assert not bounced(command, context)
        assert bounced(command, context)
    assert set(lost()) == {"order-downloads"}


def test_what_ses_says_of_an_error_names_nobody() -> None:
    said = f"Illegal address <{TO}>"
    parsed = {"Error": {"Code": "MessageRejected", "Message": said}, "message": said}
    post._mask(parsed)
    assert parsed["Error"] == {"Code": "MessageRejected", "Message": "Illegal address <address>"}
    assert TO not in str(parsed)
