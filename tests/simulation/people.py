"""Who uses the shop in a run: shoppers, managers, the warehouse, and those who send rubbish.

Each has a script that follows from the seed and from who it is, whoever else is there.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

Json = dict[str, Any]

RUSHES = (25.0, 300.0, 1500.0, 1500.0)
"""Seconds in which people come: all at once, or one after the other."""

TOYS = 6

CARDS = {
    "pm_card_visa": 62,
    "pm_card_mastercard": 6,
    "pm_card_visa_chargeDeclined": 5,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 3,
    "pm_card_chargeDeclinedProcessingError": 2,
    "pm_usBankAccount_success": 2,
    "pm_unknown": 2,
    "pm_card_authenticationRequired": 14,
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": 4,
}
"""How many of a hundred shoppers pay with each of Stripe's test cards."""

CITIES = {"Dublin": 92, "Atlantis": 8}
"""Where they live. Nobody delivers to Atlantis."""

RETRIES = 12
"""How often a browser asks again when it gets no answer."""

DRAFT = ("name", "description", "category", "brand", "price", "currency", "stock")


type Scripts = list[tuple[float, Callable[[], None]]]
"""What someone does, and after how many seconds each of it begins."""


class Counter(Protocol):
    """Where people go: the shop's APIs, and Stripe's page for 3-D Secure."""

    def request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        label: str,
        body: Any = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        claims: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Call an operation. Gives status and body; 503 and None when no answer came."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def authenticate(self, intent_id: str, outcome: Literal["succeed", "fail"]) -> bool:
        """Go through 3-D Secure."""

    def expect(self, label: str, added: int) -> None:
        """Say how many of a toy a call is to put on the shelf."""


class Person(Protocol):
    """Someone with something to do."""

    def scripts(self, shop: Counter) -> Scripts:
        """What they do, and when it begins."""


@dataclass
class Shopper:
    """Someone who orders once, and may change their mind."""

    number: int
    seed: int
    rush: float
    """Seconds in which people come."""
    toys: list[str]
    twice: bool = False
    """Whether they press the button twice."""
    order_id: str | None = None
    """Of the order that the shop has accepted."""
    cancelled: int | None = None
    """What the shop answered when they cancelled."""
    draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = random.Random(f"{self.seed} shopper {self.number}")
        draw = self.draws
        self.arrives = draw.uniform(0, self.rush)
        self.card = draw.choices([*CARDS], weights=[*CARDS.values()])[0]
        city = draw.choices([*CITIES], weights=[*CITIES.values()])[0]
        self.claims = {"sub": f"{self.seed}-{self.number}", "email": f"s{self.number}@example.com"}
        self.key = f"key-{self.number}"
        self.body = {
            "lines": [
                {"toyId": toy, "quantity": draw.choice((1, 1, 1, 2, 3))}
                for toy in draw.sample(self.toys, draw.choice((1, 1, 2, 3)))
            ],
            "shippingAddress": {
                "name": f"Shopper {self.number}",
                "line1": "1 Example Street",
                "city": city,
                "postalCode": "D02 X285",
                "country": "IE",
            },
            "paymentMethodId": self.card,
        }
        self.cancels_after = draw.expovariate(1 / 240) if draw.random() < 0.25 else None
        outcomes: tuple[Literal["succeed", "fail"] | None, ...] = ("succeed", "fail", None)
        self.authenticates = draw.choices(outcomes, weights=(60, 15, 25))[0]
        self.looks = [draw.uniform(3, 90), draw.uniform(30, 300), draw.uniform(200, 900)]
        self.thinks = draw.uniform(2, 200)

    def scripts(self, shop: Counter) -> Scripts:
        """What the shopper does, and when it begins."""
        scripts: Scripts = [(self.arrives, lambda: self.buy(shop, "order"))]
        if self.twice:
            scripts.append((self.arrives, lambda: self._order(shop, "order again")))
        if self.cancels_after is not None:
            scripts.append((self.arrives + self.cancels_after, lambda: self.cancel(shop)))
        return scripts

    def buy(self, shop: Counter, label: str) -> None:
        """Order, and finish 3-D Secure where it is asked for."""
        self._order(shop, label)
        if not self.order_id or "authentication" not in self.card:
            return
        for look, wait in enumerate(self.looks):
            shop.sleep(wait)
            status, order = shop.request(
                "public-api",
                "GET",
                f"/orders/{self.order_id}",
                label=f"shopper {self.number} looks {look}",
                claims=self.claims,
            )
            action = order.get("paymentAction") if status == 200 else None
            if action and self.authenticates:
                shop.sleep(self.thinks)
                intent_id = action["clientSecret"].partition("_secret")[0]
                shop.authenticate(intent_id, self.authenticates)
                return

    def cancel(self, shop: Counter) -> None:
        """Change one's mind."""
        if not self.order_id:
            return
        for attempt in range(RETRIES):
            status, _ = shop.request(
                "public-api",
                "POST",
                f"/orders/{self.order_id}/cancellation",
                label=f"shopper {self.number} cancels {attempt}",
                claims=self.claims,
            )
            if status < 500:
                self.cancelled = status
                return
            shop.sleep(2.0**attempt)

    def _order(self, shop: Counter, label: str) -> None:
        for attempt in range(RETRIES):
            status, answer = shop.request(
                "public-api",
                "POST",
                "/orders",
                label=f"shopper {self.number} {label} {attempt}",
                body=self.body,
                headers={"Idempotency-Key": self.key},
                claims=self.claims,
            )
            if status == 202:
                self.order_id = answer["orderId"]
                return
            if status < 500:
                return
            shop.sleep(2.0**attempt)


