"""AWS as this service sees it: moto, with the table, queues and bucket of its own template."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "file-manager",
    "TABLE_NAME": "Table",
    "BUCKET_NAME": "bucket",
    "RECEIPTS_BUCKET_NAME": "receipts",
    "DISTRIBUTION_ID": "EDFDVBD6EXAMPLE",
    "PUBLIC_URL": "https://files.example.com",
    "EVENT_BUS_NAME": "default",
    "STACK_NAME": "tbs-app-file-manager-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/Inbox",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
}

import boto3
import pytest
from botocore.client import BaseClient
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from PIL import Image

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::S3::Bucket": "BucketName",
}
SESSION = boto3.Session()
"""Reads what boto3 knows of AWS once, which takes longer than most tests. moto would begin anew."""
# Made once: a client takes longer than what a test asks of it.
CLOUDFORMATION = SESSION.client("cloudformation")
S3 = SESSION.client("s3")
STREAMS = SESSION.client("dynamodbstreams")


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
    """The template's tables, queues and buckets, each named by its logical id."""
    template = cfn_yaml.load(str(FOLDER / "template.yaml"))
    kept = {n: r for n, r in template["Resources"].items() if r["Type"] in NAMED_BY}
    for name, resource in kept.items():
        given = name.lower() if resource["Type"] == "AWS::S3::Bucket" else name
        resource["Properties"][NAMED_BY[resource["Type"]]] = given
        # No test reads at rest, and moto makes an RSA key for each table that is encrypted.
        resource["Properties"].pop("SSESpecification", None)
    body = {key: template[key] for key in ("Parameters", "Conditions")} | {"Resources": kept}
    # What has tabs is no YAML, so moto reads it as JSON, which takes it a tenth of the time.
    return json.dumps(body, indent="\t")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """The template's tables, queues and buckets in moto."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state())
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
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every call of AWS from here on: the operation, and what it was given."""
    made: list[tuple[str, dict[str, Any]]] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: dict[str, Any]) -> Any:
        made.append((name, params))
        return real(client, name, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return made


class Crash(Exception):
    """The function stops here."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bool], None]:
    """Makes the next call of an operation (e.g. "PutItem") crash, before it is done or after."""

    def arm(operation: str, done: bool) -> None:
        real, armed = BaseClient._make_api_call, [operation]  # type: ignore[attr-defined]

        def call(client: BaseClient, name: str, params: Any) -> Any:
            if name not in armed:
                return real(client, name, params)
            armed.remove(name)
            if done:
                real(client, name, params)
            raise Crash(f"{name}: {'done' if done else 'not done'}")

        monkeypatch.setattr(BaseClient, "_make_api_call", call)

    return arm


def picture() -> bytes:
    """The bytes of a small image."""
    body = BytesIO()
    Image.new("RGB", (8, 6), "teal").save(body, "PNG")
    return body.getvalue()


PICTURE = picture()
ANNOUNCED = {
    "owner": "urn:tbs:album:summer-1",
    "name": "beach.png",
    "contentType": "image/png",
    "size": len(PICTURE),
    "visibility": "public",
}


@dataclass
class House:
    """The service whole: its API, its uploads, and what its table's stream leads to."""

    context: Any
    request: dict[str, Any]
    """What API Gateway sends, as a pattern."""
    picture: bytes = PICTURE
    told: list[dict[str, Any]] = field(default_factory=list)
    """The messages that the outbox put on the bus: {"DetailType", "Detail": {…}}, oldest first."""
    _position: str | None = None

    def call(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        """Call an operation, with `body` and `query` where they are given."""
        from file_manager import api

        query: dict[str, str] = given.get("query") or {}
        body = given.get("body")
        event = self.request | {
            "httpMethod": method,
            "path": path,
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {k: [v] for k, v in query.items()},
            "headers": {"content-type": "application/json"},
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
        }
        answer = api.handler(event, self.context)
        return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None

    def announce(self, **changes: Any) -> dict[str, Any]:
        """Announce a file. Gives what the API answers."""
        status, file = self.call("POST", "/files", body=ANNOUNCED | changes)
        assert status == 201, file
        found: dict[str, Any] = file
        return found

    def post(self, file_id: str, body: bytes = PICTURE) -> None:
        """Put into the bucket what a form lets in. Nothing hears of it yet."""
        S3.put_object(Bucket="bucket", Key=f"incoming/{file_id}", Body=body)

    def hear(self, file_id: str) -> bool:
        """Let S3 tell of an upload. False: it has to be told again."""
        from file_manager import uploads

        record = {
            "messageId": file_id,
            "receiptHandle": "handle",
            "body": json.dumps(created(file_id)),
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        answer = uploads.handler({"Records": [record]}, self.context)
        return not answer["batchItemFailures"]

    def upload(self, body: bytes = PICTURE, **changes: Any) -> str:
        """Announce a file, post it and let it be judged. Gives its id."""
        file_id: str = self.announce(**{"size": len(body)} | changes)["fileId"]
        self.post(file_id, body)
        assert self.hear(file_id)
        return file_id

    def file(self, file_id: str) -> Any:
        """What is kept of a file, whatever became of it."""
        from file_manager.table import FilesTable

        file = FilesTable("Table").file(file_id)
        assert file
        return file

    def flow(self, doors: str = "cleaner outbox") -> None:
        """Let the stream's readers hear of what has changed since the last time."""
        from file_manager import cleaner, outbox

        records = self._changes()
        if "cleaner" in doors:
            changed = [r for r in records if r["eventName"] != "INSERT"]  # by the event's filter
            cleaner.handler({"Records": changed}, self.context)
        if "outbox" in doors:
            outbox.handler({"Records": records}, self.context)

    def objects(self, bucket: str = "bucket", of: str = "") -> dict[str, bytes]:
        """The content of all that lies in a bucket, or of what has a file's id in its key."""
        found = [o["Key"] for o in S3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {
            key: S3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in found if of in key
        }

    def forgotten(self) -> list[str]:
        """The paths whose copies CloudFront was told to let go of."""
        from file_manager import cleaner

        cloudfront, id_ = boto3.client("cloudfront"), cleaner.cdn._id
        listed = cloudfront.list_invalidations(DistributionId=id_)["InvalidationList"]
        return [
            path
            for one in listed.get("Items", [])
            for path in cloudfront.get_invalidation(DistributionId=id_, Id=one["Id"])[
                "Invalidation"
            ]["InvalidationBatch"]["Paths"]["Items"]
        ]

    def _changes(self) -> list[dict[str, Any]]:
        (stream,) = STREAMS.list_streams(TableName="Table")["Streams"]
        arn = stream["StreamArn"]
        (shard,) = STREAMS.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        start: dict[str, Any] = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if self._position is None
            else {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": self._position,
            }
        )
        iterator = STREAMS.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], **start)
        records: list[Any] = STREAMS.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        if records:
            self._position = records[-1]["dynamodb"]["SequenceNumber"]
        return records


def created(file_id: str) -> dict[str, Any]:
    """What EventBridge says of an object that has come."""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    return {
        "version": "0",
        "id": "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-20T10:15:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:s3:::bucket"],
        "detail": {
            "version": "0",
            "bucket": {"name": "bucket"},
            "object": {"key": f"incoming/{file_id}", "size": 5, "etag": "e", "sequencer": "1"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "192.0.2.1",
            "reason": "PostObject",
        },
    }


@pytest.fixture
def house(
    context: Context, sample: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> House:
    """The service whole, with nothing in it."""
    from file_manager import cleaner, outbox, uploads

    built = House(context, sample("api-list-files"))

    def put(Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        built.told += [{**entry, "Detail": json.loads(entry["Detail"])} for entry in Entries]
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(outbox.events, "put_events", put)
    distribution = boto3.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "one",
            "Comment": "",
            "Enabled": True,
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "bucket",
                        "DomainName": "bucket.s3.amazonaws.com",
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "bucket",
                "ViewerProtocolPolicy": "redirect-to-https",
            },
        }
    )
    for cdn in (cleaner.cdn, uploads.cdn):
        monkeypatch.setattr(cdn, "_id", distribution["Distribution"]["Id"])
    return built
