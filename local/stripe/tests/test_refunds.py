"""Refunds as Stripe's SDK sees them."""

import pytest
import stripe

from local.stripe.tests.support import Server
from local.stripe.tests.test_payment_intents import pay


def test_all_of_a_payment_is_refunded(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    refund = server.sdk.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "reason": "requested_by_customer",
            "metadata": {"orderId": "o-1"},
            "expand": ["charge", "payment_intent.latest_charge"],
        }
    )
    assert (refund.amount, refund.currency, refund.status) == (2500, "eur", "succeeded")
    assert refund.reason == "requested_by_customer"
    assert refund.metadata is not None
    assert refund.metadata.to_dict() == {"orderId": "o-1"}
    assert isinstance(refund.charge, stripe.Charge)
    assert (refund.charge.amount_refunded, refund.charge.refunded) == (2500, True)
    assert isinstance(refund.payment_intent, stripe.PaymentIntent)
    assert refund.payment_intent.status == "succeeded"
    assert isinstance(refund.payment_intent.latest_charge, stripe.Charge)
    assert server.sdk.v1.refunds.retrieve(refund.id).amount == 2500
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as caught:
        server.sdk.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"


def test_parts_are_refunded_up_to_the_whole(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    charge = str(intent.latest_charge)
    server.sdk.v1.refunds.create({"charge": charge, "amount": 1000})
    partly = server.sdk.v1.charges.retrieve(charge)
    assert (partly.amount_refunded, partly.refunded) == (1000, False)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        server.sdk.v1.refunds.create({"charge": charge, "amount": 1501})
    assert caught.value.param == "amount"
    assert caught.value.user_message == (
        "Refund amount (€15.01) is greater than unrefunded amount on charge (€15.00)"
    )
    rest = server.sdk.v1.refunds.create({"payment_intent": intent.id})
    assert rest.amount == 1500
    assert server.sdk.v1.charges.retrieve(charge).refunded


def test_refunds_are_listed_by_payment(server: Server) -> None:
    one, other = pay(server, "pm_card_visa"), pay(server, "pm_card_visa")
    refunds = [
        server.sdk.v1.refunds.create({"payment_intent": one.id, "amount": 100}).id for _ in "ab"
    ]
    server.sdk.v1.refunds.create({"payment_intent": other.id})
    listed = server.sdk.v1.refunds.list({"payment_intent": one.id})
    assert [refund.id for refund in listed.data] == refunds[::-1]
    assert len(server.sdk.v1.refunds.list({"charge": str(other.latest_charge)}).data) == 1
    assert len(server.sdk.v1.refunds.list().data) == 3


def test_what_was_not_paid_is_not_refunded(server: Server) -> None:
    unpaid = server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    with pytest.raises(stripe.CardError) as declined:
        pay(server, "pm_card_visa_chargeDeclined")
    assert declined.value.error is not None
    failed = declined.value.error.charge
    assert failed is not None
    none = "does not have a successful charge to refund"
    with pytest.raises(stripe.InvalidRequestError, match=none):
        server.sdk.v1.refunds.create({"payment_intent": unpaid.id})
    with pytest.raises(stripe.InvalidRequestError, match=none):
        server.sdk.v1.refunds.create({"charge": failed})
    assert server.state()["refunds"] == []


def test_a_refund_names_a_payment_there_is(server: Server) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        server.sdk.v1.refunds.create({"payment_intent": "pi_nobody"})
    assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="No such charge: 'ch_nobody'"):
        server.sdk.v1.refunds.create({"charge": "ch_nobody"})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge") as caught:
        server.sdk.v1.refunds.create({"amount": 100})
    assert caught.value.code == "parameter_missing"
    one, other = pay(server, "pm_card_visa"), pay(server, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="does not belong to PaymentIntent"):
        server.sdk.v1.refunds.create({"charge": str(one.latest_charge), "payment_intent": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="must be one of duplicate"):
        server.sdk.v1.refunds.create({"payment_intent": one.id, "reason": "whim"})


def test_a_refund_that_the_bank_sends_back_can_be_made_anew(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    part = server.sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    server.http.post(f"/test/refunds/{part.id}/fail").raise_for_status()
    failed = server.sdk.v1.refunds.retrieve(part.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = server.sdk.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    told = [event for event in server.state()["events"] if event["type"] == "refund.failed"]
    assert [event["data"]["previous_attributes"] for event in told] == [
        {"status": "succeeded", "failure_reason": None}
    ]
    assert server.http.post(f"/test/refunds/{part.id}/fail").status_code == 400
    assert server.http.post("/test/refunds/re_nobody/fail").status_code == 404
    assert server.sdk.v1.refunds.create({"payment_intent": intent.id}).amount == 2500


def test_a_refund_in_part_says_what_it_changed(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    metadata = {"orderId": "o-1", "refundId": "part-1"}
    for amount in (1000, 1500):
        server.sdk.v1.refunds.create(
            {"payment_intent": intent.id, "amount": amount, "metadata": metadata}
        )
    told = [event for event in server.state()["events"] if event["type"] == "charge.refunded"]
    assert [event["data"]["previous_attributes"] for event in told] == [
        {"amount_refunded": 0},
        {"amount_refunded": 1000, "refunded": False},
    ]
    assert [event["data"]["object"]["amount_refunded"] for event in told] == [1000, 2500]


def test_the_books_of_a_day_are_read_in_pages(server: Server) -> None:
    """As who compares them with their own does: by time, with what was given back of each."""
    first = server.clock()
    made = [pay(server, "pm_card_visa") for _ in range(3)]
    server.sdk.v1.refunds.create({"payment_intent": made[1].id, "amount": 700})
    server.clock.ahead = 90_000
    pay(server, "pm_card_visa")
    until = first + 86_400
    page = server.sdk.v1.payment_intents.list(
        {
            "created": {"gte": first, "lt": until},
            "limit": 2,
            "expand": ["data.latest_charge"],
        }
    )
    seen = list(page.auto_paging_iter())
    assert [intent.id for intent in seen] == [intent.id for intent in made[::-1]]
    charges = [intent.latest_charge for intent in seen]
    assert [c.amount_refunded for c in charges if isinstance(c, stripe.Charge)] == [0, 700, 0]
    (refund,) = server.sdk.v1.refunds.list(
        {"created": {"gte": first, "lt": until}, "expand": ["data.payment_intent"]}
    )
    assert isinstance(refund.payment_intent, stripe.PaymentIntent)
    assert refund.payment_intent.id == made[1].id


def test_an_error_that_did_nothing_is_kept_too(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    form = {"payment_intent": intent.id, "amount": "1000"}
    server.fault("in_vain")
    first, again = (server.post("/v1/refunds", form, key="part-1:0") for _ in range(2))
    assert (first.status_code, again.status_code) == (500, 500)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert server.state()["refunds"] == []
    assert server.post("/v1/refunds", form, key="part-1:1").status_code == 200
