"""The rules of a payment, by example and by property."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments.model import now
from payments.payment import Bill, Declined, Line, Payment, Status, Taken
from payments.receipt import money, percent, render

LINE = Line(name="Kite", quantity=2, price=1999)
BILL = Bill(
    order_id="order-1",
    customer_id="customer-1",
    email="ann@example.com",
    amount=4498,
    currency="EUR",
    payment_method_id="pm_card_visa",
    lines=(LINE,),
    shipping=500,
    net=3911,
    tax=587,
    tax_rate="0.15",
    placed_at=now(),
)
PENDING = Payment.request(BILL, "order-1", "order-1:2:CollectPayment", now())
TAKEN = Taken("pi_1")
CAUSE = "order-1:3:Cause"


def status_of(payment: Payment) -> Status:
    return payment.status


def test_a_payment_is_collected_then_given_back() -> None:
    collected = PENDING.settle(TAKEN, CAUSE, now())
    assert (collected.status, collected.payment_intent_id) == (Status.COLLECTED, "pi_1")
    refunding = collected.refund("CUSTOMER", CAUSE, now())
    assert (refunding.status, refunding.refund_reason) == (Status.REFUNDING, "CUSTOMER")
    refunded = refunding.refunded("re_1", CAUSE, now())
    assert (refunded.status, refunded.refund_id) == (Status.REFUNDED, "re_1")


def test_a_payment_is_refused_with_the_reason() -> None:
    failed = PENDING.settle(Declined("insufficient_funds"), CAUSE, now())
    assert (failed.status, failed.reason) == (Status.FAILED, "insufficient_funds")


def test_a_refund_asked_for_while_pending_waits_for_the_money() -> None:
    asked = PENDING.refund("DEADLINE", CAUSE, now())
    assert (asked.status, asked.version) == (Status.PENDING, 2)
    assert asked.settle(TAKEN, CAUSE, now()).status is Status.REFUNDING
    assert asked.settle(Declined("expired_card"), CAUSE, now()).status is Status.FAILED


@given(
    st.lists(
        st.sampled_from(["take", "decline", "refund", "refunded", "stored", "rejected"]),
        max_size=12,
    )
)
def test_whatever_is_told_in_whatever_order(story: list[str]) -> None:
    payment, at = PENDING, now()
    for step in story:
        before = payment
        try:
            match step:
                case "take":
                    payment = payment.settle(TAKEN, CAUSE, at)
                case "decline":
                    payment = payment.settle(Declined("expired_card"), CAUSE, at)
                case "refund":
                    payment = payment.refund("CUSTOMER", CAUSE, at)
                case "refunded":
                    payment = payment.refunded("re_1", CAUSE, at)
                case "stored":
                    payment = payment.receipt_stored("file-1", CAUSE, at)
                case "rejected":
                    payment = payment.receipt_rejected("INFECTED", CAUSE, at)
        except ValueError:
            assert payment is before
        assert (payment.version - before.version) == (0 if payment == before else 1)
        if before.status in (Status.FAILED, Status.REFUNDED):
            assert payment.status == before.status
        held = payment.status in (Status.COLLECTED, Status.REFUNDING, Status.REFUNDED)
        assert held == (payment.payment_intent_id is not None)
        assert (payment.status is Status.REFUNDED) == (payment.refund_id is not None)
        if payment.status is Status.COLLECTED:
            assert payment.refund_reason is None


@pytest.mark.parametrize("answer", [TAKEN, Declined("expired_card")])
def test_a_payment_is_settled_once(answer: Taken | Declined) -> None:
    with pytest.raises(ValueError, match="not PENDING"):
        PENDING.settle(TAKEN, CAUSE, now()).settle(answer, CAUSE, now())


def test_the_first_receipt_stands() -> None:
    rejected = PENDING.settle(TAKEN, CAUSE, now()).receipt_rejected("TOO_LARGE", CAUSE, now())
    assert rejected.receipt_problem == "TOO_LARGE"
    stored = rejected.receipt_stored("file-1", CAUSE, now())
    assert (stored.receipt_file_id, stored.receipt_problem) == ("file-1", None)
    assert stored.receipt_stored("file-2", CAUSE, now()) is stored
    assert stored.receipt_rejected("TOO_LARGE", CAUSE, now()) is stored


@given(st.timedeltas(timedelta(0), timedelta(days=14)))
def test_stripe_is_asked_again_only_while_it_keeps_the_key(age: timedelta) -> None:
    if PENDING.repeatable(PENDING.requested_at + age):
        assert age < timedelta(hours=24)
    else:
        assert age >= timedelta(hours=23)


def test_a_refusal_quotes_nothing_of_the_customer() -> None:
    with pytest.raises(ValueError, match="amount") as refusal:
        Bill.model_validate(BILL.model_dump() | {"amount": "ann@example.com"})
    assert "ann@" not in str(refusal.value)


# The receipt


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (0, "EUR", "0.00"),
        (5, "EUR", "0.05"),
        (123456, "EUR", "1,234.56"),
        (123456, "JPY", "123,456"),
        (500000, "ISK", "5,000.00"),
        (500000, "UGX", "5,000.00"),
        (123456, "KWD", "123.456"),
    ],
)
def test_money_as_people_write_it(amount: int, currency: str, written: str) -> None:
    assert money(amount, currency) == written


@given(st.integers(0, 100_000_000), st.sampled_from(["EUR", "JPY", "ISK", "UGX", "KWD"]))
def test_money_written_is_the_same_money(amount: int, currency: str) -> None:
    digits = money(amount, currency).replace(",", "").replace(".", "")
    assert int(digits) == amount


@pytest.mark.parametrize(
    ("rate", "written"), [("0.15", "15%"), ("0.2", "20%"), ("0.055", "5.5%"), ("0", "0%")]
)
def test_the_tax_rate_as_people_write_it(rate: str, written: str) -> None:
    assert percent(rate) == written


def test_the_receipt_says_what_was_paid() -> None:
    payment = PENDING.settle(TAKEN, CAUSE, now())
    page = render(payment)
    for told in ("order-1", "Kite", "19.99", "39.98", "5.00", "39.11", "15%", "5.87", "pi_1"):
        assert f">{told}<" in page or told in page
    assert "EUR 44.98" in page
    assert "ann@example.com" not in page
    assert render(payment) == page


def test_nobody_writes_html_into_a_receipt() -> None:
    line = LINE.model_copy(update={"name": "<script>alert(1)</script>"})
    payment = PENDING.model_copy(update={"lines": (line,)}).settle(TAKEN, CAUSE, now())
    assert "<script>" not in render(payment)
    assert "&lt;script&gt;" in render(payment)
