"""The ground rules of who watches: alarms, dashboards, logs and traces. What they name is there."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.boards.draw import full
from tests.rules.front import Rule
from tests.rules.tree import Member, Tree, attribute, listed
from tools import dashboards
from tools.services import FUNCTION, Door

RULES: dict[str, Rule] = {}

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = dashboards.DASHBOARD
LOG_GROUP = "AWS::Logs::LogGroup"
QUERY = "AWS::Logs::QueryDefinition"
QUEUE, TABLE, API = "AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::Serverless::Api"
CLUSTER, DISTRIBUTION = "AWS::RDS::DBCluster", "AWS::CloudFront::Distribution"

TOPIC = "Alarms"
"""The stack's own topic that its alarms tell."""

RUNBOOK = "docs/operations.md"
"""Where what to do about an alarm is written, under the alarm's own name."""

OWN = "TheBetterStore"
"""The namespace of what the services count themselves."""

SEARCH = re.compile(r"SEARCH\('(.+?)',")
METRIC = re.compile(r'MetricName=\\"(\w+)\\"')
NAMESPACE = re.compile(r'(?:Namespace=\\"|\{)([\w/]+)')
"""What a dashboard searches for, as its JSON is written in one line."""

PERCENTILE = re.compile(r"p\d{1,2}(\.\d+)?")

Json = Mapping[str, Any]
Dimensions = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A metric that AWS has of a resource: the resource's type, and the dimension that names it."""

    of: str
    dimension: str
    statistics: frozenset[str]
    """That say something of it."""
    reads: str | None = None
    """The type of event source that a function has to have for there to be one."""


def _kinds(of: str, dimension: str, **metrics: str) -> dict[str, Kind]:
    return {name: Kind(of, dimension, frozenset(told.split())) for name, told in metrics.items()}


KINDS: Mapping[str, Mapping[str, Kind]] = {
    "AWS/SQS": _kinds(
        QUEUE,
        "QueueName",
        ApproximateNumberOfMessagesVisible="Maximum Average",
        ApproximateAgeOfOldestMessage="Maximum",
        NumberOfMessagesSent="Sum",
        NumberOfMessagesReceived="Sum",
        NumberOfMessagesDeleted="Sum",
        NumberOfEmptyReceives="Sum",
    ),
    "AWS/Lambda": {
        **_kinds(
            FUNCTION,
            "FunctionName",
            Invocations="Sum",
            Errors="Sum",
            Throttles="Sum",
            Duration="Sum Average Maximum p",
            ConcurrentExecutions="Maximum",
        ),
        "IteratorAge": Kind(FUNCTION, "FunctionName", frozenset({"Maximum"}), "DynamoDB"),
    },
    "AWS/ApiGateway": {
        name: Kind(API, "ApiName", frozenset(told.split()))
        for name, told in {
            "5XXError": "Average Sum",
            "4XXError": "Average Sum",
            "Count": "Sum SampleCount",
            "Latency": "Average Maximum p",
        }.items()
    },
    "AWS/DynamoDB": _kinds(
        TABLE,
        "TableName",
        ConsumedReadCapacityUnits="Sum",
        ConsumedWriteCapacityUnits="Sum",
        ReadThrottleEvents="Sum",
        WriteThrottleEvents="Sum",
    ),
    "AWS/RDS": _kinds(
        CLUSTER,
        "DBClusterIdentifier",
        ACUUtilization="Average Maximum",
        ServerlessDatabaseCapacity="Average Maximum",
        DatabaseConnections="Maximum Average",
    ),
    "AWS/Logs": _kinds(LOG_GROUP, "LogGroupName", IncomingBytes="Sum"),
    "AWS/CloudFront": _kinds(DISTRIBUTION, "DistributionId", Requests="Sum", BytesDownloaded="Sum"),
}
"""The metrics of AWS that alarms and dashboards may show, and of what each is.

From AWS's documentation of each service: a name that is not among them may be no metric at all.
"""

FURTHER = {"AWS/ApiGateway": {"Stage"}, "AWS/CloudFront": {"Region"}}
"""Dimensions beside the one that names the resource."""


@dataclass(frozen=True)
class Shown:
    """A metric as an alarm or a dashboard asks for it."""

    where: str
    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str
    condition: str | None = None
    """Under which it is asked for."""


def rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES[function.__name__] = function
    return function


# Alarms


@rule
def alarms_tell_the_stacks_topic_and_what_to_do(tree: Tree) -> Iterator[str]:
    """Each tells the stack's own topic, and ends with the place in the runbook that is about it."""
    runbook = (tree.root / RUNBOOK).read_text()
    headings = set(re.findall(r"^#+ `?(\w+)`?$", runbook, re.MULTILINE))
    for member in tree.members:
        topics = member.service.of_type("AWS::SNS::Topic")
        for name, alarm in member.service.of_type(ALARM).items():
            where = f"{_template(member)}: {name}"
            told = [one.get("Ref") for one in listed(alarm.get("AlarmActions"))]
            if told != [TOPIC] or TOPIC not in topics:
                yield f"{where} tells {told}. Let it tell the stack's topic {TOPIC}"
            if alarm.get("TreatMissingData") is None:
                yield f"{where}: say TreatMissingData"
            if alarm.get("EvaluateLowSampleCountPercentile") == "ignore":
                yield f"{where} waits for a thousand samples: let it evaluate fewer, too"
            description = alarm.get("AlarmDescription")
            text = description.get("Fn::Sub") if isinstance(description, dict) else description
            if not str(text).endswith(f"${{RunbookUrl}}#{name.lower()}"):
                yield f"{where}: end its description with ${{RunbookUrl}}#{name.lower()}"
            if name not in headings:
                yield f"{RUNBOOK} says nothing of {name} ({member.name}). Give it a heading"


@rule
def alarms_watch_what_their_stack_makes(tree: Tree) -> Iterator[str]:
    """A metric, dimensions and a statistic that there are: any other alarm never goes off."""
    for member in tree.members:
        for name in member.service.of_type(ALARM):
            for shown in _watched(member, name):
                yield from _faults(tree, member, shown)


@rule
def everything_that_may_fail_has_its_alarm(tree: Tree) -> Iterator[str]:
    """Queues that are read, by the age of what waits; functions; and what an API answers."""
    for member in tree.members:
        watched = {
            (shown.namespace, shown.name, _resource(member, shown)): shown.statistic
            for name in member.service.of_type(ALARM)
            for shown in _watched(member, name)
        }
        wanted = [
            *(("AWS/SQS", "ApproximateAgeOfOldestMessage", queue) for queue in _read(member)),
            *(
                ("AWS/Lambda", name, door.logical_id)
                for door in member.service.doors
                for name in ("Errors", "Throttles")
            ),
            *(
                ("AWS/ApiGateway", name, api)
                for api in member.service.of_type(API)
                for name in ("5XXError", "Latency")
            ),
        ]
        for asked in wanted:
            if asked not in watched:
                yield f"{_template(member)}: no alarm watches {asked[1]} of {asked[2]}. Add one"


# Dashboards


@rule
def dashboards_are_as_their_files_say(tree: Tree) -> Iterator[str]:
    """The template has what the JSON file beside it says; a service has a dashboard."""
    for member in tree.members:
        found = member.service.of_type(DASHBOARD)
        if "Dashboard" not in found:
            yield f"{_template(member)}: give it a Dashboard"
        for name, properties in found.items():
            path = member.service.folder / dashboards.file_name(name)
            given = properties.get("DashboardBody", {}).get("Fn::Sub")
            if not path.exists() or given != dashboards.body(path):
                yield f"{_template(member)}: {name} is not what {path.name} says: `make contracts`"


@rule
def dashboards_show_what_their_stack_makes(tree: Tree) -> Iterator[str]:
    """Every metric on them is there, and every function, dead letter and alarm is on them."""
    for member in tree.members:
        for name in member.service.of_type(DASHBOARD):
            widgets = _widgets(member, name)
            shown = [one for widget in widgets for one in _on(member, name, widget)]
            for one in shown:
                yield from _faults(tree, member, one)
            for widget in widgets:
                yield from _not_found(tree, _file(member, name), widget)
            if name != "Dashboard":
                continue
            resources = {_resource(member, one) for one in shown}
            missing = [
                *(door.logical_id for door in member.service.doors),
                *member.service.dead_letter_queues,
                *_read(member),
            ]
            for resource in missing:
                always = "Condition" not in member.service.resources[resource]
                if always and resource not in resources:
                    yield f"{_file(member, name)} does not show {resource}"
            text = json.dumps(widgets)
            for alarm in member.service.of_type(ALARM):
                always = "Condition" not in member.service.resources[alarm]
                if always and f"${{{alarm}.Arn}}" not in text:
                    yield f"{_file(member, name)} does not show the alarm {alarm}"
            yield from _too_high(member, name, widgets)


