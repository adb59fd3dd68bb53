"""The whole shop in one process: every door of every service, wired as the templates say.

Tables, queues, buckets, rules and targets are made in moto from the services' own templates, so
what passes from one service to another passes by their patterns, queues and streams alone. A door
is invoked as Lambda would: with its own environment and an event in AWS's form.

The shop takes no step by itself. After each invocation `Shop.pending` holds what waits to be
delivered; whoever drives the shop chooses what comes next, and moves the clock. To deliver twice,
late or out of order is to copy, leave or pick from that list. A schedule starts nothing: whoever
drives the shop says when a scheduled door runs.
"""

import copy
import hashlib
import importlib
import io
import json
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any, Self
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import time_machine
from aws_lambda_powertools.utilities.parameters import clear_caches
from botocore.client import BaseClient
from moto import mock_aws
from moto.awslambda.models import LambdaBackend
from moto.cloudfront.models import cloudfront_backends
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import Rule, events_backends
from moto.moto_api._internal import mock_random
from moto.s3 import notifications
from moto.sqs.models import Message, sqs_backends

from tools import gateway, objects, wiring
from tools.services import Door, Route, Service, environment, load
from tools.wiring import ACCOUNT, REGION, Json, Source, Wiring

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When the shop opens."""

CALLER = f"arn:aws:iam::{ACCOUNT}:user/manager"
"""Who signs the requests to private APIs."""

TAP = "tap"
"""The queue that hears all that the services say."""

PROCESS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "POWERTOOLS_TRACE_DISABLED": "true",
}
"""What Lambda would tell every function."""

TRACE = "_X_AMZN_TRACE_ID"
"""Where Lambda tells a function of the trace that it is in."""

_DISTRIBUTION: Json = {
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [{"Id": "bucket", "DomainName": "bucket.example.com"}]},
    "DefaultCacheBehavior": {"TargetOriginId": "bucket", "ViewerProtocolPolicy": "https-only"},
}
"""The least of a distribution, but for its CallerReference: only its id counts here."""


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str
    aws_request_id: str
    seconds: int
    """The function's timeout. The clock stands still while it runs."""
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        """The function's own address."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would stop it."""
        return self.seconds * 1000


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
    delay: int = 0
    """Seconds until it may come again, from when the door failed at it."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up."""

    body: str
    reason: str | None
    """Why it can never be handled, where that was said of it; None: it has failed too often."""


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
    inner: tuple["Invocation", ...] = ()
    """The functions that it had invoked meanwhile, and waited for."""

    @property
    def failed(self) -> list[str]:
        """The message ids of the records that have to come again."""
        if isinstance(self.answer, dict):
            failures = self.answer.get("batchItemFailures", [])
            return [failure["itemIdentifier"] for failure in failures]
        return []


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
        self._wiring = Wiring()
        self._read: Counter[str] = Counter()
        """How many changes of each table's stream were taken."""
        self._modules: dict[tuple[str, str], ModuleType] = {}
        self._log = io.StringIO()
        self._labels: Counter[str] = Counter()
        self._inner: list[Invocation] = []
        """The functions that the door which runs has invoked so far."""
        self._reason = objects.PUT
        """How the objects come that come now."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(environment(PROCESS))
            self._clock = opening.enter_context(time_machine.travel(START, tick=False))
            opening.enter_context(mock_aws())
            opening.enter_context(_untransformed())
            opening.enter_context(_nobody_suppressed())
            opening.enter_context(
                patch.object(notifications, "_send_event_bridge_message", self._tell_of_object)
            )
            opening.enter_context(patch.object(LambdaBackend, "invoke", self._invoked))
            opening.enter_context(self._seeded())
            self._reseed("opening")
            self._make_tap()
            for service in self.services.values():
                wiring.deploy(service, self._given(service), self._wiring)
                opening.callback(_forget, service.package)
            self._make_what_moto_makes_of_no_template()
            for door in self._wiring.doors:
                key = (door.service.name, door.name)
                with redirect_stdout(self._log):  # a logger keeps the stream it was made with
                    variables = self._wiring.variables[key]
                    self._modules[key] = load(door.module, door.service, variables)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def wiring(self) -> Wiring:
        """What is connected with what. Doors on a schedule are among its sources."""
        return self._wiring

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

    def send(self, queue: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message into a queue from outside.

        Args:
            queue: its physical name.
            body: of any form.
            attributes: the message's attributes, all of them strings.
        """
        self._reseed(f"{queue} {body}")
        _client("sqs").send_message(
            QueueUrl=wiring.queue_url(queue),
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in (attributes or {}).items()
            },
        )
        self._collect()

    def upload(self, upload: Mapping[str, Any], body: bytes, *, label: str) -> int:
        """Post a form with a file in it to S3, as a browser would. Gives the answer's status.

        Args:
            upload: "url" and "fields", as who hands out forms gives them.
            body: the file.
            label: names the upload. With the seed, and how often it was used, it makes the ids.
        """
        self._reseed(f"upload {label}")
        bucket = bucket_of(str(upload["url"]), [bucket.name for bucket in self._wiring.buckets])
        fields = upload["fields"]
        secret = os.environ["AWS_SECRET_ACCESS_KEY"]  # moto's own
        try:
            objects.judge(bucket, fields, len(body), time.time(), secret)
        except objects.FormRefused as refused:
            return refused.status
        self._reason = objects.POSTED
        try:
            headers = {"ContentType": fields["Content-Type"]} if "Content-Type" in fields else {}
            _client("s3").put_object(Bucket=bucket, Key=fields["key"], Body=body, **headers)
        finally:
            self._reason = objects.PUT
        self._collect()
        return 204

    def dead_letters(self) -> dict[str, list[DeadLetter]]:
        """What lies in the dead-letter queues, by the queue's name. Taking it out empties them."""
        found = {}
        read = {source.name for source in self._wiring.sources}
        for name in [name for name in self._wiring.queues if name not in read]:
            if letters := [_dead_letter(message) for message in _drain(name)]:
                found[name] = letters
        return found

    def module(self, service: str, name: str) -> ModuleType:
        """A module of the service, as its doors see it: module("toys", "messages")."""
        own = self.services[service]
        known = (v for (owner, _), v in self._wiring.variables.items() if owner == service)
        return load(f"{own.package}.{name}", own, next(known, {}))

    def deliver(self, *deliveries: Delivery) -> Invocation:
        """Hand a door a batch of what waits for it. What it fails at waits again.

        A message is in flight meanwhile: the door may put it off, and `Delivery.delay` then says
        for how long. Like SQS, a queue gives up on a message after maxReceiveCount and calls it a
        dead letter. Like a stream's event source, a failed batch of changes comes again whole.
        """
        door, source = deliveries[0].door, deliveries[0].source
        if any((d.door, d.source) != (door, source) for d in deliveries):
            raise ValueError("A batch goes to one door, from one source")
        taken = {id(delivery) for delivery in deliveries}
        self.pending = [delivery for delivery in self.pending if id(delivery) not in taken]
        fed_by = self._wiring.source(door.service.name, source)
        if fed_by.kind == "SQS":
            self._give_out(fed_by, deliveries)
        event = {"Records": [copy.deepcopy(delivery.record) for delivery in deliveries]}
        label = ",".join(delivery.key for delivery in deliveries)
        invocation = self._invoke(door, event, f"{door.name} {label}")
        for delivery in deliveries:
            failed = delivery.record.get("messageId") in invocation.failed
            comes_again = bool(invocation.error) or failed
            if fed_by.kind == "SQS":
                self._take_back(fed_by, delivery, comes_again)
            elif comes_again:
                self.pending.append(replace(delivery, attempts=delivery.attempts + 1))
        return invocation

    def run_schedule(self, service: str, door: str, label: str) -> Invocation:
        """Invoke a door that a schedule starts, as EventBridge Scheduler would.

        Args:
            label: names the run. With the seed, and how often it was used, it makes the ids.

        Raises LookupError when no schedule starts that door.
        """
        for source in self._wiring.sources:
            for feed in source.feeds:
                if (source.kind, source.service, feed.door.name) == ("Schedule", service, door):
                    event = _schedule_event(source, feed.properties, label)
                    return self._invoke(feed.door, event, f"{door} {label}")
        raise LookupError(f"No schedule starts {service}'s {door}")

    def invoke(self, service: str, door: str, event: Json, label: str) -> Invocation:
        """Invoke a door as an operator may, or as another service of AWS does and waits.

        Args:
            label: names the call. With the seed, and how often it was used, it makes the ids.

        Raises LookupError for a door that is not there.
        """
        for found in self._wiring.doors:
            if (found.service.name, found.name) == (service, door):
                return self._invoke(found, event, f"{door} {label}")
        raise LookupError(f"There is no {door} in {service}")

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
        door, route, arguments = self._route(service, method, path)
        given = (body, query or {}, headers or {}, claims, door.service.stage)
        event = proxy_event(route, path, arguments, label, *given)
        return self._invoke(door, event, label)

    def post(self, service: str, path: str, body: str, headers: Mapping[str, str]) -> None:
        """Post what API Gateway puts into a queue by itself, as the service's template says.

        Raises LookupError when the template has no such path.
        """
        intake = self._wiring.intake(service, path)
        self.send(intake.queue, *gateway.message(intake.template, body, headers))

    # How it is made

    def _make_tap(self) -> None:
        """A queue that hears all that the services say."""
        sqs, events = _client("sqs"), _client("events")
        sqs.create_queue(QueueName=TAP)
        events.put_rule(Name=TAP, EventPattern='{"source": [{"prefix": "tbs."}]}')
        target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{TAP}"
        events.put_targets(Rule=TAP, Targets=[{"Id": TAP, "Arn": target}])

    def _make_what_moto_makes_of_no_template(self) -> None:
        for name, secret in self._wiring.secrets.items():
            _client("secretsmanager").create_secret(Name=name, SecretString=secret)
        for bucket in self._wiring.buckets:
            if bucket.tells:
                _client("s3").put_bucket_notification_configuration(
                    Bucket=bucket.name,
                    NotificationConfiguration={"EventBridgeConfiguration": {}},
                )
        known = cloudfront_backends[ACCOUNT]["aws"].distributions
        for name in self._wiring.distributions:
            described = {**_DISTRIBUTION, "CallerReference": name}
            made = _client("cloudfront").create_distribution(DistributionConfig=described)
            known[name] = known.pop(made["Distribution"]["Id"])

    def _given(self, service: Service) -> dict[str, str]:
        return {**service.parameters("local"), **self._parameters.get(service.name, {})}

    # How it runs

    def _invoke(self, door: Door, event: Json, label: str) -> Invocation:
        self._inner = []
        done = self._run(door, event, label)
        self._collect()
        return replace(done, sent=tuple(self._heard()), inner=tuple(self._inner))

    def _run(self, door: Door, event: Json, label: str) -> Invocation:
        key = (door.service.name, door.name)
        handler = getattr(self._modules[key], str(door.properties["Handler"]).rpartition(".")[2])
        digest = self._reseed(f"{door.service.name} {label}")
        name = wiring.function_name(door)
        context = Context(name, _uuid(label), int(door.properties.get("Timeout", 3)))
        answer, error, logged = None, None, self._log.tell()
        variables = {**self._wiring.variables[key], TRACE: trace_header(digest)}
        with environment(variables), redirect_stdout(self._log):
            try:
                answer = handler(copy.deepcopy(event), context)
            except Exception as raised:
                error = raised
        return Invocation(door, event, answer, error, (), self._log.getvalue()[logged:])

    def _invoked(self, name: str, _: str | None, body: str, __: Any, headers: Json) -> bytes:
        """What moto does when a function is to be invoked. What that one sends counts as its own.

        Args:
            headers: of the answer, to be filled.
        """
        door = next(d for d in self._wiring.doors if wiring.function_name(d) == name)
        done = self._run(door, json.loads(body or "{}"), f"{door.name} invoked")
        self._inner.append(done)
        if done.error:
            headers["x-amz-function-error"] = "Unhandled"
            told = {"errorType": type(done.error).__name__, "errorMessage": str(done.error)}
            return json.dumps(told).encode()
        return json.dumps(done.answer).encode()

    def _collect(self) -> None:
        """Take what has come into the queues and streams since the last time."""
        for source in self._wiring.sources:
            match source.kind:
                case "SQS":
                    found = _messages(source.name)
                case "DynamoDB":
                    found = self._changes(source.name)
                case "Schedule":
                    continue
            for key, record in found:
                for door, properties in source.feeds:
                    if passes(record, properties.get("FilterCriteria")):
                        own = copy.deepcopy(record)
                        self.pending.append(Delivery(door, source.logical_id, key, own))

    def _changes(self, name: str) -> Iterator[tuple[str, Json]]:
        """The table's changes as Lambda hands them on.

        Read from moto itself: when a transaction is rolled back, moto's stream API goes on with the
        table as it was before, which shows changes that never were.
        """
        table = dynamodb_backends[ACCOUNT][REGION].tables[name]
        shard = table.stream_shard
        assert shard
        while self._read[name] < len(shard.items):
            told = json.loads(json.dumps(shard.items[self._read[name]].to_json(), default=_plain))
            self._read[name] += 1
            change = told["dynamodb"]
            keys = "/".join(str(value) for key in change["Keys"].values() for value in key.values())
            version = change.get("NewImage", {}).get("version", {}).get("N", "gone")
            stream = f"{table.table_arn}/stream/{table.latest_stream_label}"
            own = {"eventVersion": "1.1", "awsRegion": REGION, "eventSourceARN": stream}
            yield f"{keys}:{version}", told | own

    def _give_out(self, source: Source, deliveries: Sequence[Delivery]) -> None:
        """The messages are the door's for as long as the queue says."""
        for delivery in deliveries:
            if message := _kept(source.name, delivery.record["messageId"]):
                message.change_visibility(self._wiring.queues[source.name].visibility)

    def _take_back(self, source: Source, delivery: Delivery, comes_again: bool) -> None:
        """Take a message off its queue, or keep it for the next time."""
        queue = self._wiring.queues[source.name]
        attempts = delivery.attempts + 1
        message = _kept(source.name, delivery.record["messageId"])
        if message is None:  # it came twice, and the other one was done with
            return
        delay = round(message.visible_at / 1000 - time.time())
        message.visible_at = math.inf
        if comes_again and attempts != queue.max_receive:
            record = copy.deepcopy(delivery.record)
            record["attributes"]["ApproximateReceiveCount"] = str(attempts + 1)
            again = replace(delivery, record=record, attempts=attempts, delay=delay)
            self.pending.append(again)
            return
        if comes_again and queue.dead_letters:
            _copy(message, queue.dead_letters)
        if all(other.record.get("messageId") != message.id for other in self.pending):
            handle = delivery.record["receiptHandle"]
            _client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)

    def _tell_of_object(self, account: str, bucket: Any, event_name: str, key: Any) -> None:
        """What moto does when an object comes or goes. Nobody here listens to those that go."""
        if not event_name.startswith("s3:ObjectCreated:"):
            return
        at = time.time()
        reason = objects.COPIED if event_name.endswith(":Copy") else self._reason
        detail = objects.created(bucket.name, key.name, key.size, key.etag, reason, at, account)
        event = objects.event(str(mock_random.uuid4()), detail, at, account, REGION)
        event["time"] = at  # moto writes it out
        for rule in events_backends[account][REGION].event_buses["default"].rules.values():
            rule.send_to_targets(event)  # type: ignore[arg-type]

    def _heard(self) -> Iterator[Json]:
        for message in _drain(TAP):
            yield json.loads(message["Body"])

    def _route(self, service: str, method: str, path: str) -> tuple[Door, Route, dict[str, str]]:
        for door in self.services[service].doors:
            for route in door.routes:
                arguments = path_arguments(route.path, path)
                if route.method == method and arguments is not None:
                    return door, route, arguments
        raise LookupError(f"The template of {service} has no {method} {path}")

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """uuid4, secrets and moto draw from the seed. What was before comes back at the end."""
        self._random = random.Random()
        before = mock_random.getstate()

        def draw(size: int) -> bytes:
            return self._random.randbytes(size)

        with patch.object(os, "urandom", draw), patch.object(random, "_urandom", draw):
            yield
        mock_random.setstate(before)

    def _reseed(self, label: str) -> str:
        """Draw anew from seed and label, so that one step more changes no other step's ids.

        Gives what is drawn from, in hex.
        """
        self._labels[label] += 1
        digest = hashlib.sha256(f"{self._seed} {label} {self._labels[label]}".encode())
        self._random.seed(digest.digest())
        mock_random.seed(digest.digest())
        return digest.hexdigest()


def trace_header(digest: str) -> str:
    """What Lambda tells a function of the trace that it is in, as X-Ray writes it.

    Args:
        digest: what its ids are taken from: 40 hexadecimal digits or more.
    """
    root = f"1-{int(time.time()):08x}-{digest[:24]}"
    return f"Root={root};Parent={digest[24:40]};Sampled=1"


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


@contextmanager
def _nobody_suppressed() -> Iterator[None]:
    """SES' own suppression list, which moto has not: nobody is on it."""
    calling = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, params: Json) -> Any:
        if operation != "DeleteSuppressedDestination":
            return calling(client, operation, params)
        error: Any = {"Error": {"Code": "NotFoundException", "Message": "It is not on the list"}}
        raise client.exceptions.NotFoundException(error, operation)

    with patch.object(BaseClient, "_make_api_call", call):
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


def _messages(queue: str) -> Iterator[tuple[str, Json]]:
    """The queue's messages as Lambda hands them on. They stay in flight."""
    for message in _received(queue):
        if kept := _kept(queue, message["MessageId"]):
            kept.visible_at = math.inf
        yield (
            _key(message),
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    name: {
                        "stringValue": value["StringValue"],
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": value["DataType"],
                    }
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            },
        )


def _key(message: Mapping[str, Any]) -> str:
    """The id that its sender gave the message, or else the queue."""
    try:
        told = json.loads(message["Body"])
    except ValueError:
        told = None
    match told:
        case {"detail": {"metadata": {"id": str(own)}}} | {"id": str(own)}:
            return own
    return str(message["MessageId"])


