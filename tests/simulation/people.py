"""Who uses the shop in a run: shoppers, the warehouse, operators, and those who send rubbish.

Managers and staff have modules of their own. Each has a script that follows from the seed and from
who it is, whoever else is there.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

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

MAILBOXES = {"s": 86, "bounces": 6, "complains": 4, "full": 4}
"""How many of a hundred have a mailbox that takes mail; is none; calls it spam; is full."""

LOCALES = (None, None, "en-IE", "de-DE", "xx-Nowhere")
"""What their browsers say that they speak."""

RETRIES = 14
"""How often somebody asks again who gets no answer: for hours, each time later than the last."""

type Scripts = list[tuple[float, Callable[[], None]]]
"""What someone does, and after how many seconds each of it begins."""


class Answer(NamedTuple):
    """What an operation answers; status 503 and nothing else where no answer came."""

    status: int
    body: Any
    etag: str | None


class Counter(Protocol):
    """Where people go: the shop's APIs, S3 with their forms, and Stripe's page for 3-D Secure."""

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
    ) -> Answer:
        """Call an operation."""

    def upload(self, upload: Json, body: bytes, label: str) -> int:
        """Post a form with a file in it to S3. Gives the answer's status."""

    def invoke(self, service: str, door: str, event: Json, label: str) -> Any:
        """Invoke a function by hand. Gives its answer, None where it failed."""

    def lose_copies(self) -> None:
        """Lose what public-api has copied of toys and orders."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def authenticate(self, intent_id: str, outcome: Literal["succeed", "fail"]) -> bool:
        """Go through 3-D Secure."""

    def post(self, service: str, path: str, body: str, headers: dict[str, str]) -> None:
        """Post something to where nobody waits for an answer."""

    def refund_by_hand(self, order_id: str, amount: int) -> None:
        """Give money back in Stripe's Dashboard, as much of the amount as is left."""


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
        mailbox = draw.choices([*MAILBOXES], weights=[*MAILBOXES.values()])[0]
        self.email = f"{mailbox}{self.number}@example.com"
        self.claims = {"sub": f"{self.seed}-{self.number}", "email": self.email}
        self.key = f"key-{self.number}"
        self.body: Json = {
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
        if locale := draw.choice(LOCALES):
            self.body["locale"] = locale
        self.cancels_after = draw.expovariate(1 / 240) if draw.random() < 0.25 else None
        outcomes: tuple[Literal["succeed", "fail"] | None, ...] = ("succeed", "fail", None)
        self.authenticates = draw.choices(outcomes, weights=(60, 15, 25))[0]
        self.looks = [draw.uniform(3, 90), draw.uniform(30, 300), draw.uniform(200, 900)]
        self.thinks = draw.uniform(2, 200)
        self.browses = draw.random() < 0.4
        self.expected: int | None = None
        """What they were told that it comes to, where they asked and said so when ordering."""
        self.asks = not self.twice and draw.random() < 0.3

    def scripts(self, shop: Counter) -> Scripts:
        """What the shopper does, and when it begins."""
        scripts: Scripts = [(self.arrives, lambda: self.buy(shop, "order"))]
        if self.twice:
            scripts.append((self.arrives, lambda: self._order(shop, "order again")))
        if self.cancels_after is not None:
            scripts.append((self.arrives + self.cancels_after, lambda: self.cancel(shop)))
        return scripts

    def buy(self, shop: Counter, label: str) -> None:
        """Look, order, and finish 3-D Secure where it is asked for."""
        self._look(shop)
        self._order(shop, label)
        if not self.order_id or "authentication" not in self.card:
            return
        for look, wait in enumerate(self.looks):
            shop.sleep(wait)
            status, order, _ = shop.request(
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
            status, _, _ = shop.request(
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

    def _look(self, shop: Counter) -> None:
        """Look at a toy, and ask what the basket comes to; not everybody does."""
        lines = self.body["lines"]
        if self.browses:
            path = f"/toys/{lines[0]['toyId']}"
            shop.request("public-api", "GET", path, label=f"shopper {self.number} looks at a toy")
        if self.asks:
            label = f"shopper {self.number} asks"
            basket = {"lines": lines, "shippingAddress": self.body["shippingAddress"]}
            status, quote, _ = shop.request(
                "public-api", "POST", "/quotes", label=label, body=basket
            )
            if status == 200 and not quote["missing"]:
                self.expected = quote["gross"]
                self.body["expectedGross"] = self.expected
                shop.sleep(self.thinks)

    def _order(self, shop: Counter, label: str) -> None:
        for attempt in range(RETRIES):
            status, answer, _ = shop.request(
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
        status, page, _ = shop.request(
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


@dataclass
class Operator:
    """Someone who rebuilds what was copied, because it is lost or to be on the safe side."""

    seed: int
    rush: float
    asked: set[str] = field(default_factory=set)
    """The rebuilds that were answered."""

    def scripts(self, shop: Counter) -> Scripts:
        """What the operator does, and when it begins."""
        draw = random.Random(f"{self.seed} operator")
        scripts: Scripts = []
        for number in range(draw.choice((0, 0, 1, 1, 2))):
            request_id = f"rebuild-{self.seed}-{number}"
            loses, again = draw.random() < 0.6, draw.random() < 0.3
            begins = draw.uniform(self.rush / 4, self.rush * 2)
            scripts.append((begins, partial(self.rebuild, shop, request_id, loses)))
            if again:
                scripts.append((begins + draw.uniform(0, 3), partial(self.ask, shop, request_id)))
        if draw.random() < 0.5:
            scripts.append((draw.uniform(0, self.rush), partial(self.report, shop)))
        return scripts

    def rebuild(self, shop: Counter, request_id: str, loses: bool) -> None:
        """Have all toys and orders told anew; it may be that the copies were lost before."""
        if loses:
            shop.lose_copies()
            shop.sleep(random.Random(f"{self.seed} {request_id}").uniform(0.1, 60))
        self.ask(shop, request_id)

    def ask(self, shop: Counter, request_id: str) -> None:
        """Ask for a rebuild until there is an answer."""
        for attempt in range(RETRIES):
            label = f"{request_id} {len(self.asked)} {attempt}"
            if shop.invoke("public-api", "rebuild", {"requestId": request_id}, label):
                self.asked.add(request_id)
                return
            shop.sleep(2.0**attempt)

    def report(self, shop: Counter) -> None:
        """Have the sales reported before the night."""
        shop.invoke("reports", "outbox", {}, "the operator reports")


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
        ("tbs.file-manager", "FileStored", detail("FileStored", {"owner": "urn:tbs:toy:x"})),
        ("tbs.public-api", "RepublishToys", detail("RepublishToys", {})),
        ("tbs.public-api", "RepublishOrders", detail("RepublishOrders", {"requestId": None})),
        ("tbs.toys", "ToyRepublished", detail("ToyRepublished", {"toyId": 1})),
        ("tbs.reports", "SalesReported", detail("SalesReported", {"months": []})),
        ("tbs.orders", "ShareFile", detail("ShareFile", {"shareId": "x"})),
        ("tbs.file-manager", "FileShared", detail("FileShared", {"shareId": "x:1"})),
        (
            "tbs.orders",
            "ChangeShippingAddress",
            detail("ChangeShippingAddress", {"orderId": "x", "number": 0}),
        ),
    ]
    return draw.sample(kinds, 3)
