"""A rebuild is asked for, and waited for where it can be seen."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from local import replay, stacks
from local.account import Account
from local.errors import LocalError
from local.progress import console
from local.settings import Settings


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_POLL", 0.001)
    monkeypatch.setattr(replay, "PATIENCE", 0.05)


class Cloud:
    """Lambda, DynamoDB and SQS, as far as they are asked. The last of its answers is for good."""

    def __init__(self) -> None:
        self.invoked: list[str] = []
        self.error: dict[str, str] | None = None
        self.progress: dict[str, list[dict[str, Any] | None]] = {}
        self.unread = [0]
        self.keys: list[Any] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert json.loads(Payload) == {}
        self.invoked.append(FunctionName)
        told = self.error or {"requestId": "r-1"}
        failed = {"FunctionError": "Unhandled"} if self.error else {}
        return {"Payload": io.BytesIO(json.dumps(told).encode()), **failed}

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        self.keys.append(Key)
        answers = self.progress[TableName]
        item = answers.pop(0) if len(answers) > 1 else answers[0]
        return {"Item": item} if item else {}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        left = self.unread.pop(0) if len(self.unread) > 1 else self.unread[0]
        return {"Attributes": {"ApproximateNumberOfMessages": str(left), "Other": "0"}}


def item(status: str, told: int) -> dict[str, Any]:
    return {"status": {"S": status}, "told": {"N": str(told)}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The local cloud with the three stacks, on which all is told at once."""
    cloud = Cloud()
    cloud.progress = {"toys-table": [item("DONE", 24)], "orders-table": [item("DONE", 4)]}
    outputs = {
        "toys": {"TableName": "toys-table"},
        "orders": {"TableName": "orders-table"},
        "public-api": {"RebuildFunctionName": "rebuild", "InboxUrl": "https://inbox"},
    }
    monkeypatch.setattr(Account, "client", lambda *_: cloud)
    monkeypatch.setattr(stacks, "outputs", lambda _, service: outputs[service])
    monkeypatch.setattr(
        stacks, "statuses", lambda _: {f"tbs-app-{name}-local": "" for name in outputs}
    )
    return cloud


def shown(settings: Settings, environment: str = "local") -> str:
    with console.capture() as captured:
        replay.show(settings, environment)
    return captured.get()


def test_all_is_told_again_and_taken_over(settings: Settings, cloud: Cloud) -> None:
    cloud.progress["toys-table"] = [None, item("RUNNING", 0), item("RUNNING", 9), item("DONE", 24)]
    cloud.unread = [7, 0, 3, 0]
    text = shown(settings)
    assert cloud.invoked == ["rebuild"]
    assert {"pk": {"S": "REPUBLICATION#r-1"}} in cloud.keys
    assert "24 toys, 4 orders" in text
    assert "r-1" in text
    assert settings.url in text


def test_an_owner_that_is_not_there_is_not_waited_for(
    settings: Settings, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "statuses", lambda _: {"tbs-app-toys-local": ""})
    text = shown(settings)
    assert "over: 24 toys." in text


@pytest.mark.parametrize("stuck", [None, item("RUNNING", 3)])
def test_an_owner_that_gets_nowhere_is_named(
    settings: Settings, cloud: Cloud, stuck: Mapping[str, Any] | None
) -> None:
    cloud.progress["orders-table"] = [dict(stuck) if stuck else None]
    with pytest.raises(LocalError, match=r"orders tells nothing more.*make dlq SERVICE=orders"):
        shown(settings)


def test_one_that_goes_on_is_waited_for(settings: Settings, cloud: Cloud) -> None:
    steps = [item("RUNNING", number) for number in range(100)]
    cloud.progress["orders-table"] = [*steps, item("DONE", 100)]
    assert "100 orders" in shown(settings)


def test_an_inbox_that_does_not_shrink_is_told(settings: Settings, cloud: Cloud) -> None:
    cloud.unread = [5]
    with pytest.raises(LocalError, match=r"5 messages wait in the inbox"):
        shown(settings)


def test_a_function_that_fails_says_why(settings: Settings, cloud: Cloud) -> None:
    cloud.error = {"errorType": "ClientError", "errorMessage": "throttled"}
    with pytest.raises(LocalError, match="ClientError: throttled"):
        shown(settings)


def test_a_stack_without_the_function(
    settings: Settings, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda *_: {})
    with pytest.raises(LocalError, match="has no RebuildFunctionName"):
        shown(settings)


def test_on_aws_it_is_asked_for(
    settings: Settings, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described(StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "tbs-app-public-api-prod"
        outputs = [{"OutputKey": "RebuildFunctionName", "OutputValue": "rebuild-prod"}]
        return {"Stacks": [{"Outputs": outputs}]}

    monkeypatch.setattr(cloud, "describe_stacks", described, raising=False)
    text = shown(settings, "prod")
    assert cloud.invoked == ["rebuild-prod"]
    assert "make dlq ENV=prod" in text
    assert cloud.keys == []
