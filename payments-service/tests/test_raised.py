"""Errors for managers: what a payment's or a report's change is, and what became a dead letter."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
import stripe
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from payments import cashier, delivery, inbox, items, outbox, reconcile, webhook
from payments.answer import Declined, Opened
from payments.heard import CollectPayment
from payments.messages import parse
from payments.model import now
from payments.payment import Payment
from payments.raised import (
    KEPT_FOR,
    LONGEST,
    KeptError,
    of_letter,
    of_payment,
    of_refund_sent_back,
    of_report,
)
from payments.reconciliation import Finding, Kind, Phase, Report
from payments.refund import GivenBack

Event = dict[str, Any]
Sample = Callable[[str], Event]

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
CAUSE = "order-1:9:Cause"
MOST = int(os.environ["MAX_RECEIVES"])


@pytest.fixture
def order(sample: Sample) -> CollectPayment:
    command = parse(sample("inbox-CollectPayment")["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    return command


@pytest.fixture
def pending(order: CollectPayment) -> Payment:
    payment = Payment.request(order.data, "o", CAUSE, MORNING)
    return payment.settle(Opened("pi_1"), CAUSE, MORNING)


def errors() -> list[dict[str, Any]]:
    """The errors that are kept."""
    found = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return [item for item in found if str(item["pk"]).startswith("ERROR#")]


def tried(event: Event, times: int) -> Event:
    """The invocation in which a message comes for that time."""
    (record,) = event["Records"]
    attributes = record["attributes"] | {"ApproximateReceiveCount": str(times)}
    return {"Records": [record | {"attributes": attributes}]}


def poisoned(sample: Sample) -> Event:
    """A refund of which nobody can give back a part."""
    event = sample("inbox-RefundPayment")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"] = {
        "orderId": "order-1",
        "reason": "x",
        "amount": 1,
        "refundId": "part-1",
    }
    event["Records"][0]["body"] = json.dumps(body)
    return event


def down(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")


@pytest.fixture
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are in no queue, so none of them can be put off."""
    for door in (inbox, webhook):
        monkeypatch.setattr(door.processor._sqs, "change_message_visibility", lambda **_: None)


# Off a change


def test_a_payment_that_was_declined_is_an_error(pending: Payment) -> None:
    failed = pending.settle(Declined("insufficient_funds", "pi_1"), CAUSE, MORNING)
    (error,) = of_payment(pending, failed)
    assert error.model_dump(mode="json") == {
        "metadata": {
            "id": f"{pending.order_id}:3:ErrorRaised",
            "correlationId": "o",
            "causationId": CAUSE,
            "occurredAt": "2026-01-05T10:00:00.000Z",
            "version": 3,
            "trace": None,
        },
        "data": {
            "errorId": f"{pending.order_id}:3:PAYMENT_DECLINED",
            "kind": "BUSINESS",
            "code": "PAYMENT_DECLINED",
            "message": "The order could not be paid: insufficient_funds",
            "orderId": pending.order_id,
            "occurredAt": "2026-01-05T10:00:00.000Z",
        },
    }
    assert of_payment(failed, failed) == []
    assert of_payment(None, pending) == []


def test_a_reconciliation_that_is_done_with_differences_is_an_error() -> None:
    running = Report.begin(date(2026, 1, 4), MORNING).model_copy(update={"phase": Phase.PAYMENTS})
    unknown = Finding(kind=Kind.ORDER_UNKNOWN, order_id="order-1", told="x", mended=False)
    mended = Finding(kind=Kind.NOT_SETTLED, order_id="order-2", told="x", mended=True)
    found = running.found(unknown).found(mended)
    done = found.through().saved(MORNING)
    (error,) = of_report(found, done)
    assert error.metadata.id == "reconciliation:2026-01-04:2:ErrorRaised"
    assert error.data.model_dump(mode="json") == {
        "errorId": "reconciliation:2026-01-04:RECONCILIATION_DIFFERENCE",
        "kind": "BUSINESS",
        "code": "RECONCILIATION_DIFFERENCE",
        "message": "Payments of 2026-01-04 are not as Stripe has them: 1 to be looked at, 1 mended",
        "orderId": None,
        "occurredAt": "2026-01-05T10:00:00.000Z",
    }
    assert of_report(found, found.saved(MORNING)) == []
    assert of_report(done, done) == []
    assert of_report(running, running.found(mended).through()) == []


