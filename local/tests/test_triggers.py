"""Cognito through the gateway, and the trigger that MiniStack leaves out."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local import aws, stacks
from local.gateway import application
from local.settings import Settings

PREFIX = "AWSCognitoIdentityProviderService."


@dataclass
class Cloud:
    """A MiniStack: what reached its Cognito, and what its trigger was told."""

    pool: dict[str, Any] = field(
        default_factory=lambda: {"LambdaConfig": {"PostConfirmation": "f"}}
    )
    told: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    fault: str | None = None
    status: int = 200

    def describe_user_pool(self, UserPoolId: str) -> dict[str, Any]:  # noqa: N803
        """The pool."""
        return {"UserPool": self.pool}

    def admin_get_user(self, UserPoolId: str, Username: str) -> dict[str, Any]:  # noqa: N803
        """Sam."""
        attributes = [{"Name": "sub", "Value": "s-1"}, {"Name": "email", "Value": Username}]
        return {"Username": "s-1", "UserAttributes": attributes}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        """The trigger."""
        self.told.append(json.loads(Payload))
        if self.fault is None:
            return {"Payload": io.BytesIO(Payload.encode())}
        failure = json.dumps({"errorMessage": self.fault}).encode()
        return {"Payload": io.BytesIO(failure), "FunctionError": "Unhandled"}

    async def cognito(self, request: Request) -> Response:
        """What Cognito answers."""
        self.asked.append((request.url.path, dict(request.headers), await request.body()))
        return JSONResponse({"ok": True}, self.status, media_type="application/x-amz-json-1.1")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    monkeypatch.setattr(aws, "client", lambda name, settings: cloud)
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {"UserPoolId": "p-1"})
    return cloud


@pytest.fixture
def shop(serve: Callable[[ASGIApp], str], settings: Settings, cloud: Cloud) -> str:
    ministack = serve(Starlette(routes=[Route("/", cloud.cognito, methods=["POST"])]))
    return serve(application(replace(settings, aws_port=httpx.URL(ministack).port or 0)))


def call(shop: str, action: str, **given: str) -> httpx.Response:
    return httpx.post(
        f"{shop}/cognito/",
        json={"ClientId": "c-1", "Username": "sam@example.com", **given},
        headers={"X-Amz-Target": PREFIX + action, "Cookie": "a=1"},
        trust_env=False,
    )


@pytest.mark.parametrize("action", ["SignUp", "InitiateAuth", "RevokeToken"])
def test_what_a_browser_asks_goes_to_cognito(shop: str, cloud: Cloud, action: str) -> None:
    answer = call(shop, action)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    ((path, headers, body),) = cloud.asked
    assert path == "/"
    assert headers["x-amz-target"] == PREFIX + action
    assert "cookie" not in headers
    assert json.loads(body)["Username"] == "sam@example.com"
    assert cloud.told == []


def test_cognito_takes_post_alone(shop: str) -> None:
    assert httpx.get(f"{shop}/cognito/", trust_env=False).status_code != 200


@pytest.mark.parametrize("action", ["ConfirmSignUp", "ConfirmForgotPassword"])
def test_the_trigger_is_told_of_a_confirmed_account(shop: str, cloud: Cloud, action: str) -> None:
    assert call(shop, action, ConfirmationCode="123456").json() == {"ok": True}
    (told,) = cloud.told
    assert told["triggerSource"] == f"PostConfirmation_{action}"
    assert (told["userPoolId"], told["userName"]) == ("p-1", "s-1")
    assert told["callerContext"]["clientId"] == "c-1"
    assert told["request"]["userAttributes"]["email"] == "sam@example.com"
    assert "123456" not in str(told)


def test_a_code_that_cognito_refuses_confirms_nobody(shop: str, cloud: Cloud) -> None:
    cloud.status = 400
    assert call(shop, "ConfirmSignUp").status_code == 400
    assert cloud.told == []


def test_a_pool_without_a_trigger(shop: str, cloud: Cloud) -> None:
    cloud.pool = {}
    assert call(shop, "ConfirmSignUp").status_code == 200
    assert cloud.told == []


def test_a_trigger_that_fails_is_the_browsers_to_know(shop: str, cloud: Cloud) -> None:
    cloud.fault = "no group"
    answer = call(shop, "ConfirmSignUp")
    assert answer.status_code == 400
    assert answer.json() == {
        "__type": "UserLambdaValidationException",
        "message": "PostConfirmation failed with error no group.",
    }


def test_a_cognito_that_does_not_answer(
    serve: Callable[[ASGIApp], str], settings: Settings
) -> None:
    answer = call(serve(application(settings)), "SignUp")
    assert answer.status_code == 503
    assert "Cognito does not answer" in answer.json()["error"]["message"]
