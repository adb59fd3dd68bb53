"""Dashboards drawn from what was logged."""

import json

import pytest

from local.boards.draw import Window, full, page
from local.boards.series import Metrics, bars, reckoned, told

LINE = json.dumps(
    {
        "_aws": {
            "Timestamp": 1_800_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "TheBetterStore",
                    "Dimensions": [["service", "stack"]],
                    "Metrics": [{"Name": "OrdersPlaced", "Unit": "Count"}],
                }
            ],
        },
        "service": "orders",
        "stack": "tbs-app-orders-local",
        "OrdersPlaced": [1.0, 2.0],
    }
)
ORDERS = {"service": "orders", "stack": "tbs-app-orders-local"}
AT = Window(1_799_999_990, 1_800_000_050, 10)


def test_a_line_in_the_embedded_metric_format_is_points() -> None:
    assert [point for *_, point in told(LINE)] == [(1.8e9, 1.0), (1.8e9, 2.0)]
    metrics = Metrics()
    metrics.read(LINE)
    assert metrics.of("TheBetterStore", "OrdersPlaced", ORDERS) == [(1.8e9, 1.0), (1.8e9, 2.0)]
    assert metrics.of("TheBetterStore", "OrdersPlaced", {"service": "orders"}) == []


@pytest.mark.parametrize("line", ["", "START", '{"_aws": 1}', '{"_aws": {"Timestamp": "x"}}'])
def test_other_lines_are_none(line: str) -> None:
    assert list(told(line)) == []


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        *(("Sum", 10), ("Average", 2.5), ("Maximum", 4), ("Minimum", 1), ("SampleCount", 4)),
        *(("p50", 2.5), ("p99", 3.97)),
    ],
)
def test_statistics(statistic: str, value: float) -> None:
    assert reckoned([4, 1, 3, 2], statistic) == pytest.approx(value)


def test_an_unknown_statistic_is_said() -> None:
    with pytest.raises(ValueError, match="no statistic Mode"):
        reckoned([1], "Mode")


def test_there_is_a_bar_for_each_period_with_points() -> None:
    points = [(0.0, 1.0), (9.0, 2.0), (25.0, 4.0), (99.0, 8.0)]
    assert bars(points, "Sum", 10, 0, 50) == [(0.0, 3.0), (20.0, 4.0)]


def test_shorthands_are_what_the_row_before_says() -> None:
    row = full(["AWS/Lambda", "Errors", "FunctionName", "a"], [])
    assert full(["...", "b"], row) == ["AWS/Lambda", "Errors", "FunctionName", "b"]
    assert full([".", "Duration", ".", "."], row) == ["AWS/Lambda", "Duration", "FunctionName", "a"]


def _drawn(metric: list[object]) -> str:
    metrics = Metrics()
    metrics.read(LINE)
    widgets = [
        {
            "type": "metric",
            "x": 0,
            "y": 0,
            "width": 6,
            "height": 5,
            "properties": {"title": "Orders <all>", "stat": "Sum", "metrics": [metric]},
        },
        {
            "type": "alarm",
            "x": 6,
            "y": 0,
            "width": 6,
            "height": 5,
            "properties": {"alarms": ["arn:aws:cloudwatch:x:1:alarm:tbs-MoneyAlarm-1"]},
        },
    ]
    return page("orders", {"widgets": widgets}, metrics, {"tbs-MoneyAlarm-1": "ALARM"}, AT)


def test_a_page_has_what_was_counted_and_the_alarms() -> None:
    row = ["service", "orders", "stack", "tbs-app-orders-local", {"label": "placed"}]
    drawn = _drawn(["TheBetterStore", "OrdersPlaced", *row])
    assert "Orders &lt;all&gt;" in drawn
    assert drawn.count("<path") == 1
    assert 'class="ALARM"><b>MoneyAlarm</b>' in drawn


def test_a_search_finds_by_words_of_the_dimensions() -> None:
    search = (
        "SEARCH('Namespace=\"TheBetterStore\" MetricName=\"OrdersPlaced\" stack={}', 'Sum', 300)"
    )
    assert "<path" in _drawn([{"expression": search.replace("{}", "local"), "label": "placed"}])
    assert "Nothing of it" in _drawn([{"expression": search.replace("{}", "prod"), "label": "x"}])
