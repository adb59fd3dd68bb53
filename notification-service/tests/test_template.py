"""What the template says of alarms and streams, against what the code does."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from notification import feedback, inbox
from notification.mail import Status

Json = dict[str, Any]


@pytest.fixture
def resources(template: Json) -> Json:
    found: Json = template["Resources"]
    return found


def crosses(alarm: Json, values: list[float]) -> bool:
    """Whether an alarm goes off at these values of its metric, one for each of its periods."""
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    over = [value for value in values if value > alarm["Threshold"]]
    asked: int = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    return len(over) >= asked


LINES: list[tuple[str, list[float], list[float]]] = [
    ("InboxDeadLettersAlarm", [0], [1]),
    ("InboxAgeAlarm", [300], [301]),
    ("MessagesFailingAlarm", [300], [301]),
    ("DownloadsNotDeliveredAlarm", [0], [1]),
    ("FeedbackDeadLettersAlarm", [0], [1]),
    ("FeedbackAgeAlarm", [300], [301]),
    ("OutboxDeadLettersAlarm", [0], [1]),
    ("OutboxLagAlarm", [300_000], [300_001]),
    ("FunctionErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("ApiErrorsAlarm", [1, 0, 0.01], [0.02, 0, 0.02]),
    ("ApiLatencyAlarm", [5001, 5001, 5000], [5001, 5001, 5001]),
]
"""Values of an alarm's metric, one for each of its periods, that leave it alone or set it off."""


def test_the_line_that_an_alarm_draws(resources: Json) -> None:
    for name, well, ill in LINES:
        alarm = resources[name]["Properties"]
        assert not crosses(alarm, well), name
        assert crosses(alarm, ill), name
    alarms = {name for name, r in resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == {name for name, *_ in LINES}


def test_all_functions_are_watched(resources: Json) -> None:
    functions = [n for n, r in resources.items() if r["Type"] == "AWS::Serverless::Function"]
    for name in ("FunctionErrorsAlarm", "FunctionThrottlesAlarm"):
        total, *each = resources[name]["Properties"]["Metrics"]
        assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
        watched = [one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"] for one in each]
        assert sorted(watched) == sorted(functions)


def visible(queue: str) -> float:
    """Messages in a queue of the template."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return float(told["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.parametrize(("name", "door"), [("Inbox", inbox), ("Feedback", feedback)])
def test_what_is_refused_sets_off_the_alarm(
    resources: Json, sample: Callable[[str], Json], context: Any, name: str, door: Any
) -> None:
    alarm = resources[f"{name}DeadLettersAlarm"]["Properties"]
    watched = alarm["Dimensions"][0]["Value"]
    assert watched == {"Fn::GetAtt": [f"{name}DeadLetters", "QueueName"]}
    assert not crosses(alarm, [visible(f"{name}DeadLetters")])
    (record,) = sample("inbox-SendEmail")["Records"]
    door.handler({"Records": [record | {"body": "poison"}]}, context)
    assert crosses(alarm, [visible(f"{name}DeadLetters")])


@pytest.mark.parametrize("queue", ["Inbox", "Feedback"])
def test_a_function_knows_how_often_its_queue_gives_a_message_out(
    resources: Json, queue: str
) -> None:
    variables = resources[f"{queue}Function"]["Properties"]["Environment"]["Variables"]
    most = resources[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert variables["MAX_RECEIVES"] == str(most)


def test_the_outbox_is_given_all_that_it_tells_or_counts(resources: Json) -> None:
    changes = resources["OutboxFunction"]["Properties"]["Events"]["Changes"]["Properties"]
    mails, errors = (
        json.loads(one["Pattern"])["dynamodb"]["NewImage"]
        for one in changes["FilterCriteria"]["Filters"]
    )
    assert set(mails["status"]["S"]) == set(Status) - {Status.SENDING}
    assert errors == {"mailId": {"S": [{"prefix": "ERROR#"}]}}
