"""The outbox, fed with real changes of the table."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from payments import outbox
from payments.answer import ActionRequired, Canceled, Declined, Opened, Taken
from payments.bill import Line
from payments.heard import CollectPayment
from payments.items import change
from payments.messages import SENDS, of_payment, parse
from payments.model import now
from payments.payment import Payment, Tombstone
from payments.receipt import render
from payments.record import Status
from payments.refund import GivenBack

Sample = Callable[[str], dict[str, Any]]

CAUSE = "order-1:9:Cause"
REST = GivenBack("re_1", 6995, refund_id=None, ours=True, stands=True)
MOST_PUT_EVENTS_TAKES = 256 * 1024
"""Bytes, of all entries of one call together."""


@pytest.fixture
def pending(sample: Sample) -> Payment:
    """The payment that the sample command asks for."""
    command = parse(sample("inbox-CollectPayment")["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    payment = Payment.request(command.data, command.metadata.correlation_id, CAUSE, now())
    return payment.settle(Opened("pi_1"), CAUSE, now())


def names(messages: list[Any]) -> list[str]:
    return [type(message).__name__ for message in messages]


def size(entry: Any) -> int:
    """The bytes that EventBridge counts of an entry."""
    return sum(len(entry[part].encode()) for part in ("Source", "DetailType", "Detail"))


def test_a_collected_payment_is_told_filed_and_mailed(pending: Payment) -> None:
    collected = pending.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())
    messages = of_payment(pending, collected)
    assert names(messages) == ["PaymentCollected", "StoreFile", "SendEmail"]
    told, filed, mailed = (message.model_dump(mode="json") for message in messages)
    assert told["metadata"] == {
        "id": f"{pending.order_id}:3:PaymentCollected",
        "correlationId": pending.correlation_id,
        "causationId": CAUSE,
        "occurredAt": told["data"]["collectedAt"],
        "version": 3,
        "trace": None,
    }
    assert told["data"] == {
        "orderId": pending.order_id,
        "status": "COLLECTED",
        "amount": pending.amount,
        "currency": pending.currency,
        "paymentIntentId": "pi_1",
        "collectedAt": told["metadata"]["occurredAt"],
    }
    assert filed["data"] == {
        "owner": f"urn:tbs:payment:{pending.order_id}",
        "name": f"receipt-{pending.order_id}.html",
        "contentType": "text/html",
        "visibility": "private",
        "content": render(collected),
    }
    assert mailed["data"] == {
        "to": pending.email,
        "locale": "en",
        "content": {
            "template": "receipt",
            "orderId": pending.order_id,
            "currency": pending.currency,
            "lines": [line.model_dump() for line in pending.lines],
            "shipping": pending.shipping,
            "net": pending.net,
            "tax": pending.tax,
            "gross": pending.amount,
            "taxRate": pending.tax_rate,
            "placedAt": pending.model_dump()["placedAt"],
            "paidAt": told["data"]["collectedAt"],
        },
    }


def test_what_the_customer_has_to_do_is_told(pending: Payment) -> None:
    asked = pending.settle(ActionRequired("pi_1", "pi_1_secret", None), CAUSE, now())
    (message,) = of_payment(pending, asked)
    assert names([message]) == ["PaymentActionRequired"]
    assert json.loads(outbox.entry(message)["Detail"])["data"] == {
        "orderId": pending.order_id,
        "status": "ACTION_REQUIRED",
        "amount": pending.amount,
        "currency": pending.currency,
        "paymentIntentId": "pi_1",
        "clientSecret": "pi_1_secret",
        "url": None,
    }
    answer = ActionRequired("pi_1", "pi_1_secret", "https://hooks.stripe.test/pi_1")
    (message,) = of_payment(pending, pending.settle(answer, CAUSE, now()))
    assert message.model_dump()["data"]["url"] == "https://hooks.stripe.test/pi_1"


def test_a_payment_that_is_voided_is_told_to_nobody(pending: Payment) -> None:
    asked = pending.settle(ActionRequired("pi_1", "pi_1_secret", None), CAUSE, now())
    voiding = asked.refund("EXPIRED", CAUSE, now())
    voided = voiding.settle(Canceled("pi_1"), CAUSE, now())
    assert voided.status is Status.VOIDED
    assert of_payment(asked, voiding) + of_payment(voiding, voided) == []
    requested = pending.model_copy(update={"payment_intent_id": None})
    at_once = requested.refund("EXPIRED", CAUSE, now())
    assert at_once.status is Status.VOIDED
    assert of_payment(requested, at_once) == []


def test_a_payment_that_is_pending_is_told_to_nobody(pending: Payment) -> None:
    requested = pending.model_copy(update={"payment_intent_id": None, "version": 1})
    assert of_payment(None, requested) + of_payment(requested, pending) == []


def test_a_failed_payment_is_told_with_its_reason(pending: Payment) -> None:
    failed = pending.settle(Declined("insufficient_funds", "pi_1"), CAUSE, now())
    (message,) = of_payment(pending, failed)
    assert names([message]) == ["PaymentFailed"]
    assert message.model_dump(mode="json")["data"] == {
        "orderId": pending.order_id,
        "status": "FAILED",
        "amount": pending.amount,
        "currency": pending.currency,
        "reason": "insufficient_funds",
    }


def test_a_refund_is_told_when_it_is_done(pending: Payment) -> None:
    collected = pending.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())
    refunding = collected.refund("CUSTOMER", CAUSE, now())
    refunded = refunding.noted([REST], CAUSE, now())
    assert of_payment(collected, refunding) == []
    messages = of_payment(refunding, refunded)
    assert names(messages) == ["PaymentRefunded", "SendEmail"]
    told, mailed = (message.model_dump(mode="json") for message in messages)
    assert told["data"] == {
        "orderId": pending.order_id,
        "status": "REFUNDED",
        "amount": pending.amount,
        "currency": pending.currency,
        "refundId": "re_1",
        "byHand": 0,
        "covered": [],
    }
    assert mailed["data"] == {
        "to": pending.email,
        "locale": "en",
        "content": {
            "template": "refund",
            "orderId": pending.order_id,
            "currency": pending.currency,
            "amount": pending.amount,
            "total": pending.amount,
            "gross": pending.amount,
            "refundedAt": told["metadata"]["occurredAt"],
        },
    }


def test_each_part_is_told_with_the_total_and_mailed_with_its_own_amount(pending: Payment) -> None:
    german = pending.model_copy(update={"locale": "de-DE"})
    kept = [german.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())]
    for number, amount in enumerate((1000, 5995), start=1):
        made = GivenBack(f"re_{number}", amount, f"part-{number}", ours=True, stands=True)
        kept.append(kept[-1].refund_part(f"part-{number}", amount, "broken", CAUSE, now()))
        kept.append(kept[-1].noted([made], CAUSE, now()))
    told = [[m.model_dump(mode="json") for m in of_payment(*pair)] for pair in pairwise(kept)]
    assert [len(messages) for messages in told] == [0, 2, 0, 2]
    refunds = [messages[0]["data"] for messages in told if messages]
    assert [(r["status"], r["amount"], r["refundId"]) for r in refunds] == [
        ("PARTLY_REFUNDED", 1000, "re_1"),
        ("REFUNDED", 6995, "re_2"),
    ]
    mails = [messages[1]["data"] for messages in told if messages]
    assert [(m["content"]["amount"], m["content"]["total"]) for m in mails] == [
        (1000, 1000),
        (5995, 6995),
    ]
    assert {mail["locale"] for mail in mails} == {"de-DE"}
    assert "broken" not in json.dumps(told)
    versions = [messages[0]["metadata"]["version"] for messages in told if messages]
    assert versions == sorted(set(versions))


def test_what_was_refunded_before_there_were_parts_is_not_told_again(pending: Payment) -> None:
    """As it is kept from then: REFUNDED, with Stripe's id, and no list of refunds."""
    change = {"status": Status.REFUNDED, "refund_id": "re_1"}
    refunded = pending.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now()).model_copy(update=change)
    assert refunded.given_back == 6995
    assert of_payment(refunded, refunded.receipt_stored("file-1", CAUSE, now())) == []


