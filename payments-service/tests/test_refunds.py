"""Parts that are given back: once each, whatever is lost, repeated or at once; never too much."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import pytest
import stripe
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments import cashier, inbox, webhook
from payments.delivery import Poison
from payments.gateway import Unsettled
from payments.heard import CollectPayment
from payments.messages import PaymentRefunded, RefundContent, SendEmail, of_payment, parse
from payments.model import now
from payments.payment import NotLeft, Payment
from payments.record import Status
from payments.refund import BY_HAND, GivenBack, RefundStatus
from payments.table import PaymentsTable

Event = dict[str, Any]
Sample = Callable[[str], Event]
Ask = Callable[..., None]

TABLE = PaymentsTable("Table")
CAUSE = "order-1:9:Cause"


@pytest.fixture
def order(sample: Sample) -> CollectPayment:
    """The command in the sample."""
    command = parse(sample("inbox-CollectPayment")["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    return command


@pytest.fixture
def paid(sample: Sample, order: CollectPayment, fake_stripe: Any) -> Payment:
    """The order's payment, which is collected."""
    event = sample("inbox-CollectPayment")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"]["paymentMethodId"] = "pm_card_visa"
    inbox.receive(SQSRecord(event["Records"][0] | {"body": json.dumps(body)}))
    return kept(order)


@pytest.fixture
def ask(sample: Sample, order: CollectPayment) -> Ask:
    """Hand a RefundPayment to the inbox."""

    def receive(**asked: Any) -> None:
        record = copy.deepcopy(sample("inbox-RefundPayment")["Records"][0])
        body = json.loads(record["body"])
        body["detail"]["data"] = {"orderId": order.data.order_id, "reason": "it broke"} | asked
        inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))

    return receive


def kept(order: CollectPayment) -> Payment:
    payment = TABLE.payment(order.data.order_id)
    assert isinstance(payment, Payment)
    return payment


def part(amount: int, refund_id: str = "part-1") -> dict[str, Any]:
    return {"amount": amount, "refundId": refund_id}


def made(fake_stripe: Any) -> list[tuple[int, str | None, str]]:
    """What Stripe has given back: amount, our id and status of each refund."""
    return [
        (refund["amount"], refund["metadata"].get("refundId"), refund["status"])
        for refund in fake_stripe.refunds.values()
    ]


# Parts


