"""An order among all the others: whatever comes, however often and late, it ends as it should."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orders import figures, items, staff
from orders.downloads import Download
from orders.facts import Facts, Reason
from orders.message import Message
from orders.messages import of_order
from orders.order import Order
from orders.owed import owed, owed_since
from orders.purchase import Address, Fulfilment, HeldLine, Line, PurchaseRequest
from orders.refunds import Excess, Refund, RefundDraft
from orders.saga import WAITING, Ignored, Status
from orders.sent import (
    CancelShipment,
    ChangeShippingAddress,
    CollectPayment,
    RefundPayment,
    ReleaseStock,
    ReserveStock,
    ShareFile,
    ShipOrder,
)
from orders.staff import NotAllowed

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
HOME = Address(name="A. Shopper", line1="Street 0", city="Dublin", postal_code="D01", country="IE")
GROSS = 3 * 2 * 1000
FINAL = {Status.DELIVERED, Status.CANCELLED}

Told = tuple[str, Facts]


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def placed() -> Order:
    lines = tuple(Line(toy_id=f"toy-{n}", name="Kite", price=1000, quantity=2) for n in range(3))
    purchase = PurchaseRequest(
        order_id="order-1",
        customer_id="shopper-1",
        email="shopper@example.com",
        lines=lines,
        shipping_address=HOME,
        payment_method_id="pm_card_visa",
        currency="EUR",
        shipping=0,
        net=GROSS,
        tax=0,
        gross=GROSS,
        tax_rate="0",
        submitted_at=MORNING,
    )
    return Order.place(purchase, "order-1", "cause", MORNING, timedelta(minutes=15))


class World:
    """The others: each obeys a command, at some time, as it would, and tells what came of it."""

    def __init__(
        self,
        kinds: list[Fulfilment],
        in_stock: bool = True,
        paid: bool = True,
        deliverable: bool = True,
        lost: frozenset[int] = frozenset(),
    ) -> None:
        self.kinds, self.in_stock, self.paid = kinds, in_stock, paid
        self.deliverable, self.lost = deliverable, lost
        self.collected = self.voided = False
        self.parts: dict[str, int] = {}
        self.parcel: str | None = None
        self.address, self.number = HOME, 0
        self.shares: Counter[str] = Counter()

    @property
    def given_back(self) -> int:
        """What payments gave back, all in all."""
        return GROSS if self.collected and self.voided else sum(self.parts.values())

    def obey(self, command: Message) -> list[Told]:
        """What is told because of a command."""
        match command:
            case ReserveStock() if self.in_stock:
                return [("StockReserved", Facts(held=tuple(self._held())))]
            case ReserveStock():
                return [("StockReservationFailed", Facts(reason=Reason.OUT_OF_STOCK))]
            case ReleaseStock():
                return [("StockReleased", Facts())]
            case CollectPayment() if self.voided:
                return []
            case CollectPayment() if self.paid:
                self.collected = True
                return [("PaymentCollected", Facts(collected=True))]
            case CollectPayment():
                return [("PaymentFailed", Facts(reason=Reason.PAYMENT_DECLINED))]
            case RefundPayment():
                return self._refund(command.data.amount, command.data.refund_id)
            case ShipOrder() if self.parcel is None:
                self.parcel = "WAITING"
                if not self.number:
                    self.address = command.data.shipping_address
                    return []
                return [self._readdressed()]
            case ChangeShippingAddress() if self.parcel in {None, "WAITING"}:
                if command.data.number <= self.number:
                    return []
                self.address, self.number = command.data.shipping_address, command.data.number
                return [self._readdressed()] if self.parcel else []
            case CancelShipment() if self.parcel in {None, "WAITING"}:
                self.parcel = "CANCELLED"
                return [("ShipmentCancelled", Facts())]
            case ShareFile():
                return [self._shared(command.data.share_id)]
        return []

    def carried(self) -> list[Told]:
        """What the carrier does next, and tells."""
        going = Facts(
            carrier="Post", tracking_number="1", address=self.address, address_number=self.number
        )
        match self.parcel:
            case "WAITING":
                self.parcel = "DISPATCHED"
                return [("ShipmentDispatched", going)]
            case "DISPATCHED" if self.deliverable:
                self.parcel = "DELIVERED"
                return [("ShipmentDelivered", going.model_copy(update={"arrived": True}))]
            case "DISPATCHED":
                self.parcel = "FAILED"
                return [("ShipmentFailed", Facts(reason=Reason.UNDELIVERABLE, failure="lost"))]
        return []

    def _held(self) -> list[HeldLine]:
        return [
            HeldLine(
                toy_id=f"toy-{n}",
                category="Outdoor",
                fulfilment=kind,
                file_id=f"file-{n}" if kind == "digital" else None,
            )
            for n, kind in enumerate(self.kinds)
        ]

    def _refund(self, amount: int | None, refund_id: str | None) -> list[Told]:
        if amount is None:
            self.voided = True
        elif refund_id and not self.voided:
            assert self.collected, "a part is given back of what was never paid"
            self.parts[refund_id] = amount
            assert self.given_back <= GROSS, "more is to be given back than was paid"
        if not self.collected:
            return []
        return [("PaymentRefunded", Facts(refunded=self.given_back, collected=True))]

    def _readdressed(self) -> Told:
        return "ShipmentReaddressed", Facts(address=self.address, address_number=self.number)

    def _shared(self, share_id: str) -> Told:
        self.shares[share_id] += 1
        line = int(share_id.rpartition(":")[2])
        if line in self.lost:
            gone = Download(line=line, failure="the file is gone")
            return "FileNotShared", Facts(reason=Reason.UNDELIVERABLE, download=gone)
        there = Download(line=line, url=f"https://files.example.com/{line}", expires_at=MORNING)
        return "FileShared", Facts(download=there)


COMMANDS = (
    *(ReserveStock, ReleaseStock, CollectPayment, RefundPayment, ShipOrder, CancelShipment),
    *(ChangeShippingAddress, ShareFile),
)


class Play:
    """An order and the world: each command is obeyed some time, each message comes some time."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.order = placed()
        self.sent: list[Message] = []
        self.commands: list[Message] = []
        self.coming: list[Told] = []
        self.addresses = 0
        self._send(None)

    def run(self, wishes: list[str]) -> None:
        """Play until nothing is left to come. `wishes` come from shoppers, staff and the clock."""
        chance = self.random.random
        wishes = list(wishes)
        while self.commands or self.coming or wishes or self._on_its_way:
            told = self.world.carried() if chance() < 0.2 else []
            if self.commands and chance() < 0.5:
                command = self.commands.pop(self.random.randrange(len(self.commands)))
                told += self.world.obey(command)
                if chance() < 0.2 and not isinstance(command, CollectPayment):
                    told += self.world.obey(command)
            self.coming += [each for each in told for _ in range(self.random.randint(1, 3))]
            if wishes and chance() < 0.3:
                self.wish(wishes.pop(0))
            if self.coming and chance() < 0.8:
                name, facts = self.coming.pop(self.random.randrange(len(self.coming)))
                self._become(self.order.hear(name, facts, f"cause:{name}", MORNING))

    @property
    def _on_its_way(self) -> bool:
        return self.world.parcel in {"WAITING", "DISPATCHED"}

    def wish(self, wish: str) -> None:
        """What somebody wants; it may be refused."""
        order = self.order
        try:
            match wish.split():
                case ["cancel"]:
                    self.coming.append(("CancelOrder", Facts(reason=Reason.CUSTOMER)))
                case ["deadline"]:
                    self.coming.append(("DeadlinePassed", Facts(reason=Reason.EXPIRED)))
                case ["stop"]:
                    self._become(staff.cancel(order, "wrong price", MORNING))
                case ["address"]:
                    self.addresses += 1
                    there = HOME.model_copy(update={"line1": f"Street {self.addresses}"})
                    self._become(staff.change_address(order, there, MORNING))
                case ["refund", content]:
                    draft = RefundDraft.model_validate_json(content)
                    self._become(staff.give_back(order, draft, f"{len(order.refunds)}", MORNING)[0])
        except (NotAllowed, Excess):
            assert self.order is order

    def _become(self, after: Order | Ignored) -> None:
        if isinstance(after, Ignored):
            return
        assert self.order.status not in FINAL or after.status is self.order.status
        before, self.order = self.order, after
        self._send(before)

    def _send(self, before: Order | None) -> None:
        more = of_order(before, self.order)
        self.sent += more
        self.commands += [message for message in more if isinstance(message, COMMANDS)]


