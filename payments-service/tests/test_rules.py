"""The rules of a payment, by example and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments.amounts import money
from payments.answer import ActionRequired, Answer, Canceled, Declined, Opened, Taken
from payments.bill import Bill, Line
from payments.model import now
from payments.payment import TOO_LATE, Payment, Tombstone
from payments.receipt import percent, render
from payments.record import Status
from payments.refund import GivenBack

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
REQUESTED = Payment.request(BILL, "order-1", "order-1:2:CollectPayment", now())
OPENED = Opened("pi_1")
PENDING = REQUESTED.settle(OPENED, "order-1:2:CollectPayment", now())
TAKEN = Taken("pi_1", 4498, "EUR")
DECLINED = Declined("insufficient_funds", "pi_1")
ASKED = ActionRequired("pi_1", "pi_1_secret", "https://hooks.stripe.test/pi_1")
CANCELED = Canceled("pi_1")
CAUSE = "order-1:3:Cause"
REST = GivenBack("re_1", 4498, refund_id=None, ours=True, stands=True)


def status_of(payment: Payment) -> Status:
    return payment.status


def test_a_payment_is_collected_then_given_back() -> None:
    collected = PENDING.settle(TAKEN, CAUSE, now())
    assert (collected.status, collected.payment_intent_id) == (Status.COLLECTED, "pi_1")
    refunding = collected.refund("CUSTOMER", CAUSE, now())
    assert (refunding.status, refunding.refund_reason) == (Status.REFUNDING, "CUSTOMER")
    refunded = refunding.noted([REST], CAUSE, now())
    assert (refunded.status, refunded.refund_id) == (Status.REFUNDED, "re_1")
    assert refunded.given_back == 4498


def test_a_payment_is_refused_with_the_reason() -> None:
    failed = PENDING.settle(DECLINED, CAUSE, now())
    assert (failed.status, failed.reason) == (Status.FAILED, "insufficient_funds")


def test_the_first_intent_stands() -> None:
    assert (PENDING.status, PENDING.payment_intent_id) == (Status.PENDING, "pi_1")
    assert PENDING.version == REQUESTED.version + 1
    assert PENDING.settle(Opened("pi_2"), CAUSE, now()) is PENDING


def test_an_intent_that_comes_after_the_refund_is_not_taken_up() -> None:
    voided = REQUESTED.refund("EXPIRED", CAUSE, now())
    assert (voided.status, voided.refund_reason) == (Status.VOIDED, "EXPIRED")
    assert voided.settle(OPENED, CAUSE, now()) is voided


def test_a_refund_while_the_intent_may_be_paid_waits_for_stripe() -> None:
    asked = PENDING.refund("EXPIRED", CAUSE, now())
    assert (asked.status, asked.refund_reason) == (Status.VOIDING, "EXPIRED")
    assert asked.settle(TAKEN, CAUSE, now()).status is Status.REFUNDING
    assert asked.settle(CANCELED, CAUSE, now()).status is Status.VOIDED
    assert asked.settle(DECLINED, CAUSE, now()) is asked


@pytest.mark.parametrize(
    "answer",
    [
        Declined("invalid_payment_method"),
        Declined("expired_card", "pi_2"),
        ActionRequired("pi_2", "pi_2_secret", None),
        Canceled("pi_2"),
    ],
)
def test_what_is_said_of_another_intent_changes_nothing(answer: Answer) -> None:
    """As when a copy of the command came too late, and Stripe found the card used by the first."""
    for payment in STATES.values():
        if payment.payment_intent_id:
            assert payment.settle(answer, CAUSE, now()) is payment
    refused = answer.payment_intent_id is None
    assert (REQUESTED.settle(answer, CAUSE, now()).status is Status.FAILED) == refused


def test_a_payment_waits_for_the_customer_and_forgets_how() -> None:
    asked = PENDING.settle(ASKED, CAUSE, now())
    assert (asked.status, asked.payment_intent_id) == (Status.ACTION_REQUIRED, "pi_1")
    assert (asked.client_secret, asked.action_url) == (ASKED.client_secret, ASKED.url)
    for after in (
        asked.settle(TAKEN, CAUSE, now()),
        asked.settle(DECLINED, CAUSE, now()),
        asked.refund("EXPIRED", CAUSE, now()),
    ):
        assert (after.client_secret, after.action_url) == (None, None)
        assert after.payment_intent_id == "pi_1"


def reached(*steps: Answer | str) -> Payment:
    """A payment with an intent, after these answers and refunds asked for (a reason)."""
    payment = PENDING
    for step in steps:
        if isinstance(step, str):
            payment = payment.refund(step, CAUSE, now())
        else:
            payment = payment.settle(step, CAUSE, now())
    return payment


STATES = {
    "REQUESTED": REQUESTED,
    "PENDING": PENDING,
    "ACTION_REQUIRED": reached(ASKED),
    "COLLECTED": reached(TAKEN),
    "FAILED": reached(DECLINED),
    "VOIDING": reached(ASKED, "CUSTOMER"),
    "VOIDED": reached(ASKED, "CUSTOMER", CANCELED),
    "REFUNDING": reached(TAKEN, "CUSTOMER"),
    "REFUNDED": reached(TAKEN, "CUSTOMER").noted([REST], CAUSE, now()),
}
BECOMES = {
    ("REQUESTED", "Opened"): "PENDING",
    ("REQUESTED", "Taken"): "COLLECTED",
    ("PENDING", "Taken"): "COLLECTED",
    ("PENDING", "Declined"): "FAILED",
    ("PENDING", "Canceled"): "FAILED",
    ("PENDING", "ActionRequired"): "ACTION_REQUIRED",
    ("ACTION_REQUIRED", "Taken"): "COLLECTED",
    ("ACTION_REQUIRED", "Declined"): "FAILED",
    ("FAILED", "Taken"): "REFUNDING",
    ("VOIDING", "Taken"): "REFUNDING",
    ("VOIDING", "Canceled"): "VOIDED",
    ("VOIDED", "Taken"): "REFUNDING",
}
"""By state and answer; REQUESTED is PENDING without an intent. Other answers change nothing."""


@pytest.mark.parametrize("answer", [OPENED, TAKEN, DECLINED, ASKED, CANCELED])
@pytest.mark.parametrize("state", STATES)
def test_every_answer_in_every_state(state: str, answer: Answer) -> None:
    before = STATES[state]
    after = before.settle(answer, CAUSE, now())
    if becomes := BECOMES.get((state, type(answer).__name__)):
        assert (after.status, after.version) == (becomes, before.version + 1)
        assert after.settle(answer, CAUSE, now()) is after
    else:
        assert after is before


@pytest.mark.parametrize("state", ["FAILED", "VOIDED"])
def test_money_that_is_taken_too_late_is_given_back(state: str) -> None:
    late = STATES[state].settle(TAKEN, CAUSE, now())
    assert late.refund_reason == (TOO_LATE if state == "FAILED" else "CUSTOMER")
    assert late.noted([REST], CAUSE, now()).status is Status.REFUNDED


def test_money_that_is_taken_for_a_tombstone_is_given_back() -> None:
    tombstone = Tombstone.request("order-1", "CUSTOMER", "order-1", CAUSE, now())
    for answer in (OPENED, DECLINED, ASKED, CANCELED):
        assert tombstone.settle(answer, CAUSE, now()) is tombstone
    late = tombstone.settle(TAKEN, CAUSE, now())
    assert (late.status, late.payment_intent_id, late.amount, late.currency, late.version) == (
        *(Status.REFUNDING, "pi_1", 4498, "EUR", 2),
    )
    assert late.settle(TAKEN, CAUSE, now()) is late
    assert late.noted([REST], CAUSE, now()).refund_id == "re_1"


@pytest.mark.parametrize(
    ("intent_id", "amount", "currency", "wrong"),
    [
        ("pi_1", 4498, "EUR", None),
        ("pi_2", 4498, "EUR", "another one"),
        ("pi_1", 4497, "EUR", "costs 4498 EUR"),
        ("pi_1", 4498, "USD", "costs 4498 EUR"),
    ],
)
def test_a_payment_intent_is_the_payments_own(
    intent_id: str, amount: int, currency: str, wrong: str | None
) -> None:
    told = STATES["COLLECTED"].mismatch(intent_id, amount, currency)
    assert told is None if wrong is None else wrong in (told or "")
    assert REQUESTED.mismatch("pi_2", 4498, "EUR") is None


STEPS = [
    "open",
    "take",
    "refuse",
    "decline",
    "ask",
    "cancel",
    "refund",
    "refunded",
    "stored",
    "rejected",
]


@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_whatever_is_told_in_whatever_order(story: list[str]) -> None:
    payment, at, taken = REQUESTED, now(), False
    for step in story:
        before = payment
        match step:
            case "open":
                payment = payment.settle(OPENED, CAUSE, at)
            case "refuse":
                payment = payment.settle(Declined("amount_too_small"), CAUSE, at)
            case "take":
                payment, taken = payment.settle(TAKEN, CAUSE, at), True
            case "decline":
                payment = payment.settle(DECLINED, CAUSE, at)
            case "ask":
                payment = payment.settle(ASKED, CAUSE, at)
            case "cancel":
                payment = payment.settle(CANCELED, CAUSE, at)
            case "refund":
                payment = payment.refund("CUSTOMER", CAUSE, at)
            case "refunded":
                payment = payment.noted([REST], CAUSE, at)
            case "stored":
                payment = payment.receipt_stored("file-1", CAUSE, at)
            case "rejected":
                payment = payment.receipt_rejected("INFECTED", CAUSE, at)
        assert (payment.version - before.version) == (0 if payment == before else 1)
        if before.status is Status.REFUNDED:
            assert payment.status is Status.REFUNDED
        held = payment.status in (Status.COLLECTED, Status.REFUNDING, Status.REFUNDED)
        assert held == taken == (payment.collected_at is not None)
        assert (payment.client_secret is not None) == (payment.status is Status.ACTION_REQUIRED)
        assert (payment.status is Status.REFUNDED) == (payment.refund_id is not None)
        assert payment.given_back == (4498 if payment.status is Status.REFUNDED else 0)
        given_back = (Status.VOIDING, Status.VOIDED, Status.REFUNDING)
        if payment.status is not Status.REFUNDED:
            assert (payment.refund_reason is not None) == (payment.status in given_back)
        if payment.status in (Status.ACTION_REQUIRED, Status.VOIDING):
            assert payment.payment_intent_id == "pi_1"
        if before.payment_intent_id:
            assert payment.payment_intent_id == before.payment_intent_id


def test_stripes_answers_are_kept_without_what_lets_one_pay() -> None:
    payment = reached(ASKED, TAKEN)
    assert [attempt.outcome for attempt in payment.attempts] == [
        *("OPENED", "ACTION_REQUIRED", "TAKEN"),
    ]
    assert "secret" not in payment.attempts[1].model_dump_json()
    declined = reached(DECLINED).attempts[-1]
    assert (declined.outcome, declined.reason) == ("DECLINED", "insufficient_funds")
    assert declined.payment_intent_id == "pi_1"


def test_the_first_receipt_stands() -> None:
    rejected = PENDING.settle(TAKEN, CAUSE, now()).receipt_rejected("TOO_LARGE", CAUSE, now())
    assert rejected.receipt_problem == "TOO_LARGE"
    stored = rejected.receipt_stored("file-1", CAUSE, now())
    assert (stored.receipt_file_id, stored.receipt_problem) == ("file-1", None)
    assert stored.receipt_stored("file-2", CAUSE, now()) is stored
    assert stored.receipt_rejected("TOO_LARGE", CAUSE, now()) is stored


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
