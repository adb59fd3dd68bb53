"""The rules of the checkout, by example and by property."""

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api.bill import MAX_GROSS, Terms, included_tax
from public_api.checkout import OrderRequest, Shopper, check_out, identify
from public_api.model import now
from public_api.order import Submission
from public_api.refusal import Refusal
from public_api.toy import Availability, Fulfilment, Toy

SHOPPER = Shopper(customer_id="shopper-1", email="shopper@example.com")
TERMS = Terms(currency="EUR", tax_rate="0.15", shipping_fee=495, free_shipping_from=5000)
ADDRESS = {
    "name": "Shopper",
    "line1": "1 Example Street",
    "city": "Dublin",
    "postalCode": "D01",
    "country": "IE",
}

rates = st.integers(0, 9999).map(lambda n: str(Decimal(n) / 10_000))


def toy(toy_id: str, price: int, **changes: Any) -> Toy:
    at = now()
    plain = Toy(
        toy_id=toy_id,
        name=f"The {toy_id}",
        description="",
        category="Outdoor",
        brand="Brand",
        price=price,
        currency="EUR",
        availability=Availability.IN_STOCK,
        created_at=at,
        updated_at=at,
    )
    return plain.model_copy(update=changes)


def request(*lines: tuple[str, int]) -> OrderRequest:
    wanted = [{"toyId": toy_id, "quantity": quantity} for toy_id, quantity in lines]
    return OrderRequest.model_validate(
        {"lines": wanted, "shippingAddress": ADDRESS, "paymentMethodId": "pm_card_visa"}
    )


def bought(*toys: tuple[Toy, int], terms: Terms = TERMS) -> Submission:
    """What so many of each toy come to."""
    wanted = request(*((toy.toy_id, quantity) for toy, quantity in toys))
    shelf = {toy.toy_id: toy for toy, _ in toys}
    return check_out("order-1", SHOPPER, wanted, shelf, terms, now())


def test_prices_and_names_are_those_of_the_catalogue() -> None:
    order = bought((toy("kite", 1999), 2))
    (line,) = order.lines
    assert (line.toy_id, line.name, line.price, line.quantity) == ("kite", "The kite", 1999, 2)
    assert (order.shipping, order.gross, order.tax, order.net) == (495, 4493, 586, 3907)
    assert (order.currency, order.tax_rate) == ("EUR", "0.15")


@pytest.mark.parametrize(("price", "shipping"), [(4999, 495), (5000, 0), (5001, 0)])
def test_shipping_is_free_from_a_price_on(price: int, shipping: int) -> None:
    assert bought((toy("kite", price), 1)).shipping == shipping


def test_shipping_is_for_what_goes_by_parcel() -> None:
    kite, plan = toy("kite", 1000), toy("plan", 9000, fulfilment=Fulfilment.DIGITAL)
    assert bought((plan, 9)).shipping == 0
    assert bought((plan, 9), (kite, 1)).shipping == 495
    assert bought((plan, 9), (kite, 5)).shipping == 0
    assert [line.fulfilment for line in bought((plan, 1), (kite, 1)).lines] == ["digital", "parcel"]


@given(
    prices=st.lists(
        st.tuples(st.integers(1, 9_999), st.integers(1, 99), st.sampled_from(Fulfilment)),
        min_size=1,
        max_size=50,
    ),
    rate=rates,
    fee=st.integers(0, 10_000),
    free_from=st.integers(0, 1_000_000),
)
def test_every_amount_adds_up(
    prices: list[tuple[int, int, Fulfilment]], rate: str, fee: int, free_from: int
) -> None:
    terms = Terms(currency="EUR", tax_rate=rate, shipping_fee=fee, free_shipping_from=free_from)
    order = bought(
        *(
            (toy(f"toy-{n}", price, fulfilment=way), count)
            for n, (price, count, way) in enumerate(prices)
        ),
        terms=terms,
    )
    goods = sum(price * count for price, count, _ in prices)
    parcel = [price * count for price, count, way in prices if way is Fulfilment.PARCEL]
    assert order.shipping == (fee if parcel and sum(parcel) < free_from else 0)
    assert order.gross == goods + order.shipping
    assert order.net + order.tax == order.gross
    assert order.tax == included_tax(order.gross, rate)


