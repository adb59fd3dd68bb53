"""Against the real thing: a hundred for the last ten, and all that can go wrong in one go."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from local.bus import BusWatch, Seen
from local.settings import Settings
from local.shopper import ADDRESS, FINAL, Shopper
from tests.e2e.echo import Echo
from tests.e2e.invariants import Run
from tests.e2e.shop import SERVICES, Shop, eventually

THREE_D_SECURE = "pm_card_authenticationRequired"
DELIVERED = "DELIVERED", None
OUT_OF_STOCK = "CANCELLED", "OUT_OF_STOCK"
CUSTOMER = "CANCELLED", "CUSTOMER"
UNDELIVERABLE = "CANCELLED", "UNDELIVERABLE"
DECLINED = "CANCELLED", "PAYMENT_DECLINED"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a shopper does with an order, and how it can end: its state and why it was cancelled.

    Attributes:
        bank: what they do when the bank asks: succeed, fail, cancel, or wait for ever.
        cancels: at once, when nothing is known of the order yet.
        scarce: of the toy, too, of which there are too few for all.
    """

    ends: frozenset[tuple[str, str | None]]
    card: str = "pm_card_visa"
    city: str = ADDRESS["city"]
    bank: str = "wait"
    cancels: bool = False
    scarce: bool = False


CERTAIN = [
    Plan(frozenset({DELIVERED})),
    Plan(frozenset({DELIVERED}), THREE_D_SECURE, bank="succeed"),
    Plan(frozenset({DECLINED}), "pm_card_visa_chargeDeclined"),
    Plan(frozenset({DECLINED}), THREE_D_SECURE, bank="fail"),
    Plan(frozenset({UNDELIVERABLE}), city="Atlantis"),
    Plan(frozenset({UNDELIVERABLE}), THREE_D_SECURE, "Atlantis", bank="succeed"),
    Plan(frozenset({CUSTOMER}), THREE_D_SECURE, bank="cancel"),
    Plan(frozenset({CUSTOMER}), THREE_D_SECURE, cancels=True),  # the bank says nothing meanwhile
]
"""Orders of which it does not matter who is faster."""

OPEN = [
    Plan(frozenset({DELIVERED, CUSTOMER}), "pm_card_mastercard", cancels=True),
    Plan(frozenset({UNDELIVERABLE, CUSTOMER}), city="Atlantis", cancels=True),
    Plan(frozenset({DECLINED, CUSTOMER}), "pm_card_visa_chargeDeclined", cancels=True),
    Plan(frozenset({DELIVERED, CUSTOMER, OUT_OF_STOCK}), scarce=True),
    Plan(
        frozenset({DELIVERED, CUSTOMER, OUT_OF_STOCK}), THREE_D_SECURE, bank="succeed", scarce=True
    ),
]
"""Orders that may end in one way or another. Someone may think twice of them at any time."""


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
    """Every message comes twice again, late and shuffled, while every service and Stripe stop.

    Each service stands still for a while, with what `Shop.stopped` stops of it: its API answers,
    and orders' sweep runs on. Once all orders have ended, all is said twice again at once.
    """
    seed = int(os.environ.get("TBS_STORM_SEED") or random.randrange(1_000_000))
    print(f"TBS_STORM_SEED={seed} throws the same dice")
    dice = random.Random(seed)
    shopper = Shopper.sign_up(settings)
    scarce, plenty = dice.randint(5, 10), 1000
    few, many = shop.new_toy(stock=scarce), shop.new_toy(stock=plenty)
    assert eventually(lambda: known(shopper, few) and known(shopper, many))
    plans = [*CERTAIN, *OPEN, *dice.choices(CERTAIN + OPEN, k=6)]
    dice.shuffle(plans)
    orders: dict[str, Plan] = {}

    def order() -> None:
        """The next order that is planned, if there is one."""
        if not plans:
            return
        plan = plans.pop()
        order_id = shopper.order(
            [
                {"toyId": toy, "quantity": dice.randint(1, 3)}
                for toy in ((few, many) if plan.scarce else (many,))
            ],
            plan.card,
            address=ADDRESS | {"city": plan.city},
        )["orderId"]
        orders[order_id] = plan
        if plan.cancels:
            shopper.cancel(order_id)

    with Echo(settings, shop, seed) as echo:
        for service in dice.sample(SERVICES, len(SERVICES)):
            with shop.stopped(service):
                for _ in range(2):
                    order()
                time.sleep(dice.random() * 2)
            doubted = [order_id for order_id, plan in orders.items() if plan in OPEN]
            if doubted and dice.random() < 0.5:  # whatever has become of it
                shopper.request("POST", f"/orders/{dice.choice(doubted)}/cancellation")
        with shop.without_stripe():
            while plans:
                order()
            time.sleep(3)
        for order_id, plan in orders.items():
            act = answer_the_bank(shopper, order_id, plan.bank)
            assert act, shopper.get_order(order_id)
        for order_id in orders:
            shopper.await_end(order_id, seconds=120)
    seen = bus.read_until_quiet()
    shop.await_quiet()

    again = list({message.metadata["id"]: message.event for message in seen}.values()) * 2
    dice.shuffle(again)
    shop.send(again)
    seen += bus.read_until_quiet()
    shop.await_quiet()
    run = Run(shopper, orders.keys(), {few: scarce, many: plenty}, seen)
    print(
        f"{len(again) // 2} messages, said {echo.said} times while the orders ran and {len(again)} "
        f"times after; the orders ended {run.ends(shop)}"
    )
    holds(shop, run)
    ended = {one: (kept["status"], kept.get("reason")) for one, kept in run.kept(shop).items()}
    wrong = {one: (end, orders[one]) for one, end in ended.items() if end not in orders[one].ends}
    assert wrong == {}


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
        elif how != "wait":
            httpx.post(str(url), data={"outcome": how})
    return True


def known(shopper: Shopper, toy_id: str) -> bool:
    """Whether the public catalogue has the toy."""
    return shopper.request("GET", f"/toys/{toy_id}").status_code == 200
