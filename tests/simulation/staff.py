"""Those who run the shop: staff at the telephone and at the till, carriers who tell, and forgers.

Each remembers what it meant, and what the shop said to it, for the books to be held against.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.simulation.people import RETRIES, Answer, Counter, Scripts
from tools import carriers

Json = dict[str, Any]

CARRIER_SECRET = "carrier-simulation"
"""What carriers sign with."""

FORGED = "FORGED"
"""What the tracking numbers of forgers begin with."""


@dataclass(eq=False)
class Caller:
    """Someone who orders by phone: what became of it."""

    customer_id: str
    key: str
    order_id: str | None = None
    """Of the order that the shop has accepted."""
    expected: int | None = None
    """What the shop said that it costs."""


@dataclass(eq=False)
class Asked:
    """A refund that somebody asked for."""

    order_id: str
    key: str
    refund_ids: set[str] = field(default_factory=set)
    """By which it was accepted; asked again, it is the same one."""
    amount: int | None = None


@dataclass
class Staff:
    """Someone who looks after orders."""

    seed: int
    rush: float
    toys: list[str]
    refunds: list[Asked] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    """The first lines of the addresses that were asked for, by order."""
    unanswered: list[str] = field(default_factory=list)
    """What the shop had no good answer to, however often it was asked."""

    def scripts(self, shop: Counter) -> Scripts:
        """What staff do, and when each of it begins."""
        draw = self._draw("plan")
        scripts: Scripts = []

        def plan(times: int, late: float, act: Callable[[Counter, str], None]) -> None:
            for number in range(times):
                label = f"staff {act.__name__} {number}"
                begins = draw.uniform(self.rush / 20, self.rush * late)
                scripts.append((begins, partial(act, shop, label)))

        plan(5, 1.5, self.give_back)
        plan(5, 1, self.readdress)
        plan(2, 1, self.cancel)
        plan(3, 1, self.take_call)
        plan(3, 2, self.give_back_by_hand)
        return scripts

    def take_call(self, shop: Counter, label: str) -> None:
        """Somebody orders by phone."""
        draw = self._draw(label)
        caller = Caller(f"caller-{self.seed}-{label[-1]}", f"{self.seed} {label}")
        self.callers.append(caller)
        lines = []
        for toy_id in draw.sample(self.toys, draw.choice((1, 2))):
            path = f"/toys/{toy_id}"
            status, toy, _ = shop.request("toys", "GET", path, label=f"{label} looks {toy_id}")
            if status == 200:
                quantity = draw.choice((1, 2))
                shown = {name: toy[name] for name in ("toyId", "name", "price")}
                lines.append(shown | {"quantity": quantity})
        if not lines:
            return
        body = {
            "customerId": caller.customer_id,
            "email": f"c{label[-1]}@example.com",
            "lines": lines,
            "shippingAddress": address("By phone"),
            "paymentMethodId": "pm_card_visa",
            "currency": "EUR",
            "shipping": 495,
            "taxRate": "0.23",
            "locale": "de-DE",
        }
        headers = {"Idempotency-Key": caller.key}
        for press in range(1 + int(draw.random() < 0.3)):
            status, order, _ = self._insist(
                shop, "POST", "/orders", label=f"{label} {press}", body=body, headers=headers
            )
            if status in (200, 201):
                caller.order_id, caller.expected = order["orderId"], order["gross"]

    def give_back(self, shop: Counter, label: str) -> None:
        """Give an amount back, or what a line cost, or all that is left; now and then twice."""
        draw = self._draw(label)
        order = self._found(
            shop, label, draw.choice(("CONFIRMED", "DISPATCHED", "DELIVERED", None))
        )
        if order is None:
            return
        body: Json = {"reason": "came broken"}
        match draw.random():
            case r if r < 0.5:
                body["amount"] = draw.randint(1, max(1, order["gross"] // 2))
            case r if r < 0.8:
                line = draw.choice(order["lines"])
                body["lines"] = [{"toyId": line["toyId"], "quantity": 1}]
        asked = Asked(order["orderId"], f"{self.seed} {label}")
        self.refunds.append(asked)
        for press in range(1 + int(draw.random() < 0.3)):
            status, refund, _ = self._insist(
                shop,
                "POST",
                f"/orders/{asked.order_id}/refunds",
                label=f"{label} {press}",
                body=body,
                headers={"Idempotency-Key": asked.key},
            )
            if status in (200, 201):
                asked.refund_ids.add(refund["refundId"])
                asked.amount = refund["amount"]

    def give_back_by_hand(self, shop: Counter, label: str) -> None:
        """Give something back in Stripe's Dashboard; not everybody does."""
        draw = self._draw(label)
        status = draw.choice(("DELIVERED", "CONFIRMED"))
        if draw.random() < 0.7 and (order := self._found(shop, label, status)):
            shop.refund_by_hand(order["orderId"], draw.randint(1, order["gross"]))

    def readdress(self, shop: Counter, label: str) -> None:
        """Somebody has moved; now and then they have forgotten the number of the house."""
        draw = self._draw(label)
        wanted = draw.choice(("PLACED", "RESERVED", "CONFIRMED", "CONFIRMED", "CONFIRMED", None))
        order = self._found(shop, label, wanted)
        if order is None:
            return
        etag = None
        for number in range(draw.choice((1, 1, 2))):
            line1 = f"{label} {number}"
            self.addresses.setdefault(order["orderId"], []).append(line1)
            matched = etag is not None and draw.random() < 0.5
            status, _, etag = self._insist(
                shop,
                "PATCH",
                f"/orders/{order['orderId']}",
                label=f"{label} {number}",
                body={"shippingAddress": address("Moved", line1)},
                headers={"If-Match": str(etag)} if matched else {},
            )
            if status != 200:
                return
            shop.sleep(draw.uniform(0.05, 20))

    def cancel(self, shop: Counter, label: str) -> None:
        """The shop cannot, or will not."""
        order = self._found(shop, label, self._draw(label).choice(("PLACED", "CONFIRMED", None)))
        if order:
            path = f"/orders/{order['orderId']}/cancellation"
            self._insist(shop, "POST", path, label=label, body={"reason": "nobody can pack it"})

    def _found(self, shop: Counter, label: str, status: str | None) -> Json | None:
        """An order of those on the list of that status."""
        query = {"limit": "50"} | ({"status": status} if status else {})
        for attempt in range(3):
            asked = f"{label} looks {attempt}"
            answered, page, _ = shop.request("orders", "GET", "/orders", label=asked, query=query)
            if answered == 200 and page["items"]:
                chosen = self._draw(f"{label} {attempt}").choice(page["items"])["orderId"]
                path = f"/orders/{chosen}"
                answered, order, _ = shop.request("orders", "GET", path, label=f"{asked} at one")
                if answered == 200:
                    return dict(order)
            shop.sleep(2.0**attempt)
        return None

    def _insist(self, shop: Counter, method: str, path: str, *, label: str, **given: Any) -> Answer:
        """What orders answers, once it does not fail. It is asked again for a while."""
        for attempt in range(RETRIES):
            answer = shop.request("orders", method, path, label=f"{label} {attempt}", **given)
            busy = answer.status == 409 and "Others are" in json.dumps(answer.body)
            if answer.status < 500 and not busy:
                return answer
            shop.sleep(2.0**attempt)
        self.unanswered.append(label)
        return answer

    def _draw(self, about: str) -> random.Random:
        return random.Random(f"{self.seed} {about}")


