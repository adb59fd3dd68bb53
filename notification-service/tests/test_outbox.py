"""The outbox, fed with changes as the doors write them, and errors for managers."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from hypothesis import given, settings
from hypothesis import strategies as st
from notification import api, delivery, feedback, inbox, mail, outbox
from notification.mail import Mail, Report, Status
from notification.raised import KEPT_FOR, LONGEST, MessageError, of_letter, of_mail
from notification.table import MailsTable, change

Json = dict[str, Any]
Sample = Callable[[str], Json]
Items = Callable[[], list[Json]]
Changed = Callable[..., Json]
Capture = pytest.CaptureFixture[str]

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
MOST = int(os.environ["MAX_RECEIVES"])
ID = "tbs.payments/order-1:3:SendEmail"
CLAIMED = Mail.claim(ID, "order-1", "receipt", "order-1", "order-1:3:SendEmail", MORNING)
SENT = CLAIMED.sent("ses-1", MORNING)


def reported(status: Status, reason: str = "Permanent/NoEmail") -> Mail:
    told = Report(status=status, reason=reason, reported_at=MORNING, ses_message_id="ses-1")
    return SENT.reported(told, MORNING)


def tried(event: Json, times: int) -> Json:
    """The invocation in which a message comes for that time."""
    (record,) = event["Records"]
    attributes = record["attributes"] | {"ApproximateReceiveCount": str(times)}
    return {"Records": [record | {"attributes": attributes}]}


def poisoned(sample: Sample) -> Json:
    """A mail to no address."""
    event = sample("inbox-SendEmail")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"]["to"] = "Ann Archer"
    event["Records"][0]["body"] = json.dumps(body)
    return event


def down(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")


@pytest.fixture
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are in no queue, so none of them can be put off."""
    for door in (inbox, feedback):
        monkeypatch.setattr(door.processor._sqs, "change_message_visibility", lambda **_: None)


def errors(items: Items) -> list[Json]:
    return [item for item in items() if item["mailId"].startswith("ERROR#")]


def counted(capsys: Capture) -> list[Json]:
    """What was logged in CloudWatch's embedded metric format since the last look."""
    return [json.loads(each) for each in capsys.readouterr().out.splitlines() if '"_aws"' in each]


# Mails


def test_a_mail_that_bounced_is_an_error() -> None:
    (error,) = of_mail(SENT, reported(Status.BOUNCED))
    assert error.model_dump(mode="json") == {
        "metadata": {
            "id": f"{ID}:3:ErrorRaised",
            "correlationId": "order-1",
            "causationId": "order-1:3:SendEmail",
            "occurredAt": "2026-01-05T10:00:00.000Z",
            "version": 3,
            "trace": None,
        },
        "data": {
            "errorId": f"{ID}:3:MAIL_NOT_DELIVERED",
            "kind": "BUSINESS",
            "code": "MAIL_NOT_DELIVERED",
            "message": "The mail receipt bounced: Permanent/NoEmail",
            "orderId": "order-1",
            "occurredAt": "2026-01-05T10:00:00.000Z",
        },
    }


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (CLAIMED.failed("MessageRejected: no", MORNING), "was refused by SES: MessageRejected"),
        (CLAIMED.failed("Ann Archer", MORNING), "was refused by SES: no reason given"),
        (reported(Status.COMPLAINED, "abuse"), "was called spam by who got it: abuse"),
        (
            reported(Status.COMPLAINED, "a@example.com"),
            "was called spam by who got it: no reason given",
        ),
        (reported(Status.SENT, "Transient/MailboxFull"), None),
        (CLAIMED.suppressed("BOUNCE: x", MORNING), None),
        (SENT, None),
    ],
)
def test_says_what_became_of_a_mail_and_names_nobody(after: Mail, told: str | None) -> None:
    found = [error.data.message for error in of_mail(CLAIMED, after)]
    assert found == ([f"The mail receipt {told}"] if told else [])
    assert of_mail(after, after) == []


def test_a_bounce_is_told_and_counted_off_the_stream(
    sample: Sample, items: Items, changed: Changed, put: list[Json], context: Any, capsys: Capture
) -> None:
    event = sample("inbox-SendEmail")
    inbox.handler(event, context)
    body = json.loads(event["Records"][0]["body"])
    (sent,) = items()
    report = json.loads(sample("feedback-Bounce")["Records"][0]["body"])
    id_ = mail.mail_id(body["source"], body["detail"]["metadata"]["id"])
    report["mail"]["tags"]["mail"] = [mail.tag(id_)]
    feedback.handler({"Records": [{**event["Records"][0], "body": json.dumps(report)}]}, context)
    (bounced,) = items()
    capsys.readouterr()
    for _ in range(2):
        outbox.handler(changed((None, sent), (sent, bounced), (bounced, None)), context)
    first, again = put
    assert first == again
    assert (first["Source"], first["DetailType"]) == ("tbs.notification", "ErrorRaised")
    assert (
        json.loads(first["Detail"])["metadata"]["id"] == f"{id_}:{bounced['version']}:ErrorRaised"
    )
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines() if '"_aws"' in each]
    assert [line["MailsSent"] for line in lines] == [[1.0], [1.0]]
    assert body["detail"]["data"]["to"] not in json.dumps(put)


