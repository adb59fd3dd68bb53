"""What API Gateway makes of a request that it puts into a queue by itself."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote

import airspeed  # type: ignore[import-untyped]


class _Input:
    """`$input`: the request. Names of headers are taken as they were sent."""

    def __init__(self, body: str, headers: Mapping[str, str]) -> None:
        self.body = body
        self._headers = headers

    def params(self, name: str) -> str:
        return self._headers.get(name, "")


class _Util:
    """`$util`: the functions of a mapping template."""

    def urlEncode(self, text: str) -> str:  # noqa: N802
        return quote(text, safe="")


def message(template: str, body: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The body and the attributes, by name, of the message that a queue gets.

    Args:
        template: makes an SQS SendMessage request of the caller's, in Velocity.

    Raises ValueError when what it makes is no such request, or one that SQS refuses: what it sends
    must not be empty.
    """
    known: dict[str, Any] = {
        "input": _Input(body, headers),
        "util": _Util(),
        "context": {"requestTimeEpoch": int(time.time() * 1000)},
    }
    made = _parsed(template).merge(known).strip()
    given = parse_qs(made, keep_blank_values=True, strict_parsing=True)
    asked = {name: value for name, (value,) in given.items()}
    if asked.get("Action") != "SendMessage":
        raise ValueError(f"The template does not send a message: {template}")
    if not (sent := asked.get("MessageBody")):
        raise ValueError("SQS takes no empty message")
    attributes = {}
    for number in range(1, 11):
        prefix = f"MessageAttribute.{number}."
        name = asked.get(f"{prefix}Name")
        if name is None:
            continue
        kind, value = (asked.get(f"{prefix}Value.{part}") for part in ("DataType", "StringValue"))
        if not name:
            raise ValueError("SQS takes no attribute without a name")
        if not kind or not value:
            raise ValueError(f"SQS takes no empty attribute: {name}")
        attributes[name] = value
    return sent, attributes


@cache
def _parsed(template: str) -> Any:
    """The template, which is read when it is merged for the first time."""
    return airspeed.Template(template)
