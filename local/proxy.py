"""Passes a request on to another server, and its answer back."""

from collections.abc import Callable, Collection, Iterable, Mapping

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers that are between two neighbours and are not passed on (RFC 9110, 7.6.1)."""


async def forwarded(
    request: Request,
    to: httpx.URL,
    drop: Collection[str],
    add: Mapping[str, str] | None = None,
    in_place_of_error: Callable[[int, bytes], tuple[int, bytes] | None] | None = None,
) -> Response:
    """What another server answers to a request, without some of its headers and with others.

    `in_place_of_error` gives status and JSON to answer with instead of an error, or None. The
    application's state holds the `client` to ask with. Raises httpx.TransportError.
    """
    headers = passed_on(request.headers.raw, drop)
    headers += [(name.encode(), value.encode()) for name, value in (add or {}).items()]
    sent = request.app.state.client.build_request(
        request.method,
        to,
        headers=headers,
        content=request.stream() if _has_body(request) else None,
    )
    answer = await request.app.state.client.send(sent, stream=True)
    if answer.is_error and request.method != "HEAD":
        body = await answer.aread()
        await answer.aclose()
        if in_place_of_error and (own := in_place_of_error(answer.status_code, body)):
            status, content = own
            return Response(content, status, media_type="application/json")
        plain = Response(body, answer.status_code)
        kept = passed_on(answer.headers.raw, drop={"content-encoding", "content-length"})
        plain.raw_headers = [*kept, (b"content-length", str(len(body)).encode())]
        return plain
    response = StreamingResponse(
        answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
    )
    response.raw_headers = passed_on(answer.headers.raw)
    return response


def passed_on(
    headers: Iterable[tuple[bytes, bytes]], drop: Iterable[str] = ()
) -> list[tuple[bytes, bytes]]:
    """The headers that go on to the next neighbour, in small letters."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = [value for name, value in lowered if name == b"connection"]
    between = {token.strip().lower() for value in named for token in value.decode().split(",")}
    dropped = HOP_BY_HOP | between | set(drop)
    return [(name, value) for name, value in lowered if name.decode() not in dropped]


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers
