"""Idempotency keys, and the faults they are there for."""

from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import pytest
import stripe
from hypothesis import given, settings

from local.stripe.tests.support import Server, until
from local.stripe.tests.test_payment_intents import CARDS, pay

PAYMENT = {
    "amount": "2500",
    "currency": "eur",
    "payment_method": "pm_card_visa",
    "allowed_payment_method_types[]": "card",
    "confirm": "true",
}
INTENTS = "/v1/payment_intents"
DAY = 24 * 60 * 60


def test_the_same_request_again_has_the_same_answer_and_one_charge(server: Server) -> None:
    first = server.post(INTENTS, PAYMENT, "key-1")
    again = server.post(INTENTS, dict(reversed(PAYMENT.items())), "key-1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert len(server.state()["charges"]) == 1


def test_without_the_key_it_is_another_request(server: Server) -> None:
    server.post(INTENTS, PAYMENT)
    server.post(INTENTS, PAYMENT)
    server.post(INTENTS, PAYMENT, "key-1")
    server.post(INTENTS, PAYMENT, "key-2")
    assert len(server.state()["charges"]) == 4


def test_a_decline_is_kept_too(server: Server) -> None:
    declined = PAYMENT | {"payment_method": "pm_card_visa_chargeDeclined"}
    first = server.post(INTENTS, declined, "key-1")
    again = server.post(INTENTS, declined, "key-1")
    assert first.status_code == again.status_code == 402
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert len(server.state()["charges"]) == 1


def test_a_refund_is_made_once(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    made = {
        server.sdk.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 700}, {"idempotency_key": "refund-1"}
        ).id
        for _ in range(3)
    }
    assert len(made) == 1
    assert [refund["amount"] for refund in server.state()["refunds"]] == [700]


def test_the_kept_answer_stays_as_it_was(server: Server) -> None:
    form = {"amount": "2500", "currency": "eur"}
    first = server.post(INTENTS, form, "key-1")
    server.sdk.v1.payment_intents.cancel(first.json()["id"])
    assert server.post(INTENTS, form, "key-1").json()["status"] == "requires_payment_method"


def test_a_wrong_parameter_leaves_the_key_free(server: Server) -> None:
    wrong = server.post(INTENTS, PAYMENT | {"amount": "ten"}, "key-1")
    assert wrong.status_code == 400
    right = server.post(INTENTS, PAYMENT, "key-1")
    assert right.status_code == 200
    assert "idempotent-replayed" not in right.headers


def test_what_failed_in_the_doing_is_kept(server: Server) -> None:
    form = {"payment_intent": "pi_nobody"}
    first = server.post("/v1/refunds", form, "key-1")
    again = server.post("/v1/refunds", form, "key-1")
    assert first.status_code == again.status_code == 400
    assert again.headers["idempotent-replayed"] == "true"


def test_other_parameters_are_refused(server: Server) -> None:
    server.post(INTENTS, PAYMENT, "key-1")
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        server.sdk.v1.payment_intents.create(
            {"amount": 9900, "currency": "eur"}, {"idempotency_key": "key-1"}
        )
    assert caught.value.http_status == 400
    assert len(server.state()["payment_intents"]) == 1


def test_another_endpoint_is_refused(server: Server) -> None:
    intent = server.post(INTENTS, PAYMENT, "key-1").json()["id"]
    answer = server.post("/v1/refunds", {"payment_intent": intent}, "key-1")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"
    assert "('/v1/refunds' vs '/v1/payment_intents')" in answer.json()["error"]["message"]
    assert server.state()["refunds"] == []


def test_a_key_is_kept_for_a_day(server: Server) -> None:
    first = server.post(INTENTS, PAYMENT, "key-1").json()["id"]
    server.clock.ahead = DAY - 60
    assert server.post(INTENTS, PAYMENT, "key-1").json()["id"] == first
    server.clock.ahead = DAY + 60
    assert server.post(INTENTS, PAYMENT, "key-1").json()["id"] != first


def test_a_key_has_a_length(server: Server) -> None:
    assert server.post(INTENTS, PAYMENT, "k" * 255).status_code == 200
    assert server.post(INTENTS, PAYMENT, "k" * 256).status_code == 400


def test_reading_takes_no_key(server: Server) -> None:
    headers = {"Authorization": "Bearer sk_test_123", "Idempotency-Key": "key-1"}
    assert server.http.get(INTENTS, headers=headers).json()["data"] == []
    server.post(INTENTS, PAYMENT, "key-1")
    assert len(server.http.get(INTENTS, headers=headers).json()["data"]) == 1


def test_two_at_once_under_one_key_make_one_charge(server: Server) -> None:
    server.fault("late", delay=1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.post, INTENTS, PAYMENT, "key-1")
        until(lambda: server.state()["charges"])
        second = server.post(INTENTS, PAYMENT, "key-1")
        assert second.status_code == 409
        error = second.json()["error"]
        assert (error["type"], error["code"]) == ("idempotency_error", "idempotency_key_in_use")
        assert server.post(INTENTS, PAYMENT, "key-2").status_code == 200
        assert first.result().status_code == 200
    third = server.post(INTENTS, PAYMENT, "key-1")
    assert third.content == first.result().content
    assert len(server.state()["charges"]) == 2


