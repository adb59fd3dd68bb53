"""Conditional answers (RFC 9110): an `ETag` stands for what is shown, and 304 for "as before"."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from pydantic import BaseModel

PUBLIC = "public, max-age=10"
"""`Cache-Control` of what everybody sees alike: kept for ten seconds, by anyone on the way."""

PRIVATE = "private, no-cache"
"""`Cache-Control` of what one shopper sees: kept in their browser alone, and asked for anew."""

_TAGS = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


class NotModified(Exception):
    """Whoever asks has it as it is. `headers` are those that the full answer would have."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("not modified")
        self.headers = dict(headers)


def answers(model: type[BaseModel], description: str) -> dict[int, OpenAPIResponse]:
    """What a conditional operation answers, as its `responses` tell it in the API's contract."""
    return {
        200: {"description": description, "content": {"application/json": {"model": model}}},
        304: {"description": "As it was: `If-None-Match` named its `ETag`", "content": {}},
    }


def install(app: APIGatewayRestResolver) -> None:
    """Make `app` answer NotModified with 304 and no body."""

    @app.exception_handler(NotModified)
    def not_modified(unchanged: NotModified) -> Response[str]:
        return Response(304, body="", headers=unchanged.headers)


def conditional[M: BaseModel](
    event: APIGatewayProxyEvent,
    shown: M,
    cache_control: str,
    headers: Mapping[str, str] | None = None,
) -> Response[M]:
    """`shown` as JSON, with its `ETag`, `Cache-Control` and further headers.

    Raises NotModified when If-None-Match names that very ETag.
    """
    tag = etag(shown)
    told = {"ETag": tag, "Cache-Control": cache_control, **(headers or {})}
    if matches(event.headers.get("if-none-match"), tag):
        raise NotModified(told)
    return Response(200, content_types.APPLICATION_JSON, shown, headers=told)


def etag(shown: BaseModel) -> str:
    """The ETag of what is shown, quotes included: the same for the same content."""
    digest = sha256(shown.model_dump_json().encode()).digest()
    return f'"{urlsafe_b64encode(digest[:18]).decode()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the header If-None-Match names an ETag: in its list, weak or not, or as `*`."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag.strip('"') in _TAGS.findall(if_none_match)
