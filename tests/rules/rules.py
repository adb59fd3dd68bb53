"""The ground rules, read from templates, contracts and code. Each says what to do where it fails.

A rule takes the tree and yields a complaint for everything that breaks it.
"""

import ast
import difflib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from tests.rules import front, grants, watch
from tests.rules.front import Rule
from tests.rules.tree import (
    Entrance,
    Holder,
    Member,
    Tree,
    arns,
    attribute,
    listed,
    number,
    strings,
    taken,
    under,
)
from tools import drift, requirements
from tools.services import FUNCTION, Door

RULES: dict[str, Rule] = {**front.RULES, **watch.RULES}

PUBLIC = "public-api"
"""The only service that faces the internet."""

ENTRANCES = {
    ("fulfilment", "POST", "/carrier-events"): "carriers have to reach it; what comes is checked by"
    " their signature before it counts",
    ("payments", "POST", "/webhooks/stripe"): "Stripe has to reach it; what comes is checked by"
    " its signature before it counts",
}
"""What other services let anybody do, by service, method and path, and why."""

ERROR = "ErrorRaised"
"""The one event that any service may tell under its own name: what a manager has to hear of."""

TRIES = 10
"""How often a queue gives a message out before it is a dead letter."""

AWS_OWN = "aws."
"""What the source begins with of an event that AWS itself tells. It is no message of asyncapi.yaml,
stands on the default bus alone, and is filtered down to what is the service's own."""

ALARM_CHANGED = ["CloudWatch Alarm State Change"]
ALARMS_OF_A_PREFIX = {
    "alarmName": [{"prefix": {"Ref": "AlarmPrefix"}}],
    "state": {"value": ["ALARM"]},
}
"""What the public one's rule asks of what CloudWatch tells."""

SCANS = {"dynamodb:scan", "dynamodb:partiqlselect"}
"""Actions that may read a whole table."""

SCANNERS = {"republisher"}
"""The doors that do: they tell of all there is, a page at a time."""

TELLERS = {"outbox": "what changed", "republisher": "what is there"}
"""The doors that put events, and what they tell. Both read what is committed."""

REPUBLISHED = "Republished"
"""What the name of an event ends with that tells of what is there."""

PLUMBING: dict[str, dict[str, str]] = {
    "delivery.py": {"reports": "takes a batch as one, and may have no way to its queues"},
    "errors.py": {"public-api": "answers what the terms of the shop refuse, too"},
}
"""Modules that are the same wherever they are, and the services where they are not, and why."""

FOURTEEN_DAYS = 1_209_600
"""The longest that SQS keeps a message, in seconds."""

ROLE = "AWS::IAM::Role"
QUEUE = "AWS::SQS::Queue"
TOPIC, SUBSCRIPTION = "AWS::SNS::Topic", "AWS::SNS::Subscription"

GRANTING = {
    "AWS::IAM::": "write the statements into the role",
    "AWS::Lambda::": "make it an AWS::Serverless::Function, or an event of one",
    "AWS::Serverless::Connector": "write the statements into the function's Policies",
}
"""Types of resources, by how they begin, that grant what no role shows, and what to do instead.

A role is none of them.
"""

IN_TIME = {"AWS_DEFAULTS_MODE": "in-region", "AWS_MAX_ATTEMPTS": "2"}
"""What botocore is told in every function's environment.

By itself it asks DynamoDB ten times, for some 25 seconds, which no function of 10 seconds survives:
its whole batch would come back, at the pace of the queue.
"""

GLOBAL = {
    "EventBusName": "where its messages go",
    "Architecture": "the processor its functions run on",
    "DataProtection": "whether what it keeps is protected",
    "AlarmEmail": "whom its alarms tell",
    "RunbookUrl": "where it is written what to do about them",
    "FunctionAlarms": "whether there are alarms that reckon",
    "LogLevel": "how much it logs",
    "LogRetentionDays": "how long its logs are kept",
    "PlatformLogLevel": "how much Lambda logs beside it",
    "SavedQueries": "whether its questions to the logs are saved",
    "TracingRate": "how much is traced",
}
"""Parameters that every template has."""

TEXT = {".py", ".yaml", ".toml", ".md", ".txt", ".j2", ".html", ".sql"}
GENERATED = {"asyncapi.yaml", "openapi.json"}


def rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES[function.__name__] = function
    return function


# Share nothing


@rule
def no_stack_names_another(tree: Tree) -> Iterator[str]:
    """No export, no import, no other stack's name, no ARN of a fixed account."""
    for member in tree.members:
        where = _template(member)
        others = [other.name for other in tree.members if other is not member]
        for logical_id, output in member.service.template.get("Outputs", {}).items():
            if "Export" in output:
                yield f"{where}: output {logical_id} is exported. Remove the Export: share nothing"
        for text in strings(member.service.template):
            if text in ("Fn::ImportValue", "Fn::GetStackOutput", "AWS::CloudFormation::Stack"):
                yield f"{where}: {text} ties two stacks together. Take a message instead"
            if any(re.search(rf"tbs-app-{other}\b", text) for other in others):
                yield f"{where}: {text!r} names another stack. Take a parameter or a message"
            if re.search(r"arn:[\w-]+:[\w-]*:[\w-]*:\d{12}:", text):
                yield f"{where}: {text!r} names an account. Use ${{AWS::AccountId}}"


@rule
def no_import_crosses_folders(tree: Tree) -> Iterator[str]:
    """A folder's code imports its own package and what is installed, nothing else of this tree."""
    packages = {member.service.package for member in tree.members} | {"tools", "local"}
    for member in tree.members:
        for path in _files(member, {".py"}):
            for name in _imported(path):
                if name in packages - {member.service.package}:
                    yield f"{_from(tree, path)}: imports {name}. Copy the few lines it needs"


