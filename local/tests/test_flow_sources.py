"""The two sources: an environment on AWS, as moto plays it, and segments by UDP on this machine."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from local import letters
from local.account import Account
from local.errors import LocalError
from local.flow.collector import Collector, Pace
from local.flow.journal import Journal
from local.flow.lines import Figure, Line
from local.flow.readers import Rule, _Template
from local.flow.service import FLOW
from local.flow.sources import Cloud
from local.flow.tracing import Segments, UdpSegments, XRaySegments
from local.letters import DeadLetters
from local.processes import free_port
from local.services import Service
from local.settings import HOST, Settings
from local.tests.test_flow_segments import CALL, HANDLER, RECEIPT, TRACE, document

AT = 1_795_255_200_500
EVENT = {
    "id": "e1",
    "source": "tbs.orders",
    "detail-type": "ReserveStock",
    "detail": {
        "metadata": {"id": "o1:1:ReserveStock", "correlationId": "o1"},
        "data": {"orderId": "o1"},
    },
}


class NoSegments:
    def runs(self, since: float, now: float) -> list[Any]:
        return []


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TABLE_NAME": "Flow",
        "KEEP_DAYS": "3",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(letters, "_PATIENCE", 0)
    with mock_aws():
        yield


@pytest.fixture
def toys(tmp_path: Path) -> Service:
    folder = tmp_path / "toys-service"
    folder.mkdir()
    (folder / "samconfig.toml").write_text('[prod.deploy.parameters]\nstack_name = "toys-prod"\n')
    return Service(folder)


def source(settings: Settings, *services: Service, segments: Segments | None = None) -> Cloud:
    account = Account(settings, "prod")
    rules = [Rule("toys", {"detail-type": ["ReserveStock"]})]
    return Cloud(settings, account, services, rules, segments or NoSegments())


def deploy_flow() -> None:
    """The table of the flow stack, as its template has it."""
    template = yaml.load(FLOW.template.read_text(), Loader=_Template)
    table = template["Resources"]["Table"]
    table["Properties"]["TableName"] = "Flow"
    boto3.client("cloudformation").create_stack(
        StackName="tbs-app-flow-prod",
        TemplateBody=json.dumps(
            {"Resources": {"Table": table}, "Outputs": {"TableName": {"Value": {"Ref": "Table"}}}}
        ),
    )


def record(key: str, at: int, event: Any) -> dict[str, Any]:
    """A message of the flow stack's queue, as Lambda gives it."""
    return {
        "messageId": key,
        "body": json.dumps(event),
        "attributes": {"SentTimestamp": str(at)},
    }


@pytest.mark.usefixtures("aws")
def test_what_is_kept_is_read_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_flow()
    from local.flow.stack.src.flow import keep

    clock = [AT]
    monkeypatch.setattr(time, "time_ns", lambda: clock[0] * 1_000_000)
    first = record("q1", AT - 400, EVENT)
    assert keep.handler({"Records": [first, first]}, None) == {"batchItemFailures": []}
    clock[0] += 1
    assert keep.handler({"Records": [first]}, None) == {"batchItemFailures": []}
    cloud = source(settings)
    (found,) = cloud.messages(AT - 1000, AT + 1000)
    assert (found.id, found.order, found.readers) == ("e1", "o1", ("toys",))
    assert found.at == AT - 400
    assert cloud.messages(AT - 1000, AT + 1000) == []
    # One that is kept late: it was sent long before the last look, in another hour.
    clock[0] += 3_600_000
    keep.handler({"Records": [record("q2", AT, EVENT | {"id": "e2"})]}, None)
    assert [one.id for one in cloud.messages(AT + 1000, clock[0])] == ["e2"]
    kept = boto3.client("dynamodb").scan(TableName="Flow")["Items"]
    assert min(int(item["expiresAt"]["N"]) for item in kept) == AT // 1000 + 3 * 86_400


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("ahead", [-60_000, 0, 60_000])
def test_a_clock_that_is_not_the_tables_loses_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    deploy_flow()
    from local.flow.stack.src.flow import keep

    clock = [AT]
    monkeypatch.setattr(time, "time_ns", lambda: clock[0] * 1_000_000)
    journal = Journal()
    pace = Pace(messages=0, runs=0, lines=0, letters=0)
    collector = Collector(source(settings), journal, pace, lambda: (clock[0] + ahead) / 1000)

    def seen(key: str, at: int) -> list[str]:
        """What is told after a look, once a message was kept under that time."""
        was, clock[0] = clock[0], at
        keep.handler({"Records": [record(key, at, EVENT | {"id": key})]}, None)
        clock[0] = was + 1_000
        collector.look_at_bus()
        return [one["id"] for one in journal.all() if one["k"] == "message"]

    collector.look_at_bus()
    assert seen("e1", AT + 10) == ["e1"]
    assert seen("e2", AT + 1_500) == ["e1", "e2"]
    assert seen("e3", AT - 9_000) == ["e1", "e2", "e3"]  # a write that took long
    clock[0] += 300_000
    collector.look_at_bus()
    assert seen("e4", AT + 301_000) == ["e1", "e2", "e3", "e4"]


