"""What every message of this service has in common."""

from typing import Self

from pydantic import Field

from public_api.model import Model, Timestamp

SOURCE = "tbs.public-api"
"""The name under which this service's messages stand on the bus."""


class Metadata(Model):
    """What every message says of itself. Made from the stored item, so it is the same each time."""

    id: str = Field(description="<aggregate id>:<version>:<message name>")
    correlation_id: str = Field(description="The order's id, or the aggregate's own")
    causation_id: str | None = Field(description="metadata.id of the message that led to this")
    occurred_at: Timestamp
    version: int = Field(description="Of the aggregate. Of two messages, the higher one is newer")
    trace: str | None = Field(
        None,
        description="X-Ray's header of the invocation that wrote the change: "
        "Root=...;Parent=...;Sampled=...",
    )


class Message(Model):
    """A message on the bus: the detail of an EventBridge event, whose detail-type is its name."""

    metadata: Metadata

    def traced(self, trace: str | None) -> Self:
        """It, as told of a change that was written in that trace."""
        metadata = self.metadata.model_copy(update={"trace": trace})
        return self.model_copy(update={"metadata": metadata})
