"""The shop's public address on this machine: in front of public-api's API Gateway stage.

Run as `python -m local.gateway`; its ports come from the environment (local.settings).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from local import stacks
from local.errors import LocalError
from local.gateway_responses import GatewayResponses
from local.settings import HOST, ROOT, Settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

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

_REMEMBERED_SECONDS = 2.0


def application(
    settings: Settings,
    find_api: Callable[[], str] | None = None,
    responses: GatewayResponses | None = None,
) -> Starlette:
    """The gateway. `find_api` gives the address of the API, or raises LocalError."""
    own_errors = responses or GatewayResponses.of(ROOT / "public-api" / "template.yaml")
    api = _Remembered(find_api or (lambda: stacks.api_url(settings, "public-api")))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
            app.state.client = client
            yield

    async def forward(request: Request) -> Response:
        try:
            base = httpx.URL(await asyncio.to_thread(api))
        except LocalError as error:
            return unavailable(f"The shop's API is not there. {error}")
        sent = request.app.state.client.build_request(
            request.method,
            base.copy_with(raw_path=base.raw_path.rstrip(b"/") + _rest(request)),
            headers=passed_on(request.headers.raw, drop={"host"}),
            content=request.stream() if _has_body(request) else None,
        )
        try:
            answer = await request.app.state.client.send(sent, stream=True)
        except httpx.TransportError as error:
            api.forget()
            return unavailable(f"The shop's API does not answer: {error or type(error).__name__}")
        if answer.is_error:
            body = await answer.aread()
            await answer.aclose()
            if own := own_errors.answer(answer.status_code, body):
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

    async def listing(request: Request) -> Response:
        addresses = directory(settings)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(addresses)
        width = max(map(len, addresses.values()))
        lines = [f"{address:{width}}  {what}" for what, address in addresses.items()]
        return PlainTextResponse("The Better Store, on this machine\n\n" + "\n".join(lines) + "\n")

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/", listing),
            Route("/health", health),
            Route("/api/{rest:path}", forward, methods=METHODS),
        ],
        lifespan=lifespan,
    )


def directory(settings: Settings) -> dict[str, str]:
    """What answers where."""
    return {
        "the shop's API: the catalogue": f"{settings.url}/api/toys",
        "AWS (MiniStack): AWS_ENDPOINT_URL": settings.aws_url,
        "e-mails that were sent": f"{settings.aws_url}/_ministack/ses/messages",
        "queues and what waits in them": f"{settings.aws_url}/_ministack/sqs/messages",
        "the Stripe stand-in": settings.stripe_url,
        "the reports' database": settings.database_url,
    }


def passed_on(
    headers: Iterable[tuple[bytes, bytes]], drop: Iterable[str] = ()
) -> list[tuple[bytes, bytes]]:
    """The headers that go on to the next neighbour, in small letters."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = [value for name, value in lowered if name == b"connection"]
    between = {token.strip().lower() for value in named for token in value.decode().split(",")}
    dropped = HOP_BY_HOP | between | set(drop)
    return [(name, value) for name, value in lowered if name.decode() not in dropped]


def unavailable(message: str) -> Response:
    """503, in the form of all the shop's errors."""
    error = {"code": "SERVICE_UNAVAILABLE", "message": message, "details": []}
    return JSONResponse({"error": error}, 503, headers={"Retry-After": "1"})


class _Remembered:
    """A value that takes a while to find, found anew when it is a little old."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._value = ""
        self._until = 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._until:
            self._value = self._find()
            self._until = time.monotonic() + _REMEMBERED_SECONDS
        return self._value

    def forget(self) -> None:
        self._until = 0.0


def _rest(request: Request) -> bytes:
    """The path after /api and the query, as the client wrote them."""
    path: bytes = request.scope["raw_path"].removeprefix(b"/api")
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def main() -> None:
    """Serve until told to end."""
    settings = Settings.from_environment()
    uvicorn.run(
        application(settings),
        host=HOST,
        port=settings.port,
        log_level="warning",
        date_header=False,  # the API's own go through
        server_header=False,
    )


if __name__ == "__main__":
    main()
