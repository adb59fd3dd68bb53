"""The event bus, as this service puts its messages on it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from orders.message import SOURCE, Message

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MOST_ENTRIES = 10
"""PutEvents takes so many entries at once,"""

MOST_BYTES = 256 * 1024
"""and no more bytes than these in all. What is too large is refused each time that it comes."""


class NotPublished(Exception):
    """The bus did not take every message: what led to them has to come again."""


class Bus:
    """An event bus, by its name."""

    def __init__(self, events: "EventBridgeClient", name: str) -> None:
        self._events = events
        self._name = name

    def put(self, messages: Iterable[Message]) -> None:
        """Put the messages on the bus, in their order. Raises NotPublished unless it took all."""
        for chunk in calls(map(self.entry, messages)):
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


def calls(
    entries: "Iterable[PutEventsRequestEntryTypeDef]",
) -> "Iterator[list[PutEventsRequestEntryTypeDef]]":
    """The entries in their order, as many of them together as one call takes."""
    chunk: list[PutEventsRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        more = len(f"{entry['Source']}{entry['DetailType']}{entry['Detail']}".encode())
        if chunk and (len(chunk) == MOST_ENTRIES or size + more > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += more
    if chunk:
        yield chunk
