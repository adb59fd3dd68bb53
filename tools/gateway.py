"""What API Gateway makes of a request that it puts into a queue by itself."""

import time
from collections.abc import Mapping
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

    Raises ValueError when what it makes is no such request.
    """
    known: dict[str, Any] = {
        "input": _Input(body, headers),
        "util": _Util(),
        "context": {"requestTimeEpoch": int(time.time() * 1000)},
    }
    made = airspeed.Template(template).merge(known).strip()
    asked = {name: value for name, (value,) in parse_qs(made, strict_parsing=True).items()}
    if asked.pop("Action") != "SendMessage":
        raise ValueError(f"The template does not send a message: {template}")
    attributes = {}
    for number in range(1, 11):
        prefix = f"MessageAttribute.{number}."
        if name := asked.get(f"{prefix}Name"):
            attributes[name] = asked[f"{prefix}Value.StringValue"]
    return asked["MessageBody"], attributes