@rule
def no_text_names_another_folder(tree: Tree) -> Iterator[str]:
    """Nothing in a folder names another one: it can be lifted out. Message sources are no names."""
    for member in tree.members:
        others = [other.service for other in tree.members if other is not member]
        names = {s.folder.name for s in others} | {s.package for s in others if "_" in s.package}
        pattern = re.compile(rf"(?<!tbs\.)(?<![\w-])({'|'.join(sorted(names))})(?![\w-])")
        for path in _files(member, TEXT):
            for number_, line in enumerate(path.read_text().splitlines(), 1):
                if (found := pattern.search(line)) and f"tbs-{found[1]}" not in line:
                    yield f"{_from(tree, path)}:{number_} names {found[1]}: {line.strip()}"
                if path.suffix in {".md", ".yaml", ".toml"} and "../" in line:
                    yield f"{_from(tree, path)}:{number_} leads out of the folder: {line.strip()}"


@rule
def no_service_calls_another(tree: Tree) -> Iterator[str]:
    """No function may invoke an API, a function or a queue that is not its own."""
    for member in tree.members:
        for door, statement in member.grants():
            for action in listed(statement.get("Action")):
                if str(action).lower().startswith(("execute-api:", "states:")):
                    yield f"{_door(door)} may {action}. Services speak by messages alone"
                if str(action).lower().startswith("lambda:invoke"):
                    own = set(member.service.of_type(FUNCTION))
                    for function in arns(statement["Resource"]) - own:
                        yield f"{_door(door)} may {action} on {function}, which is not its own"
                if str(action).lower().startswith("sqs:"):
                    own = set(member.service.of_type("AWS::SQS::Queue"))
                    for queue in arns(statement["Resource"]) - own:
                        yield f"{_door(door)} may {action} on {queue}, which is not its own queue"


@rule
def only_one_faces_the_internet(tree: Tree) -> Iterator[str]:
    """All APIs but the public one take requests signed with IAM only, save for what is named."""
    for member in tree.members:
        if member.name == PUBLIC:
            continue
        for door in member.service.doors:
            for route in door.routes:
                if route.authorizer != "AWS_IAM":
                    yield (
                        f"{_door(door)}: {route.method} {route.path} is open to"
                        f" {route.authorizer or 'everybody'}. Set DefaultAuthorizer: AWS_IAM"
                    )
        open_to = {
            (member.name, entrance.method, entrance.path): entrance.authorizer
            for entrance in member.entrances
            if entrance.authorizer != "AWS_IAM"
        }
        named = {key for key in ENTRANCES if key[0] == member.name}
        for _, method, path in sorted(open_to.keys() - named):
            yield f"{_template(member)}: {method} {path} is open. Set AuthorizationType: AWS_IAM"
        for _, method, path in sorted(named - open_to.keys()):
            yield f"{_template(member)} has no open {method} {path}. Take it out of ENTRANCES"


@rule
def what_anybody_may_call_is_a_function_or_a_queue(tree: Tree) -> Iterator[str]:
    """No function has an address of its own. An open entrance without a function fills a queue."""
    for member in tree.members:
        for door in member.service.doors:
            if "FunctionUrlConfig" in door.properties:
                yield f"{_door(door)} has an address of its own. Put it behind its API"
        for entrance in member.entrances:
            if entrance.authorizer != "AWS_IAM":
                yield from (f"{_door(entrance)}: {fault}" for fault in _no_queue(member, entrance))
        for name, stage in member.service.of_type("AWS::ApiGateway::Stage").items():
            limited = [one for one in stage.get("MethodSettings", []) if _limits(one)]
            if not limited or not stage.get("TracingEnabled"):
                yield (
                    f"{_template(member)}: {name}: set TracingEnabled, and the throttling limits"
                    ' of HttpMethod "*" and ResourcePath /* in MethodSettings'
                )


def _no_queue(member: Member, entrance: Entrance) -> Iterator[str]:
    """Why an entrance is more than a way into one queue of its own."""
    integration = entrance.properties.get("Integration", {})
    if (entrance.method, integration.get("IntegrationHttpMethod")) != ("POST", "POST"):
        yield "only POST into a queue may be open, by POST"
    uri = integration.get("Uri")
    target = re.fullmatch(
        r"arn:\$\{AWS::Partition\}:apigateway:\$\{AWS::Region\}:sqs:path/\$\{AWS::AccountId\}/"
        r"\$\{(\w+)\.QueueName\}",
        str(uri.get("Fn::Sub") if isinstance(uri, dict) else uri),
    )
    queue = target[1] if target else None
    if integration.get("Type") != "AWS" or queue not in member.service.of_type("AWS::SQS::Queue"):
        yield "what is open leads into a queue of its own: Type AWS, Uri …:sqs:path/…"
    role = next((r for r in member.roles if arns(integration.get("Credentials")) == {r.name}), None)
    if role is None:
        yield "its Credentials are to be a role of this template"
        return
    if role.trusted != [{"Service": "apigateway.amazonaws.com"}]:
        yield f"{role.name} is to be taken on by apigateway.amazonaws.com alone"
    may = [
        (action, resource)
        for holder, statement in member.grants()
        if holder == role
        for action in listed(statement.get("Action"))
        for resource in arns(statement.get("Resource"))
    ]
    if may != [("sqs:SendMessage", queue)] or any(h == role for h, _ in member.managed_policies()):
        yield f"{role.name} may {may}. It needs sqs:SendMessage to {queue} and nothing else"


def _limits(settings: Mapping[str, Any]) -> bool:
    everything = (settings.get("HttpMethod"), settings.get("ResourcePath")) == ("*", "/*")
    limits = ("ThrottlingRateLimit", "ThrottlingBurstLimit")
    return everything and all(limit in settings for limit in limits)