def mails(play: Play, template: str) -> list[Any]:
    told = [message.model_dump(mode="json")["data"] for message in play.sent]
    return [data for data in told if data.get("content", {}).get("template") == template]


def check(play: Play) -> None:
    """What has to be so in the end, whatever happened."""
    order, world = play.order, play.world
    assert order.status in FINAL
    ids = [message.metadata.id for message in play.sent]
    assert len(set(ids)) == len(ids)
    # The parcel
    assert order.address_change is None
    if world.parcel == "DELIVERED":
        assert order.status is Status.DELIVERED
        assert order.shipping_address == world.address
    assert (world.parcel is not None) <= order.has_parcel
    if order.status is Status.DELIVERED:
        assert world.parcel == ("DELIVERED" if order.has_parcel else None)
    # The money
    if order.status is Status.CANCELLED:
        wanted = Refund(amount=GROSS, status="REFUNDED") if world.collected else None
        assert order.refund == wanted
        assert world.given_back == (GROSS if world.collected else 0)
        assert ReleaseStock in {type(message) for message in play.sent}
    else:
        assert world.given_back == order.asked == order.refunded
        assert order.asked <= GROSS
        assert order.refund == (
            Refund(amount=order.asked, status="REFUNDED") if order.asked else None
        )
    # The downloads
    assert all(times <= 2 for times in world.shares.values())
    (*downloads,) = mails(play, "order-downloads")
    assert len(downloads) <= 1
    digital = {n for n, kind in enumerate(world.kinds, 1) if kind == "digital"}
    if order.status is Status.DELIVERED:
        there = {
            int(each["url"][-1]) for mail in downloads for each in mail["content"]["downloads"]
        }
        assert there == digital - world.lost
    assert len(mails(play, "order-delivered")) == (
        order.status is Status.DELIVERED and order.has_parcel
    )
    assert len(mails(play, "order-cancelled")) == (order.status is Status.CANCELLED)


