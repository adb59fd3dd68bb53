"""Quotes: what a basket comes to, by the same rules as an order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api.bill import MAX_GROSS, Terms
from public_api.catalogue import Catalogue
from public_api.checkout import OrderRequest, Shopper, check_out
from public_api.model import now
from public_api.quote import QuoteRequest, quote
from public_api.refusal import Refusal
from public_api.toy import Availability, Fulfilment, Picture, Toy

Call = Callable[..., tuple[int, Any, dict[str, Any]]]

SHOPPER = Shopper(customer_id="shopper-1", email="shopper@example.com")
ADDRESS = {
    "name": "Ada",
    "line1": "1 Example Street",
    "city": "Dublin",
    "postalCode": "D01 F5P2",
    "country": "IE",
}


def toy(toy_id: str, price: int = 1999, **changes: Any) -> Toy:
    at = now()
    plain = Toy(
        toy_id=toy_id,
        name=toy_id.title(),
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


def put(toy: Toy, version: int = 1) -> None:
    assert Catalogue("Catalogue").show(toy, version)


def seen(toy: Toy, **changes: Any) -> dict[str, Any]:
    """The toy as a page keeps it."""
    return {"name": toy.name, "price": toy.price, "availability": toy.availability} | changes


def basket(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lines": list(lines), **more}


def or_refusal[T](act: Callable[[], T]) -> T | Refusal:
    """What comes of it, or why nothing does."""
    try:
        return act()
    except Refusal as refusal:
        return refusal


# By the rules


@given(
    drawn=st.lists(
        st.tuples(
            st.integers(0, MAX_GROSS // 50),
            st.integers(1, 99),
            st.booleans(),
            st.sampled_from(["EUR"] * 9 + ["USD"]),
            st.sampled_from(Fulfilment),
        ),
        min_size=1,
        max_size=50,
    ),
    rate=st.integers(0, 9999).map(lambda n: f"0.{n:04}"),
    fee=st.integers(0, 10_000),
    free_from=st.integers(0, 1_000_000),
)
def test_a_quote_is_what_the_order_comes_to(
    drawn: list[tuple[int, int, bool, str, Fulfilment]], rate: str, fee: int, free_from: int
) -> None:
    """Of the toys that are there: the same amounts, and the same refusals."""
    terms = Terms(currency="EUR", tax_rate=rate, shipping_fee=fee, free_shipping_from=free_from)
    toys = {
        f"toy-{n}": toy(f"toy-{n}", price, currency=currency, fulfilment=way)
        for n, (price, _, there, currency, way) in enumerate(drawn)
        if there
    }
    lines = [{"toyId": f"toy-{n}", "quantity": count} for n, (_, count, *_) in enumerate(drawn)]
    request = QuoteRequest.model_validate({"lines": lines})
    on_sale = [line for line in lines if line["toyId"] in toys]
    if not on_sale:
        empty = quote(request, toys, terms)
        assert (empty.goods, empty.shipping, empty.net, empty.tax, empty.gross) == (0,) * 5
        assert len(empty.missing) == len(lines)
        return
    wanted = OrderRequest.model_validate(
        {"lines": on_sale, "shippingAddress": ADDRESS, "paymentMethodId": "pm_card_visa"}
    )
    order = or_refusal(lambda: check_out("order-1", SHOPPER, wanted, toys, terms, now()))
    quoted = or_refusal(lambda: quote(request, toys, terms))
    if isinstance(order, Refusal) or isinstance(quoted, Refusal):
        assert isinstance(quoted, Refusal)
        assert isinstance(order, Refusal)
        assert (quoted.code, str(quoted), quoted.details) == (
            order.code,
            str(order),
            order.details,
        )
        return
    told = quoted
    for amount in ("shipping", "net", "tax", "gross", "currency", "tax_rate"):
        assert getattr(told, amount) == getattr(order, amount)
    assert told.goods == sum(line.amount for line in told.lines) == told.gross - told.shipping
    assert told.parcel_goods == sum(q.amount for q in told.lines if q.fulfilment == "parcel")
    assert [(q.toy_id, q.quantity, q.price, q.name, q.fulfilment) for q in told.lines] == [
        (line.toy_id, line.quantity, line.price, line.name, line.fulfilment) for line in order.lines
    ]
    assert sorted(told.missing) == sorted({f"toy-{n}" for n in range(len(lines))} - toys.keys())
    again = wanted.model_copy(update={"expected_gross": told.gross})
    assert check_out("order-1", SHOPPER, again, toys, terms, order.submitted_at) == order


# By the API


def test_anybody_is_told_what_a_basket_comes_to(call: Call) -> None:
    picture = Picture(thumbnail="https://a/t.webp", card="https://a/c.webp", full="https://a/f")
    put(toy("kite", pictures=(picture, picture)))
    put(toy("yoyo", 500, availability=Availability.LOW, fulfilment=Fulfilment.DIGITAL))
    lines = [{"toyId": "kite", "quantity": 2}, {"toyId": "yoyo", "quantity": 1}]
    status, told, _ = call("POST", "/quotes", basket(*lines), shopper=None, key=None)
    assert status == 200
    assert told == {
        "lines": [
            {
                "toyId": "kite",
                "quantity": 2,
                "name": "Kite",
                "price": 1999,
                "currency": "EUR",
                "availability": "IN_STOCK",
                "fulfilment": "parcel",
                "amount": 3998,
                "picture": "https://a/t.webp",
                "changes": [],
            },
            {
                "toyId": "yoyo",
                "quantity": 1,
                "name": "Yoyo",
                "price": 500,
                "currency": "EUR",
                "availability": "LOW",
                "fulfilment": "digital",
                "amount": 500,
                "picture": None,
                "changes": [],
            },
        ],
        "missing": [],
        "currency": "EUR",
        "goods": 4498,
        "parcelGoods": 3998,
        "shipping": 495,
        "freeShippingFrom": 5000,
        "net": 4342,
        "tax": 651,
        "taxRate": "0.15",
        "gross": 4993,
    }


def test_what_changed_since_it_was_seen_is_told(call: Call) -> None:
    was = toy("kite")
    put(was)
    line = {"toyId": "kite", "quantity": 1, "seen": seen(was)}
    assert call("POST", "/quotes", basket(line))[1]["lines"][0]["changes"] == []
    put(toy("kite", 2500, name="Box Kite", availability=Availability.SOLD_OUT), 2)
    assert call("POST", "/quotes", basket(line))[1]["lines"][0]["changes"] == [
        {"what": "NAME", "was": "Kite", "now": "Box Kite"},
        {"what": "PRICE", "was": 1999, "now": 2500},
        {"what": "AVAILABILITY", "was": "IN_STOCK", "now": "SOLD_OUT"},
    ]


def test_what_else_was_kept_of_a_toy_is_not_looked_at(call: Call) -> None:
    was = toy("kite")
    put(was)
    kept = seen(was, currency="EUR", picture=None)
    line = {"toyId": "kite", "quantity": 1, "seen": kept}
    status, told, _ = call("POST", "/quotes", basket(line))
    assert (status, told["lines"][0]["changes"]) == (200, [])


def test_toys_that_are_not_on_sale_any_more_are_named_and_cost_nothing(call: Call) -> None:
    put(toy("kite"))
    put(toy("gone"))
    assert Catalogue("Catalogue").bury("gone", 2, now())
    gone, none = ({"toyId": toy_id, "quantity": 9} for toy_id in ("gone", "none"))
    told = call("POST", "/quotes", basket(gone, {"toyId": "kite", "quantity": 1}, none))[1]
    assert told["missing"] == ["gone", "none"]
    assert [line["toyId"] for line in told["lines"]] == ["kite"]
    assert (told["goods"], told["gross"]) == (1999, 2494)
    told = call("POST", "/quotes", basket(gone))[1]
    assert (told["lines"], told["missing"]) == ([], ["gone"])
    assert [told[name] for name in ("goods", "shipping", "net", "tax", "gross")] == [0] * 5


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ({}, 400),
        ({"lines": []}, 422),
        (basket({"toyId": "kite", "quantity": 0}), 422),
        (basket({"toyId": "kite", "quantity": 100}), 422),
        (basket({"toyId": "kite", "quantity": "1"}), 400),
        (basket(*[{"toyId": "kite", "quantity": 1}] * 2), 422),
        (basket(*[{"toyId": f"{n}", "quantity": 1} for n in range(51)]), 422),
        (basket({"toyId": "kite", "quantity": 1}, coupon="X"), 400),
        (basket({"toyId": "kite", "quantity": 1}, shippingAddress={}), 400),
        (basket({"toyId": "kite", "quantity": 1}, shippingAddress=ADDRESS | {"country": "X"}), 422),
        (basket({"toyId": "kite", "quantity": 1, "seen": {}}), 400),
        (basket({"toyId": "kite", "quantity": 1, "price": 1}), 400),
    ],
)
def test_a_bad_basket_is_told(call: Call, body: Any, status: int) -> None:
    put(toy("kite"))
    answered, problem, _ = call("POST", "/quotes", body)
    assert answered == status
    assert problem["error"]["code"] == {400: "MALFORMED", 422: "OUT_OF_BOUNDS"}[status]


def test_a_good_address_passes(call: Call) -> None:
    put(toy("kite"))
    body = basket({"toyId": "kite", "quantity": 1}, shippingAddress=ADDRESS)
    assert call("POST", "/quotes", body)[0] == 200


def test_a_basket_costs_no_more_than_a_card_pays(call: Call) -> None:
    put(toy("castle", MAX_GROSS))
    status, problem, _ = call("POST", "/quotes", basket({"toyId": "castle", "quantity": 2}))
    assert (status, problem["error"]["code"]) == (422, "OUT_OF_BOUNDS")
