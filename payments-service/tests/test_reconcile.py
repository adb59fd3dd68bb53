"""The reconciliation: Stripe's webhooks and answers are lost on purpose, and it finds out."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from boto3.dynamodb.types import TypeSerializer
from payments import cashier, inbox, listing, reconcile, webhook
from payments.answer import Opened, Taken
from payments.heard import CollectPayment
from payments.messages import parse
from payments.model import now
from payments.payment import Payment, Tombstone
from payments.reconciliation import MOST_FINDINGS, Finding, Kind, Phase, Progress, Report
from payments.record import Status
from payments.table import PaymentsTable

Event = dict[str, Any]
Sample = Callable[[str], Event]
Order = Callable[..., str]

TABLE = PaymentsTable("Table")
CAUSE = "order-1:9:Cause"


def today() -> date:
    return now().date()


@pytest.fixture
def order(sample: Sample, fake_stripe: Any) -> Order:
    """An order that is to be paid, with what befalls the calls to Stripe. Gives its id."""

    def collect(name: str = "order-1", *, card: str = "pm_card_visa", trouble: Any = ()) -> str:
        record = copy.deepcopy(sample("inbox-CollectPayment")["Records"][0])
        body = json.loads(record["body"])
        body["detail"]["data"] |= {"orderId": name, "paymentMethodId": card}
        fake_stripe.trouble = list(trouble)
        try:
            inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))
        except Exception:
            assert trouble
        fake_stripe.trouble = []
        return name

    return collect


@pytest.fixture
def bill(sample: Sample) -> CollectPayment:
    found = parse(sample("inbox-CollectPayment")["Records"][0]["body"])
    assert isinstance(found, CollectPayment)
    return found


def refund(sample: Sample, order_id: str, **data: Any) -> None:
    record = copy.deepcopy(sample("inbox-RefundPayment")["Records"][0])
    body = json.loads(record["body"])
    body["detail"]["data"] = {"orderId": order_id, "reason": "it broke"} | data
    inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))


def kept(order_id: str = "order-1") -> Payment | Tombstone:
    payment = TABLE.payment(order_id)
    assert payment
    return payment


def steps(context: Any, day: date | None = None) -> Report:
    """What the stream does: each step's report leads to the next. Gives the last."""
    day = day or today()
    reconcile.handler({"days": [day.isoformat()]}, context)
    for _ in range(100):
        report = TABLE.report(day)
        assert report
        if report.status is Progress.DONE:
            return report
        item = {"pk": f"RECONCILIATION#{day}", **report.model_dump(mode="json", exclude_none=True)}
        image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
        record = {"eventName": "MODIFY", "dynamodb": {"NewImage": image}}
        reconcile.handler({"Records": [record]}, context)
    raise AssertionError("it is never done")


def found(report: Report) -> list[tuple[str, str, bool]]:
    return [(f.kind.value, f.order_id, f.mended) for f in report.findings]


LOST = ["none", *["answer lost"] * 2, *["unreachable"] * 2]
"""The intent is made; that it was confirmed is not heard, and not to be asked either."""


# Stripe -> here


def test_all_in_order_is_nothing_to_tell(context: Any, order: Order, fake_stripe: Any) -> None:
    for number in range(3):
        order(f"order-{number}")
    order("order-3", card="pm_expired")
    report = steps(context)
    assert report.findings == ()
    assert (report.intents, report.payments, report.differences, report.mended) == (4, 4, 0, 0)


@pytest.mark.parametrize(
    ("card", "ends"),
    [("pm_card_visa", Status.COLLECTED), ("pm_insufficient_funds", Status.FAILED)],
)
def test_an_end_that_nobody_heard_of_is_settled(
    context: Any, order: Order, fake_stripe: Any, card: str, ends: Status
) -> None:
    order(card=card, trouble=LOST)
    assert kept().status is Status.PENDING
    report = steps(context)
    assert kept().status is ends
    assert found(report) == [("NOT_SETTLED", "order-1", True)]
    assert kept().causation_id == f"reconciliation:{today()}"
    assert found(steps(context)) == []


@pytest.mark.parametrize("passes", [True, False])
def test_three_d_secure_whose_webhook_was_lost(
    context: Any, order: Order, fake_stripe: Any, passes: bool
) -> None:
    order(card="pm_three_d_secure")
    fake_stripe.authenticate("pi_1", passes=passes)
    report = steps(context)
    assert kept().status is (Status.COLLECTED if passes else Status.FAILED)
    assert found(report) == [("NOT_SETTLED", "order-1", True)]
    assert fake_stripe.intents["pi_1"]["status"] == ("succeeded" if passes else "canceled")