@dataclass
class Carriers:
    """Those who bring parcels and tell of that themselves, in any order; and those who lie."""

    seed: int
    rush: float
    told: set[str] = field(default_factory=set)
    """Bodies that carriers signed: of a parcel that went another way, they are dead letters."""

    def scripts(self, shop: Counter) -> Scripts:
        """What they do, and when each of it begins."""
        draw = random.Random(f"{self.seed} carriers")
        return [
            (draw.uniform(self.rush / 20, self.rush), partial(self.bring, shop, number))
            for number in range(4)
        ]

    def bring(self, shop: Counter, number: int) -> None:
        """Tell of a parcel that waits: it has left, and is there, or came to nothing."""
        draw = random.Random(f"{self.seed} carrier {number}")
        label = f"carrier {number}"
        status, page, _ = shop.request(
            "fulfilment", "GET", "/shipments", label=f"{label} looks", query={"status": "WAITING"}
        )
        if status != 200 or not page["items"]:
            return
        order_id = draw.choice(page["items"])["orderId"]
        if draw.random() < 0.5:
            forged = carriers.event(order_id, "DISPATCHED", "Thief", f"{FORGED}{number}", _now())
            shop.post(
                "fulfilment", carriers.PATH, forged, carriers.headers(forged, "guessed", _at())
            )
        endings: tuple[carriers.Progress, ...] = ("DELIVERED", "DELIVERED", "FAILED")
        ends = draw.choice(endings)
        steps: list[carriers.Progress] = draw.choice(
            (["DISPATCHED", ends], [ends, "DISPATCHED"], ["DISPATCHED", "DISPATCHED", ends], [ends])
        )
        for step in steps:
            reason = "nobody there" if step == "FAILED" else None
            body = carriers.event(
                order_id, step, "Example Post", f"EP{number}{self.seed}IE", _now(), reason
            )
            self.told.add(body)
            shop.post(
                "fulfilment",
                carriers.PATH,
                body,
                carriers.headers(body, CARRIER_SECRET, _at()),
            )
            shop.sleep(draw.choice((0.01, 1, 60)) * draw.random())


def address(name: str, line1: str = "1 Example Street") -> Json:
    """Somewhere in Dublin."""
    return {
        "name": name,
        "line1": line1,
        "line2": None,
        "city": "Dublin",
        "postalCode": "D02 X285",
        "country": "IE",
    }


def _at() -> float:
    return datetime.now(UTC).timestamp()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
