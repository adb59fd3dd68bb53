"""Where an order stands, whose turn it is, and what to look at there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.account import Account
from local.errors import LocalError
from local.services import Service, select

NEXT = {
    "PLACED": ("toys", "it is asked for the stock, and tells that it is reserved"),
    "RESERVED": ("payments", "it is asked for the money, and tells that it is collected"),
    "CONFIRMED": ("fulfilment", "it is asked for the parcel, and tells that it has left"),
    "CANCELLING": ("fulfilment", "it is asked to stop the parcel, and tells whether it could"),
    "DISPATCHED": ("fulfilment", "the carrier tells it that the parcel is delivered"),
}
"""Whose answer orders waits for in a state, and which."""

SENDERS = {"public-api": "orders", "orders": "public-api"}
"""Where a message is late between these two, its sender may be the one that stands still."""

BEFORE = "SUBMITTED"
"""An order that orders has not heard of."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where an order stands still."""

    order_id: str
    status: str
    shown: str
    """The status that the shop shows, which may lag."""
    service: str
    why: str
    facts: tuple[str, ...] = field(default=())
    """What was found there: queues that are not empty, and readers that do not read.

    Of the other end of a message, where it is one that is late, with that service's name.
    """

    def told(self, environment: str) -> str:
        """All of it, and what to look at, in a few lines."""
        env = "" if environment == "local" else f" ENV={environment}"
        logs = (
            f"make logs SERVICE={self.service}"
            if environment == "local"
            else f"the saved query `story of an order` of {self.service}, for {self.order_id}"
        )
        lines = [
            f"Order {self.order_id} is {self.status} (the shop shows {self.shown}). "
            f"Look at {self.service}: {self.why}.",
            *(f"  {fact}" for fact in self.facts),
            f"  dead letters:  make dlq SERVICE={self.service}{env}",
            f"  logs:          {logs}",
            "  what to do:    docs/operations.md, An order that stands still",
        ]
        return "\n".join(lines)


def find(account: Account, order: Mapping[str, Any]) -> Stop:
    """Where an order of the shop's stands, by what orders has of it.

    What cannot be looked at is left out: the shop's own word counts then.
    """
    order_id, shown = str(order["orderId"]), str(order["status"])
    status = _status(account, order_id)
    name, why = whose(status or shown, shown, _refund(order))
    (service,) = select([name])
    facts = list(_facts(account, service))
    if name in SENDERS:
        (sender,) = select([SENDERS[name]])
        facts += (f"{sender.name}: {fact}" for fact in _facts(account, sender))
    return Stop(order_id, status or shown, shown, name, why, tuple(facts))


def whose(status: str, shown: str, refund: str | None = None) -> tuple[str, str]:
    """The service to look at, and why.

    `status` is what orders says, SUBMITTED where it knows nothing of the order; `shown` and
    `refund` are what the shop shows.
    """
    if status == BEFORE:
        return "orders", "its inbox places what public-api's outbox sends"
    if status == "CANCELLED" and shown == "CANCELLED" and refund == "PENDING":
        return "payments", "it is asked to give the money back, and tells that it has"
    told = status == shown or (status, shown) == ("RESERVED", "PLACED")  # it is told of no RESERVED
    if status in NEXT and told:
        return NEXT[status]
    if status == shown:
        return "orders", "it has nothing to wait for"
    return "public-api", "its inbox takes over what the outbox of orders tells; look at both"


def _status(account: Account, order_id: str) -> str | None:
    """What orders says; None when it cannot be asked."""
    (orders,) = select(["orders"])
    try:
        with account.api(orders) as api:
            answer = api.get(f"/orders/{order_id}")
    except (httpx.TransportError, LocalError, BotoCoreError, ClientError):
        return None
    if answer.status_code == httpx.codes.NOT_FOUND:
        return BEFORE
    found: str | None = answer.json().get("status") if answer.is_success else None
    return found


def _facts(account: Account, service: Service) -> tuple[str, ...]:
    """What is wrong at a service, as far as it can be seen from outside."""
    try:
        stack, region = account.placed(service)
        resources = {
            one["LogicalResourceId"]: one
            for page in account.client("cloudformation", region)
            .get_paginator("list_stack_resources")
            .paginate(StackName=stack)
            for one in page["StackResourceSummaries"]
        }
        return (
            *_queues(account.client("sqs", region), resources),
            *_readers(account.client("lambda", region), resources),
        )
    except (BotoCoreError, ClientError, LocalError) as error:
        return (f"it could not be looked at: {error}",)


def _queues(sqs: Any, resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for name, resource in resources.items():
        if resource["ResourceType"] != "AWS::SQS::Queue":
            continue
        counts = sqs.get_queue_attributes(
            QueueUrl=resource["PhysicalResourceId"],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        waiting = int(counts["ApproximateNumberOfMessages"])
        hidden = int(counts["ApproximateNumberOfMessagesNotVisible"])
        if waiting or hidden:
            found.append(f"{name}: {waiting} wait, {hidden} are being handled or put off")
    return found


def _readers(functions: Any, resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for name, resource in resources.items():
        if resource["ResourceType"] != "AWS::Lambda::EventSourceMapping":
            continue
        mapping = functions.get_event_source_mapping(UUID=resource["PhysicalResourceId"])
        if mapping["State"] not in {"Enabled", "Creating", "Enabling", "Updating"}:
            found.append(f"{name}: nothing is read, the event source mapping is {mapping['State']}")
    return found


def _refund(order: Mapping[str, Any]) -> str | None:
    found: str | None = (order.get("refund") or {}).get("status")
    return found