def test_a_payment_that_is_given_back_at_once_gets_no_receipt(pending: Payment) -> None:
    voiding = pending.refund("DEADLINE", CAUSE, now())
    refunding = voiding.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())
    refunded = refunding.noted([REST], CAUSE, now())
    told = [
        name
        for old, new in pairwise([pending, voiding, refunding, refunded])
        for name in names(of_payment(old, new))
    ]
    assert told == ["PaymentRefunded", "SendEmail"]


def test_where_the_receipt_is_concerns_nobody_else(pending: Payment) -> None:
    collected = pending.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())
    assert of_payment(collected, collected.receipt_stored("file-1", CAUSE, now())) == []
    assert of_payment(collected, collected.receipt_rejected("INFECTED", CAUSE, now())) == []


@pytest.mark.parametrize("name", ["x" * 120, "&" * 120, '"' * 120, "\N{TEDDY BEAR}" * 120])
def test_the_largest_order_fits_into_one_call(pending: Payment, name: str) -> None:
    lines = tuple(Line(name=name, quantity=99, price=100_000_000) for _ in range(100))
    largest = pending.model_copy(update={"lines": lines})
    messages = of_payment(largest, largest.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now()))
    assert sum(size(outbox.entry(message)) for message in messages) < MOST_PUT_EVENTS_TAKES


