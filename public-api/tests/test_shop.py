"""What a page is told of the shop."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from public_api import shop_api
from public_api.checkout import OrderRequest

Call = Callable[..., tuple[int, Any, dict[str, Any]]]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as it is where a key of Stripe is set."""
    with monkeypatch.context() as set_key:
        set_key.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live_1")
        yield importlib.reload(shop_api)
    importlib.reload(shop_api)


def test_anybody_is_told_of_the_shop(call: Call) -> None:
    status, shop, headers = call("GET", "/shop", shopper=None, key=None)
    cards = shop.pop("testCards")
    assert (status, shop) == (
        200,
        {
            "currency": "EUR",
            "taxRate": "0.15",
            "shippingFee": 495,
            "freeShippingFrom": 5000,
            "cognito": {
                "url": "https://cognito-idp.eu-west-1.amazonaws.com/",
                "clientId": "client-1",
            },
            "stripePublishableKey": None,
        },
    )
    assert headers["Cache-Control"] == ["public, max-age=300"]
    (tag,) = headers["ETag"]
    assert call("GET", "/shop", headers={"If-None-Match": tag})[:2] == (304, None)
    assert all(card["label"] and card["outcome"] for card in cards)
    assert len({card["paymentMethodId"] for card in cards}) == len(cards)


def test_an_order_can_be_paid_with_each_card() -> None:
    address = {"name": "A", "line1": "1", "city": "C", "postalCode": "1", "country": "IE"}
    for card in shop_api.TEST_CARDS:
        OrderRequest.model_validate(
            {
                "lines": [{"toyId": "kite", "quantity": 1}],
                "shippingAddress": address,
                "paymentMethodId": card.payment_method_id,
            }
        )


def test_where_cards_are_taken_no_test_card_is_offered(live: Any) -> None:
    assert live.SHOP.stripe_publishable_key == "pk_live_1"
    assert live.SHOP.test_cards == ()
