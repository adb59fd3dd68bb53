import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from local import stacks
from local.errors import LocalError
from local.gateway import application, directory
from local.proxy import passed_on
from local.settings import Settings

Serve = Callable[[ASGIApp], str]
METHODS = ["GET", "POST", "PUT", "DELETE"]
KEY = "the-storefront-s-key"


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
            Route("/stage/{rest:rest}", echo, methods=METHODS),
        ]
    )
    api = serve(upstream) + "/stage"
    return serve(application(settings, lambda: api, find_key=lambda: KEY))


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


def test_the_api_is_opened_with_the_storefronts_key(gateway: str) -> None:
    answer = ask("GET", f"{gateway}/api/toys", headers={"X-Api-Key": "another"})
    assert answer.json()["headers"]["x-api-key"] == KEY
    assert KEY not in str(answer.headers)


def test_a_path_with_a_line_feed_is_passed_on(gateway: str) -> None:
    assert ask("GET", f"{gateway}/api/toys/a%0Ab").json()["path"] == "/stage/toys/a%0Ab"


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


def test_a_key_that_does_not_open_any_more_is_looked_for_again(
    serve: Serve, settings: Settings
) -> None:
    async def guarded(request: Request) -> Response:
        right = request.headers["x-api-key"] == "new"
        return Response(status_code=200 if right else 403)

    api = serve(Starlette(routes=[Route("/toys", guarded)]))
    keys = ["old", "new"]
    gateway = serve(application(settings, lambda: api, find_key=lambda: keys.pop(0)))
    answers = [ask("GET", f"{gateway}/api/toys").status_code for _ in range(3)]
    assert answers == [403, 200, 200]


def test_an_api_without_a_key(
    serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {})
    answer = ask("GET", serve(application(settings, lambda: "http://127.0.0.1:1")) + "/api/toys")
    assert answer.status_code == 503
    assert "public-api-local has no API key" in answer.json()["error"]["message"]


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
    gateway = serve(application(settings, lambda: found.pop(0), find_key=lambda: KEY))
    answer = ask("GET", f"{gateway}/api/toys")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert ask("GET", f"{gateway}/api/toys").status_code == 200
    assert ask("GET", f"{gateway}/api/toys").status_code == 200  # remembered: `found` is empty


@pytest.fixture
def files(serve: Serve, settings: Settings) -> str:
    """A gateway in front of a CloudFront that tells what arrived, or that there is no such file."""

    async def missing(request: Request) -> Response:
        return Response("<Error/>", 403, {"x-cache": "Error"}, "application/xml")

    cloudfront = serve(
        Starlette(
            routes=[
                Route("/public/missing.webp", missing),
                Route("/{rest:path}", echo, methods=["GET", "HEAD", *METHODS]),
            ]
        )
    )
    reached = replace(settings, aws_port=httpx.URL(cloudfront).port or 0)
    return serve(application(reached, lambda: "", find_distribution=lambda: "d123.cloudfront.net"))


@pytest.mark.parametrize("folder", ["public", "shared"])
def test_files_come_from_the_distribution(files: str, folder: str) -> None:
    answer = ask(
        "GET",
        f"{files}/{folder}/f-1/a%20b.webp?v=1",
        headers={"Authorization": "token", "X-Forwarded-Proto": "http", "Range": "bytes=0-9"},
    )
    assert answer.status_code == 200
    assert answer.headers["x-shop"] == "yes"
    arrived = answer.json()
    assert arrived["path"] == f"/{folder}/f-1/a%20b.webp"
    assert arrived["query"] == "v=1"
    assert arrived["headers"]["host"] == "d123.cloudfront.net"
    assert arrived["headers"]["x-forwarded-proto"] == "https"
    assert arrived["headers"]["range"] == "bytes=0-9"
    assert "content-security-policy" not in answer.headers  # CloudFront's own, where it has one
    assert "authorization" not in arrived["headers"]


@pytest.mark.parametrize("folder", ["public", "shared"])
def test_only_what_is_shown_is_read_and_nothing_is_written(files: str, folder: str) -> None:
    assert ask("HEAD", f"{files}/{folder}/f-1/card.webp").status_code == 200
    assert ask("PUT", f"{files}/{folder}/f-1/card.webp", content=b"x").status_code == 405
    assert ask("GET", f"{files}/private/f-1/receipt.html").status_code == 404
    assert ask("GET", f"{files}/incoming/f-1").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_is_not_there(files: str, method: str) -> None:
    answer = ask(method, f"{files}/public/missing.webp")
    assert answer.status_code == 403
    assert answer.headers["x-cache"] == "Error"
    assert answer.text == ("<Error/>" if method == "GET" else "")


def test_no_distribution(serve: Serve, settings: Settings) -> None:
    def missing() -> str:
        raise LocalError("There is no stack tbs-app-file-manager-local")

    url = serve(application(settings, lambda: "", find_distribution=missing))
    answer = ask("GET", f"{url}/public/f-1/card.webp")
    assert answer.status_code == 503
    assert "no stack tbs-app-file-manager-local" in answer.json()["error"]["message"]


def test_a_cloudfront_that_does_not_answer(serve: Serve, settings: Settings) -> None:
    url = serve(application(settings, lambda: "", find_distribution=lambda: "d123.cloudfront.net"))
    answer = ask("GET", f"{url}/public/f-1/card.webp")
    assert answer.status_code == 503
    assert "CloudFront does not answer" in answer.json()["error"]["message"]


def test_the_distribution_is_file_managers(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, str] = {}
    asked: list[str] = []

    def outputs(settings: Settings, service: str) -> dict[str, str]:
        asked.append(service)
        return found

    monkeypatch.setattr(stacks, "outputs", outputs)
    url = serve(application(settings, lambda: ""))
    answer = ask("GET", f"{url}/public/a.webp")
    assert "file-manager-local has no distribution" in answer.json()["error"]["message"]
    found["DistributionDomain"] = "d123.cloudfront.net"
    answer = ask("GET", f"{url}/public/a.webp")
    assert "CloudFront does not answer" in answer.json()["error"]["message"]
    assert set(asked) == {"file-manager"}


def test_the_listing_for_people_and_for_programs(gateway: str, settings: Settings) -> None:
    text = ask("GET", f"{gateway}/local").text
    assert f"{settings.url}/api/toys" in text
    listed = ask("GET", f"{gateway}/local", headers={"Accept": "application/json"}).json()
    assert listed == directory(settings)
    assert listed["the shop"] == f"{settings.url}/"
    assert ask("GET", f"{gateway}/health").json() == {"status": "ok"}


def test_a_header_given_twice_stays_twice() -> None:
    cookies = [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"Upgrade", b"h2c")]
    assert passed_on(cookies) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
