"""The shop's public address on this machine: in front of API Gateway's stage and of CloudFront.

Run as `python -m local.gateway`; its ports come from the environment (local.settings).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local import stacks
from local.errors import LocalError
from local.gateway_responses import GatewayResponses
from local.proxy import forwarded
from local.settings import HOST, ROOT, Settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_REMEMBERED_SECONDS = 2.0


def application(
    settings: Settings,
    find_api: Callable[[], str] | None = None,
    responses: GatewayResponses | None = None,
    find_distribution: Callable[[], str] | None = None,
) -> Starlette:
    """The gateway.

    `find_api` gives the address of the API, `find_distribution` the name of the CloudFront
    distribution that serves public files; both may raise LocalError.
    """
    own_errors = responses or GatewayResponses.of(ROOT / "public-api" / "template.yaml")
    api = _Remembered(find_api or (lambda: stacks.api_url(settings, "public-api")))
    distribution = _Remembered(find_distribution or (lambda: _distribution(settings)))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
            app.state.client = client
            yield

    async def api_answer(request: Request) -> Response:
        try:
            base = httpx.URL(await asyncio.to_thread(api))
        except LocalError as error:
            return unavailable(f"The shop's API is not there. {error}")
        path = _path(request).removeprefix(b"/api")
        to = base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path)
        try:
            return await forwarded(request, to, {"host"}, in_place_of_error=own_errors.answer)
        except httpx.TransportError as error:
            api.forget()
            return unavailable(f"The shop's API does not answer: {error or type(error).__name__}")

    async def public_file(request: Request) -> Response:
        try:
            host = await asyncio.to_thread(distribution)
        except LocalError as error:
            return unavailable(f"The public files are not there. {error}")
        # What tells CloudFront which of its distributions is asked.
        own = {"host": host, "x-forwarded-proto": "https"}
        to = httpx.URL(settings.aws_url).copy_with(raw_path=_path(request))
        try:
            return await forwarded(request, to, {*own, "authorization", "cookie"}, own)
        except httpx.TransportError as error:
            distribution.forget()
            return unavailable(f"CloudFront does not answer: {error or type(error).__name__}")

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
            Route("/api/{rest:rest}", api_answer, methods=METHODS),
            Route("/public/{rest:path}", public_file, methods=["GET", "HEAD"]),
        ],
        lifespan=lifespan,
    )


def directory(settings: Settings) -> dict[str, str]:
    """What answers where."""
    return {
        "the shop's API: the catalogue": f"{settings.url}/api/toys",
        "pictures of toys (CloudFront)": f"{settings.url}/public/",
        "AWS (MiniStack): AWS_ENDPOINT_URL": settings.aws_url,
        "e-mails that were sent": f"{settings.aws_url}/_ministack/ses/messages",
        "queues and what waits in them": f"{settings.aws_url}/_ministack/sqs/messages",
        "the Stripe stand-in": settings.stripe_url,
        "the reports' database": settings.database_url,
    }


def unavailable(message: str) -> Response:
    """503, in the form of all the shop's errors."""
    error = {"code": "SERVICE_UNAVAILABLE", "message": message, "details": []}
    return JSONResponse({"error": error}, 503, headers={"Retry-After": "1"})


class _Rest(PathConvertor):
    """The rest of a path, which may have line feeds in it."""

    regex = "(?s:.*)"


register_url_convertor("rest", _Rest())


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


def _distribution(settings: Settings) -> str:
    """The domain of file-manager's distribution. Raises LocalError when there is none."""
    found = stacks.outputs(settings, "file-manager").get("DistributionDomain")
    if not found:
        raise LocalError("The stack tbs-app-file-manager-local has no distribution")
    return found


def _path(request: Request) -> bytes:
    """The path and the query, as the client wrote them."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


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
