"""What can be broken on the local cloud, and how it is put right.

A fault is planned first, which changes nothing; the plan is a wound: all that mending takes, small
enough to be written down. Mending may come twice, and after a strike that never happened.
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from local import letters, processes, servers, webhooks
from local.gameday.ground import Ground
from local.progress import console
from local.tools import FAST_SHUTDOWN

Wound = Mapping[str, str]
"""What was broken: `service` says at which one, the rest is the fault's own."""

POLICY = "gameday"
"""The name of the policy that forbids a function to write."""

WRITES = ("PutItem", "UpdateItem", "DeleteItem")

SOON = "30"
"""Seconds after which reports gets again what it failed with, while its database is down."""

REST = 5.0
"""Seconds in which reports writes what it has in hand."""

SETTLES = 20.0
"""Seconds in which a message that can never be handled becomes a dead letter."""

_POLL = 0.5

COMMANDS = {
    "toys": "ReserveStock",
    "orders": "PlaceOrder",
    "payments": "CollectPayment",
    "fulfilment": "ShipOrder",
    "notification": "SendEmail",
}
"""A command that each of these obeys."""

ON_THE_WAY = ("orders", "toys", "payments", "fulfilment")
"""The services that every order waits for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can be broken. `plan` only looks; `strike` breaks; `mend` puts right."""

    name: str
    words: tuple[str, ...]
    """Of which a reader who has found it would use one."""
    plan: Callable[[Ground, random.Random], Wound]
    strike: Callable[[Ground, Wound], None]
    mend: Callable[[Ground, Wound], None]
    card: str = "pm_card_visa"
    """What shoppers pay with, so that it shows."""


# A service's functions are not called any more.


def _plan_standstill(ground: Ground, draw: random.Random) -> Wound:
    service, door = draw.choice(ON_THE_WAY), draw.choice(("Inbox", "Outbox"))
    mappings = ground.mappings(service, f"{door}Function")
    return {"service": service, "door": door, "mappings": " ".join(mappings)}


# Stripe answers nothing but 503.


def _plan_stripe(ground: Ground, draw: random.Random) -> Wound:
    return {"service": "payments"}


def _stripe(ground: Ground, mode: str) -> None:
    fault = {"mode": mode, "count": None}
    httpx.post(f"{ground.settings.stripe_url}/test/faults", json=fault).raise_for_status()


# A message that can never be handled.


def _plan_poison(ground: Ground, draw: random.Random) -> Wound:
    service = draw.choice(tuple(COMMANDS))
    # Long enough for an order's id, and no word in it: like any other.
    order_id = "".join(draw.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=26))
    return {"service": service, "message": COMMANDS[service], "order": order_id}


def _poison(ground: Ground, wound: Wound) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    order_id = wound["order"]
    body = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": wound["message"],
        "source": "tbs.orders",
        "account": "000000000000",
        "time": now,
        "region": ground.settings.region,
        "resources": [],
        "detail": {
            "metadata": {
                "id": f"{order_id}:1:{wound['message']}",
                "correlationId": order_id,
                "causationId": None,
                "occurredAt": now,
                "version": 1,
            },
            "data": {"orderId": order_id},  # and nothing of what is to be done
        },
    }
    url = ground.resource(wound["service"], "Inbox")
    ground.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def _antidote(ground: Ground, wound: Wound) -> None:
    """Delete the dead letter: what it asks for never was to be done. Says so if there is none."""
    sqs = ground.client("sqs")
    url = ground.resource(wound["service"], "InboxDeadLetters")
    queue = letters.DeadLetters(wound["service"], "InboxDeadLetters", url, "")
    deadline = time.monotonic() + SETTLES
    while time.monotonic() < deadline:
        with letters.held(sqs, queue) as found:
            ours = [message for message in found if wound["order"] in message["Body"]]
            for message in ours:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if ours:
            return
        time.sleep(_POLL)
    console.print(
        f"The letter about {wound['order']} was not found in {SETTLES:.0f} s. If it comes yet, "
        f"`make dlq SERVICE={wound['service']}` shows it.",
        soft_wrap=True,
    )


# A function may not write its table any more.


