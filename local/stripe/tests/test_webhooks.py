"""Events: what is told, how it is signed, and how long it is sent."""

import json

import httpx
import pytest
import stripe

from local.stripe.records import Endpoint
from local.stripe.tests.support import SECRET, Receiver, Server, receiving, serving, until
from local.stripe.tests.test_payment_intents import pay
from local.stripe.webhooks import Backoff, sign


def test_a_payment_and_its_refund_are_told(server: Server, receiver: Receiver) -> None:
    server.send_webhooks_to(receiver.url)
    intent = pay(server, "pm_card_visa", metadata={"orderId": "o-1"})
    paid = receiver.wait_for(3)
    assert {event.type for event in paid} == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    told = next(event for event in paid if event.type == "payment_intent.succeeded").data.object
    assert (told["id"], told["status"]) == (intent.id, "succeeded")
    assert told["metadata"].to_dict() == {"orderId": "o-1"}
    server.sdk.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 1000}, {"idempotency_key": "refund-1"}
    )
    refunded = receiver.wait_for(5)[3:]
    assert {event.type for event in refunded} == {"refund.created", "charge.refunded"}
    charge = next(event for event in refunded if event.type == "charge.refunded")
    assert charge.data.object["amount_refunded"] == 1000
    assert charge.data.previous_attributes is not None
    assert charge.data.previous_attributes.to_dict() == {"amount_refunded": 0}
    assert charge.request is not None
    assert charge.request.idempotency_key == "refund-1"
    assert charge.request.id is not None
    assert charge.request.id.startswith("req_")


def test_an_event_shows_its_moment(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    created = server.sdk.v1.events.list({"type": "payment_intent.created"}).data
    assert [event.data.object["status"] for event in created] == ["requires_confirmation"]
    assert intent.status == "succeeded"


@pytest.mark.parametrize(
    ("card", "outcome", "told"),
    [
        ("pm_card_visa_chargeDeclined", None, ["charge.failed", "payment_intent.payment_failed"]),
        ("pm_card_threeDSecure2Required", None, ["payment_intent.requires_action"]),
        (
            "pm_card_threeDSecure2Required",
            "succeed",
            ["payment_intent.requires_action", "charge.succeeded", "payment_intent.succeeded"],
        ),
        (
            "pm_card_threeDSecure2Required",
            "fail",
            ["payment_intent.requires_action", "payment_intent.payment_failed"],
        ),
    ],
)
def test_every_turn_of_a_payment_is_an_event(
    server: Server, card: str, outcome: str | None, told: list[str]
) -> None:
    form = {"amount": "2500", "currency": "eur", "payment_method": card, "confirm": "true"}
    intent = server.post(
        "/v1/payment_intents", form | {"allowed_payment_method_types[]": "card"}
    ).json()
    if outcome:
        server.authenticate(intent["id"], outcome)
    types = [event.type for event in server.sdk.v1.events.list().data]
    assert types[::-1] == ["payment_intent.created", *told]


def test_a_cancellation_is_an_event(server: Server) -> None:
    intent = server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    server.sdk.v1.payment_intents.cancel(intent.id)
    newest = server.sdk.v1.events.list({"limit": 1}).data[0]
    assert newest.type == "payment_intent.canceled"
    assert server.sdk.v1.events.retrieve(newest.id) == newest


def test_a_request_done_once_is_told_once(server: Server) -> None:
    form = {"amount": "2500", "currency": "eur"}
    for _ in range(3):
        server.post("/v1/payment_intents", form, "key-1")
    assert [event.type for event in server.sdk.v1.events.list().data] == ["payment_intent.created"]


def test_what_is_not_taken_is_sent_again_under_the_same_id(
    server: Server, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 404, 503]
    server.send_webhooks_to(receiver.url)
    server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    events = receiver.wait_for(5)
    assert len({event.id for event in events}) == 1
    taken = until(lambda: server.sdk.v1.events.list({"delivery_success": True}).data)
    assert [event.id for event in taken] == [events[0].id]
    assert len(receiver.received) == 5


def test_an_endpoint_that_was_away_gets_its_events(server: Server) -> None:
    with receiving() as gone:
        server.send_webhooks_to(gone.url)
    server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    (event,) = server.sdk.v1.events.list({"delivery_success": False}).data
    assert event.pending_webhooks == 1
    with receiving(httpx.URL(gone.url).port or 0) as back:
        assert [each.id for each in back.wait_for(1)] == [event.id]


def test_an_old_event_is_given_up(receiver: Receiver) -> None:
    receiver.statuses = [500] * 1000
    backoff = Backoff(first=0.01, factor=1, give_up_after=3600)

    def last_amounts() -> set[int]:
        bodies = [json.loads(body) for body, _ in receiver.received[-10:]]
        return {body["data"]["object"]["amount"] for body in bodies}

    with serving(endpoints=(Endpoint(url=receiver.url, secret=SECRET),), backoff=backoff) as server:
        server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
        receiver.wait_for(3)
        server.clock.ahead = 3600
        server.sdk.v1.payment_intents.create({"amount": 2600, "currency": "eur"})
        until(lambda: last_amounts() == {2600})
        undelivered = server.sdk.v1.events.list({"delivery_success": False}).data
        assert [event.data.object["amount"] for event in undelivered] == [2600, 2500]


def test_only_the_wanted_events_are_sent(server: Server, receiver: Receiver) -> None:
    server.send_webhooks_to(receiver.url, enabled_events=["payment_intent.succeeded"])
    pay(server, "pm_card_visa")
    pay(server, "pm_card_visa")
    receiver.wait_for(2)
    until(lambda: not server.sdk.v1.events.list({"delivery_success": False}).data)
    assert receiver.types() == ["payment_intent.succeeded"] * 2


def test_an_event_can_be_sent_twice(server: Server, receiver: Receiver) -> None:
    server.send_webhooks_to(receiver.url)
    server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    (event,) = receiver.wait_for(1)
    until(lambda: server.sdk.v1.events.retrieve(event.id).pending_webhooks == 0)
    server.http.post(f"/test/events/{event.id}/resend").raise_for_status()
    assert [each.id for each in receiver.wait_for(2)] == [event.id, event.id]


def test_events_are_found_by_type_and_time(server: Server) -> None:
    pay(server, "pm_card_visa")
    server.clock.ahead = 1000
    pay(server, "pm_card_visa")
    events = server.sdk.v1.events
    types = ["charge.succeeded", "payment_intent.succeeded"]
    found = events.list({"types": types, "created": {"gt": server.clock() - 500}}).data
    assert [event.type for event in found] == types[::-1]


def test_the_signature_covers_the_body_and_the_time(server: Server, receiver: Receiver) -> None:
    server.send_webhooks_to(receiver.url)
    server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    receiver.wait_for(1)
    ((body, signature),) = receiver.received
    for tampered, secret in ((body.replace(b"2500", b"9900"), SECRET), (body, "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(tampered, signature, secret)
    expected = stripe.WebhookSignature.generate_signature_header("{}", SECRET, 1700000000)
    assert sign("{}", SECRET, 1700000000) == expected


def test_waits_grow_up_to_a_limit() -> None:
    backoff = Backoff(first=1, factor=2, longest=60)
    assert [backoff.wait(tries) for tries in (1, 2, 3, 6, 7, 100000)] == [1, 2, 4, 32, 60, 60]


def test_a_webhook_needs_an_address_and_a_secret(server: Server) -> None:
    wrong = {"endpoints": [{"url": "ftp://shop", "secret": "nope"}]}
    assert server.http.post("/test/webhooks", json=wrong).status_code == 400