def test_down_does_nothing(server: Server) -> None:
    server.fault("down", count=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            pay(server, "pm_card_visa")
        assert caught.value.http_status == 503
    assert server.state()["payment_intents"] == []
    assert pay(server, "pm_card_visa").status == "succeeded"


def test_down_until_it_is_mended(server: Server) -> None:
    server.fault("down", count=None)
    assert {server.post(INTENTS, PAYMENT, "key-1").status_code for _ in range(5)} == {503}
    server.fault("none")
    answer = server.post(INTENTS, PAYMENT, "key-1")
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


def test_a_lost_answer_is_found_again_under_its_key(server: Server) -> None:
    server.fault("lose_answer", count=1)
    lost = server.post(INTENTS, PAYMENT, "key-1")
    assert (lost.status_code, lost.json()["error"]["type"]) == (500, "api_error")
    assert [charge["paid"] for charge in server.state()["charges"]] == [True]
    found = server.post(INTENTS, PAYMENT, "key-1")
    assert (found.status_code, found.json()["status"]) == (200, "succeeded")
    assert found.headers["idempotent-replayed"] == "true"
    assert len(server.state()["charges"]) == 1


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_visa_chargeDeclined"])
def test_a_500_that_came_after_the_key_was_taken_is_kept(server: Server, card: str) -> None:
    asked = PAYMENT | {"payment_method": card}
    server.fault("broken", count=1)
    first = server.post(INTENTS, asked, "key-1")
    assert (first.status_code, first.json()["error"]["type"]) == (500, "api_error")
    again = server.post(INTENTS, asked, "key-1")
    assert (again.status_code, again.content) == (500, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    for answer in (first, again):
        assert answer.headers["stripe-should-retry"] == "false"
    assert [charge["paid"] for charge in server.state()["charges"]] == [card == "pm_card_visa"]


def test_the_sdk_does_not_repeat_what_stripe_would_only_replay(server: Server) -> None:
    server.fault("broken", count=1)
    options: stripe.RequestOptions = {"idempotency_key": "key-1"}
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            server.client(retries=2).v1.payment_intents.create(
                {
                    "amount": 2500,
                    "currency": "eur",
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                    "allowed_payment_method_types": ["card"],
                },
                options,
            )
        assert caught.value.http_status == 500
    assert len(server.state()["charges"]) == 1


def test_broken_without_a_key_is_broken_once(server: Server) -> None:
    server.fault("broken", count=1)
    assert server.post(INTENTS, PAYMENT).status_code == 500
    assert server.post(INTENTS, PAYMENT).status_code == 200
    assert len(server.state()["charges"]) == 2


def test_the_sdks_own_retry_pays_once(server: Server) -> None:
    server.fault("lose_answer", count=1)
    intent = server.client(retries=2).v1.payment_intents.create(
        {
            "amount": 2500,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": CARDS,
        }
    )
    assert intent.status == "succeeded"
    assert [charge["payment_intent"] for charge in server.state()["charges"]] == [intent.id]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["key-1", "key-2"]),
            st.sampled_from(["pm_card_visa", "pm_card_visa_chargeDeclined"]),
            st.sampled_from(["none", "down", "lose_answer", "broken"]),
        ),
        max_size=10,
    )
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_lost_a_key_makes_one_charge(
    running: Server, attempts: list[tuple[str, str, str]]
) -> None:
    server = running
    server.http.post("/test/reset").raise_for_status()
    done: dict[str, str] = {}
    broken: set[str] = set()
    answered: dict[str, bytes] = {}
    for key, card, fault in attempts:
        server.fault(fault)
        answer = server.post(INTENTS, PAYMENT | {"payment_method": card, "metadata[key]": key}, key)
        if fault == "broken" and key not in done:
            broken.add(key)
        if fault != "down":
            done.setdefault(key, card)
        if fault == "down":
            assert answer.status_code == 503
        elif fault == "lose_answer":
            assert answer.status_code == 500
        elif card != done[key]:
            assert answer.json()["error"]["type"] == "idempotency_error"
        else:
            expected = 500 if key in broken else 200 if card == "pm_card_visa" else 402
            assert answer.status_code == expected
            assert answered.setdefault(key, answer.content) == answer.content
    charges = server.state()["charges"]
    assert {charge["metadata"]["key"]: charge["paid"] for charge in charges} == {
        key: card == "pm_card_visa" for key, card in done.items()
    }
    assert len(charges) == len(done)


def test_a_wrong_fault_is_refused(server: Server) -> None:
    answer = server.http.post("/test/faults", json={"mode": "sulk"})
    assert answer.status_code == 400
    assert "mode" in answer.json()["error"]["message"]