def test_a_tombstone_is_told_to_nobody(sample: Sample, context: Any) -> None:
    event = sample("outbox-PaymentCollected")
    change = event["Records"][0]["dynamodb"]
    change["NewImage"] = {
        **change["Keys"],
        "orderId": {"S": "order-1"},
        "status": {"S": Status.VOIDED.value},
        "refundReason": {"S": "CUSTOMER"},
        "version": {"N": "1"},
        "updatedAt": {"S": "2026-01-05T10:00:00.000Z"},
        "correlationId": {"S": "order-1"},
        "causationId": {"S": CAUSE},
    }
    del change["OldImage"]
    with Stubber(outbox.events) as bus:
        outbox.handler(event, context)
        bus.assert_no_pending_responses()


def test_what_is_given_back_though_it_was_never_asked_for_is_told() -> None:
    tombstone = Tombstone.request("order-1", "CUSTOMER", "order-1", CAUSE, now())
    refunding = tombstone.settle(Taken("pi_1", 6995, "EUR"), CAUSE, now())
    refunded = refunding.noted([REST], CAUSE, now())
    stored = [each.model_dump(mode="json") for each in (tombstone, refunding, refunded)]
    told = []
    for pair in pairwise([None, *stored]):
        seen = change(*pair)
        assert seen
        told += outbox.messages(seen)
    assert names(told) == ["PaymentRefunded"]
    assert told[0].model_dump(mode="json")["data"] == {
        "orderId": "order-1",
        "status": "REFUNDED",
        "amount": 6995,
        "currency": "EUR",
        "refundId": "re_1",
        "byHand": 0,
        "covered": [],
    }


def test_one_call_for_each_change(sample: Sample, context: Any) -> None:
    """Several receipts in one call would be more than it takes."""
    event = sample("outbox-PaymentCollected")
    event["Records"] += sample("outbox-PaymentFailed")["Records"]
    with Stubber(outbox.events) as bus:
        for _ in range(2):
            bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
        bus.assert_no_pending_responses()


@pytest.mark.parametrize("name", [model.__name__ for model in SENDS])
def test_publishes_the_same_messages_for_the_same_change(
    sample: Sample, context: Any, name: str
) -> None:
    event = sample(f"outbox-{name}")
    sent: list[dict[str, Any]] = []
    with Stubber(outbox.events) as bus:
        for _ in range(2):
            bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.events.meta.events.register_first(
            "provide-client-params.events.PutEvents",
            lambda params, **_: sent.append(params),
            unique_id=name,
        )
        outbox.handler(event, context)
        outbox.handler(event, context)
        outbox.events.meta.events.unregister(
            "provide-client-params.events.PutEvents", unique_id=name
        )
    first, second = sent
    assert first == second
    entries = {entry["DetailType"]: entry for entry in first["Entries"]}
    assert entries[name]["Source"] == "tbs.payments"
    metadata = json.loads(entries[name]["Detail"])["metadata"]
    assert metadata["id"].endswith(f":{metadata['version']}:{name}")


def test_raises_when_the_bus_does_not_take_every_message(sample: Sample, context: Any) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-PaymentCollected"), context)
