"""The inbox, fed with real messages: once, twice, crashing in between, and refused by SES."""

import copy
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from notification import inbox, mail
from notification.content import Reason
from notification.delivery import FIRST_WAIT, LONGEST_WAIT
from notification.mail import LEASE, Mail, Status
from notification.messages import EmailRequest, parse
from notification.model import now
from notification.suppression import Cause, Suppression
from notification.table import Conflict, MailsTable, SuppressionsTable

Sample = Callable[[str], dict[str, Any]]
Sent = list[dict[str, Any]]
CrashAt = Callable[[str, int, bool], None]

REFUND = {
    "template": "refund",
    "currency": "EUR",
    "amount": 100,
    "total": 100,
    "gross": 6995,
    "refundedAt": "2026-01-08T10:00:00.000Z",
}
DOWNLOADS = {
    "template": "order-downloads",
    "downloads": [
        {
            "name": "Paper Castle",
            "url": "https://files.example.com/shared/t0ken/castle.pdf",
            "expiresAt": "2026-02-05T10:00:00.000Z",
        }
    ],
}


@pytest.fixture
def event(sample: Sample) -> dict[str, Any]:
    return sample("inbox-SendEmail")


@pytest.fixture
def table() -> MailsTable:
    return MailsTable("Table", timedelta(days=90))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the inbox's clock so much ahead."""

    def move(ahead: timedelta) -> None:
        def clock() -> datetime:
            return now() + ahead

        monkeypatch.setattr(inbox, "now", clock)

    return move


def given(event: dict[str, Any]) -> EmailRequest:
    return parse(event["Records"][0]["body"])[1].data


def kept(table: MailsTable, event: dict[str, Any]) -> Mail | None:
    sender, command = parse(event["Records"][0]["body"])
    return table.mail(mail.mail_id(sender, command.metadata.id))


def status(table: MailsTable, event: dict[str, Any]) -> Status | None:
    found = kept(table, event)
    return found.status if found else None


