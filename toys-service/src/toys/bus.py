"""The event bus, as this service puts its messages on it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from toys.message import SOURCE, Message

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES_PER_CALL = 10
BYTES_PER_CALL = 256 * 1024
"""The most that PutEvents takes at once."""


class NotPublished(Exception):
    """The bus did not take every message: what led to them has to come again."""


class Bus:
    """An event bus, by its name."""

    def __init__(self, events: "EventBridgeClient", name: str) -> None:
        self._events = events
        self._name = name

    def put(self, messages: Iterable[Message]) -> None:
        """Put the messages on the bus, in their order. Raises NotPublished unless it took all."""
        for chunk in chunks(self.entry(message) for message in messages):
            answer = self._events.put_events(Entries=chunk)
            if answer["FailedEntryCount"]:
                raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])

    def entry(self, message: Message) -> "PutEventsRequestEntryTypeDef":
        """The message as PutEvents takes it. The trace that led to it goes on with its readers."""
        entry: PutEventsRequestEntryTypeDef = {
            "Source": SOURCE,
            "DetailType": type(message).__name__,
            "Detail": message.model_dump_json(),
            "EventBusName": self._name,
        }
        if trace := message.metadata.trace:
            entry["TraceHeader"] = trace
        return entry


def chunks(
    entries: "Iterable[PutEventsRequestEntryTypeDef]",
) -> "Iterator[list[PutEventsRequestEntryTypeDef]]":
    """The entries in their order, as many at a time as one call takes."""
    chunk: list[PutEventsRequestEntryTypeDef] = []
    for one in entries:
        if chunk and (
            len(chunk) == ENTRIES_PER_CALL or sum(map(size, [*chunk, one])) > BYTES_PER_CALL
        ):
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def size(entry: "PutEventsRequestEntryTypeDef") -> int:
    """The bytes of an entry, as PutEvents counts them."""
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    return len((entry["Source"] + entry["DetailType"] + entry["Detail"]).encode())
