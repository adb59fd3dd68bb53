"""The rules of a shipment, by example and by property."""

from datetime import UTC, datetime

import pytest
from fulfilment.carrier import consignment
from fulfilment.shipment import Address, Consignment, Line, NotAllowed, Shipment, Status
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


STEPS = st.lists(st.sampled_from([POST, *OTHERS, None]), max_size=12)


@given(STEPS)
def test_whatever_is_tried_a_parcel_goes_forward_a_step_at_a_time(
    steps: list[Consignment | None],
) -> None:
    """Each step hands the parcel to a carrier, or (None) delivers it."""
    shipment, stages = waiting(), list(Status)
    for step in steps:
        try:
            moved = shipment.dispatch(step, NOON) if step else shipment.deliver(NOON)
        except NotAllowed:
            continue
        ahead = stages.index(moved.status) - stages.index(shipment.status)
        assert ahead == moved.version - shipment.version == (0 if moved is shipment else 1)
        if shipment.carrier:
            assert moved.carrier == shipment.carrier
            assert moved.tracking_number == shipment.tracking_number
        shipment = moved
    first = next((step for step in steps if step), None)
    assert shipment.carrier == (first and first.carrier)


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
