"""Sample invocations of every door, taken from the story: what `sam local invoke` and tests feed.

- inbox-<Message>.json: the message as the queue hands it on
- uploads-ObjectCreated.json, and so on for any other door on a queue: the event in it
- webhook-<event>.json: the outsider's event as the queue hands it on, with its headers
- feedback-<event>.json: what SES reports of a mail
- outbox-<Message>.json: the change of the table that led to the message
- carrier-<STATUS>.json, and so on for any other door on a stream: a change to that status; or
  indexer-<INSERT, MODIFY or REMOVE>.json, where what changes has none
- sweep.json, and so on for any other door on a schedule: that it is time
- rebuild.json, and so on for any other door that is invoked by hand, by AWS or by another door
- api-<operation>.json: one good call
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.services import Service
from tools.shop import Invocation

Operations = Mapping[tuple[str, str, str], str]
"""The operation ids of all APIs by service, method and path."""


def files(told: Sequence[Invocation], operations: Operations) -> dict[Path, str]:
    """The text of every sample, by path: the first of its kind in the story."""
    made: dict[Path, str] = {}
    for invocation in told:
        for name in _names(invocation, operations):
            path = invocation.door.service.folder / "events" / f"{name}.json"
            text = json.dumps(invocation.event, indent=2, ensure_ascii=False) + "\n"
            made.setdefault(path, text)
    return made


def stale(services: Sequence[Service], made: Mapping[Path, str]) -> set[Path]:
    """The samples in the folders that the story no longer gives."""
    there = {path for service in services for path in service.folder.glob("events/*.json")}
    return there - made.keys()


def _names(invocation: Invocation, operations: Operations) -> Iterator[str]:
    door, event = invocation.door, invocation.event
    if door.name == "api":
        if invocation.answer["statusCode"] < 300:
            operation = operations[door.service.name, event["httpMethod"], event["resource"]]
            yield f"api-{operation.replace('_', '-')}"
        return
    if "Records" not in event:
        yield door.name
        return
    (record,) = event["Records"]
    if "body" in record:
        told = json.loads(record["body"])
        kinds = ("detail-type", "type", "eventType", "status")
        name = str(next(told[kind] for kind in kinds if told.get(kind)))
        yield f"{door.name}-{name.replace(' ', '')}"
    elif door.name == "outbox":
        for message in invocation.sent:
            yield f"outbox-{message['detail-type']}"
    else:
        status = record["dynamodb"].get("NewImage", {}).get("status", {}).get("S")
        yield f"{door.name}-{status or record['eventName']}"