def test_what_is_counted_the_bus_took(changed: Changed, context: Any, capsys: Capture) -> None:
    pairs = [
        (
            each.model_dump(mode="json"),
            each.failed("MessageRejected", MORNING).model_dump(mode="json"),
        )
        for each in [CLAIMED] * 11
    ]
    taken = {"FailedEntryCount": 0, "Entries": []}
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as bus:
        for answer in (taken, refused, taken, taken):
            bus.add_response("put_events", answer, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler(changed(*pairs), context)
        assert counted(capsys) == []
        outbox.handler(changed(*pairs), context)
        bus.assert_no_pending_responses()
    (line,) = (
        json.loads(each) for each in capsys.readouterr().out.splitlines() if '"_aws"' in each
    )
    assert line["MailsFailed"] == [1.0] * 11


def test_what_an_earlier_release_kept_is_read() -> None:
    item = SENT.model_dump(mode="json", exclude_none=True)
    del item["orderId"], item["createdAt"]
    told = change({}, item)
    assert told
    assert told.new.order_id == "order-1"


# Messages that die


@pytest.mark.usefixtures("unqueued")
def test_poison_is_kept_before_it_is_buried(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = poisoned(sample)
    (record,) = event["Records"]
    about = json.loads(record["body"])["detail"]["data"]["content"]["orderId"]
    with monkeypatch.context() as patch:
        patch.setattr(inbox.processor._sqs, "send_message", down)
        assert inbox.handler(tried(event, 1), context)["batchItemFailures"]
    (item,) = errors(items)
    assert item["mailId"] == f"ERROR#{record['messageId']}"
    assert (item["code"], item["orderId"]) == ("POISON_MESSAGE", about)
    assert item["message"].startswith("SendEmail was refused: ")
    assert "Ann" not in json.dumps(item, default=str)
    # It comes again, and is told once.
    assert inbox.handler(tried(event, 2), context) == {"batchItemFailures": []}
    assert errors(items) == [item]


@pytest.mark.usefixtures("unqueued")
def test_what_fails_is_an_error_at_its_last_try(
    sample: Sample, items: Items, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.suppressions, "of", down)
    for times in range(1, MOST + 1):
        assert errors(items) == []
        inbox.handler(tried(sample("inbox-SendEmail"), times), context)
    (item,) = errors(items)
    assert item["code"] == "MESSAGE_FAILED"
    assert item["message"] == "SendEmail failed each time, at last with ServiceUnavailable"


@pytest.mark.usefixtures("unqueued")
@pytest.mark.parametrize("fault", ["broken", "out of time"])
def test_where_the_error_cannot_be_kept_the_message_goes_its_way(
    sample: Sample,
    items: Items,
    context: Any,
    dead_letters: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    if fault == "broken":
        monkeypatch.setattr(inbox.table, "keep", down)
    else:
        left = iter([delivery.SPARE, delivery.SPARE - 1])
        monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    event = poisoned(sample)
    assert inbox.handler(tried(event, 1), context) == {"batchItemFailures": []}
    assert dead_letters() == [event["Records"][0]["body"]]
    assert errors(items) == []


@pytest.mark.usefixtures("unqueued")
def test_a_report_that_dies_is_told_without_its_addresses(
    sample: Sample, items: Items, changed: Changed, put: list[Json], context: Any
) -> None:
    event = sample("feedback-Bounce")
    report = json.loads(event["Records"][0]["body"])
    address = report["mail"]["destination"][0]
    report["bounce"] = {"bounceType": address}
    event["Records"][0]["body"] = json.dumps(report)
    feedback.handler(tried(event, 1), context)
    (item,) = errors(items)
    assert item["message"].startswith("Bounce was refused: ")
    outbox.handler(changed((None, item), (item, item), (item, None)), context)
    (entry,) = put
    told = json.loads(entry["Detail"])
    assert told["metadata"]["id"] == f"{event['Records'][0]['messageId']}:1:ErrorRaised"
    assert (told["data"]["kind"], told["data"]["orderId"]) == ("SYSTEM", None)
    assert address not in json.dumps([item, entry], default=str)


def test_an_error_is_no_mail_of_its_order(table: MailsTable) -> None:
    body = json.dumps(
        {"detail-type": "SendEmail", "detail": {"data": {"content": {"orderId": "order-1"}}}}
    )
    table.keep(of_letter("sqs-1", body, "POISON_MESSAGE", "why", MORNING))
    table.add(CLAIMED)
    page = api.list_emails("order-1")
    assert [each.mail_id for each in page.items] == [ID]


@pytest.fixture
def table() -> MailsTable:
    return api.table


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
NAMED = st.fixed_dictionaries(
    {"detail-type": JSON, "detail": st.fixed_dictionaries({"data": JSON}) | JSON}
) | st.fixed_dictionaries({"eventType": JSON})


@settings(max_examples=30)
@given(body=st.text() | (JSON | NAMED).map(json.dumps), reason=st.text(max_size=1000))
def test_whatever_is_in_a_message_it_is_one_bounded_error(body: str, reason: str) -> None:
    error = of_letter("sqs-1", body, "MESSAGE_FAILED", reason, MORNING)
    assert len(error.message) <= LONGEST
    assert error.expires_at == (MORNING + KEPT_FOR).timestamp()
    assert MessageError.model_validate(error.model_dump(mode="json")) == error
