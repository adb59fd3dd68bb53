"""What this service sees: AWS by moto, with the table and queues of its own template, and Stripe.

Stripe's SDK is the real one; only its HTTP client is replaced, by one that answers as Stripe does.
"""

import json
import os
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "payments",
    "TABLE_NAME": "Table",
    "EVENT_BUS_NAME": "default",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
    "STRIPE_API_BASE": "https://stripe.test",
    "STRIPE_SECRET_NAME": "tbs/stripe",
}

import boto3
import pytest
import stripe
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from payments import gateway

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
NAMED_BY = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}
CLOUDFORMATION = boto3.client("cloudformation")
SECRETS = boto3.client("secretsmanager")


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


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """The template's table and queues in moto, each under its logical id, and Stripe's key."""
    template = cfn_yaml.load(str(FOLDER / "template.yaml"))
    kept = {n: r for n, r in template["Resources"].items() if r["Type"] in NAMED_BY}
    for name, resource in kept.items():
        resource["Properties"][NAMED_BY[resource["Type"]]] = name
    body = {key: template[key] for key in ("Parameters", "Conditions")} | {"Resources": kept}
    with mock_aws():
        CLOUDFORMATION.create_stack(StackName="test", TemplateBody=json.dumps(body))
        SECRETS.create_secret(Name="tbs/stripe", SecretString='{"apiKey": "sk_test_secret"}')
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


type Answer = tuple[int, dict[str, Any]]


def error(status: int, kind: str, **fields: Any) -> Answer:
    """An error as Stripe tells it: what does not apply is left out."""
    return status, {"error": {"type": kind, "message": "Stripe's own words", **fields}}


def declined(code: str, decline_code: str | None = None) -> Answer:
    fields = {"decline_code": decline_code} if decline_code else {}
    return error(402, "card_error", code=code, charge="ch_1", **fields)


REFUSED_METHODS = {
    "pm_insufficient_funds": declined("card_declined", "insufficient_funds"),
    "pm_expired": declined("expired_card"),
    "pm_three_d_secure": declined("authentication_required", "authentication_required"),
    "pm_missing": error(
        400, "invalid_request_error", code="resource_missing", param="payment_method"
    ),
    "pm_used_before": error(400, "invalid_request_error", param="payment_method"),
    "pm_bank_account": error(
        400, "invalid_request_error", code="payment_intent_incompatible_payment_method"
    ),
}
TROUBLE = {
    "down": error(503, "api_error"),
    "overloaded": error(429, "invalid_request_error", code="rate_limit"),
    "key in use": error(409, "idempotency_error", code="idempotency_key_in_use"),
    "wrong API key": error(401, "invalid_request_error"),
    "unknown parameter": error(
        400, "invalid_request_error", code="parameter_unknown", param="confirm"
    ),
}


def unreachable() -> stripe.APIConnectionError:
    """What the SDK makes of a broken connection."""
    return stripe.APIConnectionError("broken", should_retry=True)  # type: ignore[no-untyped-call]


class FakeStripe(stripe.HTTPClient):
    """Stripe at the other end of the wire. It keeps its idempotency keys, for ever.

    Attributes:
        intents, refunds: what was made, by its id.
        requests: every request: path, parameters, headers.
        trouble: what befalls the next requests, one each: a name in TROUBLE, "unreachable"
            (nothing is done), "answer lost" (all is done, and the connection breaks) or "broken"
            (all is done, and 500 is the answer, now and whenever the key comes again).
        intent_status, refund_status: what becomes of those that are made.
    """

    name = "fake"

    def __init__(self) -> None:
        super().__init__()
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str], Mapping[str, str]]] = []
        self.trouble: list[str] = []
        self.intent_status = "succeeded"
        self.refund_status = "succeeded"
        self._answers: dict[str, tuple[str, dict[str, str], Answer]] = {}

    @property
    def balance(self) -> int:
        """What was taken and not given back, in minor units."""
        balance = 0
        for intent in self.intents.values():
            balance += intent["amount"]
        for refund in self.refunds.values():
            balance -= refund["amount"]
        return balance

    def forget_keys(self) -> None:
        """What Stripe does after a day."""
        self._answers.clear()

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
        if trouble in TROUBLE:
            status, body = TROUBLE[trouble]
        else:
            key = (headers or {}).get("Idempotency-Key")
            status, body = self._once(parts.path, asked, key, broken=trouble == "broken")
        if trouble == "answer lost":
            raise unreachable()
        return json.dumps(body), status, {"request-id": "req_1"}

    def _once(self, path: str, asked: dict[str, str], key: str | None, *, broken: bool) -> Answer:
        if key is None:
            return self._act(path, asked)
        first_path, first_asked, answer = self._answers.get(key) or (path, asked, None)
        if (first_path, first_asked) != (path, asked):
            return error(400, "idempotency_error")
        if answer is None:
            answer = self._act(path, asked)
            if broken:
                answer = error(500, "api_error")
        self._answers[key] = (path, asked, answer)
        return answer

    def _act(self, path: str, asked: dict[str, str]) -> Answer:
        match path:
            case "/v1/payment_intents":
                return self._pay(asked)
            case "/v1/refunds" if "limit" in asked:
                found = [
                    refund
                    for refund in reversed(self.refunds.values())
                    if refund["payment_intent"] == asked["payment_intent"]
                ]
                return 200, {"object": "list", "url": path, "has_more": False, "data": found[:1]}
            case "/v1/refunds":
                return self._refund(asked)
        return error(404, "invalid_request_error")

    def _pay(self, asked: dict[str, str]) -> Answer:
        if refusal := REFUSED_METHODS.get(asked["payment_method"]):
            return refusal
        if int(asked["amount"]) < 50:
            return error(400, "invalid_request_error", code="amount_too_small", param="amount")
        intent: dict[str, Any] = {
            "id": f"pi_{len(self.intents) + 1}",
            "object": "payment_intent",
            "amount": int(asked["amount"]),
            "amount_received": int(asked["amount"]),
            "currency": asked["currency"],
            "latest_charge": f"ch_{len(self.intents) + 1}",
            "livemode": False,
            "metadata": {"orderId": asked["metadata[orderId]"]},
            "payment_method": asked["payment_method"],
            "payment_method_types": ["card"],
            "status": self.intent_status,
        }
        self.intents[intent["id"]] = intent
        return 200, intent

    def _refund(self, asked: dict[str, str]) -> Answer:
        intent = self.intents[asked["payment_intent"]]
        if any(r["payment_intent"] == intent["id"] for r in self.refunds.values()):
            return error(400, "invalid_request_error", code="charge_already_refunded")
        refund: dict[str, Any] = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": intent["amount"],
            "charge": intent["latest_charge"],
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "status": self.refund_status,
        }
        self.refunds[refund["id"]] = refund
        return 200, refund


@pytest.fixture
def fake_stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    """Stripe, as it stands when a test begins: nothing was paid."""
    fake = FakeStripe()
    monkeypatch.setattr(gateway, "_http", lambda: fake)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    return fake
