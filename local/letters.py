"""Dead letters: what lies in the stacks' dead-letter queues and why, and the way back."""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.table import Table
from rich.text import Text

from local.account import Account
from local.errors import LocalError
from local.progress import Progress, console
from local.services import Service, placed
from local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HOLD = 60
"""Seconds for which a letter that is being looked at is kept from other readers, at most."""

LIMIT = 1000
"""Letters of a queue that are looked at, or moved by hand, in one go."""

SUFFIX = "DeadLetters"

UNKNOWN_ACTION = {
    "InvalidAction",
    "UnsupportedOperation",
    "AWS.SimpleQueueService.UnsupportedOperation",
}
"""What an SQS that cannot move messages by itself answers when it is asked to."""

_PATIENCE = 1
"""Seconds to wait for a letter: with none, SQS asks some of its servers and not all."""

_POLL = 1.0
"""Seconds between two looks at a move that SQS makes."""

_APPEARS = 60.0
"""Seconds after which a move that SQS has begun is in its list, or never will be."""

_NAME = re.compile(r"[\w.:/ -]{1,80}", re.ASCII)
"""What the name of a message, or an id, can look like. What does not is not shown."""

_PRIVATE = (
    (re.compile(r", input_value=.*$", re.MULTILINE), "]"),  # pydantic repeats what it refuses
    (re.compile(r"\s*For further information visit https://errors\.pydantic\.dev/\S+"), ""),
    (re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"\b(?:\w+_secret|sk|rk|whsec|pm)_\w+"), "<secret>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue of a stack.

    `source` and `source_arn` name the queue whose letters go here, and `tries` says how often that
    one gives a message out; None when what comes here was in no queue: changes of a table that
    could not be told, calls of a schedule.
    """

    service: str
    name: str
    url: str
    arn: str
    source: str | None = None
    source_arn: str | None = None
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message nobody could handle. Nothing in it tells of a person."""

    queue: DeadLetters
    what: str
    about: str
    """The order's id or the message's correlation id; empty when it tells of none."""
    reason: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class Depth:
    """How many letters a queue holds, as SQS counts: about.

    Those in flight are in the hands of a reader, who deletes them or lets them come back.
    """

    waiting: int
    in_flight: int

    def unseen(self, found: int) -> int:
        """How many there are beside those that were found, because they were in flight."""
        return max(0, min(self.in_flight, self.waiting + self.in_flight - found))


def show(settings: Settings, services: Sequence[Service], environment: str) -> None:
    """Print every dead letter of the services' stacks, newest first.

    Raises LocalError when none of the stacks is there.
    """
    account = Account(settings, environment)
    with account.telling(), ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda service: queues(account, service), services))
        missing = [s.name for s, known in zip(services, found, strict=True) if known is None]
        looked = [queue for known in found if known for queue in known]
        depths = list(pool.map(lambda queue: depth(sqs_of(account, queue), queue), looked))
        found_in = list(pool.map(lambda queue: letters_in(sqs_of(account, queue), queue), looked))
    if len(missing) == len(services):
        raise LocalError(f"None of the stacks of {environment!r} is there.")
    if missing:
        console.print(f"No stack: {', '.join(missing)}")
    in_flight = [
        _elsewhere(unseen, queue)
        for queue, counted, own in zip(looked, depths, found_in, strict=True)
        if (unseen := counted.unseen(len(own)))
    ]
    letters = sorted(
        (letter for own in found_in for letter in own),
        key=lambda letter: letter.sent,
        reverse=True,
    )
    if letters:
        console.print(_table(letters, datetime.now(UTC)))
        console.print(_summary(letters, environment), soft_wrap=True)
    elif not in_flight:
        console.print(f"No dead letters: all {len(looked)} queues for them are empty.")
    for line in in_flight:
        console.print(line, soft_wrap=True)


