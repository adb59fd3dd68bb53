"""What the template says of alarms, queries and traces, against what the code does."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.decode import cfn_yaml
from orders import inbox, sweep
from orders.order import Order

FOLDER = Path(__file__).parent.parent
TEMPLATE = cfn_yaml.load(str(FOLDER / "template.yaml"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = {n: r for n, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
STACK = "tbs-app-orders-test"


def crosses(name: str, values: list[float]) -> bool:
    """Whether an alarm goes off at these values of its metric, one for each of its periods."""
    alarm = RESOURCES[name]["Properties"]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    over = [value for value in values if value > alarm["Threshold"]]
    return len(over) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


def visible(queue: str) -> float:
    """Messages in a queue of the template."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return float(told["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[float]]:
    """The values of an alarm's own metric that were counted since the last look, just as it asks.

    Those of another namespace, or of other dimensions, are none.
    """

    def read(name: str) -> list[float]:
        alarm = RESOURCES[name]["Properties"]
        wanted = {
            one["Name"]: STACK if one["Value"] == {"Ref": "AWS::StackName"} else one["Value"]
            for one in alarm["Dimensions"]
        }
        values: list[float] = []
        for text in capsys.readouterr().out.splitlines():
            line = json.loads(text) if '"_aws"' in text else {}
            for group in line.get("_aws", {}).get("CloudWatchMetrics", []):
                names = [metric["Name"] for metric in group["Metrics"]]
                dimensions = [{each: line[each] for each in names} for names in group["Dimensions"]]
                if group["Namespace"] == alarm["Namespace"] and wanted in dimensions:
                    values += line[alarm["MetricName"]] if alarm["MetricName"] in names else []
        return values

    return read


def test_a_message_that_is_refused_sets_off_the_alarm(
    record: Callable[[str], dict[str, Any]], context: Any
) -> None:
    alarm = RESOURCES["InboxDeadLettersAlarm"]["Properties"]
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["InboxDeadLetters", "QueueName"]}
    assert not crosses("InboxDeadLettersAlarm", [visible("InboxDeadLetters")])
    inbox.handler({"Records": [record("PlaceOrder") | {"body": "poison"}]}, context)
    assert crosses("InboxDeadLettersAlarm", [visible("InboxDeadLetters")])


def test_money_that_is_not_given_back_sets_off_the_alarm(
    tell: Callable[..., None],
    kept: Callable[[], Order],
    context: Any,
    counted: Callable[[str], list[float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed")
    sweep.handler({}, context)
    assert not crosses("MoneyAlarm", counted("MoneyAlarm"))
    late = kept().updated_at + timedelta(minutes=61)
    monkeypatch.setattr(sweep, "now", lambda: late)
    sweep.handler({}, context)
    assert crosses("MoneyAlarm", counted("MoneyAlarm"))


def test_orders_that_stand_still_set_off_the_alarm_after_five_runs(
    tell: Callable[..., None],
    kept: Callable[[], Order],
    context: Any,
    counted: Callable[[str], list[float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell("PlaceOrder")
    late = kept().deadline + timedelta(minutes=6)
    monkeypatch.setattr(sweep, "now", lambda: late)
    monkeypatch.setattr(sweep, "expire", lambda _: False)
    for _ in range(4):
        sweep.handler({}, context)
    values = counted("OrdersPastDeadlineAlarm")
    assert not crosses("OrdersPastDeadlineAlarm", values)
    sweep.handler({}, context)
    assert crosses("OrdersPastDeadlineAlarm", values + counted("OrdersPastDeadlineAlarm"))


def test_a_sweep_that_does_not_run_sets_off_the_alarm() -> None:
    alarm = RESOURCES["OrdersPastDeadlineAlarm"]["Properties"]
    every = RESOURCES["SweepFunction"]["Properties"]["Events"]["EveryMinute"]["Properties"]
    assert every["ScheduleExpression"] == "rate(1 minute)"
    assert (alarm["Period"], alarm["TreatMissingData"]) == (60, "breaching")


LINES: list[tuple[str, list[float], list[float]]] = [
    ("InboxAgeAlarm", [300], [301]),
    ("MessagesFailingAlarm", [300], [301]),
    ("SweepDeadLettersAlarm", [0], [1]),
    ("OutboxDeadLettersAlarm", [0], [1]),
    ("RepublisherDeadLettersAlarm", [0], [1]),
    ("OutboxLagAlarm", [300_000], [300_001]),
    ("RepublisherLagAlarm", [300_000], [300_001]),
    ("FunctionErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("ApiErrorsAlarm", [1, 0, 0.01], [0.02, 0, 0.02]),
    ("ApiLatencyAlarm", [5001, 5001, 5000], [5001, 5001, 5001]),
]
"""Values of an alarm's metric, one for each of its periods, that leave it alone or set it off."""


def test_the_line_that_an_alarm_draws() -> None:
    for name, well, ill in LINES:
        assert not crosses(name, well), name
        assert crosses(name, ill), name
    seen = {name for name, *_ in LINES}
    assert ALARMS.keys() - seen == {
        "InboxDeadLettersAlarm",
        "MoneyAlarm",
        "OrdersPastDeadlineAlarm",
    }


def test_all_functions_are_watched() -> None:
    functions = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"]
    for name in ("FunctionErrorsAlarm", "FunctionThrottlesAlarm"):
        total, *each = ALARMS[name]["Properties"]["Metrics"]
        assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
        watched = [one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"] for one in each]
        assert sorted(watched) == sorted(functions)
        assert len(each) < 10


def test_every_alarm_tells_the_topic_and_where_to_read_on() -> None:
    for name, alarm in ALARMS.items():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}]
        said = alarm["Properties"]["AlarmDescription"]["Fn::Sub"]
        assert said.endswith(f". ${{RunbookUrl}}#{name.lower()}")


def test_the_inbox_knows_how_often_its_queue_gives_a_message_out() -> None:
    given = RESOURCES["InboxFunction"]["Properties"]["Environment"]["Variables"]["MAX_RECEIVES"]
    most = RESOURCES["Inbox"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert given == str(most)


def test_the_tracing_rate_is_a_part() -> None:
    pattern = re.compile(TEMPLATE["Parameters"]["TracingRate"]["AllowedPattern"])
    assert all(pattern.fullmatch(rate) for rate in ("", "0", "1", "0.05", "0.0001"))
    assert not any(pattern.fullmatch(rate) for rate in ("2", "1.5", ".5", "0.", "5%", "0.00001"))