# Messages


@rule
def every_message_has_one_owner(tree: Tree) -> Iterator[str]:
    """An event has one sender, a command one who obeys it; nobody hears what nobody sends."""
    senders, readers = _by_message(tree, "send"), _by_message(tree, "receive")
    kinds = defaultdict(set)
    for member in tree.members:
        for message in member.messages:
            kinds[message.name].add(message.kind)
            if message.action == "receive" and message.kind == "Event":
                who = {f"tbs.{name}" for name in senders[message.name]}
                if not message.sources or set(message.sources) - who:
                    yield (
                        f"{member.name} hears {message.name} of {message.sources}, but"
                        f" {', '.join(who) or 'nobody'} sends it. Put that into `sender`"
                    )
    for name, kind in sorted(kinds.items()):
        if not (kind <= {"Event", "Command"} and len(kind) == 1):
            yield f"{name} is told of as {kind}: start every docstring with Event: or Command:"
        if "Event" in kind and len(senders[name]) > 1 and name != ERROR:
            yield f"The event {name} has several senders: {senders[name]}. Rename all but one"
        if "Command" in kind and len(readers[name]) != 1:
            yield f"The command {name} is obeyed by {readers[name] or 'nobody'}: it takes one"
        if "Command" in kind and not senders[name]:
            yield f"The command {name} is heard by {readers[name]} and sent by nobody"


@rule
def errors_are_told_to_managers_alone(tree: Tree) -> Iterator[str]:
    """Any service may tell its errors, and the public one alone hears them, all of them."""
    for member in tree.members:
        if ERROR in member.hears and member.name != PUBLIC:
            yield f"{member.name} hears {ERROR}. Only {PUBLIC} does, for its managers"
        if ERROR in member.sends and member.name == PUBLIC:
            yield f"{PUBLIC} tells {ERROR}. Nobody hears it: keep it"
    senders = {f"tbs.{name}" for name in _by_message(tree, "send")[ERROR]}
    for member in tree.members:
        if ERROR in member.hears:
            for source in sorted(senders - set(member.hears[ERROR].sources)):
                yield f"{member.name} does not hear the {ERROR} of {source}. Put it into `sender`"


@rule
def no_dependency_goes_in_a_circle(tree: Tree) -> Iterator[str]:
    """Who sends or hears a message depends on its owner. That graph has no cycle."""
    try:
        TopologicalSorter(dependencies(tree)).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        yield f"The services depend on each other in a circle: {circle}. Make a message the other's"


@rule
def rules_let_in_what_is_heard(tree: Tree) -> Iterator[str]:
    """Patterns of rules are what asyncapi.yaml receives; events are told by their sender too.

    They may ask whose an event is, and nothing else of what it says. What AWS tells is another
    matter: see the next rule.
    """
    for member in tree.members:
        let_in: set[tuple[str | None, str]] = set()
        for logical_id, properties in member.service.of_type("AWS::Events::Rule").items():
            pattern = properties.get("EventPattern", {})
            if _is_told_by_aws(pattern):
                continue
            extra = pattern.keys() - {"source", "detail-type"}
            if extra and not (extra == {"detail"} and _asks_whose(pattern["detail"])):
                yield f"{_template(member)}: {logical_id} matches on {extra}. Decide that in code"
            for name in pattern.get("detail-type", []):
                let_in |= {(source, name) for source in pattern.get("source", [None])}
            if properties.get("EventBusName") != {"Ref": "EventBusName"}:
                yield f"{_template(member)}: {logical_id} is not on the bus !Ref EventBusName"
        heard = {
            (source, message.name)
            for message in member.hears.values()
            for source in (message.sources if message.kind == "Event" else (None,))
        }
        for source, name in sorted(let_in - heard, key=str):
            yield f"{_template(member)}: a rule lets in {name} of {source}, which nobody hears"
        for source, name in sorted(heard - let_in, key=str):
            yield f"{_template(member)}: no rule lets in {name} of {source}. Add it to a pattern"


def _is_told_by_aws(pattern: Mapping[str, Any]) -> bool:
    """Whether a rule hears something that AWS says, and no service."""
    return any(str(source).startswith(AWS_OWN) for source in pattern.get("source", []))


def _asks_whose(detail: Any) -> bool:
    """Whether a pattern asks nothing of a message but what its owner's name begins with."""
    match detail:
        case {"data": {"owner": [{"prefix": str()}], **data}, **more}:
            return not data and not more
    return False


@rule
def what_aws_tells_is_of_the_services_own(tree: Tree) -> Iterator[str]:
    """S3's events come from a bucket of the template that tells, and by the bus that AWS knows.

    The public one hears alarms, too: those of a prefix, which is all that it knows of others.
    """
    for member in tree.members:
        for logical_id, properties in member.service.of_type("AWS::Events::Rule").items():
            pattern = properties.get("EventPattern", {})
            where = f"{_template(member)}: {logical_id}"
            if not _is_told_by_aws(pattern):
                continue
            if "EventBusName" in properties:
                yield f"{where} is to be on the default bus: AWS knows no other"
            detail = pattern.get("detail", {})
            match pattern["source"]:
                case ["aws.s3"]:
                    yield from (f"{where} {fault}" for fault in _not_its_bucket(member, detail))
                case ["aws.cloudwatch"] if member.name == PUBLIC:
                    if (pattern.get("detail-type"), detail) != (ALARM_CHANGED, ALARMS_OF_A_PREFIX):
                        yield f"{where} hears more than the alarms that go off, of a prefix"
                case source:
                    yield f"{where} hears {source}. S3 is heard, in a rule of its own"


