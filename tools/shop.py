"""The whole shop in one process: every door of every service, wired as the templates say.

Tables, queues, buckets, rules and targets are made in moto from the services' own templates, so
what passes from one service to another passes by their patterns, queues and streams alone. A door
is invoked as Lambda would: with its own environment and an event in AWS's form.

The wiring takes no step by itself. After each invocation `Shop.pending` holds what waits to be
delivered; whoever drives the shop chooses what comes next, and moves the clock. To deliver twice,
late or out of order is to copy, leave or pick from that list.
"""

import copy
import hashlib
import importlib
import io
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any, Self
from unittest.mock import patch

import boto3
import time_machine
from aws_lambda_powertools.utilities.parameters import clear_caches
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import EventPattern, Rule
from moto.moto_api._internal import mock_random
from moto.sqs.models import sqs_backends

from tools.services import Door, Service, environment, load

Json = dict[str, Any]

REGION = "eu-west-1"
ACCOUNT = "123456789012"
"""moto's own account."""

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When the shop opens."""

TAP = "tap"
"""The queue that hears all that the services say."""

PHYSICAL_NAME = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Events::Rule": "Name",
}
"""What the shop makes of a template, and the property by which each is named."""

PROCESS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "POWERTOOLS_TRACE_DISABLED": "true",
}
"""What Lambda would tell every function."""


class NotWired(Exception):
    """A template uses something that this wiring does not play."""


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        """The function's own address."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would stop it."""
        return 10_000


@dataclass(frozen=True)
class Delivery:
    """One record that waits for a door."""

    door: Door
    source: str
    """The event source it comes from: the queue's or the table's logical id."""
    key: str
    """What tells it from every other: the message's id, or the changed item's key and version."""
    record: Json
    attempts: int = 0
    """How often the door has had it and failed."""


@dataclass(frozen=True)
class Invocation:
    """A door was invoked: with what, and what came of it."""

    door: Door
    event: Json
    answer: Any
    error: Exception | None
    sent: tuple[Json, ...]
    """The EventBridge events that the bus took meanwhile."""
    log: str
    """What the door logged."""

    @property
    def failed(self) -> list[str]:
        """The message ids of the records that have to come again."""
        if isinstance(self.answer, dict):
            failures = self.answer.get("batchItemFailures", [])
            return [failure["itemIdentifier"] for failure in failures]
        return []


@dataclass
class _Source:
    """A stream or a queue, and the doors that it feeds."""

    kind: str
    logical_id: str
    address: str
    doors: list[tuple[Door, Mapping[str, Any]]] = field(default_factory=list)
    read: int = 0
    """How many changes of a stream were taken."""


