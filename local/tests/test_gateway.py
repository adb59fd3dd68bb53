import socket
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from local.errors import LocalError
from local.gateway import application, directory, passed_on
from local.settings import Settings

Serve = Callable[[ASGIApp], str]
METHODS = ["GET", "POST", "PUT", "DELETE"]


async def echo(request: Request) -> Response:
    """Tell what arrived."""
    return JSONResponse(
        {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
        },
        status_code=int(request.query_params.get("status", "200")),
        headers={"x-shop": "yes", "keep-alive": "timeout=5"},
    )


async def stream(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"{number}\n".encode()

    return StreamingResponse(chunks(), headers={"set-cookie": "a=1"})


@pytest.fixture
def gateway(serve: Serve, settings: Settings) -> str:
    """A gateway in front of an API that tells what arrived."""
    upstream = Starlette(
        routes=[
            Route("/stage/stream", stream),
            Route("/stage/{rest:path}", echo, methods=METHODS),
        ]
    )
    api = serve(upstream) + "/stage"
    return serve(application(settings, lambda: api))


def ask(method: str, url: str, **options: object) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.request(method, url, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 200), ("POST", 202), ("PUT", 404), ("DELETE", 500)]
)
def test_requests_and_answers_go_through_unchanged(gateway: str, method: str, status: int) -> None:
    answer = ask(
        method,
        f"{gateway}/api/toys/a%2Fb?status={status}&name=B%C3%A4r&name=x",
        content=b'{"a": 1}',
        headers={"Authorization": "Bearer t", "Content-Type": "application/json"},
    )
    assert answer.status_code == status
    assert answer.headers["x-shop"] == "yes"
    arrived = answer.json()
    assert arrived["method"] == method
    assert arrived["path"] == "/stage/toys/a%2Fb"
    assert arrived["query"] == f"status={status}&name=B%C3%A4r&name=x"
    assert arrived["body"] == '{"a": 1}'
    assert arrived["headers"]["authorization"] == "Bearer t"
    assert arrived["headers"]["content-length"] == "8"


def test_headers_between_neighbours_stay_between_them(gateway: str) -> None:
    headers = {"Connection": "x-private", "X-Private": "1", "TE": "trailers", "X-Public": "1"}
    answer = ask("GET", f"{gateway}/api/toys", headers=headers)
    arrived = answer.json()["headers"]
    assert arrived["x-public"] == "1"
    assert not {"x-private", "te"} & arrived.keys()
    assert arrived["host"] not in gateway  # the API's own
    assert "keep-alive" not in answer.headers


def test_a_request_without_a_body_gets_none(gateway: str) -> None:
    arrived = ask("GET", f"{gateway}/api/toys").json()["headers"]
    assert not {"content-length", "transfer-encoding"} & arrived.keys()


def test_a_body_of_unknown_length(gateway: str) -> None:
    def pieces() -> object:
        yield b"one "
        yield b"two"

    assert ask("POST", f"{gateway}/api/toys", content=pieces()).json()["body"] == "one two"


def test_an_answer_of_unknown_length(gateway: str) -> None:
    answer = ask("GET", f"{gateway}/api/stream")
    assert answer.text == "0\n1\n2\n"
    assert answer.headers["set-cookie"] == "a=1"


def test_no_stack(serve: Serve, settings: Settings) -> None:
    def missing() -> str:
        raise LocalError("There is no stack tbs-app-public-api-local")

    answer = ask("GET", serve(application(settings, missing)) + "/api/toys")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert error["code"] == "SERVICE_UNAVAILABLE"
    assert "There is no stack tbs-app-public-api-local" in error["message"]
    assert error["details"] == []


def test_an_api_that_does_not_answer_is_looked_for_again(serve: Serve, settings: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{probe.getsockname()[1]}"
    there = serve(Starlette(routes=[Route("/toys", echo)]))
    found = [gone, there]
    gateway = serve(application(settings, lambda: found.pop(0)))
    answer = ask("GET", f"{gateway}/api/toys")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert ask("GET", f"{gateway}/api/toys").status_code == 200
    assert ask("GET", f"{gateway}/api/toys").status_code == 200  # remembered: `found` is empty


def test_the_listing_for_people_and_for_programs(gateway: str, settings: Settings) -> None:
    text = ask("GET", gateway).text
    assert f"{settings.url}/api/toys" in text
    listed = ask("GET", gateway, headers={"Accept": "application/json"}).json()
    assert listed == directory(settings)
    assert ask("GET", f"{gateway}/health").json() == {"status": "ok"}
    assert ask("GET", f"{gateway}/elsewhere").status_code == 404


def test_a_header_given_twice_stays_twice() -> None:
    cookies = [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"Upgrade", b"h2c")]
    assert passed_on(cookies) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
