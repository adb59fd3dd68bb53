"""Payment intents as Stripe's SDK sees them."""

from typing import Any

import httpx
import pytest
import stripe
from stripe.params import PaymentIntentCreateParamsAutomaticPaymentMethods

from local.stripe.tests.support import Server

CARDS: PaymentIntentCreateParamsAutomaticPaymentMethods = {
    "enabled": True,
    "allow_redirects": "never",
}
"""Automatic payment methods without redirects: no `return_url` is needed."""


def create(server: Server, **more: Any) -> stripe.PaymentIntent:
    asked: Any = {"amount": 2500, "currency": "eur", **more}
    return server.sdk.v1.payment_intents.create(asked)


def pay(server: Server, card: str, **more: Any) -> stripe.PaymentIntent:
    return create(
        server, payment_method=card, confirm=True, automatic_payment_methods=CARDS, **more
    )


@pytest.mark.parametrize(
    ("card", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "0005"),
    ],
)
def test_a_good_card_pays(server: Server, card: str, brand: str, last4: str) -> None:
    intent = pay(
        server,
        card,
        metadata={"orderId": "o-1"},
        description="Order o-1",
        receipt_email="ann@example.com",
        expand=["latest_charge", "payment_method"],
    )
    assert intent.status == "succeeded"
    assert (intent.amount, intent.amount_received, intent.currency) == (2500, 2500, "eur")
    assert intent.metadata.to_dict() == {"orderId": "o-1"}
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.next_action is None
    assert intent.last_payment_error is None
    method = intent.payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.id.startswith("pm_")
    assert method.id != card
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.status, charge.paid, charge.captured) == ("succeeded", True, True)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (2500, 2500, 0)
    assert charge.receipt_email == "ann@example.com"
    assert charge.description == "Order o-1"
    assert charge.payment_method_details is not None
    paid_with = charge.payment_method_details.card
    assert paid_with is not None
    assert (paid_with.brand, paid_with.last4) == (brand, last4)
    assert server.sdk.v1.charges.retrieve(charge.id).payment_intent == intent.id
    assert server.sdk.v1.payment_methods.retrieve(method.id).type == "card"


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "message"),
    [
        (
            "pm_card_visa_chargeDeclined",
            "card_declined",
            "generic_decline",
            "Your card was declined.",
        ),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        (
            "pm_card_visa_chargeDeclinedLostCard",
            "card_declined",
            "lost_card",
            "Your card was declined.",
        ),
        (
            "pm_card_visa_chargeDeclinedStolenCard",
            "card_declined",
            "stolen_card",
            "Your card was declined.",
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
            "Your card has expired.",
        ),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
        ),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ],
)
def test_a_bad_card_is_declined(
    server: Server, card: str, code: str, decline_code: str, message: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(server, card)
    assert caught.value.http_status == 402
    assert caught.value.user_message == message
    error = caught.value.error
    assert error is not None
    assert (error.type, error.code, error.decline_code) == ("card_error", code, decline_code)
    intent = error.payment_intent
    assert intent is not None
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.amount_received == 0
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == decline_code
    assert intent.last_payment_error.payment_method is not None
    assert error.charge is not None
    assert intent.latest_charge == error.charge
    charge = server.sdk.v1.charges.retrieve(error.charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert server.sdk.v1.payment_intents.retrieve(intent.id) == intent


def test_a_declined_intent_is_paid_with_another_card(server: Server) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(server, "pm_card_visa_chargeDeclined")
    assert caught.value.error is not None
    declined = caught.value.error.payment_intent
    assert declined is not None
    intent = server.sdk.v1.payment_intents.confirm(
        declined.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.id != declined.latest_charge
    charges = server.sdk.v1.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_an_intent_goes_through_its_states(server: Server) -> None:
    intent = create(server)
    assert intent.status == "requires_payment_method"
    with_card = create(server, payment_method="pm_card_visa", allowed_payment_method_types=["card"])
    assert with_card.status == "requires_confirmation"
    assert with_card.automatic_payment_methods is None
    assert with_card.allowed_payment_method_types == ["card"]
    assert server.sdk.v1.payment_intents.confirm(with_card.id).status == "succeeded"
    assert intent.automatic_payment_methods is not None
    assert intent.automatic_payment_methods.allow_redirects == "always"
    paid = server.sdk.v1.payment_intents.confirm(
        intent.id,
        {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"},
    )
    assert paid.status == "succeeded"


def test_without_a_payment_method_nothing_is_confirmed(server: Server) -> None:
    intent = create(server, allowed_payment_method_types=["card"])
    with pytest.raises(stripe.InvalidRequestError) as caught:
        server.sdk.v1.payment_intents.confirm(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        create(server, confirm=True, allowed_payment_method_types=["card"])


def test_only_cards_confirm_an_intent(server: Server) -> None:
    intent = create(server, allowed_payment_method_types=["card"])
    with pytest.raises(stripe.InvalidRequestError, match="is not allowed") as caught:
        server.sdk.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_usBankAccount_success"}
        )
    assert caught.value.param == "payment_method"
    path = f"/v1/payment_intents/{intent.id}/confirm"
    withdrawn = server.post(path, {"payment_method_types[]": "card"})
    assert withdrawn.status_code == 400
    assert withdrawn.json()["error"]["code"] == "payment_method_types_no_longer_supported"
    assert (
        server.sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status
        == "succeeded"
    )


def test_redirects_need_a_way_back(server: Server) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="must provide a `return_url`"):
        create(server, payment_method="pm_card_visa", confirm=True)
    intent = create(server, payment_method="pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="must provide a `return_url`"):
        server.sdk.v1.payment_intents.confirm(intent.id)


def test_a_paid_intent_is_neither_confirmed_nor_canceled(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded") as caught:
        server.sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="a status of succeeded") as caught:
        server.sdk.v1.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert len(server.state()["charges"]) == 1


def test_a_canceled_intent_stays_canceled(server: Server) -> None:
    intent = create(server, payment_method="pm_card_visa")
    canceled = server.sdk.v1.payment_intents.cancel(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert canceled.status == "canceled"
    assert canceled.cancellation_reason == "requested_by_customer"
    assert canceled.canceled_at is not None
    for again in (server.sdk.v1.payment_intents.cancel, server.sdk.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError, match="a status of canceled"):
            again(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="must be one of duplicate, fraudulent"):
        server.sdk.v1.payment_intents.cancel(create(server).id, {"cancellation_reason": "whim"})


@pytest.mark.parametrize(
    "card", ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"]
)
def test_3d_secure_passed_pays(server: Server, card: str) -> None:
    intent = pay(server, card)
    assert intent.status == "requires_action"
    assert intent.latest_charge is None
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.client_secret is not None
    paid = server.authenticate(intent.id, "succeed")
    assert paid["status"] == "succeeded"
    charge = server.sdk.v1.charges.retrieve(paid["latest_charge"])
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.three_d_secure is not None
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    again = server.http.post(
        f"/test/payment_intents/{intent.id}/authenticate", json={"outcome": "succeed"}
    )
    assert again.status_code == 400
    assert len(server.state()["charges"]) == 1


def test_3d_secure_failed_asks_for_another_card(server: Server) -> None:
    intent = pay(server, "pm_card_threeDSecure2Required")
    failed = server.authenticate(intent.id, "fail")
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert (failed["latest_charge"], failed["next_action"]) == (None, None)
    assert server.state()["charges"] == []


def test_3d_secure_passed_may_still_be_declined(server: Server) -> None:
    intent = pay(server, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    declined = server.authenticate(intent.id, "succeed")
    assert declined["status"] == "requires_payment_method"
    assert declined["last_payment_error"]["decline_code"] == "insufficient_funds"


def test_the_browser_goes_through_3d_secure_and_back(server: Server) -> None:
    intent = pay(
        server, "pm_card_threeDSecure2Required", return_url="https://shop.example/back?order=o-1"
    )
    assert intent.next_action is not None
    redirect = intent.next_action.redirect_to_url
    assert redirect is not None
    assert redirect.return_url == "https://shop.example/back?order=o-1"
    assert redirect.url is not None
    assert "<form method=post" in server.http.get(redirect.url).text
    answer = server.http.post(redirect.url, data={"outcome": "succeed"})
    assert answer.status_code == 303
    back = httpx.URL(answer.headers["location"])
    assert dict(back.params) == {
        "order": "o-1",
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded",
    }


def test_error_on_requires_action_declines_without_a_charge(server: Server) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(server, "pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert (caught.value.http_status, caught.value.code) == (402, "authentication_required")
    assert caught.value.error is not None
    assert caught.value.error.charge is None
    assert caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.status == "requires_payment_method"
    assert caught.value.error.payment_intent.latest_charge is None
    assert pay(server, "pm_card_visa", error_on_requires_action=True).status == "succeeded"


def test_off_session_the_bank_declines_what_needs_authentication(server: Server) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(server, "pm_card_authenticationRequired", off_session=True)
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "authentication_required"
    assert caught.value.error.charge is not None


def test_a_payment_method_pays_once(server: Server) -> None:
    intent = pay(server, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="previously used") as caught:
        pay(server, str(intent.payment_method))
    assert caught.value.param == "payment_method"
    fresh = server.sdk.v1.payment_methods.retrieve("pm_card_visa")
    assert pay(server, fresh.id).payment_method == fresh.id


@pytest.mark.parametrize(
    ("asked", "code", "param", "message"),
    [
        ({"amount": "ten"}, "parameter_invalid_integer", "amount", "Invalid integer: ten"),
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 10.5"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount", "greater than or equal to 1"),
        ({"amount": "-5"}, "parameter_invalid_integer", "amount", "greater than or equal to 1"),
        ({"amount": "100000000"}, "amount_too_large", "amount", "no more than $999,999.99"),
        ({"amount": "49"}, "amount_too_small", "amount", "at least €0.50 eur"),
        ({"amount": ""}, "parameter_invalid_empty", "amount", "an empty string for 'amount'"),
        ({"currency": "zzz"}, None, "currency", "Invalid currency: zzz"),
        ({"confirm": "yes"}, None, "confirm", "Invalid boolean: yes"),
        ({"colour": "red"}, "parameter_unknown", "colour", "unknown parameter: colour"),
        ({"customer": "cus_1"}, "parameter_unknown", "customer", "leaves out `customer`"),
        ({"capture_method": "manual"}, None, "capture_method", "must be one of automatic or"),
        ({"receipt_email": "ann"}, "email_invalid", "receipt_email", "Invalid email address: ann"),
        ({"metadata": "x"}, None, "metadata", "Invalid hash"),
        ({"metadata[k]": "x" * 501}, None, "metadata", "up to 500 characters"),
        (
            {"allowed_payment_method_types[0]": "paypal"},
            None,
            "allowed_payment_method_types[0]",
            "must be one of card",
        ),
        (
            {"payment_method_types[0]": "card"},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
            "no longer supported",
        ),
        (
            {"payment_method": "pm_usBankAccount_success"},
            "payment_intent_incompatible_payment_method",
            "payment_method",
            "(us_bank_account) is not allowed",
        ),
        (
            {"automatic_payment_methods[allow_redirects]": "never"},
            "parameter_missing",
            "automatic_payment_methods[enabled]",
            "Missing required param",
        ),
        (
            {
                "automatic_payment_methods[colour]": "red",
                "automatic_payment_methods[enabled]": "true",
            },
            "parameter_unknown",
            "automatic_payment_methods[colour]",
            "unknown parameter: automatic_payment_methods[colour]",
        ),
        (
            {
                "allowed_payment_method_types[]": "card",
                "automatic_payment_methods[enabled]": "true",
            },
            None,
            None,
            "only specify one of these parameters",
        ),
        ({"off_session": "true"}, None, None, "only pass off_session when confirm is true"),
        ({"expand[]": "colour"}, None, "expand", "cannot be expanded (colour)"),
        (
            {"payment_method": "pm_nobody"},
            "resource_missing",
            "payment_method",
            "No such PaymentMethod: 'pm_nobody'",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_as_stripe_does(
    server: Server, asked: dict[str, str], code: str | None, param: str | None, message: str
) -> None:
    answer = server.post("/v1/payment_intents", {"amount": "2500", "currency": "eur"} | asked)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error.get("param")) == (code, param)
    assert message in error["message"]
    assert server.state()["payment_intents"] == []


@pytest.mark.parametrize("name", ["amount", "currency"])
def test_what_is_needed_must_be_given(server: Server, name: str) -> None:
    asked = {"amount": "2500", "currency": "eur"}
    del asked[name]
    error = server.post("/v1/payment_intents", asked).json()["error"]
    assert (error["code"], error["param"]) == ("parameter_missing", name)
    assert error["message"] == f"Missing required param: {name}."


def test_a_metadata_key_may_look_like_an_index_and_unset_with_nothing(server: Server) -> None:
    intent = create(server, metadata={"0": "zero", "braces": "{a}[b]&c=é", "gone": ""})
    assert intent.metadata.to_dict() == {"0": "zero", "braces": "{a}[b]&c=é"}


def test_an_unknown_id_is_not_found(server: Server) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        server.sdk.v1.payment_intents.retrieve("pi_nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert caught.value.user_message == "No such payment_intent: 'pi_nobody'"
    for retrieve in (
        server.sdk.v1.charges.retrieve,
        server.sdk.v1.refunds.retrieve,
        server.sdk.v1.events.retrieve,
        server.sdk.v1.payment_methods.retrieve,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such") as missing:
            retrieve("xx_nobody")
        assert missing.value.http_status == 404


def test_lists_are_paged_newest_first(server: Server) -> None:
    ids = [create(server).id for _ in range(5)]
    ids.reverse()
    first = server.sdk.v1.payment_intents.list({"limit": 2})
    assert ([intent.id for intent in first.data], first.has_more) == (ids[:2], True)
    assert [intent.id for intent in first.auto_paging_iter()] == ids
    last = server.sdk.v1.payment_intents.list({"limit": 2, "starting_after": ids[3]})
    assert ([intent.id for intent in last.data], last.has_more) == (ids[4:], False)
    before = server.sdk.v1.payment_intents.list({"limit": 2, "ending_before": ids[3]})
    assert ([intent.id for intent in before.data], before.has_more) == (ids[1:3], True)
    assert len(server.sdk.v1.payment_intents.list().data) == 5
    with pytest.raises(stripe.InvalidRequestError, match="less than or equal to 100"):
        server.sdk.v1.payment_intents.list({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        server.sdk.v1.payment_intents.list({"starting_after": "pi_nobody"})


def test_lists_may_be_bounded_in_time_and_expanded(server: Server) -> None:
    early = pay(server, "pm_card_visa")
    server.clock.ahead = 1000
    late = pay(server, "pm_card_visa")
    service = server.sdk.v1.payment_intents
    assert [each.id for each in service.list({"created": {"gte": late.created}}).data] == [late.id]
    assert [each.id for each in service.list({"created": {"lt": late.created}}).data] == [early.id]
    found = service.list({"created": early.created, "expand": ["data.latest_charge"]}).data
    assert [each.id for each in found] == [early.id]
    assert isinstance(found[0].latest_charge, stripe.Charge)


@pytest.mark.parametrize("key", ["sk_live_123", "pk_test_123", "nonsense"])
def test_only_a_secret_test_key_is_taken(server: Server, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        server.client(key).v1.payment_intents.list()


def test_a_key_is_needed_and_basic_authentication_will_do(server: Server) -> None:
    answer = server.http.get("/v1/payment_intents")
    assert answer.status_code == 401
    assert "did not provide an API key" in answer.json()["error"]["message"]
    assert server.http.get("/v1/payment_intents", auth=("sk_test_123", "")).status_code == 200
    broken = server.http.get(
        "/v1/payment_intents", headers=[(b"Authorization", "Basic é".encode())]
    )
    assert broken.status_code == 401


def test_every_answer_names_its_request_and_version(server: Server) -> None:
    headers = {"Authorization": "Bearer sk_test_123", "Stripe-Version": "2025-01-27.acacia"}
    good = server.http.get("/v1/payment_intents", headers=headers)
    bad = server.http.get("/v1/payment_intents/pi_nobody", headers=headers)
    assert good.headers["request-id"].startswith("req_")
    assert bad.headers["request-id"].startswith("req_")
    assert good.headers["request-id"] != bad.headers["request-id"]
    assert good.headers["stripe-version"] == "2025-01-27.acacia"


def test_what_is_not_there_is_said_in_stripes_form(server: Server) -> None:
    unknown = server.http.get("/v1/customers")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"].startswith(
        "Unrecognized request URL (GET: /v1/customers)"
    )
    headers = {"Authorization": "Bearer sk_test_123"}
    json_body = server.http.post("/v1/refunds", json={"amount": 1}, headers=headers)
    assert json_body.status_code == 400
    assert "application/x-www-form-urlencoded" in json_body.json()["error"]["message"]


def test_health_and_reset(server: Server) -> None:
    assert server.http.get("/health").json() == {"status": "ok"}
    pay(server, "pm_card_visa")
    server.http.post("/test/reset").raise_for_status()
    assert server.state() == {"payment_intents": [], "charges": [], "refunds": [], "events": []}