def _not_found(tree: Tree, where: str, widget: Json) -> Iterator[str]:
    """The metrics that a widget searches for and that nobody has."""
    counted = {name for known in tree.counted.values() for name in known}
    for expression in SEARCH.findall(json.dumps(widget["properties"].get("metrics", []))):
        metric, namespace = METRIC.search(expression), NAMESPACE.search(expression)
        if not metric or not namespace:
            yield f"{where} searches for {expression}. Name a namespace and a MetricName"
            continue
        known = counted if namespace[1] == OWN else KINDS.get(namespace[1], {}).keys()
        if metric[1] not in known:
            yield f"{where} searches for {namespace[1]} {metric[1]}, which nobody counts"


def _too_high(member: Member, name: str, widgets: Sequence[Json]) -> Iterator[str]:
    for widget in widgets:
        if widget["x"] + widget["width"] > 24:
            yield f"{_file(member, name)}: a widget at {widget['x']} is wider than the screen"
    if max(widget["y"] + widget["height"] for widget in widgets) > 36:
        yield f"{_file(member, name)} is more than one screen"


# Logs and traces


@rule
def logs_can_be_turned_down_and_asked(tree: Tree) -> Iterator[str]:
    """Lambda's own lines go by a parameter, and the saved queries ask all the stack's logs."""
    for member in tree.members:
        groups = set(member.service.of_type(LOG_GROUP))
        for door in member.service.doors:
            logging = door.properties.get("LoggingConfig", {})
            if logging.get("SystemLogLevel") != {"Ref": "PlatformLogLevel"}:
                yield f"{_door(door)}: set LoggingConfig.SystemLogLevel to !Ref PlatformLogLevel"
        queries = member.service.of_type(QUERY)
        if len(queries) < 3:
            yield f"{_template(member)} saves {len(queries)} queries. Save three or more"
        for name, query in queries.items():
            asked = {str(one.get("Ref")) for one in listed(query.get("LogGroupNames"))}
            for group in sorted(groups - asked):
                if "Condition" not in member.service.resources[group]:
                    yield f"{_template(member)}: {name} does not ask {group}"


@rule
def how_much_is_traced_is_a_parameter(tree: Tree) -> Iterator[str]:
    """Every stack has a sampling rule for its own functions, where a rate is given."""
    for member in tree.members:
        rules = member.service.of_type("AWS::XRay::SamplingRule").values()
        rates = [one.get("SamplingRule", {}).get("FixedRate") for one in rules]
        if rates != [{"Ref": "TracingRate"}]:
            yield f"{_template(member)}: add a sampling rule with FixedRate !Ref TracingRate"


# What is asked for, and what there is


def _watched(member: Member, name: str) -> Iterator[Shown]:
    """The metrics that an alarm watches: one, or those that it reckons with."""
    resource = member.service.resources[name]
    alarm, condition = resource["Properties"], resource.get("Condition")
    where = f"{_template(member)}: {name}"
    if "MetricName" in alarm:
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
        dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
        given = (alarm["Namespace"], alarm["MetricName"], dimensions, str(statistic))
        yield Shown(where, *given, condition)
    for one in alarm.get("Metrics", []):
        if "MetricStat" in one:
            metric, statistic = one["MetricStat"]["Metric"], one["MetricStat"]["Stat"]
            dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
            given = (metric["Namespace"], metric["MetricName"], dimensions, statistic)
            yield Shown(where, *given, condition)


def _widgets(member: Member, name: str) -> list[Json]:
    path = member.service.folder / dashboards.file_name(name)
    widgets: list[Json] = json.loads(path.read_text())["widgets"]
    return widgets


def _on(member: Member, name: str, widget: Json) -> Iterator[Shown]:
    """The metrics of a widget, with CloudWatch's shorthands for what the row before says."""
    properties = widget["properties"]
    row: list[str] = []
    for written in properties.get("metrics", []):
        parts = [part for part in written if not isinstance(part, dict)]
        options = next((part for part in written if isinstance(part, dict)), {})
        if "expression" in options:
            continue
        row = full(parts, row)
        dimensions = dict(zip(row[2::2], map(_named, row[3::2]), strict=True))
        statistic = options.get("stat", properties.get("stat", "Average"))
        title = f"{_file(member, name)}: {properties.get('title')!r}"
        yield Shown(title, row[0], row[1], dimensions, statistic)


