"""The webhook, fed with Stripe's events: in any order, more than once, forged, old, unknown."""

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from payments import inbox, stripe_event, webhook
from payments.answer import Declined, Opened, Taken
from payments.heard import CollectPayment
from payments.messages import parse
from payments.model import now
from payments.payment import TOO_LATE, Payment, Tombstone
from payments.record import Status
from payments.stripe_event import ACTED_ON
from payments.table import PaymentsTable

Event = dict[str, Any]
Sample = Callable[[str], Event]

TABLE = PaymentsTable("Table")
CAUSE = "order-1:2:CollectPayment"


@pytest.fixture
def order(sample: Sample) -> CollectPayment:
    """The command in the sample."""
    command = parse(sample("inbox-CollectPayment")["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    return command


@pytest.fixture
def pay(sample: Sample, context: Any) -> Callable[[str], None]:
    """Let the order be paid with a card."""

    def deliver(method: str) -> None:
        event = sample("inbox-CollectPayment")
        body = json.loads(event["Records"][0]["body"])
        body["detail"]["data"]["paymentMethodId"] = method
        event["Records"][0]["body"] = json.dumps(body)
        inbox.handler(event, context)

    return deliver


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The lines that the webhook logged."""
    stream = io.StringIO()
    monkeypatch.setattr(webhook.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The metrics that were told of."""

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
        return [line for line in lines if "_aws" in line]

    return read


@pytest.fixture(autouse=True)
def one_charge(fake_stripe: Any) -> Iterator[None]:
    yield
    assert len(fake_stripe.confirmed) <= 1
    assert fake_stripe.balance >= 0


def handled(event: Event, context: Any) -> None:
    assert webhook.handler(event, context) == {"batchItemFailures": []}


def found(order: CollectPayment) -> Payment:
    payment = TABLE.payment(order.data.order_id)
    assert isinstance(payment, Payment)
    return payment


def pending(order: CollectPayment) -> Payment:
    """The payment as it is saved before its intent is confirmed."""
    payment = Payment.request(order.data, "order-1", CAUSE, now())
    TABLE.add(payment)
    opened = payment.settle(Opened("pi_9"), CAUSE, now())
    TABLE.save(opened)
    return opened


def event_of(order: CollectPayment, kind: str, **fields: Any) -> Event:
    """An event about the order's payment intent."""
    intent = {
        "id": "pi_9",
        "object": "payment_intent",
        "amount": order.data.amount,
        "amount_received": order.data.amount if kind == "succeeded" else 0,
        "client_secret": "pi_9_secret",
        "currency": order.data.currency.lower(),
        "metadata": {"orderId": order.data.order_id},
        "next_action": None,
        "last_payment_error": None,
    }
    return {
        "id": "evt_9",
        "object": "event",
        "type": f"payment_intent.{kind}",
        "data": {"object": intent | fields},
    }


# What acts


@pytest.mark.parametrize(
    "kind", sorted(ACTED_ON | {"payment_intent.canceled", "charge.refunded", "refund.failed"})
)
def test_what_stripe_really_sends_is_understood(sample: Sample, kind: str) -> None:
    record = SQSRecord(sample(f"webhook-{kind}")["Records"][0])
    event = stripe_event.parse(record.body)
    assert event.type == kind
    assert webhook.signature(record).startswith("t=")
    if kind in ACTED_ON:
        told = stripe_event.news(event)
        assert told
        assert told.order_id
        assert told.amount > 0
    if kind == "refund.failed":
        assert stripe_event.failed_refund(event)


def test_three_d_secure_passed_collects_once(
    order: CollectPayment, pay: Callable[[str], None], fake_stripe: Any, context: Any
) -> None:
    pay("pm_three_d_secure")
    asked = found(order)
    assert asked.status is Status.ACTION_REQUIRED
    assert asked.action_url == "https://hooks.stripe.test/pi_1"
    fake_stripe.authenticate("pi_1")
    for _ in range(2):
        handled(fake_stripe.send(fake_stripe.told("payment_intent.succeeded")), context)
    collected = found(order)
    assert (collected.status, collected.version) == (Status.COLLECTED, asked.version + 1)
    assert collected.payment_intent_id == "pi_1"
    assert collected.causation_id == fake_stripe.told("payment_intent.succeeded")["id"]
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize(
    ("method", "passes", "reason"),
    [
        ("pm_three_d_secure", False, "payment_intent_authentication_failure"),
        ("pm_three_d_secure_insufficient_funds", True, "insufficient_funds"),
    ],
)
def test_three_d_secure_failed_ends_the_payment_at_stripe_too(
    order: CollectPayment,
    pay: Callable[[str], None],
    fake_stripe: Any,
    context: Any,
    method: str,
    passes: bool,
    reason: str,
) -> None:
    pay(method)
    fake_stripe.authenticate("pi_1", passes=passes)
    for _ in range(2):
        handled(fake_stripe.send(fake_stripe.told("payment_intent.payment_failed")), context)
    failed = found(order)
    assert (failed.status, failed.reason) == (Status.FAILED, reason)
    assert failed.payment_intent_id == "pi_1"
    assert fake_stripe.intents["pi_1"]["status"] == "canceled"
    path, asked, _ = fake_stripe.requests[-1]
    assert (path, asked) == ("/v1/payment_intents/pi_1/cancel", {})


def test_a_failure_that_is_over_by_now_is_none(
    order: CollectPayment, pay: Callable[[str], None], fake_stripe: Any, context: Any
) -> None:
    """The customer tried again in the browser, and that succeeded before this was read."""
    pay("pm_three_d_secure")
    fake_stripe.authenticate("pi_1", passes=False)
    intent = fake_stripe.intents["pi_1"]
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    handled(fake_stripe.send(fake_stripe.told("payment_intent.payment_failed")), context)
    assert found(order).status is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize("kind", ["payment_failed", "requires_action"])
def test_what_comes_after_the_money_changes_nothing(
    order: CollectPayment, fake_stripe: Any, context: Any, kind: str
) -> None:
    pending(order)
    handled(fake_stripe.send(event_of(order, "succeeded")), context)
    collected = found(order)
    handled(fake_stripe.send(event_of(order, kind)), context)
    assert found(order) == collected
    assert fake_stripe.requests == []


@pytest.mark.parametrize("first", ["direct", "webhook"])
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("pm_card_visa", "succeeded"),
        ("pm_insufficient_funds", "payment_failed"),
        ("pm_expired", "payment_failed"),
        ("pm_three_d_secure", "requires_action"),
    ],
)
def test_the_direct_answer_and_the_webhook_say_the_same(
    order: CollectPayment,
    pay: Callable[[str], None],
    fake_stripe: Any,
    context: Any,
    method: str,
    kind: str,
    first: str,
) -> None:
    if first == "webhook":
        fake_stripe.trouble = ["none", *["answer lost"] * 2, *["unreachable"] * 2]
        pay(method)
        assert found(order).status is Status.PENDING
    else:
        pay(method)
        direct = found(order)
    handled(fake_stripe.send(fake_stripe.told(f"payment_intent.{kind}")), context)
    heard = found(order)
    pay(method)
    assert found(order) == heard
    if first == "direct":
        assert heard == direct
    told = {"payment_intent_id", "status", "reason", "client_secret", "action_url", "version"}
    assert heard.model_dump(include=told, by_alias=False) == {
        "payment_intent_id": "pi_1",
        "status": {
            "succeeded": Status.COLLECTED,
            "payment_failed": Status.FAILED,
            "requires_action": Status.ACTION_REQUIRED,
        }[kind],
        "reason": {"pm_insufficient_funds": "insufficient_funds", "pm_expired": "expired_card"}.get(
            method
        ),
        "client_secret": "pi_1_secret" if kind == "requires_action" else None,
        "action_url": "https://hooks.stripe.test/pi_1" if kind == "requires_action" else None,
        "version": 3,
    }


