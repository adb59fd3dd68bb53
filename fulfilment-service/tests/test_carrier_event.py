"""What carriers tell: the rules of it by example and by property, and their signatures."""

import hmac
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from fulfilment.carrier_event import CarrierEvent, Forged, Progress, check, parse, sign
from fulfilment.messages import of_shipment
from fulfilment.shipment import (
    EARLIER_KEPT,
    Address,
    Consignment,
    Failure,
    Line,
    NotAllowed,
    Shipment,
    Status,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
SECRET = "carrier_secret"


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def told(status: Progress, consignment: Consignment = POST, hours: float = 0) -> CarrierEvent:
    """The event, that so many hours after ten in the morning this happened."""
    return CarrierEvent(
        event_id=f"event-{status}",
        order_id="order-1",
        status=status,
        carrier=consignment.carrier,
        tracking_number=consignment.tracking_number,
        reason="nobody at home" if status is Progress.FAILED else None,
        occurred_at=MORNING + timedelta(hours=hours),
    )


DISPATCHED, DELIVERED, FAILED = (told(status) for status in Progress)
EVENTS = (DISPATCHED, DELIVERED, FAILED)


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


def after(shipment: Shipment, event: CarrierEvent) -> list[Shipment]:
    """What the shipment becomes by an event, step by step."""
    steps = [shipment]
    while (moved := event.step(steps[-1], NOON)) is not steps[-1]:
        steps.append(moved)
    return steps


def test_each_event_does_what_a_button_does() -> None:
    sent = waiting().dispatch(POST, NOON)
    assert after(waiting(), DISPATCHED) == [waiting(), sent]
    assert after(sent, DELIVERED) == [sent, sent.deliver(NOON)]
    assert after(sent, FAILED) == [sent, sent.fail(Failure(reason="nobody at home"), NOON)]


@pytest.mark.parametrize("last", [DELIVERED, FAILED])
def test_what_overtakes_the_dispatch_dispatches_too(last: CarrierEvent) -> None:
    steps = after(waiting(), last)
    assert [step.status for step in steps] == ["WAITING", "DISPATCHED", last.status]
    assert [step.version for step in steps] == [1, 2, 3]
    assert (steps[-1].carrier, steps[-1].tracking_number) == ("Parcel Post", "PP1")
    assert after(steps[-1], DISPATCHED) == [steps[-1]]
    names = [type(m).__name__ for a, b in pairwise(steps) for m in of_shipment(a, b)]
    assert names == ["ShipmentDispatched", f"Shipment{last.status.capitalize()}"]


@pytest.mark.parametrize("last", [DELIVERED, FAILED])
def test_in_any_order_and_twice_the_parcel_ends_the_same(last: CarrierEvent) -> None:
    ends = []
    for order in permutations([DISPATCHED, DISPATCHED, last, last]):
        shipment = waiting()
        for event in order:
            shipment = after(shipment, event)[-1]
        ends.append(shipment)
    assert {end.status for end in ends} == {Status(last.status)}
    assert ends == ends[:1] * len(ends)


@pytest.mark.parametrize(("one", "other"), [(DELIVERED, FAILED), (FAILED, DELIVERED)])
def test_an_end_is_an_end(one: CarrierEvent, other: CarrierEvent) -> None:
    ended = after(waiting(), one)[-1]
    with pytest.raises(NotAllowed, match=f"{ended.status}.*nothing more can be done"):
        other.step(ended, NOON)


def test_another_parcel_is_not_this_one() -> None:
    sent = waiting().dispatch(POST, NOON)
    for status in Progress:
        for stray in (
            Consignment(carrier="Parcel Post", tracking_number="PP2"),
            Consignment(carrier="Bicycle", tracking_number="PP1"),
        ):
            for shipment in (sent, sent.deliver(NOON), sent.fail(Failure(reason="lost"), NOON)):
                with pytest.raises(NotAllowed, match="another parcel"):
                    told(status, stray).step(shipment, NOON)


def test_a_parcel_that_was_called_off_or_given_up_was_never_with_a_carrier() -> None:
    cancelled = waiting().cancel("order-1:4:CancelShipment", NOON)
    failed = waiting().fail(Failure(reason="not on its shelf"), NOON)
    for event in EVENTS:
        with pytest.raises(NotAllowed, match="CANCELLED, its order is called off"):
            event.step(cancelled, NOON)
    for event in (DISPATCHED, DELIVERED):
        with pytest.raises(NotAllowed, match="FAILED: "):
            event.step(failed, NOON)
    assert FAILED.step(failed, NOON) is failed


@given(st.lists(st.sampled_from(EVENTS), max_size=8))
def test_whatever_is_told_a_step_leads_ahead(events: list[CarrierEvent]) -> None:
    shipment = waiting()
    for event in events:
        try:
            steps = after(shipment, event)
        except NotAllowed:
            assert shipment.status in (Status.DELIVERED, Status.FAILED)
            continue
        assert [s.version for s in steps] == [shipment.version + n for n in range(len(steps))]
        shipment = steps[-1]
        assert event.step(shipment, NOON) is shipment


@pytest.mark.parametrize(("hours", "taken"), [(-1, 0), (0, 0), (1, 1), (2, 2), (3, 2)])
def test_it_happened_when_the_carrier_says_as_far_as_that_can_be(hours: int, taken: int) -> None:
    event = told(Progress.DISPATCHED, hours=hours)
    assert event.time(waiting(), NOON) == MORNING + timedelta(hours=taken)


def to(number: int) -> Address:
    """The address of a number."""
    return waiting().shipping_address.model_copy(update={"line1": f"{number} High Street"})


@given(st.lists(st.integers(1, 30), max_size=30), st.none() | st.integers(0, 31))
def test_a_parcel_went_to_the_address_of_the_number_that_the_carrier_tells(
    numbers: list[int], number: int | None
) -> None:
    shipment, held = waiting().model_copy(update={"shipping_address": to(0)}), [0]
    for each in numbers:
        shipment = shipment.readdress(to(each), each, "cause", MORNING)
        held += [each] if each > held[-1] else []
    known = held[-1 - EARLIER_KEPT :]
    event = DISPATCHED.model_copy(update={"address_number": number})
    if number not in (None, *known):
        with pytest.raises(NotAllowed, match=f"address {number} is not known here"):
            event.step(shipment, NOON)
        return
    steps = after(shipment, event)
    sent, went_to = steps[-1], held[-1] if number is None else number
    assert (len(steps), sent.status, sent.version) == (2, "DISPATCHED", shipment.version + 1)
    assert (sent.address_number, sent.shipping_address) == (went_to, to(went_to))
    assert [e.number for e in sent.earlier_addresses] == [n for n in known if n < went_to]
    (message,) = of_shipment(shipment, sent)
    data = message.model_dump()["data"]
    assert (data["addressNumber"], data["shippingAddress"]["line1"]) == (went_to, to(went_to).line1)


def test_where_it_went_is_told_once() -> None:
    """A number counts while the parcel waits: one that has left goes where it was said to go."""
    shipment = waiting().readdress(to(1), 1, "cause", MORNING)
    sent = after(shipment, DISPATCHED)[-1]
    for event in (DISPATCHED, DELIVERED):
        ended = after(sent, event.model_copy(update={"address_number": 0}))[-1]
        assert (ended.status, ended.address_number) == (Status(event.status), 1)


# What can be read


GOOD = {
    "eventId": "e1",
    "orderId": "order-1",
    "status": "FAILED",
    "carrier": "Parcel Post",
    "trackingNumber": "PP1",
    "reason": "nobody at home",
    "occurredAt": "2026-01-05T11:00:00+01:00",
}


def test_what_is_not_named_is_ignored() -> None:
    event = CarrierEvent.model_validate(GOOD | {"weight": 3})
    assert event.occurred_at == MORNING
    assert event.status is Progress.FAILED


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": None},
        {"reason": " "},
        {"status": "WAITING"},
        {"orderId": ""},
        {"orderId": "o" * 101},
        {"eventId": None},
        {"carrier": " "},
        {"trackingNumber": "1" * 61},
        {"occurredAt": "2026-01-05T11:00:00"},
        {"occurredAt": "soon"},
        {"addressNumber": -1},
        {"addressNumber": "first"},
    ],
)
def test_what_cannot_be_read_is_said_without_quoting_it(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        CarrierEvent.model_validate(GOOD | wrong)
    assert "Parcel Post" not in str(refused.value)


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "not json"])
def test_what_is_no_event(body: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        parse(body)


# Signatures


def test_the_signature_is_an_hmac_of_time_and_body() -> None:
    wanted = hmac.new(SECRET.encode(), b'1700000000.{"a": 1}', "sha256").hexdigest()
    assert sign('{"a": 1}', SECRET, 1_700_000_000) == f"t=1700000000,v1={wanted}"


@given(st.text(), st.text(min_size=1), st.integers(0, 2_000_000_000), st.floats(-300, 300))
def test_what_was_signed_is_taken_for_five_minutes(
    body: str, secret: str, at: int, late: float
) -> None:
    try:
        header = sign(body, secret, at)
    except UnicodeEncodeError:
        return
    check(body, header, secret, at + late)
    for seconds in (-301, 301):
        with pytest.raises(Forged, match="another time"):
            check(body, header, secret, at + seconds)
    for altered, other in ((body + " ", secret), (body, secret + "x")):
        with pytest.raises(Forged, match="no signature of a carrier's"):
            check(altered, header, other, at)


def test_one_of_several_signatures_is_enough() -> None:
    """While a secret is changed, a carrier may sign with both."""
    old, new = (sign("{}", secret, 100).partition(",")[2] for secret in ("old", SECRET))
    check("{}", f"t=100,{old},{new}", SECRET, 100)
    check("{}", f"t=100,{new},{old},v0=x", SECRET, 100)
    with pytest.raises(Forged):
        check("{}", f"t=100,{old}", SECRET, 100)


V1 = sign("{}", SECRET, 100).partition(",")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=100",
        V1,
        "t=100,v1=",
        f"t=100,t=100,{V1}",
        f"t=100,v2{V1[2:]}",
        f"t=0100,{V1}",
        f"t=+100,{V1}",
        f"t=-100,{V1}",
        f"t=\u0661\u0660\u0660,{V1}",
        f"t=,{V1}",
        f"t={'1' * 5000},{V1}",
        f"t=100,{V1.upper()}",
        f"t=100,{V1[:-1]}",
        "t=100,v1=é",
        "nonsense",
    ],
)
def test_what_is_no_signature(header: str) -> None:
    with pytest.raises(Forged):
        check("{}", header, SECRET, 100)
