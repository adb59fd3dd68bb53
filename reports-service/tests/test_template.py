"""What the template makes of its parameters: who reaches the database, and who its queues."""

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

TEMPLATE: Any = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))


def resolved(part: Any, given: dict[str, str]) -> Any:
    """A part of the template, with the parameters and conditions that it hangs on put in."""
    match part:
        case {"Fn::If": [condition, yes, no]}:
            return resolved(yes if resolved({"Condition": condition}, given) else no, given)
        case {"Condition": str(name)}:
            return resolved(TEMPLATE["Conditions"][name], given)
        case {"Fn::Not": [one]}:
            return not resolved(one, given)
        case {"Fn::And": list(all_of)}:
            return all(resolved(one, given) for one in all_of)
        case {"Fn::Or": list(any_of)}:
            return any(resolved(one, given) for one in any_of)
        case {"Fn::Equals": [one, other]}:
            return resolved(one, given) == resolved(other, given)
        case {"Fn::Join": ["", one]}:
            return resolved(one, given)
        case {"Ref": str(name)} if name in TEMPLATE["Parameters"]:
            return given.get(name, TEMPLATE["Parameters"][name].get("Default"))
    return part


@pytest.mark.parametrize("given", [{}, {"SqsEndpoint": "off"}], ids=str)
def test_the_stacks_own_network_leads_to_no_queue(given: dict[str, str]) -> None:
    properties = TEMPLATE["Resources"]["InboxFunction"]["Properties"]
    variables = properties["Environment"]["Variables"]
    for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
        assert resolved(variables[name], given) == ""
    assert "sqs:" not in str([resolved(policy, given) for policy in properties["Policies"]])
    assert not resolved({"Condition": "HasSqsEndpoint"}, given)


@pytest.mark.parametrize("given", [{"SqsEndpoint": "on"}, {"DatabaseHost": "db"}], ids=str)
def test_elsewhere_the_function_is_told_of_its_queues_and_may_use_them(
    given: dict[str, str],
) -> None:
    properties = TEMPLATE["Resources"]["InboxFunction"]["Properties"]
    variables = properties["Environment"]["Variables"]
    for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
        assert resolved(variables[name], given) != ""
    policies = str([resolved(policy, given) for policy in properties["Policies"]])
    assert "sqs:SendMessage" in policies
    assert "sqs:ChangeMessageVisibility" in policies


def test_an_endpoint_is_made_for_the_stacks_own_network_alone() -> None:
    """All of its resources hang on this condition."""
    made = {n for n, r in TEMPLATE["Resources"].items() if r.get("Condition") == "HasSqsEndpoint"}
    assert made == {"QueuesEndpoint", "QueuesSecurityGroup"}
    condition = {"Condition": "HasSqsEndpoint"}
    assert resolved(condition, {"SqsEndpoint": "on"})
    assert not resolved(condition, {"SqsEndpoint": "on", "DatabaseHost": "db"})


@pytest.mark.parametrize(
    "given", [{}, {"DatabaseHost": "db", "VpcSubnetIds": "s"}, {"DatabaseHost": "db"}], ids=str
)
def test_the_reporter_reaches_the_database_as_the_inbox_does(given: dict[str, str]) -> None:
    inbox, reporter = (
        TEMPLATE["Resources"][name]["Properties"] for name in ("InboxFunction", "ReporterFunction")
    )
    api = TEMPLATE["Resources"]["ApiFunction"]["Properties"]
    assert reporter["VpcConfig"] == inbox["VpcConfig"] == api["VpcConfig"]
    assert reporter["Policies"] == inbox["Policies"][:1]
    for name, value in reporter["Environment"]["Variables"].items():
        if name.startswith("DATABASE"):
            assert value == inbox["Environment"]["Variables"][name]
    assert ("SubnetIds" in str(resolved(reporter["VpcConfig"], given))) == (
        given != {"DatabaseHost": "db"}
    )


def test_who_tells_the_bus_is_in_no_network_and_may_invoke_the_reporter_alone() -> None:
    outbox = TEMPLATE["Resources"]["OutboxFunction"]["Properties"]
    assert "VpcConfig" not in outbox
    (statements,) = [policy["Statement"] for policy in outbox["Policies"]]
    invoking = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    assert [one["Resource"] for one in invoking] == [{"Fn::GetAtt": ["ReporterFunction", "Arn"]}]
    reporter = TEMPLATE["Resources"]["ReporterFunction"]["Properties"]
    timeout = reporter.get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    assert timeout < outbox["Timeout"]


