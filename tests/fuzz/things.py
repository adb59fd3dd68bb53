"""Things of its own that the fuzzing may name, change and use up: toys, orders and their shopper.

No other toy, order or file is changed by it. Its toys leave the catalogue at the end.
"""

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from local import aws, stacks
from local.errors import LocalError
from local.settings import Settings
from local.shopper import Shopper
from tests.fuzz.apis import PUBLIC

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9A-Z]{26}\b")
"""An id of the shop's: a UUID, or an order's."""

ONE = {"limit": "1"}

SELLERS = {PUBLIC, "orders"}
"""The services whose requests may name toys, which they sell and do not change."""

CARDS = ("pm_card_visa", "pm_card_visa_chargeDeclined")


@dataclass(slots=True)
class Things:
    """Ids of what is there."""

    token: str
    toys: list[str] = field(default_factory=list)
    """Toys that may be changed and deleted."""
    goods: list[str] = field(default_factory=list)
    """Toys that may be ordered, and stay as they are."""
    skus: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    cursors: dict[str, list[str]] = field(default_factory=dict)
    """What leads to second pages, by service."""
    own: set[str] = field(default_factory=set)
    """The ids of all that was made for the fuzzing, or by it."""

    def spares(self, service: str, request: str) -> bool:
        """Whether a request that changes something names nothing that is not its own."""
        sold = self.goods if service in SELLERS else []
        return self.own.issuperset(set(ID.findall(request)).difference(sold))

    def made(self, answer: str) -> None:
        """Own what an answer says was made."""
        self.own.update(ID.findall(answer))

    def values(self, service: str) -> dict[str, list[str]]:
        """What to put where in requests to a service, by schemathesis' name of the place."""
        today = str(datetime.now(UTC).date())
        known: dict[str, list[str]] = {
            "toys": {
                "path.toy_id": self.toys,
                "body.sku": [*self.skus, "NEW-1", "NEW-2"],
                "body.toys[*].sku": [*self.skus, "NEW-1", "NEW-2"],
                "header.if-match": ['"1"', '"2"', '"3"'],
            },
            "orders": {
                "path.order_id": self.orders,
                "body.lines[*].toyId": self.goods,
                "body.paymentMethodId": list(CARDS),
                "header.if-match": ["*", '"3"', '"5"'],
            },
            "payments": {"path.order_id": self.orders, "path.day": [today]},
            "notification": {
                "query.orderId": self.orders,
                "path.address": ["ann@example.com", "nobody"],
            },
            "reports": {"query.timeZone": ["UTC", "Europe/Dublin"]},
            "fulfilment": {"path.order_id": self.orders},
            "file-manager": {
                "query.owner": [f"urn:tbs:order:{order}" for order in self.orders]
                + [f"urn:tbs:toy:{toy}" for toy in self.toys]
            },
            "public-api": {
                "path.toy_id": self.goods,
                "path.order_id": self.orders,
                "body.lines[*].toyId": self.goods,
                "body.paymentMethodId": list(CARDS),
                "query.q": ["fuzzy", "toy fuzz", "Fuzzy Tóy"],
                "query.category": ["Fuzzing"],
                "query.brand": ["Fuzz"],
                "header.if-match": ["*", '"0"', '"1"', '"2"'],
            },
        }[service]
        return known | {"query.cursor": self.cursors.get(service, [])}


@contextmanager
def things(settings: Settings, toys: int = 4, goods: int = 3, orders: int = 3) -> Iterator[Things]:
    """Make toys and orders; take all toys of one's own out of the catalogue at the end."""
    shopper = Shopper.sign_up(settings)
    made = Things(shopper.token)
    url = stacks.api_url(settings, "toys")
    with httpx.Client(base_url=url, auth=aws.SigV4(settings), timeout=60) as catalogue:
        try:
            for number in range(toys + goods):
                toy = _toy(catalogue, number)
                (made.toys if number < toys else made.goods).append(toy["toyId"])
                made.skus.append(toy["sku"])
            made.own.update(made.toys)
            _await_sale(shopper, made.goods)
            for number in range(orders):
                lines = [{"toyId": toy, "quantity": 1 + number} for toy in made.goods]
                order = shopper.order(lines, CARDS[number % len(CARDS)])
                made.orders.append(order["orderId"])
            made.own.update(made.orders)
            for order_id in made.orders:
                shopper.await_end(order_id)
            made.cursors["toys"] = [_cursor(catalogue.get("/toys", params=ONE))]
            made.cursors["public-api"] = [
                _cursor(shopper.request("GET", path, params=ONE)) for path in ("/toys", "/orders")
            ]
            with httpx.Client(
                base_url=stacks.api_url(settings, "fulfilment"), auth=aws.SigV4(settings)
            ) as warehouse:
                page = warehouse.get("/shipments", params=ONE | {"status": "DELIVERED"})
                made.cursors["fulfilment"] = [_cursor(page)]
            yield made
        finally:
            for toy_id in sorted(made.own.union(made.goods).difference(made.orders)):
                _take_away(catalogue, toy_id)


def _toy(catalogue: httpx.Client, number: int) -> dict[str, Any]:
    draft: dict[str, Any] = {
        "sku": f"FUZZ-{uuid.uuid4().hex[:12].upper()}",
        "name": f"Fuzzy toy {number}",
        "category": "Fuzzing",
        "brand": "Fuzz",
        "price": 1999,
        "currency": "EUR",
        "stock": 1_000_000,
    }
    answer = catalogue.post("/toys", json=draft)
    if answer.status_code != 201:
        raise LocalError(f"The catalogue does not take a toy: {answer.status_code} {answer.text}")
    toy: dict[str, Any] = answer.json()
    return toy


def _await_sale(shopper: Shopper, toys: list[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    for toy in toys:
        while shopper.request("GET", f"/toys/{toy}").status_code != 200:
            if time.monotonic() > deadline:
                raise LocalError(f"The shop does not show toy {toy} after {seconds:.0f} s")
            time.sleep(0.2)


def _cursor(page: httpx.Response) -> str:
    """What leads to the next page: there are several things of each kind."""
    cursor: str = page.json()["cursor"]
    return cursor


def _take_away(catalogue: httpx.Client, toy_id: str) -> None:
    found = catalogue.get(f"/toys/{toy_id}")
    if found.status_code == 200:
        catalogue.delete(f"/toys/{toy_id}", headers={"If-Match": found.headers["ETag"]})
