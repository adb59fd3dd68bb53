"""`make manager`: an account becomes a manager's."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from local import managers
from local.errors import LocalError
from local.services import placed, select
from local.settings import Settings


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The dev stack's name, in an account of AWS."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield placed(select(["public-api"])[0], "default")[0]


def make(stack: str, output: str = "UserPoolId") -> str:
    """Deploy it, with a pool and its group; the pool."""
    cognito = boto3.client("cognito-idp")
    made = cognito.create_user_pool(PoolName="shop", UsernameAttributes=["email"])
    pool = made["UserPool"]["Id"]
    cognito.create_group(UserPoolId=pool, GroupName="managers")
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {output: {"Value": pool}},
    }
    boto3.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))
    return pool


def groups(pool: str, email: str) -> list[str]:
    found = boto3.client("cognito-idp").admin_list_groups_for_user(UserPoolId=pool, Username=email)
    return [group["GroupName"] for group in found["Groups"]]


def test_an_account_becomes_a_managers_once(settings: Settings, stack: str) -> None:
    pool = make(stack)
    boto3.client("cognito-idp").admin_create_user(UserPoolId=pool, Username="ann@example.com")
    managers.appoint(settings, "default", "ann@example.com")
    managers.appoint(settings, "default", "ann@example.com")
    assert groups(pool, "ann@example.com") == ["managers"]


def test_nobody_is_made_up(settings: Settings, stack: str) -> None:
    pool = make(stack)
    with pytest.raises(LocalError, match=r"Nobody has signed up with ann@example\.com"):
        managers.appoint(settings, "default", "ann@example.com")
    assert boto3.client("cognito-idp").list_users(UserPoolId=pool)["Users"] == []


def test_no_stack_no_pool(settings: Settings, stack: str) -> None:
    with pytest.raises(LocalError, match="AWS refused"):
        managers.appoint(settings, "default", "ann@example.com")
    make(stack, output="TableName")
    with pytest.raises(LocalError, match="has no user pool"):
        managers.appoint(settings, "default", "ann@example.com")