def _plan_denied(ground: Ground, draw: random.Random) -> Wound:
    service = draw.choice(ON_THE_WAY)
    return {"service": service, "role": ground.resource(service, "InboxFunctionRole")}


def _deny(ground: Ground, wound: Wound) -> None:
    statement = {
        "Effect": "Deny",
        "Action": [f"dynamodb:{write}" for write in WRITES],
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ground.client("iam").put_role_policy(
        RoleName=wound["role"], PolicyName=POLICY, PolicyDocument=document
    )


def _allow(ground: Ground, wound: Wound) -> None:
    iam = ground.client("iam")
    if POLICY in iam.list_role_policies(RoleName=wound["role"])["PolicyNames"]:
        iam.delete_role_policy(RoleName=wound["role"], PolicyName=POLICY)


# PostgreSQL is down.


def _plan_database(ground: Ground, draw: random.Random) -> Wound:
    inbox = ground.resource("reports", "Inbox")
    found = ground.client("sqs").get_queue_attributes(
        QueueUrl=inbox, AttributeNames=["VisibilityTimeout"]
    )
    return {
        "service": "reports",
        "inbox": inbox,
        "hidden": found["Attributes"]["VisibilityTimeout"],
    }


def _end_database(ground: Ground, wound: Wound) -> None:
    # MiniStack grants no function to put off a batch: what failed would be hidden for half an hour.
    _hide(ground, wound, SOON)
    time.sleep(REST)  # what was given out before is hidden as long as before: let it be written
    processes.stop(ground.settings, "postgres", FAST_SHUTDOWN)


def _hide(ground: Ground, wound: Wound, seconds: str) -> None:
    ground.client("sqs").set_queue_attributes(
        QueueUrl=wound["inbox"], Attributes={"VisibilityTimeout": seconds}
    )


def _start_database(ground: Ground, wound: Wound) -> None:
    _hide(ground, wound, wound["hidden"])
    if processes.running(ground.settings, "postgres") is None:
        server = servers.postgres(ground.settings)
        processes.start(ground.settings, server)
        processes.await_answer(ground.settings, server)


# Stripe signs its events with another secret than the shop knows.


def _plan_secret(ground: Ground, draw: random.Random) -> Wound:
    return {"service": "payments", "since": str(int(time.time()))}


def _wrong_secret(ground: Ground, wound: Wound) -> None:
    webhooks.register(ground.settings, "whsec_rolled")


def _right_secret(ground: Ground, wound: Wound) -> None:
    """Have it sign as before, and send once more what was refused meanwhile."""
    webhooks.register(ground.settings)
    url = ground.settings.stripe_url
    for event in httpx.get(f"{url}/test/state").raise_for_status().json()["events"]:
        if event["created"] >= int(wound["since"]):
            httpx.post(f"{url}/test/events/{event['id']}/resend").raise_for_status()


FAULTS: Sequence[Fault] = (
    Fault(
        "standstill",
        ("mapping", "disabled", "trigger", "not read", "switched off"),
        _plan_standstill,
        lambda ground, wound: ground.switch(wound["mappings"].split(), enabled=False),
        lambda ground, wound: ground.switch(wound["mappings"].split(), enabled=True),
    ),
    Fault(
        "stripe",
        ("stripe", "503"),
        _plan_stripe,
        lambda ground, wound: _stripe(ground, "down"),
        lambda ground, wound: _stripe(ground, "none"),
    ),
    Fault("poison", ("poison", "dead letter", "refused"), _plan_poison, _poison, _antidote),
    Fault(
        "denied",
        ("denied", "role", "policy", "iam", "permission", "write"),
        _plan_denied,
        _deny,
        _allow,
    ),
    Fault(
        "database",
        ("postgres", "database", "sql"),
        _plan_database,
        _end_database,
        _start_database,
    ),
    Fault(
        "secret",
        ("secret", "signature", "webhook", "whsec"),
        _plan_secret,
        _wrong_secret,
        _right_secret,
        card="pm_card_authenticationRequired",
    ),
)
"""All that can be drawn."""


def named(name: str) -> Fault | None:
    """The fault of that name."""
    return next((fault for fault in FAULTS if fault.name == name), None)