def _not_its_bucket(member: Member, detail: Mapping[str, Any]) -> Iterator[str]:
    """Why an event of S3's is of no bucket that the template makes and lets tell."""
    buckets = member.service.of_type("AWS::S3::Bucket")
    match detail.get("bucket"):
        case {"name": [{"Ref": str(bucket)}]} if bucket in buckets:
            settings = buckets[bucket].get("NotificationConfiguration", {})
            if settings.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled") is not True:
                yield f"hears {bucket}, which tells nobody. Set its EventBridgeConfiguration"
        case other:
            yield f"hears of the bucket {other}. Name one of this template"


@rule
def outbox_may_send_what_is_sent(tree: Tree) -> Iterator[str]:
    """Who puts events tells off a stream or of what is stored, by a role that names each message.

    The outbox tells what changed, the republisher what is there: neither may send what is the
    other's. No other role puts events.
    """
    for member in tree.members:
        allowed: set[str] = set()
        for door, statement in member.grants():
            if "events:PutEvents" not in listed(statement.get("Action")):
                continue
            if door.name not in TELLERS:
                yield f"{_door(door)} may put events. Only an outbox may: state first"
            conditions = statement.get("Condition", {})
            keys = conditions.get("StringEqualsIfExists") or conditions.get("StringEquals") or {}
            if listed(keys.get("events:source")) != [f"tbs.{member.name}"]:
                yield f"{_door(door)}: events:source has to be tbs.{member.name}, and nothing else"
            names = set(listed(keys.get("events:detail-type")))
            allowed |= names
            for name in sorted(names):
                if name.endswith(REPUBLISHED) != (door.name == "republisher"):
                    yield f"{_door(door)} may send {name}. It tells {TELLERS.get(door.name)}"
        for name in sorted(allowed - member.sends.keys()):
            yield f"{_template(member)}: the outbox may send {name}, which is not in SENDS"
        for name in sorted(member.sends.keys() - allowed):
            yield f"{_template(member)}: the outbox may not send {name}. Add it to its role"


# Queues


@rule
def every_queue_is_encrypted_and_gives_up(tree: Tree) -> Iterator[str]:
    """Encrypted; a dead-letter queue after ten tries, or is one, and keeps fourteen days."""
    for member in tree.members:
        for name, properties in member.service.of_type("AWS::SQS::Queue").items():
            where = f"{_template(member)}: {name}"
            if not (properties.get("SqsManagedSseEnabled") or properties.get("KmsMasterKeyId")):
                yield f"{where} is not encrypted. Set SqsManagedSseEnabled: true"
            if name in member.service.dead_letter_queues:
                if properties.get("MessageRetentionPeriod") != FOURTEEN_DAYS:
                    yield f"{where} is to keep its messages {FOURTEEN_DAYS} s"
                continue
            policy = properties.get("RedrivePolicy", {})
            if policy.get("maxReceiveCount") != TRIES:
                yield f"{where}: set maxReceiveCount: {TRIES}"
            target = arns(policy.get("deadLetterTargetArn"))
            if len(target & set(member.service.dead_letter_queues)) != 1:
                yield f"{where} has no dead-letter queue. Give it a RedrivePolicy"


@rule
def every_dead_letter_queue_has_an_alarm(tree: Tree) -> Iterator[str]:
    """One message in it, and someone is told."""
    for member in tree.members:
        alarms = member.service.of_type("AWS::CloudWatch::Alarm").values()
        watched = {
            found[0]
            for alarm in alarms
            if alarm.get("Namespace") == "AWS/SQS"
            and alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
            and (alarm.get("ComparisonOperator"), alarm.get("Threshold"))
            in {("GreaterThanThreshold", 0), ("GreaterThanOrEqualToThreshold", 1)}
            for dimension in alarm.get("Dimensions", [])
            if dimension.get("Name") == "QueueName"
            and (found := attribute(dimension.get("Value")))
            and found[1] == "QueueName"
        }
        for name in member.service.dead_letter_queues:
            if name not in watched:
                yield (
                    f"{_template(member)}: no alarm watches {name}. Add one on AWS/SQS"
                    " ApproximateNumberOfMessagesVisible > 0 for its QueueName"
                )


@rule
def every_stream_has_an_alarm_on_its_lag(tree: Tree) -> Iterator[str]:
    """A change that cannot be told holds up all that come after it: someone is told in minutes."""
    for member in tree.members:
        watched = {
            name
            for alarm in member.service.of_type("AWS::CloudWatch::Alarm").values()
            if (alarm.get("Namespace"), alarm.get("MetricName")) == ("AWS/Lambda", "IteratorAge")
            for dimension in alarm.get("Dimensions", [])
            if dimension.get("Name") == "FunctionName"
            for name in [dimension.get("Value", {}).get("Ref")]
        }
        for door, _ in _sources(member, "DynamoDB"):
            if door.logical_id not in watched:
                yield (
                    f"{_template(member)}: no alarm watches how far {door.logical_id} is behind. "
                    "Add one on AWS/Lambda IteratorAge for its FunctionName"
                )


@rule
def an_api_has_one_stage(tree: Tree) -> Iterator[str]:
    """SAM adds a stage of its own, with no limits and no tracing, unless OpenApiVersion is set."""
    for member in tree.members:
        for name, api in member.service.of_type("AWS::Serverless::Api").items():
            if not api.get("OpenApiVersion"):
                yield f"{_template(member)}: {name}: set OpenApiVersion"


@rule
def queues_wait_long_enough_for_their_function(tree: Tree) -> Iterator[str]:
    """Visible again only after six times the function's timeout, and the batching window."""
    for member in tree.members:
        queues = member.service.of_type("AWS::SQS::Queue")
        for door, properties in _sources(member, "SQS"):
            found = attribute(properties["Queue"])
            assert found
            window = number(properties.get("MaximumBatchingWindowInSeconds", 0), member.service)
            needed = 6 * number(door.properties["Timeout"], member.service) + window
            given = number(queues[found[0]].get("VisibilityTimeout", 30), member.service)
            if given < needed:
                yield f"{_template(member)}: {found[0]}: set VisibilityTimeout to {needed} or more"


