"""What lies between the services, as AWS plays it: bus, queues, streams, functions and schedules.

Deliveries are at least once and in no order; a stream's changes come in order, a failed batch of
them again whole; an invocation may die before or after any call.
"""

import json
import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple
from zlib import crc32

from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from moto.events.models import EventPattern

from tests.simulation.aws import Aws, Change
from tests.simulation.chaos import Chaos
from tests.simulation.hub import Hub
from tests.simulation.violation import Violation
from tests.simulation.workers import Code
from tools import objects
from tools.services import Door
from tools.shop import Context, passes
from tools.wiring import ACCOUNT, REGION, Source, Wiring, function_name

Json = dict[str, Any]

BUS = "default"
"""The bus that the services speak on."""

SHARDS = 2
"""Shards of a stream: the changes of one item are all in the same one."""

RETRY_SECONDS = 5, 300
"""How long a stream waits before a failed batch comes again: at first, and at most."""

MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024
"""What PutEvents takes at once."""

STALE_SECONDS = 2
"""How far a read that is not consistent may lag behind."""

READS = {
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "GetSecretValue",
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
}

ASYNC_SECONDS = 60, 120
"""How long Lambda waits before it invokes again what failed, when nobody waits for the answer."""

MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}
"""What a schedule may count in."""

MAX_SECONDS = 3 * 24 * 3600.0
"""A run that goes on for longer stands still."""


class Crash(BaseException):
    """The function's machine died, or its time was up."""


class Broken(BaseException):
    """The simulation itself is wrong, which no service may take for a failure of AWS."""


@dataclass(eq=False)
class Invocation:
    """One run of a function."""

    door: Door
    label: str
    """What it is about: always the same for the same messages."""
    ends_by: float
    """When its time is up."""
    calls: int = 0
    unheard: bool = False
    """Whether SQS did not answer it."""
    dying: bool = False
    """Whether it dies after the call that it is at."""
    draws: int = 0
    answer: Any = None
    error: BaseException | None = None
    sent_mail: str | None = None
    """The mail that SES took, of which the service has not made a note yet."""

    @property
    def crashed(self) -> bool:
        """Whether it died."""
        return isinstance(self.error, Crash)


@dataclass(eq=False)
class Message:
    """A message in a queue."""

    message_id: str
    title: str
    """What it says: metadata.id, where it has one."""
    label: str
    """Its title, its queue, and which of that name it is."""
    body: str
    attributes: Mapping[str, Mapping[str, str]]
    sent_at: float
    receives: int = 0
    visible_at: float = 0.0
    put_off: int = 0
    """The last time, counted in receives, that its reader chose when it comes again."""


@dataclass(eq=False)
class Queue:
    """A queue, and the function that reads it, if one does."""

    name: str
    url: str
    visibility: float
    max_receives: int | None
    dead_letters: str | None
    feed: tuple[Door, Mapping[str, Any]] | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    """All that are in it, by their ids; those given out too."""
    ready: list[Message] = field(default_factory=list)
    polling: bool = False
    polls: int = 0


class Gate(NamedTuple):
    """A rule: what it lets from a bus into a queue."""

    sources: frozenset[str] | None
    pattern: Mapping[str, Any] | None
    """What it asks beside source and detail-type, if it asks for more."""
    queue: Queue


@dataclass(eq=False)
class Shard:
    """The changes of one shard that a function has not had yet, in order."""

    door: Door
    properties: Mapping[str, Any]
    table: str
    number: int
    backlog: deque[Change] = field(default_factory=deque)
    """Those of them that its filters let through."""
    busy: bool = False
    batches: int = 0
    failures: int = 0
    """How often the batch at its head has failed."""

    def __post_init__(self) -> None:
        self._criteria = self.properties.get("FilterCriteria")
        self._parts: dict[str, set[str]] = defaultdict(set)
        """The attributes that they ask for, by the part of the record."""
        for one in (self._criteria or {}).get("Filters", ()):
            for part, names in json.loads(one["Pattern"]).get("dynamodb", {}).items():
                self._parts[part] |= names.keys()

    def takes(self, change: Change) -> bool:
        """Whether the function gets to see a change."""
        return not self._criteria or passes(change.glimpse(self._parts), self._criteria)


