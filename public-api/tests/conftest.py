"""AWS as this service sees it: moto, with the table and the queues of its own template."""

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
    "POWERTOOLS_SERVICE_NAME": "public-api",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "STACK_NAME": "tbs-app-public-api-test",
    "MAX_RECEIVES": "10",
    "ERROR_DAYS": "30",
    "ALARM_PREFIX": "tbs-app-",
    "ENVIRONMENT_NAME": "test",
    "TABLE_NAME": "Table",
    "CATALOGUE_NAME": "Catalogue",
    "EVENT_BUS_NAME": "default",
    "CURRENCY": "EUR",
    "TAX_RATE": "0.15",
    "SHIPPING_FEE": "495",
    "FREE_SHIPPING_FROM": "5000",
    "COGNITO_URL": "https://cognito-idp.eu-west-1.amazonaws.com/",
    "USER_POOL_CLIENT_ID": "client-1",
    "STRIPE_PUBLISHABLE_KEY": "",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/Inbox",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
}
os.environ.pop("AWS_ENDPOINT_URL", None)  # moto answers, whatever cloud runs beside it

import boto3
import pytest
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
def aws() -> Iterator[None]:
    """The template's tables and queues in moto."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state())
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


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@pytest.fixture
def dead_letters() -> Callable[[], list[tuple[str, str]]]:
    """The bodies in the inbox's dead-letter queue, each with its reason."""

    def read() -> list[tuple[str, str]]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["reason"],
        )
        return [
            (message["Body"], message["MessageAttributes"]["reason"]["StringValue"])
            for message in answer.get("Messages", [])
        ]

    return read


@pytest.fixture
def queued() -> Callable[[str, int], dict[str, Any]]:
    """Puts a body into the inbox's queue, and gives the record that a function gets of it.

    The second argument is how often it has been given out by then.
    """

    def receive(body: str, tries: int = 1) -> dict[str, Any]:
        sqs, url = boto3.client("sqs"), os.environ["QUEUE_URL"]
        sqs.send_message(QueueUrl=url, MessageBody=body)
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(tries)},
            "messageAttributes": {},
        }

    return receive


@pytest.fixture
def index(context: Context) -> Callable[[], list[dict[str, Any]]]:
    """Has the indexer settle what changed in the catalogue since the last call, in one batch.

    The records of its stream are returned.
    """
    table = boto3.resource("dynamodb").Table("Catalogue")
    streams = boto3.client("dynamodbstreams")
    arn = table.latest_stream_arn
    assert arn
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    place = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]

    def settle() -> list[dict[str, Any]]:
        from public_api import indexer  # when it is imported, boto3's clients are moto's

        nonlocal place
        fresh: list[dict[str, Any]] = []
        while (answer := streams.get_records(ShardIterator=place))["Records"]:
            place = answer["NextShardIterator"]
            told = json.loads(json.dumps(answer["Records"], default=str))
            fresh += [r for r in told if r["dynamodb"]["Keys"]["pk"]["S"].startswith("TOY#")]
        if fresh:
            indexer.handler({"Records": fresh}, context)
        return fresh

    return settle


ADA = {"sub": "shopper-ada", "email": "ada@example.com"}


@pytest.fixture
def call(context: Context) -> Callable[..., tuple[int, Any, dict[str, Any]]]:
    """Asks the public API as API Gateway does: status, content and headers of the answer.

    `shopper` are the claims of the token; None: there is none.
    """
    from public_api import api  # when it is imported, boto3's clients are moto's

    def request(
        method: str,
        path: str,
        body: Any = None,
        *,
        shopper: dict[str, Any] | None = ADA,
        key: str | None = "key-1",
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, Any]]:
        sent = {"content-type": content_type} | (headers or {})
        sent |= {} if key is None else {"Idempotency-Key": key}
        event = {
            "httpMethod": method,
            "path": path,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "requestContext": {
                "requestId": "request-1",
                "stage": "api",
                **({"authorizer": {"claims": shopper}} if shopper else {}),
            },
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        assert isinstance(answer["body"], str)  # not every gateway takes null for an empty one
        content = json.loads(answer["body"]) if answer.get("body") else None
        return answer["statusCode"], content, answer.get("multiValueHeaders", {})

    return request
