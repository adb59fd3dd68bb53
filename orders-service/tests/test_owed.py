"""Money that is to go back: how much, and since when, until it is told given back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from orders import staff
from orders.facts import Facts, Reason
from orders.heard import PlaceOrder
from orders.order import Order
from orders.owed import owed, owed_since
from orders.refunds import RefundDraft
from orders.saga import Ignored

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


@pytest.fixture
def placed(command: PlaceOrder) -> Order:
    """The sample's order as it is placed."""
    return Order.place(command.data, "o", "cause", MORNING, timedelta(minutes=15))


@pytest.fixture
def confirmed(placed: Order) -> Order:
    """The same, paid."""
    return hear(hear(placed, "StockReserved"), "PaymentCollected", collected=True)


def later(minutes: float) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def hear(order: Order, name: str, at: datetime = MORNING, **facts: Any) -> Order:
    """The order after what it hears."""
    moved = order.hear(name, Facts(**facts), f"cause:{name}", at)
    assert isinstance(moved, Order)
    return moved


def asking(order: Order, amount: int, at: datetime) -> Order:
    """The order with staff's wish to give back so much."""
    draft = RefundDraft.model_validate({"amount": amount, "reason": "scratched"})
    moved, _ = staff.give_back(order, draft, f"refund-{order.version}", at)
    assert isinstance(moved, Order)
    return moved


def state(order: Order) -> tuple[int, datetime | None]:
    return owed(order), owed_since(order)


def test_an_order_that_goes_well_is_owed_nothing(placed: Order) -> None:
    order = placed
    for name in ("StockReserved", "PaymentCollected", "ShipmentDispatched", "ShipmentDelivered"):
        order = hear(order, name)
        assert state(order) == (0, None)


def test_all_of_a_cancelled_order_is_owed_until_all_is_told(confirmed: Order) -> None:
    order = hear(confirmed, "ShipmentFailed", later(5), reason=Reason.UNDELIVERABLE)
    assert state(order) == (order.gross, later(5))
    part = hear(order, "PaymentRefunded", later(7), refunded=1000, collected=True)
    assert state(part) == (order.gross - 1000, later(5))
    whole = hear(part, "PaymentRefunded", later(9), refunded=order.gross, collected=True)
    assert state(whole) == (0, None)


def test_money_that_comes_in_for_a_cancelled_order_is_owed_from_then_on(placed: Order) -> None:
    order = hear(placed, "StockReserved")
    order = hear(order, "CancelOrder", later(1), reason=Reason.CUSTOMER)
    assert state(order) == (0, None)
    order = hear(order, "PaymentCollected", later(50), collected=True)
    assert state(order) == (order.gross, later(50))
    assert isinstance(
        order.hear("PaymentCollected", Facts(collected=True), "c", later(70)), Ignored
    )
    part = hear(order, "PaymentRefunded", later(80), refunded=1, collected=True)
    assert state(part) == (order.gross - 1, later(50))


def test_of_what_staff_asked_for_the_first_that_was_not_told_counts(confirmed: Order) -> None:
    order = asking(asking(confirmed, 700, later(1)), 300, later(50))
    assert state(order) == (1000, later(1))
    order = hear(order, "PaymentRefunded", refunded=700, by_hand=0, payment_version=3)
    assert state(order) == (300, later(50))
    order = hear(order, "PaymentRefunded", refunded=1000, by_hand=0, payment_version=4)
    assert state(order) == (0, None)


def test_what_went_back_by_hand_is_not_what_staff_asked_for(confirmed: Order) -> None:
    order = asking(confirmed, 700, later(1))
    order = hear(order, "PaymentRefunded", refunded=500, by_hand=500, payment_version=3)
    assert state(order) == (700, later(1))


def test_what_is_covered_is_not_owed(confirmed: Order) -> None:
    order = asking(confirmed, 700, later(1))
    (refund,) = order.refunds
    told: dict[str, Any] = {"refunded": 700, "by_hand": 700, "covered": (refund.refund_id,)}
    assert state(hear(order, "PaymentRefunded", payment_version=3, **told)) == (0, None)


def test_a_part_that_was_open_when_the_order_was_cancelled_keeps_its_time(confirmed: Order) -> None:
    order = asking(confirmed, 700, later(1))
    order = hear(order, "ShipmentFailed", later(40), reason=Reason.UNDELIVERABLE)
    assert state(order) == (order.gross, later(1))
    order = hear(order, "PaymentRefunded", refunded=700)
    assert state(order) == (order.gross - 700, later(40))


def test_an_order_from_before_it_was_kept_when_it_was_paid_is_owed_since_its_end(
    placed: Order,
) -> None:
    order = hear(placed, "StockReserved")
    order = hear(order, "CancelOrder", later(1), reason=Reason.CUSTOMER)
    order = hear(order, "PaymentCollected", later(5), collected=True)
    old = order.model_copy(update={"collected_at": None})
    assert owed_since(old) == later(1)
