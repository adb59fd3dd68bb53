"""Cognito's PostConfirmation trigger puts who signed up into the group of customers."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cfnlint.decode import cfn_yaml
from public_api import accounts

TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
Event = dict[str, Any]


@pytest.fixture
def door() -> ModuleType:
    """The door, with a client of this test's AWS."""
    return importlib.reload(accounts)


@pytest.fixture
def pool() -> str:
    """A pool with the template's groups."""
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="shop")["UserPool"]["Id"]
    for resource in TEMPLATE["Resources"].values():
        if resource["Type"] == "AWS::Cognito::UserPoolGroup":
            name = resource["Properties"]["GroupName"]
            cognito.create_group(UserPoolId=pool, GroupName=name)
    return pool


@pytest.fixture
def event(pool: str) -> Event:
    """What Cognito says once an account is confirmed."""
    user = boto3.client("cognito-idp").admin_create_user(UserPoolId=pool, Username="sam")["User"]
    return {
        "version": "1",
        "region": "eu-west-1",
        "userPoolId": pool,
        "userName": user["Username"],
        "callerContext": {"awsSdkVersion": "1", "clientId": "c"},
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": {"userAttributes": {"sub": "s-1", "email": "sam@example.com"}},
        "response": {},
    }


def groups(event: Event) -> list[str]:
    found = boto3.client("cognito-idp").admin_list_groups_for_user(
        UserPoolId=event["userPoolId"], Username=event["userName"]
    )
    return [group["GroupName"] for group in found["Groups"]]


def test_a_new_account_is_a_customers_and_no_managers(
    door: ModuleType, event: Event, context: object
) -> None:
    assert door.handler(event, context) == event
    assert groups(event) == ["customers"]


def test_twice_is_once(door: ModuleType, event: Event, context: object) -> None:
    door.handler(event, context)
    door.handler(event | {"triggerSource": "PostConfirmation_ConfirmForgotPassword"}, context)
    assert groups(event) == ["customers"]


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "AdminAddUserToGroup"),
        EndpointConnectionError(endpoint_url="https://cognito"),
    ],
)
def test_a_shopper_gets_in_all_the_same(
    door: ModuleType,
    event: Event,
    context: object,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**given: str) -> None:
        raise failure

    monkeypatch.setattr(door.cognito, "admin_add_user_to_group", fail)
    assert door.handler(event, context) == event
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "sam@example.com" not in str(vars(caplog.records[0]))


def test_only_a_confirmed_account_reaches_the_door() -> None:
    function = TEMPLATE["Resources"]["AccountsFunction"]["Properties"]
    (confirmed,) = function["Events"].values()
    assert confirmed["Type"] == "Cognito"
    assert confirmed["Properties"]["Trigger"] == "PostConfirmation"
