"""Two at once, in every order in which their calls to the table can fall."""

from collections.abc import Callable, Iterator
from itertools import product
from threading import Condition, Thread, local
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from orders import inbox, sweep
from orders.facts import Cancellation, Reason
from orders.heard import PlaceOrder
from orders.messages import of_order
from orders.order import Order
from orders.saga import Status
from orders.table import OrdersTable

Tell = Callable[..., None]

CALLS = 4
"""Which of the two is next is given for so many calls.

Each reads and writes, so after three one has written and is done; the other is alone from then on.
"""


class Turns:
    """Lets the calls of two threads through one at a time, in a given order."""

    def __init__(self, order: tuple[int, ...]) -> None:
        self._next = list(order)
        self._changed = Condition()
        self._done: set[int] = set()
        self._thread = local()

    def take(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, which waits for its thread's turn."""

        def waiting(*args: Any, **given: Any) -> Any:
            who = getattr(self._thread, "number", None)
            with self._changed:
                self._changed.wait_for(lambda: who is None or self._whose() in {who, None})
                if who is not None and self._next:
                    self._next.pop(0)
                try:
                    return call(*args, **given)
                finally:
                    self._changed.notify_all()

        return waiting

    def run(self, *actions: Callable[[], Any]) -> list[Exception]:
        """Do all of that at once. Gives what was raised."""
        raised: list[Exception] = []

        def act(number: int, action: Callable[[], Any]) -> None:
            self._thread.number = number
            try:
                action()
            except Exception as error:
                raised.append(error)
            with self._changed:
                self._done.add(number)
                self._changed.notify_all()

        threads = [Thread(target=act, args=pair, daemon=True) for pair in enumerate(actions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert not any(thread.is_alive() for thread in threads)
        return raised

    def _whose(self) -> int | None:
        while self._next and self._next[0] in self._done:
            self._next.pop(0)
        return self._next[0] if self._next else None


@pytest.fixture
def at_once(
    command: PlaceOrder, record: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[tuple[str, str], Tell, tuple[str, ...]], Iterator[Order | None]]:
    """What is kept after two messages met, for every order of their calls."""
    order_id = command.data.order_id
    plain = OrdersTable("Table")

    def deed(name: str) -> Callable[[], Any]:
        if name == "DeadlinePassed":
            return lambda: sweep.expire(order_id)
        return lambda: inbox.receive(SQSRecord(record(name)))

    def play(names: tuple[str, str], tell: Tell, before: tuple[str, ...]) -> Iterator[Order | None]:
        tell(*before)
        item = plain._table.get_item(Key={"pk": f"ORDER#{order_id}"}).get("Item")
        for schedule in product((0, 1), repeat=CALLS):
            plain._table.delete_item(Key={"pk": f"ORDER#{order_id}"})
            if item:
                plain._table.put_item(Item=item)
            turns = Turns(schedule)
            with monkeypatch.context() as racing:
                for table in (inbox.table, sweep.table):
                    racing.setattr(table._table, "get_item", turns.take(table._table.get_item))
                    racing.setattr(table._table, "put_item", turns.take(table._table.put_item))
                assert turns.run(*map(deed, names)) == []
            yield plain.order(order_id)

    return play


def states(order: Order | None) -> tuple[str, ...]:
    return tuple(entry.status for entry in order.history) if order else ()


def test_an_order_and_its_cancellation(at_once: Any, tell: Tell) -> None:
    for order in at_once(("PlaceOrder", "CancelOrder"), tell, ()):
        assert states(order) == ("PLACED", "CANCELLED")
        assert (order.version, order.reason) == (2, Reason.CUSTOMER)
        assert [type(message).__name__ for message in of_order(None, order)] == [
            "OrderPlaced",
            "ReserveStock",
            "OrderCancelled",
            "SendEmail",
            "ReleaseStock",
        ]


@pytest.mark.parametrize("before", [(), ("CancelOrder",)])
def test_an_order_that_is_placed_twice(at_once: Any, tell: Tell, before: tuple[str, ...]) -> None:
    for order in at_once(("PlaceOrder", "PlaceOrder"), tell, before):
        assert states(order) == (("PLACED", "CANCELLED") if before else ("PLACED",))
        assert order.version == len(order.history)


def test_two_requests_to_cancel_what_is_not_there_yet(
    at_once: Any, tell: Tell, command: PlaceOrder
) -> None:
    for order in at_once(("CancelOrder", "CancelOrder"), tell, ()):
        assert order is None
        assert isinstance(inbox.table.found(command.data.order_id), Cancellation)


@pytest.mark.parametrize(
    ("names", "before", "ends"),
    [
        (
            ("CancelOrder", "PaymentCollected"),
            ("PlaceOrder", "StockReserved"),
            {("CANCELLED",), ("CONFIRMED", "CANCELLING")},
        ),
        (
            ("DeadlinePassed", "PaymentCollected"),
            ("PlaceOrder", "StockReserved"),
            {("CANCELLED",), ("CONFIRMED",)},
        ),
        (("DeadlinePassed", "DeadlinePassed"), ("PlaceOrder",), {("CANCELLED",)}),
        (
            ("DeadlinePassed", "CancelOrder"),
            ("PlaceOrder",),
            {("CANCELLED",)},
        ),
        (
            ("ShipmentDispatched", "ShipmentDelivered"),
            ("PlaceOrder", "StockReserved", "PaymentCollected", "CancelOrder"),
            {("DISPATCHED", "DELIVERED")},
        ),
    ],
)
def test_whoever_is_first_decides(
    at_once: Any,
    tell: Tell,
    names: tuple[str, str],
    before: tuple[str, ...],
    ends: set[tuple[str, ...]],
) -> None:
    """An expired order that was paid meanwhile is left alone; it is looked at in a minute."""
    found = set()
    for order in at_once(names, tell, before):
        versions = [entry.version for entry in order.history]
        assert versions == list(range(1, len(versions) + 1))
        # What comes too late to be acted on may still be kept.
        kept = order.version - versions[-1]
        assert kept == (order.status is Status.CANCELLED and "PaymentCollected" in names)
        assert (order.refund is not None) == bool(kept)
        assert order.status is not Status.PLACED
        found.add(states(order)[len(before) :])
    assert found == ends
