"""What the outbox counts, and how it gets into the log."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from botocore.stub import ANY, Stubber
from public_api import outbox
from public_api.figures import Figure, of_change
from public_api.metrics import emit
from public_api.model import now
from public_api.order import Cancellation, Order
from public_api.table import images

Sample = Callable[[str], dict[str, Any]]
Capture = pytest.CaptureFixture[str]

SUBMITTED, CANCELLATION = Figure("OrdersSubmitted", 1), Figure("CancellationsSubmitted", 1)
NONE = {"FailedEntryCount": 0, "Entries": []}


@pytest.fixture
def order(sample: Sample) -> Order:
    """The order in the sample, as it was submitted."""
    event = DynamoDBStreamEvent(sample("outbox-PlaceOrder"))
    (change,) = filter(None, (outbox.seen(record) for record in event.records))
    assert isinstance(change.new, Order)
    return change.new


@pytest.fixture
def bus() -> Iterator[Stubber]:
    with Stubber(outbox.events) as bus:
        yield bus


def lines(capture: Capture) -> list[dict[str, Any]]:
    """The lines of the log that tell figures."""
    written = capture.readouterr().out.splitlines()
    return [json.loads(line) for line in written if '"_aws"' in line]


def told(line: dict[str, Any]) -> tuple[set[str], dict[str, Any]]:
    """The dimensions and the values of a line."""
    (group,) = line["_aws"]["CloudWatchMetrics"]
    assert group["Namespace"] == "TheBetterStore"
    (names,) = group["Dimensions"]
    return set(names), {metric["Name"]: line[metric["Name"]] for metric in group["Metrics"]}


def test_an_order_is_counted_when_it_is_submitted_and_never_again(order: Order) -> None:
    wish = order.model_copy(update={"cancellation": Cancellation(requested_at=now())})
    assert of_change(None, order) == [SUBMITTED]
    assert of_change(order, wish) == [CANCELLATION]
    assert of_change(wish, wish) == of_change(order, order) == []
    assert of_change(None, wish.model_copy(update={"submission": None})) == [CANCELLATION]


def test_a_batch_is_one_line_of_figures(
    sample: Sample, context: Any, bus: Stubber, capsys: Capture
) -> None:
    orders, wishes = sample("outbox-PlaceOrder"), sample("outbox-CancelOrder")
    records = orders["Records"] * 2 + wishes["Records"]
    bus.add_response("put_events", NONE, {"Entries": ANY})
    outbox.handler({"Records": records}, context)
    (line,) = lines(capsys)
    names, values = told(line)
    assert names == {"service", "stack"}
    assert (line["service"], line["stack"]) == ("public-api", "tbs-app-public-api-test")
    assert values == {"OrdersSubmitted": [1, 1], "CancellationsSubmitted": [1]}


def test_what_the_bus_did_not_take_is_not_counted(
    sample: Sample, context: Any, bus: Stubber, capsys: Capture
) -> None:
    bus.add_response("put_events", NONE | {"FailedEntryCount": 1}, {"Entries": ANY})
    with pytest.raises(outbox.NotPublished):
        outbox.handler(sample("outbox-PlaceOrder"), context)
    assert lines(capsys) == []


def test_an_invocation_with_nothing_to_count_writes_no_figures(
    sample: Sample, context: Any, bus: Stubber, capsys: Capture
) -> None:
    bus.add_response("put_events", NONE, {"Entries": ANY})
    outbox.handler(sample("outbox-RepublishToys"), context)
    assert lines(capsys) == []


def test_figures_of_other_dimensions_have_a_line_of_their_own(capsys: Capture) -> None:
    emit([Figure("A", 1), Figure("B", 2, "Seconds", ("reason", "X")), Figure("A", 3)])
    first, second = lines(capsys)
    assert told(first) == ({"service", "stack"}, {"A": [1, 3]})
    assert told(second) == ({"service", "stack", "reason"}, {"B": [2]})


def test_a_removal_is_no_change(order: Order) -> None:
    assert images({"sk": "ORDER#1"}, None) is None