def redrive(
    settings: Settings, service: Service, environment: str, name: str, progress: Progress
) -> int:
    """Send a queue's dead letters back to the queue they came for. Returns how many went.

    Raises LocalError when there is no such stack or queue, when the letters came for no queue, when
    there are none or all are in flight, and when SQS gives up.
    """
    account = Account(settings, environment)
    with account.telling():
        known = queues(account, service)
        if known is None:
            raise LocalError(f"There is no stack {placed(service, environment)[0]}.")
        queue = next((queue for queue in known if queue.name == name), None)
        if queue is None:
            names = ", ".join(queue.name for queue in known)
            raise LocalError(f"{service.name} has no queue {name!r} of dead letters, but {names}.")
        if queue.source is None or queue.source_arn is None:
            raise LocalError(
                f"What lies in {name} of {service.name} was in no queue before, so there is none "
                "to send it back to. docs/operations.md says what to do with it."
            )
        sqs = sqs_of(account, queue)
        counted = depth(sqs, queue)
        if not counted.waiting and counted.in_flight:
            raise LocalError(
                f"{counted.in_flight} letters of {name} of {service.name} are in flight: someone "
                "looks at them, or moves them. What stays comes back within a minute: try again "
                "then."
            )
        if not counted.waiting:
            raise LocalError(f"{name} of {service.name} is empty: nothing to send back.")
        with progress.step(f"{service.name}: {name} back to {queue.source}"):
            moved = move(sqs, queue, progress)
            if moved is None:
                moved = move_by_hand(sqs, queue)
        if unseen := counted.unseen(moved):
            progress.note(_elsewhere(unseen, queue))
        return moved


