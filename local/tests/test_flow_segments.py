import json
from typing import Any

import pytest

from local.flow.segments import Traces, parse, runs

TRACE = "1-5759e988-bd862e3fe1be46a994272793"


def document(key: str, name: str, parent: str, begun: float, ended: float, **more: Any) -> Any:
    """A subsegment as a function sends it, by itself."""
    return {
        "id": key,
        "name": name,
        "parent_id": parent,
        "trace_id": TRACE,
        "type": "subsegment",
        "start_time": begun,
        "end_time": ended,
        **more,
    }


HANDLER = document(
    "h1", "## handler", "p1", 100.0, 100.5, annotations={"ColdStart": True, "Service": "orders"}
)
RECEIPT = document(
    "r1",
    "## orders.inbox.receive",
    "h1",
    100.1,
    100.3,
    annotations={
        "order_id": "o1",
        "message": "PlaceOrder",
        "message_id": "o1:1:PlaceOrder",
        "caused_by": "1-a-b",
    },
)
POISON = document(
    "r2",
    "## orders.inbox.receive",
    "h1",
    100.3,
    100.4,
    fault=True,
    cause={"exceptions": [{"type": "Poison", "message": "no"}]},
)
CALL = document(
    "c1",
    "dynamodb",
    "r1",
    100.15,
    100.2,
    namespace="aws",
    aws={"operation": "PutItem", "table_name": "Orders"},
)
OTHER = document("c2", "sqs", "h1", 100.45, 100.47, namespace="aws", aws={"operation": "Delete"})


def test_a_datagram_is_a_header_and_a_document() -> None:
    line = b'{"format":"json","version":1}\n'
    assert parse(line + json.dumps(HANDLER).encode()) == HANDLER
    for other in (b"", b"x", line, line + b"x", line + b"[]", line + b'{"id":"a"}', b"{}\n{}"):
        assert parse(other) is None


def test_a_run_is_whole_when_its_handler_has_come() -> None:
    traces = Traces()
    for part in (CALL, RECEIPT, POISON, OTHER):
        assert traces.add(part) == []
    (run,) = traces.add(HANDLER)
    assert (run.service, run.door, run.cold, run.failed) == ("orders", "inbox", True, None)
    assert (run.begun, run.ended) == (100_000.0, 100_500.0)
    assert run.caused_by == ("1-a-b",)
    first, second = run.receipts
    assert (first.message_id, first.name) == ("o1:1:PlaceOrder", "PlaceOrder")
    assert (first.begun, first.ended, first.failed) == (100_100.0, 100_300.0, None)
    assert (second.message_id, second.failed) == (None, "Poison")
    assert [(call.operation, call.on, call.receipt) for call in run.calls] == [
        ("PutItem", "Orders", "r1"),
        ("Delete", "", None),
    ]
    assert {one["id"] for one in run.documents} == {"h1", "r1", "r2", "c1", "c2"}
    assert traces.add(HANDLER) != []  # the next one of the trace begins anew


def test_a_child_that_is_inside_its_parent() -> None:
    inside = {key: value for key, value in CALL.items() if key not in {"trace_id", "parent_id"}}
    (run,) = runs([{**HANDLER, "subsegments": [{**RECEIPT, "subsegments": [inside]}]}])
    assert [call.receipt for call in run.calls] == ["r1"]
    assert run.receipts[0].message_id == "o1:1:PlaceOrder"


def test_lambdas_own_segment_names_the_function() -> None:
    """As X-Ray's API gives it: two functions in one trace, the second led to by the first."""
    segments = [
        document("f1", "tbs-app-orders-prod-Inbox", "x", 99, 101, origin="AWS::Lambda::Function"),
        {**HANDLER, "parent_id": "f1"},
        document("f2", "tbs-app-toys-prod-Inbox", "c1", 101, 103, origin="AWS::Lambda::Function"),
        {**HANDLER, "id": "h2", "parent_id": "f2", "start_time": 102.0}
        | {"annotations": {"ColdStart": False, "Service": "toys"}},
        RECEIPT,
        CALL,
    ]
    first, second = runs(segments)
    assert (first.service, first.function) == ("orders", "tbs-app-orders-prod-Inbox")
    assert (second.service, second.function, second.cold) == (
        "toys",
        "tbs-app-toys-prod-Inbox",
        False,
    )
    assert [call.on for call in first.calls] == ["Orders"]
    assert second.calls == ()


def test_an_outbox_receives_nothing() -> None:
    told = {**RECEIPT, "name": "## orders.outbox.tell"}
    (run,) = runs([HANDLER, told])
    assert (run.door, run.receipts) == ("outbox", ())


def named(key: str, method: str, begun: float, ended: float, **more: Any) -> Any:
    return document(key, f"## reports.inbox.{method}", "h1", begun, ended, **more)


REFUSED = {"fault": True, "cause": {"exceptions": [{"type": "ValueError", "message": "no"}]}}
DOWN = {"fault": True, "cause": {"exceptions": [{"type": "OperationalError", "message": "down"}]}}


def test_what_is_done_with_a_batch_fails_for_each_of_its_messages() -> None:
    """As reports does it: it reads message by message, and keeps all of them together."""
    first = named("r1", "read", 100.0, 100.1, annotations={"message_id": "m1"})
    other = named("r2", "read", 100.1, 100.2, **REFUSED)
    last = named("r3", "read", 100.2, 100.3, annotations={"message_id": "m3"})
    late = named("r4", "read", 100.2, 100.3, annotations={"message_id": "m4"}, **REFUSED)
    (run,) = runs([HANDLER, first, other, last, late, named("k1", "keep", 100.3, 100.4, **DOWN)])
    told = [(one.message_id, one.begun, one.ended, one.failed) for one in run.receipts]
    assert told == [
        ("m1", 100_000.0, 100_400.0, "OperationalError"),
        ("m3", 100_200.0, 100_400.0, "OperationalError"),
        ("m4", 100_200.0, 100_300.0, "ValueError"),
    ]
    (run,) = runs([HANDLER, first, other, last, named("k1", "keep", 100.3, 100.4)])
    assert [(one.ended, one.failed) for one in run.receipts] == [
        (100_100.0, None),
        (100_300.0, None),
    ]


def test_what_fails_within_a_receipt_is_its_own() -> None:
    inner = {**document("i1", "## orders.inbox.save", "r1", 100.15, 100.2), **DOWN}
    (run,) = runs([HANDLER, RECEIPT, inner])
    assert run.receipts[0].failed is None


@pytest.mark.parametrize("flag", ["fault", "error", "throttle"])
def test_a_failure_without_an_exception(flag: str) -> None:
    (run,) = runs([{**HANDLER, flag: True}])
    assert run.failed == "error"


def test_what_never_becomes_whole_is_let_go_of() -> None:
    traces = Traces(most=2)
    for number in range(4):
        traces.add({**CALL, "trace_id": f"t{number}"})
    assert traces.add({**HANDLER, "trace_id": "t0"})[0].calls == ()
    assert len(traces.add({**HANDLER, "id": "r1", "trace_id": "t3"})[0].calls) == 1
