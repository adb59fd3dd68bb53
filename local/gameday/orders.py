"""Shoppers who order while something is broken, and what becomes of their orders."""

import time
from collections.abc import Callable, Mapping

import httpx

from local.errors import LocalError
from local.gameday.ground import Ground
from local.progress import Progress
from local.shopper import FINAL, Shopper

PATIENCE = 1200.0
"""Seconds after which an order that is not final never will be: its deadline is long past, and no
message waits for longer than a quarter of an hour before it is tried again."""

_POLL = 1.0


class Customers:
    """One shopper who orders the same toy again and again, and confirms what a bank asks for."""

    def __init__(
        self,
        shopper: Shopper,
        stripe_url: str,
        patience: float = PATIENCE,
        poll: float = _POLL,
    ) -> None:
        self._shopper = shopper
        self._stripe = stripe_url
        self._patience = patience
        self._poll = poll
        self._toy: str | None = None
        self.orders: list[str] = []
        """The ids of the orders that were placed."""

    def order(self, card: str, count: int = 1) -> None:
        """Place so many orders. Raises LocalError when the shop does not take them."""
        for _ in range(count):
            lines = [{"toyId": self._toy or self._find(), "quantity": 1}]
            self.orders.append(self._shopper.order(lines, card)["orderId"])

    def confirm(self) -> None:
        """Tell the bank yes, wherever it has asked the shopper (3-D Secure)."""
        for intent in httpx.get(f"{self._stripe}/test/state").json()["payment_intents"]:
            asked = intent["status"] == "requires_action"
            if asked and intent["metadata"].get("orderId") in self.orders:
                url = f"{self._stripe}/test/payment_intents/{intent['id']}/authenticate"
                httpx.post(url, json={"outcome": "succeed"}).raise_for_status()

    def _find(self) -> str:
        """A toy of which there is plenty, and that goes by parcel."""
        asked = {"availability": "IN_STOCK", "sort": "price", "limit": "100"}
        answer = self._shopper.request("GET", "/toys", params=asked)
        for toy in answer.json().get("items", []):
            if toy.get("fulfilment", "parcel") == "parcel":
                self._toy = str(toy["toyId"])
                return self._toy
        raise LocalError("No toy is in stock: `make seed` fills the catalogue.")

    def states(self) -> dict[str, str]:
        """The status of each order, as the shop shows it."""
        return {order: str(self._shopper.get_order(order)["status"]) for order in self.orders}

    def await_end(self, progress: Progress) -> dict[str, str]:
        """The final status of each. Raises LocalError that names those that have none."""

        def open_orders() -> dict[str, str]:
            self.confirm()
            return {id_: status for id_, status in self.states().items() if status not in FINAL}

        with progress.step(f"until all {len(self.orders)} orders have come to an end"):
            _await(open_orders, "These orders do not end", self._patience, self._poll)
        return self.states()


def await_quiet(
    ground: Ground, progress: Progress, patience: float = PATIENCE, poll: float = _POLL
) -> None:
    """Wait until no queue of the shop holds a message. Raises LocalError that names those that do.

    Dead letters are not waited for.
    """
    with progress.step("until nothing is left in any queue"):
        _await(ground.waiting, "These queues do not get empty", patience, poll)


def _await(
    left: Callable[[], Mapping[str, object]], failed: str, patience: float, poll: float
) -> None:
    deadline = time.monotonic() + patience
    while found := left():
        if time.monotonic() > deadline:
            told = ", ".join(f"{name}: {what}" for name, what in found.items())
            raise LocalError(f"{failed}: {told}. docs/operations.md says where to look.")
        time.sleep(poll)
