"""Orders that end early: the customer cancels, the bank asks, the deadline passes, no such city."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.bus import BusWatch
from local.settings import Settings
from local.shopper import ADDRESS, Shopper
from tests.e2e.shop import Shop, eventually

THREE_D_SECURE = "pm_card_authenticationRequired"
Buy = Callable[..., str]


@pytest.fixture(scope="module")
def toy(shop: Shop, shopper: Shopper) -> str:
    made = shop.new_toy(stock=100)
    assert eventually(lambda: shopper.request("GET", f"/toys/{made}").status_code == 200)
    return made


@pytest.fixture(scope="module")
def buy(shopper: Shopper, toy: str) -> Buy:
    """Orders one toy and gives the order's id."""

    def order(card: str = "pm_card_visa", **given: Any) -> str:
        order_id: str = shopper.order([{"toyId": toy, "quantity": 1}], card, **given)["orderId"]
        return order_id

    return order


@pytest.fixture(scope="module", autouse=True)
def overdue(shop: Shop, shopper: Shopper, buy: Buy) -> str:
    """An order whose payment was never confirmed in time: the sweep may find it from now on."""
    order_id = buy(THREE_D_SECURE)
    asked(shopper, order_id)
    shop.expire(order_id)
    return order_id


def asked(shopper: Shopper, order_id: str) -> dict[str, Any]:
    """What the bank asks of the shopper."""
    action = eventually(lambda: shopper.get_order(order_id)["paymentAction"])
    assert action, shopper.get_order(order_id)
    assert shopper.get_order(order_id)["status"] == "RESERVED"
    found: dict[str, Any] = action
    return found


def shows(shopper: Shopper, order_id: str, status: str) -> None:
    found = eventually(lambda: (order := shopper.get_order(order_id))["status"] == status and order)
    assert found, shopper.get_order(order_id)


