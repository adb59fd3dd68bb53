import json
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local import cloud, stacks, webhooks
from local.errors import LocalError
from local.settings import Settings
from local.stripe.api import create_app

Serve = Callable[[ASGIApp], str]
URL = "https://a1b2.execute-api.eu-west-1.amazonaws.com/live/webhooks/stripe"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The statuses of the stacks; payments' puts out the address of its webhook."""
    states = {"tbs-app-payments-local": "UPDATE_COMPLETE"}
    monkeypatch.setattr(stacks, "statuses", lambda settings: states)
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {"WebhookUrl": URL})
    return states


def test_the_stand_in_learns_the_address_that_answers_here(
    settings: Settings, serve: Serve, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def take(request: Request) -> Response:
        asked.append(await request.json())
        return JSONResponse({})

    address = serve(Starlette(routes=[Route("/test/webhooks", take, methods=["POST"])]))
    monkeypatch.setattr(Settings, "stripe_url", address)
    assert webhooks.register(settings)
    here = f"{settings.aws_url}/_aws/execute-api/a1b2/live/webhooks/stripe"
    assert asked == [{"endpoints": [{"url": here, "secret": "whsec_local"}]}]


def test_the_stand_in_takes_it(
    settings: Settings, serve: Serve, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "stripe_url", serve(create_app(base_url="http://127.0.0.1")))
    assert webhooks.register(settings)
    monkeypatch.setattr(webhooks, "SECRET", "wrong")
    with pytest.raises(LocalError, match="takes no webhook http"):
        webhooks.register(settings)


def test_payments_learns_the_secret(deployed: dict[str, str]) -> None:
    name, value = cloud.STRIPE_SECRET
    assert name == "tbs/stripe"
    assert json.loads(json.dumps(value))["webhookSecret"] == webhooks.SECRET


@pytest.mark.parametrize("state", ["", "ROLLBACK_IN_PROGRESS"])
def test_without_payments_there_is_nothing_to_tell(
    settings: Settings, deployed: dict[str, str], state: str
) -> None:
    deployed["tbs-app-payments-local"] = state
    assert not webhooks.register(settings)


def test_a_stack_without_the_address(
    settings: Settings, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda settings, service: {})
    with pytest.raises(LocalError, match="its WebhookUrl is ''"):
        webhooks.register(settings)