WISHES = st.lists(
    st.sampled_from(
        [
            *("cancel", "deadline", "stop", "address", "address"),
            'refund {"amount":700,"reason":"scratched"}',
            'refund {"amount":4000,"reason":"scratched"}',
            'refund {"lines":[{"toyId":"toy-1","quantity":1}],"reason":"broken"}',
            'refund {"reason":"sorry"}',
        ]
    ),
    max_size=6,
)
KINDS: st.SearchStrategy[list[Fulfilment]] = st.lists(
    st.sampled_from(["parcel", "digital"]), min_size=3, max_size=3
)


@given(
    kinds=KINDS,
    in_stock=st.booleans() | st.just(True),
    paid=st.booleans() | st.just(True),
    deliverable=st.booleans(),
    lost=st.just(frozenset[int]()) | st.frozensets(st.integers(1, 3), max_size=2),
    wishes=WISHES,
    random=st.randoms(use_true_random=False),
)
def test_every_order_ends_rightly_however_its_answers_come(
    kinds: list[Fulfilment],
    in_stock: bool,
    paid: bool,
    deliverable: bool,
    lost: frozenset[int],
    wishes: list[str],
    random: Random,
) -> None:
    """Each message comes one to six times, in any order that what was asked for allows."""
    world = World(kinds, in_stock, paid, deliverable, lost)
    play = Play(world, random)
    play.run(wishes)
    check(play)
    stopped = {"cancel", "deadline", "stop"} & set(wishes)
    if not (in_stock and paid):
        assert play.order.status is Status.CANCELLED
    missing = {n for n, kind in enumerate(kinds, 1) if kind == "digital"} & lost
    if in_stock and paid and deliverable and not missing and not stopped:
        assert play.order.status is Status.DELIVERED
    if in_stock and paid and missing and "parcel" not in kinds:
        assert play.order.status is Status.CANCELLED


@given(random=st.randoms(use_true_random=False), wishes=WISHES)
def test_money_told_of_out_of_order_only_grows(random: Random, wishes: list[str]) -> None:
    play = Play(World(["parcel", "parcel", "parcel"]), random)
    become = play._become

    def watched(after: Order | Ignored) -> None:
        if isinstance(after, Order):
            assert play.order.refunded <= after.refunded <= after.going_back <= GROSS
            assert play.order.going_back <= after.going_back
        become(after)

    play._become = watched  # type: ignore[method-assign]
    play.run(wishes)
    check(play)


@settings(max_examples=40)
@given(
    kinds=KINDS,
    paid=st.booleans(),
    deliverable=st.booleans(),
    wishes=WISHES,
    random=st.randoms(use_true_random=False),
)
def test_what_an_order_waits_for_is_what_its_item_says_and_each_state_counts_once(
    kinds: list[Fulfilment],
    paid: bool,
    deliverable: bool,
    wishes: list[str],
    random: Random,
) -> None:
    play = Play(World(kinds, paid=paid, deliverable=deliverable), random)
    become, counted = play._become, figures.of_change(None, play.order)

    def watched(after: Order | Ignored) -> None:
        if isinstance(after, Order):
            item = items.item_of(after)
            waits, _, _ = str(item.get("waiting", "")).partition("#")
            assert items.kept_in(item) == after
            assert (waits == "WAITING") == (after.status in WAITING)
            assert (waits == "REFUND") == bool(owed(after)) == bool(owed_since(after))
            counted.extend(figures.of_change(play.order, after))
        become(after)

    play._become = watched  # type: ignore[method-assign]
    play.run(wishes)
    assert not {"waiting", "confirmBy"} & items.item_of(play.order).keys()
    entered = Counter(f"Orders{entry.status.title()}" for entry in play.order.history)
    told = Counter(figure.name for figure in counted if figure.unit == "Count")
    assert all(entered[name] == times == 1 for name, times in told.items())
    assert len(told.keys() & {"OrdersDelivered", "OrdersCancelled"}) == 1
