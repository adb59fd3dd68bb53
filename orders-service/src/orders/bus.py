"""The event bus, as this service puts its messages on it."""

from collections.abc import Iterable
from itertools import batched
from typing import TYPE_CHECKING

from orders.messages import SOURCE, Message

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES_PER_CALL = 5
"""PutEvents takes ten at once, but 256 KB in all: of the longest orders that is no more than five.

What is too large is refused each time that it comes.
"""


class NotPublished(Exception):
    """The bus did not take every message: what led to them has to come again."""


class Bus:
    """An event bus, by its name."""

    def __init__(self, events: "EventBridgeClient", name: str) -> None:
        self._events = events
        self._name = name

    def put(self, messages: Iterable[Message]) -> None:
        """Put the messages on the bus, in their order. Raises NotPublished unless it took all."""
        for chunk in batched(map(self.entry, messages), ENTRIES_PER_CALL):
            answer = self._events.put_events(Entries=list(chunk))
            if answer["FailedEntryCount"]:
                raise NotPublished([e for e in answer["Entries"] if "ErrorCode" in e])

    def entry(self, message: Message) -> "PutEventsRequestEntryTypeDef":
        """The message as PutEvents takes it."""
        return {
            "Source": SOURCE,
            "DetailType": type(message).__name__,
            "Detail": message.model_dump_json(),
            "EventBusName": self._name,
        }