def _received(name: str) -> Iterator[Mapping[str, Any]]:
    """The messages of a queue that nobody has yet. An empty one costs no call."""
    queue = sqs_backends[ACCOUNT][REGION].queues[name]
    while queue.messages:
        yield from _client("sqs").receive_message(
            QueueUrl=wiring.queue_url(name),
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )["Messages"]


def _drain(name: str) -> Iterator[Mapping[str, Any]]:
    """The messages of a queue, which leave it."""
    for message in _received(name):
        handle = message["ReceiptHandle"]
        _client("sqs").delete_message(QueueUrl=wiring.queue_url(name), ReceiptHandle=handle)
        yield message


def _kept(queue: str, message_id: str) -> Message | None:
    """The message as moto keeps it, or None when it has left the queue."""
    kept = sqs_backends[ACCOUNT][REGION].queues[queue]._messages
    return next((message for message in kept if message.id == message_id), None)


def _copy(message: Message, queue: str) -> None:
    """Put a message into another queue as it is."""
    _client("sqs").send_message(
        QueueUrl=wiring.queue_url(queue),
        MessageBody=message.body,
        MessageAttributes=message.message_attributes,
    )


def _dead_letter(message: Mapping[str, Any]) -> DeadLetter:
    told = message.get("MessageAttributes", {}).get("reason", {})
    return DeadLetter(message["Body"], told.get("StringValue"))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=UTC).timestamp())
    raise TypeError(f"{type(value)} in a stream record")


