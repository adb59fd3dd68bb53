"""Messages twice and shuffled, and services that stand still while orders keep coming."""

import random

import pytest

from local.bus import BusWatch
from local.shopper import Shopper
from tests.e2e.shop import SERVICES, Shop, eventually


@pytest.fixture(scope="module")
def toy(shop: Shop, shopper: Shopper) -> str:
    made = shop.new_toy(stock=500)
    assert eventually(lambda: shopper.request("GET", f"/toys/{made}").status_code == 200)
    return made


def test_messages_that_come_again_change_nothing(
    shop: Shop, shopper: Shopper, bus: BusWatch, toy: str
) -> None:
    paid = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
    declined = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa_chargeDeclined")
    orders = (paid, declined["orderId"])
    for order_id in orders:
        shopper.await_end(order_id)
    seen = bus.read_until_quiet()
    shop.await_quiet()

    def state() -> dict[str, object]:
        return {
            "shown": [shopper.get_order(order_id) for order_id in orders],
            "orders": [shop.items_of("orders", order_id) for order_id in orders],
            "stock": shop.toy(toy)["stock"],
            "charged": [shop.charged(order_id) for order_id in orders],
            "intents": [len(shop.intents(order_id)) for order_id in orders],
            "mails": [len(shop.mails(shopper.email, order_id)) for order_id in orders],
            "receipts": [len(shop.receipts(order_id)) for order_id in orders],
            "shipments": [shop.items_of("fulfilment", order_id) for order_id in orders],
            "reports": [shop.report(order_id) for order_id in orders],
        }

    settled = eventually(lambda: (first := state()) == state() and first)
    again = [message.event for message in seen] * 2
    random.shuffle(again)
    shop.send(again)
    repeated = [m for m in bus.read_until_quiet() if m.event["detail"] not in map(detail, seen)]
    shop.await_quiet()
    assert state() == settled
    assert [message.metadata["id"] for message in repeated] == []
    assert shop.dead_letters() == {}


def test_what_is_left_to_do_is_named(shop: Shop, shopper: Shopper, toy: str) -> None:
    shop.await_quiet()
    with shop.stopped("orders", "Inbox"):
        order_id = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
        assert eventually(shop.unrest)
        with pytest.raises(AssertionError, match=r"after 1 s: tbs-app-orders-local-.*: 1 waiting"):
            shop.await_quiet(seconds=1)
    assert shopper.await_end(order_id)["status"] == "DELIVERED"
    shop.await_quiet()
    assert shop.unrest() == []


def detail(message: object) -> object:
    """The part of a message that its sender wrote."""
    return message.event["detail"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "public-api"])
def test_a_service_that_stands_still_holds_nobody_else_up(
    shop: Shop, shopper: Shopper, toy: str, service: str
) -> None:
    with shop.stopped(service):
        order_id = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
        assert shopper.request("GET", "/toys").status_code == 200
        assert shopper.get_order(order_id)["orderId"] == order_id
        if service in ("toys", "orders", "payments", "fulfilment"):
            shop_stops_at = {
                "orders": "SUBMITTED",
                "toys": "PLACED",
                "payments": "PLACED",
                "fulfilment": "CONFIRMED",
            }[service]
            assert eventually(lambda: shopper.get_order(order_id)["status"] == shop_stops_at), (
                shopper.get_order(order_id)
            )
    assert shopper.await_end(order_id)["status"] == "DELIVERED"
    assert len(eventually(lambda: shop.receipts(order_id))) == 1
    assert eventually(lambda: len(shop.mails(shopper.email, order_id)) == 3)
    assert eventually(lambda: (shop.report(order_id) or {}).get("status") == "DELIVERED")
    assert shop.charged(order_id) == shopper.get_order(order_id)["gross"]