def cancelled(shop: Shop, shopper: Shopper, order_id: str, reason: str) -> dict[str, Any]:
    """The order, cancelled for that reason and with nothing left of it."""
    order = shopper.await_end(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", reason)
    shop.await_quiet()
    assert shop.charged(order_id) == 0
    mails = eventually(lambda: shop.mails(shopper.email, order_id))
    assert sum("ancelled" in mail.subject + mail.text for mail in mails) == 1
    return shopper.get_order(order_id)


def test_cancelled_before_it_is_placed(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    with shop.stopped("orders"):
        order_id = buy()
        answers = [shopper.cancel(order_id) for _ in range(2)]
        assert [answer["status"] for answer in answers] == ["SUBMITTED", "SUBMITTED"]
        assert answers[1]["cancellation"]["outcome"] == "REQUESTED"
    order = cancelled(shop, shopper, order_id, "CUSTOMER")
    assert order["cancellation"]["outcome"] == "CANCELLED"
    assert shopper.cancel(order_id)["status"] == "CANCELLED"


def test_cancelled_while_the_payment_is_asked_for(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    with shop.stopped("payments"):
        order_id = buy()
        shows(shopper, order_id, "PLACED")
        shopper.cancel(order_id)
        shows(shopper, order_id, "CANCELLED")
    order = cancelled(shop, shopper, order_id, "CUSTOMER")
    assert order["cancellation"]["outcome"] == "CANCELLED"
    assert len(shop.intents(order_id)) <= 1


def shipment(shop: Shop, order_id: str) -> str | None:
    """The state that fulfilment keeps of an order's parcel."""
    kept = (item for item in shop.items("fulfilment") if item.get("orderId") == order_id)
    return next((str(item["status"]) for item in kept), None)


def test_a_parcel_that_waits_is_called_off(
    shop: Shop, shopper: Shopper, buy: Buy, bus: BusWatch
) -> None:
    with shop.stopped("fulfilment", "Carrier"):
        order_id = buy()
        shows(shopper, order_id, "CONFIRMED")
        assert eventually(lambda: shipment(shop, order_id) == "WAITING"), shipment(shop, order_id)
        shopper.cancel(order_id)
        order = cancelled(shop, shopper, order_id, "CUSTOMER")
    refunded = {"amount": order["gross"], "status": "REFUNDED"}
    assert eventually(lambda: shopper.get_order(order_id)["refund"] == refunded)
    assert eventually(lambda: (shop.report(order_id) or {}).get("refund_status") == "REFUNDED")
    # Once it has moved the next parcel, the carrier has seen this one waiting, too.
    assert shopper.await_end(buy())["status"] == "DELIVERED"
    assert shipment(shop, order_id) == "CANCELLED"
    assert shopper.get_order(order_id)["cancellation"]["outcome"] == "CANCELLED"
    told = {m.name for m in bus.read_until_quiet() if m.metadata["correlationId"] == order_id}
    assert told >= {"CancelShipment", "ShipmentCancelled", "OrderUpdated", "PaymentRefunded"}
    assert "ShipmentDispatched" not in told


def test_a_parcel_that_had_left_already_is_delivered(
    shop: Shop, shopper: Shopper, buy: Buy
) -> None:
    with shop.stopped("fulfilment", "Outbox"):
        order_id = buy()
        shows(shopper, order_id, "CONFIRMED")
        assert eventually(lambda: shipment(shop, order_id) == "DELIVERED"), shipment(shop, order_id)
        assert shopper.cancel(order_id)["status"] == "CONFIRMED"
        shows(shopper, order_id, "CANCELLING")
        shop.await_quiet()  # CancelShipment was heard
        assert shopper.get_order(order_id)["cancellation"]["outcome"] == "REQUESTED"
    order = shopper.await_end(order_id)
    assert (order["status"], order["reason"]) == ("DELIVERED", None)
    assert order["cancellation"]["outcome"] == "TOO_LATE"
    shop.await_quiet()
    assert shipment(shop, order_id) == "DELIVERED"
    assert shopper.get_order(order_id)["refund"] is None
    assert shop.charged(order_id) == order["gross"]
    assert all("ancelled" not in m.subject + m.text for m in shop.mails(shopper.email, order_id))


def test_too_late(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    order_id = buy()
    gross = shopper.await_end(order_id)["gross"]
    for body, status, code in (
        (None, 409, "TOO_LATE"),
        ({"amount": gross}, 409, "TOO_LATE"),
        ({"amount": gross // 2}, 422, "PARTIAL_REFUND"),  # never right, whenever it comes
    ):
        answer = shopper.request("POST", f"/orders/{order_id}/cancellation", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    shop.await_quiet()
    order = shopper.get_order(order_id)
    assert (order["status"], order["cancellation"]) == ("DELIVERED", None)
    assert shop.charged(order_id) == order["gross"]


def test_no_half_of_an_order_is_cancelled(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    order_id = buy(THREE_D_SECURE)
    asked(shopper, order_id)
    answer = shopper.request("POST", f"/orders/{order_id}/cancellation", json={"amount": 1})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "PARTIAL_REFUND"
    shopper.cancel(order_id)
    cancelled(shop, shopper, order_id, "CUSTOMER")
    assert [intent["status"] for intent in shop.intents(order_id)] == ["canceled"]


def test_a_city_that_does_not_exist(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    order_id = buy(address=ADDRESS | {"city": "Atlantis"})
    order = cancelled(shop, shopper, order_id, "UNDELIVERABLE")
    assert "CONFIRMED" in [entry["status"] for entry in order["history"]]
    refunded = {"amount": order["gross"], "status": "REFUNDED"}
    assert eventually(lambda: shopper.get_order(order_id)["refund"] == refunded)


def test_the_bank_asks_and_the_shopper_confirms(
    settings: Settings, shop: Shop, shopper: Shopper, buy: Buy
) -> None:
    order_id = buy(THREE_D_SECURE)
    action = asked(shopper, order_id)
    (intent,) = shop.intents(order_id)
    assert action["clientSecret"] == intent["client_secret"]
    assert "Complete" in httpx.get(action["url"]).text
    answer = httpx.post(action["url"], data={"outcome": "succeed"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{settings.url}/paid?")
    order = shopper.await_end(order_id)
    assert (order["status"], order["paymentAction"]) == ("DELIVERED", None)
    assert shop.charged(order_id) == order["gross"]
    assert len(eventually(lambda: shop.receipts(order_id))) == 1


def test_the_bank_asks_and_the_shopper_fails(shop: Shop, shopper: Shopper, buy: Buy) -> None:
    order_id = buy(THREE_D_SECURE)
    httpx.post(asked(shopper, order_id)["url"], data={"outcome": "fail"})
    order = cancelled(shop, shopper, order_id, "PAYMENT_DECLINED")
    assert order["paymentAction"] is None
    assert eventually(lambda: [i["status"] for i in shop.intents(order_id)] == ["canceled"])


def test_the_deadline_passes(shop: Shop, shopper: Shopper, overdue: str) -> None:
    """The schedule runs once a minute."""
    order = cancelled(shop, shopper, overdue, "EXPIRED")
    assert order["paymentAction"] is None
    assert [intent["status"] for intent in shop.intents(overdue)] == ["canceled"]


def test_all_that_was_cancelled_is_back_on_the_shelf(
    shop: Shop, shopper: Shopper, toy: str
) -> None:
    sold = sum(
        line["quantity"]
        for order in shopper.orders()
        for line in order["lines"]
        if order["status"] == "DELIVERED" and line["toyId"] == toy
    )
    assert eventually(lambda: shop.toy(toy)["stock"] == 100 - sold)
    assert shop.dead_letters() == {}