@pytest.mark.parametrize("ended", ["FAILED", "VOIDED", "tombstone"])
def test_money_that_comes_too_late_is_given_back_once(
    order: CollectPayment,
    pay: Callable[[str], None],
    fake_stripe: Any,
    context: Any,
    ended: str,
) -> None:
    pay("pm_three_d_secure")
    open_payment = found(order)
    fake_stripe.authenticate("pi_1")
    late = fake_stripe.told("payment_intent.succeeded")
    at = now()
    match ended:
        case "FAILED":
            TABLE.save(open_payment.settle(Declined("expired_card", "pi_1"), CAUSE, at))
        case "VOIDED":
            voiding = open_payment.refund("CUSTOMER", CAUSE, at)
            TABLE.save(voiding)
            change = {"status": Status.VOIDED, "version": voiding.version + 1}
            TABLE.save(voiding.model_copy(update=change))
        case "tombstone":
            key = {"pk": f"PAYMENT#{order.data.order_id}"}
            boto3.resource("dynamodb").Table("Table").delete_item(Key=key)
            cause = "order-1:3:RefundPayment"
            TABLE.add(Tombstone.request(order.data.order_id, "CUSTOMER", "order-1", cause, at))
    for _ in range(2):
        handled(fake_stripe.send(late), context)
    given_back = TABLE.payment(order.data.order_id)
    assert given_back
    assert given_back.status is Status.REFUNDED
    assert given_back.refund_reason == (TOO_LATE if ended == "FAILED" else "CUSTOMER")
    assert given_back.refund_id in fake_stripe.refunds
    assert fake_stripe.balance == 0


