"""What is counted of the stock, and how it gets into the log."""

import json
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from toys import bus, figures, metrics, outbox
from toys.figures import Figure
from toys.model import now
from toys.reservation import HeldLine, Refusal, Reservation, Status, tombstone
from toys.toy import Toy, ToyDraft

LINE = HeldLine(toy_id="toy-1", quantity=1, price=1500)
HELD = Reservation(
    order_id="order-1",
    status=Status.RESERVED,
    currency="EUR",
    lines=(LINE,),
    version=1,
    updated_at=now(),
    correlation_id="order-1",
    causation_id="order-1:1:ReserveStock",
)


def toy(stock: int) -> Toy:
    draft = ToyDraft(
        sku="KITE-1", name="Kite", category="O", brand="B", price=1, currency="EUR", stock=stock
    )
    return Toy.create("toy-1", draft, now())


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log that CloudWatch makes metrics of."""
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in lines]


def test_counts_what_became_of_a_reservation() -> None:
    refused = HELD.refuse(LINE, Refusal.PRICE_CHANGED)
    released = HELD.release("order-1:3:ReleaseStock", now())
    assert figures.of_reservation(None, HELD) == [Figure("ReservationsMade", 1)]
    by = ("reason", "PRICE_CHANGED")
    assert figures.of_reservation(None, refused) == [Figure("ReservationsRefused", 1, by=by)]
    assert figures.of_reservation(HELD, released) == [Figure("StockReleases", 1)]


def test_counts_nothing_where_nothing_was_held_or_changed() -> None:
    assert figures.of_reservation(None, tombstone("order-1", "cause", now())) == []
    assert figures.of_reservation(HELD, HELD) == []


@given(before=st.integers(0, 20), after=st.integers(0, 20))
def test_a_toy_is_out_of_stock_once_when_the_last_one_goes(before: int, after: int) -> None:
    counted = figures.of_toy(toy(before), toy(after))
    assert len(counted) == (before > 0 and after == 0)


def test_a_toy_that_is_new_or_deleted_is_not_out_of_stock() -> None:
    assert figures.of_toy(None, toy(0)) == []
    assert figures.of_toy(toy(1), toy(0).delete(now())) == []


def test_figures_of_the_same_dimensions_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit(
        [
            Figure("ReservationsMade", 1),
            Figure("ReservationsRefused", 1, by=("reason", "OUT_OF_STOCK")),
            Figure("StockReleases", 1),
            Figure("ReservationsMade", 1),
        ]
    )
    plain, by_reason = told(capsys)
    assert (plain["ReservationsMade"], plain["StockReleases"]) == ([1, 1], [1])
    assert by_reason["ReservationsRefused"] == [1]
    (of_plain,) = plain["_aws"]["CloudWatchMetrics"]
    (of_reason,) = by_reason["_aws"]["CloudWatchMetrics"]
    assert of_plain["Namespace"] == of_reason["Namespace"] == "TheBetterStore"
    assert {*of_plain["Dimensions"][0]} == {"service", "stack"}
    assert {*of_reason["Dimensions"][0]} == {"service", "stack", "reason"}
    assert (plain["service"], plain["stack"]) == ("toys", "tbs-app-toys-test")


def test_nothing_to_tell_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit([])
    assert capsys.readouterr().out == ""


def test_counts_only_what_the_bus_took(
    sample: Any, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    event = sample("outbox-StockReserved")
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as stub:
        stub.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(bus.NotPublished):
            outbox.handler(event, context)
        assert told(capsys) == []
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
    (line,) = told(capsys)
    assert line["ReservationsMade"] == [1]
