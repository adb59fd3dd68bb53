"""SES' reports of bounces and complaints: once, twice, early, late, crashing in between."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import boto3
import pytest
from notification import feedback, inbox, mail
from notification.mail import LEASE, Mail, Status
from notification.messages import parse
from notification.model import now, written
from notification.suppression import Cause, Suppression
from notification.table import MailsTable, SuppressionsTable

Json = dict[str, Any]
CrashAt = Callable[[str, int, bool], None]
TO = "shopper@example.com"
AT = datetime(2026, 1, 5, 10, 11, tzinfo=UTC)
MAIL_ID = "tbs.payments/TDJ61W1PFPW23G6T57C3FX431S:3:SendEmail"


def event(kind: str, told: Json, mail_id: str | None = MAIL_ID, **more: Any) -> Json:
    """An event as SES publishes it. Source: docs.aws.amazon.com/ses/latest/dg/
    event-publishing-retrieving-sns-contents.html
    """
    tags = {"ses:configuration-set": ["configuration-set"], "template": ["receipt"]}
    return {
        "eventType": kind,
        kind.lower(): told,
        "mail": {
            "timestamp": "2026-01-05T10:10:40.000Z",
            "source": "The Better Store <shop@example.com>",
            "sendingAccountId": "123456789012",
            "messageId": "ses-1",
            "destination": [TO],
            "headersTruncated": False,
            "headers": [{"name": "To", "value": TO}],
            "commonHeaders": {"to": [TO], "subject": "Your receipt"},
            "tags": tags | ({"mail": [mail.tag(mail_id)]} if mail_id else {}),
        }
        | more,
    }


def bounce(kind: str = "Permanent", sub: str = "NoEmail", at: datetime = AT, **more: Any) -> Json:
    told = {
        "bounceType": kind,
        "bounceSubType": sub,
        "bouncedRecipients": [
            {"emailAddress": f"forwarded-{TO}", "action": "failed", "status": "5.1.1"}
        ],
        "timestamp": written(at),
        "feedbackId": "f-1",
        "reportingMTA": "dsn; mta.example.com",
    }
    return event("Bounce", told, **more)


def complaint(at: datetime = AT, feedback_type: str | None = "abuse", **more: Any) -> Json:
    told = {
        "complainedRecipients": [{"emailAddress": TO}],
        "timestamp": written(at),
        "feedbackId": "f-2",
        "complaintSubType": None,
    }
    kind = {"complaintFeedbackType": feedback_type} if feedback_type else {}
    return event("Complaint", told | kind, **more)


def records(*bodies: Json | str) -> Json:
    return {
        "Records": [
            {
                "messageId": f"{n}",
                "receiptHandle": f"receipt-{n}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for n, body in enumerate(bodies)
        ]
    }


@pytest.fixture
def table() -> MailsTable:
    return MailsTable("Table", timedelta(days=90))


@pytest.fixture
def suppressions() -> SuppressionsTable:
    return SuppressionsTable("Suppressions")


@pytest.fixture
def tell(context: Any) -> Callable[..., int]:
    """Gives reports to the function, in one batch. Returns how many are to come again."""
    return lambda *bodies: len(feedback.handler(records(*bodies), context)["batchItemFailures"])


@pytest.fixture
def sent_mail(table: MailsTable) -> Mail:
    """The mail, as it is once SES took it."""
    claim = Mail.claim(MAIL_ID, "order-1", "receipt", "order-1", "cause", AT)
    table.add(claim)
    table.save(claim.sent("ses-1", AT))
    found = table.mail(MAIL_ID)
    assert found
    return found


def test_a_lasting_bounce_puts_the_address_on_the_list(
    table: MailsTable, suppressions: SuppressionsTable, sent_mail: Mail, tell: Callable[..., int]
) -> None:
    assert tell(bounce()) == 0
    bounced = table.mail(MAIL_ID)
    assert bounced
    assert (bounced.status, bounced.reason, bounced.reported_at, bounced.ses_message_id) == (
        Status.BOUNCED,
        "Permanent/NoEmail",
        AT,
        "ses-1",
    )
    assert suppressions.of("Shopper@example.com", AT) == Suppression(
        address=TO,
        cause=Cause.BOUNCE,
        detail="Permanent/NoEmail",
        suppressed_at=AT,
        until=AT + timedelta(days=365),
    )
    assert suppressions.of(f"forwarded-{TO}", AT) is None
    assert suppressions.of(TO, AT + timedelta(days=365)) is None
    assert tell(bounce()) == 0
    assert table.mail(MAIL_ID) == bounced


@pytest.mark.parametrize(("feedback_type", "reason"), [("abuse", "abuse"), (None, "unknown")])
def test_a_complaint_puts_the_address_on_the_list(
    table: MailsTable,
    suppressions: SuppressionsTable,
    sent_mail: Mail,
    tell: Callable[..., int],
    feedback_type: str | None,
    reason: str,
) -> None:
    assert tell(complaint(feedback_type=feedback_type)) == 0
    complained = table.mail(MAIL_ID)
    assert complained
    assert (complained.status, complained.reason) == (Status.COMPLAINED, reason)
    listed = suppressions.of(TO, AT)
    assert listed
    assert (listed.cause, listed.detail) == (Cause.COMPLAINT, reason)


@pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
def test_a_bounce_that_may_pass_is_only_noted(
    table: MailsTable,
    suppressions: SuppressionsTable,
    sent_mail: Mail,
    tell: Callable[..., int],
    kind: str,
) -> None:
    assert tell(bounce(kind, "MailboxFull")) == 0
    noted = table.mail(MAIL_ID)
    assert noted
    assert (noted.status, noted.reason) == (Status.SENT, f"{kind}/MailboxFull")
    assert suppressions.of(TO, AT) is None


def test_reports_in_any_order_come_to_the_same(
    table: MailsTable, suppressions: SuppressionsTable, tell: Callable[..., int]
) -> None:
    told = [
        bounce("Transient", "General", AT),
        bounce(at=AT + timedelta(seconds=1)),
        complaint(AT + timedelta(seconds=2)),
    ]
    outcomes = set()
    for n, order in enumerate(permutations(told)):
        id_, to = f"tbs.orders/{n}", f"{n}@example.com"
        table.add(Mail.claim(id_, "order-1", "receipt", "order-1", "cause", AT))
        for report in (*order, *order[:2]):
            own = report["mail"] | {
                "destination": [to],
                "tags": {"mail": [mail.tag(id_)]},
            }
            assert tell(report | {"mail": own}) == 0
        found, listed = table.mail(id_), suppressions.of(to, AT)
        assert found
        assert listed
        outcomes.add((found.status, found.reason, found.reported_at, listed.cause, listed.detail))
    assert outcomes == {
        (Status.COMPLAINED, "abuse", AT + timedelta(seconds=2), Cause.COMPLAINT, "abuse")
    }


@pytest.mark.parametrize(
    ("report", "status"),
    [(bounce(), Status.BOUNCED), (bounce("Transient", "General"), Status.SENT)],
)
def test_a_report_may_come_before_it_is_known_that_the_mail_was_sent(
    table: MailsTable,
    sample: Callable[[str], Json],
    context: Any,
    sent: list[Json],
    tell: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    report: Json,
    status: Status,
) -> None:
    command = sample("inbox-SendEmail")
    sender, message = parse(command["Records"][0]["body"])
    id_ = mail.mail_id(sender, message.metadata.id)
    own = report["mail"] | {"tags": {"mail": [mail.tag(id_)]}}
    real = inbox.post.send

    def send(*given: Any) -> str:
        ses_message_id = real(*given)
        assert tell(report | {"mail": own}) == 0
        return ses_message_id

    monkeypatch.setattr(inbox.post, "send", send)
    # The worker finds that the mail has changed; the message comes again, and nothing is left.
    assert len(inbox.handler(command, context)["batchItemFailures"]) == 1
    assert inbox.handler(command, context) == {"batchItemFailures": []}
    found = table.mail(id_)
    assert found
    assert (found.status, found.ses_message_id, len(sent)) == (status, "ses-1", 1)


@pytest.mark.parametrize(("operation", "nth"), [("PutItem", 1), ("GetItem", 1), ("PutItem", 2)])
@pytest.mark.parametrize("done", [False, True])
def test_a_crash_at_any_call_loses_nothing(
    table: MailsTable,
    suppressions: SuppressionsTable,
    sent_mail: Mail,
    tell: Callable[..., int],
    crash_at: CrashAt,
    operation: str,
    nth: int,
    done: bool,
) -> None:
    crash_at(operation, nth, done)
    assert tell(bounce()) == 1
    assert tell(bounce()) == 0
    found = table.mail(MAIL_ID)
    assert found
    assert found.status is Status.BOUNCED
    assert suppressions.of(TO, AT)


def test_two_at_once_leave_one_to_come_again(
    table: MailsTable,
    sent_mail: Mail,
    tell: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tell(bounce()) == 0
    monkeypatch.setattr(feedback.table, "mail", lambda _: sent_mail)
    assert tell(complaint()) == 1
    monkeypatch.undo()
    assert tell(complaint()) == 0
    found = table.mail(MAIL_ID)
    assert found
    assert found.status is Status.COMPLAINED


def test_what_was_lifted_comes_back_by_a_later_bounce_only(
    suppressions: SuppressionsTable, tell: Callable[..., int], sent_mail: Mail
) -> None:
    lifted = AT + timedelta(hours=1)
    assert tell(bounce()) == 0
    assert suppressions.lift(TO, lifted)
    assert not suppressions.lift(TO, lifted)
    assert tell(bounce(), complaint(AT + timedelta(minutes=30))) == 0
    assert suppressions.of(TO, AT) is None
    items = boto3.client("dynamodb").scan(TableName="Suppressions")["Items"]
    assert TO not in str(items)
    assert [item.keys() for item in items] == [{"addressHash", "liftedAt", "expiresAt"}]
    later = lifted + timedelta(hours=1)
    assert tell(bounce(at=later)) == 0
    listed = suppressions.of(TO, later)
    assert listed
    assert listed.suppressed_at == later


def test_items_go_when_their_time_is_over(tell: Callable[..., int], sent_mail: Mail) -> None:
    assert tell(bounce()) == 0
    (item,) = boto3.client("dynamodb").scan(TableName="Suppressions")["Items"]
    assert int(item["expiresAt"]["N"]) == int((AT + timedelta(days=365)).timestamp())
    assert item["address"]["S"] == TO
    assert "subject" not in str(item)


@pytest.mark.parametrize("mail_id", [None, "tbs.orders/long-ago"])
def test_of_a_mail_that_nobody_knows_the_address_is_listed_all_the_same(
    suppressions: SuppressionsTable, tell: Callable[..., int], mail_id: str | None
) -> None:
    assert tell(bounce(mail_id=mail_id)) == 0
    assert suppressions.of(TO, AT)


def test_ses_tries_the_topic_once_and_that_is_no_report(
    tell: Callable[..., int], dead_reports: Callable[[], list[str]]
) -> None:
    assert tell("Successfully validated SNS topic for Amazon SES event publishing.") == 0
    assert dead_reports() == []


@pytest.mark.parametrize(
    "body",
    [
        f"not json {TO}",
        "{}",
        json.dumps({"eventType": "Delivery", "mail": {"destination": [TO]}}),
        json.dumps({"eventType": "Bounce", "mail": {"destination": [TO]}}),
        json.dumps(bounce(destination=[])),
        json.dumps(bounce(messageId=[TO])),
    ],
)
def test_what_is_no_report_is_a_dead_letter_and_no_address_is_logged(
    tell: Callable[..., int],
    dead_reports: Callable[[], list[str]],
    dead_letters: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    body: str,
) -> None:
    assert tell(body) == 0
    assert (dead_reports(), dead_letters()) == ([body], [])
    assert TO not in str([vars(record) for record in caplog.records])


def test_no_log_names_an_address(
    tell: Callable[..., int], sent_mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert tell(bounce(), complaint()) == 0
    logged = str([vars(record) for record in caplog.records])
    assert "address suppressed" in logged
    assert TO not in logged


def test_a_worker_that_died_leaves_a_mail_that_a_report_settles(
    table: MailsTable,
    tell: Callable[..., int],
    sample: Callable[[str], Json],
    context: Any,
    sent: list[Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = sample("inbox-SendEmail")
    sender, message = parse(command["Records"][0]["body"])
    id_ = mail.mail_id(sender, message.metadata.id)
    order_id = message.data.content.order_id
    table.add(Mail.claim(id_, order_id, "receipt", order_id, "cause", now() - LEASE))
    assert tell(bounce(mail_id=id_)) == 0
    assert inbox.handler(command, context) == {"batchItemFailures": []}
    assert sent == []
