"""What the shop refuses: the right answer, nothing stored, nothing sent."""

import uuid
from typing import Any

import httpx
import pytest

from local import stacks
from local.bus import BusWatch
from local.settings import Settings
from local.shopper import ADDRESS, Shopper
from tests.e2e.shop import Shop, eventually


@pytest.fixture(scope="module")
def toy(shop: Shop, shopper: Shopper) -> str:
    made = shop.new_toy(stock=5)
    assert eventually(lambda: shopper.request("GET", f"/toys/{made}").status_code == 200)
    return made


def body(toy: str, **changes: Any) -> dict[str, Any]:
    return {
        "lines": [{"toyId": toy, "quantity": 1}],
        "shippingAddress": ADDRESS,
        "paymentMethodId": "pm_card_visa",
    } | changes


def refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["message"]


def test_bad_orders_are_refused_and_leave_no_trace(
    shop: Shop, shopper: Shopper, bus: BusWatch, toy: str
) -> None:
    before = len(shopper.orders())
    line = {"toyId": toy, "quantity": 1}
    key = {"Idempotency-Key": uuid.uuid4().hex}

    def post(**given: Any) -> httpx.Response:
        return shopper.request("POST", "/orders", **{"headers": key} | given)

    refused(post(content="{", headers=key | {"Content-Type": "application/json"}), 400)
    refused(post(json=body(toy, lines=[line | {"quantity": 0}])), 422)
    refused(post(json=body(toy, lines=[line | {"quantity": 100}])), 422)
    refused(post(json=body(toy, lines=[])), 422)
    many = [{"toyId": f"toy-{n}", "quantity": 1} for n in range(200)]
    refused(post(json=body(toy, lines=many)), 422)
    refused(post(json=body(toy, lines=[{"toyId": str(uuid.uuid4()), "quantity": 1}])), 422)
    refused(post(json=body(toy, gross=1)), 400)
    refused(post(json=body(toy, lines=[line | {"price": 1}])), 400)
    refused(post(json=body(toy, note="x" * 300_000)), 413)
    refused(post(json=body(toy), headers={}), 400)
    refused(shopper.request("GET", "/orders/NOSUCHORDER"), 404)
    refused(shopper.request("GET", "/toys/no-such-toy"), 404)

    assert len(shopper.orders()) == before
    assert [message.name for message in bus.read_until_quiet()] == []


def test_the_same_key_makes_one_order(
    shop: Shop, shopper: Shopper, bus: BusWatch, toy: str
) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [shopper.request("POST", "/orders", json=body(toy), headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["orderId"] for answer in answers}) == 1
    other = body(toy, paymentMethodId="pm_card_mastercard")
    refused(shopper.request("POST", "/orders", json=other, headers=key), 422)
    order_id = answers[0].json()["orderId"]
    shopper.await_end(order_id)
    placed = [m for m in bus.read_until_quiet() if m.name == "PlaceOrder"]
    assert [message.data["orderId"] for message in placed] == [order_id]
    assert len(shop.intents(order_id)) == 1


@pytest.mark.parametrize("token", [None, "garbage", "eyJhbGciOiJub25lIn0.e30."])
def test_orders_need_a_token(settings: Settings, toy: str, token: str | None) -> None:
    headers = {"Authorization": token} if token else {}
    address = f"{settings.url}/api/orders"
    refused(httpx.get(address, headers=headers), 401)
    with_key = headers | {"Idempotency-Key": uuid.uuid4().hex}
    refused(httpx.post(address, json=body(toy), headers=with_key), 401)
    refused(httpx.get(f"{settings.url}/api/no-such-route", headers=headers), 404)


def test_nobody_sees_the_orders_of_another(settings: Settings, shopper: Shopper, toy: str) -> None:
    order_id = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
    stranger = Shopper.sign_up(settings)
    refused(stranger.request("GET", f"/orders/{order_id}"), 404)
    assert stranger.orders() == []
    shopper.await_end(order_id)


@pytest.mark.parametrize("service", ["toys", "orders", "fulfilment", "file-manager"])
def test_private_apis_take_no_unsigned_request(settings: Settings, service: str) -> None:
    resource = {"toys": "toys", "orders": "orders/1", "fulfilment": "shipments"}.get(
        service, "files/1"
    )
    address = f"{stacks.api_url(settings, service)}/{resource}"
    assert httpx.get(address).status_code == 403
