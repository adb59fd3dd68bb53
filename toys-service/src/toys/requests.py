"""What the private API takes beside toys themselves."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import content_types
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from pydantic import Field, WithJsonSchema

from toys.model import TAKEN, Model
from toys.picture import MOST_SHOWN
from toys.toy import ToyPatch

MOST_IN_BATCH = 25
"""Toys that one request may bring."""

MERGE_PATCH = "application/merge-patch+json"

Id = Annotated[str, Path(max_length=100)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that was last read, or a list of them, or *; 428 when it is missing",
    ),
]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[ -~]+$",
        description="Whoever asks again with the same one gets the same adjustment",
    ),
]
PatchGiven = Annotated[ToyPatch, Body(media_type=MERGE_PATCH)]
Limit = Annotated[int, Query(ge=1, le=100)]
CursorGiven = Annotated[
    str | None, Query(description="From the page before, with all else as it was; else it is 400")
]


class PictureOrder(Model):
    """The pictures of a toy, each of them once, in the order in which they are to be shown."""

    model_config = TAKEN

    file_ids: Annotated[
        list[Annotated[str, Field(max_length=100)]],
        Field(max_length=MOST_SHOWN, json_schema_extra={"uniqueItems": True}),
    ]


class Batch(Model):
    """Toys that are new to the catalogue. Each is judged for itself."""

    model_config = TAKEN

    toys: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/ToyDraft"})]],
        Field(min_length=1, max_length=MOST_IN_BATCH),
    ]


def patch_as_json(event: dict[str, Any]) -> dict[str, Any]:
    """The request, with a merge patch as what it is, too: JSON."""
    if event.get("httpMethod") != "PATCH":
        return event
    headers = {
        name: value.replace(MERGE_PATCH, content_types.APPLICATION_JSON, 1)
        if name.lower() == "content-type"
        else value
        for name, value in event["headers"].items()
    }
    return event | {"headers": headers}


_ETAGS = re.compile(r'(?:^|,)[ \t]*((?:W/)?"[^"]*")[ \t]*(?=,|$)')


def is_matched(if_match: str, etag: str) -> bool:
    """Whether an If-Match means what has that strong ETag: it is `*`, or names it in its list.

    What is weak (`W/`) means nothing here (RFC 9110, 13.1.1).
    """
    return if_match.strip() == "*" or etag in _ETAGS.findall(if_match)


def signer(event: Mapping[str, Any]) -> str | None:
    """The IAM ARN of whoever signed the request."""
    identity = event["requestContext"].get("identity") or {}
    arn: str | None = identity.get("userArn")
    return arn