def test_what_the_reconciliation_found_is_told_off_its_stream(
    context: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = now().date()
    reconcile.begin(day)
    before = cashier.table.report(day)
    assert before
    finding = Finding(kind=Kind.ORDER_UNKNOWN, order_id="order-1", told="x", mended=False)
    monkeypatch.setattr(
        reconcile,
        "go_through",
        lambda report, _: report.found(finding).through().through().through(),
    )
    reconcile.take_step(before)
    (item,) = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    change = items.change(items.report_item(before), item)
    assert change
    (message,) = outbox.messages(change)
    assert type(message).__name__ == "ErrorRaised"
    assert outbox.messages(items.Change(change.new, change.new, None)) == []


# What the bank sends back


@pytest.fixture
def sent_back(sample: Sample, context: Any, fake_stripe: Any) -> Event:
    """The event that tells of a refund that the bank sent back."""
    inbox.handler(sample("inbox-CollectPayment"), context)
    (intent,) = fake_stripe.intents
    fake_stripe.give_back(intent, 1750)
    event: Event = fake_stripe.send(fake_stripe.fail("re_1"))
    return event


def test_a_refund_that_the_bank_sent_back_is_one_error(
    order: CollectPayment, sent_back: Event, context: Any
) -> None:
    for _ in range(3):
        assert webhook.handler(sent_back, context) == {"batchItemFailures": []}
    (item,) = errors()
    change = items.change({}, item)
    assert change
    (message,) = outbox.messages(change)
    told = message.model_dump(mode="json")
    assert told["metadata"]["id"] == "refund:re_1:1:ErrorRaised"
    assert told["data"] == {
        "errorId": "refund:re_1",
        "kind": "BUSINESS",
        "code": "REFUND_SENT_BACK",
        "message": "The bank sent back a refund of 17.50 EUR: expired_or_canceled_card",
        "orderId": order.data.order_id,
        "occurredAt": item["occurredAt"],
    }
    assert outbox.messages(items.Change(change.new, change.new, None)) == []
    assert items.change(item, None) is None


def test_a_refund_that_was_sent_back_is_told_even_if_the_table_failed_first(
    sent_back: Event, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cashier.table, "keep", down)
        patch.setattr(webhook.processor._sqs, "change_message_visibility", lambda **_: None)
        assert webhook.handler(sent_back, context)["batchItemFailures"]
    assert errors() == []
    webhook.handler(sent_back, context)
    assert len(errors()) == 1


def test_what_a_bank_says_is_quoted_only_if_it_is_a_code(pending: Payment) -> None:
    for reason, told in (("lost_or_stolen_card", "lost_or_stolen_card"), (None, "no reason given")):
        error = of_refund_sent_back(pending, "re_1", 100, reason, MORNING)
        assert error.message == f"The bank sent back a refund of 1.00 EUR: {told}"
    named = of_refund_sent_back(pending, "re_1", 100, "Ann Archer's card", MORNING)
    assert "Ann" not in named.message


# Messages that die


@pytest.mark.usefixtures("unqueued")
def test_poison_is_kept_before_it_is_buried(
    sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = poisoned(sample)
    id_ = event["Records"][0]["messageId"]
    with monkeypatch.context() as patch:
        patch.setattr(inbox.processor._sqs, "send_message", down)
        assert inbox.handler(tried(event, 1), context)["batchItemFailures"]
    (item,) = errors()
    assert (item["pk"], item["code"], item["orderId"]) == (
        f"ERROR#{id_}",
        "POISON_MESSAGE",
        "order-1",
    )
    assert item["message"].startswith("RefundPayment was refused: order order-1 has no payment")
    # It comes again, and is told once.
    assert inbox.handler(tried(event, 2), context) == {"batchItemFailures": []}
    assert errors() == [item]


@pytest.mark.usefixtures("unqueued")
def test_what_fails_is_an_error_at_its_last_try(
    sample: Sample, order: CollectPayment, context: Any, fake_stripe: Any
) -> None:
    for times in (1, MOST - 1, MOST):
        assert errors() == []
        fake_stripe.trouble = ["wrong API key"]
        inbox.handler(tried(sample("inbox-CollectPayment"), times), context)
    (item,) = errors()
    assert (item["code"], item["orderId"]) == ("MESSAGE_FAILED", order.data.order_id)
    told = stripe.AuthenticationError.__name__
    assert item["message"] == f"CollectPayment failed each time, at last with {told}"


@pytest.mark.usefixtures("unqueued")
@pytest.mark.parametrize("fault", ["broken", "out of time"])
def test_where_the_error_cannot_be_kept_the_message_goes_its_way(
    sample: Sample, context: Any, dead_letters: Any, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "broken":
        monkeypatch.setattr(cashier.table, "keep", down)
    else:
        left = iter([delivery.SPARE, delivery.SPARE - 1])
        monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    event = poisoned(sample)
    assert inbox.handler(tried(event, 1), context) == {"batchItemFailures": []}
    assert [letter.body for letter in dead_letters()] == [event["Records"][0]["body"]]
    assert errors() == []


@pytest.mark.usefixtures("unqueued")
def test_a_webhook_that_dies_is_told_under_its_own_name(
    sample: Sample, context: Any, fake_stripe: Any
) -> None:
    told = json.loads(sample("webhook-payment_intent.succeeded")["Records"][0]["body"])
    order_id = told["data"]["object"]["metadata"]["orderId"]
    webhook.handler(tried(fake_stripe.send(told), 1), context)
    (item,) = errors()
    assert (item["code"], item["orderId"]) == ("POISON_MESSAGE", order_id)
    assert item["message"].startswith("payment_intent.succeeded was refused: ")


def test_a_forged_webhook_is_no_error(sample: Sample, context: Any, fake_stripe: Any) -> None:
    webhook.handler(fake_stripe.delivery(json.dumps({"type": "x.y"}), None), context)
    assert errors() == []


def heard(name: str, **data: str) -> str:
    return json.dumps({"detail-type": name, "detail": {"data": data}})


@pytest.mark.parametrize(
    ("body", "name", "order_id"),
    [
        ("poison", None, None),
        ("[1]", None, None),
        (heard("RefundPayment", orderId="o1"), "RefundPayment", "o1"),
        (heard("Refund it", orderId="with a blank"), None, None),
        (heard("FileStored", owner="urn:tbs:payment:o1"), "FileStored", "o1"),
        (heard("FileStored", owner="urn:tbs:toy:t1"), "FileStored", None),
        ('{"type": "refund.failed", "data": {"object": {}}}', "refund.failed", None),
        ('{"type": "<b>", "data": {"object": {"metadata": {"orderId": "<b>"}}}}', None, None),
    ],
)
def test_says_what_the_body_says_if_that_is_a_name_and_an_id(
    body: str, name: str | None, order_id: str | None
) -> None:
    error = of_letter("sqs-1", body, "POISON_MESSAGE", "why", MORNING)
    assert error.order_id == order_id
    assert error.message == f"{name or 'A message'} was refused: why"
    assert error.expires_at == (MORNING + KEPT_FOR).timestamp()


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
NAMED = st.fixed_dictionaries(
    {"detail-type": JSON, "detail": st.fixed_dictionaries({"data": JSON}) | JSON}
) | st.fixed_dictionaries({"type": JSON, "data": st.fixed_dictionaries({"object": JSON}) | JSON})


@settings(max_examples=30)
@given(body=st.text() | (JSON | NAMED).map(json.dumps), reason=st.text(max_size=1000))
def test_whatever_is_in_a_message_it_is_one_bounded_error(body: str, reason: str) -> None:
    error = of_letter("sqs-1", body, "MESSAGE_FAILED", reason, MORNING)
    assert len(error.message) <= LONGEST
    assert KeptError.model_validate(error.model_dump(mode="json")) == error


def test_a_refund_that_was_made_is_no_error(pending: Payment) -> None:
    made = GivenBack("re_1", 1, None, ours=False, stands=True)
    assert of_payment(pending, pending.noted([made], CAUSE, MORNING)) == []
