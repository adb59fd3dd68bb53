"""The shop's public address on this machine: the storefront, and what it speaks to.

It does what CloudFront does on AWS: shows the storefront's files, passes /api/ on to API Gateway
with the key that opens it, and puts security headers on both. /public/ is the CloudFront of the
pictures, /cognito/ is Cognito.

Run as `python -m local.gateway`; its ports come from the environment (local.settings).
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from local import aws, stacks, triggers
from local.errors import LocalError
from local.gateway_responses import GatewayResponses
from local.proxy import forwarded, passed_on
from local.security_headers import Secured, security_headers
from local.services import select
from local.settings import HOST, ROOT, Settings
from local.storefront import FOLDER, Storefront

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_REMEMBERED_SECONDS = 2.0


def application(
    settings: Settings,
    find_api: Callable[[], str] | None = None,
    responses: GatewayResponses | None = None,
    find_distribution: Callable[[], str] | None = None,
    find_key: Callable[[], str] | None = None,
    files: Path = FOLDER,
) -> Starlette:
    """The gateway.

    `find_api` gives the address of the API, `find_key` the key that opens it, `find_distribution`
    the name of the CloudFront distribution that serves public files; all may raise LocalError.
    `files` is the storefront's folder.
    """
    own_errors = responses or GatewayResponses.of(ROOT / "public-api" / "template.yaml")
    api = _Remembered(find_api or (lambda: stacks.api_url(settings, "public-api")))
    distribution = _Remembered(find_distribution or (lambda: _distribution(settings)))
    key = _Remembered(find_key or (lambda: api_key(settings)), seconds=60)
    headers = security_headers(settings, select(["public-api"])[0])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
            app.state.client = client
            yield

    async def api_answer(request: Request) -> Response:
        try:
            base = httpx.URL(await asyncio.to_thread(api))
            opens = {"x-api-key": await asyncio.to_thread(key)}
        except LocalError as error:
            return unavailable(f"The shop's API is not there. {error}")
        path = _path(request).removeprefix(b"/api")
        to = base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path)
        try:
            answer = await forwarded(request, to, {"host", *opens}, opens, own_errors.answer)
        except httpx.TransportError as error:
            api.forget()
            return unavailable(f"The shop's API does not answer: {error or type(error).__name__}")
        if answer.status_code == 403:  # perhaps it has another key now
            key.forget()
        return answer

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

    async def cognito(request: Request) -> Response:
        body = await request.body()
        headers = passed_on(request.headers.raw, {"host", "cookie"})
        try:
            answer = await request.app.state.client.post(
                settings.aws_url, content=body, headers=headers
            )
        except httpx.TransportError as error:
            return unavailable(f"Cognito does not answer: {error or type(error).__name__}")
        asked = triggers.action(request.headers.get("x-amz-target", ""))
        if answer.is_success and asked in triggers.SOURCES:
            fault = await asyncio.to_thread(triggers.confirmed, settings, asked, json.loads(body))
            if fault:
                refused = {"__type": "UserLambdaValidationException", "message": fault}
                return JSONResponse(refused, 400)
        plain = Response(answer.content, answer.status_code)
        kept = passed_on(answer.headers.raw, {"content-encoding", "content-length"})
        plain.raw_headers = [*kept, (b"content-length", str(len(answer.content)).encode())]
        return plain

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
            Route("/local", listing),
            Route("/health", health),
            Route("/api/{rest:rest}", api_answer, methods=METHODS),
            Route("/public/{rest:path}", public_file, methods=["GET", "HEAD"]),
            Route("/shared/{rest:path}", public_file, methods=["GET", "HEAD"]),
            Route("/cognito/", cognito, methods=["POST"]),
            Mount("/", Storefront(directory=files, check_dir=False)),
        ],
        # Files have their own CloudFront, and Cognito its own address.
        middleware=[
            Middleware(Secured, headers=headers, besides=("/public/", "/shared/", "/cognito/"))
        ],
        lifespan=lifespan,
    )


def directory(settings: Settings) -> dict[str, str]:
    """What answers where."""
    return {
        "the shop": f"{settings.url}/",
        "its API: the catalogue": f"{settings.url}/api/toys",
        "pictures of toys (CloudFront)": f"{settings.url}/public/",
        "this list": f"{settings.url}/local",
        "every message on its way: the flow page": f"{settings.flow_url}/",
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
    """A value that takes a while to find, found anew when it is a little old.

    One looks for it at a time; whoever comes meanwhile has the old one, if there is one.
    """

    def __init__(self, find: Callable[[], str], seconds: float = _REMEMBERED_SECONDS) -> None:
        self._find = find
        self._seconds = seconds
        self._value = ""
        self._until = 0.0
        self._finding = threading.Lock()

    def __call__(self) -> str:
        if time.monotonic() < self._until:
            return self._value
        old = self._value
        if not self._finding.acquire(blocking=not old):
            return old
        try:
            if time.monotonic() >= self._until:
                self._value = self._find()
                self._until = time.monotonic() + self._seconds
            return self._value
        finally:
            self._finding.release()

    def forget(self) -> None:
        self._value, self._until = "", 0.0


def api_key(settings: Settings) -> str:
    """The key that opens the public API. Raises LocalError when there is none."""
    found = stacks.outputs(settings, "public-api").get("ApiKeyId")
    if not found:
        raise LocalError("The stack tbs-app-public-api-local has no API key")
    answer = aws.client("apigateway", settings).get_api_key(apiKey=found, includeValue=True)
    return str(answer["value"])


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