@pytest.mark.parametrize("ended", ["FAILED", "VOIDED", "tombstone"])
def test_money_that_nobody_waits_for_is_given_back(
    context: Any, order: Order, bill: CollectPayment, fake_stripe: Any, ended: str
) -> None:
    order(trouble=LOST)
    pending = kept()
    change = {"status": Status.VOIDED if ended == "VOIDED" else Status.FAILED, "version": 3}
    if ended == "tombstone":
        mark = Tombstone.request("order-1", "CUSTOMER", "order-1", CAUSE, now())
        TABLE.save(mark.model_copy(update={"version": pending.version + 1}))
    else:
        TABLE.save(pending.model_copy(update=change))
    report = steps(context)
    assert kept().status is Status.REFUNDED
    assert fake_stripe.balance == 0
    assert found(report) == [("NOT_SETTLED", "order-1", True)]


def test_what_is_to_be_voided_or_given_back_is(
    context: Any, sample: Sample, order: Order, fake_stripe: Any
) -> None:
    order("order-1", card="pm_three_d_secure")
    order("order-2")
    order("order-3")
    for name, status in (("order-1", Status.VOIDING), ("order-2", Status.REFUNDING)):
        payment = kept(name)
        change = {"status": status, "refund_reason": "X", "version": payment.version + 1}
        TABLE.save(payment.model_copy(update=change))
    payment = kept("order-3")
    assert isinstance(payment, Payment)
    TABLE.save(payment.refund_part("part-1", 1000, "it broke", CAUSE, now()))
    report = steps(context)
    assert [kept(f"order-{n}").status for n in (1, 2, 3)] == ["VOIDED", "REFUNDED", "COLLECTED"]
    assert kept("order-3").given_back == 1000
    assert sorted(found(report)) == [
        ("NOT_GIVEN_BACK", "order-2", True),
        ("NOT_GIVEN_BACK", "order-3", True),
        ("NOT_SETTLED", "order-1", True),
    ]


def test_a_refund_by_hand_whose_webhook_was_lost_is_noted(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    order()
    fake_stripe.give_back("pi_1", 300)
    report = steps(context)
    assert kept().given_back == 300
    assert found(report) == [("REFUND_UNKNOWN", "order-1", True)]


def test_a_refund_of_an_old_payment_is_noted_too(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    week = timedelta(days=7)
    fake_stripe.clock = lambda: (now() - week).timestamp()
    order()
    fake_stripe.clock = lambda: now().timestamp()
    fake_stripe.give_back("pi_1", 300)
    fake_stripe.give_back("pi_1", 200)
    report = steps(context)
    assert (report.intents, report.refunds) == (0, 2)
    assert kept().given_back == 500
    assert found(report) == [("REFUND_UNKNOWN", "order-1", True)]


def test_what_somebody_else_does_at_stripe_is_counted(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    order()
    for metadata in ({}, {"invoice": "7"}):
        fake_stripe.intents |= {
            f"pi_x{len(metadata)}": fake_stripe.intents["pi_1"] | {"metadata": metadata}
        }
    report = steps(context)
    assert (report.intents, report.foreign, report.findings) == (3, 2, ())


def test_an_intent_that_was_left_behind_is_no_finding(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    order(trouble=["answer lost"] * 2)
    order()
    report = steps(context)
    assert (report.intents, report.left_behind, report.findings) == (2, 1, ())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"metadata": {"orderId": "nobody"}, "id": "pi_x"}, Kind.ORDER_UNKNOWN),
        ({"id": "pi_x"}, Kind.INTENT_UNKNOWN),
        ({"amount_received": 1}, Kind.AMOUNT_DIFFERS),
        ({"currency": "usd"}, Kind.AMOUNT_DIFFERS),
    ],
)
def test_money_that_fits_no_payment_is_left_to_a_person(
    context: Any, order: Order, fake_stripe: Any, change: Event, kind: Kind
) -> None:
    order()
    before, told = kept(), fake_stripe.intents["pi_1"] | change
    fake_stripe.intents[told["id"]] = told
    report = steps(context)
    order_id = told["metadata"]["orderId"]
    assert found(report) == [(kind, order_id, False)]
    assert kept() == before


# Here -> Stripe