def test_the_api_asks_the_reader_endpoint_as_the_reader() -> None:
    api = TEMPLATE["Resources"]["ApiFunction"]["Properties"]
    variables = api["Environment"]["Variables"]
    assert variables["DATABASE_USER"] == {"Ref": "DatabaseReader"}
    own = {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]}
    assert resolved(variables["DATABASE_HOST"], {}) == own
    assert resolved(variables["DATABASE_HOST"], {"DatabaseHost": "db"}) == "db"
    given = {"DatabaseHost": "db", "DatabaseReaderHost": "replica"}
    assert resolved(variables["DATABASE_HOST"], given) == "replica"
    (statement,) = resolved(api["Policies"][0], {})["Statement"]
    assert statement["Action"] == "rds-db:connect"
    assert "${DatabaseReader}" in str(statement["Resource"])
    assert "${DatabaseUser}" not in str(statement["Resource"])
    for name in ("InboxFunction", "ReporterFunction"):
        told = TEMPLATE["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert told["DATABASE_READER"] == {"Ref": "DatabaseReader"}


def test_a_migration_has_five_minutes() -> None:
    """A sleeping database takes some of them; at a million orders the longest took 32 s."""
    assert TEMPLATE["Resources"]["InboxFunction"]["Properties"]["Timeout"] == 300


def test_a_batch_is_a_hundred_orders_or_what_came_in_a_minute() -> None:
    inbox = TEMPLATE["Resources"]["InboxFunction"]["Properties"]["Events"]["Inbox"]["Properties"]
    assert inbox["BatchSize"] == 100
    assert resolved(inbox["MaximumBatchingWindowInSeconds"], {}) == 60


@pytest.mark.parametrize(("given", "protected"), [({}, False), ({"DataProtection": "on"}, True)])
def test_the_database_is_encrypted_sleeps_and_is_kept(
    given: dict[str, str], protected: bool
) -> None:
    cluster = TEMPLATE["Resources"]["Cluster"]
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    told = cluster["Properties"]
    assert told["StorageEncrypted"] is True
    assert told["EnableIAMDatabaseAuthentication"] is True
    scaling = told["ServerlessV2ScalingConfiguration"]
    assert resolved(scaling["MinCapacity"], given) == 0
    assert resolved(scaling["MaxCapacity"], given) == 4
    assert resolved(scaling["SecondsUntilAutoPause"], given) == 300
    assert resolved(told["DeletionProtection"], given) is protected
    assert resolved(told["BackupRetentionPeriod"], given) == (14 if protected else 1)


RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = {n: r for n, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}


def crosses(name: str, values: list[float]) -> bool:
    """Whether an alarm goes off at these values of its metric, one for each of its periods."""
    alarm = ALARMS[name]["Properties"]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    over = [value for value in values if value > alarm["Threshold"]]
    return len(over) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


LINES = [
    ("DatabaseCapacityAlarm", [91, 90, 91], [91, 91, 91]),
    ("InboxAgeAlarm", [300], [301]),
    ("MessagesFailingAlarm", [300], [301]),
    ("InboxDeadLettersAlarm", [0], [1]),
    ("ReportsLagAlarm", [1800], [1801]),
    ("OutboxDeadLettersAlarm", [0], [1]),
    ("UsersErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("UsersThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionErrorsAlarm", [0, 1, 0], [1, 0, 1]),
    ("FunctionThrottlesAlarm", [0, 1, 0], [1, 0, 1]),
    ("ApiErrorsAlarm", [1, 0, 0.01], [0.02, 0, 0.02]),
    ("ApiLatencyAlarm", [10_001, 10_001, 10_000], [10_001, 10_001, 10_001]),
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
    """Together, but for what makes the database's users: it is not in every stack."""
    total, *each = ALARMS[f"Function{kind}Alarm"]["Properties"]["Metrics"]
    assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
    asked = [one["MetricStat"]["Metric"] for one in each]
    alone = ALARMS[f"Users{kind}Alarm"]
    assert alone["Condition"] == RESOURCES["UsersFunction"]["Condition"]
    asked.append(alone["Properties"])
    assert {one["MetricName"] for one in asked} == {kind}
    watched = [one["Dimensions"][0]["Value"]["Ref"] for one in asked]
    functions = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"]
    assert sorted(watched) == sorted(functions)


def test_a_database_of_others_is_not_watched() -> None:
    alarm = ALARMS["DatabaseCapacityAlarm"]
    assert alarm["Condition"] == RESOURCES["Cluster"]["Condition"]
    (dimension,) = alarm["Properties"]["Dimensions"]
    assert dimension == {"Name": "DBClusterIdentifier", "Value": {"Ref": "Cluster"}}