class Shop:
    """The services in one process. A context manager: within it, the clock and AWS are the shop's.

    Args:
        services: the folders to wire.
        parameters: by service name, what goes over the parameters samconfig.toml has for `local`.
        seed: of every random number; the same seed makes the same ids.
    """

    def __init__(
        self,
        services: Sequence[Service],
        parameters: Mapping[str, Mapping[str, str]] | None = None,
        seed: int = 0,
    ) -> None:
        self.services = {service.name: service for service in services}
        self.pending: list[Delivery] = []
        self._parameters = parameters or {}
        self._seed = seed
        self._open = ExitStack()
        self._sources: list[_Source] = []
        self._variables: dict[tuple[str, str], dict[str, str]] = {}
        self._modules: dict[tuple[str, str], ModuleType] = {}
        self._log = io.StringIO()
        self._labels: Counter[str] = Counter()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(environment(PROCESS))
            self._clock = opening.enter_context(time_machine.travel(START, tick=False))
            opening.enter_context(mock_aws())
            opening.enter_context(_untransformed())
            opening.enter_context(self._seeded())
            self._reseed("opening")
            self._make_tap()
            for service in self.services.values():
                self._deploy(service)
                opening.callback(_forget, service.package)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        self._clock.shift(by)

    def now(self) -> str:
        """The time, as messages tell it."""
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def parameter(self, service: str, name: str) -> str:
        """The value that a parameter of the service's stack has."""
        parameters = self.services[service].template["Parameters"]
        return self._given(self.services[service]).get(name, str(parameters[name].get("Default")))

    def put(self, source: str, name: str, detail: Mapping[str, Any]) -> None:
        """Put a message on the bus from outside."""
        self._reseed(f"{source} {name} {json.dumps(detail)}")
        entry = {"Source": source, "DetailType": name, "Detail": json.dumps(detail)}
        _client("events").put_events(Entries=[entry])
        self._collect()
        for _ in self._heard():
            pass

    def dead_letters(self) -> dict[str, list[str]]:
        """What lies in the dead-letter queues, by the queue's name. Taking it out empties them."""
        found = {}
        for service in self.services.values():
            for logical_id in service.dead_letter_queues:
                name = f"tbs-app-{service.name}-local-{logical_id}"
                if bodies := [message["Body"] for message in _drain(name)]:
                    found[name] = bodies
        return found

    def module(self, service: str, name: str) -> ModuleType:
        """A module of the service, as its doors see it: module("toys", "messages")."""
        own = self.services[service]
        return load(f"{own.package}.{name}", own, next(iter(self._variables_of(service)), {}))

    def deliver(self, *deliveries: Delivery) -> Invocation:
        """Hand a door a batch of what waits for it. What it fails at waits again.

        Like SQS, a queue gives up on a message after maxReceiveCount and calls it a dead letter.
        Like a stream's event source, a failed batch of changes comes again whole.
        """
        door = deliveries[0].door
        if any((d.door, d.source) != (door, deliveries[0].source) for d in deliveries):
            raise ValueError("A batch goes to one door, from one source")
        taken = {id(delivery) for delivery in deliveries}
        self.pending = [delivery for delivery in self.pending if id(delivery) not in taken]
        event = {"Records": [copy.deepcopy(delivery.record) for delivery in deliveries]}
        label = ",".join(delivery.key for delivery in deliveries)
        invocation = self._invoke(door, event, f"{door.name} {label}")
        for delivery in deliveries:
            if invocation.error or delivery.record.get("messageId") in invocation.failed:
                self._again(delivery)
        return invocation

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        label: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> Invocation:
        """Call an operation of a service's API, as API Gateway would.

        Args:
            label: names the call. With the seed, and how often it was used, it makes the ids.
            claims: of the caller's ID token, where the operation asks for one.

        Raises LookupError when the template has no such operation.
        """
        door, resource, arguments = self._route(service, method, path)
        event = _proxy_event(
            method, path, resource, arguments, label, body, query or {}, headers or {}, claims
        )
        return self._invoke(door, event, label)

    # How it is made

    def _make_tap(self) -> None:
        """A queue that hears all that the services say."""
        sqs, events = _client("sqs"), _client("events")
        sqs.create_queue(QueueName=TAP)
        events.put_rule(Name=TAP, EventPattern='{"source": [{"prefix": "tbs."}]}')
        target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{TAP}"
        events.put_targets(Rule=TAP, Targets=[{"Id": TAP, "Arn": target}])

    def _deploy(self, service: Service) -> None:
        """Make the service's state and plumbing in moto, import its doors and note what feeds them.

        moto resolves the template's functions and conditions; what a door finds in its environment
        comes back as outputs of the stack.
        """
        stack = f"tbs-app-{service.name}-local"
        kept = _kept(service, stack)
        questions: dict[str, Any] = {}
        for door in service.doors:
            exists: Any = {"Fn::If": [door.condition, "yes", "no"]} if door.condition else "yes"
            questions[door.logical_id] = exists
            for position, value in enumerate(door.variables.values()):
                questions[f"{door.logical_id}{position}"] = _stand_in(value, service, kept, stack)
        answers, made = self._make_stack(service, stack, kept, questions)
        here = [door for door in service.doors if answers[door.logical_id] == "yes"]
        for door in here:
            variables = {
                name: answers[f"{door.logical_id}{position}"]
                for position, name in enumerate(door.variables)
            }
            self._variables[service.name, door.name] = variables
            self._connect(door, made)
            with redirect_stdout(self._log):  # a logger keeps the stream it was made with
                self._modules[service.name, door.name] = load(door.module, service, variables)

    def _make_stack(
        self, service: Service, stack: str, kept: Json, questions: Json
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Make the resources. Gives the answers to `questions`, and the resources' physical ids."""
        parts = ("Parameters", "Conditions", "Mappings")
        template: Json = {part: service.template.get(part, {}) for part in parts}
        template["Resources"] = kept
        template["Outputs"] = {name: {"Value": value} for name, value in questions.items()}
        cloudformation = _client("cloudformation")
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self._given(service).items()
            ],
        )
        outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return (
            {output["OutputKey"]: output["OutputValue"] for output in outputs},
            {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in resources},
        )

    def _given(self, service: Service) -> dict[str, str]:
        return {**service.parameters("local"), **self._parameters.get(service.name, {})}

    def _connect(self, door: Door, made: Mapping[str, str]) -> None:
        """Note which queue or stream feeds the door."""
        for event in door.events.values():
            match event["Type"]:
                case "Api":
                    continue
                case "SQS":
                    logical_id, _ = event["Properties"]["Queue"]["Fn::GetAtt"]
                    address = made[logical_id]
                case "DynamoDB":
                    logical_id, _ = event["Properties"]["Stream"]["Fn::GetAtt"]
                    address = made[logical_id]
                case kind:
                    raise NotWired(f"{door.service.name}: {door.logical_id} is invoked by {kind}")
            for source in self._sources:
                if (source.kind, source.address) == (event["Type"], address):
                    break
            else:
                source = _Source(event["Type"], logical_id, address)
                self._sources.append(source)
            source.doors.append((door, event["Properties"]))

    # How it runs

    def _invoke(self, door: Door, event: Json, label: str) -> Invocation:
        key = (door.service.name, door.name)
        handler = getattr(self._modules[key], str(door.properties["Handler"]).rpartition(".")[2])
        self._reseed(f"{door.service.name} {label}")
        context = Context(f"tbs-app-{door.service.name}-local-{door.logical_id}", _uuid(label))
        answer, error, logged = None, None, self._log.tell()
        with environment(self._variables[key]):
            try:
                answer = handler(copy.deepcopy(event), context)
            except Exception as raised:
                error = raised
        self._collect()
        log = self._log.getvalue()[logged:]
        return Invocation(door, event, answer, error, tuple(self._heard()), log)

    def _collect(self) -> None:
        """Take what has come into the queues and streams since the last time."""
        for source in self._sources:
            found = _messages(source) if source.kind == "SQS" else _changes(source)
            for key, record in found:
                for door, properties in source.doors:
                    if _wanted(record, properties.get("FilterCriteria")):
                        own = copy.deepcopy(record)
                        self.pending.append(Delivery(door, source.logical_id, key, own))

    def _again(self, delivery: Delivery) -> None:
        attempts = delivery.attempts + 1
        record = copy.deepcopy(delivery.record)
        if "messageId" in record:
            policy = delivery.door.service.resources[delivery.source]["Properties"]["RedrivePolicy"]
            if attempts >= policy["maxReceiveCount"]:
                name, _ = policy["deadLetterTargetArn"]["Fn::GetAtt"]
                _client("sqs").send_message(
                    QueueUrl=_url(f"tbs-app-{delivery.door.service.name}-local-{name}"),
                    MessageBody=record["body"],
                )
                return
            record["attributes"]["ApproximateReceiveCount"] = str(attempts + 1)
        self.pending.append(
            Delivery(delivery.door, delivery.source, delivery.key, record, attempts)
        )

    def _heard(self) -> Iterator[Json]:
        for message in _drain(TAP):
            yield json.loads(message["Body"])

    def _route(self, service: str, method: str, path: str) -> tuple[Door, str, dict[str, str]]:
        for door in self.services[service].doors:
            for route in door.routes:
                arguments = _arguments(route.path, path)
                if route.method == method and arguments is not None:
                    return door, route.path, arguments
        raise LookupError(f"The template of {service} has no {method} {path}")

    def _variables_of(self, service: str) -> Iterator[dict[str, str]]:
        return (found for (name, _), found in self._variables.items() if name == service)

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """uuid4 and moto draw from the seed. What it was before comes back at the end."""
        self._random = random.Random()
        before = mock_random.getstate()
        with patch.object(os, "urandom", lambda size: self._random.randbytes(size)):
            yield
        mock_random.setstate(before)

    def _reseed(self, label: str) -> None:
        """Draw anew from seed and label, so that one step more changes no other step's ids."""
        self._labels[label] += 1
        digest = hashlib.sha256(f"{self._seed} {label} {self._labels[label]}".encode()).digest()
        self._random.seed(digest)
        mock_random.seed(digest)