def changed(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    """The same command, with other data."""
    event = copy.deepcopy(event)
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"] |= data
    event["Records"][0]["body"] = json.dumps(body)
    return event


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def comes_again(event: dict[str, Any], context: Any, why: str = "") -> str:
    """The message is reported as failed, for that reason. Gives the error."""
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    assert inbox.handler(event, context) == {"batchItemFailures": failed}
    told = repr(inbox.processor.exceptions[-1][1])
    assert why in told
    return told


def test_sends_one_email_however_often_it_is_told(
    table: MailsTable, event: dict[str, Any], context: Any, sent: Sent
) -> None:
    handled(event, context)
    first = kept(table, event)
    handled(event, context)
    assert kept(table, event) == first
    assert first
    assert first.status is Status.SENT
    assert first.ses_message_id
    (email,) = sent
    assert email["FromEmailAddress"] == "The Better Store <shop@example.com>"
    assert email["Destination"] == {"ToAddresses": [given(event).to]}
    assert email["ConfigurationSetName"] == "configuration-set"
    simple = email["Content"]["Simple"]
    for part in (simple["Subject"], simple["Body"]["Text"], simple["Body"]["Html"]):
        assert given(event).content.order_id in part["Data"]
    tags = {tag["Name"]: tag["Value"] for tag in email["EmailTags"]}
    assert tags["template"] == "receipt"
    assert mail.tagged(tags["mail"]) == first.mail_id
    assert re.fullmatch(r"[\w-]{1,256}", tags["mail"], re.ASCII)


def test_money_and_dates_are_written_as_the_locale_has_it(
    event: dict[str, Any], context: Any, sent: Sent
) -> None:
    handled(changed(event, locale="de-DE"), context)
    text = sent[0]["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert "69,95\N{NO-BREAK SPACE}€" in text
    assert "5. Januar 2026" in text


@pytest.mark.parametrize("locale", ["", "de_DE", "../en", None])
def test_what_is_no_locale_is_refused(
    event: dict[str, Any], context: Any, dead_letters: Callable[[], list[str]], locale: str | None
) -> None:
    handled(changed(event, locale=locale), context)
    assert len(dead_letters()) == 1


def suppress(address: str, days: int = 1) -> None:
    """Put an address on the list, until so many days from now."""
    suppression = Suppression(
        address=address,
        cause=Cause.BOUNCE,
        detail="Permanent/NoEmail",
        suppressed_at=now() - timedelta(days=1),
        until=now() + timedelta(days=days),
    )
    assert SuppressionsTable("Suppressions").add(suppression)


def test_nothing_is_sent_to_a_suppressed_address(
    table: MailsTable, event: dict[str, Any], context: Any, sent: Sent
) -> None:
    suppress("shopper@example.com")
    told = changed(event, to="Shopper@Example.com")
    handled(told, context)
    handled(told, context)
    found = kept(table, event)
    assert found
    assert (found.status, found.reason) == (Status.SUPPRESSED, "BOUNCE: Permanent/NoEmail")
    assert sent == []
    assert SuppressionsTable("Suppressions").lift("shopper@example.com", now())
    handled(told, context)
    assert sent == []


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("done", [False, True])
def test_a_crash_sends_nothing_to_a_suppressed_address(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    crash_at: CrashAt,
    later: Callable[[timedelta], None],
    operation: str,
    nth: int,
    done: bool,
) -> None:
    suppress(given(event).to)
    crash_at(operation, nth, done)
    comes_again(event, context, "Crash")
    later(LEASE)
    handled(event, context)
    assert (status(table, event), sent) == (Status.SUPPRESSED, [])


def test_a_suppression_that_is_over_counts_no_more(
    event: dict[str, Any], context: Any, sent: Sent
) -> None:
    suppress(given(event).to, days=0)
    handled(event, context)
    assert len(sent) == 1


def test_two_copies_in_one_batch_send_one_email(
    event: dict[str, Any], context: Any, sent: Sent
) -> None:
    event["Records"].append(copy.deepcopy(event["Records"][0]) | {"messageId": "copy"})
    handled(event, context)
    assert len(sent) == 1


def test_the_same_id_of_another_sender_is_another_email(
    event: dict[str, Any], context: Any, sent: Sent
) -> None:
    other = copy.deepcopy(event)
    body = json.loads(other["Records"][0]["body"]) | {"source": "tbs.other"}
    other["Records"][0]["body"] = json.dumps(body)
    handled(event, context)
    handled(other, context)
    assert len(sent) == 2


def test_every_content_is_sent(event: dict[str, Any], context: Any, sent: Sent) -> None:
    order = given(event).content.order_id
    contents: list[dict[str, Any]] = [
        *({"template": "order-cancelled", "reason": reason.value} for reason in Reason),
        {"template": "order-dispatched", "carrier": "Carrier", "trackingNumber": "T-1"},
        {"template": "order-delivered"},
        REFUND,
        DOWNLOADS,
    ]
    for version, content in enumerate(contents, start=50):
        told = changed(event, content=content | {"orderId": order})
        body = json.loads(told["Records"][0]["body"])
        body["detail"]["metadata"]["id"] = f"{order}:{version}:SendEmail"
        told["Records"][0]["body"] = json.dumps(body)
        handled(told, context)
    templates = [email["EmailTags"][0]["Value"] for email in sent]
    assert templates == [content["template"] for content in contents]


@pytest.mark.parametrize(
    ("operation", "nth", "done", "emails"),
    [
        ("GetItem", 1, False, 1),
        ("GetItem", 2, False, 1),
        ("PutItem", 1, False, 1),
        ("PutItem", 1, True, 1),
        ("SendEmail", 1, False, 1),
        # SES took it, and nobody could write that down.
        ("SendEmail", 1, True, 2),
        ("PutItem", 2, False, 2),
        ("PutItem", 2, True, 1),
    ],
)
def test_a_crash_at_any_call_costs_at_most_one_more_email(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    crash_at: CrashAt,
    later: Callable[[timedelta], None],
    operation: str,
    nth: int,
    done: bool,
    emails: int,
) -> None:
    crash_at(operation, nth, done)
    comes_again(event, context, "Crash")
    later(LEASE)
    handled(event, context)
    handled(event, context)
    assert status(table, event) is Status.SENT
    assert len(sent) == emails


def test_waits_while_another_is_sending(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    crash_at: CrashAt,
    later: Callable[[timedelta], None],
) -> None:
    crash_at("SendEmail", 1, False)
    comes_again(event, context)
    later(LEASE - timedelta(seconds=5))
    comes_again(event, context, "is being sent")
    assert sent == []
    later(LEASE)
    handled(event, context)
    assert len(sent) == 1


def test_of_two_workers_at_once_one_sends(
    event: dict[str, Any], context: Any, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled(event, context)
    monkeypatch.setattr(inbox.table, "mail", lambda _: None)
    comes_again(event, context, "is not what it was")
    assert len(sent) == 1


def test_of_two_workers_that_find_a_lease_over_one_sends(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    crash_at: CrashAt,
    later: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_at("SendEmail", 1, False)
    comes_again(event, context)
    left = kept(table, event)
    later(LEASE)
    handled(event, context)
    monkeypatch.setattr(inbox.table, "mail", lambda _: left)
    comes_again(event, context, "is not what it was")
    assert len(sent) == 1


def test_the_lease_is_longer_than_a_run_and_over_before_the_message_is_given_up(
    template: dict[str, Any],
) -> None:
    timeout = template["Globals"]["Function"]["Timeout"]
    inbox_queue = template["Resources"]["Inbox"]["Properties"]
    assert timeout < LEASE.total_seconds()
    assert timeout + LEASE.total_seconds() < inbox_queue["VisibilityTimeout"]
    tries = inbox_queue["RedrivePolicy"]["maxReceiveCount"]
    # At the shortest, half of the tries are left when the claim of the first is over.
    shortest = [max(1, min(FIRST_WAIT * 4**n, LONGEST_WAIT) // 2) for n in range(tries // 2)]
    assert timeout + LEASE.total_seconds() < sum(shortest)


def test_waits_longer_each_time_while_another_is_sending(
    event: dict[str, Any], context: Any, crash_at: CrashAt
) -> None:
    waits: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        assert params["QueueUrl"].endswith("/Inbox")
        waits.append(params["VisibilityTimeout"])

    crash_at("SendEmail", 1, False)
    comes_again(event, context)
    hooks, call = inbox.processor._sqs.meta.events, "provide-client-params.sqs.*"
    hooks.register(call, note)
    for tries in range(2, 6):
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(tries)
        comes_again(event, context, "is being sent")
    hooks.unregister(call, note)
    assert waits == sorted(set(waits))
    assert len(waits) == 4


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_ses_will_never_take_is_final(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    dead_letters: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    code: str,
) -> None:
    to = given(event).to
    with Stubber(inbox.post._ses) as ses:
        ses.add_client_error("send_email", code, f"Illegal address <{to}>", 400)
        handled(event, context)
        handled(event, context)
        ses.assert_no_pending_responses()
    failed = kept(table, event)
    assert failed
    assert failed.reason
    assert (failed.status, failed.reason) == (Status.FAILED, f"{code}: Illegal address <address>")
    assert dead_letters() == []
    logged = str([vars(record) for record in caplog.records])
    assert failed.reason in logged
    assert to not in logged


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("TooManyRequestsException", "Maximum sending rate exceeded."),
        ("ThrottlingException", "Daily message quota exceeded."),
        ("MailFromDomainNotVerifiedException", "The MAIL FROM domain is not verified"),
        ("SendingPausedException", "Sending is paused"),
        ("AccountSuspendedException", "Suspended"),
        ("LimitExceededException", "Daily quota"),
        ("NotFoundException", "Configuration set does not exist"),
        ("AccessDeniedException", "not authorized"),
        ("MessageRejected", "Email address is not verified: {to}"),
    ],
)
def test_what_ses_may_take_later_comes_again(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    later: Callable[[timedelta], None],
    caplog: pytest.LogCaptureFixture,
    code: str,
    message: str,
) -> None:
    to = given(event).to
    with Stubber(inbox.post._ses) as ses:
        ses.add_client_error("send_email", code, message.format(to=to), 400)
        assert to not in comes_again(event, context, code)
    assert code in caplog.text
    assert to not in caplog.text
    assert status(table, event) is Status.SENDING
    handled(event, context)
    assert (status(table, event), len(sent)) == (Status.SENT, 1)
    assert "may have been sent" not in caplog.text


@pytest.mark.parametrize("status_code", [500, 503])
def test_a_fault_of_ses_may_have_sent_it(
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    later: Callable[[timedelta], None],
    caplog: pytest.LogCaptureFixture,
    status_code: int,
) -> None:
    with Stubber(inbox.post._ses) as ses:
        ses.add_client_error("send_email", "InternalFailure", "", status_code)
        comes_again(event, context, "InternalFailure")
    comes_again(event, context, "is being sent")
    later(LEASE)
    handled(event, context)
    assert len(sent) == 1
    assert "claimed again: it may have been sent before" in caplog.text


def test_a_claim_that_cannot_be_ended_ends_by_itself(
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    later: Callable[[timedelta], None],
    saves: Callable[..., list[int]],
) -> None:
    with Stubber(inbox.post._ses) as ses:
        ses.add_client_error("send_email", "TooManyRequestsException", "", 429)
        tried = saves(False, True)
        comes_again(event, context, "TooManyRequestsException")
    assert len(tried) == 2
    comes_again(event, context, "is being sent")
    later(LEASE)
    handled(event, context)
    assert len(sent) == 1


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Lets the next writes of the table fail, or not, as is said of each: before they are done."""
    monkeypatch.setattr(inbox, "sleep", lambda _: None)

    def plan(*failing: bool) -> list[int]:
        left, tried = list(failing), []
        put = inbox.table._table.put_item

        def put_item(**given: Any) -> Any:
            tried.append(1)
            if left and left.pop(0):
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
            return put(**given)

        monkeypatch.setattr(inbox.table._table, "put_item", put_item)
        return tried

    return plan


def test_that_it_was_sent_is_saved_at_the_third_try(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    saves: Callable[..., list[int]],
) -> None:
    tried = saves(False, True, True)
    handled(event, context)
    assert (status(table, event), len(sent), len(tried)) == (Status.SENT, 1, 4)
    handled(event, context)
    assert len(sent) == 1


def test_what_cannot_be_saved_as_sent_goes_out_again(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    later: Callable[[timedelta], None],
    saves: Callable[..., list[int]],
) -> None:
    tried = saves(False, True, True, True)
    comes_again(event, context, "Throttling")
    assert (status(table, event), len(tried)) == (Status.SENDING, 4)
    later(LEASE)
    handled(event, context)
    assert (status(table, event), len(sent)) == (Status.SENT, 2)


def test_a_save_of_which_only_the_answer_was_lost_counts(
    table: MailsTable,
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, calls = inbox.table._table.put_item, []

    def put_item(**given: Any) -> Any:
        calls.append(given)
        answer = put(**given)
        if len(calls) == 2:
            raise ReadTimeoutError(endpoint_url="")
        return answer

    monkeypatch.setattr(inbox.table._table, "put_item", put_item)
    monkeypatch.setattr(inbox, "sleep", lambda _: None)
    comes_again(event, context, "is not what it was")
    handled(event, context)
    assert (status(table, event), len(sent)) == (Status.SENT, 1)


def test_the_table_keeps_neither_address_nor_text(
    event: dict[str, Any], context: Any, sent: Sent
) -> None:
    handled(event, context)
    (item,) = boto3.client("dynamodb").scan(TableName="Table")["Items"]
    assert given(event).to not in str(item)
    assert item.keys() == {
        "mailId",
        "orderId",
        "createdAt",
        "template",
        "status",
        "leasedUntil",
        "sesMessageId",
        "version",
        "updatedAt",
        "correlationId",
        "causationId",
        "expiresAt",
    }
    days = (int(item["expiresAt"]["N"]) - now().timestamp()) / timedelta(days=1).total_seconds()
    assert 89 < days <= 90


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"source": "tbs.other", "detail-type": "SendLetter", "detail": {}}',
        '{"source": "tbs.other", "detail-type": "SendEmail", "detail": {"data": {}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    dead_letters: Callable[[], list[str]],
    body: str,
) -> None:
    event["Records"].append(event["Records"][0] | {"messageId": "bad", "body": body})
    handled(event, context)
    assert dead_letters() == [body]
    assert len(sent) == 1


@pytest.mark.parametrize("to", ["nobody", "a@b, c@d", "a@b\nBcc: c@d", "A <a@b>", ""])
def test_what_is_no_address_is_a_dead_letter_and_not_logged(
    event: dict[str, Any],
    context: Any,
    sent: Sent,
    dead_letters: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    to: str,
) -> None:
    handled(changed(event, to=to, content={"template": "order-delivered"}), context)
    assert len(dead_letters()) == 1
    assert sent == []
    (reason,) = [vars(record)["reason"] for record in caplog.records if "reason" in vars(record)]
    assert "data.to" in reason
    assert "input_value" not in reason


def test_a_conflict_is_told_as_such(table: MailsTable) -> None:
    claim = Mail.claim("m", "o", "receipt", "c", "m", now())
    table.add(claim)
    with pytest.raises(Conflict):
        table.add(claim)
    table.save(claim.claim_again(now()))
    with pytest.raises(Conflict):
        table.save(claim.sent("ses", now()))
