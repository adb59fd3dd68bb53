"""The trace that goes along with what is written, and what the logs and traces say."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.stub import ANY, Stubber
from public_api import desk, inbox, outbox
from public_api.messages import parse
from public_api.order import Order
from public_api.table import PublicTable
from public_api.tracing import LONGEST, header, root

Sample = Callable[[str], dict[str, Any]]
Call = Callable[..., tuple[int, Any, dict[str, Any]]]

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
LATER = "Root=1-5759e989-cd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
ORDER = {
    "lines": [{"toyId": "kite", "quantity": 1}],
    "shippingAddress": {
        "name": "Ada",
        "line1": "12 Private Road",
        "city": "Cork",
        "postalCode": "T12",
        "country": "IE",
    },
    "paymentMethodId": "pm_card_visa",
}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The lines that were logged."""
    written = StringIO()
    for logger in (desk.logger, inbox.logger, outbox.logger):
        monkeypatch.setattr(logger.registered_handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.fixture
def annotations(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Where the doors annotate their traces."""
    put = Mock()
    for door in (desk, inbox, outbox):
        monkeypatch.setattr(door.tracer, "put_annotation", put)
    return put


@pytest.fixture
def on_sale(sample: Sample, context: Any) -> str:
    """A toy that can be ordered."""
    event = sample("inbox-ToyCreated")
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    data: Any = parse(event["Records"][0]["body"]).data
    return str(data.toy_id)


def place(call: Call, toy_id: str) -> str:
    """An order that was submitted; its id."""
    body = ORDER | {"lines": [{"toyId": toy_id, "quantity": 1}]}
    status, order, _ = call("POST", "/orders", body)
    assert status == 202
    return str(order["orderId"])


def changed(old: list[Any], event: dict[str, Any]) -> dict[str, Any]:
    """The invocation of the outbox for the one order in the table, which was `old` before."""
    new = orders()
    (record,) = event["Records"]
    images = {"NewImage": new[0], **({"OldImage": old[0]} if old else {})}
    record["eventName"] = "MODIFY" if old else "INSERT"
    record["dynamodb"] = {"Keys": {"pk": new[0]["pk"], "sk": new[0]["sk"]}, **images}
    return event


def orders() -> list[Any]:
    items = boto3.client("dynamodb").scan(TableName="Table")["Items"]
    return [item for item in items if item["sk"]["S"].startswith("ORDER#")]


def published(event: dict[str, Any], context: Any) -> list[Any]:
    """What an invocation of the outbox puts on the bus."""
    sent: list[Any] = []
    hook = "provide-client-params.events.PutEvents"
    outbox.events.meta.events.register(
        hook, keep := lambda params, **_: sent.extend(params["Entries"])
    )
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
    outbox.events.meta.events.unregister(hook, keep)
    return sent


def trace(entry: dict[str, Any]) -> Any:
    return json.loads(entry["Detail"])["metadata"]["trace"]


def test_the_trace_of_a_request_goes_along_with_its_order(
    call: Call, on_sale: str, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    order_id = place(call, on_sale)
    event = changed([], sample("outbox-PlaceOrder"))
    monkeypatch.setenv("_X_AMZN_TRACE_ID", LATER)  # the outbox's own is none of it
    (entry,) = published(event, context)
    assert entry["TraceHeader"] == trace(entry) == HEADER
    before = orders()
    assert call("POST", f"/orders/{order_id}/cancellation")[0] == 202
    (entry,) = published(changed(before, sample("outbox-CancelOrder")), context)
    assert entry["TraceHeader"] == trace(entry) == LATER


def test_without_a_trace_there_is_none_to_go_along(
    call: Call, on_sale: str, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    order_id = place(call, on_sale)
    before = orders()
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    assert call("POST", f"/orders/{order_id}/cancellation")[0] == 202
    (entry,) = published(changed(before, sample("outbox-CancelOrder")), context)
    assert "TraceHeader" not in entry
    assert trace(entry) is None


def test_a_header_is_taken_as_lambda_says_it_unless_it_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    assert header() == HEADER
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "x" * (LONGEST + 1))
    assert header() is None
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    assert header() is None


@pytest.mark.parametrize(
    ("told", "found"),
    [(HEADER, ROOT), (f"Sampled=1; Root={ROOT}", ROOT), ("Root=made up", None), (None, None)],
)
def test_the_root_of_a_header_is_the_trace(told: str | None, found: str | None) -> None:
    assert root(told) == found


def test_a_message_is_marked_in_log_and_trace(
    sample: Sample, context: Any, log: Callable[[], Any], annotations: Mock
) -> None:
    event = sample("inbox-OrderPlaced")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["metadata"]["trace"] = HEADER
    event["Records"][0]["body"] = json.dumps(body)
    inbox.handler(event, context)
    metadata = body["detail"]["metadata"]
    marks = {call.args for call in annotations.call_args_list}
    assert marks >= {
        ("message", "OrderPlaced"),
        ("message_id", metadata["id"]),
        ("caused_by", ROOT),
        ("order_id", body["detail"]["data"]["orderId"]),
    }
    (line,) = log()
    assert line["correlation_id"] == metadata["correlationId"]
    assert (line["message_id"], line["message_name"]) == (metadata["id"], "OrderPlaced")


def test_a_refused_message_has_nothing_of_the_one_before(
    sample: Sample, context: Any, log: Callable[[], Any]
) -> None:
    good = sample("inbox-OrderPlaced")["Records"][0]
    inbox.handler({"Records": [good, good | {"body": "not json"}]}, context)
    refused = next(line for line in log() if line["message"] == "refused")
    assert not {"correlation_id", "message_id", "message_name"} & {
        name for name, value in refused.items() if value is not None
    }


def test_what_is_sent_is_logged_and_annotated(
    sample: Sample, context: Any, log: Callable[[], Any], annotations: Mock
) -> None:
    (entry,) = published(sample("outbox-PlaceOrder"), context)
    metadata = json.loads(entry["Detail"])["metadata"]
    (line,) = [line for line in log() if line.get("message") == "sending"]
    assert (line["message_id"], line["message_name"]) == (metadata["id"], "PlaceOrder")
    assert line["correlation_id"] == metadata["correlationId"]
    marks = [call.args for call in annotations.call_args_list]
    assert marks == [("order_id", metadata["correlationId"]), ("message", "PlaceOrder")]


def test_a_request_leads_to_its_order_in_the_log(
    call: Call, on_sale: str, log: Callable[[], Any], annotations: Mock
) -> None:
    order_id = place(call, on_sale)
    call("POST", f"/orders/{order_id}/cancellation")
    call("GET", "/orders/none-of-mine")
    lines = [line for line in log() if "request_id" in line]
    assert [line["message"] for line in lines] == ["order submitted", "cancellation requested"]
    assert {line["correlation_id"] for line in lines} == {order_id}
    assert {line["request_id"] for line in lines} == {"request-1"}
    assert {call.args for call in annotations.call_args_list} >= {("order_id", order_id)}
    assert ("order_id", "none-of-mine") not in {c.args for c in annotations.call_args_list}


def test_a_trace_is_no_part_of_an_order(
    call: Call, on_sale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    order_id = place(call, on_sale)
    order = PublicTable("Table").order("shopper-ada", order_id)
    assert isinstance(order, Order)
    assert HEADER not in order.model_dump_json()
    assert HEADER not in json.dumps(call("GET", f"/orders/{order_id}")[1])