@pytest.mark.parametrize("gone", [True, False])
def test_an_order_that_is_taken_for_paid(
    context: Any, order: Order, bill: CollectPayment, fake_stripe: Any, gone: bool
) -> None:
    payment = Payment.request(bill.data, "order-1", CAUSE, now())
    TABLE.add(payment)
    for answer in (Opened("pi_9"), Taken("pi_9", bill.data.amount, bill.data.currency)):
        payment = payment.settle(answer, CAUSE, now())
        TABLE.save(payment)
    if not gone:
        order("order-2")
        intent = fake_stripe.intents.pop("pi_1")
        intent |= {"id": "pi_9", "status": "canceled", "amount_received": 0}
        intent["metadata"] = {"orderId": payment.order_id}
        fake_stripe.intents["pi_9"] = intent
        fake_stripe.intents["pi_1"] = intent | {"id": "pi_1", "status": "succeeded"}
        fake_stripe.intents["pi_1"]["metadata"] = {}
    report = steps(context)
    assert ("NOT_TAKEN", payment.order_id, False) in found(report)
    told = next(f.told for f in report.findings if f.order_id == payment.order_id)
    assert ("does not know it" if gone else "is canceled") in told


@pytest.mark.parametrize("late", [False, True])
def test_a_refund_that_stripe_has_not(
    context: Any, sample: Sample, order: Order, fake_stripe: Any, late: bool
) -> None:
    """It failed at the bank after it was called done, at once or when the payment was old."""
    if late:
        fake_stripe.clock = lambda: (now() - timedelta(days=7)).timestamp()
    order()
    fake_stripe.clock = lambda: now().timestamp()
    refund(sample, "order-1", amount=700, refundId="part-1")
    fake_stripe.refunds["re_1"]["status"] = "failed"
    report = steps(context)
    assert found(report) == [("REFUND_MISSING", "order-1", False)]
    assert "700 went back, and Stripe says 0" in report.findings[0].told


