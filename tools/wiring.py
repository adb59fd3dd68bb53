"""What the templates say is connected with what, with every reference and condition resolved.

moto makes a template's tables, queues, buckets and rules, and resolves its functions.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import boto3
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import ResourceMap, clean_json

from tools.services import Door, Service

Json = dict[str, Any]

REGION = "eu-west-1"
ACCOUNT = "123456789012"
"""moto's own account."""

PHYSICAL_NAME = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Events::Rule": "Name",
}
"""What is made of a template, and the property by which each is named."""

EVENT_DESTINATION = "AWS::SES::ConfigurationSetEventDestination"

KINDS: Mapping[str, Literal["SQS", "DynamoDB", "Schedule"]] = {
    "SQS": "SQS",
    "DynamoDB": "DynamoDB",
    "ScheduleV2": "Schedule",
}
"""What a function's events, by their types, come from."""


class NotWired(Exception):
    """A template uses something that this wiring does not play."""


class Feed(NamedTuple):
    """A door, and how it is fed."""

    door: Door
    properties: Mapping[str, Any]
    """Of the event in the template: BatchSize, FilterCriteria, FunctionResponseTypes, …"""


@dataclass(frozen=True)
class Source:
    """A queue, a table's stream or a schedule, and the doors that it feeds."""

    kind: Literal["SQS", "DynamoDB", "Schedule"]
    service: str
    logical_id: str
    """Of the queue or the table; a schedule's is the function's and the event's in one."""
    name: str
    """The queue's or table's physical name, or the schedule's."""
    feeds: list[Feed] = field(default_factory=list)


class Rule(NamedTuple):
    """What lets messages from a bus into a queue."""

    name: str
    bus: str
    """The name of the bus; "default" is the one that AWS's own services speak on."""
    pattern: Mapping[str, Any]
    queue: str
    """The queue's physical name."""


class Queue(NamedTuple):
    """A queue's settings."""

    url: str
    visibility: int
    """Seconds that a message stays hidden from when it is given out, if nobody says otherwise."""
    max_receive: int | None
    """How often a message is given out before it is a dead letter; None: without end."""
    dead_letters: str | None
    """The physical name of the queue that then gets it."""


class Bucket(NamedTuple):
    """A bucket's settings."""

    name: str
    tells: bool
    """Whether the default bus is told of the objects that come into it."""


class Outlet(NamedTuple):
    """What SES tells of the mails of a configuration set, by a topic, into a queue."""

    service: str
    kinds: frozenset[str]
    """BOUNCE, COMPLAINT, …"""
    queue: str
    """The queue's physical name."""


class Intake(NamedTuple):
    """A path of an API that leads into a queue, with no code between."""

    service: str
    method: str
    path: str
    template: str
    """What makes SQS's request of the caller's, in API Gateway's template language."""
    queue: str
    """The queue's physical name."""


@dataclass
class Wiring:
    """All that the templates say is there, by physical names."""

    doors: list[Door] = field(default_factory=list)
    """The functions whose condition holds."""
    variables: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """The environment of each door, by service and door name."""
    sources: list[Source] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    """One entry for each target of each rule."""
    intakes: list[Intake] = field(default_factory=list)
    outlets: list[Outlet] = field(default_factory=list)
    queues: dict[str, Queue] = field(default_factory=dict)
    tables: dict[str, Json] = field(default_factory=dict)
    """The resolved properties of each AWS::DynamoDB::Table."""
    buckets: list[Bucket] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """What was made up for each secret that a template has generated, by the secret's name."""
    distributions: list[str] = field(default_factory=list)
    """The ids of CloudFront's distributions."""

    def intake(self, service: str, path: str) -> Intake:
        """What a POST to that path leads into. Raises LookupError without one."""
        for intake in self.intakes:
            if (intake.service, intake.method, intake.path) == (service, "POST", path):
                return intake
        raise LookupError(f"The template of {service} puts no POST {path} into a queue")

    def source(self, service: str, logical_id: str) -> Source:
        """The source of that logical id. Raises LookupError without one."""
        for source in self.sources:
            if (source.service, source.logical_id) == (service, logical_id):
                return source
        raise LookupError(f"Nothing in {service} is fed by {logical_id}")


def stack_name(service: Service) -> str:
    """What the service's stack is called."""
    return f"tbs-app-{service.name}-local"


