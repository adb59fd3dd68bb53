"""The saga and the money, by example and by property."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml
from hypothesis import given
from hypothesis import strategies as st
from orders.chart import diagram, grid
from orders.downloads import Download
from orders.facts import Cancellation, Facts, PaymentAction, Reason
from orders.message import Message
from orders.messages import HEARS, SENDS, of_order, republished
from orders.order import Order
from orders.purchase import Address, HeldLine, PurchaseRequest, tax_within
from orders.refunds import Refund, StaffRefund
from orders.republication import Republication
from orders.saga import (
    AGAIN,
    ASKING,
    ENTERING,
    EXCEPTIONS,
    IN_TIME,
    KEEPING,
    LEFT,
    RETURNED,
    SAGA,
    SETTLED,
    UNDO,
    UNDONE,
    WAITING,
    Ignored,
    Impossible,
    Status,
)
from orders.sent import RefundPayment
from pydantic import ValidationError

FOLDER = Path(__file__).parent.parent
README = (FOLDER / "README.md").read_text()
MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)

PATIENCE = timedelta(minutes=15)

ACTION = PaymentAction(client_secret="pi_1_secret_2", url="https://example.com/3ds")
GIVEN_BACK = Refund(amount=2495, status="REFUNDED")
TO_COME = Refund(amount=2495, status="PENDING")
PARCEL = {"carrier": "Parcel Post", "tracking_number": "PP1"}
HOME = Address(
    name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
)
AWAY = HOME.model_copy(update={"line1": "2 Low Street"})

PACKED = (HeldLine(toy_id="toy-1", category="Outdoor"),)
DIGITAL = (HeldLine(toy_id="toy-1", category="Crafts", fulfilment="digital", file_id="file-1"),)
MIXED = (*PACKED, HeldLine(toy_id="toy-2", fulfilment="digital", file_id="file-2"))


def shared(line: int) -> Facts:
    ends = MORNING + timedelta(days=30)
    url = f"https://files.example.com/shared/secret/{line}.pdf"
    return Facts(download=Download(line=line, url=url, expires_at=ends))


def not_shared(line: int) -> Facts:
    return Facts(reason=Reason.UNDELIVERABLE, download=Download(line=line, failure="gone"))


def part(amount: int, number: int = 1, version: int = 0) -> Facts:
    return Facts(
        refund=StaffRefund(
            refund_id=f"refund-{number}",
            amount=amount,
            reason="scratched",
            requested_at=MORNING,
            version=version,
            fingerprint="f",
        )
    )


FACTS = {
    "StockReservationFailed": Facts(reason=Reason.OUT_OF_STOCK),
    "PaymentActionRequired": Facts(payment_action=ACTION),
    "PaymentCollected": Facts(collected=True),
    "PaymentFailed": Facts(reason=Reason.PAYMENT_DECLINED, decline_code="insufficient_funds"),
    "PaymentRefunded": Facts(refunded=2495, collected=True),
    "ShipmentDispatched": Facts(**PARCEL, address=HOME, address_number=0),
    "ShipmentDelivered": Facts(**PARCEL, address=HOME, address_number=0, arrived=True),
    "ShipmentFailed": Facts(reason=Reason.UNDELIVERABLE, failure="no such city", **PARCEL),
    "ShipmentReaddressed": Facts(address=AWAY, address_number=1),
    "FileShared": shared(2),
    "FileNotShared": not_shared(2),
    "CancelOrder": Facts(reason=Reason.CUSTOMER),
    "DeadlinePassed": Facts(reason=Reason.EXPIRED),
    "AddressChanged": Facts(wanted=AWAY),
    "RefundAsked": part(500),
}
"""What each message tells, if anything."""

PAID_FOR = {Status.CONFIRMED, Status.DISPATCHED, Status.DELIVERED}

OWN = {"DeadlinePassed", "AddressChanged", "RefundAsked"}
NAMES = sorted(HEARS.keys() - {"PlaceOrder", "RepublishOrders"} | OWN)
"""All that an order may hear."""


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


LINE = {"toyId": "toy-1", "name": "Kite", "price": 1000, "quantity": 2}


def purchase(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": "order-1",
        "customerId": "shopper-1",
        "email": "shopper@example.com",
        "lines": [LINE],
        "shippingAddress": HOME.model_dump(),
        "paymentMethodId": "pm_card_visa",
        "currency": "EUR",
        "shipping": 495,
        "net": 2170,
        "tax": 325,
        "gross": 2495,
        "taxRate": "0.15",
        "submittedAt": "2026-01-05T09:59:59.000Z",
    } | changes


def placed(**changes: Any) -> Order:
    request = PurchaseRequest.model_validate(purchase(**changes))
    return Order.place(request, "order-1", "order-1:1:PlaceOrder", MORNING, PATIENCE)


def two_lines() -> Order:
    """An order of two toys, which costs as much as the other."""
    lines = [LINE | {"quantity": 1}, LINE | {"toyId": "toy-2", "name": "Kite plan", "quantity": 1}]
    return placed(lines=lines)


def reserved(order: Order, held: tuple[HeldLine, ...]) -> Order:
    """The order, with its toys held."""
    after = order.hear("StockReserved", Facts(held=held), "order-1:1:StockReserved", MORNING)
    assert isinstance(after, Order)
    return after


def told(order: Order, name: str, facts: Facts) -> Order:
    """The order after that."""
    after = order.hear(name, facts, f"order-1:1:{name}", MORNING)
    assert isinstance(after, Order), after
    return after


def mixed() -> Order:
    """A confirmed order of a parcel and a download."""
    return heard(reserved(two_lines(), MIXED), "PaymentCollected")


def digital() -> Order:
    """A confirmed order of a download alone."""
    return heard(reserved(placed(), DIGITAL), "PaymentCollected")


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
    Status.CANCELLING: ("StockReserved", "PaymentCollected", "CancelOrder"),
    Status.DISPATCHED: ("StockReserved", "PaymentCollected", "ShipmentDispatched"),
    Status.DELIVERED: ("StockReserved", "PaymentCollected", "ShipmentDelivered"),
    Status.CANCELLED: ("StockReserved", "PaymentFailed"),
}
"""A way to each state."""


# ---- The tables


def test_the_tables_name_every_state_and_the_very_messages_heard_and_sent() -> None:
    assert set(SAGA) == set(ENTERING) == set(Status)
    assert {name for row in SAGA.values() for name in row} == set(NAMES)
    for rows in EXCEPTIONS.values():
        for status, row in rows.items():
            assert row.keys() <= SAGA[status].keys()
    tables = (*ENTERING.values(), KEEPING, ASKING.values(), UNDO.values())
    sent = {name for names in tables for name in names}
    assert sent == {model.__name__ for model in SENDS} - {"OrderRepublished", "ErrorRaised"}


def test_the_readme_shows_the_saga_as_it_is() -> None:
    assert f"```mermaid\n{diagram()}\n```" in README
    assert f"<!-- generated: grid -->\n{grid()}\n<!-- end -->" in README
    for status, names in ENTERING.items():
        told = ", ".join(f"`{name}`" for name in names)
        assert f"| {status} | {told}" in README


def test_the_grid_says_for_every_message_and_state_what_the_saga_does() -> None:
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in grid().splitlines()
    ]
    assert head == ["message", *Status]
    told = {row[0].strip("`"): dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    assert sorted(told) == NAMES
    assert told["StockReserved"]["PLACED"] == "RESERVED"
    later = "DISPATCHED, DELIVERED; if downloads are awaited, DISPATCHED"
    assert told["ShipmentDelivered"]["CONFIRMED"] == later
    assert told["PaymentActionRequired"]["RESERVED"] == "kept"
    assert told["CancelOrder"]["DELIVERED"] == f"ignored: {LEFT}"
    both = f"CONFIRMED; if all is refunded, ignored: {RETURNED}"
    assert told["PaymentCollected"]["RESERVED"] == both
    either = f"CANCELLING; if it has no parcel, ignored: {LEFT}; "
    assert told["CancelOrder"]["CONFIRMED"].startswith(either)
    for status, name in cells():
        assert bool(told[name][status]) == (name in SAGA[status])


def cells() -> Iterator[tuple[Status, str]]:
    for status in Status:
        for name in NAMES:
            yield status, name


@pytest.mark.parametrize(("status", "name"), sorted(cells()))
def test_an_order_does_what_the_table_says(status: Status, name: str) -> None:
    path = PATHS[status]
    if name == "ShipmentReaddressed" and "PaymentCollected" in path:
        path = (*path[:2], "AddressChanged", *path[2:])
    if name in {"FileShared", "FileNotShared"} and path[:1] == ("StockReserved",):
        order = reserved(two_lines(), MIXED)
        arrived = ("FileShared",) if status is Status.DELIVERED else ()
        order = heard(order, *path[1:2], *arrived, *path[2:])
    else:
        order = heard(placed(), *path)
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
    assert cancelled.hear("StockReleased", Facts(), "late", MORNING) is SETTLED


def test_a_payment_that_is_told_of_a_cancelled_order_is_a_refund_to_come() -> None:
    cancelled = heard(placed(), "StockReserved", "CancelOrder")
    assert cancelled.refund is None
    paid = heard(cancelled, "PaymentCollected")
    assert (paid.status, paid.refund, paid.version) == (Status.CANCELLED, TO_COME, 4)
    (told,) = of_order(cancelled, paid)
    assert told.metadata.id == "order-1:4:OrderUpdated"
    assert told.model_dump(mode="json")["data"]["refund"] == {"amount": 2495, "status": "PENDING"}
    assert paid.hear("PaymentCollected", Facts(), "again", MORNING) is AGAIN
    refunded = heard(paid, "PaymentRefunded")
    assert refunded.refund == GIVEN_BACK
    for late in (refunded, heard(cancelled, "PaymentRefunded")):
        assert late.refund == GIVEN_BACK
        assert late.hear("PaymentCollected", Facts(), "late", MORNING) is AGAIN


def test_an_order_whose_money_was_given_back_is_not_shipped() -> None:
    refunded = heard(placed(), "StockReserved", "PaymentRefunded")
    assert (refunded.status, refunded.refund) == (Status.RESERVED, GIVEN_BACK)
    in_part = told(heard(placed(), "StockReserved"), "PaymentRefunded", Facts(refunded=2494))
    assert heard(in_part, "PaymentCollected").status is Status.CONFIRMED
    assert refunded.hear("PaymentCollected", Facts(), "late", MORNING) is RETURNED
    expired = heard(refunded, "DeadlinePassed")
    assert (expired.status, expired.reason) == (Status.CANCELLED, Reason.EXPIRED)
    assert expired.refund == GIVEN_BACK
    assert expired.hear("PaymentCollected", Facts(), "late", MORNING) is AGAIN


def test_no_parcel_is_stopped_that_nobody_asked_to_stop() -> None:
    confirmed = heard(placed(), *PATHS[Status.CONFIRMED])
    with pytest.raises(Impossible):
        confirmed.hear("ShipmentCancelled", Facts(), "cause", MORNING)


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (Status.DELIVERED, {"PaymentRefunded", "RefundAsked"}),
        (Status.CANCELLED, {"PaymentRefunded", "PaymentCollected"}),
    ],
)
def test_a_final_order_changes_only_by_the_record_of_its_refund(
    status: Status, names: set[str]
) -> None:
    final = heard(placed(), *PATHS[status])
    assert {name for name, step in SAGA[status].items() if isinstance(step, tuple)} == names
    refunded = heard(final, "PaymentRefunded")
    assert refunded.refund == GIVEN_BACK
    assert refunded.version == final.version + 1
    assert (refunded.status, refunded.history) == (final.status, final.history)
    assert refunded.hear("PaymentRefunded", FACTS["PaymentRefunded"], "again", MORNING) is AGAIN
    (told,) = of_order(final, refunded)
    assert told.metadata.id == f"order-1:{refunded.version}:OrderUpdated"
    assert told.model_dump(mode="json")["data"]["refund"] == {"amount": 2495, "status": "REFUNDED"}


def test_what_was_given_back_by_hand_is_told_with_the_time_it_was_first_told() -> None:
    order = heard(placed(), *PATHS[Status.CONFIRMED])
    assert parts_told(order) == []
    steps: list[tuple[str, Facts, list[tuple[str, int, int]]]] = [
        ("PaymentRefunded", Facts(refunded=300), [("by-hand", 300, 1)]),
        ("ShipmentDispatched", FACTS["ShipmentDispatched"], [("by-hand", 300, 1)]),
        ("RefundAsked", part(500, 7), [("by-hand", 300, 1), ("refund-7", 500, 3)]),
        ("PaymentRefunded", Facts(refunded=800), [("by-hand", 300, 1), ("refund-7", 500, 3)]),
        ("ShipmentDelivered", Facts(arrived=True), [("by-hand", 300, 1), ("refund-7", 500, 3)]),
        ("PaymentRefunded", Facts(refunded=900), [("refund-7", 500, 3), ("by-hand", 400, 6)]),
        ("PaymentRefunded", Facts(refunded=2495), [("refund-7", 500, 3), ("by-hand", 1995, 7)]),
    ]
    for hour, (name, facts, told_then) in enumerate(steps, 1):
        at = MORNING + timedelta(hours=hour)
        if facts.refund:
            asked = facts.refund.model_copy(update={"requested_at": at, "refund_id": "refund-7"})
            facts = facts.model_copy(update={"refund": asked})
        after = order.hear(name, facts, f"cause-{hour}", at)
        assert isinstance(after, Order)
        again = after.hear(name, facts, "again", at + timedelta(days=40))
        assert name == "RefundAsked" or again is AGAIN
        order = after
        assert parts_told(order) == told_then
        assert sum(amount for _, amount, _ in parts_told(order)) <= order.going_back


def test_what_is_left_of_a_cancelled_order_is_not_given_back_by_hand() -> None:
    order = heard(placed(), *PATHS[Status.CONFIRMED])
    some = told(order, "PaymentRefunded", Facts(refunded=300))
    cancelled = heard(some, "ShipmentFailed", "PaymentRefunded")
    assert cancelled.refund == GIVEN_BACK
    assert parts_told(cancelled) == [("by-hand", 300, 0)]


def test_money_that_was_given_back_before_there_were_parts_has_a_time_for_good() -> None:
    """It is when the order was last changed before."""
    order = heard(placed(), *PATHS[Status.CONFIRMED])
    new = {"refunds", "refunded", "byHand", "byHandAt", "collected"}
    kept = {name: field for name, field in order.model_dump().items() if name not in new}
    old = Order.model_validate(kept | {"refund": {"amount": 300, "status": "REFUNDED"}})
    assert parts_told(old) == [("by-hand", 300, 0)]
    late = old.hear("ShipmentDispatched", FACTS["ShipmentDispatched"], "cause", LATER)
    assert isinstance(late, Order)
    assert parts_told(late) == [("by-hand", 300, 0)]
    cancelled = kept | {"status": "CANCELLED", "refund": {"amount": 2495, "status": "REFUNDED"}}
    assert parts_told(Order.model_validate(cancelled)) == []


LATER = MORNING + timedelta(days=40)


def parts_told(order: Order) -> list[tuple[str, int, int]]:
    """The parts of its refund that an order tells: id, amount, and hours since the morning."""
    asked = Republication.begin("request-1", "cause", MORNING)
    data = republished(order, asked).model_dump()["data"]
    return [
        (
            each["refundId"],
            each["amount"],
            (datetime.fromisoformat(each["requestedAt"]) - MORNING) // timedelta(hours=1),
        )
        for each in data["refunds"]
    ]


# ---- Cancelled by the shopper, by the clock, by the carrier


@pytest.mark.parametrize(
    ("path", "undone"),
    [
        ((), ["ReleaseStock"]),
        (("StockReserved",), ["ReleaseStock", "RefundPayment"]),
        (("StockReserved", "PaymentActionRequired"), ["ReleaseStock", "RefundPayment"]),
    ],
)
@pytest.mark.parametrize(
    ("by", "reason"), [("CancelOrder", Reason.CUSTOMER), ("DeadlinePassed", Reason.EXPIRED)]
)
def test_an_order_that_is_not_confirmed_is_cancelled_at_once(
    path: tuple[str, ...], undone: list[str], by: str, reason: Reason
) -> None:
    order = heard(placed(), *path)
    assert order.status in WAITING
    cancelled = heard(order, by)
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, reason)
    assert cancelled.payment_action is None
    assert cancelled.refund is None
    assert names(of_order(order, cancelled)) == ["OrderCancelled", "SendEmail", *undone]


def test_what_the_shopper_has_to_do_is_known_only_while_it_has_to_be_done() -> None:
    reserved = heard(placed(), "StockReserved")
    asked = heard(reserved, "PaymentActionRequired")
    (told,) = of_order(reserved, asked)
    assert told.metadata.id == "order-1:3:OrderUpdated"
    data = told.model_dump(mode="json")["data"]
    assert data["paymentAction"] == {"clientSecret": "pi_1_secret_2", "url": ACTION.url}
    assert data["status"] == "RESERVED"
    assert asked.hear("PaymentActionRequired", Facts(payment_action=ACTION), "again", MORNING) is (
        AGAIN
    )
    paid = heard(asked, "PaymentCollected")
    assert paid.payment_action is None
    assert paid.hear("PaymentActionRequired", Facts(payment_action=ACTION), "late", MORNING) is (
        AGAIN
    )


def test_a_confirmed_order_is_cancelled_only_when_its_parcel_is_stopped() -> None:
    confirmed = heard(placed(), *PATHS[Status.CONFIRMED])
    cancelling = heard(confirmed, "CancelOrder")
    assert (cancelling.status, cancelling.reason) == (Status.CANCELLING, None)
    assert names(of_order(confirmed, cancelling)) == ["OrderUpdated", "CancelShipment"]
    assert cancelling.hear("CancelOrder", FACTS["CancelOrder"], "again", MORNING) is AGAIN

    stopped = heard(cancelling, "ShipmentCancelled")
    assert (stopped.status, stopped.reason) == (Status.CANCELLED, Reason.CUSTOMER)
    assert stopped.refund == TO_COME
    told = of_order(cancelling, stopped)
    assert names(told) == ["OrderCancelled", "SendEmail", "ReleaseStock", "RefundPayment"]
    assert told[0].model_dump(mode="json")["data"]["refund"]["status"] == "PENDING"

    left = heard(cancelling, "ShipmentDispatched")
    assert (left.status, left.reason) == (Status.DISPATCHED, None)
    arrived = heard(cancelling, "ShipmentDelivered")
    assert (arrived.status, arrived.reason) == (Status.DELIVERED, None)
    for late in (left, arrived):
        assert late.cancelling is None
        assert late.hear("CancelOrder", FACTS["CancelOrder"], "late", MORNING) is LEFT


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.CANCELLING, Status.DISPATCHED])
def test_an_undeliverable_order_is_paid_back(status: Status) -> None:
    order = heard(placed(), *PATHS[status])
    failed = heard(order, "ShipmentFailed")
    assert (failed.status, failed.reason) == (Status.CANCELLED, Reason.UNDELIVERABLE)
    assert (failed.failure, failed.tracking_number) == ("no such city", "PP1")
    assert failed.refund == Refund(amount=2495, status="PENDING")
    undone = ["OrderCancelled", "SendEmail", "ReleaseStock", "RefundPayment"]
    assert names(of_order(order, failed)) == undone
    assert failed.hear("ShipmentDispatched", Facts(**PARCEL), "late", MORNING) is AGAIN


def test_a_refund_that_is_recorded_before_the_order_is_cancelled_stays_recorded() -> None:
    order = heard(placed(), *PATHS[Status.CONFIRMED], "PaymentRefunded", "ShipmentFailed")
    assert order.refund == GIVEN_BACK
    assert order.status is Status.CANCELLED


def test_an_order_that_was_confirmed_in_time_does_not_expire() -> None:
    confirmed = heard(placed(), *PATHS[Status.CONFIRMED])
    assert confirmed.hear("DeadlinePassed", FACTS["DeadlinePassed"], "late", MORNING) is IN_TIME
    assert confirmed.deadline == MORNING + PATIENCE


def test_an_order_that_was_cancelled_before_it_came() -> None:
    request = Cancellation(
        order_id="order-1", requested_at=MORNING, causation_id="order-1:2:CancelOrder"
    )
    order = placed().cancelled_by(request, MORNING)
    assert (order.status, order.version, order.reason) == (Status.CANCELLED, 2, Reason.CUSTOMER)
    messages = of_order(None, order)
    assert [message.metadata.id for message in messages] == [
        "order-1:1:OrderPlaced",
        "order-1:1:ReserveStock",
        "order-1:2:OrderCancelled",
        "order-1:2:SendEmail",
        "order-1:2:ReleaseStock",
    ]
    causes = [message.metadata.causation_id for message in messages]
    assert causes == ["order-1:1:PlaceOrder"] * 2 + ["order-1:2:CancelOrder"] * 3
    first = messages[0].model_dump(mode="json")["data"]
    assert (first["status"], first["reason"], len(first["history"])) == ("PLACED", None, 1)


ORDER_EVENTS = {model.__name__ for model in SENDS if model.__name__.startswith("Order")}


@given(st.lists(st.sampled_from(NAMES), max_size=30), st.sampled_from([PACKED, DIGITAL, MIXED]))
def test_whatever_an_order_hears_it_keeps_its_promises(
    heard_names: list[str], held: tuple[HeldLine, ...]
) -> None:
    order = two_lines()
    sent = of_order(None, order)
    for number, name in enumerate(heard_names):
        facts = FACTS.get(name, Facts(held=held if name == "StockReserved" else ()))
        if name == "RefundAsked":
            facts = part(min(500, order.gross - order.going_back), number, order.version + 1)
        try:
            after = order.hear(name, facts, f"order-1:{number}:{name}", MORNING)
        except Impossible:
            continue
        if isinstance(after, Ignored):
            continue
        if order.status in {Status.DELIVERED, Status.CANCELLED}:
            before, now = order.model_dump(), after.model_dump()
            assert {field for field in before if before[field] != now[field]} <= RECORDS
        assert after.version > order.version
        told = of_order(order, after)
        versions = {m.metadata.version for m in told if type(m).__name__ in ORDER_EVENTS}
        quiet = {e.version for e in after.history if e.status is Status.RESERVED}
        if name == "FileShared" and after.status is order.status and after.mailed is None:
            quiet.add(after.version)
        assert versions == set(range(order.version + 1, after.version + 1)) - quiet
        assert after.refunded >= order.refunded
        assert order.going_back <= after.going_back <= after.gross
        assert after.refunded <= after.going_back
        assert not (order.refund == GIVEN_BACK and order.status is Status.RESERVED) or (
            after.status not in PAID_FOR
        )
        assert (after.reason is not None) == (after.status is Status.CANCELLED)
        assert after.payment_action is None or after.status is Status.RESERVED
        assert after.address_change is None or after.status in OPEN
        sent += told
        order = after
    for step, undo in UNDO.items():
        wanted = order.status is Status.CANCELLED and step in names(sent)
        whole = [m for m in sent if type(m).__name__ == undo and not is_part(m)]
        assert len(whole) == wanted
    confirmed = Status.CONFIRMED in {entry.status for entry in order.history}
    assert order.refund or not (order.status is Status.CANCELLED and confirmed)
    ids = [message.metadata.id for message in sent]
    assert len(set(ids)) == len(ids)


RECORDS = {
    *("refunds", "refunded", "byHand", "byHandAt", "collected", "collectedAt", "refund"),
    *("version", "updatedAt", "causationId"),
}
"""What may change of an order that is final: the record of what is given back."""

OPEN = {Status.CONFIRMED, Status.CANCELLING}


def is_part(message: Message) -> bool:
    """Whether it asks for a part of the money to be given back."""
    return isinstance(message, RefundPayment) and message.data.amount is not None


def test_no_text_of_an_order_shows_whose_it_is_or_what_pays_it() -> None:
    asked = heard(placed(), "StockReserved", "PaymentActionRequired")
    messages = of_order(None, heard(asked, "DeadlinePassed")) + of_order(placed(), asked)
    kinds = {type(message).__name__ for message in messages}
    assert kinds >= {"OrderUpdated", "CollectPayment", "SendEmail", "OrderCancelled"}
    for told in (asked, *messages):
        for text in (repr(told), str(told)):
            assert "shopper@example.com" not in text
            assert "pi_1_secret_2" not in text


@given(st.text(st.sampled_from("0123456789.-+ e"), max_size=6))
def test_a_deadline_is_in_whole_minutes(text: str) -> None:
    """What the template takes, a function can start with."""
    given_minutes = cfn_yaml.load(str(FOLDER / "template.yaml"))["Parameters"]
    pattern = given_minutes["OrderDeadlineMinutes"]["AllowedPattern"]
    assert re.search(pattern, given_minutes["OrderDeadlineMinutes"]["Default"])
    if re.search(pattern, text):
        assert int(text) >= 1
        assert str(int(text)) == text
    assert not any(re.search(pattern, bad) for bad in ("1.5", "0", "-1", "", "15 ", "1e3"))


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
        {"lines": [LINE | {"name": "x" * 121}]},
        {"lines": [LINE | {"toyId": "x" * 101}]},
        {"lines": [LINE | {"toyId": "é"}]},
        {"email": "x" * 255},
        {"shippingAddress": None},
    ],
)
def test_what_does_not_add_up_is_refused_without_telling_who_it_is(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        PurchaseRequest.model_validate(purchase(**changes))
    assert "shopper@example.com" not in str(refused.value)
    assert "High Street" not in str(refused.value)
