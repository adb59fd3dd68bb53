"""What the public API takes beside bodies: ids, limits, cursors and headers."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticKnownError

Id = Annotated[str, Path(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(description="From the page before")]


def _present(key: str) -> str:
    """The value of a header. One that is blank is as good as missing."""
    if not key.strip():
        raise PydanticKnownError("missing")
    return key


IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern="^[ -~]+$"),
    BeforeValidator(_present),
    Header(
        alias="Idempotency-Key",
        description="Made up by the shopper's side, one for each order. The same again is safe",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that was last read; `*`: whatever is there. 428 when it is missing",
    ),
]