@rule
def who_reads_a_queue_can_bury_and_put_off(tree: Tree) -> Iterator[str]:
    """It knows the queue and its dead letters, and may send to the one and put off in the other.

    Where it knows them under a condition only, it may do so under the same.
    """
    for member in tree.members:
        queues = member.service.of_type("AWS::SQS::Queue")
        for door, properties in _sources(member, "SQS"):
            found = attribute(properties["Queue"])
            assert found
            policy = queues[found[0]].get("RedrivePolicy", {})
            letters = next(iter(sorted(arns(policy.get("deadLetterTargetArn")))), "")
            for variable, queue, action in (
                ("QUEUE_URL", found[0], "sqs:ChangeMessageVisibility"),
                ("DEAD_LETTER_QUEUE_URL", letters, "sqs:SendMessage"),
            ):
                value = door.variables.get(variable)
                urls = [url for url in taken(value) if url != ""]
                if urls not in ([{"Ref": queue}], [{"Fn::GetAtt": [queue, "QueueUrl"]}]):
                    yield f"{_door(door)}: set {variable} to the address of {queue}"
                    continue
                condition = value["Fn::If"][0] if value and "Fn::If" in value else None
                given = _granted(door, action, condition)
                if queue not in given:
                    yield f"{_door(door)} may not {action}. Allow it on {queue}"
                for other in sorted(given - {queue}):
                    yield f"{_door(door)} may {action} on {other}. It needs {queue} alone"


