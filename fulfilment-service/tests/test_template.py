"""The way from carriers to the queue, by the template's own words: no code is there to test."""

import hashlib
import json
import re
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airspeed  # type: ignore[import-untyped]
import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from cfnlint.decode import cfn_yaml
from fulfilment.carrier_event import Forged, check, sign
from fulfilment.webhook import received_at, signature

TEMPLATE: dict[str, Any] = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
INTEGRATION = RESOURCES["WebhookMethod"]["Properties"]["Integration"]
MAPPING = INTEGRATION["RequestTemplates"]["application/json"]
SECRET = "carrier_secret"
DEPLOYED = {"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Resource", "AWS::ApiGateway::Method"}

BODIES = [
    "{}",
    '{\n  "id": "evt_1",\n  "quotes": "\\"it\'s\\"",\n  "signs": "a&b=c+d%41 e"\n}',
    '{"name": "Zoë 🧸 ₤", "escaped": "\\u00eb\\ud83e\\uddf8", "back": "\\\\n"}',
    '{"velocity": "$input.body #set($a = 1) ## $util.urlEncode(1) #if(true) ${x}"}',
    "&MessageBody=other&MessageAttribute.1.Name=x\r\n\ttabbed  ",
]


def mapped(body: str, headers: dict[str, str], at: float | None = None) -> dict[str, list[str]]:
    """What SQS is asked for, after API Gateway's mapping of a request with these headers."""
    names = {
        "input": SimpleNamespace(body=body, params=lambda name: headers.get(name, "")),
        "util": SimpleNamespace(urlEncode=lambda text: urllib.parse.quote_plus(str(text))),
        "context": SimpleNamespace(requestTimeEpoch="" if at is None else int(at * 1000)),
    }
    request = airspeed.Template(MAPPING).merge(names)
    return urllib.parse.parse_qs(request, keep_blank_values=True, strict_parsing=True)


