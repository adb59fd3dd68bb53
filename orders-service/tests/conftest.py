"""AWS as this service sees it: moto, with the table, queues and secret of its own template."""

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
    "POWERTOOLS_SERVICE_NAME": "orders",
    "TABLE_NAME": "Table",
    "EVENT_BUS_NAME": "default",
    "STACK_NAME": "tbs-app-orders-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/Inbox",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
    "ORDER_DEADLINE_MINUTES": "15",
    "DOWNLOAD_DAYS": "30",
    "CURSOR_KEY_ARN": "CursorKey",
}

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import clear_caches
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from orders import inbox
from orders.heard import PlaceOrder
from orders.messages import parse
from orders.order import Order
from orders.table import OrdersTable

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
    """The template's tables and queues in moto."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state)
        # CloudFormation makes it, but moto's does not.
        SECRETS_MANAGER.create_secret(Name="CursorKey", SecretString="k" * 64)
        clear_caches()  # type: ignore[no-untyped-call]
        yield


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@pytest.fixture
def command(sample: Callable[[str], dict[str, Any]]) -> PlaceOrder:
    """The order in the sample. All other messages are made to be about the same one."""
    message = parse(sample("inbox-PlaceOrder")["Records"][0]["body"])
    assert isinstance(message, PlaceOrder)
    return message


@pytest.fixture
def record(
    sample: Callable[[str], dict[str, Any]], command: PlaceOrder
) -> Callable[[str], dict[str, Any]]:
    """A record of the queue with the message of that name, about the sample's order."""

    def of(name: str) -> dict[str, Any]:
        found: dict[str, Any] = sample(f"inbox-{name}")["Records"][0]
        body = json.loads(found["body"])
        data = body["detail"]["data"]
        if "shareId" in data:
            data["shareId"] = f"{command.data.order_id}:1"
        else:
            data["orderId"] = command.data.order_id
        if name == "PaymentRefunded":
            # As payments told it before it said what of it is by hand, and what is covered.
            data = {key: told for key, told in data.items() if key not in {"byHand", "covered"}}
            data |= {"status": "REFUNDED", "amount": command.data.gross}
            body["detail"]["data"] = data
        body["detail"]["metadata"]["id"] = f"{command.data.order_id}:1:{name}"
        return found | {"messageId": name, "body": json.dumps(body)}

    return of


@pytest.fixture
def told(record: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """What the message of that name says."""

    def of(name: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(record(name)["body"])["detail"]["data"]
        return data

    return of


@pytest.fixture
def tell(record: Callable[[str], dict[str, Any]], context: Context) -> Callable[..., None]:
    """Give the inbox these messages, one after the other."""

    def give(*names: str) -> None:
        for name in names:
            event = {"Records": [record(name)]}
            assert inbox.handler(event, context) == {"batchItemFailures": []}

    return give


@pytest.fixture
def kept(command: PlaceOrder) -> Callable[[], Order]:
    """The sample's order, as it is in the table."""

    def read() -> Order:
        order = OrdersTable("Table").order(command.data.order_id)
        assert order
        return order

    return read


@pytest.fixture
def dead_letters() -> Callable[[], list[tuple[str, str | None]]]:
    """The bodies in the inbox's dead-letter queue, each with its reason where it has one."""

    def read() -> list[tuple[str, str | None]]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["reason"],
        )
        return [
            (message["Body"], attributes["reason"]["StringValue"] if attributes else None)
            for message in answer.get("Messages", [])
            for attributes in [message.get("MessageAttributes")]
        ]

    return read


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service logged since the last look."""
    stream, handler = StringIO(), inbox.logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)

    def read() -> list[dict[str, Any]]:
        lines = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in lines]

    yield read
    handler.setStream(before)
