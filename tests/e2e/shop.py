"""What the owners of the eight services can see: the truth to compare the shopper's view with."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import batched
from typing import Any

import httpx
import psycopg
from boto3.dynamodb.types import TypeDeserializer

from local import aws, mailbox, stacks
from local.mailbox import Mail
from local.settings import Settings

SERVICES = (
    "toys",
    "file-manager",
    "orders",
    "payments",
    "notification",
    "reports",
    "fulfilment",
    "public-api",
)


def eventually[T](look: Callable[[], T], seconds: float = 30, every: float = 0.2) -> T:
    """The first thing that `look` finds that is true, or whatever it finds when time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(every)
    return found


class Shop:
    """Looks behind the counter of a shop on the local cloud."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._toys = stacks.api_url(settings, "toys")

    def toy(self, toy_id: str) -> dict[str, Any]:
        """A toy as its owner sees it, stock included."""
        answer = aws.signed_request("GET", f"{self._toys}/toys/{toy_id}", self.settings)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def new_toy(self, stock: int, price: int = 1999) -> str:
        """A new toy on the shelf; its id."""
        draft = {
            "name": f"Top {time.time_ns()}",
            "description": "Spins",
            "category": "Wooden toys",
            "brand": "Test",
            "price": price,
            "currency": "EUR",
            "stock": stock,
        }
        answer = aws.signed_request("POST", f"{self._toys}/toys", self.settings, json=draft)
        assert answer.status_code == 201, answer.text
        toy_id: str = answer.json()["toyId"]
        return toy_id

    def items(self, service: str) -> list[dict[str, Any]]:
        """Everything in a service's table."""
        client = aws.client("dynamodb", self.settings)
        name = stacks.outputs(self.settings, service)["TableName"]
        pages = client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        read = TypeDeserializer().deserialize
        return [
            {key: read(value) for key, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]

    def items_of(self, service: str, order_id: str) -> list[dict[str, Any]]:
        """Everything in a service's table that tells of an order."""
        return [item for item in self.items(service) if order_id in json.dumps(item, default=str)]

    def stripe(self) -> dict[str, Any]:
        """All that the Stripe stand-in holds."""
        found: dict[str, Any] = httpx.get(f"{self.settings.stripe_url}/test/state").json()
        return found

    def charged(self, order_id: str) -> int:
        """What Stripe collected for an order and did not give back, in minor units."""
        intents = {intent["id"]: intent for intent in self.intents(order_id)}
        collected: int = sum(intent["amount_received"] for intent in intents.values())
        refunds = (r for r in self.stripe()["refunds"] if r["payment_intent"] in intents)
        returned: int = sum(refund["amount"] for refund in refunds)
        return collected - returned

    def fault(self, mode: str, count: int | None = 1) -> None:
        """Have Stripe fail in that way so many times, or until told otherwise."""
        fault = {"mode": mode, "count": count}
        httpx.post(f"{self.settings.stripe_url}/test/faults", json=fault).raise_for_status()

    @contextmanager
    def without_stripe(self) -> Iterator[None]:
        """Take Stripe away, and bring it back."""
        self.fault("down", None)
        try:
            yield
        finally:
            self.fault("none")

    def webhook(self, body: str, signature: str) -> httpx.Response:
        """Send to payments' webhook what says that it comes from Stripe."""
        address = stacks.address(self.settings, "payments", "WebhookUrl")
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        return httpx.post(address, content=body, headers=headers, timeout=30)

    def expire(self, order_id: str) -> None:
        """Let an order's deadline be long past."""
        aws.client("dynamodb", self.settings).update_item(
            TableName=stacks.outputs(self.settings, "orders")["TableName"],
            Key={"pk": {"S": f"ORDER#{order_id}"}},
            UpdateExpression="SET deadline = :past",
            ConditionExpression="attribute_exists(waiting)",
            ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000Z"}},
        )

    def intents(self, order_id: str) -> list[dict[str, Any]]:
        """The payment intents that were made for an order."""
        return [
            intent
            for intent in self.stripe()["payment_intents"]
            if intent["metadata"].get("orderId") == order_id
        ]

    def mails(self, to: str, order_id: str) -> list[Mail]:
        """The mails to someone about an order."""
        return [m for m in mailbox.mails(self.settings, to) if order_id in m.subject + m.text]

    def report(self, order_id: str) -> dict[str, Any] | None:
        """The reports' row of an order, with its lines."""
        with psycopg.connect(
            self.settings.database_url, row_factory=psycopg.rows.dict_row
        ) as database:
            row = database.execute(
                "select * from orders where order_id = %s", [order_id]
            ).fetchone()
            if row is None:
                return None
            lines = database.execute(
                "select toy_id, quantity, price from order_lines where order_id = %s", [order_id]
            ).fetchall()
            return row | {"lines": lines}

    def reports(self) -> dict[str, dict[str, Any]]:
        """The reports' rows of all orders, by order."""
        with psycopg.connect(
            self.settings.database_url, row_factory=psycopg.rows.dict_row
        ) as database:
            return {row["order_id"]: row for row in database.execute("select * from orders")}

    def receipts(self, order_id: str) -> list[bytes]:
        """The receipts of an order, as they are stored."""
        outputs = stacks.outputs(self.settings, "file-manager")
        s3 = aws.client("s3", self.settings)
        found = s3.list_objects_v2(Bucket=outputs["BucketName"]).get("Contents", [])
        bodies = [
            s3.get_object(Bucket=outputs["BucketName"], Key=entry["Key"])["Body"].read()
            for entry in found
        ]
        return [body for body in bodies if order_id.encode() in body]

    def send(self, events: list[dict[str, Any]]) -> None:
        """Put messages on the bus again, as they were."""
        client = aws.client("events", self.settings)
        for some in batched(events, 10, strict=False):
            answer = client.put_events(
                Entries=[
                    {
                        "Source": event["source"],
                        "DetailType": event["detail-type"],
                        "Detail": json.dumps(event["detail"]),
                    }
                    for event in some
                ]
            )
            assert answer["FailedEntryCount"] == 0, answer

    def queues(self) -> dict[str, int]:
        """How many messages wait, or are in flight, in every queue of the shop, by its name."""
        sqs = aws.client("sqs", self.settings)
        depth = {}
        for url in sqs.list_queues(QueueNamePrefix="tbs-app-").get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
            depth[url.rpartition("/")[2]] = sum(map(int, attributes.values()))
        return depth

    def queue(self, service: str, name: str) -> str:
        """The address of a queue, by its name in the service's template."""
        client = aws.client("cloudformation", self.settings)
        found = client.describe_stack_resource(
            StackName=f"tbs-app-{service}-local", LogicalResourceId=name
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def dead_letters(self) -> dict[str, int]:
        """The queues of dead letters that are not empty."""
        return {name: n for name, n in self.queues().items() if "DeadLetters" in name and n}

    def await_quiet(self, seconds: float = 60) -> None:
        """Wait until no queue of the shop holds a message that can be handled."""
        eventually(
            lambda: not any(n for name, n in self.queues().items() if "DeadLetters" not in name),
            seconds,
        )

    @contextmanager
    def stopped(self, service: str) -> Iterator[None]:
        """Stop a service's doors (all its event source mappings), and start them again."""
        client = aws.client("lambda", self.settings)
        pages = client.get_paginator("list_event_source_mappings").paginate()
        ours = [
            mapping["UUID"]
            for page in pages
            for mapping in page["EventSourceMappings"]
            if f":tbs-app-{service}-local-" in mapping["FunctionArn"]
        ]
        assert ours, f"{service} has no event source mappings"
        for mapping in ours:
            client.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            for mapping in ours:
                client.update_event_source_mapping(UUID=mapping, Enabled=True)