def test_trouble_at_stripe_sends_the_event_back(
    order: CollectPayment, pay: Callable[[str], None], fake_stripe: Any, context: Any
) -> None:
    pay("pm_three_d_secure")
    fake_stripe.authenticate("pi_1", passes=False)
    event = fake_stripe.send(fake_stripe.told("payment_intent.payment_failed"))
    fake_stripe.trouble = ["down"] * 2
    failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert webhook.handler(event, context) == {"batchItemFailures": failed}
    assert found(order).status is Status.ACTION_REQUIRED
    handled(event, context)
    assert found(order).status is Status.FAILED


# What is noted or ignored


@pytest.mark.parametrize(
    "kind",
    ["payment_intent.canceled", "payment_intent.partially_funded", "charge.dispute.created"],
)
def test_what_a_person_may_want_to_know_of_is_noted(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    log: Callable[[], list[dict[str, Any]]],
    metrics: Callable[[], list[dict[str, Any]]],
    kind: str,
) -> None:
    before = pending(order)
    event = event_of(order, "any") | {"type": kind}
    handled(fake_stripe.send(event), context)
    assert found(order) == before
    assert [(line["message"], line["event_type"]) for line in log()] == [("noted", kind)]
    (metric,) = metrics()
    assert (metric["WebhooksNoted"], metric["service"], metric["type"]) == ([1.0], "payments", kind)


@pytest.mark.parametrize("kind", ["payment_intent.created", "customer.created", "x" * 200])
def test_other_events_are_ignored(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    dead_webhooks: Callable[[], list[Any]],
    kind: str,
) -> None:
    before = pending(order)
    handled(fake_stripe.send(event_of(order, "any") | {"type": kind}), context)
    assert found(order) == before
    assert dead_webhooks() == []


@pytest.mark.parametrize("metadata", [{}, {"orderId": ""}, {"invoice": "7"}])
def test_somebody_elses_payment_is_ignored(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    dead_webhooks: Callable[[], list[Any]],
    metadata: dict[str, str],
) -> None:
    handled(fake_stripe.send(event_of(order, "succeeded", metadata=metadata)), context)
    assert dead_webhooks() == []


# Forged, and old


def refused(log: Callable[[], list[dict[str, Any]]]) -> str:
    (line,) = log()
    assert (line["level"], line["message"]) == ("WARNING", "webhook refused")
    return str(line["reason"])


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "nonsense",
        "t=,v1=",
        "t=1",
        "t=x,v1=00",
        f"t={'9' * 5000},v1=00",
        "t=1,v1=\N{LATIN SMALL LETTER E WITH ACUTE}",
        "v1=00",
    ],
)
def test_what_stripe_did_not_sign_is_refused(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    dead_webhooks: Callable[[], list[Any]],
    log: Callable[[], list[dict[str, Any]]],
    metrics: Callable[[], list[dict[str, Any]]],
    signature: str | None,
) -> None:
    before = pending(order)
    body = json.dumps(event_of(order, "succeeded"))
    handled(fake_stripe.delivery(body, signature), context)
    assert found(order) == before
    assert dead_webhooks() == []
    assert refused(log) == ("no signature of Stripe's" if signature else "no signature")
    (metric,) = metrics()
    assert metric["WebhooksRefused"] == [1.0]


@pytest.mark.parametrize("secret", ["whsec_other", ""])
def test_another_secret_is_refused(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    log: Callable[[], list[dict[str, Any]]],
    secret: str,
) -> None:
    before = pending(order)
    body = json.dumps(event_of(order, "succeeded"))
    handled(fake_stripe.delivery(body, fake_stripe.sign(body, secret=secret)), context)
    assert found(order) == before
    refused(log)