@rule
def queues_let_in_their_rules_only(tree: Tree) -> Iterator[str]:
    """A queue takes messages from the template's rules or topics that feed it, and nobody else."""
    for member in tree.members:
        rules = member.service.of_type("AWS::Events::Rule")
        fed: defaultdict[str, set[str]] = defaultdict(set)
        for name, subscribed in member.service.of_type(SUBSCRIPTION).items():
            letters = arns(subscribed.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
            if not letters:
                yield f"{_template(member)}: {name}: give it a RedrivePolicy"
            for queue in arns(subscribed["Endpoint"]) | letters:
                fed[queue].add(str(subscribed["TopicArn"].get("Ref")))
        for name, properties in rules.items():
            for target in properties.get("Targets", []):
                for queue in arns(target["Arn"]):
                    fed[queue].add(name)
                letters = arns(target.get("DeadLetterConfig", {}).get("Arn"))
                if not letters:
                    yield f"{_template(member)}: {name}: give its target a DeadLetterConfig"
                for queue in letters:
                    fed[queue].add(name)
        let_in: defaultdict[str, set[str]] = defaultdict(set)
        for policy in member.service.of_type("AWS::SQS::QueuePolicy").values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                source = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn")
                match source:
                    case {"Ref": str(topic)} if topic in member.service.of_type(TOPIC):
                        who, service = {topic}, "sns.amazonaws.com"
                    case _:
                        who, service = arns(source), "events.amazonaws.com"
                if statement["Principal"] != {"Service": service} or not who:
                    yield f"{_template(member)}: a queue policy lets in others: {statement}"
                if listed(statement["Action"]) != ["sqs:SendMessage"]:
                    yield f"{_template(member)}: a queue policy allows {statement['Action']}"
                for queue in arns(statement["Resource"]):
                    let_in[queue] |= who
        for queue in sorted(fed.keys() | let_in.keys()):
            if fed[queue] != let_in[queue]:
                yield (
                    f"{_template(member)}: the policy of {queue} lets in {sorted(let_in[queue])},"
                    f" its rules are {sorted(fed[queue])}"
                )


@rule
def topics_hear_of_ses_and_tell_queues(tree: Tree) -> Iterator[str]:
    """A topic takes what SES says of the template's own configuration set, for queues of its own.

    They get it as it is, so that one reads what SES has said.
    """
    for member in tree.members:
        policies = member.service.of_type("AWS::SNS::TopicPolicy").values()
        for name in member.service.of_type(TOPIC).keys() - {watch.TOPIC}:
            let_in = [
                statement
                for policy in policies
                if policy.get("Topics") == [{"Ref": name}]
                for statement in listed(policy["PolicyDocument"].get("Statement"))
            ]
            if not let_in:
                yield f"{_template(member)}: {name} has no TopicPolicy of its own"
            for statement in let_in:
                for fault in _not_of_ses(member, statement):
                    yield f"{_template(member)}: {name}: {fault}"
        for name, subscribed in member.service.of_type(SUBSCRIPTION).items():
            if (
                subscribed.get("Protocol") != "sqs"
                or subscribed.get("RawMessageDelivery") is not True
            ):
                yield f"{_template(member)}: {name}: set Protocol: sqs and RawMessageDelivery: true"
            if not arns(subscribed.get("Endpoint")) <= set(member.service.of_type(QUEUE)):
                yield f"{_template(member)}: {name} tells a queue that is not of this template"


def _not_of_ses(member: Member, statement: Mapping[str, Any]) -> Iterator[str]:
    """How a statement of a topic's policy lets in others than SES, or more than one of its sets."""
    if statement.get("Principal") != {"Service": "ses.amazonaws.com"}:
        yield f"lets in {statement.get('Principal')}. SES alone tells it"
    if statement.get("Action") != "sns:Publish":
        yield f"allows {statement.get('Action')}. Telling is sns:Publish"
    asked = statement.get("Condition", {}).get("StringEquals", {})
    if asked.get("AWS:SourceAccount") != {"Ref": "AWS::AccountId"}:
        yield "set AWS:SourceAccount in its Condition"
    texts = grants.written(asked.get("AWS:SourceArn"))
    if not all(grants.fits(grants.MAIL_SET, text, member.service) for text in texts) or not texts:
        yield f"hears of the configuration set {texts}. It is to be this template's own"


# Functions


@rule
def every_function_can_be_watched(tree: Tree) -> Iterator[str]:
    """Python 3.13, traced, logging JSON to a log group of its own that forgets."""
    for member in tree.members:
        groups = member.service.of_type("AWS::Logs::LogGroup")
        used: list[str] = []
        for door in member.service.doors:
            if door.properties.get("Runtime") != "python3.13":
                yield f"{_door(door)}: set Runtime: python3.13"
            if door.properties.get("Tracing") != "Active":
                yield f"{_door(door)}: set Tracing: Active"
            logging = door.properties.get("LoggingConfig", {})
            if logging.get("LogFormat") != "JSON":
                yield f"{_door(door)}: set LoggingConfig.LogFormat: JSON"
            group = str(logging.get("LogGroup", {}).get("Ref"))
            used.append(group)
            if "RetentionInDays" not in groups.get(group, {}):
                yield f"{_door(door)}: give it a log group with RetentionInDays"
            elif groups[group].get("LogGroupName") != {
                "Fn::Sub": f"/tbs/${{AWS::StackName}}/{door.name}"
            }:
                yield f"{_door(door)}: its log group is to be /tbs/${{AWS::StackName}}/{door.name}"
        for group in {group for group in used if used.count(group) > 1}:
            yield f"{_template(member)}: several functions log to {group}"


@rule
def calls_of_aws_fail_before_the_function_does(tree: Tree) -> Iterator[str]:
    """Two tries, a second to connect: a table that throttles is an error, not a dead function."""
    for member in tree.members:
        for door in member.service.doors:
            for name, value in IN_TIME.items():
                if door.variables.get(name) != value:
                    yield f'{_door(door)}: set {name}: "{value}" in Globals'


@rule
def no_event_source_retries_for_ever(tree: Tree) -> Iterator[str]:
    """Queues: partial batch responses. Streams: a bound, and a queue for what is given up."""
    for member in tree.members:
        for door, properties in _sources(member, "SQS"):
            if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield f"{_door(door)}: set FunctionResponseTypes: [ReportBatchItemFailures]"
        for door, properties in _sources(member, "DynamoDB"):
            bounds = ("MaximumRecordAgeInSeconds", "MaximumRetryAttempts")
            if not any(number(properties.get(b, -1), member.service) >= 0 for b in bounds):
                yield f"{_door(door)}: set MaximumRecordAgeInSeconds or MaximumRetryAttempts"
            failure = properties.get("DestinationConfig", {}).get("OnFailure", {})
            if not arns(failure.get("Destination")) <= set(member.service.dead_letter_queues) or (
                not failure
            ):
                yield f"{_door(door)}: give its stream an OnFailure destination: a queue"


@rule
def every_schedule_gives_up(tree: Tree) -> Iterator[str]:
    """Bounded retries and a dead-letter queue: for who invokes on time, and for Lambda itself."""
    for member in tree.members:
        scheduled = [*_sources(member, "ScheduleV2"), *_sources(member, "Schedule")]
        for door, properties in scheduled:
            yield from (f"{_door(door)}: its schedule: {f}" for f in _endless(member, properties))
            invoked = door.properties.get("EventInvokeConfig", {})
            failure = invoked.get("DestinationConfig", {}).get("OnFailure", {})
            settings = {
                "RetryPolicy": invoked,
                "DeadLetterConfig": {"Arn": failure.get("Destination")},
            }
            for fault in _endless(member, settings):
                yield f"{_door(door)}: its EventInvokeConfig (OnFailure): {fault}"
        for name, properties in member.service.of_type("AWS::Scheduler::Schedule").items():
            for fault in _endless(member, properties.get("Target", {})):
                yield f"{_template(member)}: {name}: {fault}"
        for name, properties in member.service.of_type("AWS::Events::Rule").items():
            if "ScheduleExpression" in properties:
                yield f"{_template(member)}: {name} is a schedule. Make it a ScheduleV2 event"


def _endless(member: Member, target: Mapping[str, Any]) -> Iterator[str]:
    """What keeps an asynchronous target from giving up into a dead-letter queue of its own."""
    policy = target.get("RetryPolicy", {})
    for bound in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
        if bound not in policy:
            yield f"set {bound}"
    letters = arns(target.get("DeadLetterConfig", {}).get("Arn"))
    if len(letters & set(member.service.dead_letter_queues)) != 1:
        yield "give it a dead-letter queue"


@rule
def no_function_reads_a_whole_table(tree: Tree) -> Iterator[str]:
    """What is looked for has an index: a scan costs more with every item there is.

    Who tells of all there is has to, and does so in pages.
    """
    for member in tree.members:
        for holder, statement in member.grants():
            for action in listed(statement.get("Action")):
                if str(action).lower() in SCANS and holder.name not in SCANNERS:
                    yield f"{_door(holder)} may {action}. Make an index, and query that"


@rule
def roles_may_do_what_their_door_is_for(tree: Tree) -> Iterator[str]:
    """Their actions and resources are those of grants.py; nothing else in a template grants any."""
    for member in tree.members:
        for logical_id, resource in member.service.resources.items():
            for prefix, instead in GRANTING.items():
                if str(resource["Type"]).startswith(prefix) and resource["Type"] != ROLE:
                    yield f"{_template(member)}: {logical_id}: {instead}"
        for door in member.service.doors:
            for name in sorted({"Connectors", "AssumeRolePolicyDocument"} & door.properties.keys()):
                yield f"{_door(door)} has {name}. Write the statements into its Policies"
        for holder, fault in grants.faults(member):
            yield f"{_door(holder)} {fault}"
        for who, action in grants.unneeded(member):
            yield f"{_template(member)}: {who} has no {action}. Take it out of SPECIAL"
        for holder, name in member.managed_policies():
            yield f"{_door(holder)} has AWS's policy {name}. Write the statements it needs"


@rule
def no_two_functions_share_a_role(tree: Tree) -> Iterator[str]:
    """SAM makes a role for each function that names none."""
    for member in tree.members:
        for door in member.service.doors:
            if "Role" in door.properties:
                yield f"{_door(door)} names a Role. Give it Policies, so that it gets its own"


# State


@rule
def tables_are_safe_and_tell_of_changes(tree: Tree) -> Iterator[str]:
    """On demand, encrypted, both images where an outbox reads, protected by DataProtection."""
    protected = {"Fn::If": ["ProtectsData", True, False]}
    for member in tree.members:
        streamed = {
            found[0]
            for _, properties in _sources(member, "DynamoDB")
            if (found := attribute(properties["Stream"]))
        }
        for name, properties in member.service.of_type("AWS::DynamoDB::Table").items():
            where = f"{_template(member)}: {name}"
            if properties.get("BillingMode") != "PAY_PER_REQUEST":
                yield f"{where}: set BillingMode: PAY_PER_REQUEST"
            view = properties.get("StreamSpecification", {}).get("StreamViewType")
            if name in streamed and view != "NEW_AND_OLD_IMAGES":
                yield f"{where}: its stream is read: set StreamViewType: NEW_AND_OLD_IMAGES"
            if not properties.get("SSESpecification", {}).get("SSEEnabled"):
                yield f"{where} is not encrypted with a key of KMS. Set SSEEnabled: true"
            recovery = properties.get("PointInTimeRecoverySpecification", {})
            if recovery.get("PointInTimeRecoveryEnabled") != protected:
                yield f"{where}: PointInTimeRecoveryEnabled is to follow ProtectsData"
            if properties.get("DeletionProtectionEnabled") != protected:
                yield f"{where}: DeletionProtectionEnabled is to follow ProtectsData"


@rule
def buckets_are_closed(tree: Tree) -> Iterator[str]:
    """To all but this template's roles; CloudFront's distribution of it may read public files."""
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for member in tree.members:
        for name, properties in member.service.of_type("AWS::S3::Bucket").items():
            where = f"{_template(member)}: {name}"
            blocked = properties.get("PublicAccessBlockConfiguration", {})
            for setting in closed:
                if blocked.get(setting) is not True:
                    yield f"{where}: set {setting} in its PublicAccessBlockConfiguration"
            owned = properties.get("OwnershipControls", {}).get("Rules")
            if owned != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
                yield f"{where} knows access lists. Set ObjectOwnership: BucketOwnerEnforced"
            if not properties.get("BucketEncryption"):
                yield f"{where} is not encrypted. Set BucketEncryption"
        for name, policy in member.service.of_type("AWS::S3::BucketPolicy").items():
            for statement in listed(policy["PolicyDocument"].get("Statement")):
                for one in taken(statement):
                    yield from (f"{_template(member)}: {name} {f}" for f in _opens(member, one))


def _opens(member: Member, statement: Mapping[str, Any]) -> Iterator[str]:
    """How a statement of a bucket's policy lets in more than the template's own distribution."""
    if statement.get("Effect") == "Deny":
        return
    if statement.get("Principal") != {"Service": "cloudfront.amazonaws.com"}:
        yield f"lets in {statement.get('Principal')}. CloudFront alone reads, for everybody"
    if statement.get("Action") != "s3:GetObject":
        yield f"allows {statement.get('Action')}. Reading is s3:GetObject"
    public = grants.PUBLISHED.get(member.name, [])
    for text in grants.written(statement.get("Resource")):
        if not any(grants.fits(form, text, member.service) for form in public):
            yield f"opens {text}. Only {' and '.join(public) or 'nothing'} is public"
    source = statement.get("Condition", {}).get("StringEquals", {}).get("AWS:SourceArn")
    texts = grants.written(source)
    if not texts or not all(
        grants.fits(grants.DISTRIBUTION, text, member.service) for text in texts
    ):
        yield f"lets in the distribution {texts}. It is to be this template's own"


# Contracts, packages and deployments


@rule
def routes_are_what_the_contract_says(tree: Tree) -> Iterator[str]:
    """The template lets through what openapi.json describes, all of it and nothing else."""
    for member in tree.members:
        let_through = {(r.method, r.path) for door in member.service.doors for r in door.routes}
        for method, path in sorted(let_through - member.operations):
            yield f"{_template(member)}: {method} {path} is not in openapi.json"
        for method, path in sorted(member.operations - let_through):
            yield f"{_template(member)}: no event lets {method} {path} through"


@rule
def generated_files_are_up_to_date(tree: Tree) -> Iterator[str]:
    """openapi.json, asyncapi.yaml and events/ are what the code says."""
    wanted = {tree.root / path: text for path, text in tree.generated.items()}
    there = {p for m in tree.members for p in m.service.folder.glob("events/*.json")}
    for difference in drift.differences(wanted, there - wanted.keys()):
        yield "Run `make contracts`:\n" + "\n".join(difference.splitlines()[:20])


@rule
def links_lead_somewhere(tree: Tree) -> Iterator[str]:
    """What a document links to is there: contracts and samples by their names, and headings."""
    documents = [member.service.folder / "README.md" for member in tree.members]
    documents += [*tree.root.glob("*.md"), *tree.root.glob("docs/*.md")]
    for path in documents:
        for target, heading in re.findall(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)", path.read_text()):
            there = path.parent / target if target else path
            if not there.exists():
                yield f"{_from(tree, path)} links to {target}, which is not there"
            elif heading and heading not in _headings(there):
                yield f"{_from(tree, path)} links to {target}#{heading}: there is no such heading"


def _headings(path: Path) -> set[str]:
    """The headings of a document, as links name them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


@rule
def deployments_are_named_alike(tree: Tree) -> Iterator[str]:
    """samconfig.toml has default, local and prod; each is a stack of its own."""
    for member in tree.members:
        where = f"{member.service.folder.name}/samconfig.toml"
        config = tomllib.loads((member.service.folder / "samconfig.toml").read_text())
        for section, environment in {"default": "dev", "local": "local", "prod": "prod"}.items():
            given = config.get(section, {}).get("deploy", {}).get("parameters", {})
            wanted = f"tbs-app-{member.name}-{environment}"
            if given.get("stack_name") != wanted:
                yield f"{where}: [{section}.deploy.parameters] is to have stack_name {wanted}"
        if member.service.parameters("prod").get("DataProtection") != "on":
            yield f"{where}: [prod.deploy.parameters] is to have DataProtection=on"
        known = member.service.template["Parameters"].keys()
        for section in config:
            if section != "version" and (
                unknown := member.service.parameters(section).keys() - known
            ):
                yield f"{where}: [{section}] sets {unknown}, which the template does not have"


@rule
def plumbing_is_the_same_everywhere(tree: Tree) -> Iterator[str]:
    """Modules that are copied, so that folders share nothing, do not drift apart."""
    for name, others in PLUMBING.items():
        texts: defaultdict[str, list[str]] = defaultdict(list)
        for member in tree.members:
            path = member.service.folder / "src" / member.service.package / name
            if path.exists() and member.name not in others:
                texts[path.read_text()].append(member.name)
        most = max(texts.values(), key=len, default=[])
        for text, names in texts.items():
            if names != most:
                wanted = next(text for text, names in texts.items() if names == most)
                difference = difflib.unified_diff(
                    wanted.splitlines(), text.splitlines(), most[0], names[0], lineterm="", n=0
                )
                yield (
                    f"{name} of {', '.join(names)} is not that of {', '.join(most)}."
                    " Make them one:\n" + "\n".join(difference)
                )
    for member in tree.members:
        if any(_sources(member, "SQS")):
            path = member.service.folder / "src" / member.service.package / "delivery.py"
            if not path.exists():
                yield f"{_from(tree, path)} is missing: who reads a queue buries and puts off"


@rule
def requirements_are_what_is_locked(tree: Tree) -> Iterator[str]:
    """src/requirements.txt is what uv.lock says for the package, without what Lambda brings."""
    for path, wanted in requirements.files(tree.root, [m.service for m in tree.members]).items():
        difference = "\n".join(
            difflib.unified_diff(path.read_text().splitlines(), wanted.splitlines(), lineterm="")
        )
        if difference:
            yield f"{_from(tree, path)} is not what uv.lock says: run `make lock`.\n{difference}"


@rule
def parameters_mean_the_same_everywhere(tree: Tree) -> Iterator[str]:
    """Every template has the common parameters; those named alike are declared alike."""
    declared: defaultdict[str, list[tuple[Member, Mapping[str, Any]]]] = defaultdict(list)
    for member in tree.members:
        parameters: dict[str, Any] = member.service.template["Parameters"]
        for name, parameter in parameters.items():
            told = {key: value for key, value in parameter.items() if key != "Description"}
            declared[name].append((member, told))
        private = member.service.authorizer == "AWS_IAM"
        for name in {*GLOBAL, *({"VpcEndpointId"} if private else ())} - parameters.keys():
            yield f"{_template(member)}: add the parameter {name}"
    for name, uses in declared.items():
        first, wanted = uses[0]
        for member, declaration in uses[1:]:
            if declaration != wanted:
                yield (
                    f"{_template(member)}: parameter {name} is {declaration}; in {first.name} it is"
                    f" {wanted}. Declare it alike, or name it otherwise"
                )


def dependencies(tree: Tree) -> dict[str, set[str]]:
    """Which services each service depends on: the owners of the messages it hears and sends."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for member in tree.members:
        for message in member.messages:
            if (message.kind, message.action) in {("Event", "send"), ("Command", "receive")}:
                owners[message.name].add(member.name)
    return {
        member.name: {
            owner
            for message in member.messages
            if member.name not in owners[message.name]
            for owner in owners[message.name]
        }
        for member in tree.members
    }


def _by_message(tree: Tree, action: str) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for member in tree.members:
        for message in member.messages:
            if message.action == action:
                found[message.name].append(member.name)
    return found


def _sources(member: Member, kind: str) -> Iterator[tuple[Door, Mapping[str, Any]]]:
    for door in member.service.doors:
        for event in door.events.values():
            if event["Type"] == kind:
                yield door, event["Properties"]


def _granted(door: Door, action: str, condition: str | None) -> set[str]:
    """The resources on which the door may do that, always or where `condition` is true."""
    found: set[str] = set()
    for policy in listed(door.properties.get("Policies")):
        document = under(policy, condition)
        if isinstance(document, dict):
            for one in listed(document.get("Statement")):
                statement = under(one, condition)
                if statement.get("Effect") == "Allow" and action in listed(statement.get("Action")):
                    found |= arns(statement.get("Resource"))
    return found


def _files(member: Member, suffixes: set[str]) -> Iterator[Path]:
    for folder, inner, names in member.service.folder.walk():
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix in suffixes and name not in GENERATED:
                yield folder / name


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def _template(member: Member) -> str:
    return f"{member.service.folder.name}/template.yaml"


def _door(door: Holder | Entrance) -> str:
    return f"{door.service.folder.name}/template.yaml: {door.logical_id}"


def _from(tree: Tree, path: Path) -> Path:
    return path.relative_to(tree.root)
