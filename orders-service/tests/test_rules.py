"""The saga and the money, by example and by property."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.messages import HEARS, SENDS, Message, of_order
from orders.order import (
    AGAIN,
    ENTERING,
    SAGA,
    SETTLED,
    UNDO,
    UNDONE,
    Facts,
    Ignored,
    Impossible,
    Order,
    PurchaseRequest,
    Reason,
    Refund,
    Status,
    diagram,
    tax_within,
)
from pydantic import ValidationError

README = (Path(__file__).parent.parent / "README.md").read_text()
MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)

FACTS = {
    "StockReservationFailed": Facts(reason=Reason.OUT_OF_STOCK),
    "PaymentFailed": Facts(reason=Reason.PAYMENT_DECLINED, decline_code="insufficient_funds"),
    "PaymentRefunded": Facts(refund=Refund(amount=2495, status="REFUNDED")),
    "ShipmentDispatched": Facts(carrier="Parcel Post", tracking_number="PP1"),
    "ShipmentDelivered": Facts(carrier="Parcel Post", tracking_number="PP1"),
}
"""What each event tells, if anything."""


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def purchase(**changes: Any) -> dict[str, Any]:
    line = {"toyId": "toy-1", "name": "Kite", "price": 1000, "quantity": 2}
    return {
        "orderId": "order-1",
        "customerId": "shopper-1",
        "email": "shopper@example.com",
        "lines": [line],
        "shippingAddress": {
            "name": "A. Shopper",
            "line1": "1 High Street",
            "line2": None,
            "city": "Dublin",
            "postalCode": "D01",
            "country": "IE",
        },
        "paymentMethodId": "pm_card_visa",
        "currency": "EUR",
        "shipping": 495,
        "net": 2170,
        "tax": 325,
        "gross": 2495,
        "taxRate": "0.15",
        "submittedAt": "2026-01-05T09:59:59.000Z",
    } | changes


def placed() -> Order:
    request = PurchaseRequest.model_validate(purchase())
    return Order.place(request, "order-1", "order-1:1:PlaceOrder", MORNING)


def heard(order: Order, *names: str) -> Order:
    """The order after messages of these names, a second apart."""
    for name in names:
        at = order.updated_at + timedelta(seconds=1)
        result = order.hear(name, FACTS.get(name, Facts()), f"order-1:1:{name}", at)
        assert not isinstance(result, Ignored), f"{name} was ignored: {result}"
        order = result
    return order


PATHS: dict[Status, tuple[str, ...]] = {
    Status.PLACED: (),
    Status.RESERVED: ("StockReserved",),
    Status.CONFIRMED: ("StockReserved", "PaymentCollected"),
    Status.DISPATCHED: ("StockReserved", "PaymentCollected", "ShipmentDispatched"),
    Status.DELIVERED: ("StockReserved", "PaymentCollected", "ShipmentDelivered"),
    Status.CANCELLED: ("StockReserved", "PaymentFailed"),
}
"""A way to each state."""


# ---- The tables


def test_the_tables_name_every_state_and_the_very_messages_heard_and_sent() -> None:
    assert set(SAGA) == set(ENTERING) == set(Status)
    assert {name for row in SAGA.values() for name in row} == set(HEARS) - {"PlaceOrder"}
    sent = {name for names in ENTERING.values() for name in names} | set(UNDO.values())
    assert sent == {model.__name__ for model in SENDS}


def test_the_readme_shows_the_saga_as_it_is() -> None:
    assert f"```mermaid\n{diagram()}\n```" in README
    for status, names in ENTERING.items():
        told = ", ".join(f"`{name}`" for name in names)
        assert f"| {status} | {told}" in README


def cells() -> Iterator[tuple[Status, str]]:
    for status in Status:
        for name in HEARS.keys() - {"PlaceOrder"}:
            yield status, name


@pytest.mark.parametrize(("status", "name"), sorted(cells()))
def test_an_order_does_what_the_table_says(status: Status, name: str) -> None:
    order = heard(placed(), *PATHS[status])
    assert order.status is status
    step = SAGA[status].get(name)
    if step is None:
        with pytest.raises(Impossible, match=f"{name} cannot come to an order that is {status}"):
            order.hear(name, FACTS.get(name, Facts()), "cause", MORNING)
        return
    after = order.hear(name, FACTS.get(name, Facts()), "cause", MORNING)
    if isinstance(after, Ignored):
        assert after == step
    else:
        assert tuple(e.status for e in after.history[len(order.history) :]) == step
        assert after.version > order.version
        assert after.causation_id == "cause"


# ---- The saga


def names(messages: list[Message]) -> list[str]:
    return [type(message).__name__ for message in messages]


def test_an_order_that_is_delivered() -> None:
    happened = ("StockReserved", "PaymentCollected", "ShipmentDispatched", "ShipmentDelivered")
    order = heard(placed(), *happened)
    assert names(of_order(None, order)) == [
        "OrderPlaced",
        "ReserveStock",
        "CollectPayment",
        "OrderConfirmed",
        "ShipOrder",
        "OrderDispatched",
        "SendEmail",
        "OrderDelivered",
        "SendEmail",
    ]


def test_a_delivery_told_first_takes_the_order_through_both_states() -> None:
    confirmed = heard(placed(), "StockReserved", "PaymentCollected")
    delivered = heard(confirmed, "ShipmentDelivered")
    assert delivered.status is Status.DELIVERED
    assert delivered.tracking_number == "PP1"
    messages = of_order(confirmed, delivered)
    assert [message.metadata.id for message in messages] == [
        "order-1:4:OrderDispatched",
        "order-1:4:SendEmail",
        "order-1:5:OrderDelivered",
        "order-1:5:SendEmail",
    ]
    told = messages[0].model_dump(mode="json")["data"]
    assert (told["status"], told["trackingNumber"]) == ("DISPATCHED", "PP1")
    assert [entry["status"] for entry in told["history"]][-1] == "DISPATCHED"
    assert delivered.hear("ShipmentDispatched", Facts(), "late", MORNING) is AGAIN


def test_a_refused_reservation_is_undone_and_nothing_else_is() -> None:
    order = placed()
    cancelled = heard(order, "StockReservationFailed")
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, Reason.OUT_OF_STOCK)
    assert names(of_order(order, cancelled)) == ["OrderCancelled", "SendEmail", "ReleaseStock"]


def test_a_declined_card_undoes_both_steps_that_were_asked_for() -> None:
    reserved = heard(placed(), "StockReserved")
    cancelled = heard(reserved, "PaymentFailed")
    assert cancelled.reason is Reason.PAYMENT_DECLINED
    assert cancelled.decline_code == "insufficient_funds"
    assert names(of_order(reserved, cancelled)) == [
        "OrderCancelled",
        "SendEmail",
        "ReleaseStock",
        "RefundPayment",
    ]


def test_a_cancelled_order_needs_no_more_answers() -> None:
    cancelled = heard(placed(), "StockReserved", "PaymentFailed")
    assert cancelled.hear("StockReserved", Facts(), "late", MORNING) is UNDONE
    assert cancelled.hear("PaymentCollected", Facts(), "late", MORNING) is UNDONE
    assert cancelled.hear("StockReleased", Facts(), "late", MORNING) is SETTLED


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.CANCELLED])
def test_a_final_order_changes_only_by_the_record_of_its_refund(status: Status) -> None:
    final = heard(placed(), *PATHS[status])
    assert not any(isinstance(step, tuple) and step for step in SAGA[status].values())
    refunded = heard(final, "PaymentRefunded")
    assert refunded.refund == Refund(amount=2495, status="REFUNDED")
    assert refunded.version == final.version + 1
    assert (refunded.status, refunded.history) == (final.status, final.history)
    assert of_order(final, refunded) == []
    assert refunded.hear("PaymentRefunded", FACTS["PaymentRefunded"], "again", MORNING) is AGAIN


def answers(message: Message, in_stock: bool, paid: bool) -> list[str]:
    """What the others say to a command, each at some time."""
    match type(message).__name__:
        case "ReserveStock":
            return ["StockReserved" if in_stock else "StockReservationFailed"]
        case "ReleaseStock":
            return ["StockReleased"]
        case "CollectPayment":
            return ["PaymentCollected" if paid else "PaymentFailed"]
        case "ShipOrder":
            return ["ShipmentDispatched", "ShipmentDelivered"]
    return []


@given(in_stock=st.booleans(), paid=st.booleans(), random=st.randoms(use_true_random=False))
def test_every_order_ends_rightly_however_its_answers_come(
    in_stock: bool, paid: bool, random: Random
) -> None:
    """Each answer comes one to three times, in any order that what was asked for allows."""
    order = placed()
    sent = of_order(None, order)
    coming = [name for message in sent for name in answers(message, in_stock, paid)]
    while coming:
        name = coming.pop(random.randrange(len(coming)))
        after = order.hear(name, FACTS.get(name, Facts()), f"order-1:1:{name}", MORNING)
        if isinstance(after, Ignored):
            continue
        more = of_order(order, after)
        coming += [
            name
            for message in more
            for name in answers(message, in_stock, paid)
            for _ in range(random.randint(1, 3))
        ]
        sent += more
        order = after
    assert order.status is (Status.DELIVERED if in_stock and paid else Status.CANCELLED)
    assert [entry.version for entry in order.history] == list(range(1, order.version + 1))
    ids = [message.metadata.id for message in sent]
    assert len(set(ids)) == len(ids)
    assert [message.metadata for message in of_order(None, order)] == [m.metadata for m in sent]
    for step, undo in UNDO.items():
        wanted = order.status is Status.CANCELLED and step in names(sent)
        assert names(sent).count(undo) == wanted


# ---- The money


@given(gross=st.integers(0, 100_000_000), rate=st.integers(0, 9999))
def test_tax_is_rounded_half_up_and_leaves_the_net(gross: int, rate: int) -> None:
    tax = tax_within(gross, f"0.{rate:04}")
    part = Decimal(rate).scaleb(-4)
    exact = Decimal(gross) * part / (1 + part)
    assert tax == exact.quantize(Decimal(1), ROUND_HALF_UP)
    assert 0 <= tax <= gross


@pytest.mark.parametrize(("gross", "rate", "tax"), [(3, "0.2", 1), (9, "0.2", 2), (1, "0", 0)])
def test_half_a_cent_of_tax_is_a_whole_one(gross: int, rate: str, tax: int) -> None:
    assert tax_within(gross, rate) == tax


LINE = purchase()["lines"][0]


def test_what_adds_up_is_taken() -> None:
    assert PurchaseRequest.model_validate(purchase()).gross == 2495


@pytest.mark.parametrize(
    "changes",
    [
        {"gross": 2496, "net": 2171},
        {"tax": 326, "net": 2169},
        {"net": 2171},
        {"shipping": 0},
        {"taxRate": "0.2"},
        {"taxRate": "1.15"},
        {"lines": []},
        {"lines": [LINE | {"quantity": 1}, LINE | {"quantity": 1}]},
        {"lines": [LINE | {"quantity": 0}]},
        {"lines": [LINE | {"quantity": 100}]},
        {"lines": [LINE] + [LINE | {"toyId": f"toy-{n}", "price": 0} for n in range(2, 52)]},
        {"lines": [LINE | {"price": -1000}]},
        {"currency": "euro"},
        {"shippingAddress": None},
    ],
)
def test_what_does_not_add_up_is_refused_without_telling_who_it_is(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        PurchaseRequest.model_validate(purchase(**changes))
    assert "shopper@example.com" not in str(refused.value)
    assert "High Street" not in str(refused.value)
