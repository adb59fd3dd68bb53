"""The part of the story in which something goes wrong, and managers see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError

from tools.shopper import MANAGER, SHOPPER
from tools.teller import StoryError, Teller
from tools.wiring import Json

UNHEARD = "reports"
"""The service that tells no errors: it has no table whose changes could. Its alarms do."""

NOBODY = "tbs.nobody"
"""Who sends what is broken."""

BROKEN = '{"detail-type": "%s", "source": "tbs.nobody", "detail": {"data": {"orderId": "%s"}}}'
"""A message without what every message has: no service can ever handle it."""

ALARM: Json = {
    "alarmName": "tbs-app-orders-local-OutboxLagAlarm-1A2B3C4D5E6F",
    "state": {
        "value": "ALARM",
        "reason": "Threshold Crossed: 1 datapoint [421337.0] was greater than the threshold.",
        "timestamp": "2026-01-06T10:00:00.000+0000",
    },
    "previousState": {"value": "OK", "timestamp": "2026-01-05T10:00:00.000+0000"},
    "configuration": {
        "description": "Changes have waited to be told. docs/operations.md#outboxlagalarm",
        "metrics": [
            {
                "id": "m1",
                "metricStat": {
                    "metric": {
                        "namespace": "AWS/Lambda",
                        "name": "IteratorAge",
                        "dimensions": {"FunctionName": "tbs-app-orders-local-OutboxFunction"},
                    },
                    "period": 60,
                    "stat": "Maximum",
                },
                "returnData": True,
            }
        ],
    },
}
"""An alarm that goes off, in the form in which AWS documents that CloudWatch tells of it."""


def poisoned(teller: Teller, order_id: str) -> None:
    """Each inbox gets what nobody can handle. It becomes a dead letter, and managers are told."""
    inboxes = _inboxes(teller)
    buried = 0
    for service, queue in inboxes.items():
        name = min(teller.shop.module(service, "messages").HEARS)
        teller.shop.send(queue, BROKEN % (name, order_id))
        buried += len(teller.give_up())
    if buried != len(inboxes):
        raise StoryError(f"{buried} of {len(inboxes)} inboxes have buried what is poison")


def failed(teller: Teller) -> None:
    """No table and no database answers for a while: what comes then fails, and comes again."""
    for service, queue in _inboxes(teller).items():
        bodies = [
            invocation.event["Records"][0]["body"]
            for invocation in teller.told
            if (invocation.door.service.name, invocation.door.name) == (service, "inbox")
        ]
        # Some hear more than is theirs, and look nowhere for it; never of an order's.
        heard = next((body for body in bodies if '"orderId"' in body), bodies[0])
        teller.shop.send(queue, heard)
        with _silence():
            teller.fail()
        teller.settle()


@contextmanager
def _silence() -> Iterator[None]:
    """No table and no database can be reached meanwhile."""
    calling = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, params: Any) -> Any:
        if client.meta.service_model.service_name == "dynamodb":
            raise ConnectTimeoutError(endpoint_url="dynamodb")
        return calling(client, operation, params)

    unreachable = psycopg.OperationalError("connection timeout expired")
    with (
        patch.object(BaseClient, "_make_api_call", call),
        patch.object(psycopg, "connect", side_effect=unreachable),
    ):
        yield


def forged(teller: Teller) -> None:
    """Somebody plays Stripe without its key, and is not listened to."""
    headers = {"Stripe-Signature": "t=1,v1=0", "Content-Type": "application/json"}
    body = '{"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded"}'
    teller.shop.post("payments", "/webhooks/stripe", body, headers)
    teller.settle()


def alarmed(teller: Teller) -> None:
    """CloudWatch is alarmed. Managers see that, and what went wrong before; shoppers may not."""
    teller.shop.put("aws.cloudwatch", "CloudWatch Alarm State Change", ALARM)
    teller.settle()
    teller.call("public-api", "GET", "/errors", 403, claims=SHOPPER, label="no manager's errors")
    page, _ = teller.call("public-api", "GET", "/errors", claims=MANAGER)
    seen = [(error["service"], error["code"]) for error in page["items"]]
    poison = {service for service, code in seen if code == "POISON_MESSAGE"}
    if ("orders", "ALARM") not in seen or poison != _inboxes(teller).keys() - {UNHEARD}:
        raise StoryError(f"Managers see the errors {seen}")


def _inboxes(teller: Teller) -> dict[str, str]:
    """The queues that the services hear messages by, by service."""
    return {
        source.service: source.name
        for source in teller.shop.wiring().sources
        if source.kind == "SQS" and any(door.name == "inbox" for door, _ in source.feeds)
    }
