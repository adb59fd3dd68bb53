"""What is logged: every line says which message it is about, and none quotes anybody's data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from payments import api, delivery, inbox, outbox, webhook
from payments.answers import PaymentShown

Sample = Callable[[str], dict[str, Any]]
Logged = Callable[[], list[dict[str, Any]]]


def about(line: dict[str, Any]) -> tuple[Any, ...]:
    """What a line says of the message it is about."""
    return tuple(line.get(name) for name in ("correlation_id", "message_name", "message_id"))


def told_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """What a line about that message has to say."""
    body = json.loads(record["body"])
    metadata = body["detail"]["metadata"]
    return metadata["correlationId"], body["detail-type"], metadata["id"]


def record(sample: Sample, name: str) -> dict[str, Any]:
    (found,) = sample(f"inbox-{name}")["Records"]
    return {**found, "messageId": name}


def test_each_line_of_the_inbox_is_about_its_own_message(
    sample: Sample, context: Any, logged: Logged, fake_stripe: Any
) -> None:
    paid, back = record(sample, "CollectPayment"), record(sample, "RefundPayment")
    bad = paid | {"messageId": "bad", "body": "poison"}
    inbox.handler({"Records": [paid, bad, back]}, context)
    told = [(line["message"], about(line)) for line in logged()]
    requested, *_ = told
    assert requested == ("payment requested", told_of(paid))
    assert ("refused", (None, None, None)) in told
    assert told[-1][1] == told_of(back)
    seen = {about for _, about in told}
    assert seen == {told_of(paid), told_of(back), (None, None, None)}


def test_what_there_is_no_time_for_has_nothing_of_the_message_before(
    sample: Sample,
    context: Any,
    logged: Logged,
    fake_stripe: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter([delivery.SPARE, 0])
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: next(left))
    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", lambda **_: None)
    records = [record(sample, "CollectPayment"), record(sample, "RefundPayment")]
    inbox.handler({"Records": records}, context)
    last = logged()[-1]
    assert (last["message"], about(last)) == ("out of time", (None, None, None))


def test_each_line_of_the_webhook_is_about_its_own_event(
    sample: Sample, context: Any, logged: Logged, fake_stripe: Any
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    event = fake_stripe.told("payment_intent.succeeded")
    (good,) = fake_stripe.send(event)["Records"]
    (forged,) = fake_stripe.delivery(json.dumps(event), None)["Records"]
    logged()
    webhook.handler({"Records": [good, forged]}, context)
    order_id = event["data"]["object"]["metadata"]["orderId"]
    assert [(line["message"], about(line)) for line in logged()] == [
        ("heard of Stripe", (order_id, event["type"], event["id"])),
        ("webhook refused", (None, None, None)),
    ]


def test_the_outbox_logs_one_line_for_each_message(
    sample: Sample, context: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Any] = []

    def take(Entries: list[Any]) -> dict[str, int]:  # noqa: N803
        put.extend(Entries)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(outbox.events, "put_events", take)
    outbox.handler(sample("outbox-PaymentCollected"), context)
    told = [(json.loads(entry["Detail"])["metadata"], entry["DetailType"]) for entry in put]
    assert [about(line) for line in logged() if line["message"] == "sending"] == [
        (metadata["correlationId"], name, metadata["id"]) for metadata, name in told
    ]
    assert len(told) == 3


def test_the_api_logs_under_the_order_or_else_under_its_request(
    sample: Sample,
    context: Any,
    logged: Logged,
    fake_stripe: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox.handler(sample("inbox-CollectPayment"), context)
    body = json.loads(sample("inbox-CollectPayment")["Records"][0]["body"])
    order_id = body["detail"]["data"]["orderId"]
    logged()

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(PaymentShown, "of", broken)
    monkeypatch.setattr(api.table, "newest_first", broken)
    event = sample("api-get-payment")
    event["path"], event["pathParameters"] = f"/payments/{order_id}", {"order_id": order_id}
    assert api.handler(event, context)["statusCode"] == 500
    listing = sample("api-list-payments")
    assert api.handler(listing, context)["statusCode"] == 500
    assert [(line["message"], line["correlation_id"]) for line in logged()] == [
        ("failed", order_id),
        ("failed", listing["requestContext"]["requestId"]),
    ]


def test_nothing_of_the_shopper_or_the_card_is_logged(
    sample: Sample,
    context: Any,
    logged: Logged,
    fake_stripe: Any,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = record(sample, "CollectPayment")
    body = json.loads(careful["body"])
    asked = body["detail"]["data"]
    asked["paymentMethodId"] = "pm_three_d_secure"
    broken = json.loads(careful["body"])
    broken["detail"]["data"]["currency"] = asked["email"]
    inbox.handler({"Records": [careful | {"body": json.dumps(body)}]}, context)
    inbox.handler({"Records": [careful | {"body": json.dumps(broken)}]}, context)
    (intent_id,) = fake_stripe.intents
    secret = fake_stripe.intents[intent_id]["client_secret"]
    webhook.handler(fake_stripe.send(fake_stripe.told("payment_intent.requires_action")), context)
    fake_stripe.authenticate(intent_id)
    webhook.handler(fake_stripe.send(fake_stripe.told("payment_intent.succeeded")), context)
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: {"FailedEntryCount": 0})
    for name in ("PaymentActionRequired", "PaymentCollected", "PaymentFailed", "SendEmail"):
        outbox.handler(sample(f"outbox-{name}"), context)
    told = json.dumps(logged()) + "".join(capfd.readouterr())
    assert all(line in told for line in ("payment saved", "refused", "sending", "heard of Stripe"))
    secrets = (asked["email"], "pm_three_d_secure", secret, "whsec_", "sk_test_")
    assert [each for each in secrets if each in told] == []
