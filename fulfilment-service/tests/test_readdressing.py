"""Another address for a parcel: before its ShipOrder, while it waits, and once it has left."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from fulfilment import inbox
from fulfilment.messages import Message, of_shipment
from fulfilment.shipment import (
    AddressNote,
    Consignment,
    Kept,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import Conflict, ShipmentsTable
from fulfilment.table import change as table_change
from hypothesis import given
from hypothesis import strategies as st

ORDER = "order-1"
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOME = {
    "name": "A. Shopper",
    "line1": "1 High Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D01",
    "country": "IE",
}


def address(number: int) -> dict[str, Any]:
    """The address that goes with a number; 0 is the one that was ordered to."""
    return HOME | {"line1": f"{number} Low Street"} if number else HOME


def record(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The message as the queue hands it on."""
    metadata = {
        "id": f"{ORDER}:{data.get('number', 4)}:{name}",
        "correlationId": ORDER,
        "causationId": None,
        "occurredAt": "2026-01-05T10:20:00.000Z",
        "version": 4,
    }
    detail = {"metadata": metadata, "data": {"orderId": ORDER} | data}
    return {
        "messageId": f"{name} {data.get('number', '')}",
        "receiptHandle": "handle",
        "body": json.dumps({"detail-type": name, "detail": detail}),
        "attributes": {"ApproximateReceiveCount": "1"},
    }


def change(number: int, other: dict[str, Any] | None = None) -> dict[str, Any]:
    given = {"shippingAddress": address(number), "number": number}
    return record("ChangeShippingAddress", given | (other or {}))


LINES = [{"toyId": "toy-1", "name": "Kite", "quantity": 2}]
SHIP = record("ShipOrder", {"shippingAddress": HOME, "lines": LINES})
CANCEL = record("CancelShipment", {})


def handled(context: Any, *records: dict[str, Any]) -> None:
    event = {"Records": [copy.deepcopy(each) for each in records]}
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def kept() -> Kept | None:
    return ShipmentsTable("Table").shipment(ORDER)


def test_a_parcel_that_waits_goes_to_the_newest_address(context: Any) -> None:
    handled(context, SHIP)
    first = kept()
    assert isinstance(first, Shipment)
    assert first.address_number == 0
    handled(context, change(2))
    moved = kept()
    assert isinstance(moved, Shipment)
    assert moved.shipping_address.model_dump() == address(2)
    assert (moved.address_number, moved.version, moved.status) == (2, 2, Status.WAITING)
    assert moved.causation_id == f"{ORDER}:2:ChangeShippingAddress"
    assert (moved.created_at, moved.lines) == (first.created_at, first.lines)
    for late in (change(2), change(1), SHIP, change(2, {"shippingAddress": address(9)})):
        handled(context, late)
        assert kept() == moved
    handled(context, change(3))
    newest = kept()
    assert isinstance(newest, Shipment)
    assert (newest.shipping_address.line1, newest.version) == ("3 Low Street", 3)


def test_an_address_that_comes_before_its_parcel_is_found_by_it(context: Any) -> None:
    handled(context, change(1))
    note = kept()
    assert isinstance(note, AddressNote)
    assert (note.address_number, note.version) == (1, 1)
    for late in (change(1), change(1)):
        handled(context, late)
        assert kept() == note
    handled(context, change(3), change(2))
    handled(context, SHIP)
    parcel = kept()
    assert isinstance(parcel, Shipment)
    assert parcel.shipping_address.model_dump() == address(3)
    assert (parcel.address_number, parcel.version, parcel.status) == (3, 3, Status.WAITING)
    assert parcel.causation_id == json.loads(SHIP["body"])["detail"]["metadata"]["id"]
    handled(context, SHIP, change(3), change(2))
    assert kept() == parcel


def test_a_note_of_an_order_that_is_called_off_gives_way_to_a_tombstone(context: Any) -> None:
    handled(context, change(1), CANCEL)
    stone = kept()
    assert isinstance(stone, Tombstone)
    assert stone.version == 2
    handled(context, change(2), SHIP, CANCEL)
    assert kept() == stone