def function_name(door: Door) -> str:
    """What a function goes by where another one is told of it."""
    return f"{stack_name(door.service)}-{door.logical_id}"


def queue_url(name: str) -> str:
    """The address of a queue, by its physical name."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def deploy(service: Service, parameters: Mapping[str, str], wiring: Wiring) -> None:
    """Make what the service's template says in moto, and add it to the wiring.

    Args:
        parameters: over the defaults of the template.

    Raises NotWired for a function that is invoked by something unknown here.
    """
    kept = _kept(service)
    parts = ("Parameters", "Conditions", "Mappings")
    template: Json = {part: service.template.get(part, {}) for part in parts}
    template["Resources"] = kept
    answer = boto3.client("cloudformation").create_stack(
        StackName=stack_name(service),
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )
    stacks = cloudformation_backends[ACCOUNT][REGION].stacks
    _Stack(service, kept, stacks[answer["StackId"]].resource_map).describe(wiring)


class _Stack:
    """A stack that moto has made of a template."""

    def __init__(self, service: Service, kept: Mapping[str, Json], made: ResourceMap) -> None:
        self._service = service
        self._kept = kept
        self._made = made

    def describe(self, wiring: Wiring) -> None:
        for logical_id, resource in self._kept.items():
            if self._is_there(resource.get("Condition")):
                self._add(logical_id, resource["Type"], wiring)
        for logical_id, unmade in self._service.resources.items():
            if self._is_there(unmade.get("Condition")):
                self._add_unmade(logical_id, unmade["Type"], wiring)
        for method in self._service.of_type("AWS::ApiGateway::Method").values():
            if method["Integration"]["Type"] == "AWS":
                wiring.intakes.append(self._intake(method))
        wiring.outlets += self._outlets()
        for door in self._service.doors:
            if self._is_there(door.condition):
                wiring.doors.append(door)
                variables = self._resolved(door.variables).items()
                wiring.variables[self._service.name, door.name] = {
                    name: str(value) for name, value in variables
                }
                self._connect(door, wiring)

    def _add(self, logical_id: str, kind: str, wiring: Wiring) -> None:
        properties = self._resolved(self._kept[logical_id]["Properties"])
        name = properties[PHYSICAL_NAME[kind]]
        match kind:
            case "AWS::DynamoDB::Table":
                wiring.tables[name] = properties
            case "AWS::S3::Bucket":
                notifies = properties.get("NotificationConfiguration", {})
                tells = notifies.get("EventBridgeConfiguration")
                on = tells is not None and tells.get("EventBridgeEnabled", True) in (True, "true")
                wiring.buckets.append(Bucket(name, on))
            case "AWS::SQS::Queue":
                policy = properties.get("RedrivePolicy")
                wiring.queues[name] = Queue(
                    url=queue_url(name),
                    visibility=int(properties.get("VisibilityTimeout", 30)),
                    max_receive=int(policy["maxReceiveCount"]) if policy else None,
                    dead_letters=_last(policy["deadLetterTargetArn"]) if policy else None,
                )
            case "AWS::Events::Rule":
                bus = _last(properties.get("EventBusName", "default")).rpartition("/")[2]
                for target in properties["Targets"]:
                    queue = _last(target["Arn"])
                    wiring.rules.append(Rule(name, bus, properties["EventPattern"], queue))

    def _add_unmade(self, logical_id: str, kind: str, wiring: Wiring) -> None:
        """What moto makes of no template. It goes by the name that stands in for it."""
        name = f"{stack_name(self._service)}-{logical_id}"
        match kind:
            case "AWS::SecretsManager::Secret":
                properties = self._resolved(self._service.resources[logical_id]["Properties"])
                wiring.secrets[name] = _made_up(name, properties["GenerateSecretString"])
            case "AWS::CloudFront::Distribution":
                wiring.distributions.append(name)

    def _intake(self, method: Mapping[str, Any]) -> Intake:
        integration = self._resolved(method["Integration"])
        (template,) = integration["RequestTemplates"].values()
        queue = integration["Uri"].rpartition("/")[2]
        path = self._path(method["ResourceId"])
        return Intake(self._service.name, method["HttpMethod"], path, template, queue)

    def _outlets(self) -> Iterator[Outlet]:
        for name, reports in self._service.of_type(EVENT_DESTINATION).items():
            if not self._is_there(self._service.resources[name].get("Condition")):
                continue
            told = self._resolved(reports)["EventDestination"]
            kinds = frozenset(told["MatchingEventTypes"])
            for subscribed in self._service.of_type("AWS::SNS::Subscription").values():
                given = self._resolved(subscribed)
                if given["TopicArn"] != told["SnsDestination"]["TopicARN"]:
                    continue
                if (given["Protocol"], given.get("RawMessageDelivery")) != ("sqs", True):
                    raise NotWired(f"{self._service.name}: a topic tells {given['Protocol']}")
                yield Outlet(self._service.name, kinds, _last(given["Endpoint"]))

    def _path(self, reference: Mapping[str, Any]) -> str:
        """The path that an API's resource stands for. A reference to the API is to its root."""
        if "Ref" not in reference:
            return ""
        resource = self._service.resources[reference["Ref"]]["Properties"]
        return f"{self._path(resource['ParentId'])}/{resource['PathPart']}"

    def _connect(self, door: Door, wiring: Wiring) -> None:
        """Note what feeds the door."""
        for event_name, event in door.events.items():
            if event["Type"] in {"Api", "Cognito"}:  # somebody waits for the answer
                continue
            if event["Type"] not in KINDS:
                kind = event["Type"]
                raise NotWired(f"{door.service.name}: {door.logical_id} is invoked by {kind}")
            given = event["Properties"]
            match KINDS[event["Type"]]:
                case "SQS":
                    logical_id = given["Queue"]["Fn::GetAtt"][0]
                case "DynamoDB":
                    logical_id = given["Stream"]["Fn::GetAtt"][0]
                case "Schedule":
                    logical_id = f"{door.logical_id}{event_name}"
            feed = Feed(door, self._resolved(given))
            try:
                wiring.source(door.service.name, logical_id).feeds.append(feed)
            except LookupError:
                kind = KINDS[event["Type"]]
                name = f"{stack_name(door.service)}-{logical_id}"
                wiring.sources.append(Source(kind, door.service.name, logical_id, name, [feed]))

    def _is_there(self, condition: str | None) -> bool:
        return condition is None or bool(self._made.lazy_condition_map[condition])

    def _resolved(self, value: Any) -> Any:
        return _without_nothing(clean_json(self._stand_in(value), self._made))

    def _stand_in(self, value: Any) -> Any:
        """The value, with a made-up name for each resource that is not made."""
        match value:
            case {"Fn::GetAtt": [str(name), "QueueUrl"]}:  # moto knows it as the queue's Ref only
                return {"Ref": name}
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if self._is_not_made(name):
                return f"{stack_name(self._service)}-{name}"
            case dict():
                return {key: self._stand_in(part) for key, part in value.items()}
            case list():
                return [self._stand_in(part) for part in value]
            case _:
                return value

    def _is_not_made(self, name: str) -> bool:
        return name in self._service.resources and name not in self._kept