def queued(asked: dict[str, list[str]]) -> SQSRecord:
    """The record that the function is given, once the real SQS API has taken the request."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="WebhookInbox")["QueueUrl"]
    attributes = {
        asked[f"MessageAttribute.{n}.Name"][0]: {
            "DataType": asked[f"MessageAttribute.{n}.Value.DataType"][0],
            "StringValue": asked[f"MessageAttribute.{n}.Value.StringValue"][0],
        }
        for n in (1, 2)
    }
    sqs.send_message(
        QueueUrl=url,
        MessageBody=asked["MessageBody"][0],
        MessageAttributes=attributes,  # type: ignore[arg-type]
    )
    (message,) = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    return SQSRecord(
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"dataType": given["DataType"], "stringValue": given["StringValue"]}
                for name, given in message["MessageAttributes"].items()
            },
        }
    )


@pytest.mark.parametrize("header", ["Carrier-Signature", "carrier-signature"])
@pytest.mark.parametrize("body", BODIES)
def test_what_a_carrier_signed_is_what_is_read(body: str, header: str) -> None:
    at = time.time() - 3600
    asked = mapped(body, {header: sign(body, SECRET, int(at))}, at)
    assert asked["Action"] == ["SendMessage"]
    assert {name for name in asked if "Attribute" not in name} == {"Action", "MessageBody"}
    record = queued(asked)
    assert record.body == body
    assert received_at(record) == pytest.approx(at, abs=0.001)
    check(record.body, signature(record), SECRET, received_at(record))
    with pytest.raises(Forged):
        check(record.body + " ", signature(record), SECRET, received_at(record))


def test_where_the_time_of_receipt_is_not_told_the_queues_own_is_taken() -> None:
    record = queued(mapped("{}", {"Carrier-Signature": sign("{}", SECRET, int(time.time()))}))
    assert received_at(record) == pytest.approx(time.time(), abs=60)
    check(record.body, signature(record), SECRET, received_at(record))


@pytest.mark.parametrize("both", [False, True])
def test_a_header_with_blanks_in_it_is_read_whole(both: bool) -> None:
    """Where API Gateway finds it by either name, it stands there twice."""
    names = ["Carrier-Signature", "carrier-signature"][: 1 + both]
    at = time.time()
    header = sign("{}", SECRET, int(at)).replace(",", ", ")
    record = queued(mapped("{}", dict.fromkeys(names, header), at))
    assert signature(record) == header
    check(record.body, signature(record), SECRET, received_at(record))


def test_a_request_with_no_signature_is_queued_and_refused_when_read() -> None:
    record = queued(mapped("{}", {}, time.time()))
    assert signature(record) == ""
    with pytest.raises(Forged, match="no signature"):
        check(record.body, signature(record), SECRET, received_at(record))


def test_a_carrier_gets_its_200_only_for_what_is_in_the_queue() -> None:
    def answered(status: int) -> int:
        patterns = {
            answer.get("SelectionPattern"): int(answer["StatusCode"])
            for answer in INTEGRATION["IntegrationResponses"]
        }
        otherwise = patterns.pop(None)
        matching = (to for pattern, to in patterns.items() if re.fullmatch(pattern, str(status)))
        return next(matching, otherwise)

    assert [answered(status) for status in (200, 400, 403, 404, 500, 503)] == [
        *(200, 400, 400, 400, 500, 500)
    ]
    declared = RESOURCES["WebhookMethod"]["Properties"]["MethodResponses"]
    assert {answer["StatusCode"] for answer in declared} == {200, 400, 500}


def test_api_gateway_may_send_to_that_queue_and_nothing_else() -> None:
    assert INTEGRATION["Credentials"] == {"Fn::GetAtt": ["WebhookRole", "Arn"]}
    (policy,) = RESOURCES["WebhookRole"]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": ["WebhookInbox", "Arn"]},
        }
    ]


def test_what_changed_is_deployed() -> None:
    """A deployment is a snapshot of the API: only one of another name takes a change up."""
    deployed = {
        name: {key: resource[key] for key in ("Type", "Properties")}
        for name, resource in RESOURCES.items()
        if resource["Type"] in DEPLOYED
    }
    digest = hashlib.sha256(json.dumps(deployed, sort_keys=True).encode()).hexdigest()[:10]
    (name,) = (n for n, r in RESOURCES.items() if r["Type"] == "AWS::ApiGateway::Deployment")
    wanted = f"WebhookDeployment{digest}"
    assert name == wanted, f"the API changed: rename {name} to {wanted} in template.yaml"
    stage = RESOURCES["WebhookStage"]["Properties"]
    assert stage["DeploymentId"] == {"Ref": name}


ALARMS = {n: r for n, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}


def crosses(name: str, values: list[float]) -> bool:
    """Whether an alarm goes off at these values of its metric, one for each of its periods."""
    alarm = ALARMS[name]["Properties"]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    over = [value for value in values if value > alarm["Threshold"]]
    return len(over) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


LINES = [
    ("InboxAgeAlarm", [300], [301]),
    ("MessagesFailingAlarm", [300], [301]),
    ("InboxDeadLettersAlarm", [0], [1]),
    ("WebhookInboxAgeAlarm", [300], [301]),
    ("WebhookDeadLettersAlarm", [0], [1]),
    ("WatchDeadLettersAlarm", [0], [1]),
    ("ShipmentsWaitingAlarm", [0], [1]),
    ("OutboxDeadLettersAlarm", [0], [1]),
    ("OutboxLagAlarm", [300_000], [300_001]),
    ("CarrierDeadLettersAlarm", [0], [1]),
    ("CarrierLagAlarm", [300_000], [300_001]),
    ("CarrierErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("CarrierThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("ApiErrorsAlarm", [1, 0, 0.01], [0.02, 0, 0.02]),
    ("ApiLatencyAlarm", [3001, 3001, 3000], [3001, 3001, 3001]),
]


@pytest.mark.parametrize(("name", "well", "ill"), LINES)
def test_the_line_that_an_alarm_draws(name: str, well: list[float], ill: list[float]) -> None:
    assert not crosses(name, well)
    assert crosses(name, ill)


def test_every_alarm_tells_the_topic_and_where_to_read_on() -> None:
    assert {name for name, *_ in LINES} == set(ALARMS)
    for name, alarm in ALARMS.items():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}]
        said = alarm["Properties"]["AlarmDescription"]["Fn::Sub"]
        assert said.endswith(f". ${{RunbookUrl}}#{name.lower()}")


@pytest.mark.parametrize("kind", ["Errors", "Throttles"])
def test_all_functions_are_watched(kind: str) -> None:
    """Together, but for the simulated carrier: it is not in every stack."""
    total, *each = ALARMS[f"Function{kind}Alarm"]["Properties"]["Metrics"]
    assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
    asked = [one["MetricStat"]["Metric"] for one in each]
    alone = ALARMS[f"Carrier{kind}Alarm"]
    assert alone["Condition"] == RESOURCES["CarrierFunction"]["Condition"]
    asked.append(alone["Properties"])
    assert {one["MetricName"] for one in asked} == {kind}
    watched = [one["Dimensions"][0]["Value"]["Ref"] for one in asked]
    functions = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"]
    assert sorted(watched) == sorted(functions)


@pytest.mark.parametrize("queue", ["Inbox", "WebhookInbox"])
def test_a_function_knows_how_often_its_queue_gives_a_message_out(queue: str) -> None:
    function = RESOURCES[f"{queue.removesuffix('Inbox') or 'Inbox'}Function"]["Properties"]
    most = RESOURCES[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert function["Environment"]["Variables"]["MAX_RECEIVES"] == str(most)


def test_each_function_buries_in_a_queue_of_its_own() -> None:
    variables = {
        name: RESOURCES[name]["Properties"]["Environment"]["Variables"]
        for name in ("InboxFunction", "WebhookFunction")
    }
    assert variables["InboxFunction"]["QUEUE_URL"] == {"Ref": "Inbox"}
    assert variables["InboxFunction"]["DEAD_LETTER_QUEUE_URL"] == {"Ref": "InboxDeadLetters"}
    assert variables["WebhookFunction"]["QUEUE_URL"] == {"Ref": "WebhookInbox"}
    assert variables["WebhookFunction"]["DEAD_LETTER_QUEUE_URL"] == {"Ref": "WebhookDeadLetters"}


@pytest.mark.parametrize(("hours", "taken"), [("1.5", False), ("0", False), ("1", True)])
def test_hours_are_whole(hours: str, taken: bool) -> None:
    """The watch reads them as a whole number when it is imported."""
    given = TEMPLATE["Parameters"]["WaitingHours"]
    assert (given["Type"], given["Default"]) == ("String", "48")
    assert bool(re.fullmatch(given["AllowedPattern"], hours)) == taken


def test_the_alarm_looks_at_what_the_watch_tells() -> None:
    alarm = RESOURCES["ShipmentsWaitingAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        "TheBetterStore",
        "ShipmentsWaitingTooLong",
    )
    told = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert told == {"service": "fulfilment", "stack": {"Ref": "AWS::StackName"}}
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["STACK_NAME"] == {"Ref": "AWS::StackName"}
    hourly = RESOURCES["WatchFunction"]["Properties"]["Events"]["EveryHour"]["Properties"]
    assert hourly["ScheduleExpression"] == "rate(1 hour)"
    assert alarm["Period"] == 3600
