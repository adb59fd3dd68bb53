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