def _kept(service: Service) -> dict[str, Json]:
    """The template's resources that are made, each under a name that is always the same."""
    kept = {}
    for logical_id, resource in service.resources.items():
        if named_by := PHYSICAL_NAME.get(resource["Type"]):
            copied = json.loads(json.dumps(resource))
            copied.pop("DependsOn", None)
            name = f"{stack_name(service)}-{logical_id}"
            name = name.lower() if named_by == "BucketName" else name
            copied.setdefault("Properties", {}).setdefault(named_by, name)
            kept[logical_id] = copied
    return kept


def _without_nothing(value: Any) -> Any:
    """The value without the parts that are AWS::NoValue."""
    match value:
        case dict():
            return {k: _without_nothing(v) for k, v in value.items() if v is not None}
        case list():
            return [_without_nothing(part) for part in value if part is not None]
        case _:
            return value


def _made_up(name: str, wanted: Mapping[str, Any]) -> str:
    """As many characters as are wanted, always the same for the same secret.

    Raises NotWired for a secret of more than one part.
    """
    if extra := wanted.keys() & {"SecretStringTemplate", "GenerateStringKey"}:
        raise NotWired(f"{name} is generated with {', '.join(sorted(extra))}")
    digest = hashlib.shake_256(name.encode())
    return digest.hexdigest(int(wanted.get("PasswordLength", 32)))[::2]


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
