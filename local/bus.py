"""Watching the bus: one more reader, which no service knows of."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from local import aws
from local.settings import Settings


@dataclass(frozen=True, slots=True)
class Seen:
    """A message on the bus, when it came there, and the services whose rules take it."""

    at: datetime
    source: str
    name: str
    metadata: dict[str, Any]
    data: dict[str, Any]
    readers: tuple[str, ...]
    event: dict[str, Any]

    @property
    def sender(self) -> str:
        """The service that sent it."""
        return self.source.removeprefix("tbs.")


class BusWatch:
    """Sees every message of the shop while it is open: a rule and a queue of its own."""

    def __init__(self, settings: Settings) -> None:
        self._events = aws.client("events", settings)
        self._sqs = aws.client("sqs", settings)
        self._name = f"tbs-watch-{uuid.uuid4().hex[:8]}"
        self._queue = ""
        self._rules: list[tuple[str, dict[str, list[str]]]] = []

    def __enter__(self) -> Self:
        """Start to watch. What is sent from here on will be seen."""
        self._rules = list(self._readers())
        self._queue = self._sqs.create_queue(QueueName=self._name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                }
            ],
        }
        self._sqs.set_queue_attributes(
            QueueUrl=self._queue, Attributes={"Policy": json.dumps(policy)}
        )
        pattern = {"source": [{"prefix": "tbs."}]}
        self._events.put_rule(Name=self._name, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule=self._name, Targets=[{"Id": "watch", "Arn": arn}])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching and leave nothing behind."""
        self._events.remove_targets(Rule=self._name, Ids=["watch"])
        self._events.delete_rule(Name=self._name)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def read(self) -> list[Seen]:
        """What has come since the last call, oldest first."""
        seen: list[Seen] = []
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=10,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return sorted(seen, key=lambda one: one.at)
            for message in messages:
                sent = int(message["Attributes"]["SentTimestamp"]) / 1000
                seen.append(self._seen(json.loads(message["Body"]), sent))
            self._sqs.delete_message_batch(
                QueueUrl=self._queue,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )

    def read_until_quiet(self, quiet: float = 1.0, limit: float = 60.0) -> list[Seen]:
        """All that comes until nothing has come for `quiet` seconds, or `limit` is over."""
        seen: list[Seen] = []
        end = time.monotonic() + limit
        last = time.monotonic()
        while time.monotonic() < min(end, last + quiet):
            if new := self.read():
                seen += new
                last = time.monotonic()
            time.sleep(0.05)
        return seen

    def _seen(self, event: dict[str, Any], sent: float) -> Seen:
        name, source = event["detail-type"], event["source"]
        readers = {
            service
            for service, pattern in self._rules
            if name in pattern.get("detail-type", [name])
            and source in pattern.get("source", [source])
        }
        return Seen(
            at=datetime.fromtimestamp(sent, UTC),
            source=source,
            name=name,
            metadata=event["detail"]["metadata"],
            data=event["detail"]["data"],
            readers=tuple(sorted(readers)),
            event=event,
        )

    def _readers(self) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """Each service whose stack has a rule on the bus, with the rule's pattern."""
        for page in self._events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                stack = re.match(r"tbs-app-(.+)-local-", rule["Name"])
                if stack and "EventPattern" in rule:
                    yield stack[1], json.loads(rule["EventPattern"])
