"""The rules of a shipment, by example and by property."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fulfilment.carrier import consignment
from fulfilment.messages import SENDS, of_shipment
from fulfilment.shipment import (
    Address,
    Consignment,
    Failure,
    Line,
    NotAllowed,
    Shipment,
    Status,
    Tombstone,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
OTHERS = [
    Consignment(carrier="Parcel Post", tracking_number="PP2"),
    Consignment(carrier="Bicycle", tracking_number="PP1"),
]


LOST = Failure(reason="lost")
CANCEL = "order-1:4:CancelShipment"
CHANGE = "order-1:4:ChangeShippingAddress"
NEXT_DOOR = Address(
    name="A. Shopper", line1="2 High Street", city="Dublin", postal_code="D01", country="IE"
)
TOLD = {kind.__name__.removeprefix("Shipment").upper(): kind for kind in SENDS}
"""The event that tells of each stage but the first, and of another address."""


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def waiting() -> Shipment:
    return Shipment(
        order_id="order-1",
        shipping_address=Address(
            name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
        ),
        lines=(Line(toy_id="toy-1", name="Kite", quantity=2),),
        status=Status.WAITING,
        created_at=MORNING,
        version=1,
        updated_at=MORNING,
        correlation_id="order-1",
        causation_id="order-1:3:ShipOrder",
    )


def test_a_parcel_leaves_with_its_carrier_and_arrives() -> None:
    sent = waiting().dispatch(POST, NOON)
    assert (sent.status, sent.carrier, sent.tracking_number) == ("DISPATCHED", "Parcel Post", "PP1")
    assert (sent.dispatched_at, sent.delivered_at, sent.version) == (NOON, None, 2)
    there = sent.deliver(NOON)
    assert (there.status, there.delivered_at, there.version) == ("DELIVERED", NOON, 3)


def test_the_same_again_changes_nothing() -> None:
    sent = waiting().dispatch(POST, MORNING)
    assert sent.dispatch(POST, NOON) is sent
    there = sent.deliver(MORNING)
    assert there.dispatch(POST, NOON) is there
    assert there.deliver(NOON) is there


@pytest.mark.parametrize("other", OTHERS)
def test_a_parcel_leaves_only_once(other: Consignment) -> None:
    sent = waiting().dispatch(POST, MORNING)
    with pytest.raises(NotAllowed, match="DISPATCHED, by Parcel Post as PP1: it can only be deliv"):
        sent.dispatch(other, NOON)
    with pytest.raises(NotAllowed, match="DELIVERED, by Parcel Post as PP1: nothing more"):
        sent.deliver(MORNING).dispatch(other, NOON)


def test_a_parcel_that_has_not_left_cannot_arrive() -> None:
    with pytest.raises(NotAllowed, match="WAITING: it can only be dispatched"):
        waiting().deliver(NOON)


def test_a_parcel_fails_before_it_leaves_or_on_its_way() -> None:
    failed = waiting().fail(LOST, NOON)
    assert (failed.status, failed.reason, failed.failed_at) == ("FAILED", "lost", NOON)
    assert (failed.carrier, failed.dispatched_at, failed.version) == (None, None, 2)
    failed = waiting().dispatch(POST, MORNING).fail(LOST, NOON)
    assert (failed.status, failed.carrier, failed.version) == ("FAILED", "Parcel Post", 3)
    assert failed.dispatched_at == MORNING
    assert failed.fail(LOST, NOON) is failed
    with pytest.raises(NotAllowed, match="FAILED: nothing more"):
        failed.fail(Failure(reason="burnt"), NOON)
    with pytest.raises(NotAllowed, match="FAILED: nothing more"):
        failed.dispatch(POST, NOON)
    with pytest.raises(NotAllowed, match="DELIVERED, by Parcel Post as PP1: nothing more"):
        waiting().dispatch(POST, MORNING).deliver(NOON).fail(LOST, NOON)


def test_a_parcel_that_was_called_off_stays() -> None:
    cancelled = waiting().cancel(CANCEL, NOON)
    assert (cancelled.status, cancelled.cancelled_at, cancelled.version) == ("CANCELLED", NOON, 2)
    assert cancelled.causation_id == CANCEL
    assert cancelled.cancel("another", NOON) is cancelled
    for step in ("dispatch by post", "deliver", "fail"):
        with pytest.raises(NotAllowed, match="CANCELLED, its order is called off: nothing more"):
            STEPS[step](cancelled)


def test_a_parcel_that_has_left_or_failed_is_not_called_off() -> None:
    sent = waiting().dispatch(POST, MORNING)
    for settled in (sent, sent.deliver(NOON), sent.fail(LOST, NOON), waiting().fail(LOST, NOON)):
        assert settled.cancel(CANCEL, NOON) is settled


def test_a_parcel_that_waits_goes_to_the_newest_address() -> None:
    moved = waiting().readdress(NEXT_DOOR, 2, CHANGE, NOON)
    assert (moved.shipping_address, moved.address_number) == (NEXT_DOOR, 2)
    assert (moved.status, moved.version, moved.updated_at) == ("WAITING", 2, NOON)
    assert (moved.created_at, moved.causation_id) == (MORNING, CHANGE)
    for number in (2, 1):
        assert moved.readdress(waiting().shipping_address, number, CHANGE, NOON) is moved


def test_a_parcel_that_has_left_or_is_settled_is_not_readdressed() -> None:
    sent = waiting().dispatch(POST, MORNING)
    called_off = waiting().cancel(CANCEL, NOON)
    for settled in (sent, sent.deliver(NOON), sent.fail(LOST, NOON), called_off):
        assert settled.readdress(NEXT_DOOR, 1, CHANGE, NOON) is settled


AHEAD = {
    Status.WAITING: {Status.DISPATCHED, Status.CANCELLED, Status.FAILED},
    Status.DISPATCHED: {Status.DELIVERED, Status.FAILED},
}
"""Where a parcel may go. From the other stages: nowhere."""

Step = Callable[[Shipment], Shipment]
STEPS: dict[str, Step] = {
    "dispatch by post": lambda s: s.dispatch(POST, NOON),
    "dispatch by post again": lambda s: s.dispatch(OTHERS[0], NOON),
    "dispatch by bicycle": lambda s: s.dispatch(OTHERS[1], NOON),
    "deliver": lambda s: s.deliver(NOON),
    "fail": lambda s: s.fail(LOST, NOON),
    "cancel": lambda s: s.cancel(CANCEL, NOON),
    "to a neighbour": lambda s: s.readdress(NEXT_DOOR, 1, CHANGE, NOON),
    "to another": lambda s: s.readdress(NEXT_DOOR, 2, CHANGE, NOON),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_whatever_is_tried_a_parcel_goes_forward_a_step_at_a_time(steps: list[str]) -> None:
    shipment, passed, told = waiting(), ["WAITING"], of_shipment(None, waiting())
    for step in steps:
        try:
            moved = STEPS[step](shipment)
        except NotAllowed:
            continue
        told += of_shipment(shipment, moved)
        if moved is shipment:
            continue
        readdressed = moved.address_number > shipment.address_number
        assert readdressed or moved.status in AHEAD.get(shipment.status, set())
        assert not readdressed or moved.status is shipment.status is Status.WAITING
        assert moved.version == shipment.version + 1
        if shipment.carrier:
            assert moved.carrier == shipment.carrier
            assert moved.tracking_number == shipment.tracking_number
        shipment = moved
        passed.append("READDRESSED" if readdressed else moved.status)
    assert not {"DISPATCHED", "CANCELLED"} <= set(passed)
    assert [message.metadata.version for message in told] == list(range(2, len(passed) + 1))
    assert [type(message) for message in told] == [TOLD[status] for status in passed[1:]]


def test_a_tombstone_tells_that_nothing_will_leave() -> None:
    tombstone = Tombstone(
        order_id="order-1",
        cancelled_at=NOON,
        updated_at=NOON,
        correlation_id="order-1",
        causation_id=CANCEL,
    )
    (message,) = of_shipment(None, tombstone)
    assert message.model_dump() == {
        "metadata": {
            "id": "order-1:1:ShipmentCancelled",
            "correlationId": "order-1",
            "causationId": CANCEL,
            "occurredAt": "2026-01-05T12:00:00.000Z",
            "version": 1,
            "trace": None,
        },
        "data": {
            "orderId": "order-1",
            "status": "CANCELLED",
            "cancelledAt": "2026-01-05T12:00:00.000Z",
        },
    }
    assert of_shipment(tombstone, tombstone) == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_reason_has_to_be_said(reason: str) -> None:
    with pytest.raises(ValidationError):
        Failure(reason=reason)


@given(order_id=st.text(min_size=1), other=st.text(min_size=1))
def test_a_tracking_number_follows_from_the_order(order_id: str, other: str) -> None:
    assert consignment(order_id) == consignment(order_id)
    assert (consignment(order_id) == consignment(other)) == (order_id == other)


@pytest.mark.parametrize("label", ["", "  ", "x" * 61])
def test_a_carrier_and_a_number_have_to_be_said(label: str) -> None:
    with pytest.raises(ValidationError):
        Consignment(carrier=label, tracking_number="PP1")
    with pytest.raises(ValidationError):
        Consignment(carrier="Parcel Post", tracking_number=label)