@dataclass
class Manager:
    """Someone who changes prices and stock while people order."""

    number: int
    seed: int
    rush: float
    toys: list[str]

    def scripts(self, shop: Counter) -> Scripts:
        """What the manager does, and when it begins."""
        draw = random.Random(f"{self.seed} manager {self.number}")
        return [
            (draw.uniform(0, self.rush), partial(self.change, shop, number, draw.random()))
            for number in range(5)
        ]

    def change(self, shop: Counter, number: int, drawn: float) -> None:
        """Look at a toy, then save it with another price or another stock."""
        draw = random.Random(f"{self.seed} {self.number} {number} {drawn}")
        path = f"/toys/{draw.choice(self.toys)}"
        for attempt in range(4):
            label = f"manager {self.number} {number} {attempt}"
            status, toy = shop.request("toys", "GET", path, label=f"{label} looks")
            if status == 200:
                shop.sleep(draw.uniform(0.05, 2))
                draft = {name: toy[name] for name in DRAFT}
                added = 0
                if draw.random() < 0.04:
                    status, _ = shop.request(
                        "toys",
                        "DELETE",
                        path,
                        label=f"{label} deletes",
                        headers={"If-Match": f'"{toy["version"]}"'},
                    )
                    return
                if draw.random() < 0.4:
                    draft["price"] += draw.choice((-100, 50, 200))
                else:
                    added = max(-draft["stock"], draw.randint(-2, 6))
                    draft["stock"] += added
                shop.expect(label, added)
                status, _ = shop.request(
                    "toys",
                    "PUT",
                    path,
                    label=label,
                    body=draft,
                    headers={"If-Match": f'"{toy["version"]}"'},
                )
                if status < 300:
                    return
            shop.sleep(3.0**attempt)


@dataclass
class Warehouse:
    """Those who pack, beside the carrier who comes by himself."""

    seed: int
    rush: float

    def scripts(self, shop: Counter) -> Scripts:
        """What the warehouse does, and when it begins."""
        draw = random.Random(f"{self.seed} warehouse")
        return [
            (
                draw.uniform(self.rush / 20, self.rush),
                partial(self.pack, shop, number, draw.random()),
            )
            for number in range(6)
        ]

    def pack(self, shop: Counter, number: int, drawn: float) -> None:
        """Take a parcel that waits, and send it off, or find that it cannot be sent."""
        draw = random.Random(f"{self.seed} pack {number} {drawn}")
        label = f"warehouse {number}"
        status, page = shop.request(
            "fulfilment",
            "GET",
            "/shipments",
            label=f"{label} looks",
            query={"status": "WAITING"},
        )
        if status != 200 or not page["items"]:
            return
        order_id = draw.choice(page["items"])["orderId"]
        shop.sleep(draw.uniform(0.05, 5))
        path, body = f"/shipments/{order_id}", None
        match draw.random():
            case r if r < 0.3:
                step, body = "fail", {"reason": "broken in the warehouse"}
            case _:
                step = "dispatch"
                body = {"carrier": "Example Post", "trackingNumber": f"EP{number:09}IE"}
        shop.request("fulfilment", "POST", f"{path}/{step}", label=f"{label} {step}", body=body)
        if draw.random() < 0.5:
            shop.sleep(draw.uniform(1, 60))
            last = draw.choice(("deliver", "fail"))
            given = {"reason": "nobody there"} if last == "fail" else None
            shop.request(
                "fulfilment", "POST", f"{path}/{last}", label=f"{label} {last}", body=given
            )


def rubbish(seed: int) -> list[tuple[str, str, str]]:
    """Messages that can never be handled: source, name and detail, as somebody may put them."""
    draw = random.Random(f"{seed} rubbish")
    metadata = {
        "id": f"rubbish-{seed}",
        "correlationId": "rubbish",
        "causationId": None,
        "occurredAt": "2026-01-05T10:00:00.000Z",
        "version": 1,
    }

    def detail(name: str, data: Json) -> str:
        own = metadata | {"id": f"rubbish:{seed}:{name}"}
        return json.dumps({"metadata": own, "data": data})

    kinds = [
        ("tbs.orders", "ReserveStock", detail("ReserveStock", {"orderId": "x", "lines": "none"})),
        ("tbs.orders", "CollectPayment", detail("CollectPayment", {"orderId": "x"})),
        ("tbs.orders", "SendEmail", detail("SendEmail", {"to": "nobody"})),
        ("tbs.toys", "StockReserved", detail("StockReserved", {"orderId": "never-placed"})),
        ("tbs.payments", "PaymentRefunded", detail("PaymentRefunded", {"orderId": 7})),
        ("tbs.public-api", "PlaceOrder", detail("PlaceOrder", {"orderId": "x", "gross": -1})),
        ("tbs.orders", "ShipOrder", detail("ShipOrder", {})),
        ("tbs.orders", "OrderPlaced", detail("OrderPlaced", {"orderId": "x"})),
        ("tbs.payments", "StoreFile", detail("StoreFile", {"owner": 1})),
    ]
    return draw.sample(kinds, 3)
