"""What the inbox and the outbox say of themselves: figures, lines of the log, annotations."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml
from hypothesis import given
from hypothesis import strategies as st
from reports import inbox, outbox, tracing
from reports.lag import Figure, of_written
from reports.messages import Metadata, OrderEvent, OrderRepublished, OrderUpdated, parse
from reports.report import KeptReport

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
ALARM = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))["Resources"][
    "ReportsLagAlarm"
]["Properties"]

Sample = Callable[[str], dict[str, Any]]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def placed(sample: Sample) -> dict[str, Any]:
    """A message of an order that was placed just now, in a trace."""
    record: dict[str, Any] = sample("inbox-OrderPlaced")["Records"][0]
    body = json.loads(record["body"])
    body["detail"]["metadata"] |= {"occurredAt": f"{datetime.now(UTC):%FT%T.000Z}", "trace": HEADER}
    return record | {"messageId": "placed", "body": json.dumps(body)}


def of(record: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """The message of another order, with other metadata."""
    body = json.loads(record["body"])
    body["detail"]["metadata"] |= metadata
    body["detail"]["data"]["orderId"] = metadata["id"].partition(":")[0]
    return record | {"messageId": metadata["id"], "body": json.dumps(body)}


def late(kind: type[OrderEvent], seconds: float) -> OrderEvent:
    """An event of so many seconds ago."""
    metadata: dict[str, Any] = {"occurred_at": NOW - timedelta(seconds=seconds)}
    parts: dict[str, Any] = {"metadata": Metadata.model_construct(**metadata)}
    return kind.model_construct(**parts)


# Figures


@given(st.lists(st.floats(-5, 1e6)), st.integers(0, 3))
def test_the_lag_is_that_of_the_latest(ages: list[float], again: int) -> None:
    """What is told again only is as old as it is: nobody was late with it."""
    told = [late(OrderUpdated, age) for age in ages]
    told += [late(OrderRepublished, 1e7)] * again
    figures = {figure.name: figure for figure in of_written(told, NOW)}
    assert figures.keys() == (
        ({"OrdersWritten"} if told else set()) | ({"ReportsLag"} if ages else set())
    )
    if told:
        assert figures["OrdersWritten"] == Figure("OrdersWritten", len(told))
    if ages:
        assert figures["ReportsLag"].value == pytest.approx(max(0, *ages), abs=1e-5)
        assert figures["ReportsLag"].unit == "Seconds"


def test_a_batch_is_counted_in_one_line_and_what_it_did_not_change_is_not(
    server: Any, placed: dict[str, Any], context: Any, metrics: Lines
) -> None:
    two = {"Records": [placed, of(placed, id="order-2:1:OrderPlaced")]}
    inbox.handler(two, context)
    (line,) = metrics()
    assert (line["OrdersWritten"], len(line["ReportsLag"])) == ([2], 1)
    assert (line["service"], line["stack"]) == ("reports", "tbs-app-reports-test")
    (group,) = line["_aws"]["CloudWatchMetrics"]
    assert group["Namespace"] == "TheBetterStore"
    assert [sorted(names) for names in group["Dimensions"]] == [["service", "stack"]]
    inbox.handler(two, context)
    assert metrics() == []


@pytest.mark.parametrize(("seconds", "off"), [(60, False), (1700, False), (1900, True)])
def test_what_is_written_half_an_hour_late_sets_off_the_alarm(
    server: Any, placed: dict[str, Any], context: Any, metrics: Lines, seconds: int, off: bool
) -> None:
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    old = of(placed, id="order-2:1:OrderPlaced", occurredAt=f"{then:%FT%T.000Z}")
    inbox.handler({"Records": [placed, old]}, context)
    (line,) = metrics()
    names = {one["Name"]: one["Value"] for one in ALARM["Dimensions"]}
    assert names == {"service": line["service"], "stack": {"Ref": "AWS::StackName"}}
    assert (line[ALARM["MetricName"]][0] > ALARM["Threshold"]) == off


def test_poison_is_counted(
    server: Any, placed: dict[str, Any], context: Any, metrics: Lines
) -> None:
    inbox.handler({"Records": [placed | {"body": "poison"}]}, context)
    (line,) = metrics()
    assert line["PoisonMessages"] == [1]
    assert (line["service"], line["stack"]) == ("reports", "tbs-app-reports-test")


# Logs


def about(line: dict[str, Any]) -> tuple[Any, ...]:
    """What a line says of the message it is about."""
    return tuple(line.get(name) for name in ("correlation_id", "message_name", "message_id"))


def test_each_line_of_the_inbox_is_about_its_own_message(
    server: Any, placed: dict[str, Any], context: Any, logged: Lines
) -> None:
    inbox.handler({"Records": [placed]}, context)
    logged()
    shapeless = placed | {"messageId": "shapeless", "body": "poison"}
    refused = of(placed, id="order-2:1:OrderPlaced", correlationId="order-2")
    refused["body"] = refused["body"].replace('"customerId": "', '"customerId": "\\u0000')
    good = of(placed, id="order-3:1:OrderPlaced", correlationId="order-3")
    inbox.handler({"Records": [shapeless, refused, good]}, context)
    assert [(line["message"], about(line)) for line in logged()] == [
        ("refused", (None, None, None)),
        ("refused", ("order-2", "OrderPlaced", "order-2:1:OrderPlaced")),
        ("order kept", ("order-3", "OrderPlaced", "order-3:1:OrderPlaced")),
    ]


# Traces


@pytest.mark.parametrize(
    ("told", "root"), [(None, None), (HEADER, ROOT), (f"Self=1-2;Root={ROOT}", ROOT), ("x", None)]
)
def test_the_root_of_a_header(told: str | None, root: str | None) -> None:
    assert tracing.root(told) == root


def test_the_inbox_says_of_each_message_which_it_is_and_what_led_to_it(
    server: Any, placed: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(inbox.tracer, "put_annotation", lambda *given: seen.append(given))
    untraced = of(placed, id="order-2:1:OrderPlaced", trace=None)
    inbox.handler({"Records": [placed, untraced]}, context)
    event = parse(placed["body"])
    assert seen == [
        ("order_id", event.data.order_id),
        ("message", "OrderPlaced"),
        ("message_id", event.metadata.id),
        ("caused_by", ROOT),
        ("order_id", "order-2"),
        ("message", "OrderPlaced"),
        ("message_id", "order-2:1:OrderPlaced"),
    ]


def test_the_outbox_says_what_it_tells_and_the_report_is_of_no_trace(
    context: Any, logged: Lines, monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    totals = {"currency": "EUR"} | dict.fromkeys(
        ("orders", "units", "net", "tax", "gross", "refunded"), 0
    )
    report = {
        "reportedAt": "2026-11-21T23:55:00Z",
        "day": "2026-11-21",
        "timeZone": "UTC",
        "months": [{"month": "2026-11", **totals}] * 12,
        "today": totals,
        "topToys": [],
        "failures": [],
    }
    kept = KeptReport.model_validate({"number": 7, "report": report})
    monkeypatch.setattr(outbox, "stored", lambda: kept)
    monkeypatch.setattr(outbox.events, "put_events", lambda **_: {"FailedEntryCount": 0})
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(outbox.tracer, "put_annotation", lambda *given: seen.append(given))
    told: Any = outbox.handler({}, context)
    assert told["metadata"]["trace"] is None
    assert seen == [("message", "SalesReported"), ("message_id", "sales:7:SalesReported")]
    (line,) = logged()
    assert (line["message"], about(line)) == (
        "sending",
        ("sales", "SalesReported", "sales:7:SalesReported"),
    )
