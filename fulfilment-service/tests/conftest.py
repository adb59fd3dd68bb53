"""AWS as this service sees it: moto, with the table and the queues of its own template."""

import importlib
import json
import logging
import os
from collections.abc import Callable, Iterator
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
    "POWERTOOLS_SERVICE_NAME": "fulfilment",
    "TABLE_NAME": "Table",
    "EVENT_BUS_NAME": "default",
    "CURSOR_KEY_ARN": "CursorKey",
    "CARRIER_SECRET_NAME": "tbs/carrier",
    "STACK_NAME": "tbs-app-fulfilment-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
    "WAITING_HOURS": "48",
}

import boto3
import pytest
from aws_lambda_powertools import Logger
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws

# Each function has queues of its own, and reads which when it is imported.
for name, module in (("WebhookInbox", "webhook"), ("Inbox", "inbox")):
    queues = "https://sqs.eu-west-1.amazonaws.com/123456789012"
    os.environ["QUEUE_URL"] = f"{queues}/{name}"
    dead = f"{name.removesuffix('Inbox') or 'Inbox'}DeadLetters"
    os.environ["DEAD_LETTER_QUEUE_URL"] = f"{queues}/{dead}"
    importlib.import_module(f"fulfilment.{module}")

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}
SECRETS = {"CursorKey": "k" * 64, "tbs/carrier": '{"webhookSecret": "carrier_secret"}'}
SESSION = boto3.Session()
"""Reads what boto3 knows of AWS once, which takes longer than most tests. moto would begin anew."""
# Made once: a client takes longer than what a test asks of it.
CLOUDFORMATION = SESSION.client("cloudformation")
SECRETS_MANAGER = SESSION.client("secretsmanager")


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
def state() -> str:
    """The template's tables and queues, each named by its logical id."""
    template = cfn_yaml.load(str(FOLDER / "template.yaml"))
    kept = {n: r for n, r in template["Resources"].items() if r["Type"] in NAMED_BY}
    for name, resource in kept.items():
        resource["Properties"][NAMED_BY[resource["Type"]]] = name
        # No test reads at rest, and moto makes an RSA key for each table that is encrypted.
        resource["Properties"].pop("SSESpecification", None)
    body = {key: template[key] for key in ("Parameters", "Conditions")} | {"Resources": kept}
    # What has tabs is no YAML, so moto reads it as JSON, which takes it a tenth of the time.
    return json.dumps(body, indent="\t")


@pytest.fixture(autouse=True)
def aws(state: str) -> Iterator[None]:
    """The template's tables and queues in moto, and what is secret."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state)
        for name, secret in SECRETS.items():
            SECRETS_MANAGER.create_secret(Name=name, SecretString=secret)
        yield


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@pytest.fixture
def dead_letters() -> Callable[[], list[str]]:
    """The bodies in the inbox's dead-letter queue."""

    def read() -> list[str]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"], MaxNumberOfMessages=10
        )
        return [message["Body"] for message in answer.get("Messages", [])]

    return read


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service logged since the last look."""
    stream, handler = StringIO(), Logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)

    def read() -> list[dict[str, Any]]:
        lines = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in lines]

    yield read
    handler.setStream(before)


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines of metrics that were told since the last look."""

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
        return [line for line in lines if "_aws" in line]

    return read


@pytest.fixture
def errors() -> Callable[[], list[dict[str, Any]]]:
    """The errors that the table keeps."""

    def read() -> list[dict[str, Any]]:
        found = boto3.resource("dynamodb").Table("Table").scan()["Items"]
        return [item for item in found if str(item["pk"]).startswith("ERROR#")]

    return read