def _named(text: str) -> Any:
    """What a name in a dashboard comes to, as a template would write it."""
    match re.fullmatch(r"\$\{([\w:]+)(?:\.(\w+))?\}", text):
        case None:
            return text
        case found if found[2]:
            return {"Fn::GetAtt": [found[1], found[2]]}
        case found:
            return {"Ref": found[1]}


def _faults(tree: Tree, member: Member, shown: Shown) -> Iterator[str]:
    """What is wrong with a metric that is asked for."""
    if shown.namespace == OWN:
        yield from _own_faults(tree, member, shown)
        return
    kind = KINDS.get(shown.namespace, {}).get(shown.name)
    if kind is None:
        yield f"{shown.where}: {shown.namespace} {shown.name} is no metric that is known here"
        return
    if not _fits(shown.statistic, kind.statistics):
        told = ", ".join(sorted(kind.statistics))
        yield f"{shown.where}: {shown.statistic} of {shown.name} says nothing. Take {told}"
    wanted = {kind.dimension} | FURTHER.get(shown.namespace, set())
    if set(shown.dimensions) != wanted:
        yield f"{shown.where}: {shown.name} has the dimensions {sorted(wanted)}"
        return
    name = _resource(member, shown)
    if name not in member.service.of_type(kind.of):
        yield f"{shown.where}: {shown.name} is of {shown.dimensions}: the stack makes no such thing"
        return
    if kind.reads and not any(door.logical_id == name for door in _readers(member, kind.reads)):
        yield f"{shown.where}: {name} reads no {kind.reads}, so it has no {shown.name}"
    condition = member.service.resources[name].get("Condition")
    if shown.condition is None and condition and shown.where.endswith("Alarm"):
        yield f"{shown.where}: {name} is there under {condition} only. Let the alarm be, too"


def _own_faults(tree: Tree, member: Member, shown: Shown) -> Iterator[str]:
    known = tree.counted.get(member.name, {})
    if shown.name not in known:
        yield f"{shown.where}: {member.name} never counts {shown.name}"
        return
    given = {name: _plain(value) for name, value in shown.dimensions.items()}
    if given not in known[shown.name]:
        yield (
            f"{shown.where}: {member.name} counts {shown.name} by "
            f"{' or '.join(str(one) for one in known[shown.name])}, not {given}"
        )


def _plain(value: Any) -> str:
    return "${AWS::StackName}" if value == {"Ref": "AWS::StackName"} else str(value)


def _fits(statistic: str, allowed: frozenset[str]) -> bool:
    return statistic in allowed or ("p" in allowed and bool(PERCENTILE.fullmatch(statistic)))


def _resource(member: Member, shown: Shown) -> str | None:
    """The resource of this stack that a metric of AWS is of; None: it is of no one."""
    kind = KINDS.get(shown.namespace, {}).get(shown.name)
    value = shown.dimensions.get(kind.dimension) if kind else None
    if kind and kind.of == API:
        apis = member.service.of_type(API)
        for name, api in apis.items():
            if (api.get("Name"), api.get("StageName")) == (value, shown.dimensions.get("Stage")):
                return name
        return None
    match value:
        # A queue goes by its address, which no metric knows.
        case {"Ref": str(name)} if name not in member.service.of_type(QUEUE):
            return name
    pair = attribute(value)
    return pair[0] if pair and kind and pair[1] == kind.dimension else None


def _read(member: Member) -> list[str]:
    """The queues that a function reads."""
    letters = set(member.service.dead_letter_queues)
    return [name for name in member.service.of_type(QUEUE) if name not in letters]


def _readers(member: Member, kind: str) -> list[Door]:
    """The functions that have an event source of that type."""
    return [
        door
        for door in member.service.doors
        if any(event["Type"] == kind for event in door.events.values())
    ]


def _template(member: Member) -> str:
    return f"{member.service.folder.name}/template.yaml"


def _file(member: Member, name: str) -> str:
    return f"{member.service.folder.name}/{dashboards.file_name(name)}"


def _door(door: Door) -> str:
    return f"{door.service.folder.name}/template.yaml: {door.logical_id}"
