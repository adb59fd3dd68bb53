"""What is counted of mails: once for each change, with dimensions that have few values."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification.figures import Figure, lost, of_change
from notification.mail import Mail, Report, Status
from notification.metrics import emit

Capture = pytest.CaptureFixture[str]

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
SENT = [Figure("MailsSent", by=("template", "receipt"))]
LOST = [Figure("MailsNotDelivered", by=("template", "receipt"))]


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def claimed() -> Mail:
    return Mail.claim("tbs.payments/o:3:SendEmail", "o", "receipt", "o", "o:3:SendEmail", AT)


def report(status: Status) -> Report:
    return Report(status=status, reason="x", reported_at=AT, ses_message_id="ses-1")


def lines(capsys: Capture) -> list[dict[str, Any]]:
    """What was logged in CloudWatch's embedded metric format since the last look."""
    logged = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in logged]


def test_counts_whether_a_mail_was_sent() -> None:
    mail = claimed()
    assert of_change(None, mail) == []
    assert of_change(mail, mail.claim_again(AT)) == []
    assert of_change(mail, mail.let_go(AT)) == []
    assert of_change(mail, mail.sent("ses-1", AT)) == SENT
    assert of_change(mail, mail.failed("MessageRejected: no", AT)) == [Figure("MailsFailed")]
    assert of_change(mail, mail.suppressed("BOUNCE: x", AT)) == [Figure("MailsSuppressed")]


def test_a_mail_of_which_a_report_comes_first_was_sent() -> None:
    mail = claimed()
    sent = mail.sent("ses-1", AT)
    for status in (Status.SENT, Status.BOUNCED, Status.COMPLAINED):
        assert of_change(mail, mail.reported(report(status), AT)) == SENT
        assert of_change(sent, sent.reported(report(status), AT)) == []


STEPS: list[Callable[[Mail], Mail]] = [
    lambda mail: mail.claim_again(AT),
    lambda mail: mail.let_go(AT),
    lambda mail: mail.sent("ses-1", AT),
    lambda mail: mail.failed("x", AT),
    lambda mail: mail.suppressed("x", AT),
]
REPORTS = [Status.SENT, Status.BOUNCED, Status.COMPLAINED]


@given(st.lists(st.sampled_from(STEPS), max_size=4), st.lists(st.sampled_from(REPORTS), max_size=4))
def test_whatever_happens_a_mail_counts_once(steps: list[Any], reports: list[Any]) -> None:
    story = [claimed()]
    for step in steps:
        if story[-1].status is Status.SENDING:  # all others are final, save for reports
            story.append(step(story[-1]))
    for status in reports:
        if story[-1].status not in (Status.FAILED, Status.SUPPRESSED):
            story.append(story[-1].reported(report(status), AT))
    counted = [figure for pair in pairwise(story) for figure in of_change(*pair)]
    assert len(counted) == (story[-1].status is not Status.SENDING)
    gone = [figure for pair in pairwise(story) for figure in lost(*pair)]
    assert len(gone) == any(mail.is_lost for mail in story)


def test_what_has_the_same_dimensions_is_one_line(capsys: Capture) -> None:
    emit([*SENT, Figure("MailsFailed"), *SENT, Figure("MailsSuppressed")])
    common, sent = lines(capsys)
    assert (common["MailsFailed"], common["MailsSuppressed"]) == ([1.0], [1.0])
    assert (sent["MailsSent"], sent["template"]) == ([1.0, 1.0], "receipt")
    both = ["service", "stack"]
    for line, names in ((common, both), (sent, [*both, "template"])):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert group["Namespace"] == "TheBetterStore"
        assert [sorted(dimensions) for dimensions in group["Dimensions"]] == [names]
        assert (line["service"], line["stack"]) == ("notification", "tbs-app-notification-test")


@pytest.mark.filterwarnings("error")
def test_nothing_counted_is_no_line(capsys: Capture) -> None:
    emit([])
    assert lines(capsys) == []
