"""The watch: how many parcels wait too long, and how long the oldest one does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fulfilment import watch
from fulfilment.shipment import Address, Consignment, Line, Shipment, Status
from fulfilment.table import ShipmentsTable

NOW = datetime(2026, 1, 7, 10, tzinfo=UTC)
POST = Consignment(carrier="Parcel Post", tracking_number="PP1")

Watch = Callable[[], dict[str, Any]]


@pytest.fixture
def look(
    context: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Watch:
    """Lets the watch look at the table, on the seventh at ten. Gives the metrics that it told."""
    monkeypatch.setattr(watch, "now", lambda: NOW)

    def run() -> dict[str, Any]:
        capsys.readouterr()
        watch.handler({}, context)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
        (told,) = [line for line in lines if "_aws" in line]
        assert isinstance(told, dict)
        return told

    return run


def waits(order_id: str, hours: float) -> Shipment:
    """A shipment that was lined up so many hours ago."""
    at = NOW - timedelta(hours=hours)
    shipment = Shipment(
        order_id=order_id,
        shipping_address=Address(
            name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
        ),
        lines=(Line(toy_id="toy-1", name="Kite", quantity=2),),
        status=Status.WAITING,
        created_at=at,
        version=1,
        updated_at=at,
        correlation_id=order_id,
        causation_id=f"{order_id}:3:ShipOrder",
    )
    ShipmentsTable("Table").add(shipment)
    return shipment


def counts(told: dict[str, Any]) -> tuple[list[int], list[int]]:
    return told["ShipmentsWaitingTooLong"], told["OldestShipmentWaiting"]


def test_where_nothing_waits_all_is_zero(look: Watch) -> None:
    told = look()
    assert counts(told) == ([0], [0])
    assert (told["service"], told["stack"]) == ("fulfilment", "tbs-app-fulfilment-test")
    (metrics,) = told["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "TheBetterStore"
    assert [sorted(names) for names in metrics["Dimensions"]] == [["service", "stack"]]
    units = {metric["Name"]: metric["Unit"] for metric in metrics["Metrics"]}
    assert units == {"ShipmentsWaitingTooLong": "Count", "OldestShipmentWaiting": "Seconds"}


def test_counts_what_waits_for_longer_than_two_days_and_nothing_else(look: Watch) -> None:
    for n, hours in enumerate([0, 1, 47.9, 48, 48.1, 60]):
        waits(f"order-{n}", hours)
    assert counts(look()) == ([2], [60 * 3600])
    table = ShipmentsTable("Table")
    sent = waits("sent", 70).dispatch(POST, NOW)
    table.save(sent)
    table.save(waits("called-off", 80).cancel("cause", NOW))
    assert counts(look()) == ([2], [60 * 3600])
    # Another address makes no parcel younger.
    waiting = table.shipment("order-5")
    assert isinstance(waiting, Shipment)
    table.save(waiting.readdress(waiting.shipping_address, 1, "cause", NOW))
    assert counts(look()) == ([2], [60 * 3600])
    table.save(sent.deliver(NOW))
    moved = table.shipment("order-5")
    assert isinstance(moved, Shipment)
    table.save(moved.dispatch(POST, NOW))
    assert counts(look()) == ([1], [int(48.1 * 3600)])


@pytest.mark.parametrize(
    ("pages", "counted", "whole"), [(1, 3, False), (2, 6, False), (3, 7, True)]
)
def test_reads_page_after_page_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, pages: int, counted: int, whole: bool
) -> None:
    for n in range(7):
        waits(f"order-{n}", 50 + n)
    table = ShipmentsTable("Table")
    query = table._table.query
    asked: list[dict[str, Any]] = []

    def small(**given: Any) -> Any:
        asked.append(given)
        return query(**given, Limit=3)

    monkeypatch.setattr(table._table, "query", small)
    assert table.waiting(NOW - watch.TOO_LONG, pages) == (counted, whole)
    assert len(asked) == pages
    assert {given["Select"] for given in asked} == {"COUNT"}


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_what_fails_is_not_told_as_nothing(
    context: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(watch.table, "waiting", down)
    with pytest.raises(ConnectionError):
        watch.handler({}, context)
    assert "ShipmentsWaitingTooLong" not in capsys.readouterr().out
