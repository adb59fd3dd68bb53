"""The rules of a mail, by example and by property."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification.mail import LEASE, MAX_TAG, Mail, Report, Status, mail_id, tag, tagged
from notification.model import now
from notification.suppression import key

AT = now()
REPORTS = st.builds(
    lambda **fields: Report(**fields),
    status=st.sampled_from([Status.SENT, Status.BOUNCED, Status.COMPLAINED]),
    reason=st.sampled_from(["Permanent/NoEmail", "Transient/MailboxFull", "abuse"]),
    reported_at=st.integers(0, 3).map(lambda n: AT + timedelta(seconds=n)),
    ses_message_id=st.sampled_from(["ses-1", "ses-2"]),
)


@pytest.fixture(autouse=True)
def aws() -> None:
    """None: what is tested here is pure."""


def claimed() -> Mail:
    return Mail.claim("tbs.orders/o:2:SendEmail", "o", "receipt", "o", "o:2:SendEmail", now())


@given(st.timedeltas(timedelta(0), LEASE * 3))
def test_a_claim_holds_for_its_lease_and_no_longer(passed: timedelta) -> None:
    mail = claimed()
    assert mail.is_being_sent(mail.updated_at + passed) == (passed < LEASE)


def test_a_second_claim_holds_anew() -> None:
    mail = claimed()
    again = mail.claim_again(mail.updated_at + LEASE)
    assert again.is_being_sent(mail.updated_at + LEASE * 2 - timedelta(milliseconds=1))
    assert again.version == 2


def test_a_mail_that_was_let_go_is_anybodys() -> None:
    mail = claimed()
    free = mail.let_go(mail.updated_at + LEASE / 2)
    assert free.is_let_go
    assert not free.is_being_sent(free.updated_at)
    assert not mail.is_let_go
    assert not free.claim_again(free.updated_at).is_let_go


def test_a_settled_mail_is_in_nobodys_hands() -> None:
    mail = claimed()
    sent, failed = mail.sent("ses-1", now()), mail.failed("MessageRejected", now())
    assert (sent.status, sent.ses_message_id, sent.version) == (Status.SENT, "ses-1", 2)
    assert (failed.status, failed.reason) == (Status.FAILED, "MessageRejected")
    assert not sent.is_being_sent(mail.updated_at)
    assert not failed.is_being_sent(mail.updated_at)


def test_the_same_command_asks_for_the_same_mail() -> None:
    assert mail_id("tbs.orders", "o:2:SendEmail") == mail_id("tbs.orders", "o:2:SendEmail")
    assert mail_id("tbs.orders", "o:2:SendEmail") != mail_id("tbs.payments", "o:2:SendEmail")


def told(mail: Mail, reports: list[Report]) -> Mail:
    for report in reports:
        mail = mail.reported(report, now())
    return mail


def outcome(mail: Mail) -> tuple[object, ...]:
    return mail.status, mail.reason, mail.reported_at, mail.ses_message_id


@given(st.lists(REPORTS, min_size=1, max_size=5), st.data())
def test_reports_come_to_the_same_in_any_order_and_twice(
    reports: list[Report], data: st.DataObject
) -> None:
    mail = claimed()
    others = data.draw(st.permutations(reports + reports[:2]))
    settled = told(mail, reports)
    assert outcome(told(mail, others)) == outcome(settled)
    assert outcome(told(mail.sent("ses-0", now()), others)) == outcome(settled)
    assert told(settled, reports) is settled
    gravest = (Status.COMPLAINED, Status.BOUNCED, Status.SENT)
    assert settled.status is next(s for s in gravest if s in {r.status for r in reports})


def test_a_report_settles_a_mail_that_nobody_knew_as_sent() -> None:
    report = Report(
        status=Status.BOUNCED, reason="Permanent/NoEmail", reported_at=AT, ses_message_id="ses-1"
    )
    for mail in (claimed(), claimed().failed("MessageRejected", now()), claimed().let_go(now())):
        bounced = mail.reported(report, now())
        assert outcome(bounced) == (Status.BOUNCED, "Permanent/NoEmail", AT, "ses-1")
        assert (bounced.version, bounced.is_being_sent(now())) == (mail.version + 1, False)


@given(st.text(max_size=100))
def test_a_tag_says_which_mail_it_was(id_: str) -> None:
    written = tag(id_)
    assert written is None or (tagged(written) == id_ and len(written) <= MAX_TAG)
    assert written is not None or len(id_.encode()) * 4 > MAX_TAG * 3


@pytest.mark.parametrize("value", ["a", "!!!!", "_w", "ä"])
def test_what_is_no_tag_of_ours_is_no_mail(value: str) -> None:
    assert tagged(value) is None


def test_an_address_is_the_same_in_any_case() -> None:
    assert key("Ann@Example.COM ") == key("ann@example.com")
    assert key("ann@example.com") != key("ann@example.org")
    assert len(key("ann@example.com")) == 64
