"""AWS as this service sees it: moto, with the table, queues and secret of its own template."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "toys",
    "TABLE_NAME": "Table",
    "EVENT_BUS_NAME": "default",
    "STACK_NAME": "tbs-app-toys-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/Inbox",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
    "CURSOR_KEY_ARN": "CursorKey",
}

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import clear_caches
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import StreamRecord

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}
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


@cache
def stack() -> tuple[str, dict[str, dict[str, Any]]]:
    """The template's tables and queues, each under its logical id, and its secrets by theirs."""
    template = cfn_yaml.load(str(FOLDER / "template.yaml"))
    kept = {n: r for n, r in template["Resources"].items() if r["Type"] in NAMED_BY}
    for name, resource in kept.items():
        resource["Properties"][NAMED_BY[resource["Type"]]] = name
        # No test reads at rest, and moto makes an RSA key for each table that is encrypted.
        resource["Properties"].pop("SSESpecification", None)
    body = {key: template[key] for key in ("Parameters", "Conditions")} | {"Resources": kept}
    secrets = {
        name: resource["Properties"]["GenerateSecretString"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::SecretsManager::Secret"
    }
    # What has tabs is no YAML, so moto reads it as JSON, which takes it a tenth of the time.
    return json.dumps(body, indent="\t"), secrets


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """The template's tables, queues and secrets in moto."""
    body, secrets = stack()
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=body)
        # CloudFormation makes these, but moto's does not.
        for name, wanted in secrets.items():
            made = SECRETS_MANAGER.get_random_password(**wanted)["RandomPassword"]
            SECRETS_MANAGER.create_secret(Name=name, SecretString=made)
        clear_caches()  # type: ignore[no-untyped-call]
        yield


@pytest.fixture(autouse=True, scope="session")
def cheap_copies() -> Iterator[None]:
    """moto's transactions copy the table first, but for what nothing changes in place."""
    copied = DynamoType.__deepcopy__

    def copy(value: DynamoType, seen: dict[int, Any]) -> DynamoType:
        return value if value.type in {"S", "N", "BOOL", "NULL"} else copied(value, seen)

    with (
        patch.object(StreamRecord, "__deepcopy__", lambda record, _: record, create=True),
        patch.object(DynamoType, "__deepcopy__", copy),
    ):
        yield


Call = Callable[..., tuple[int, Any, dict[str, Any]]]


@pytest.fixture
def call(context: Context) -> Call:
    """Asks the private API as API Gateway does: status, content and headers of the answer."""
    from toys import api

    def request(
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, Any]]:
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"content-type": "application/json"} | (headers or {}),
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "requestContext": {
                "requestId": "request-1",
                "stage": "live",
                "identity": {"userArn": "arn:aws:iam::123456789012:user/keeper"},
            },
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        content = json.loads(answer["body"]) if answer.get("body") else None
        return answer["statusCode"], content, answer.get("multiValueHeaders", {})

    return request


@pytest.fixture
def kite() -> dict[str, Any]:
    """A toy as its owner says it."""
    return {
        "sku": "KITE-1",
        "name": "Kite",
        "description": "Flies",
        "category": "Outdoor",
        "brand": "Brand",
        "minAge": 36,
        "maxAge": None,
        "price": 1500,
        "currency": "EUR",
        "stock": 9,
        "tags": ["wind", "garden"],
        "attributes": {"colour": "red", "span": 1.4, "pieces": 3, "batteries": False},
    }


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@pytest.fixture
def dead_letters() -> Callable[[], list[tuple[str, str | None]]]:
    """The bodies in the inbox's dead-letter queue, each with its reason where it has one."""

    def read() -> list[tuple[str, str | None]]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["reason"],
        )
        letters = answer.get("Messages", [])
        return [
            (letter["Body"], letter["MessageAttributes"]["reason"]["StringValue"])
            if "MessageAttributes" in letter
            else (letter["Body"], None)
            for letter in letters
        ]

    return read