@contextmanager
def _untransformed() -> Iterator[None]:
    """Rules hand on events as they are.

    moto puts each through a text template for input transformers, which loses the account and
    would rewrite a detail that holds something like <time>.
    """
    transforming = Rule.send_to_targets

    def send(rule: Rule, event: Json, transform_input: bool = False) -> None:
        told = {key: value for key, value in event.items() if key != "ingestion-time"}
        transforming(rule, told, transform_input=transform_input)  # type: ignore[arg-type]

    with patch.object(Rule, "send_to_targets", send):
        yield


@cache
def _client(service: str) -> Any:
    """The wiring's own client: it works in whatever mock is active."""
    return boto3.client(service)  # type: ignore[call-overload]


def _forget(package: str) -> None:
    """Unload a service's code: the next shop imports it anew, as a cold start does."""
    clear_caches()  # type: ignore[no-untyped-call]
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _kept(service: Service, stack: str) -> dict[str, Any]:
    """The template's resources that the shop makes, each under a name that is always the same."""
    kept = {}
    for logical_id, resource in service.resources.items():
        if named_by := PHYSICAL_NAME.get(resource["Type"]):
            copied = json.loads(json.dumps(resource))
            copied.pop("DependsOn", None)
            name = f"{stack}-{logical_id}"
            name = name.lower() if named_by == "BucketName" else name
            copied.setdefault("Properties", {}).setdefault(named_by, name)
            kept[logical_id] = copied
    return kept


