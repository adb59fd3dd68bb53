"""Against the real thing: a hundred for the last ten, and all that can go wrong in one go."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from local.bus import BusWatch, Seen
from local.settings import Settings
from local.shopper import ADDRESS, FINAL, Shopper
from tests.e2e.invariants import Run
from tests.e2e.shop import SERVICES, Shop, eventually

CARDS = (
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_visa_chargeDeclined",
    "pm_card_authenticationRequired",
)


def holds(shop: Shop, run: Run) -> None:
    """Assert that nothing is broken, once the last copies are made."""
    deadline = time.monotonic() + 30
    while (broken := run.broken(shop)) and time.monotonic() < deadline:
        time.sleep(1)
    assert broken == []


def test_a_hundred_orders_for_the_last_ten(settings: Settings, shop: Shop, bus: BusWatch) -> None:
    shopper = Shopper.sign_up(settings)
    toy = shop.new_toy(stock=10)
    assert eventually(lambda: shopper.request("GET", f"/toys/{toy}").status_code == 200)
    lines = [{"toyId": toy, "quantity": 1}]
    with ThreadPoolExecutor(10) as pool:
        placed = list(pool.map(lambda _: shopper.order(lines, "pm_card_visa"), range(100)))
    orders = {order["orderId"] for order in placed}
    assert len(orders) == 100

    seen: list[Seen] = []
    run = Run(shopper, orders, {toy: 10}, seen)
    right = {("DELIVERED", None): 10, ("CANCELLED", "OUT_OF_STOCK"): 90}
    assert eventually(lambda: run.ends(shop) == right, seconds=120, every=1), run.ends(shop)
    seen += bus.read_until_quiet()
    shop.await_quiet()
    assert shop.toy(toy)["stock"] == 0
    assert run.ends(shop) == right
    holds(shop, run)


def test_whatever_happens_the_books_balance(settings: Settings, shop: Shop, bus: BusWatch) -> None:
    """Every service stands still for a while, so does Stripe; then all is said twice again."""
    seed = int(os.environ.get("TBS_STORM_SEED") or random.randrange(1_000_000))
    print(f"TBS_STORM_SEED={seed} throws the same dice")
    dice = random.Random(seed)
    shopper = Shopper.sign_up(settings)
    stock = {shop.new_toy(stock=many): many for many in (dice.randint(5, 40), 40)}
    assert eventually(lambda: all(known(shopper, toy) for toy in stock))
    orders: dict[str, str] = {}

    def order() -> None:
        """An order of some kind, cancelled at once now and then."""
        card = dice.choice(CARDS)
        toys = dice.sample(sorted(stock), dice.randint(1, 2))
        order_id = shopper.order(
            [{"toyId": toy, "quantity": dice.randint(1, 3)} for toy in toys],
            card,
            address=ADDRESS | ({"city": "Atlantis"} if dice.random() < 0.2 else {}),
        )["orderId"]
        orders[order_id] = card
        if dice.random() < 0.25:
            shopper.cancel(order_id)

    for service in dice.sample(SERVICES, len(SERVICES)):
        with shop.stopped(service):
            for _ in range(2):
                order()
            time.sleep(dice.random() * 2)
        if dice.random() < 0.5:  # someone thinks twice, whatever has become of it
            some = dice.choice(sorted(orders))
            shopper.request("POST", f"/orders/{some}/cancellation")
    with shop.without_stripe():
        for _ in range(3):
            order()
        time.sleep(3)

    seen: list[Seen] = []
    for order_id in orders:
        act = answer_the_bank(shopper, order_id, dice.choice(("succeed", "fail", "cancel")))
        assert act, shopper.get_order(order_id)
    for order_id in orders:
        shopper.await_end(order_id, seconds=120)
    seen += bus.read_until_quiet()
    shop.await_quiet()

    again = [message.event for message in seen] * 2
    dice.shuffle(again)
    shop.send(again)
    seen += bus.read_until_quiet()
    shop.await_quiet()
    run = Run(shopper, orders.keys(), stock, seen)
    print(f"{len(seen)} messages; the orders ended {run.ends(shop)}")
    holds(shop, run)


def answer_the_bank(shopper: Shopper, order_id: str, how: str) -> bool:
    """Wait until the order asks for 3-D Secure or is on its way, and do as a shopper may."""

    def look() -> str | None:
        order = shopper.get_order(order_id)
        if action := order["paymentAction"]:
            return str(action["url"])
        moved = order["status"] in FINAL | {"CONFIRMED", "CANCELLING", "DISPATCHED"}
        return "" if moved else None

    url = eventually(lambda: (found := look()) is not None and (found or "on its way"), seconds=90)
    if not url:
        return False
    if url != "on its way":
        if how == "cancel":
            shopper.cancel(order_id)
        else:
            httpx.post(str(url), data={"outcome": how})
    return True


def known(shopper: Shopper, toy_id: str) -> bool:
    """Whether the public catalogue has the toy."""
    return shopper.request("GET", f"/toys/{toy_id}").status_code == 200