class _Context(Context):
    """What Lambda tells a function of itself, the time that is left included."""

    def __init__(self, hub: Hub, invocation: Invocation, request_id: str, seconds: int) -> None:
        super().__init__(invocation.label, request_id, seconds)
        self._hub = hub
        self._invocation = invocation

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        return int((self._invocation.ends_by - self._hub.now) * 1000)


class Network:
    """Carries messages and invokes functions.

    Args:
        wiring: what the templates say.
        hub: the clock.
        aws: tables, buckets and mail.
        code: the functions.
        chaos: what goes wrong.
    """

    def __init__(self, wiring: Wiring, hub: Hub, aws: Aws, code: Code, chaos: Chaos) -> None:
        self.hub = hub
        self.aws = aws
        self.chaos = chaos
        self.code = code
        self.down: Callable[[str, float], float] = lambda service, now: now
        """Until when a service's functions stand still; now, or before: they run."""
        self.notice: Callable[[str], None] | None = None
        """Told of every line of the story, when somebody listens."""
        self.changed: list[Callable[[Change], None]] = []
        """Told of every change of a table."""
        self.told: dict[tuple[str, str], str] = {}
        """The messages on the bus, by source and metadata.id: their details."""
        self.violations: list[Violation] = []
        """What the services did that they must not do to each other."""
        self.delivered: Counter[str] = Counter()
        """Messages given to functions, by detail-type."""
        self.invocations = 0
        self.mails_again: Counter[str] = Counter()
        """Mails that may be sent once more, by what they are: their sender died just then."""
        self.queues: dict[str, Queue] = {}
        self._by_url: dict[str, Queue] = {}
        self._gates: dict[tuple[str, str], list[Gate]] = defaultdict(list)
        """The rules, by bus and detail-type."""
        self._shards: dict[str, list[Shard]] = defaultdict(list)
        self._seen_changes: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._ids = 0
        self._wire(wiring)
        self._doors = {function_name(door): door for door in wiring.doors}
        self.schedules = [
            (door, _times(properties["ScheduleExpression"], hub.now))
            for source in wiring.sources
            if source.kind == "Schedule"
            for door, properties in source.feeds
        ]
        """What runs by itself: in which minute first, and every how many minutes."""
        self.schedules_failed = 0
        """How often what runs by itself has failed."""
        aws.came = self._object_came
        aws.handlers.update(
            {
                ("events", "PutEvents"): self._put_events,
                ("lambda", "Invoke"): self._invoke,
                ("sqs", "SendMessage"): self._send_message,
                ("sqs", "ChangeMessageVisibility"): self._change_visibility,
                ("sqs", "ChangeMessageVisibilityBatch"): self._change_visibilities,
            }
        )

    def _wire(self, wiring: Wiring) -> None:
        for name, queue in wiring.queues.items():
            made = Queue(name, queue.url, queue.visibility, queue.max_receive, queue.dead_letters)
            self.queues[name] = self._by_url[queue.url] = made
        for rule in wiring.rules:
            if extra := rule.pattern.keys() - {"source", "detail-type", "detail"}:
                raise NotImplementedError(f"{rule.name} matches on {extra}")
            sources = frozenset(rule.pattern["source"]) if "source" in rule.pattern else None
            more = {"detail": rule.pattern["detail"]} if "detail" in rule.pattern else None
            for detail_type in rule.pattern["detail-type"]:
                gate = Gate(sources, more, self.queues[rule.queue])
                self._gates[rule.bus, detail_type].append(gate)
        for source in wiring.sources:
            self._feed(source)

    def _feed(self, source: Source) -> None:
        match source.kind:
            case "SQS":
                ((door, properties),) = source.feeds
                self.queues[source.name].feed = (door, properties)
            case "DynamoDB":
                for door, properties in source.feeds:
                    for number in range(SHARDS):
                        shard = Shard(door, properties, source.name, number)
                        self._shards[source.name].append(shard)

    # The bus

    def put(self, source: str, name: str, detail: str) -> None:
        """Put a message on the services' bus from outside."""
        self._route(BUS, source, name, detail)

    def takers(self, source: str, name: str, detail: str, bus: str = BUS) -> list[Queue]:
        """The queues whose rules let a message in."""
        return [
            gate.queue
            for gate in self._gates[bus, name]
            if (gate.sources is None or source in gate.sources)
            and (gate.pattern is None or _matches(gate.pattern, detail))
        ]

    def _put_events(self, params: Json) -> Json:
        size = sum(len(entry["Detail"].encode()) for entry in params["Entries"])
        if len(params["Entries"]) > MOST_ENTRIES or size > MOST_BYTES:
            raise _refusal("PutEvents", "ValidationException", "Too much at once")
        entries = []
        for entry in params["Entries"]:
            label = f"{self._owner()} {crc32(entry['Detail'].encode()):x}"
            if self.chaos.strikes("entry refused", self._nth(label)):
                entries.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"})
                continue
            bus = entry.get("EventBusName", "default")
            self._route(bus, entry["Source"], entry["DetailType"], entry["Detail"])
            entries.append({"EventId": self._id()})
        return {
            "Entries": entries,
            "FailedEntryCount": sum("ErrorCode" in entry for entry in entries),
        }

    def _route(self, bus: str, source: str, name: str, detail: str) -> None:
        message_id = _metadata_id(detail)
        said = _said(name, detail)
        if self.told.setdefault((source, message_id), said) != said:
            told = f"is told as {self.told[source, message_id]} and as {said}"
            self.violations.append(
                Violation("the same message is told the same way", message_id, told)
            )
        takers = self.takers(source, name, detail, bus)
        if self.notice:
            readers = ", ".join(_service(queue) for queue in takers)
            sender = source.removeprefix("tbs.")
            self.notice(f"{sender} tells {message_id} to {readers or 'nobody'}")
        event = {
            "version": "0",
            "id": self._id(),
            "detail-type": name,
            "source": source,
            "account": ACCOUNT,
            "time": datetime.fromtimestamp(self.hub.now, UTC).isoformat(),
            "region": REGION,
            "resources": [],
        }
        body = f'{json.dumps(event)[:-1]}, "detail": {detail}}}'
        for queue in takers:
            self.send(queue, body, message_id)

    def _object_came(self, detail: Json) -> None:
        """S3 tells the default bus of a new object."""
        told, key = json.dumps(detail), detail["object"]["key"]
        event = objects.event(self._id(), detail, self.hub.now, ACCOUNT, REGION)
        for queue in self.takers(objects.SOURCE, objects.CREATED, told, "default"):
            self._say(f"S3 tells {_service(queue)} of {key}")
            self.send(queue, json.dumps(event), f"{objects.CREATED} {key}")

    # Queues

    def send(
        self,
        queue: Queue,
        body: str,
        label: str,
        attributes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Put a message into a queue; once, or now and then twice."""
        about = self._nth(f"{queue.name} {label}")
        copies = 1 + self.chaos.strikes("duplicate", about)
        for copy in range(copies):
            message = Message(
                self._id(), label, f"{about}.{copy}", body, attributes or {}, self.hub.now
            )
            queue.messages[message.message_id] = message
            if queue.feed:
                delay = self._delay(message.label)
                self.hub.later(delay, partial(self._appear, queue, message))

    def _delay(self, about: str) -> float:
        match self.chaos.one_of(("late", "very late"), about):
            case "late":
                return self.chaos.between(1, 120, about)
            case "very late":
                return self.chaos.between(120, 3600, about)
            case _:
                return self.chaos.between(0.01, 0.1, about)

    def _appear(self, queue: Queue, message: Message) -> None:
        if message.message_id in queue.messages:
            queue.ready.append(message)
            self._poll_soon(queue)

    def _poll_soon(self, queue: Queue, after: float | None = None) -> None:
        if queue.polling or not queue.feed:
            return
        queue.polling = True
        if after is None:
            window = float(queue.feed[1].get("MaximumBatchingWindowInSeconds", 0) or 0)
            after = window or 0.02
        self.hub.later(after, lambda: self._poll(queue))

    def _poll(self, queue: Queue) -> None:
        queue.polling = False
        assert queue.feed
        door, properties = queue.feed
        resumes = self.down(door.service.name, self.hub.now)
        if resumes > self.hub.now:
            self._poll_soon(queue, resumes - self.hub.now)
            return
        queue.polls += 1
        ready = sorted(
            queue.ready, key=lambda m: self.chaos.share(f"order: {m.label} {m.receives}")
        )
        # A poll finds what lies on the servers that it asks: often not all there is.
        drawn = self.chaos.share(f"poll: {queue.name} {queue.polls}")
        most = 1 + int(max(0.0, drawn - 0.5) * 2 * int(properties.get("BatchSize", 10)))
        batch, queue.ready = ready[:most], ready[most:]
        if queue.ready:
            self._poll_soon(queue, 0.0)
        given = [message for message in batch if self._receive(queue, message)]
        if given:
            event = {"Records": [self._record(queue, message) for message in given]}
            label = f"{given[0].label} try {given[0].receives}"
            self.delivered.update(_name(message) for message in given)
            self.invoke(door, event, label, lambda done: self._settle(queue, given, done))

    def _receive(self, queue: Queue, message: Message) -> bool:
        """Give a message out, or up: it is a dead letter when it was given out often enough."""
        message.receives += 1
        if queue.max_receives and message.receives > queue.max_receives:
            del queue.messages[message.message_id]
            assert queue.dead_letters
            letters = self.queues[queue.dead_letters]
            letters.messages[message.message_id] = message
            self._say(f"{_service(queue)} gives {message.title} up")
            return False
        message.visible_at = self.hub.now + queue.visibility
        return True

    def _record(self, queue: Queue, message: Message) -> Json:
        return {
            "messageId": message.message_id,
            "receiptHandle": f"{message.message_id}#{message.receives}",
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.receives),
                "SentTimestamp": str(int(message.sent_at * 1000)),
                "SenderId": ACCOUNT,
                "ApproximateFirstReceiveTimestamp": str(int(self.hub.now * 1000)),
            },
            "messageAttributes": {
                name: {
                    "stringValue": value["StringValue"],
                    "dataType": value["DataType"],
                    "stringListValues": [],
                    "binaryListValues": [],
                }
                for name, value in message.attributes.items()
            },
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.name}",
            "awsRegion": REGION,
        }

    def _settle(self, queue: Queue, given: list[Message], done: Invocation) -> None:
        """Delete what a function is done with. The rest shows again when its time has come."""
        failed = {m.message_id for m in given}
        assert queue.feed
        reports = "ReportBatchItemFailures" in queue.feed[1].get("FunctionResponseTypes", ())
        if not done.error:
            failures = (done.answer or {}).get("batchItemFailures", []) if reports else []
            failed &= {failure["itemIdentifier"] for failure in failures}
            self._expect_put_off(queue, [m for m in given if m.message_id in failed], done)
        for message in given:
            time = f" (time {message.receives})" if message.receives > 1 else ""
            fails = ", and fails" if message.message_id in failed else ""
            self._say(f"{_service(queue)} hears {message.title}{time}{fails}")
            again = message.message_id in failed or self.chaos.strikes(
                "not deleted", f"{message.label} {message.receives}"
            )
            if again:
                wait = max(0.0, message.visible_at - self.hub.now)
                self.hub.later(wait, partial(self._appear, queue, message))
            else:
                queue.messages.pop(message.message_id, None)

    def _expect_put_off(self, queue: Queue, failed: list[Message], done: Invocation) -> None:
        """What a function reports as failed, it has put off, unless SQS did not let it."""
        for message in failed:
            if message.put_off != message.receives and not done.unheard:
                self.violations.append(
                    Violation("what failed is put off", message.title, f"is not, in {queue.name}")
                )

    def _send_message(self, params: Json) -> Json:
        queue = self._by_url[params["QueueUrl"]]
        attributes = params.get("MessageAttributes", {})
        self.send(queue, params["MessageBody"], self._owner(), attributes)
        return {"MessageId": self._id()}

    def _change_visibilities(self, params: Json) -> Json:
        successful, failed = [], []
        for entry in params["Entries"]:
            try:
                self._change_visibility({**entry, "QueueUrl": params["QueueUrl"]})
                successful.append({"Id": entry["Id"]})
            except ClientError as error:
                code = error.response["Error"]["Code"]
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code})
        return {"Successful": successful, "Failed": failed}

    def _change_visibility(self, params: Json) -> Json:
        queue = self._by_url[params["QueueUrl"]]
        message_id, _, receives = params["ReceiptHandle"].partition("#")
        message = queue.messages.get(message_id)
        if message is None or receives != str(message.receives):
            raise _refusal(
                "ChangeMessageVisibility", "ReceiptHandleIsInvalid", "The handle is not current"
            )
        message.visible_at = self.hub.now + params["VisibilityTimeout"]
        message.put_off = message.receives
        return {}

    # Streams

    def collect(self) -> None:
        """Hand on what changed in the tables since the last time."""
        for name, table in self.aws.tables.items():
            changes = table.changes
            while self._seen_changes[name] < len(changes):
                change = changes[self._seen_changes[name]]
                self._seen_changes[name] += 1
                for notice in self.changed:
                    notice(change)
                number = crc32(repr(change.key).encode()) % SHARDS
                for shard in self._shards[name]:
                    if shard.number == number and shard.takes(change):
                        shard.backlog.append(change)
                        self._pump_soon(shard)

    def _pump_soon(self, shard: Shard, after: float | None = None) -> None:
        if shard.busy or not shard.backlog:
            return
        shard.busy = True
        about = f"{shard.door.service.name} {shard.door.name} {_version(shard.backlog[0])}"
        if after is None:
            after = self.chaos.between(0.01, 0.2, about)
            if self.chaos.strikes("stream behind", about):
                after = self.chaos.between(1, 90, about)
            if shard.door.name == "carrier" and self._slow_carrier():
                after += self.chaos.between(1, 600, about)
        self.hub.later(after, lambda: self._pump(shard))

    def _slow_carrier(self) -> bool:
        return self.chaos.strikes("slow carrier", "today")

    def _pump(self, shard: Shard) -> None:
        resumes = self.down(shard.door.service.name, self.hub.now)
        if resumes > self.hub.now:
            self.hub.later(resumes - self.hub.now, lambda: self._pump(shard))
            return
        shard.batches += 1
        first = _version(shard.backlog[0])
        most = int(shard.properties.get("BatchSize", 100))
        size = 1 + int(self.chaos.share(f"batch: {first} {shard.batches}") * min(most, 6))
        batch = [shard.backlog[i] for i in range(min(size, len(shard.backlog)))]
        records = [change.record() for change in batch]
        label = self._nth(f"{shard.door.service.name} {shard.door.name} {first}")
        self.invoke(
            shard.door,
            {"Records": records},
            label,
            lambda done: self._pumped(shard, len(batch), done),
        )

    def _pumped(self, shard: Shard, size: int, done: Invocation) -> None:
        shard.busy = False
        if done.error:
            shard.failures += 1
            if not self._is_given_up(shard):
                first, most = RETRY_SECONDS
                self._pump_soon(shard, min(first * 2.0 ** min(shard.failures - 1, 9), most))
                return
            self._bury(shard)
        shard.failures = 0
        for _ in range(size):
            shard.backlog.popleft()
        self._pump_soon(shard)

    def _is_given_up(self, shard: Shard) -> bool:
        """Whether the event source tries the batch no more, as the template says."""
        tries = int(shard.properties.get("MaximumRetryAttempts", -1))
        age = int(shard.properties.get("MaximumRecordAgeInSeconds", -1))
        return 0 <= tries < shard.failures or 0 <= age < self.hub.now - shard.backlog[0].at

    def _bury(self, shard: Shard) -> None:
        """Note a batch that was given up where the template says."""
        target = shard.properties["DestinationConfig"]["OnFailure"]["Destination"]
        queue = self.queues[target.rpartition(":")[2]]
        title = f"changes from {_version(shard.backlog[0])}"
        message = Message(self._id(), title, title, title, {}, self.hub.now)
        queue.messages[message.message_id] = message
        self._say(f"{shard.door.service.name} gives {title} up")

    # Functions

    def invoke(
        self, door: Door, event: Json, label: str, done: Callable[[Invocation], None]
    ) -> None:
        """Run a function on an event, as soon as one of its machines is free."""
        workers = self.code.workers[door.service.name, door.name]
        about = f"{door.service.name}.{door.name} {label}"
        self.invocations += 1
        seconds = int(door.properties["Timeout"])
        invocation = Invocation(door, about, ends_by=float("inf"))

        def run(number: int) -> None:
            invocation.ends_by = self.hub.now + seconds
            context = _Context(self.hub, invocation, self._id(), seconds)
            try:
                invocation.answer = workers.handlers[number](event, context)
            except (Exception, Crash) as error:
                invocation.error = error
            self._end(invocation)
            if workers.waiting:
                workers.waiting.popleft()(number)
            else:
                workers.idle.append(number)
            done(invocation)

        def start(number: int) -> None:
            self.hub.spawn(lambda: run(number), invocation)

        if workers.idle:
            start(workers.idle.pop())
        else:
            workers.waiting.append(start)

    def _invoke(self, params: Json) -> Json:
        """A function invokes another, and waits for its answer."""
        door = self._doors[params["FunctionName"]]
        event, label = json.loads(params.get("Payload") or b"{}"), self._nth(self._owner())

        def start(back: Callable[[Invocation], None]) -> None:
            self.invoke(door, event, label, back)

        done: Invocation = self.hub.wait(start)
        told = done.answer
        if done.error:
            told = {"errorType": type(done.error).__name__, "errorMessage": str(done.error)}
        body = json.dumps(told).encode()
        answer = {"StatusCode": 200, "Payload": StreamingBody(BytesIO(body), len(body))}
        return answer | ({"FunctionError": "Unhandled"} if done.error else {})

    def _end(self, invocation: Invocation) -> None:
        if invocation.crashed:
            self._forget_mail(invocation)
        if self.notice and invocation.error:
            error = f"{type(invocation.error).__name__} {invocation.error}"
            self.notice(f"{invocation.label} fails: {error}")
        elif status := (invocation.answer or {}).get("statusCode"):
            self._say(f"{invocation.label} is answered {status}")

    def call(self, service: str, operation: str, params: Json, go: Callable[[], Json]) -> Json:
        """Carry out a call of a function to AWS, with whatever goes wrong."""
        task = self.hub.current
        invocation = task.about if task else None
        if not isinstance(invocation, Invocation):
            return go()
        about = self.enter(invocation, f"{service} {operation}")
        try:
            answer = self._carried_out(invocation, about, service, operation, params, go)
        except ClientError:
            raise
        except Exception as error:
            raise Broken(f"{service} {operation}") from error
        self._look_at_mail(invocation, service, operation)
        if service == "dynamodb" and operation not in READS:
            self.collect()
        self.leave(invocation, f"{service} {operation}")
        return answer

    def _carried_out(
        self,
        invocation: Invocation,
        about: str,
        service: str,
        operation: str,
        params: Json,
        go: Callable[[], Json],
    ) -> Json:
        mishap = self.chaos.one_of(("throttled", "answer lost"), about)
        invocation.unheard |= service == "sqs" and mishap is not None
        if "TransactItems" in params and self.chaos.strikes("transaction conflict", about):
            raise self._conflict(params)
        was = self._before(operation, params)
        if was is not None and self.chaos.strikes("stale read", about):
            return was
        match mishap:
            case "throttled":
                self._forget_mail(invocation)
                raise _refusal(operation, "ThrottlingException", "Rate exceeded")
            case "answer lost" if operation not in READS and service != "sesv2":
                # The SDK asks once more by itself. A transaction's token makes that the same one.
                answer = go()
                self.collect()
                return answer if operation == "TransactWriteItems" else go()
            case _:
                return go()

    def _before(self, operation: str, params: Json) -> Json | None:
        """What a read that is not consistent found a moment ago, if that was something else."""
        match operation:
            case "GetItem" if not params.get("ConsistentRead"):
                missed = self._lately(params["TableName"], params["Key"])
                if missed is None:
                    return None
                return {"Item": dict(missed.old)} if missed.old else {}
            case "BatchGetItem":
                ((table, asked),) = params["RequestItems"].items()
                if asked.get("ConsistentRead"):
                    return None
                found = [(self._lately(table, key), key) for key in asked["Keys"]]
                if not any(was for was, _ in found):
                    return None
                now = self.aws.tables[table]
                items = [was.old if was else now.items.get(now.place(k)) for was, k in found]
                there = [dict(item) for item in items if item]
                return {"Responses": {table: there}, "UnprocessedKeys": {}}
        return None

    def _lately(self, name: str, key: Json) -> Change | None:
        """The first change of an item that a read which is not consistent may have missed."""
        table, found = self.aws.tables[name], None
        place = table.place(key)
        for change in reversed(table.changes):
            if change.at < self.hub.now - STALE_SECONDS:
                break
            if change.key == place:
                found = change
        return found

    def enter(self, invocation: Invocation, what: str) -> str:
        """Before a call: time passes, or the function dies. Gives what names the call."""
        invocation.calls += 1
        about = f"{invocation.label} #{invocation.calls}"
        seconds = 0.002 + 0.02 * self.chaos.share(f"takes: {about}")
        if self.chaos.strikes("slow", about):
            seconds = self.chaos.between(0.2, 4, about)
        self.hub.sleep(seconds)
        if self.hub.now > invocation.ends_by:
            raise Crash(f"out of time at call {invocation.calls}, {what}")
        match self.chaos.one_of(("crash before", "crash after"), f"{about} {what}"):
            case "crash before":
                raise Crash(f"before call {invocation.calls}, {what}")
            case "crash after":
                invocation.dying = True
        return about

    def leave(self, invocation: Invocation, what: str) -> None:
        """After a call: the function may die without having heard the answer."""
        if invocation.dying:
            raise Crash(f"after call {invocation.calls}, {what}")

    def _conflict(self, params: Json) -> ClientError:
        error = _refusal("TransactWriteItems", "TransactionCanceledException", "Conflict")
        codes = ["None"] * (len(params["TransactItems"]) - 1) + ["TransactionConflict"]
        error.response["CancellationReasons"] = [{"Code": code} for code in codes]
        return error

    def _look_at_mail(self, invocation: Invocation, service: str, operation: str) -> None:
        """SES knows no idempotency key: a sender that dies before its note will send again."""
        if (service, operation) == ("sesv2", "SendEmail"):
            invocation.sent_mail = self.aws.mails[-1].label
        elif service == "dynamodb" and operation == "PutItem":
            invocation.sent_mail = None

    def _forget_mail(self, invocation: Invocation) -> None:
        """No note was made of the mail that SES took last."""
        if invocation.sent_mail:
            self.mails_again[invocation.sent_mail] += 1
            invocation.sent_mail = None

    # Schedules

    def tick(self, minute: int, since: int) -> int:
        """Start what is due in that minute, or was in one after `since`. Gives how many that are.

        What was due several times is started once.
        """
        due = [
            door
            for door, (first, every) in self.schedules
            if (minute - first) // every > (since - first) // every
        ]
        for door in due:
            runs = 1 + self.chaos.strikes("sweep twice", f"{_function(door)} {minute}")
            for run in range(runs):
                if self.down(door.service.name, self.hub.now) <= self.hub.now:
                    self._run_schedule(door, f"{minute}.{run}", 0)
        return len(due)

    def _run_schedule(self, door: Door, label: str, tries: int) -> None:
        """Invoke what is due, and again for as often as the template says when it fails."""
        most = int(door.properties.get("EventInvokeConfig", {}).get("MaximumRetryAttempts", 2))

        def note(done: Invocation) -> None:
            self.schedules_failed += bool(done.error)
            if done.error and tries < most:
                wait = ASYNC_SECONDS[min(tries, 1)]
                self.hub.later(wait, lambda: self._run_schedule(door, label, tries + 1))

        self.invoke(door, {}, label if not tries else f"{label} again {tries}", note)

    @property
    def waiting(self) -> list[str]:
        """What is in a queue or a stream still, dead letters apart."""
        queued = [
            message.label
            for queue in self.queues.values()
            if queue.feed
            for message in queue.messages.values()
        ]
        behind = [
            f"{shard.door.service.name} {shard.door.name} {_version(shard.backlog[0])}"
            for shards in self._shards.values()
            for shard in shards
            if shard.backlog
        ]
        return queued + behind

    # Names

    def _owner(self) -> str:
        task = self.hub.current
        return task.about.label if task and isinstance(task.about, Invocation) else "outside"

    def _nth(self, label: str) -> str:
        """The label, and which one of that name it is."""
        self._labels[label] += 1
        return f"{label}/{self._labels[label]}"

    def _id(self) -> str:
        self._ids += 1
        return f"00000000-0000-4000-8000-{self._ids:012x}"

    def _say(self, line: str) -> None:
        if self.notice:
            self.notice(line)


def _times(expression: str, start: float) -> tuple[int, int]:
    """The minute in which a schedule runs first, and every how many minutes it does.

    Raises NotImplementedError unless it is a rate, or a time of each day.
    """
    if found := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return 0, int(found[1]) * MINUTES[found[2]]
    if found := re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", expression):
        opened = datetime.fromtimestamp(start, UTC)
        minutes = int(found[2]) * 60 + int(found[1]) - opened.hour * 60 - opened.minute
        return minutes % MINUTES["day"], MINUTES["day"]
    raise NotImplementedError(f"the schedule {expression}")


def _matches(pattern: Mapping[str, Any], detail: str) -> bool:
    try:
        event = {"detail": json.loads(detail)}
    except ValueError:
        return False
    return EventPattern(None, dict(pattern)).matches_event(event)  # type: ignore[arg-type]


def _function(door: Door) -> str:
    return f"{door.service.name} {door.name}"


def _service(queue: Queue) -> str:
    return queue.name.removeprefix("tbs-app-").split("-local-")[0]


def _refusal(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def _metadata_id(detail: str) -> str:
    """The message's own id, or a digest of what has none."""
    try:
        return str(json.loads(detail)["metadata"]["id"])
    except (ValueError, TypeError, KeyError):
        return f"{crc32(detail.encode()):x}"


def _said(name: str, detail: str) -> str:
    """What has to be the same each time that a message is told.

    What is told again because it was asked for does not have to say of who asked.
    """
    if not name.endswith("Republished"):
        return detail
    told = json.loads(detail)
    return json.dumps([told["data"], told["metadata"]["occurredAt"], told["metadata"]["version"]])


def _name(message: Message) -> str:
    """What kind of message it is."""
    try:
        body = json.loads(message.body)
        return str(body.get("detail-type") or body.get("type"))
    except (ValueError, AttributeError):
        return "no JSON"


def _version(change: Change) -> str:
    item = change.new or change.old or {}
    return f"{'/'.join(map(str, change.key))}:{item.get('version', '')}"
