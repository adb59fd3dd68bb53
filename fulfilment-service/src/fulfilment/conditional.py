"""Conditional requests: an ETag for what was read, and If-Match for what may be changed."""

import re
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that was last read, or a list of them, or *. Without it, whatever is "
        "there now is meant",
    ),
]

_ETAGS = re.compile(r'(?:^|,)[ \t]*((?:W/)?"[^"]*")[ \t]*(?=,|$)')


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def is_matched(if_match: str, etag: str) -> bool:
    """Whether an If-Match means what has that strong ETag: it is `*`, or names it in its list.

    What is weak (`W/`) means nothing here (RFC 9110, 13.1.1).
    """
    return if_match.strip() == "*" or etag in _ETAGS.findall(if_match)
