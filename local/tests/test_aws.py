from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import time_machine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local import aws, seed, stacks
from local.errors import LocalError
from local.settings import Settings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_callers_own_account_is_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = aws.environment(settings)
    assert environment["AWS_ENDPOINT_URL"] == settings.aws_url
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & environment.keys()
    assert "PATH" in environment


def test_clients_speak_to_the_local_cloud(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = aws.client("dynamodb", settings)
    assert client.meta.endpoint_url == settings.aws_url
    assert client.meta.region_name == settings.region


def signed(settings: Settings, **request: object) -> httpx.Request:
    given = {"method": "POST", "url": "http://127.0.0.1:1/api/toys", "content": b"{}"} | request
    with time_machine.travel(NOON, tick=False):
        return next(aws.SigV4(settings).auth_flow(httpx.Request(**given)))  # type: ignore[arg-type]


def test_a_signature_covers_method_address_and_body(settings: Settings) -> None:
    first = signed(settings).headers["authorization"]
    assert "Credential=test/20261120/eu-west-1/execute-api/aws4_request" in first
    assert signed(settings).headers["authorization"] == first
    others = [
        signed(settings, method="PUT"),
        signed(settings, url="http://127.0.0.1:1/api/toys?limit=1"),
        signed(settings, content=b"{ }"),
    ]
    assert len({first, *(request.headers["authorization"] for request in others)}) == 4
    assert signed(settings).content == b"{}"


def test_a_cloud_that_does_not_run_is_named(settings: Settings) -> None:
    with pytest.raises(LocalError, match=rf"does not answer at {settings.aws_url}: `make up`"):
        stacks.outputs(settings, "toys")


@pytest.mark.parametrize("suffix", ["", "/"])
def test_an_apis_address_on_this_machine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    url = f"https://a1b2.execute-api.eu-west-1.amazonaws.com/live{suffix}"
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {"ApiUrl": url})
    expected = f"{settings.aws_url}/_aws/execute-api/a1b2/live"
    assert stacks.api_url(settings, "toys") == expected


def test_a_stack_without_an_api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {"TableName": "toys"})
    with pytest.raises(LocalError, match="tbs-app-toys-local has no API"):
        stacks.api_url(settings, "toys")


@pytest.fixture
def catalogue(
    serve: Callable[[ASGIApp], str], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, object]]:
    """The toys of a catalogue that refuses toys without a price."""
    toys: list[dict[str, object]] = []

    async def post(request: Request) -> Response:
        toy = await request.json()
        if "authorization" not in request.headers:
            return JSONResponse({}, 403)
        if not toy["price"]:
            return JSONResponse({"error": {"code": "OUT_OF_BOUNDS"}}, 422)
        toys.append(toy)
        return JSONResponse(toy, 201)

    async def get(request: Request) -> Response:
        return JSONResponse({"items": toys[:1], "cursor": None})

    routes = [Route("/toys", post, methods=["POST"]), Route("/toys", get)]
    url = serve(Starlette(routes=routes))
    monkeypatch.setattr(stacks, "api_url", lambda settings, service: url)
    return toys


def test_an_empty_catalogue_is_filled_once(
    settings: Settings, catalogue: list[dict[str, object]]
) -> None:
    assert seed.fill(settings) == 24
    assert len({toy["name"] for toy in catalogue}) == 24
    fields = {"name", "description", "category", "brand", "price", "currency", "stock"}
    assert all(toy.keys() == fields for toy in catalogue)
    assert all(isinstance(toy["price"], int) and toy["currency"] == "EUR" for toy in catalogue)
    assert seed.fill(settings) == 0
    assert len(catalogue) == 24


@pytest.mark.usefixtures("catalogue")
def test_a_toy_that_is_refused_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toys = tmp_path / "toys.json"
    toys.write_text('[{"name": "free", "price": 0}]')
    monkeypatch.setattr(seed, "TOYS", toys)
    with pytest.raises(LocalError, match=r"answered 422 to POST .*OUT_OF_BOUNDS"):
        seed.fill(settings)