def test_a_note_is_in_no_list(context: Any) -> None:
    handled(context, change(1))
    for status in Status:
        assert ShipmentsTable("Table").listed(status, 10, None) == ([], None)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_parcel_that_has_left_goes_where_it_went(context: Any, arrived: bool) -> None:
    handled(context, SHIP)
    parcel = kept()
    assert isinstance(parcel, Shipment)
    left = parcel.dispatch(POST, NOON)
    ShipmentsTable("Table").save(left)
    if arrived:
        left = left.deliver(NOON)
        ShipmentsTable("Table").save(left)
    handled(context, change(1))
    assert kept() == left


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 0},
        {"number": -1},
        {"number": None},
        {"shippingAddress": None},
        {"shippingAddress": HOME | {"line1": "x" * 201}},
    ],
)
def test_a_change_that_cannot_be_read_is_a_dead_letter(
    context: Any, dead_letters: Callable[[], list[str]], wrong: dict[str, Any]
) -> None:
    bad = change(1, wrong)
    handled(context, bad, SHIP)
    assert dead_letters() == [bad["body"]]
    assert isinstance(kept(), Shipment)


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
@pytest.mark.parametrize("before", [(), (SHIP,), (change(1),)])
@pytest.mark.parametrize("message", [SHIP, change(2), CANCEL])
def test_a_crash_costs_nothing_but_time(
    context: Any, moment: str, before: tuple[dict[str, Any], ...], message: dict[str, Any]
) -> None:
    def crash(**_: Any) -> None:
        raise ConnectionError("PutItem")

    for each in before:
        handled(context, each)
    hooks = inbox.table._client.meta.events
    hooks.register(f"{moment}.*.PutItem", crash)
    failed = inbox.handler({"Records": [copy.deepcopy(message)]}, context)
    hooks.unregister(f"{moment}.*.PutItem", crash)
    if before != (SHIP,) or message != SHIP:  # a second ShipOrder is refused, which is its answer
        assert failed["batchItemFailures"] == [{"itemIdentifier": message["messageId"]}]
    handled(context, message)
    after = kept()
    assert after
    assert after.version == len({each["messageId"] for each in (*before, message)})
    handled(context, message)
    assert kept() == after


# Any order, any number of times


class Shelf:
    """A table in memory, which takes what the real one would, and tells what the outbox would."""

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.told: list[Message] = []

    def shipment(self, order_id: str) -> Kept | None:
        return self.kept

    def add(self, new: Kept) -> None:
        if self.kept:
            raise Conflict
        self._keep(new)

    def save(self, new: Kept) -> None:
        if not self.kept or self.kept.version != new.version - 1:
            raise Conflict
        self._keep(new)

    def _keep(self, new: Kept) -> None:
        self.told += of_shipment(self.kept, new)
        self.kept = new


MESSAGES = {"ship": SHIP, "cancel": CANCEL} | {f"to {n}": change(n) for n in (1, 2, 3)}
LEAVES = "leaves"
steps = st.lists(st.sampled_from([*sorted(MESSAGES), LEAVES]), max_size=14)


@given(steps, st.permutations(sorted(MESSAGES)), st.booleans())
def test_in_any_order_and_however_often_the_parcel_goes_where_it_is_told_to_go(
    shuffled: list[str], last: list[str], cancelled: bool
) -> None:
    """Whatever came before, each message comes at last: all of them but, maybe, the cancellation.

    The parcel then waits for the address of the highest number, was called off, or had left: to
    the address of the highest number that was known by then, which is the one that it tells.
    """
    shelf = Shelf()
    numbers, left_to = set[int](), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "table", shelf)
        for step in [*shuffled, *last]:
            if step == "cancel" and not cancelled:
                continue
            if step == LEAVES:
                match shelf.kept:
                    case Shipment(status=Status.WAITING) as waiting:
                        shelf.save(waiting.dispatch(POST, NOON))
                        left_to = max(numbers, default=0)
                continue
            inbox.receive(SQSRecord(MESSAGES[step]))
            numbers |= {int(step[3:])} if step.startswith("to ") else set()
    names = [type(message).__name__ for message in shelf.told]
    told = [
        message.model_dump()["data"]["number"]
        for message in shelf.told
        if type(message).__name__ == "ShipmentReaddressed"
    ]
    assert told == sorted(set(told))
    versions = [message.metadata.version for message in shelf.told]
    assert versions == sorted(set(versions))
    if left_to is not None:
        assert isinstance(shelf.kept, Shipment)
        sent = shelf.told[-1].model_dump()["data"]
        assert names[-1] == "ShipmentDispatched"
        assert sent["addressNumber"] == left_to == max(told, default=0)
        assert sent["shippingAddress"] == address(left_to)
    elif cancelled:
        assert names[-1] == "ShipmentCancelled"
        assert isinstance(shelf.kept, Shipment | Tombstone)
        assert shelf.kept.status is Status.CANCELLED
    else:
        assert isinstance(shelf.kept, Shipment)
        assert (shelf.kept.address_number, shelf.kept.status) == (3, Status.WAITING)
        assert shelf.kept.shipping_address.model_dump() == address(3)
        assert told[-1] == 3
    assert not {"ShipmentDispatched", "ShipmentCancelled"} <= set(names)


def test_what_is_kept_comes_back_as_it_was(context: Any) -> None:
    """All three kinds, from the table and from its stream."""
    for message in (change(1), SHIP, CANCEL):
        handled(context, message)
        item = ShipmentsTable("Table")._table.get_item(Key={"pk": f"SHIPMENT#{ORDER}"})["Item"]
        assert table_change(None, item) == (None, kept(), None)
