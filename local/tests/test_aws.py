from datetime import UTC, datetime

import httpx
import pytest
import time_machine
from botocore.credentials import Credentials

from local import aws, stacks
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


def test_a_signature_with_the_credentials_of_an_account(settings: Settings) -> None:
    auth = aws.SigV4(settings, Credentials("AKIA1", "secret", "session"), "eu-west-3")
    with time_machine.travel(NOON, tick=False):
        request = next(auth.auth_flow(httpx.Request("GET", "https://a.example/toys")))
    assert "Credential=AKIA1/20261120/eu-west-3/execute-api/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "session"


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
