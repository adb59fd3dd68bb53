"""What is counted: once for each change that is told, with dimensions that have few values."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from orders import bus, outbox
from orders.facts import Facts, Reason
from orders.figures import Figure, of_change, of_sweep
from orders.heard import PlaceOrder
from orders.metrics import emit
from orders.order import Order

Sample = Callable[[str], dict[str, Any]]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


def lines(capsys: Capture) -> list[dict[str, Any]]:
    """What was logged in CloudWatch's embedded metric format since the last look."""
    logged = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in logged]


@pytest.fixture
def order(command: PlaceOrder) -> Order:
    """The sample's order as it is placed."""
    at = command.data.submitted_at
    return Order.place(command.data, "o", "cause", at, timedelta(minutes=15))


def after(order: Order, seconds: int, name: str, facts: Facts | None = None) -> Order:
    """The order after what it hears so long after it was placed."""
    at = order.placed_at + timedelta(seconds=seconds)
    moved = order.hear(name, facts or Facts(), "cause", at)
    assert isinstance(moved, Order)
    return moved


def test_counts_each_state_that_an_order_enters_and_how_long_that_took(order: Order) -> None:
    assert of_change(None, order) == [Figure("OrdersPlaced", 1)]
    reserved = after(order, 2, "StockReserved")
    assert of_change(order, reserved) == []
    confirmed = after(reserved, 5, "PaymentCollected", Facts(collected=True))
    assert of_change(reserved, confirmed) == [
        Figure("OrdersConfirmed", 1),
        Figure("TimeToConfirm", 5.0, "Seconds"),
    ]
    delivered = after(confirmed, 9000, "ShipmentDelivered")
    assert of_change(confirmed, delivered) == [
        Figure("OrdersDelivered", 1),
        Figure("TimeToDeliver", 9000.0, "Seconds"),
    ]
    assert of_change(delivered, after(delivered, 1, "PaymentRefunded", Facts(refunded=1))) == []


@pytest.mark.parametrize("reason", Reason)
def test_counts_what_is_cancelled_by_its_reason(order: Order, reason: Reason) -> None:
    cancelled = after(order, 1, "CancelOrder", Facts(reason=reason))
    expected = [Figure("OrdersCancelled", 1, by=("reason", reason.value))]
    assert of_change(order, cancelled) == expected
    assert of_change(None, cancelled) == [Figure("OrdersPlaced", 1), *expected]


def test_what_has_the_same_dimensions_is_one_line(capsys: Capture) -> None:
    emit([Figure("A", 1), Figure("C", 1, by=("reason", "SHOP")), Figure("A", 2), Figure("B", 3)])
    common, special = lines(capsys)
    assert (common["A"], common["B"], special["C"]) == ([1.0, 2.0], [3.0], [1.0])
    for line, names in ((common, {"service", "stack"}), (special, {"service", "stack", "reason"})):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert group["Namespace"] == "TheBetterStore"
        assert [set(dimensions) for dimensions in group["Dimensions"]] == [names]
        assert (line["service"], line["stack"]) == ("orders", "tbs-app-orders-test")


@pytest.mark.filterwarnings("error")
def test_nothing_counted_is_no_line(capsys: Capture) -> None:
    emit([])
    assert lines(capsys) == []


def test_the_sweep_counts_to_nought_too(capsys: Capture) -> None:
    emit(of_sweep(0, []))
    emit(of_sweep(2, [300, 5]))
    first, second = lines(capsys)
    names = ("OrdersPastDeadline", "RefundsOverdue", "MoneyOwed")
    assert [first[name] for name in names] == [[0.0], [0.0], [0.0]]
    assert [second[name] for name in names] == [[2.0], [2.0], [305.0]]


def test_the_outbox_counts_what_the_bus_took_and_nothing_else(
    sample: Sample, context: Any, capsys: Capture
) -> None:
    event = sample("outbox-OrderPlaced")
    event["Records"] *= 2
    with Stubber(outbox.events) as stub:
        stub.add_response(
            "put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "x"}]}, {"Entries": ANY}
        )
        with pytest.raises(bus.NotPublished):
            outbox.handler(event, context)
        assert lines(capsys) == []
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
    (line,) = lines(capsys)
    assert line["OrdersPlaced"] == [1.0, 1.0]


def test_a_change_of_which_nothing_is_told_is_not_counted(
    sample: Sample, context: Any, capsys: Capture
) -> None:
    event = sample("outbox-OrderCancelled")
    change = event["Records"][0]["dynamodb"]
    change["OldImage"] = change["NewImage"]
    outbox.handler(event, context)
    assert lines(capsys) == []