def _stand_in(value: Any, service: Service, kept: Mapping[str, Any], stack: str) -> Any:
    """The value, with a made-up name for each resource that the shop does not make."""
    match value:
        case {"Fn::GetAtt": [str(name), "QueueUrl"]}:  # moto knows a queue's URL as its Ref only
            return {"Ref": name}
        case {"Ref": str(name)} if name in service.resources and name not in kept:
            return f"{stack}-{name}"
        case {"Fn::GetAtt": [str(name), *_]} if name in service.resources and name not in kept:
            return f"{stack}-{name}"
        case dict():
            return {key: _stand_in(part, service, kept, stack) for key, part in value.items()}
        case list():
            return [_stand_in(part, service, kept, stack) for part in value]
        case _:
            return value


def _messages(source: _Source) -> Iterator[tuple[str, Json]]:
    """The queue's messages as Lambda hands them on. They leave the queue."""
    name = source.address.rpartition("/")[2]
    for message in _drain(name):
        detail = json.loads(message["Body"]).get("detail", {})
        key = detail.get("metadata", {}).get("id") or message["MessageId"]
        yield (
            key,
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
                "awsRegion": REGION,
            },
        )


def _url(queue: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"


def _drain(name: str) -> Iterator[Mapping[str, Any]]:
    """The messages of a queue, which leave it. An empty one costs no call."""
    queue, url = sqs_backends[ACCOUNT][REGION].queues[name], _url(name)
    while queue.messages:
        answer = _client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        for message in answer["Messages"]:
            _client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield message


def _changes(source: _Source) -> Iterator[tuple[str, Json]]:
    """The table's changes as Lambda hands them on.

    Read from moto itself: when a transaction is rolled back, moto's stream API goes on with the
    table as it was before, which shows changes that never were.
    """
    table = dynamodb_backends[ACCOUNT][REGION].tables[source.address]
    shard = table.stream_shard
    assert shard
    while source.read < len(shard.items):
        told = json.loads(json.dumps(shard.items[source.read].to_json(), default=_plain))
        source.read += 1
        change = told["dynamodb"]
        keys = "/".join(str(value) for key in change["Keys"].values() for value in key.values())
        version = change.get("NewImage", {}).get("version", {}).get("N", "gone")
        stream = f"{table.table_arn}/stream/{table.latest_stream_label}"
        own = {"eventVersion": "1.1", "awsRegion": REGION, "eventSourceARN": stream}
        yield f"{keys}:{version}", told | own


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=UTC).timestamp())
    raise TypeError(f"{type(value)} in a stream record")


def _wanted(record: Json, criteria: Mapping[str, Any] | None) -> bool:
    """Whether an event source's filters let the record through: one of them has to."""
    filters = (criteria or {}).get("Filters", [])
    patterns = [json.loads(each["Pattern"]) for each in filters]
    return not patterns or any(
        EventPattern(None, pattern).matches_event(record)  # type: ignore[arg-type]
        for pattern in patterns
    )


def _arguments(template: str, path: str) -> dict[str, str] | None:
    """The path parameters of `path` under a route's template, or None when it is not of it."""
    wanted, given = template.strip("/").split("/"), path.strip("/").split("/")
    if len(wanted) != len(given):
        return None
    arguments = {}
    for part, value in zip(wanted, given, strict=True):
        if part.startswith("{"):
            arguments[part.strip("{}")] = value
        elif part != value:
            return None
    return arguments


def _proxy_event(
    method: str,
    path: str,
    resource: str,
    arguments: Mapping[str, str],
    label: str,
    body: Any,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    claims: Mapping[str, str] | None,
) -> Json:
    """An API Gateway REST proxy event."""
    sent = {"Accept": "application/json", **headers}
    if body is not None:
        sent["Content-Type"] = "application/json"
    now = datetime.now(UTC)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": {name: [v] for name, v in query.items()} or None,
        "pathParameters": dict(arguments) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "api",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "sample"},
            "path": f"/live{path}",
            "protocol": "HTTP/1.1",
            "requestId": _uuid(label),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "resourceId": "resource",
            "resourcePath": resource,
            "stage": "live",
            **({"authorizer": {"claims": dict(claims)}} if claims is not None else {}),
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def _uuid(label: str) -> str:
    """An id that follows from a label."""
    digest = hashlib.md5(label.encode(), usedforsecurity=False).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
