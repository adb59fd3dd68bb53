"""AWS as this service sees it: moto, with the table and the queues of its own template."""

import importlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "notification",
    "TABLE_NAME": "Table",
    "SUPPRESSIONS_TABLE_NAME": "Suppressions",
    "SENDER_ADDRESS": "shop@example.com",
    "CONFIGURATION_SET": "configuration-set",
    "RETENTION_DAYS": "90",
    "SUPPRESSION_DAYS": "365",
    "EVENT_BUS_NAME": "default",
    "STACK_NAME": "tbs-app-notification-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
}

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.client import BaseClient
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from notification import outbox

QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
FEEDBACK = {
    "QUEUE_URL": f"{QUEUES}Feedback",
    "DEAD_LETTER_QUEUE_URL": f"{QUEUES}FeedbackDeadLetters",
}
INBOX = {
    "QUEUE_URL": f"{QUEUES}Inbox",
    "DEAD_LETTER_QUEUE_URL": f"{QUEUES}InboxDeadLetters",
}

# Each function has queues of its own, and reads which when it is imported.
for variables, module in ((FEEDBACK, "feedback"), (INBOX, "inbox")):
    os.environ |= variables
    importlib.import_module(f"notification.{module}")

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}
SESSION = boto3.Session()
"""Reads what boto3 knows of AWS once, which takes longer than most tests. moto would begin anew."""
# Made once: a client takes longer than what a test asks of it.
CLOUDFORMATION = SESSION.client("cloudformation")
SES = SESSION.client("sesv2")


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:test"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The folder's template.yaml, its short functions spelt out."""
    return dict(cfn_yaml.load(str(FOLDER / "template.yaml")))


@pytest.fixture(scope="session")
def state(template: dict[str, Any]) -> str:
    """The template's tables and queues, each named by its logical id."""
    kept = {
        n: {**r, "Properties": {**r["Properties"], NAMED_BY[r["Type"]]: n}}
        for n, r in template["Resources"].items()
        if r["Type"] in NAMED_BY
    }
    for resource in kept.values():
        # No test reads at rest, and moto makes an RSA key for each table that is encrypted.
        resource["Properties"].pop("SSESpecification", None)
    body = {key: template[key] for key in ("Parameters", "Conditions")} | {"Resources": kept}
    # What has tabs is no YAML, so moto reads it as JSON, which takes it a tenth of the time.
    return json.dumps(body, indent="\t")


@pytest.fixture(autouse=True)
def aws(state: str) -> Iterator[None]:
    """The template's tables and queues in moto, each under its logical id; a verified sender."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state)
        SES.create_email_identity(EmailIdentity=os.environ["SENDER_ADDRESS"])
        yield


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@pytest.fixture
def dead_letters() -> Callable[[], list[str]]:
    """The bodies in the inbox's dead-letter queue."""
    return lambda: lying_in(INBOX["DEAD_LETTER_QUEUE_URL"])


@pytest.fixture
def dead_reports() -> Callable[[], list[str]]:
    """The bodies in the dead-letter queue of SES' reports."""
    return lambda: lying_in(FEEDBACK["DEAD_LETTER_QUEUE_URL"])


def lying_in(queue_url: str) -> list[str]:
    answer = boto3.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every e-mail that SES takes from here on, as SendEmail was given it."""
    taken: list[dict[str, Any]] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: dict[str, Any]) -> Any:
        answer = real(client, name, params)
        if name == "SendEmail":
            taken.append(params)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return taken


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service logged since the last look."""
    stream, handler = StringIO(), outbox.logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)

    def read() -> list[dict[str, Any]]:
        lines = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in lines]

    yield read
    handler.setStream(before)


@pytest.fixture
def items() -> Callable[[], list[dict[str, Any]]]:
    """The items of the table of mails: mails, and then errors."""

    def read() -> list[dict[str, Any]]:
        found = boto3.resource("dynamodb").Table("Table").scan()["Items"]
        return sorted(found, key=lambda item: str(item["mailId"]).startswith("ERROR#"))

    return read


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the outbox puts onto the bus from here on, all of which is taken."""
    taken: list[dict[str, Any]] = []

    def take(Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        taken.extend(Entries)
        return {"FailedEntryCount": 0, "Entries": []}

    monkeypatch.setattr(outbox.events, "put_events", take)
    return taken


def image(item: dict[str, Any]) -> dict[str, Any]:
    """An item as a stream's record has it."""
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


@pytest.fixture
def changed() -> Callable[..., dict[str, Any]]:
    """An invocation of the outbox with changes: pairs of items, before and after."""

    def records(*pairs: tuple[dict[str, Any] | None, dict[str, Any] | None]) -> dict[str, Any]:
        changes = [
            {
                name: image(item)
                for name, item in zip(("OldImage", "NewImage"), pair, strict=True)
                if item
            }
            for pair in pairs
        ]
        return {"Records": [{"eventName": "MODIFY", "dynamodb": change} for change in changes]}

    return records


class Crash(Exception):
    """The function stops here."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, bool], None]:
    """Makes the nth call of an operation (e.g. "PutItem", 2) crash, before it is done or after."""

    def arm(operation: str, nth: int, done: bool) -> None:
        real = BaseClient._make_api_call  # type: ignore[attr-defined]
        left = nth

        def call(client: BaseClient, name: str, params: Any) -> Any:
            nonlocal left
            left -= name == operation
            if name != operation or left != 0:
                return real(client, name, params)
            if done:
                real(client, name, params)
            raise Crash(f"{name}: {'done' if done else 'not done'}")

        monkeypatch.setattr(BaseClient, "_make_api_call", call)

    return arm
