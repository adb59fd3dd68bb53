"""What is counted: off committed changes, once the bus took what they tell."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from fulfilment import outbox
from fulfilment.figures import Figure, of_change, of_watch
from fulfilment.shipment import (
    Address,
    AddressNote,
    Consignment,
    Failure,
    Kept,
    Line,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import _item

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
LATER = MORNING + timedelta(hours=2)
HOME = Address(
    name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
)
WAITING = Shipment(
    order_id="order-1",
    shipping_address=HOME,
    lines=(Line(toy_id="toy-1", name="Kite", quantity=2),),
    status=Status.WAITING,
    created_at=MORNING,
    version=1,
    updated_at=MORNING,
    correlation_id="order-1",
    causation_id="order-1:3:ShipOrder",
)
SENT = WAITING.dispatch(Consignment(carrier="Parcel Post", tracking_number="PP1"), LATER)
LOST = Failure(reason="lost")
FACTS: dict[str, Any] = {
    "order_id": "order-1",
    "updated_at": MORNING,
    "correlation_id": "order-1",
    "causation_id": "m",
}
NOTE = AddressNote(**FACTS, shipping_address=HOME, address_number=1)
STONE = Tombstone(**FACTS, cancelled_at=MORNING)

Metrics = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("old", "new", "figures"),
    [
        (None, WAITING, []),
        (WAITING, WAITING.readdress(HOME, 1, "m", LATER), []),
        (
            WAITING,
            SENT,
            [Figure("ParcelsDispatched", 1), Figure("TimeToDispatch", 7200, "Seconds")],
        ),
        (SENT, SENT.deliver(LATER), [Figure("ParcelsDelivered", 1)]),
        (SENT, SENT.fail(LOST, LATER), [Figure("ParcelsFailed", 1)]),
        (WAITING, WAITING.fail(LOST, LATER), [Figure("ParcelsFailed", 1)]),
        (WAITING, WAITING.cancel("m", LATER), []),
        (SENT, SENT.model_copy(update={"version": 3}), []),
        (None, NOTE, []),
        (NOTE, WAITING, []),
        (NOTE, STONE, []),
    ],
)
def test_each_state_that_a_parcel_enters_is_counted(
    old: Kept | None, new: Kept, figures: list[Figure]
) -> None:
    assert of_change(old, new) == figures


def test_the_watch_tells_two_figures() -> None:
    assert {figure.name: figure.unit for figure in of_watch(2, 7200)} == {
        "ShipmentsWaitingTooLong": "Count",
        "OldestShipmentWaiting": "Seconds",
    }


def changed(*steps: tuple[Kept | None, Kept]) -> dict[str, Any]:
    """The invocation of the outbox with these changes."""

    def image(kept: Kept) -> dict[str, Any]:
        return {name: TypeSerializer().serialize(value) for name, value in _item(kept).items()}

    return {
        "Records": [
            {"dynamodb": {"NewImage": image(new)} | ({"OldImage": image(old)} if old else {})}
            for old, new in steps
        ]
    }


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the bus answers."""
    answer: dict[str, Any] = {"FailedEntryCount": 0, "Entries": []}
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: answer)
    return answer


@pytest.mark.usefixtures("bus")
def test_a_batch_is_counted_in_one_line_of_the_log(metrics: Metrics, context: Any) -> None:
    other = SENT.model_copy(update={"order_id": "order-2"})
    outbox.handler(changed((WAITING, SENT), (WAITING, other), (SENT, SENT.deliver(LATER))), context)
    (line,) = metrics()
    assert line["ParcelsDispatched"] == [1, 1]
    assert line["TimeToDispatch"] == [7200, 7200]
    assert line["ParcelsDelivered"] == [1]
    assert (line["service"], line["stack"]) == ("fulfilment", "tbs-app-fulfilment-test")
    (group,) = line["_aws"]["CloudWatchMetrics"]
    assert group["Namespace"] == "TheBetterStore"
    assert [sorted(names) for names in group["Dimensions"]] == [["service", "stack"]]


@pytest.mark.usefixtures("bus")
def test_where_there_is_nothing_to_count_nothing_is_logged(metrics: Metrics, context: Any) -> None:
    outbox.handler(changed((None, WAITING), (None, STONE)), context)
    assert metrics() == []


def test_what_the_bus_did_not_take_is_not_counted(
    bus: dict[str, Any], metrics: Metrics, context: Any
) -> None:
    bus |= {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with pytest.raises(outbox.NotPublished):
        outbox.handler(changed((WAITING, SENT)), context)
    assert metrics() == []
