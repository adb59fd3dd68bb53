"""What this service sees: AWS by moto, with the table and queues of its own template, and Stripe.

Stripe's SDK is the real one; only its HTTP client is replaced, by one that answers as Stripe does.
"""

import copy
import importlib
import json
import logging
import os
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "payments",
    "TABLE_NAME": "Table",
    "EVENT_BUS_NAME": "default",
    "STRIPE_API_BASE": "https://stripe.test",
    "STRIPE_SECRET_NAME": "tbs/stripe",
    "STRIPE_RETURN_URL": "https://shop.test/",
    "RECONCILIATION_DAYS": "2",
    "STACK_NAME": "tbs-app-payments-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "MAX_RECEIVES": "10",
}

import boto3
import pytest
import stripe
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from payments import cashier, gateway

QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
INBOX = {
    "QUEUE_URL": f"{QUEUES}Inbox",
    "DEAD_LETTER_QUEUE_URL": f"{QUEUES}InboxDeadLetters",
}
WEBHOOKS = {
    "QUEUE_URL": f"{QUEUES}WebhookInbox",
    "DEAD_LETTER_QUEUE_URL": f"{QUEUES}WebhookDeadLetters",
}

# Each function has queues of its own, and reads which when it is imported.
for variables, module in ((INBOX, "inbox"), (WEBHOOKS, "webhook")):
    os.environ |= variables
    importlib.import_module(f"payments.{module}")

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}
SECRET = {"apiKey": "sk_test_secret", "webhookSecret": "whsec_secret"}
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
        return 30_000


@pytest.fixture
def context() -> Context:
    return Context()


@cache
def state() -> str:
    """The template's table and queues, each named by its logical id."""
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
    """The template's table and queues in moto, and Stripe's key."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=state())
        SECRETS_MANAGER.create_secret(Name="tbs/stripe", SecretString=json.dumps(SECRET))
        yield


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text())


@dataclass(frozen=True)
class Letter:
    """What lies in a queue: a body, and its attributes by name."""

    body: str
    attributes: dict[str, str]


def lying_in(queue_url: str) -> list[Letter]:
    """The messages that can be received from a queue."""
    answer = boto3.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [
        Letter(
            message["Body"],
            {n: a["StringValue"] for n, a in message.get("MessageAttributes", {}).items()},
        )
        for message in answer.get("Messages", [])
    ]


@pytest.fixture
def dead_letters() -> Callable[[], list[Letter]]:
    """What lies in the inbox's dead-letter queue."""
    return lambda: lying_in(INBOX["DEAD_LETTER_QUEUE_URL"])


@pytest.fixture
def dead_webhooks() -> Callable[[], list[Letter]]:
    """What lies in the webhook's dead-letter queue."""
    return lambda: lying_in(WEBHOOKS["DEAD_LETTER_QUEUE_URL"])


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service logged since the last look."""
    stream, handler = StringIO(), cashier.logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)

    def read() -> list[dict[str, Any]]:
        lines = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in lines]

    yield read
    handler.setStream(before)


type Answer = tuple[int, dict[str, Any]]


def error(status: int, kind: str, **fields: Any) -> Answer:
    """An error as Stripe tells it: what does not apply is left out."""
    return status, {"error": {"type": kind, "message": "Stripe's own words", **fields}}


type Decline = tuple[str, str | None]

DECLINED_CARDS: dict[str, Decline] = {
    "pm_insufficient_funds": ("card_declined", "insufficient_funds"),
    "pm_expired": ("expired_card", None),
}
"""Cards that the bank declines: Stripe's code and decline code."""

CAREFUL_CARDS: dict[str, Decline | None] = {
    "pm_three_d_secure": None,
    "pm_three_d_secure_insufficient_funds": ("card_declined", "insufficient_funds"),
}
"""Cards that ask for 3-D Secure, and what the bank says once that is passed."""

REFUSED_METHODS = {
    "pm_blocked": error(402, "card_error", code="card_declined", decline_code="fraudulent"),
    "pm_missing": error(
        400, "invalid_request_error", code="resource_missing", param="payment_method"
    ),
    "pm_used_before": error(400, "invalid_request_error", param="payment_method"),
    "pm_bank_account": error(
        400, "invalid_request_error", code="payment_intent_incompatible_payment_method"
    ),
}
USED_MEANWHILE = "pm_used_meanwhile"
"""A card that pays for something else after the intent is made, and before it is confirmed."""
PAYS_ONCE = "pm_pays_once"
"""A card that can be named for no other intent once it has paid."""