def test_another_body_under_the_same_signature_is_refused(
    order: CollectPayment, fake_stripe: Any, context: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    before = pending(order)
    body = json.dumps(event_of(order, "succeeded"))
    signature = fake_stripe.sign(body.replace("succeeded", "canceled"))
    handled(fake_stripe.delivery(body, signature), context)
    assert found(order) == before
    assert order.data.order_id not in json.dumps(log())


@pytest.mark.parametrize(
    ("waited", "late", "taken"),
    [
        (0, 0, True),
        (299, 0, True),
        (-299, 0, True),
        (302, 0, False),
        (-302, 0, False),
        (0, 3600, True),
        (0, 5 * 86400, True),
        (302, 3600, False),
    ],
)
def test_the_age_counts_from_the_receipt_and_not_from_the_reading(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    waited: int,
    late: int,
    taken: bool,
) -> None:
    pending(order)
    received = time.time() - late
    body = json.dumps(event_of(order, "succeeded"))
    signature = fake_stripe.sign(body, received - waited)
    event = fake_stripe.delivery(body, signature, received)
    event["Records"][0]["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    handled(event, context)
    assert (found(order).status is Status.COLLECTED) == taken


def test_a_second_time_in_the_header_makes_no_replay_young(
    order: CollectPayment, fake_stripe: Any, context: Any
) -> None:
    before = pending(order)
    body = json.dumps(event_of(order, "succeeded"))
    old, fresh = fake_stripe.sign(body, time.time() - 3600), int(time.time())
    for header in (f"{old},t={fresh}", f"t={fresh},{old}"):
        handled(fake_stripe.delivery(body, header), context)
    assert found(order) == before


def test_without_the_secret_nothing_is_lost(
    order: CollectPayment, fake_stripe: Any, context: Any
) -> None:
    pending(order)
    event = fake_stripe.send(event_of(order, "succeeded"))
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    secrets = boto3.client("secretsmanager")
    secrets.update_secret(SecretId="tbs/stripe", SecretString='{"apiKey": "sk_test_secret"}')
    assert webhook.handler(event, context)["batchItemFailures"]
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    text = '{"apiKey": "sk_test_secret", "webhookSecret": "whsec_secret"}'
    secrets.update_secret(SecretId="tbs/stripe", SecretString=text)
    handled(event, context)
    assert found(order).status is Status.COLLECTED


# Poison


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": {"orderId": "never-seen"}}, "has no payment"),
        ({"id": "pi_other"}, "another one"),
        ({"amount_received": 1}, "costs"),
        ({"currency": "usd"}, "costs"),
        ({"amount_received": "much"}, "amount_received"),
        ({"object": "charge"}, "object"),
    ],
)
def test_what_does_not_fit_the_payment_is_a_dead_letter_with_its_reason(
    order: CollectPayment,
    fake_stripe: Any,
    context: Any,
    dead_webhooks: Callable[[], list[Any]],
    change: dict[str, Any],
    reason: str,
) -> None:
    collected = pending(order).settle(
        Taken("pi_9", order.data.amount, order.data.currency), CAUSE, now()
    )
    TABLE.save(collected)
    event = fake_stripe.send(event_of(order, "succeeded", **change))
    handled(event, context)
    assert found(order) == collected
    (letter,) = dead_webhooks()
    assert letter.body == event["Records"][0]["body"]
    assert reason in letter.attributes["reason"]


@pytest.mark.parametrize(
    "body",
    ["not json", "[]", "{}", '{"object": "event", "id": "evt_1", "type": "x"}', '"\\u0000"'],
)
def test_what_stripe_signed_and_nobody_understands_is_a_dead_letter(
    fake_stripe: Any, context: Any, dead_webhooks: Callable[[], list[Any]], body: str
) -> None:
    handled(fake_stripe.delivery(body, fake_stripe.sign(body)), context)
    (letter,) = dead_webhooks()
    assert letter.body == body


def test_a_dead_letter_that_is_sent_back_is_still_stripes(
    order: CollectPayment, fake_stripe: Any, context: Any, dead_webhooks: Callable[[], list[Any]]
) -> None:
    """A day later, by the attributes that it was buried with; SQS counts it as sent just now."""
    received = time.time() - timedelta(days=1).total_seconds()
    body = json.dumps(event_of(order, "succeeded"))
    handled(fake_stripe.delivery(body, fake_stripe.sign(body, received), received), context)
    (letter,) = dead_webhooks()
    pending(order)
    again = fake_stripe.delivery(body, None)
    again["Records"][0]["messageAttributes"] = {
        name: {"dataType": "String", "stringValue": value}
        for name, value in letter.attributes.items()
    }
    handled(again, context)
    assert found(order).status is Status.COLLECTED


def test_the_log_names_no_secret_and_no_customer(
    order: CollectPayment,
    pay: Callable[[str], None],
    fake_stripe: Any,
    context: Any,
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    pay("pm_three_d_secure")
    fake_stripe.authenticate("pi_1")
    for event in fake_stripe.events:
        handled(fake_stripe.send(event), context)
    event = fake_stripe.send(event_of(order, "succeeded", amount_received="pi_1_secret"))
    handled(event, context)
    lines = json.dumps(log())
    assert '"COLLECTED"' in lines
    for secret in ("pi_1_secret", "whsec_secret", "sk_test_secret", order.data.email, "v1="):
        assert secret not in lines
