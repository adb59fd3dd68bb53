"""What the owners of the eight services can see: the truth to compare the shopper's view with."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import Any
from urllib.parse import quote

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


QUIET = 1.5
"""Seconds without work after which none is to come: a stream that failed is read again after one,
and what a function tells is in a queue a few hundredths later."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds. In flight are those at work, and those put off."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def whole(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed

    def __str__(self) -> str:
        return (
            f"{self.waiting} waiting, {self.in_flight} at work or put off, {self.delayed} delayed"
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
        self._events = aws.client("events", settings)

    def toy(self, toy_id: str) -> dict[str, Any]:
        """A toy as its owner sees it, stock included."""
        answer = aws.signed_request("GET", f"{self._toys}/toys/{toy_id}", self.settings)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def toys(self) -> list[dict[str, Any]]:
        """All toys, as their owner sees them."""
        toys: list[dict[str, Any]] = []
        query = "limit=100"
        while True:
            answer = aws.signed_request("GET", f"{self._toys}/toys?{query}", self.settings)
            answer.raise_for_status()
            page = answer.json()
            toys += page["items"]
            if not page["cursor"]:
                return toys
            query = f"limit=100&cursor={quote(page['cursor'], safe='')}"

    def change_toy(self, toy_id: str, **changes: Any) -> None:
        """Change what a toy is called, costs, and the like."""
        self._whatever_it_is("PATCH", toy_id, json=changes)

    def delete_toy(self, toy_id: str) -> None:
        """Take a toy out of the catalogue."""
        self._whatever_it_is("DELETE", toy_id)

    def _whatever_it_is(self, method: str, toy_id: str, **given: Any) -> None:
        address, auth = f"{self._toys}/toys/{toy_id}", aws.SigV4(self.settings)
        headers = {"If-Match": "*"}
        answer = httpx.request(method, address, headers=headers, auth=auth, timeout=60, **given)
        answer.raise_for_status()

    def new_toy(self, stock: int, price: int = 1999, name: str | None = None) -> str:
        """A new toy on the shelf; its id."""
        number = time.time_ns()
        draft = {
            "sku": f"TOP-{number}",
            "name": name or f"Top {number}",
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

    def webhook(self, body: str, signature: str | None) -> httpx.Response:
        """Send to payments' webhook what says that it comes from Stripe; None: it does not say."""
        address = stacks.address(self.settings, "payments", "WebhookUrl")
        headers = {"Content-Type": "application/json"}
        if signature is not None:
            headers["Stripe-Signature"] = signature
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
        bucket = outputs["ReceiptsBucketName"]
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in found]
        return [body for body in bodies if order_id.encode() in body]

    def send(self, events: list[dict[str, Any]]) -> None:
        """Put messages on the bus again, as they were."""
        for some in batched(events, 10, strict=False):
            answer = self._events.put_events(
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

    def queues(self) -> dict[str, Depth]:
        """What every queue of the shop holds, by its name."""
        sqs = aws.client("sqs", self.settings)
        depths = {}
        for url in sqs.list_queues(QueueNamePrefix="tbs-app-").get("QueueUrls", []):
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            depths[url.rpartition("/")[2]] = Depth(
                waiting=int(counts["ApproximateNumberOfMessages"]),
                in_flight=int(counts["ApproximateNumberOfMessagesNotVisible"]),
                delayed=int(counts.get("ApproximateNumberOfMessagesDelayed", 0)),
            )
        return depths

    def stuck_streams(self) -> list[str]:
        """The functions that failed with the last changes of their table: they get them again."""
        return [
            mapping["FunctionArn"].rpartition(":")[2]
            for mapping in self._mappings()
            if ":dynamodb:" in mapping["EventSourceArn"]
            and mapping.get("LastProcessingResult") == "FAILED"
        ]

    def _mappings(self) -> list[dict[str, Any]]:
        client = aws.client("lambda", self.settings)
        pages: Any = client.get_paginator("list_event_source_mappings").paginate()
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]

    def queue(self, service: str, name: str) -> str:
        """The address of a queue, by its name in the service's template."""
        client = aws.client("cloudformation", self.settings)
        found = client.describe_stack_resource(
            StackName=f"tbs-app-{service}-local", LogicalResourceId=name
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def dead_letters(self) -> dict[str, int]:
        """The queues of dead letters that are not empty, with all that they hold."""
        return {
            name: depth.whole
            for name, depth in self.queues().items()
            if "DeadLetters" in name and depth.whole
        }

    def unrest(self) -> list[str]:
        """What there still is to handle, in words: dead letters are not."""
        return [
            *(
                f"{name}: {depth}"
                for name, depth in self.queues().items()
                if "DeadLetters" not in name and depth.whole
            ),
            *(f"{name}: its last changes of the table failed" for name in self.stuck_streams()),
        ]

    def await_quiet(self, seconds: float = 240) -> None:
        """Wait until nothing is left to handle, and nothing new comes of what was handled.

        How far the readers of a stream are, the local cloud does not tell: it shows in the messages
        that come of it, within QUIET. There is time for the waits between five tries, 2, 8, 32 and
        128 seconds at most. Raises AssertionError that names what is left when that was too short.
        """
        deadline = time.monotonic() + seconds
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET:
            if left := self.unrest():
                quiet_since = time.monotonic()
                assert quiet_since < deadline, f"after {seconds:.0f} s: {'; '.join(left)}"
            time.sleep(0.2)

    @contextmanager
    def stopped(self, service: str, function: str = "") -> Iterator[None]:
        """Stop what feeds a service's functions from queues and streams, and start it again.

        `function`, as the template calls it, stops that one alone. What is neither a queue nor a
        stream goes on: the APIs answer, Stripe's webhook is taken into its queue, and schedules run
        (the sweep of orders, the reports' night), so what those write waits to be told.
        """
        prefix = f":tbs-app-{service}-local-{function}"
        ours = [one["UUID"] for one in self._mappings() if prefix in one["FunctionArn"]]
        assert ours, f"{service} has no event source mappings of {function or 'any function'}"
        client = aws.client("lambda", self.settings)
        for mapping in ours:
            client.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            for mapping in ours:
                client.update_event_source_mapping(UUID=mapping, Enabled=True)
