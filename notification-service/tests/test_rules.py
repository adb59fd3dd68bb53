"""The rules of a mail, by example and by property."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from notification.mail import LEASE, Mail, Status, mail_id
from notification.model import now


def claimed() -> Mail:
    return Mail.claim("tbs.orders/o:2:SendEmail", "receipt", "o", "o:2:SendEmail", now())


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
