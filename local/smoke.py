"""A test order against a deployed environment, followed to its end: `make smoke ENV=prod`.

It goes the shoppers' way: the shop's address, the user pool's log-in, the API. The shopper is made
for it and removed after it. The order is cancelled as soon as it is paid, so that nothing is sent
and the money goes back; also where something goes wrong on the way. What it leaves is one cancelled
order, in the books and in the reports.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from local import guest, stops
from local.account import Account
from local.errors import LocalError
from local.progress import Progress
from local.services import select
from local.settings import Settings
from local.shopper import ADDRESS

CARD = "pm_card_visa"
"""A payment method that Stripe takes with test keys, and refuses with live ones."""

PATIENCE = 90.0
"""Seconds that each step may take. Functions that nobody called for a while start slowly."""

LIVE_KEY = "pk_live_"
"""What the publishable key of Stripe begins with where real money is moved."""

PAID = {"CONFIRMED", "DISPATCHED", "DELIVERED"}

_POLL = 0.5
"""Seconds between two looks."""

_LAST = 30.0
"""Seconds that the last wish to cancel may take, when all else has gone wrong."""


class Late(Exception):
    """A step took too long. `order` is the order as it was last seen."""

    def __init__(self, what: str, order: Mapping[str, Any]) -> None:
        super().__init__(what)
        self.order = order


def show(settings: Settings, environment: str, card: str = CARD, patience: float = PATIENCE) -> str:
    """Place an order and follow it, telling each step and its time. Returns how it ended, in words.

    Raises LocalError when a step fails or takes longer than `patience` seconds: with what to look
    at. The shopper is gone in any case, and the order is asked to be cancelled.
    """
    account = Account(settings, environment)
    (shop,) = select(["public-api"])
    outputs = account.outputs(shop)
    url = settings.url if account.is_local else outputs.get("SiteUrl", "")
    with Progress() as progress, guest.invited(account, shop, outputs, progress) as someone:
        headers = {"Authorization": someone.token}
        with httpx.Client(base_url=f"{url}/api", headers=headers, timeout=60) as api:
            run = Run(api, progress, patience)
            with run.undone():
                try:
                    return run.play(card)
                except Late as late:
                    # Where it stands is seen before the wish to cancel moves it.
                    where = stops.find(account, late.order)
                    raise LocalError(f"{late}\n{where.told(environment)}") from late


class Run:
    """One order, from the shelf to its end."""

    def __init__(
        self,
        api: httpx.Client,
        progress: Progress,
        patience: float = PATIENCE,
        poll: float = _POLL,
    ) -> None:
        """`api` is a client of the shop's API that carries a shopper's token."""
        self._api = api
        self._progress = progress
        self._patience = patience
        self._poll = poll
        self._seen: Mapping[str, Any] | None = None
        """The order as it was last seen; None until it is placed."""

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Leave no live order behind, whatever goes wrong in it: Ctrl-C as well."""
        try:
            yield
        except BaseException:
            if self._seen is not None and self._seen["status"] != "CANCELLED":
                self._withdraw(str(self._seen["orderId"]))
            raise

    def _withdraw(self, order_id: str) -> None:
        """Ask once more to cancel it. Tells what came of that, and hides nothing."""
        try:
            answer = self._api.post(f"/orders/{order_id}/cancellation", timeout=_LAST)
            failed = "" if answer.is_success else f"the shop answered {answer.status_code}"
        except httpx.HTTPError as error:
            failed = str(error) or type(error).__name__
        self._progress.note(
            f"{order_id} is NOT cancelled, {failed}: cancel it at orders, or see to its parcel."
            if failed
            else f"{order_id} is asked to be cancelled."
        )

    def play(self, card: str = CARD) -> str:
        """Order, wait until it is paid, cancel, wait until the money is back. How it ended.

        Raises Late, and LocalError when the shop answers with something else than it should.
        """
        step = self._progress.step
        with step("The shop's terms"):
            is_live = str(self._get("/shop").get("stripePublishableKey")).startswith(LIVE_KEY)
        with step("A toy that is in stock"):
            toy = self._toy()
        with step(f"Ordering {toy['name']}"):
            placed = self._seen = self._order(toy["toyId"], card)
        self._progress.note(f"order {placed['orderId']}")
        order = self._await(
            placed, "paid, or refused", lambda seen: seen["status"] in {*PAID, "CANCELLED"}
        )
        if order["status"] == "CANCELLED":
            return _unpaid(order, card, is_live)
        with step("Cancelling it"):
            order = self._seen = self._cancel(order)
        order = self._await(order, "cancelled", _decided)
        if order["status"] != "CANCELLED":
            return self._left(order)
        order = self._await(order, "paid back", lambda seen: _refund(seen) == "REFUNDED")
        return f"{order['orderId']} was paid, cancelled and paid back."

    def _toy(self) -> dict[str, Any]:
        """The cheapest toy that is in stock and goes by parcel: a download cannot be cancelled."""
        asked = {"availability": "IN_STOCK", "sort": "price", "limit": "100"}
        found: list[dict[str, Any]] = self._get("/toys", asked)["items"]
        for toy in found:
            if toy.get("fulfilment", "parcel") == "parcel":
                return toy
        raise LocalError(
            "No toy is in stock, of those that the shop shows. Where the catalogue is empty, `make "
            "seed` fills it; where toys-service has some, `make replay` has it tell of them again."
        )

    def _order(self, toy_id: str, card: str) -> dict[str, Any]:
        """Order one of it. The answer may be lost: the same request again makes no second order."""
        body = {
            "lines": [{"toyId": toy_id, "quantity": 1}],
            "shippingAddress": dict(ADDRESS),
            "paymentMethodId": card,
        }
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        try:
            answer = self._api.post("/orders", json=body, headers=headers)
        except httpx.TransportError:
            answer = self._api.post("/orders", json=body, headers=headers)
        return _good(answer)

    def _cancel(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._api.post(f"/orders/{order['orderId']}/cancellation")
        if answer.status_code == httpx.codes.CONFLICT:  # it has left
            return self._get(f"/orders/{order['orderId']}")
        return _good(answer)

    def _left(self, order: Mapping[str, Any]) -> str:
        """The parcel was quicker. With the simulated carrier it arrives; a warehouse takes days."""
        self._progress.note("The parcel had left before it could be stopped.")
        if any(step["status"] == "DISPATCHED" for step in order["history"]):
            with contextlib.suppress(Late):
                order = self._await(order, "delivered", lambda seen: seen["status"] == "DELIVERED")
        return (
            f"{order['orderId']} was paid and has left, so it was not cancelled: it is "
            f"{order['status']}. Where a real parcel left for it, see to it; refund it at orders."
        )

    def _await(
        self, order: Mapping[str, Any], what: str, done: Callable[[Mapping[str, Any]], bool]
    ) -> Mapping[str, Any]:
        """The order, once it is `done`. Raises Late."""
        deadline = time.monotonic() + self._patience
        with self._progress.step(f"until it is {what}"):
            while not done(order):
                if time.monotonic() > deadline:
                    raise Late(f"The order is not {what} after {self._patience:.0f} s.", order)
                time.sleep(self._poll)
                # What the shop cannot answer now it may answer with the next look.
                with contextlib.suppress(httpx.TransportError):
                    answer = self._api.get(f"/orders/{order['orderId']}")
                    busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
                    if not (answer.is_server_error or busy):
                        order = self._seen = _good(answer)
        return order

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return _good(self._api.get(path, params=params))


def _unpaid(order: Mapping[str, Any], card: str, is_live: bool) -> str:
    """What it means that the order was cancelled before it was paid. Raises LocalError."""
    reason = order.get("reason")
    if reason == "PAYMENT_DECLINED" and is_live:
        return (
            f"{order['orderId']} was declined and cancelled, as it should be: Stripe's keys are "
            f"live here, and refuse {card}. All up to Stripe works; what comes after a payment "
            "was not tried."
        )
    if reason == "PAYMENT_DECLINED":
        raise LocalError(
            f"The payment of {order['orderId']} was declined. Live keys of Stripe refuse {card} "
            "(payments tells PaymentFailed, with `resource_missing`). Test keys take it: look at "
            "the payment in Stripe's Dashboard, by the order's id in its metadata. Nothing has to "
            "be undone."
        )
    raise LocalError(
        f"{order['orderId']} was cancelled before it was paid: {reason}. Nothing has to be undone."
    )


def _decided(order: Mapping[str, Any]) -> bool:
    """Whether it is cancelled, or cannot be any more."""
    outcome = (order.get("cancellation") or {}).get("outcome")
    left = order["status"] in {"DISPATCHED", "DELIVERED"}
    return order["status"] == "CANCELLED" or outcome == "TOO_LATE" or left


def _refund(order: Mapping[str, Any]) -> str | None:
    found: str | None = (order.get("refund") or {}).get("status")
    return found


def _good(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        found: dict[str, Any] = answer.json()
        return found
    request = answer.request
    raise LocalError(
        f"{request.method} {request.url.path} answered {answer.status_code}: {answer.text[:500]} "
        "The log group /tbs/<stack of public-api>/api has the request."
    )
