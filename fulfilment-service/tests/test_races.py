"""Two who write the same shipment at once: every order in which their calls of AWS can come."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import combinations_with_replacement, pairwise
from threading import Semaphore, Thread, current_thread
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from boto3.dynamodb.types import TypeSerializer
from botocore.client import BaseClient
from fulfilment import api, carrier, inbox, webhook
from fulfilment.carrier_event import CarrierEvent
from fulfilment.delivery import Poison
from fulfilment.messages import (
    AddressChange,
    Cancellation,
    CancelShipment,
    ChangeShippingAddress,
    Metadata,
    ShipOrder,
    ShippingRequest,
)
from fulfilment.shipment import Address, Consignment, Failure, Line, Shipment, Tombstone
from fulfilment.table import ShipmentsTable, _item

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
PATIENCE = 30
"""Seconds after which a writer is taken for stuck."""

AHEAD = {
    None: {"WAITING", "CANCELLED", "a note"},
    "a note": {"WAITING", "CANCELLED", "a note"},
    "WAITING": {"DISPATCHED", "CANCELLED", "FAILED", "WAITING"},
    "DISPATCHED": {"DELIVERED", "FAILED"},
}
"""Where a shipment may go from where it is. From the other stages: nowhere."""

HOME = Address(
    name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
)
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")
BICYCLE = Consignment(carrier="Bicycle", tracking_number="B1")
LOST = Failure(reason="lost")


class Writer(Thread):
    """One who writes, and stops before each call of AWS until it is told to go on."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self._go, self._stopped = Semaphore(0), Semaphore(0)
        self.error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        """Act to the end. What the warehouse is refused is no error."""
        try:
            self._act()
        except ServiceError:
            pass
        except BaseException as error:
            self.error = error
        self.done = True
        self._stopped.release()

    def stop(self) -> None:
        """Wait to be told to go on. Called on the writer's own thread."""
        self._stopped.release()
        assert self._go.acquire(timeout=PATIENCE)

    def begin(self) -> None:
        """Run up to the first call."""
        self.start()
        assert self._stopped.acquire(timeout=PATIENCE)

    def go_on(self) -> None:
        """Make one call, and run up to the next one."""
        self._go.release()
        assert self._stopped.acquire(timeout=PATIENCE)


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every item that the table takes from here on. Writers stop before each of their calls."""
    taken: list[dict[str, Any]] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: dict[str, Any]) -> Any:
        writer = current_thread()
        if isinstance(writer, Writer):
            writer.stop()
        answer = real(client, name, params)
        if name == "PutItem":
            taken.append(params["Item"])
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return taken


Race = Callable[[str], tuple[Writer, Writer]]
"""Sets an order of that id up, and gives two who are about to write its shipment."""


def every_order(race: Race) -> Iterator[str]:
    """Run a race in every order in which the calls can come. Gives the order's id of each run.

    A run takes the turns that it is given and then lets the first writer go on, and then the
    second. Where it chose by itself and the other could have gone on, another run lets the other.
    """
    todo: list[list[int]] = [[]]
    runs = 0
    while todo:
        given, made = todo.pop(), list[int]()
        writers = race(f"order-{runs}")
        for writer in writers:
            writer.begin()
        while able := [n for n, writer in enumerate(writers) if not writer.done]:
            if len(made) < len(given):
                turn = given[len(made)]
            else:
                turn = able[0]
                todo += [[*made, 1]] if len(able) == 2 else []
            made.append(turn)
            writers[turn].go_on()
        for writer in writers:
            if writer.error:
                raise writer.error
        yield f"order-{runs}"
        runs += 1


def metadata(order_id: str, name: str) -> Metadata:
    return Metadata(
        id=f"{order_id}:4:{name}",
        correlation_id=order_id,
        causation_id=None,
        occurred_at=MORNING,
        version=4,
    )


def ship(order_id: str) -> None:
    lines = (Line(toy_id="toy-1", name="Kite", quantity=2),)
    data = ShippingRequest(order_id=order_id, shipping_address=HOME, lines=lines)
    inbox.line_up(ShipOrder(metadata=metadata(order_id, "ShipOrder"), data=data))


def cancel(order_id: str) -> None:
    command = metadata(order_id, "CancelShipment")
    inbox.call_off(CancelShipment(metadata=command, data=Cancellation(order_id=order_id)))


def readdress(order_id: str, number: int) -> None:
    there = HOME.model_copy(update={"line1": f"{number} Low Street"})
    change = AddressChange(order_id=order_id, shipping_address=there, number=number)
    command = metadata(order_id, "ChangeShippingAddress")
    inbox.readdress(ChangeShippingAddress(metadata=command, data=change))


def hear(order_id: str) -> None:
    """What a carrier tells of a parcel that has arrived, whoever was to dispatch it."""
    told = {"eventId": "1", "orderId": order_id, "status": "DELIVERED", "occurredAt": MORNING}
    event = CarrierEvent.model_validate(told | POST.model_dump())
    with suppress(Poison):
        webhook.act(event)


def carry(order_id: str) -> Callable[[], object]:
    """The carrier, who has been told of the shipment as it is now."""
    shipment = ShipmentsTable("Table").shipment(order_id)
    item = _item(shipment) if shipment else {}
    image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    record = DynamoDBRecord({"dynamodb": {"NewImage": image} if image else {}})
    return lambda: carrier.move(record)


def send_off(order_id: str) -> None:
    ship(order_id)
    api.dispatch_shipment(order_id, BICYCLE)


def note(order_id: str) -> None:
    readdress(order_id, 1)


START: dict[str, Callable[[str], None]] = {
    "nothing": lambda _: None,
    "a note": note,
    "waiting": ship,
    "dispatched": send_off,
}
ACTS: dict[str, Callable[[str], Callable[[], object]]] = {
    "ship": lambda order_id: lambda: ship(order_id),
    "cancel": lambda order_id: lambda: cancel(order_id),
    "dispatch": lambda order_id: lambda: api.dispatch_shipment(order_id, POST),
    "deliver": lambda order_id: lambda: api.deliver_shipment(order_id),
    "fail": lambda order_id: lambda: api.fail_shipment(order_id, LOST),
    "carry": carry,
    "hear": lambda order_id: lambda: hear(order_id),
    "readdress": lambda order_id: lambda: readdress(order_id, 2),
}


@pytest.mark.parametrize("start", START)
def test_whoever_writes_at_once_a_parcel_has_left_or_was_called_off_never_both(
    saved: list[dict[str, Any]], start: str
) -> None:
    def race(run: str) -> tuple[Writer, Writer]:
        saved.clear()
        order_id = f"{one}-{other}-{run}"
        START[start](order_id)
        return Writer(ACTS[one](order_id)), Writer(ACTS[other](order_id))

    acts = ("ship", "cancel", "readdress") if start == "a note" else ACTS  # nothing else writes
    for one, other in combinations_with_replacement(acts, 2):
        for _ in every_order(race):
            passed = [None, *(item.get("status", "a note") for item in saved)]
            assert all(to in AHEAD.get(at, set()) for at, to in pairwise(passed))
            assert [item["version"] for item in saved] == list(range(1, len(passed)))
            assert not {"DISPATCHED", "CANCELLED"} <= set(passed)
            if "cancel" in (one, other):
                # It is answered, whatever else happened: nothing is left to wait.
                assert passed[-1] not in (None, "WAITING", "a note")
            numbers = [item["addressNumber"] for item in saved if "addressNumber" in item]
            assert numbers == sorted(numbers)
            if passed[-1] == "WAITING":
                noted = 1 if start == "a note" else 0
                assert numbers[-1] == (2 if "readdress" in (one, other) else noted)


@pytest.mark.parametrize(
    ("start", "acts", "ends"),
    [
        ("nothing", ("ship", "cancel"), {"CANCELLED"}),
        ("waiting", ("dispatch", "cancel"), {"DISPATCHED", "CANCELLED"}),
        ("waiting", ("carry", "cancel"), {"DISPATCHED", "CANCELLED"}),
        ("waiting", ("fail", "cancel"), {"FAILED", "CANCELLED"}),
        ("waiting", ("dispatch", "fail"), {"FAILED"}),
        ("dispatched", ("deliver", "cancel"), {"DELIVERED"}),
        ("dispatched", ("deliver", "fail"), {"DELIVERED", "FAILED"}),
        ("nothing", ("ship", "readdress"), {"WAITING"}),
        ("a note", ("ship", "readdress"), {"WAITING"}),
        ("a note", ("ship", "cancel"), {"CANCELLED"}),
        ("waiting", ("dispatch", "readdress"), {"DISPATCHED"}),
        ("waiting", ("hear", "cancel"), {"DELIVERED", "CANCELLED"}),
        ("waiting", ("hear", "dispatch"), {"DELIVERED"}),
    ],
)
def test_the_order_of_the_calls_decides(
    saved: list[dict[str, Any]], start: str, acts: tuple[str, str], ends: set[str]
) -> None:
    def race(order_id: str) -> tuple[Writer, Writer]:
        START[start](order_id)
        return Writer(ACTS[acts[0]](order_id)), Writer(ACTS[acts[1]](order_id))

    found: set[str] = set()
    runs = 0
    for order_id in every_order(race):
        kept = ShipmentsTable("Table").shipment(order_id)
        assert isinstance(kept, Shipment | Tombstone)
        found.add(kept.status)
        runs += 1
    assert found == ends
    assert runs >= 3