@pytest.mark.usefixtures("aws")
def test_what_the_table_does_not_take_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_flow()
    from local.flow.stack.src.flow import keep

    class Full:
        def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803
            return {"UnprocessedItems": {"Flow": RequestItems["Flow"][1:]}}

    monkeypatch.setattr(keep, "dynamodb", Full())
    records = [record("q1", AT, EVENT), record("q2", AT + 1, EVENT)]
    answer = keep.handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "q2"}]}


@pytest.mark.usefixtures("aws")
def test_an_environment_without_the_flow_stack(settings: Settings) -> None:
    with pytest.raises(LocalError, match="tbs-app-flow-prod"):
        source(settings).messages(AT, AT)


@pytest.mark.usefixtures("aws")
def test_log_lines_and_the_figures_in_them(settings: Settings, toys: Service) -> None:
    logs = boto3.client("logs")
    group = "/tbs/toys-prod/inbox"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    told = {
        "level": "INFO",
        "message": "stock reserved",
        "timestamp": "2026-11-20 10:15:00,123+0000",
        "correlation_id": "o1",
        "message_id": "o1:1:ReserveStock",
        "xray_trace_id": TRACE,
        "toys": 2,
    }
    embedded = {
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": [
                {"Dimensions": [["service"]], "Metrics": [{"Name": "ReservationsMade"}]}
            ],
        },
        "service": "toys",
        "ReservationsMade": [1.0, 2.0],
    }
    lines = [
        "START RequestId: 1 Version: 2",
        json.dumps({"type": "platform.report", "time": "x"}),
        json.dumps(told),
        json.dumps(embedded),
        "plain",
        "",
    ]
    events = [{"timestamp": now, "message": line or " "} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    cloud = source(settings, toys)
    found = cloud.lines(now - 1000, now + 1000)
    plain = next(one for one in found if isinstance(one, Line) and one.text == "plain")
    line = next(one for one in found if isinstance(one, Line) and one.text == "stock reserved")
    assert (line.service, line.door, line.about) == ("toys", "inbox", "o1")
    assert (line.message_id, line.trace) == ("o1:1:ReserveStock", TRACE)
    assert line.fields == {"toys": 2}
    assert line.at == 1_795_169_700_123
    assert plain.level == ""
    figures = [one for one in found if isinstance(one, Figure)]
    assert [(one.name, one.value, one.dimensions) for one in figures] == [
        ("ReservationsMade", 1.0, {"service": "toys"}),
        ("ReservationsMade", 2.0, {"service": "toys"}),
    ]
    assert len(found) == 4
    assert cloud.lines(now - 1000, now + 1000) == []


@pytest.mark.usefixtures("aws")
def test_dead_letters_are_looked_at_when_their_number_changes(
    settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    cloud = source(settings, toys)
    assert cloud.letters() is None  # no stack yet
    inbox: dict[str, Any] = {
        "deadLetterTargetArn": {"Fn::GetAtt": ["InboxDeadLetters", "Arn"]},
        "maxReceiveCount": 3,
    }
    boto3.client("cloudformation").create_stack(
        StackName="toys-prod",
        TemplateBody=json.dumps(
            {
                "Resources": {
                    "Inbox": {
                        "Type": "AWS::SQS::Queue",
                        "Properties": {"RedrivePolicy": inbox},
                    },
                    "InboxDeadLetters": {"Type": "AWS::SQS::Queue"},
                }
            }
        ),
    )
    assert cloud.letters() is None  # it is looked for again each minute
    clock[0] += 60
    assert cloud.letters() == []
    assert cloud.letters() is None
    sqs = boto3.client("sqs")
    url = next(one for one in sqs.list_queues()["QueueUrls"] if "DeadLetters" in one)
    reason: Any = {"reason": {"DataType": "String", "StringValue": "no such toy"}}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(EVENT), MessageAttributes=reason)
    sqs.send_message(QueueUrl=url, MessageBody="[]")
    (queue,) = cloud.letters() or []
    assert (queue["service"], queue["queue"], queue["count"], queue["back"]) == (
        "toys",
        "InboxDeadLetters",
        2,
        True,
    )
    letter = next(one for one in queue["letters"] if one["message"])
    assert (letter["message"], letter["mid"]) == ("e1", "o1:1:ReserveStock")
    assert (letter["what"], letter["about"], letter["reason"]) == (
        "ReserveStock",
        "o1",
        "no such toy",
    )
    assert cloud.letters() is None
    asked: list[tuple[str, str]] = []

    def redrive(settings: Settings, service: Service, env: str, queue: str, _: object) -> int:
        asked.append((env, f"{service.name} {queue}"))
        return 2

    monkeypatch.setattr(letters, "redrive", redrive)
    assert cloud.redrive("toys", "InboxDeadLetters") == 2
    assert asked == [("prod", "toys InboxDeadLetters")]
    with pytest.raises(LocalError, match="no service 'nobody'"):
        cloud.redrive("nobody", "InboxDeadLetters")


def test_dead_letters_while_a_stack_is_missing(
    settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    there = {"toys"}
    asked: list[str] = []

    def queues(account: Account, service: Service) -> list[DeadLetters] | None:
        asked.append(service.name)
        if service.name not in there:
            return None
        return [DeadLetters(service.name, "InboxDeadLetters", "url", "arn")]

    monkeypatch.setattr(letters, "queues", queues)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Cloud, "_depth", lambda self, queue: (1, 0))
    monkeypatch.setattr(Cloud, "_letters", lambda self, queue, count: {"service": queue.service})
    orders = Service(toys.folder.parent / "orders-service")
    cloud = source(settings, orders, toys)
    assert cloud.letters() == [{"service": "toys"}]
    there.add("orders")
    assert cloud.letters() is None
    clock[0] += 60
    assert cloud.letters() == [{"service": "orders"}, {"service": "toys"}]
    clock[0] += 60
    assert cloud.letters() is None
    assert asked == ["orders", "toys", "orders"]


@pytest.mark.usefixtures("aws")
def test_traces_of_x_ray(
    settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X-Ray's API gives a trace's segments as texts, the outermost with the trace in them."""
    account = Account(settings, "prod")
    lambdas = document(
        "f1", "tbs-app-orders-prod-Inbox", "x", 99, 101, origin="AWS::Lambda::Function"
    )
    within = {**HANDLER, "parent_id": "f1", "subsegments": [RECEIPT, CALL]}
    asked: list[Any] = []

    class Pages:
        def __init__(self, name: str) -> None:
            self.name = name

        def paginate(self, **given: Any) -> Any:
            asked.append((self.name, given))
            if self.name == "get_trace_summaries":
                return [{"TraceSummaries": [{"Id": f"t{n}"} for n in range(4)]}] * 2
            segments = [{"Document": json.dumps({**lambdas, "subsegments": [within]})}]
            return [{"Traces": [{"Id": "t", "Segments": segments}]}]

    class XRay:
        def get_paginator(self, name: str) -> Pages:
            return Pages(name)

    monkeypatch.setattr(account, "client", lambda name, region=None: XRay())
    xray = XRaySegments(account, [toys])
    (run,) = xray.runs(AT, AT + 10_000)
    assert (run.service, run.function, run.door) == ("orders", "tbs-app-orders-prod-Inbox", "inbox")
    assert run.receipts[0].message_id == "o1:1:PlaceOrder"
    first, *rest = asked
    assert first[1]["TimeRangeType"] == "Event"
    assert first[1]["StartTime"].timestamp() == AT / 1000 - 60
    assert [len(given["TraceIds"]) for _, given in rest] == [5, 3]
    assert xray.runs(AT + 10_000, AT + 20_000) == []  # seen already


def test_segments_by_udp() -> None:
    port = free_port()
    segments = UdpSegments(port)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as function:
            for part in ({"no": "segment"}, CALL, RECEIPT, HANDLER):
                line = b'{"format":"json","version":1}\n'
                function.sendto(line + json.dumps(part).encode(), (HOST, port))
            function.sendto(b"\xff", (HOST, port))
        found: list[Any] = []
        while not found:
            found = segments.runs(0, 0)
        assert [run.service for run in found] == ["orders"]
        assert segments.runs(0, 0) == []
        with pytest.raises(LocalError, match=f"UDP port {port}"):
            UdpSegments(port)
    finally:
        segments.close()