def test_a_part_is_given_back_once_however_often_it_is_asked(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    for _ in range(3):
        ask(**part(1000))
    payment = kept(order)
    assert payment.status is Status.COLLECTED
    (refund,) = payment.refunds
    assert (refund.refund_id, refund.amount, refund.status) == ("part-1", 1000, "REFUNDED")
    assert (refund.stripe_id, refund.reason) == ("re_1", "it broke")
    assert refund.refunded_at
    assert made(fake_stripe) == [(1000, "part-1", "succeeded")]
    (_, listed, _), (path, asked, headers) = fake_stripe.requests[-2:]
    assert listed == {"payment_intent": "pi_1", "limit": "100"}
    assert path == "/v1/refunds"
    assert asked == {
        "payment_intent": "pi_1",
        "amount": "1000",
        "metadata[orderId]": order.data.order_id,
        "metadata[refundId]": "part-1",
    }
    assert headers["Idempotency-Key"] == f"{order.data.order_id}:part-1:0"


def test_parts_up_to_the_whole_are_the_whole(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    ask(**part(1000))
    ask(**part(paid.amount - 1000, "part-2"))
    payment = kept(order)
    assert (payment.status, payment.given_back) == (Status.REFUNDED, paid.amount)
    ask()
    assert kept(order) == payment
    assert fake_stripe.balance == 0


def test_the_whole_gives_back_the_rest(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    ask(**part(1000))
    ask()
    payment = kept(order)
    assert payment.status is Status.REFUNDED
    assert [(r.refund_id, r.amount) for r in payment.refunds] == [
        ("part-1", 1000),
        (None, paid.amount - 1000),
    ]
    ask(**part(1000))
    assert kept(order) == payment
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_part_that_comes_after_the_whole_is_told_as_covered(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any, by_hand: bool
) -> None:
    if by_hand:
        fake_stripe.give_back("pi_1")
        charge_refunded(fake_stripe)
    else:
        ask()
    before = kept(order)
    for _ in range(2):
        ask(**part(500, "part-2"))
    payment = kept(order)
    assert (payment.status, payment.version) == (Status.REFUNDED, before.version + 1)
    (told,) = of_payment(before, payment)
    assert isinstance(told, PaymentRefunded)
    assert (told.data.status, told.data.amount) == ("REFUNDED", paid.amount)
    assert (told.data.by_hand, told.data.covered) == (by_hand * paid.amount, ("part-2",))
    assert fake_stripe.balance == 0


def test_a_part_that_keeps_failing_holds_up_no_other(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any, monkeypatch: Any
) -> None:
    act = fake_stripe._act

    def part_1_fails(path: str, asked: dict[str, str]) -> Any:
        fails = asked.get("metadata[refundId]") == "part-1"
        fake_stripe.refund_status = "failed" if fails else "succeeded"
        return act(path, asked)

    monkeypatch.setattr(fake_stripe, "_act", part_1_fails)
    with pytest.raises(Unsettled):
        ask(**part(500))
    ask(**part(700, "part-2"))
    TABLE.save(kept(order).refund_part("part-3", 900, "x", CAUSE, now()))
    with pytest.raises(Unsettled):
        cashier.go_on(kept(order), CAUSE)
    statuses = {r.refund_id: r.status for r in kept(order).refunds}
    assert statuses == {"part-1": "PENDING", "part-2": "REFUNDED", "part-3": "REFUNDED"}
    with pytest.raises(Unsettled):
        ask(**part(500))
    assert fake_stripe.balance == paid.amount - 1600


@pytest.mark.parametrize("more", [0, 1])
def test_more_than_is_left_is_a_dead_letter(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any, more: int
) -> None:
    ask(**part(1000))
    before = kept(order)
    amount = before.left + 1 if more else 0
    with pytest.raises(Poison, match=f"{before.left} is left .* {amount} is asked"):
        ask(**part(amount, "part-2"))
    assert kept(order) == before
    TABLE.save(waiting := before.refund_part("part-3", 1000, "x", CAUSE, now()))
    assert waiting.left == paid.amount - 2000
    with pytest.raises(Poison, match="asked for 1000 before"):
        ask(**part(1001, "part-3"))


@pytest.mark.parametrize("paid_by", [None, "pm_three_d_secure", "pm_expired"])
def test_a_part_of_what_was_never_paid(
    sample: Sample, order: CollectPayment, ask: Ask, fake_stripe: Any, paid_by: str | None
) -> None:
    if paid_by:
        record = sample("inbox-CollectPayment")["Records"][0]
        body = json.loads(record["body"])
        body["detail"]["data"]["paymentMethodId"] = paid_by
        inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))
    before = TABLE.payment(order.data.order_id)
    if paid_by == "pm_expired":
        ask(**part(1000))
    else:
        with pytest.raises(Poison, match=r"no payment|not paid yet"):
            ask(**part(1000))
    assert TABLE.payment(order.data.order_id) == before
    assert fake_stripe.refunds == {}


# Trouble


@pytest.mark.parametrize("trouble", ["answer lost", "broken"])
def test_a_part_whose_answer_is_lost_is_found(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any, trouble: str
) -> None:
    fake_stripe.trouble = ["none", trouble, trouble]
    ask(**part(1000))
    assert kept(order).given_back == 1000
    assert made(fake_stripe) == [(1000, "part-1", "succeeded")]


@pytest.mark.parametrize("trouble", ["down", "unreachable", "key in use", "overloaded", "locked"])
def test_trouble_sends_the_part_back_under_the_same_key(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any, trouble: str
) -> None:
    fake_stripe.trouble = ["none", trouble, trouble]
    with pytest.raises(stripe.StripeError):
        ask(**part(1000))
    (waiting,) = kept(order).refunds
    assert (waiting.status, waiting.attempt) == (RefundStatus.PENDING, 0)
    ask(**part(1000))
    assert fake_stripe.requests[-1][2]["Idempotency-Key"].endswith(":part-1:0")
    assert made(fake_stripe) == [(1000, "part-1", "succeeded")]


def test_an_error_that_stripe_keeps_uses_up_the_key(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    """A 500, and nothing was done: under this key there is nothing else to be had for a day."""
    fake_stripe.trouble = ["none", "in vain"]
    with pytest.raises(stripe.APIError):
        ask(**part(1000))
    (waiting,) = kept(order).refunds
    assert (waiting.status, waiting.attempt) == (RefundStatus.PENDING, 1)
    ask(**part(1000))
    assert fake_stripe.requests[-1][2]["Idempotency-Key"].endswith(":part-1:1")
    assert made(fake_stripe) == [(1000, "part-1", "succeeded")]


def test_a_refund_that_failed_is_asked_anew(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    fake_stripe.refund_status = "failed"
    for _ in range(2):
        with pytest.raises(Unsettled):
            ask(**part(1000))
    fake_stripe.refund_status = "pending"
    ask(**part(1000))
    assert kept(order).given_back == 1000
    assert [status for *_, status in made(fake_stripe)] == ["failed", "failed", "pending"]


def test_a_part_is_looked_for_among_all_refunds(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    fake_stripe.most_listed = 2
    fake_stripe.trouble = ["none", "answer lost", "answer lost", "unreachable", "unreachable"]
    with pytest.raises(stripe.APIConnectionError):
        ask(**part(1000))
    for _ in range(5):
        fake_stripe.give_back("pi_1", 100)
    ask(**part(1000))
    payment = kept(order)
    assert payment.given_back == 1500
    assert [refund.stripe_id for refund in payment.refunds] == [f"re_{n}" for n in range(1, 7)]
    assert {refund.reason for refund in payment.refunds} == {"it broke", BY_HAND}


def test_less_left_at_stripe_than_is_known_here(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    """Somebody gave nearly all of it back by hand, and Stripe's event is still on its way."""
    fake_stripe.give_back("pi_1", paid.amount - 500)
    for _ in range(2):
        ask(**part(1000))
    payment = kept(order)
    assert (payment.status, payment.given_back) == (Status.COLLECTED, paid.amount - 500)
    assert [r.status for r in payment.refunds] == [RefundStatus.COVERED, RefundStatus.REFUNDED]
    ask(**part(500, "part-2"))
    assert kept(order).status is Status.REFUNDED


def test_a_part_that_a_refund_by_hand_leaves_too_little_for_is_told_as_covered(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    """Who asked for it could not know: it is told, so that nobody waits for it."""
    ask(**part(5000))
    fake_stripe.give_back("pi_1", 1500)
    charge_refunded(fake_stripe)
    before = kept(order)
    assert (before.given_back, before.by_hand, before.covered) == (6500, 1500, ())
    for _ in range(2):
        ask(**part(1995, "part-2"))
    covered = kept(order)
    (told,) = of_payment(before, covered)
    assert isinstance(told, PaymentRefunded)
    assert told.data.model_dump(by_alias=True) == {
        "orderId": order.data.order_id,
        "status": "PARTLY_REFUNDED",
        "amount": 6500,
        "currency": "EUR",
        "refundId": "re_2",
        "byHand": 1500,
        "covered": ("part-2",),
    }
    assert told.metadata.version == before.version + 1
    with pytest.raises(Poison, match="495 is left"):
        ask(**part(paid.amount, "part-3"))
    assert kept(order) == covered
    ask(refundId="part-4")
    assert (kept(order).status, kept(order).by_hand) == (Status.REFUNDED, 1500)
    assert fake_stripe.balance == 0


def test_a_part_that_waited_is_told_as_covered(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    TABLE.save(before := paid.refund_part("part-1", 5600, "x", CAUSE, now()))
    fake_stripe.give_back("pi_1", 2100)
    ask(**part(5600))
    payment = kept(order)
    noted = payment.model_copy(
        update={"refunds": (before.refunds[0], payment.refunds[1]), "version": before.version + 1}
    )
    first, mail = of_payment(before, noted)
    (then,) = of_payment(noted, payment)
    assert isinstance(mail, SendEmail)
    told = [m.data for m in (first, then) if isinstance(m, PaymentRefunded)]
    assert [(t.amount, t.by_hand, t.covered) for t in told] == [
        (2100, 2100, ()),
        (2100, 2100, ("part-1",)),
    ]


@pytest.mark.parametrize("moment", range(12))
@pytest.mark.parametrize("then", ["a crash", "the same part", "another part", "the whole"])
def test_at_any_moment_of_a_part(
    order: CollectPayment,
    paid: Payment,
    ask: Ask,
    fake_stripe: Any,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
    then: str,
) -> None:
    """Before and after each call: load, save, look through the refunds, make it, save."""
    passed = -1

    def happen() -> None:
        nonlocal passed
        passed += 1
        if passed != moment:
            return
        match then:
            case "a crash":
                raise KeyboardInterrupt
            case "the same part":
                ask(**part(1000))
            case "another part":
                ask(**part(paid.amount - 1000, "part-2"))
            case "the whole":
                ask()

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **named: Any) -> Any:
            happen()
            answer = call(*given, **named)
            happen()
            return answer

        return made

    with monkeypatch.context() as patch:
        for owner, name in (
            (cashier.table, "payment"),
            (cashier.table, "save"),
            (fake_stripe, "request"),
        ):
            patch.setattr(owner, name, around(getattr(owner, name)))
        with suppress(KeyboardInterrupt, stripe.StripeError, Unsettled, Poison):
            ask(**part(1000))
    ask(**part(1000))
    payment = kept(order)
    whole = then == "the whole" and passed >= moment
    both = whole or (then == "another part" and passed >= moment)
    assert payment.status is (Status.REFUNDED if both else Status.COLLECTED)
    assert payment.given_back == (paid.amount if both else 1000)
    assert fake_stripe.balance == paid.amount - payment.given_back
    assert [refund_id for _, refund_id, _ in made(fake_stripe)].count("part-1") <= 1


# By hand


def charge_refunded(fake_stripe: Any) -> None:
    event = fake_stripe.send(fake_stripe.told("charge.refunded"))
    webhook.receive(SQSRecord(event["Records"][0]))


def test_what_is_given_back_by_hand_counts(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    fake_stripe.give_back("pi_1", 400)
    for _ in range(2):
        charge_refunded(fake_stripe)
    payment = kept(order)
    assert payment.left == paid.amount - 400
    assert [(r.refund_id, r.amount, r.reason) for r in payment.refunds] == [(None, 400, BY_HAND)]
    fake_stripe.give_back("pi_1")
    charge_refunded(fake_stripe)
    assert kept(order).status is Status.REFUNDED


def test_our_own_refund_needs_no_look_at_stripe(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    ask(**part(1000))
    before, requests = kept(order), len(fake_stripe.requests)
    charge_refunded(fake_stripe)
    assert (kept(order), len(fake_stripe.requests)) == (before, requests)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": {"orderId": "never-seen"}}, "has no payment"),
        ({"payment_intent": "pi_other"}, "another one"),
        ({"amount_refunded": "much"}, "amount_refunded"),
    ],
)
def test_a_refund_that_fits_no_payment_is_a_dead_letter(
    order: CollectPayment, paid: Payment, fake_stripe: Any, change: dict[str, Any], reason: str
) -> None:
    fake_stripe.give_back("pi_1", 400)
    fake_stripe.told("charge.refunded")["data"]["object"] |= change
    with pytest.raises(Poison, match=reason):
        charge_refunded(fake_stripe)
    assert kept(order) == paid


@pytest.mark.parametrize("change", [{"metadata": {}}, {"payment_intent": None}])
def test_somebody_elses_refund_is_ignored(
    order: CollectPayment, paid: Payment, fake_stripe: Any, change: dict[str, Any]
) -> None:
    fake_stripe.give_back("pi_1", 400)
    fake_stripe.told("charge.refunded")["data"]["object"] |= change
    charge_refunded(fake_stripe)
    assert kept(order) == paid


def test_a_refund_before_the_news_of_the_money_is_not_lost(
    sample: Sample, order: CollectPayment, fake_stripe: Any
) -> None:
    record = sample("inbox-CollectPayment")["Records"][0]
    body = json.loads(record["body"])
    body["detail"]["data"]["paymentMethodId"] = "pm_three_d_secure"
    inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))
    fake_stripe.authenticate("pi_1")
    fake_stripe.give_back("pi_1", 400)
    charge_refunded(fake_stripe)
    payment = kept(order)
    assert (payment.status, payment.by_hand) == (Status.COLLECTED, 400)
    event = fake_stripe.send(fake_stripe.told("payment_intent.succeeded"))
    webhook.receive(SQSRecord(event["Records"][0]))
    assert kept(order) == payment


# What the bank sends back


def hear(fake_stripe: Any, event: Event) -> None:
    webhook.receive(SQSRecord(fake_stripe.send(event)["Records"][0]))


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_refund_that_fails_later_is_told_to_a_person(
    order: CollectPayment,
    paid: Payment,
    ask: Ask,
    fake_stripe: Any,
    capsys: pytest.CaptureFixture[str],
    by_hand: bool,
) -> None:
    if by_hand:
        fake_stripe.give_back("pi_1", 1000)
        charge_refunded(fake_stripe)
    else:
        ask(**part(1000))
    before = kept(order)
    capsys.readouterr()
    hear(fake_stripe, fake_stripe.fail("re_1"))
    assert kept(order) == before
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(m["RefundsFailed"], m["service"], m["stack"]) for m in metrics] == [
        ([1.0], "payments", "tbs-app-payments-test")
    ]


def test_what_failed_and_is_given_back_anew_by_hand_counts_once(
    order: CollectPayment, paid: Payment, ask: Ask, fake_stripe: Any
) -> None:
    ask(**part(4000))
    hear(fake_stripe, fake_stripe.fail("re_1"))
    fake_stripe.give_back("pi_1", 4000)
    charge_refunded(fake_stripe)
    ask(**part(paid.amount - 4000, "part-2"))
    payment = kept(order)
    assert (payment.status, payment.given_back) == (Status.REFUNDED, paid.amount)
    assert [(r.refund_id, r.stripe_id) for r in payment.refunds] == [
        ("part-1", "re_2"),
        ("part-2", "re_3"),
    ]
    assert fake_stripe.balance == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payment_intent": "pi_2"}, "has no payment by that intent"),
        ({"amount": "much"}, "amount"),
        ({"payment_intent": None}, None),
        ({"payment_intent": "pi_3"}, None),
        ({"payment_intent": "pi_gone"}, None),
    ],
)
def test_a_failed_refund_of_something_else(
    order: CollectPayment,
    paid: Payment,
    ask: Ask,
    fake_stripe: Any,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    reason: str | None,
) -> None:
    ask(**part(1000))
    first = fake_stripe.intents["pi_1"]
    fake_stripe.intents["pi_2"] = first | {"id": "pi_2"}
    fake_stripe.intents["pi_3"] = first | {"id": "pi_3", "metadata": {}}
    event = fake_stripe.fail("re_1")
    event["data"]["object"] |= change
    with pytest.raises(Poison, match=reason) if reason else nullcontext():
        hear(fake_stripe, event)
    assert "RefundsFailed" not in capsys.readouterr().out


# The rules


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    story=st.lists(
        st.tuples(st.sampled_from(["ask", "make", "by hand", "whole"]), st.integers(0, 4)),
        max_size=12,
    )
)
def test_never_more_than_was_paid(order: CollectPayment, story: list[tuple[str, int]]) -> None:
    """Stripe makes what it is asked for as long as that much is left, and tells all of it again."""
    at = now()
    payment = Payment.request(order.data, "order-1", CAUSE, at)
    change = {"status": Status.COLLECTED, "payment_intent_id": "pi_1"}
    payment = payment.model_copy(update=change)
    at_stripe: list[GivenBack] = []
    mailed = 0

    def stripe_gives(amount: int, refund_id: str | None, *, ours: bool) -> None:
        left = payment.amount - sum(each.amount for each in at_stripe)
        if 0 < amount <= left and refund_id not in {g.refund_id for g in at_stripe if refund_id}:
            number = len(at_stripe) + 1
            at_stripe.append(GivenBack(f"re_{number}", amount, refund_id, ours, stands=True))

    for step, number in story:
        refund_id, amount = f"part-{number}", (payment.amount // 3) * (number % 3 + 1) - number
        match step:
            case "ask":
                try:
                    payment = payment.refund_part(refund_id, amount, "why", CAUSE, at)
                except NotLeft:
                    assert amount > payment.left
            case "make" if waiting := next(iter(payment.awaited), None):
                stripe_gives(waiting.amount, waiting.refund_id, ours=True)
            case "by hand":
                stripe_gives(number * 300, None, ours=False)
            case "whole":
                payment = payment.refund("CUSTOMER", CAUSE, at)
                left = payment.amount - sum(each.amount for each in at_stripe)
                if payment.status is Status.REFUNDING:
                    stripe_gives(left, None, ours=True)
        while (noted := payment.noted(at_stripe, CAUSE, at)) != payment:
            for message in of_payment(payment, noted):
                if isinstance(message, SendEmail):
                    assert isinstance(message.data.content, RefundContent)
                    mailed += message.data.content.amount
            payment = noted
        assert payment.given_back == sum(each.amount for each in at_stripe) == mailed
        assert payment.given_back <= payment.amount
        assert payment.status is not Status.COLLECTED or payment.left >= 0 or at_stripe
        assert (payment.status is Status.REFUNDED) == (payment.given_back == payment.amount)