def passes(record: Json, criteria: Mapping[str, Any] | None) -> bool:
    """Whether an event source's filters let the record through: one of them has to."""
    filters = (criteria or {}).get("Filters", [])
    return not filters or any(_fits(_pattern(each["Pattern"]), record) for each in filters)


@cache
def _pattern(text: str) -> Json:
    pattern: Json = json.loads(text)
    return pattern


def _fits(pattern: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether part of an event is as a pattern asks: by value, by how it begins, or that it is."""
    for name, wanted in pattern.items():
        value = part.get(name)
        if isinstance(wanted, dict):
            if not _fits(wanted, value if isinstance(value, dict) else {}):
                return False
        elif not any(_is(one, value) for one in wanted):
            return False
    return True


def _is(wanted: Any, value: Any) -> bool:
    match wanted:
        case {"prefix": str(prefix), **more} if not more:
            return isinstance(value, str) and value.startswith(prefix)
        case {"exists": bool(exists), **more} if not more:
            return (value is not None) is exists
        case str():
            return bool(value == wanted)
    raise NotImplementedError(f"a pattern that asks for {wanted}")


def path_arguments(template: str, path: str) -> dict[str, str] | None:
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


def bucket_of(url: str, known: Sequence[str]) -> str:
    """The bucket of which that is the address. Raises LookupError when it is none of the known."""
    parts = urlsplit(url)
    for name in known:
        if str(parts.hostname).startswith(f"{name}.") or parts.path.strip("/") == name:
            return name
    raise LookupError(f"{url} is no bucket's address")


def proxy_event(
    route: Route,
    path: str,
    arguments: Mapping[str, str],
    label: str,
    body: Any,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    claims: Mapping[str, str] | None,
    stage: str,
) -> Json:
    """An API Gateway REST proxy event."""
    method, resource = route.method, route.path
    sent = {"Accept": "application/json", **headers}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    signed = {"userArn": CALLER} if route.authorizer == "AWS_IAM" else {}
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
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "sample", **signed},
            "path": f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestId": _uuid(label),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "resourceId": "resource",
            "resourcePath": resource,
            "stage": stage,
            **({"authorizer": {"claims": dict(claims)}} if claims is not None else {}),
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def _schedule_event(source: Source, properties: Mapping[str, Any], label: str) -> Json:
    """What EventBridge Scheduler tells a function: the schedule's input, or that it is time."""
    if "Input" in properties:
        told: Json = json.loads(properties["Input"])
        return told
    return {
        "version": "0",
        "id": _uuid(label),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{source.name}"],
        "detail": "{}",
    }


def _uuid(label: str) -> str:
    """An id that follows from a label."""
    digest = hashlib.md5(label.encode(), usedforsecurity=False).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
