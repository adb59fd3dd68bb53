"""The private APIs of an environment: where they answer, and with whose signature."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from moto import mock_aws

from local import stacks
from local.account import Account
from local.errors import LocalError
from local.services import Service
from local.settings import Settings

URL = "https://a1.execute-api.eu-west-3.amazonaws.com/live/"


@pytest.fixture
def toys(tmp_path: Path) -> Service:
    """Toys, of which samconfig.toml tells the environment dev."""
    service = Service(tmp_path / "toys-service")
    service.folder.mkdir()
    service.configuration.write_text(
        '[dev.deploy.parameters]\nstack_name = "a-dev"\nregion = "eu-west-3"\n'
    )
    return service


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The outputs of the stack of dev, made when the account is asked."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIA1",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "t",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(config={"core": {"mock_credentials": False}}):
        yield {"ApiUrl": URL}


def deploy(outputs: dict[str, str]) -> None:
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation", "eu-west-3").create_stack(
        StackName="a-dev", TemplateBody=json.dumps(template)
    )


def asked(client: httpx.Client) -> httpx.Request:
    """A request as it would leave."""
    assert client.auth is not None
    return next(client.auth.auth_flow(client.build_request("GET", "/toys")))


def test_an_api_on_aws_takes_the_callers_signature(
    settings: Settings, toys: Service, stack: dict[str, str]
) -> None:
    deploy(stack)
    request = asked(Account(settings, "dev").api(toys))
    assert str(request.url) == f"{URL}toys"
    assert "Credential=AKIA1/" in request.headers["authorization"]
    assert "/eu-west-3/execute-api/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "t"


def test_a_stack_that_is_not_there_or_has_no_api(
    settings: Settings, toys: Service, stack: dict[str, str]
) -> None:
    with pytest.raises(LocalError, match=r"AWS refused, or did not answer: .*a-dev"):
        Account(settings, "dev").api(toys)
    deploy({"TableName": "toys"})
    with pytest.raises(LocalError, match="no ApiUrl of the stack a-dev"):
        Account(settings, "dev").api(toys)
    with pytest.raises(LocalError, match="tells of dev, not of 'prod'"):
        Account(settings, "prod").api(toys)


def test_the_local_api(settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "api_url", lambda settings, name: f"http://127.0.0.1:1/{name}")
    request = asked(Account(settings, "local").api(toys))
    assert str(request.url) == "http://127.0.0.1:1/toys/toys"
    assert "Credential=test/" in request.headers["authorization"]