def test_a_payment_that_comes_to_no_end(
    context: Any, order: Order, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(card="pm_three_d_secure")
    assert steps(context).findings == ()
    later = now() + timedelta(hours=2)
    monkeypatch.setattr("payments.auditor.now", lambda: later)
    assert found(steps(context)) == [("STILL_OPEN", "order-1", False)]


# Pages, steps, two at once


def test_pages_and_steps_find_the_same(
    context: Any, order: Order, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step for each payment, three for each page of Stripe's, and every other one is lost."""
    fake_stripe.most_listed = 3
    monkeypatch.setattr(reconcile, "BUDGET", 0)
    monkeypatch.setattr(reconcile, "PAGE", 2)
    for number in range(8):
        order(f"order-{number}", trouble=LOST if number % 2 else ())
    report = steps(context)
    assert (report.intents, report.payments) == (8, 8)
    assert sorted(found(report)) == [
        ("NOT_SETTLED", f"order-{number}", True) for number in (1, 3, 5, 7)
    ]
    assert report.version > 16
    assert fake_stripe.balance == 8 * kept("order-0").whole


def test_two_at_once_do_no_harm(context: Any, order: Order, fake_stripe: Any) -> None:
    order(trouble=LOST)
    reconcile.handler({"days": [today().isoformat()]}, context)
    report = TABLE.report(today())
    assert report
    first = reconcile.go_through(report, float("inf"))
    second = reconcile.go_through(report, float("inf"))
    assert (first.mended, second.mended) == (1, 0)
    reconcile.take_step(report)
    done = TABLE.report(today())
    reconcile.take_step(report)
    assert TABLE.report(today()) == done
    assert kept().status is Status.COLLECTED


@pytest.mark.parametrize("seen", ["before it looks", "while it mends"])
def test_what_another_one_does_meanwhile_is_not_counted_as_mended(
    context: Any,
    order: Order,
    fake_stripe: Any,
    monkeypatch: pytest.MonkeyPatch,
    seen: str,
) -> None:
    """The page was read, and then the webhook came; or it comes when the payment was read again."""
    order(card="pm_three_d_secure")
    fake_stripe.authenticate("pi_1")
    before = kept()
    webhook.receive(
        SQSRecord(fake_stripe.send(fake_stripe.told("payment_intent.succeeded"))["Records"][0])
    )
    monkeypatch.setattr(cashier.table, "payments", lambda ids: {"order-1": before})
    if seen == "while it mends":
        answers = iter([before])
        read = cashier.table.payment
        monkeypatch.setattr(
            cashier.table, "payment", lambda order_id: next(answers, None) or read(order_id)
        )
    assert found(steps(context)) == []
    assert kept().status is Status.COLLECTED


def test_one_that_is_under_way_is_not_begun_anew(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        reconcile.handler({"days": [today().isoformat()]}, context)
    report = TABLE.report(today())
    assert report
    assert (report.version, report.status) == (1, Progress.RUNNING)
    later = now() + timedelta(minutes=11)
    monkeypatch.setattr(reconcile, "now", lambda: later)
    reconcile.handler({"days": [today().isoformat()]}, context)
    again = TABLE.report(today())
    assert again
    assert (again.version, again.started_at) == (2, later)


def test_the_days_before_are_reconciled_each_night(context: Any) -> None:
    reconcile.handler({"source": "aws.scheduler"}, context)
    days = [today() - timedelta(days=back) for back in range(4)]
    assert [report.day for report in TABLE.reports(days)] == days[1:3]


def test_trouble_at_stripe_takes_the_step_again(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    order(trouble=LOST)
    reconcile.handler({"days": [today().isoformat()]}, context)
    report = TABLE.report(today())
    assert report
    fake_stripe.trouble = ["down"] * 2
    with pytest.raises(Exception, match="Stripe's own words"):
        reconcile.take_step(report)
    assert TABLE.report(today()) == report
    assert found(steps(context)) == [("NOT_SETTLED", "order-1", True)]


def test_what_cannot_be_mended_does_not_hold_up_the_rest(
    context: Any, order: Order, fake_stripe: Any
) -> None:
    order("order-1")
    order("order-2", trouble=LOST)
    payment = kept("order-1")
    change = {"status": Status.REFUNDING, "refund_reason": "X", "version": payment.version + 1}
    TABLE.save(payment.model_copy(update=change))
    fake_stripe.refund_status = "failed"
    report = steps(context)
    assert found(report)[::-1] == [
        ("NOT_GIVEN_BACK", "order-1", False),
        ("NOT_SETTLED", "order-2", True),
    ]
    assert "Unsettled" in report.findings[1].told


def test_what_was_found_is_a_metric(
    context: Any, order: Order, fake_stripe: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    order(trouble=LOST)
    fake_stripe.intents["pi_2"] = fake_stripe.intents["pi_1"] | {"id": "pi_2"}
    steps(context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    told = {name: m[name] for m in lines for name in m if name.startswith("Reconciliation")}
    assert told == {"ReconciliationDifferences": [1.0], "ReconciliationMended": [1.0]}
    assert {line["service"] for line in lines} == {"payments"}
    assert {line["stack"] for line in lines if "_aws" in line} == {"tbs-app-payments-test"}
    (tells,) = {json.dumps(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for line in lines}
    assert sorted(json.loads(tells)[0]) == ["service", "stack"]


# The report


def test_all_findings_are_counted_and_those_that_matter_kept() -> None:
    report = Report.begin(today(), now())
    for number in range(MOST_FINDINGS + 50):
        finding = Finding(
            kind=Kind.NOT_SETTLED,
            order_id=f"order-{number}",
            told="",
            mended=number % 2 == 0,
        )
        report = report.found(finding)
    assert report.found(finding) == report
    assert (report.mended, report.differences) == (125, 125)
    assert len(report.findings) == MOST_FINDINGS
    assert sum(not finding.mended for finding in report.findings) == 125
    assert report.through().phase is Phase.REFUNDS


def test_every_day_begins_and_ends_in_utc(context: Any, order: Order, fake_stripe: Any) -> None:
    day = today() - timedelta(days=1)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    for number, second in enumerate((-1, 0, 86_399, 86_400)):
        fake_stripe.clock = lambda second=second: start + second
        order(f"order-{number}")
    assert steps(context, day).intents == 2


def test_payments_of_a_day_are_listed_in_order(order: Order, fake_stripe: Any) -> None:
    names = [order(f"order-{number}") for number in range(7)]
    places = [listed.place for listed in TABLE.oldest_first(today(), None)]
    assert places == sorted(places)
    newest = list(TABLE.newest_first(today(), today(), None))
    assert [listed.order_id for listed in newest] == names[::-1]
    after = TABLE.newest_first(today(), today(), newest[2].place)
    assert [listed.order_id for listed in after] == names[3::-1]
    assert listing.place(listing.cursor(places[0])) == places[0]
