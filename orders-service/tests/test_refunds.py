"""What an order makes of what payments tells it, while staff and somebody at Stripe give back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import staff
from orders.facts import Facts
from orders.heard import PlaceOrder
from orders.messages import facts_of, of_order
from orders.order import Order
from orders.purchase import PurchaseRequest
from orders.refunds import Excess, RefundDraft
from orders.saga import Ignored
from orders.sent import RefundPayment

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
GROSS = 6995

BOUGHT = {
    "orderId": "order-1",
    "customerId": "shopper-1",
    "email": "shopper@example.com",
    "lines": [{"toyId": "toy-1", "name": "Kite", "price": 1300, "quantity": 5}],
    "shippingAddress": {
        "name": "A. Shopper",
        "line1": "1 High Street",
        "city": "Dublin",
        "postalCode": "D01",
        "country": "IE",
    },
    "paymentMethodId": "pm_card_visa",
    "currency": "EUR",
    "shipping": 495,
    "net": 6995,
    "tax": 0,
    "gross": GROSS,
    "taxRate": "0",
    "submittedAt": "2026-01-05T09:59:59.000Z",
}


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def paid() -> Order:
    request = PurchaseRequest.model_validate(BOUGHT)
    order = Order.place(request, "order-1", "cause", MORNING, timedelta(minutes=15))
    for name in ("StockReserved", "PaymentCollected"):
        order = hear(order, name, Facts(collected=name == "PaymentCollected" or None))
    return order


def hear(order: Order, name: str, facts: Facts) -> Order:
    """The order after that, the same if it changed nothing."""
    at = order.updated_at + timedelta(minutes=1)
    after = order.hear(name, facts, "cause", at)
    return order if isinstance(after, Ignored) else after


def ask(order: Order, refund_id: str, amount: int | None = None, **more: Any) -> Order:
    """The order of which staff give that back, or all that is left."""
    draft = RefundDraft.model_validate({"reason": "x", "amount": amount} | more)
    at = order.updated_at + timedelta(minutes=1)
    after, _ = staff.give_back(order, draft, refund_id, at)
    assert isinstance(after, Order)
    return after


def tell(order: Order, version: int, total: int, by_hand: int, *covered: str) -> Order:
    """The order after what payments tells at that version."""
    told = {"refunded": total, "by_hand": by_hand, "covered": covered, "payment_version": version}
    return hear(order, "PaymentRefunded", Facts.model_validate(told | {"collected": True}))


def left(order: Order) -> int:
    return order.gross - order.going_back


def amounts(order: Order) -> dict[str, int]:
    """The parts that events tell of its refund."""
    return {part.refund_id: part.amount for part in facts_of(order)["refunds"]}


def test_what_is_asked_for_does_not_hide_what_went_back_by_hand() -> None:
    order = tell(ask(paid(), "a", 5000), 3, 1500, 1500)
    assert (left(order), amounts(order)) == (495, {"a": 5000, "by-hand": 1500})
    with pytest.raises(Excess):
        ask(order, "b", 1995)
    order = tell(order, 4, 6500, 1500)
    assert order.refund
    assert (order.refund.amount, order.refund.status) == (6500, "REFUNDED")


def test_a_part_that_is_covered_is_not_asked_for_any_more() -> None:
    order = tell(ask(paid(), "a", lines=[{"toyId": "toy-1", "quantity": 4}]), 3, 2100, 2100)
    assert left(order) == 0
    order = tell(order, 4, 2100, 2100, "a")
    assert (left(order), amounts(order)) == (4895, {"by-hand": 2100})
    assert [refund.covered for refund in order.refunds] == [True]
    assert tell(order, 3, 2100, 2100) is order
    order = ask(order, "b", lines=[{"toyId": "toy-1", "quantity": 3}])
    order = tell(ask(order, "c", 995), 6, 2100 + 3900 + 995, 2100, "a")
    assert order.refund
    assert (order.refund.amount, order.refund.status) == (GROSS, "REFUNDED")
    revived = tell(tell(ask(paid(), "a", 5600), 4, 2100, 2100, "a"), 5, 5600, 0)
    assert (left(revived), amounts(revived)) == (GROSS - 5600, {"a": 5600})
    assert (revived.by_hand, revived.by_hand_at) == (0, None)


def test_all_that_is_left_is_asked_for_without_an_amount_and_is_what_it_turns_out_to_be() -> None:
    before = ask(paid(), "a", 1000)
    order = ask(before, "rest")
    (sent,) = (m for m in of_order(before, order) if isinstance(m, RefundPayment))
    assert (sent.data.amount, sent.data.refund_id) == (None, "rest")
    assert amounts(order) == {"a": 1000, "rest": 5995}
    order = tell(order, 3, 300, 300)
    assert (left(order), amounts(order)) == (0, {"a": 1000, "rest": 5695, "by-hand": 300})
    order = tell(order, 5, GROSS, 300, "a")
    assert amounts(order) == {"rest": 6695, "by-hand": 300}
    assert order.refund
    assert (order.refund.amount, order.refund.status) == (GROSS, "REFUNDED")


def test_of_a_cancelled_order_the_parts_stay_what_they_were() -> None:
    order = tell(ask(paid(), "a", 1000), 3, 300, 300)
    cancelled = hear(order, "ShipmentFailed", Facts())
    assert tell(cancelled, 4, 300, 300, "a") is cancelled
    after = tell(cancelled, 5, GROSS, 5000, "a")
    assert amounts(after) == amounts(cancelled) == {"a": 1000, "by-hand": 300}
    assert after.refund
    assert (after.refund.amount, after.refund.status) == (GROSS, "REFUNDED")


def test_what_is_kept_from_before_is_asked_for_by_its_amount(command: PlaceOrder) -> None:
    order = ask(paid(), "rest")
    item = order.model_dump(mode="json")
    for name in ("rest", "covered"):
        del item["refunds"][0][name]
    del item["paymentVersion"]
    old = Order.model_validate(item)
    (sent,) = (m for m in of_order(None, old) if isinstance(m, RefundPayment))
    assert sent.data.amount == GROSS


class Payments:
    """What payments does with what it is asked, and tells of it."""

    def __init__(self) -> None:
        self.parts: dict[str, int] = {}
        self.covered: list[str] = []
        self.by_hand = 0
        self.version = 2
        self.told: list[tuple[Any, ...]] = []

    @property
    def total(self) -> int:
        return sum(self.parts.values()) + self.by_hand

    def give(self, refund_id: str, amount: int | None) -> None:
        rest = GROSS - self.total
        if amount is None:
            self.parts[refund_id] = rest
        elif amount <= rest:
            self.parts[refund_id] = amount
        else:
            assert rest == 0 or amount <= rest + self.by_hand, "would be a dead letter"
            self.covered.append(refund_id)
        self._tell()

    def give_by_hand(self, amount: int) -> None:
        self.by_hand += min(amount, GROSS - self.total)
        self._tell()

    def _tell(self) -> None:
        self.version += 1
        self.told.append((self.version, self.total, self.by_hand, *self.covered))


@given(st.data())
def test_however_it_comes_orders_and_payments_agree_in_the_end(data: st.DataObject) -> None:
    order, payments = paid(), Payments()
    commands: list[tuple[str, int | None]] = []
    for number in range(data.draw(st.integers(1, 8))):
        match data.draw(st.sampled_from(["part", "rest", "hand", "give", "tell", "tell"])):
            case "part" | "rest" as kind:
                amount = data.draw(st.integers(1, 4000)) if kind == "part" else None
                before = order
                if not 0 < (left(order) if amount is None else amount) <= left(order):
                    with pytest.raises(Excess):
                        ask(order, f"{number}", amount)
                    continue
                order = ask(order, f"{number}", amount)
                (sent,) = (m for m in of_order(before, order) if isinstance(m, RefundPayment))
                commands.append((str(sent.data.refund_id), sent.data.amount))
            case "hand":
                payments.give_by_hand(data.draw(st.integers(1, 3000)))
            case "give" if commands:
                payments.give(*commands.pop(data.draw(st.integers(0, len(commands) - 1))))
            case "tell" if payments.told:
                order = tell(order, *data.draw(st.sampled_from(payments.told)))
        assert order.refunded <= order.going_back <= GROSS
    for command in commands:
        payments.give(*command)
    for told in data.draw(st.permutations(payments.told)):
        order = tell(order, *told)
    if not payments.told:
        return
    assert order.refund
    assert (order.refund.amount, order.refund.status) == (payments.total, "REFUNDED")
    shown = amounts(order)
    assert shown.pop("by-hand", 0) == payments.by_hand
    assert shown == {refund_id: amount for refund_id, amount in payments.parts.items() if amount}