TROUBLE = {
    "down": error(503, "api_error"),
    "overloaded": error(429, "invalid_request_error", code="rate_limit"),
    "key in use": error(409, "idempotency_error", code="idempotency_key_in_use"),
    "wrong API key": error(401, "invalid_request_error"),
    "unknown parameter": error(
        400, "invalid_request_error", code="parameter_unknown", param="return_url"
    ),
    "locked": error(429, "invalid_request_error", code="lock_timeout"),
}


def unreachable() -> stripe.APIConnectionError:
    """What the SDK makes of a broken connection."""
    return stripe.APIConnectionError("broken", should_retry=True)  # type: ignore[no-untyped-call]


class FakeStripe(stripe.HTTPClient):
    """Stripe at the other end of the wire. It keeps its idempotency keys, for ever.

    Attributes:
        intents, refunds: what was made, by its id.
        events: what its webhook tells, in the order in which it happened.
        requests: every request: path, parameters, headers.
        trouble: what befalls the next requests, one each: a name in TROUBLE, "unreachable"
            (nothing is done), "answer lost" (all is done, and the connection breaks), "broken"
            (all is done, and 500 is the answer, now and whenever the key comes again), "in vain"
            (the same, and nothing is done), or "none".
        intent_status, refund_status: what becomes of those that are made.
        clock: the time now, in Unix seconds, when something is made.
        most_listed: no page of a list is longer, whatever is asked for.
    """

    name = "fake"

    def __init__(self) -> None:
        super().__init__()
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str], Mapping[str, str]]] = []
        self.trouble: list[str] = []
        self.intent_status = "succeeded"
        self.refund_status = "succeeded"
        self.clock: Callable[[], float] = time.time
        self.most_listed = 100
        self._answers: dict[str, tuple[str, dict[str, str], Answer]] = {}

    @property
    def confirmed(self) -> list[dict[str, Any]]:
        """The intents that somebody tried to confirm, or canceled."""
        return [i for i in self.intents.values() if i["status"] != "requires_confirmation"]

    @property
    def balance(self) -> int:
        """What was taken and not given back, in minor units."""
        balance = 0
        for intent in self.intents.values():
            balance += intent["amount_received"]
        for refund in self.refunds.values():
            balance -= refund["amount"] if refund["status"] != "failed" else 0
        return balance

    def authenticate(self, intent_id: str, *, passes: bool = True) -> None:
        """What the customer's browser does: pass 3-D Secure, or fail it."""
        intent = self.intents[intent_id]
        if intent["status"] != "requires_action":
            return
        decline = CAREFUL_CARDS[intent["payment_method"]]
        if not passes:
            decline = ("payment_intent_authentication_failure", None)
        if decline:
            self._declined(intent, decline)
        else:
            self._become(intent, "succeeded")

    def give_back(self, intent_id: str, amount: int | None = None) -> dict[str, Any]:
        """What a person does in the Dashboard: a refund without any metadata."""
        asked = {"payment_intent": intent_id} | ({"amount": str(amount)} if amount else {})
        status, refund = self._refund(asked)
        assert status == 200
        return refund

    def told(self, kind: str) -> dict[str, Any]:
        """The last event of that type."""
        return [event for event in self.events if event["type"] == kind][-1]

    def fail(self, refund_id: str) -> dict[str, Any]:
        """What the bank does, days later maybe: it sends a refund back. Gives the event."""
        refund = self.refunds[refund_id]
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        self._tell("refund.failed", refund)
        return self.events[-1]

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urllib.parse.urlsplit(url)
        asked = dict(urllib.parse.parse_qsl(post_data or parts.query))
        self.requests.append((parts.path, asked, headers or {}))
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble == "unreachable":
            raise unreachable()
        told = {"request-id": "req_1"}
        if trouble in TROUBLE:
            status, body = TROUBLE[trouble]
        else:
            key = (headers or {}).get("Idempotency-Key")
            if key in self._answers:
                told["idempotent-replayed"] = "true"
            status, body = self._once(parts.path, asked, key, trouble)
        if trouble == "answer lost":
            raise unreachable()
        return json.dumps(body), status, told

    def _once(
        self, path: str, asked: dict[str, str], key: str | None, trouble: str | None
    ) -> Answer:
        if key is None:
            return copy.deepcopy(self._act(path, asked))
        first_path, first_asked, answer = self._answers.get(key) or (path, asked, None)
        if (first_path, first_asked) != (path, asked):
            return error(400, "idempotency_error")
        if answer is None:
            vain = trouble == "in vain"
            answer = error(500, "api_error") if vain else copy.deepcopy(self._act(path, asked))
            if trouble == "broken":
                answer = error(500, "api_error")
        self._answers[key] = (path, asked, answer)
        return answer

    def _act(self, path: str, asked: dict[str, str]) -> Answer:
        match path.removeprefix("/v1/").split("/"):
            case ["payment_intents"] if "limit" in asked:
                return self._list(path, list(self.intents.values()), asked)
            case ["payment_intents"]:
                return self._open(asked)
            case ["payment_intents", intent_id] if intent_id not in self.intents:
                return error(404, "invalid_request_error", code="resource_missing", param="intent")
            case ["payment_intents", intent_id]:
                return 200, self._expanded(self.intents[intent_id], asked)
            case ["payment_intents", intent_id, "confirm"]:
                return self._confirm(self.intents[intent_id], asked)
            case ["payment_intents", intent_id, "cancel"]:
                return self._cancel(self.intents[intent_id])
            case ["refunds"] if "limit" in asked:
                of = asked.get("payment_intent")
                refunds = [r for r in self.refunds.values() if of in (None, r["payment_intent"])]
                return self._list(path, refunds, asked)
            case ["refunds"]:
                return self._refund(asked)
        return error(404, "invalid_request_error")

    def _list(self, path: str, things: list[dict[str, Any]], asked: dict[str, str]) -> Answer:
        """A page of those made in the time that is asked for, the newest first."""
        since, until = asked.get("created[gte]", 0), asked.get("created[lt]", "1e12")
        found = [t for t in reversed(things) if float(since) <= t["created"] < float(until)]
        if after := asked.get("starting_after"):
            found = found[[thing["id"] for thing in found].index(after) + 1 :]
        limit = min(int(asked["limit"]), self.most_listed)
        data = [self._expanded(thing, asked) for thing in found[:limit]]
        more = len(found) > limit
        return 200, {"object": "list", "url": path, "has_more": more, "data": data}

    def _expanded(self, thing: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
        """A copy, with the charge of an intent or the intent of a refund in it, where asked for."""
        match asked.get("expand[0]", "").removeprefix("data."):
            case "latest_charge" if thing["latest_charge"]:
                return thing | {"latest_charge": self._charge(thing)}
            case "payment_intent":
                return thing | {"payment_intent": self.intents[thing["payment_intent"]]}
        return thing

    def _charge(self, intent: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": intent["latest_charge"],
            "object": "charge",
            "amount_refunded": self._given_back(intent),
            "metadata": intent["metadata"],
            "payment_intent": intent["id"],
        }

    def _given_back(self, intent: dict[str, Any]) -> int:
        made = (r for r in self.refunds.values() if r["payment_intent"] == intent["id"])
        return sum(refund["amount"] for refund in made if refund["status"] != "failed")

    def _open(self, asked: dict[str, str]) -> Answer:
        method = asked["payment_method"]
        if method == PAYS_ONCE and any(i["payment_method"] == method for i in self.confirmed):
            method = "pm_used_before"
        if refusal := REFUSED_METHODS.get(method):
            return refusal
        if int(asked["amount"]) < 50:
            return error(400, "invalid_request_error", code="amount_too_small", param="amount")
        number = len(self.intents) + 1
        intent: dict[str, Any] = {
            "id": f"pi_{number}",
            "object": "payment_intent",
            "amount": int(asked["amount"]),
            "amount_received": 0,
            "client_secret": f"pi_{number}_secret",
            "created": int(self.clock()),
            "currency": asked["currency"],
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": {"orderId": asked["metadata[orderId]"]},
            "next_action": None,
            "payment_method": method,
            "payment_method_types": ["card"],
            "status": "requires_confirmation",
        }
        self.intents[intent["id"]] = intent
        self._tell("payment_intent.created", intent)
        return 200, intent

    def _confirm(self, intent: dict[str, Any], asked: dict[str, str]) -> Answer:
        method = intent["payment_method"]
        if intent["status"] not in ("requires_confirmation", "requires_action") or not method:
            return self._unexpected(intent)
        if method == USED_MEANWHILE:
            return error(400, "invalid_request_error", param="payment_method")
        if method in CAREFUL_CARDS:
            url = f"https://hooks.stripe.test/{intent['id']}"
            back = asked.get("return_url")
            redirect = {"type": "redirect_to_url", "redirect_to_url": {"url": url}}
            intent["next_action"] = redirect if back else {"type": "use_stripe_sdk"}
            return self._become(intent, "requires_action")
        if decline := DECLINED_CARDS.get(method):
            return self._declined(intent, decline)
        return self._become(intent, self.intent_status)

    @staticmethod
    def _unexpected(intent: dict[str, Any]) -> Answer:
        code = "payment_intent_unexpected_state"
        return error(400, "invalid_request_error", code=code, payment_intent=intent)

    def _become(self, intent: dict[str, Any], status: str) -> Answer:
        intent["status"] = status
        if status != "requires_action":
            intent["next_action"] = None
        if status == "succeeded":
            paid = {"amount_received": intent["amount"], "latest_charge": f"ch_{intent['id']}"}
            intent |= paid | {"last_payment_error": None}
        self._tell(f"payment_intent.{status}", intent)
        return 200, intent

    def _declined(self, intent: dict[str, Any], decline: Decline) -> Answer:
        code, decline_code = decline
        told = {"type": "card_error", "code": code, "message": "Stripe's own words"}
        told |= {"decline_code": decline_code} if decline_code else {}
        change = {"status": "requires_payment_method", "next_action": None, "payment_method": None}
        intent |= change | {"last_payment_error": told}
        self._tell("payment_intent.payment_failed", intent)
        return 402, {"error": told | {"payment_intent": intent}}

    def _cancel(self, intent: dict[str, Any]) -> Answer:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            return self._unexpected(intent)
        return self._become(intent, "canceled")

    def _refund(self, asked: dict[str, str]) -> Answer:
        intent = self.intents[asked["payment_intent"]]
        left = intent["amount_received"] - self._given_back(intent)
        amount = int(asked.get("amount", left))
        if left == 0:
            return error(400, "invalid_request_error", code="charge_already_refunded")
        if amount > left:
            return error(400, "invalid_request_error", param="amount")
        refund: dict[str, Any] = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "charge": intent["latest_charge"],
            "created": int(self.clock()),
            "currency": intent["currency"],
            "metadata": {
                name.removeprefix("metadata[").removesuffix("]"): value
                for name, value in asked.items()
                if name.startswith("metadata[")
            },
            "payment_intent": intent["id"],
            "status": self.refund_status,
        }
        self.refunds[refund["id"]] = refund
        if refund["status"] != "failed":
            self._tell("charge.refunded", self._charge(intent))
        return 200, refund

    @staticmethod
    def sign(body: str, at: float | None = None, secret: str = SECRET["webhookSecret"]) -> str:
        """The Stripe-Signature of a body that is sent at that time (Unix seconds), or now."""
        signed_at = int(time.time() if at is None else at)
        header: str = stripe.WebhookSignature.generate_signature_header(body, secret, signed_at)
        return header

    @staticmethod
    def delivery(body: str, signature: str | None, received: float | None = None) -> dict[str, Any]:
        """What the webhook's function is invoked with. `received` is in Unix seconds."""
        received = time.time() if received is None else received
        values = {"signature": f"{signature or ''} ", "received": f"at={int(received * 1000)}"}
        return {
            "Records": [
                {
                    "messageId": "00000000-0000-0000-0000-000000000001",
                    "receiptHandle": "handle",
                    "body": body,
                    "attributes": {
                        "ApproximateReceiveCount": "1",
                        "SentTimestamp": str(int(received * 1000)),
                    },
                    "messageAttributes": {
                        name: {"dataType": "String", "stringValue": value}
                        for name, value in values.items()
                    },
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:WebhookInbox",
                    "awsRegion": "eu-west-1",
                }
            ]
        }

    def send(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the webhook's function is invoked with when Stripe sends this event now."""
        body = json.dumps(event, indent=2)
        return self.delivery(body, self.sign(body))

    def _tell(self, kind: str, thing: dict[str, Any]) -> None:
        event = {
            "id": f"evt_{len(self.events) + 1}",
            "object": "event",
            "type": kind,
            "data": {"object": copy.deepcopy(thing)},
        }
        self.events.append(event)


@pytest.fixture
def fake_stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    """Stripe, as it stands when a test begins: nothing was paid."""
    fake = FakeStripe()
    monkeypatch.setattr(gateway, "_http", lambda: fake)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    return fake