def queues(account: Account, service: Service) -> list[DeadLetters] | None:
    """The dead-letter queues of a service's stack; None when the stack is not there."""
    stack, region = placed(service, account.environment)
    pages = account.client("cloudformation", region).get_paginator("list_stack_resources")
    try:
        resources = [
            resource
            for page in pages.paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::SQS::Queue"
            and not resource["ResourceStatus"].startswith("DELETE")
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    sqs = account.client("sqs", region)
    attributes = {
        resource["LogicalResourceId"]: sqs.get_queue_attributes(
            QueueUrl=resource["PhysicalResourceId"], AttributeNames=["All"]
        )["Attributes"]
        for resource in resources
    }
    sources = {}
    for name, own in attributes.items():
        if policy := json.loads(own.get("RedrivePolicy") or "{}"):
            sources[policy["deadLetterTargetArn"]] = name, own, int(policy["maxReceiveCount"])
    found = []
    for resource in resources:
        name = resource["LogicalResourceId"]
        arn = attributes[name]["QueueArn"]
        if arn not in sources and not name.endswith(SUFFIX):
            continue
        source, feeding, tries = sources.get(arn, (None, None, None))
        found.append(
            DeadLetters(
                service=service.name,
                name=name,
                url=resource["PhysicalResourceId"],
                arn=arn,
                source=source,
                source_arn=feeding and feeding["QueueArn"],
                tries=tries,
            )
        )
    return found


def sqs_of(account: Account, queue: DeadLetters) -> "SQSClient":
    """SQS where a queue is."""
    client: SQSClient = account.client("sqs", queue.arn.split(":")[3])
    return client


def letters_in(sqs: "SQSClient", queue: DeadLetters) -> list[Letter]:
    """The letters in a queue, each once, oldest first. They stay there."""
    with held(sqs, queue) as messages:
        letters = [letter_of(queue, message) for message in messages]
    return sorted(letters, key=lambda letter: letter.sent)


@contextmanager
def held(sqs: "SQSClient", queue: DeadLetters) -> Iterator[list["MessageTypeDef"]]:
    """All messages of a queue, each once, LIMIT at most: nobody else sees them meanwhile.

    They are handed back at the end, those that were deleted excepted.
    """
    messages: dict[str, MessageTypeDef] = {}
    try:
        while len(messages) < LIMIT:
            answer = sqs.receive_message(
                QueueUrl=queue.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HOLD,
                WaitTimeSeconds=_PATIENCE,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            came = {message["MessageId"]: message for message in answer.get("Messages", [])}
            news = came.keys() - messages.keys()
            messages |= came  # the receipt that counts is the last one
            if not news:
                break
        yield list(messages.values())
    finally:
        for batch in batched(messages.values(), 10, strict=False):
            # What is not handed back comes back by itself, when HOLD is over.
            with contextlib.suppress(ClientError):
                sqs.change_message_visibility_batch(
                    QueueUrl=queue.url,
                    Entries=[
                        {
                            "Id": str(number),
                            "ReceiptHandle": message["ReceiptHandle"],
                            "VisibilityTimeout": 0,
                        }
                        for number, message in enumerate(batch)
                    ],
                )


def letter_of(queue: DeadLetters, message: "MessageTypeDef") -> Letter:
    """What a message of a dead-letter queue is."""
    what, about = content(message["Body"])
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return Letter(queue, what, about, why(queue, message), datetime.fromtimestamp(sent, UTC))


def content(body: str) -> tuple[str, str]:
    """What a body is and the id of what it is about: names only, nothing of what it says."""
    try:
        found = json.loads(body)
    except ValueError:
        return "not JSON", ""
    match found:
        case {"detail-type": str(name), "detail": detail}:
            return _name(name), _first(_at(detail, "data", "orderId"), _correlation(detail))
        case {"DDBStreamBatchInfo": {"batchSize": size}}:
            return f"{_name(str(size))} changes of a table", ""
        case {"DDBStreamBatchInfo": _}:
            return "changes of a table", ""
        case {"requestContext": _, "requestPayload": _}:
            return "a call of a function", ""
        case {"object": "event", "type": str(name)}:
            return _name(name), _first(_at(found, "data", "object", "metadata", "orderId"))
        case {"eventType": str(name), "mail": mail}:
            return _name(f"SES: {name}"), _first(_at(mail, "messageId"))
        case {"Records": [{"eventSource": str(source), "eventName": str(name)}, *_]}:
            return _name(f"{source} {name}"), ""
    return "JSON of no known form", ""


def why(queue: DeadLetters, message: "MessageTypeDef") -> str:
    """Why a message is a dead letter, with nothing in it that tells of a person."""
    attributes = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    # A letter that was sent back once keeps the reason it had: it has failed anew since.
    buried_by_sqs = "DeadLetterQueueSourceArn" in message["Attributes"]
    if (reason := attributes.get("reason")) and not buried_by_sqs:
        return discreet(reason)
    if code := attributes.get("ERROR_CODE"):
        return discreet(f"could not be delivered: {code} {attributes.get('ERROR_MESSAGE', '')}")
    with contextlib.suppress(ValueError):
        context = _at(json.loads(message["Body"]), "requestContext")
        if isinstance(context, dict) and "condition" in context:
            count = context.get("approximateInvokeCount")
            return discreet(f"{context['condition']} after {count} tries: see the log")
    return f"failed {queue.tries} times: see the log" if queue.tries else "failed: see the log"


def discreet(text: str) -> str:
    """A reason on one line, without the values, addresses and secrets that it repeats."""
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return text.strip()


def move(sqs: "SQSClient", queue: DeadLetters, progress: Progress) -> int | None:
    """Have SQS move a queue's letters, and wait until it has. Returns how many it moved.

    None when this SQS cannot. Raises LocalError when it does so already, when it gives up, and when
    it does not list what it was asked to do.
    """
    assert queue.source_arn is not None
    try:
        before = _latest_move(sqs, queue)
        if before.get("Status") == "RUNNING":
            raise LocalError(f"SQS moves the letters of {queue.name} of {queue.service} already.")
        # Poison was put here by a function: SQS does not know where it would go back to.
        sqs.start_message_move_task(SourceArn=queue.arn, DestinationArn=queue.source_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] in UNKNOWN_ACTION:
            return None
        raise
    told, asked = -1, time.monotonic()
    while True:
        task = _latest_move(sqs, queue)
        if task.get("StartedTimestamp") != before.get("StartedTimestamp"):
            moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
            if task["Status"] == "COMPLETED":
                return moved
            if task["Status"] != "RUNNING":
                reason = task.get("FailureReason", "it does not say why")
                raise LocalError(
                    f"SQS moved {moved} letters of {queue.name} and gave up, {task['Status']}: "
                    f"{reason}. The others are where they were."
                )
            if moved != told:
                of = task.get("ApproximateNumberOfMessagesToMove", "?")
                progress.note(f"{moved} of about {of} letters moved")
                told = moved
        elif time.monotonic() - asked > _APPEARS:
            raise LocalError(
                f"SQS was asked to move the letters of {queue.name} of {queue.service}, but lists "
                f"no such move after {_APPEARS:.0f} s. See with make dlq what is there before you "
                "ask again."
            )
        time.sleep(_POLL)


def _latest_move(sqs: "SQSClient", queue: DeadLetters) -> Mapping[str, Any]:
    tasks = sqs.list_message_move_tasks(SourceArn=queue.arn, MaxResults=1).get("Results", [])
    return tasks[0] if tasks else {}


def move_by_hand(sqs: "SQSClient", queue: DeadLetters) -> int:
    """Move a queue's letters one by one. Returns how many.

    Each is sent before it is deleted: one may be there twice after a crash, none is lost. What
    comes back as a dead letter meanwhile is left where it is.
    """
    assert queue.source_arn is not None
    source = sqs.get_queue_url(QueueName=queue.source_arn.rpartition(":")[2])["QueueUrl"]
    with held(sqs, queue) as messages:
        for message in messages:
            sqs.send_message(
                QueueUrl=source,
                MessageBody=message["Body"],
                MessageAttributes=_sendable(message.get("MessageAttributes", {})),
            )
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def _sendable(attributes: Mapping[str, Any]) -> Any:
    """Message attributes as they are sent: of what was received, the type and the value."""
    kept = ("DataType", "StringValue", "BinaryValue")
    return {
        name: {key: value[key] for key in kept if key in value}
        for name, value in attributes.items()
    }


def depth(sqs: "SQSClient", queue: DeadLetters) -> Depth:
    """How many letters a queue holds, those included that nobody can look at now."""
    counts = sqs.get_queue_attributes(
        QueueUrl=queue.url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return Depth(
        waiting=int(counts["ApproximateNumberOfMessages"]),
        in_flight=int(counts["ApproximateNumberOfMessagesNotVisible"]),
    )


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _correlation(detail: Any) -> Any:
    return _at(detail, "metadata", "correlationId")


def _first(*ids: Any) -> str:
    return next((found for found in ids if isinstance(found, str) and _NAME.fullmatch(found)), "")


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else "a message of no known name"


def _table(letters: Sequence[Letter], now: datetime) -> Table:
    table = Table("age", "service", "queue", "message", "about", "reason", box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for letter in letters:
        table.add_row(
            age((now - letter.sent).total_seconds()),
            letter.queue.service,
            letter.queue.name,
            Text(letter.what, style="bold"),
            letter.about,
            Text(letter.reason),
        )
    return table


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _elsewhere(unseen: int, queue: DeadLetters) -> str:
    """What there is to know of letters that are in other hands."""
    return (
        f"About {unseen} more of {queue.name} of {queue.service} are in flight: someone looks at "
        "them, or moves them. What stays comes back within a minute."
    )


def _summary(letters: Sequence[Letter], environment: str) -> str:
    """How many there are, and how each queue's go back."""
    lines = [f"\n{len(letters)} dead letter{'s' if len(letters) != 1 else ''}."]
    where = "" if environment == "local" else f" ENV={environment}"
    for queue in dict.fromkeys(letter.queue for letter in letters):
        own = f" QUEUE={queue.name}" if queue.name != f"Inbox{SUFFIX}" else ""
        lines.append(
            f"When the cause is mended: make redrive SERVICE={queue.service}{own}{where}"
            if queue.source
            else f"{queue.name} of {queue.service} came from no queue: docs/operations.md says "
            "what to do"
        )
        if sum(letter.queue == queue for letter in letters) >= LIMIT:
            lines.append(f"{queue.name} of {queue.service} holds more than were looked at.")
    return "\n".join(lines)