@given(gross=st.integers(0, MAX_GROSS), rate=rates)
def test_tax_is_rounded_half_up(gross: int, rate: str) -> None:
    tax, exact = included_tax(gross, rate), gross * Fraction(rate) / (1 + Fraction(rate))
    assert -Fraction(1, 2) <= exact - tax < Fraction(1, 2)
    with localcontext(prec=60):
        decimal = gross * Decimal(rate) / (1 + Decimal(rate))
        assert tax == decimal.quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize(("gross", "tax"), [(0, 0), (1, 1), (3, 2), (5, 3)])
def test_half_a_cent_of_tax_is_a_whole_one(gross: int, tax: int) -> None:
    """At a rate of 1 half of the gross is tax, so that every other gross is a tie."""
    assert included_tax(gross, "1") == tax


def test_toys_that_are_not_on_sale_are_named() -> None:
    wanted = request(("kite", 1), ("ghost", 1), ("dragon", 1))
    with pytest.raises(Refusal, match="ghost, dragon") as refused:
        check_out("order-1", SHOPPER, wanted, {"kite": toy("kite", 1)}, TERMS, now())
    assert (refused.value.code, refused.value.details) == ("UNKNOWN_TOY", ["ghost", "dragon"])


def test_a_toy_in_another_currency_is_refused() -> None:
    with pytest.raises(Refusal, match="EUR") as refused:
        bought((toy("kite", 1, currency="USD"), 1))
    assert refused.value.code == "OTHER_CURRENCY"


def test_a_toy_that_is_sold_out_passes() -> None:
    assert bought((toy("kite", 1, availability=Availability.SOLD_OUT), 1)).lines


def test_an_order_costs_no_more_than_a_card_pays() -> None:
    assert bought((toy("castle", MAX_GROSS), 1)).gross == MAX_GROSS
    with pytest.raises(Refusal, match="99999999 are the most") as refused:
        bought((toy("castle", MAX_GROSS), 1), (toy("kite", 1), 1))
    assert refused.value.code == "OUT_OF_BOUNDS"


keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255)


@given(sub=st.uuids().map(str), key=keys)
def test_the_order_id_follows_from_shopper_and_key(sub: str, key: str) -> None:
    shopper = Shopper(customer_id=sub, email="one@example.com")
    order_id = identify(shopper, key)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", order_id)
    assert identify(shopper.model_copy(update={"email": "two@example.com"}), key) == order_id
    assert identify(shopper, key + "!") != order_id
    assert identify(SHOPPER, key) != order_id


def test_the_order_id_of_a_key_never_changes() -> None:
    """Or else a request made before a deployment, and again after it, would make two orders."""
    assert identify(SHOPPER, "key-1") == "M3V25NQ05BA6N1BBKN1JW81GBA"


def test_the_fingerprint_is_of_the_content_not_of_its_spelling() -> None:
    body = request(("kite", 1), ("dragon", 2))
    spelt = OrderRequest.model_validate_json(
        '{"paymentMethodId": "pm_card_visa", "shippingAddress": {"country": "IE", "line2": null,'
        ' "postalCode": "D01", "city": "Dublin", "line1": "1 Example Street", "name": "Shopper"},'
        ' "lines": [{"quantity": 1, "toyId": "kite"}, {"quantity": 2, "toyId": "dragon"}]}'
    )
    assert spelt.fingerprint == body.fingerprint
    assert request(("kite", 1), ("dragon", 3)).fingerprint != body.fingerprint
    assert request(("dragon", 2), ("kite", 1)).fingerprint != body.fingerprint
    irish = body.model_copy(update={"locale": "en-IE"})
    assert irish.fingerprint != body.fingerprint
    assert irish.model_copy(update={"locale": "en"}).fingerprint == body.fingerprint


def test_the_fingerprint_of_a_body_never_changes() -> None:
    """Or else a request made before a deployment, and again after it, would be refused."""
    known = "fdea514e22e2955849e7a8841f5cbd564cabbac1da8fe2c54eaa382a08a673ae"
    assert request(("kite", 1), ("dragon", 2)).fingerprint == known
