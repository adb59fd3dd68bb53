"""The private API, called as API Gateway calls it."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from payments import api, inbox, reconcile
from payments.answers import masked
from payments.listing import cursor, place
from payments.model import now
from payments.payment import Tombstone

Sample = Callable[[str], dict[str, Any]]
Call = Callable[..., tuple[int, Any]]
Pay = Callable[..., str]


@pytest.fixture
def call(context: Any) -> Call:
    """GET the path, with parameters."""

    def request(path: str, **parameters: str) -> tuple[int, Any]:
        event = {
            "resource": path,
            "path": path,
            "httpMethod": "GET",
            "headers": {},
            "multiValueHeaders": {},
            "queryStringParameters": parameters or None,
            "multiValueQueryStringParameters": {n: [v] for n, v in parameters.items()} or None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {"requestId": "request-1", "path": path, "stage": "live"},
            "body": None,
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"])

    return request


@pytest.fixture
def pay(sample: Sample, fake_stripe: Any) -> Pay:
    """Let an order be paid with a card. Gives its id."""

    def collect(order_id: str = "order-1", card: str = "pm_card_visa") -> str:
        record = copy.deepcopy(sample("inbox-CollectPayment")["Records"][0])
        body = json.loads(record["body"])
        body["detail"]["data"] |= {
            "orderId": order_id,
            "paymentMethodId": card,
            "email": "ann@example.com",
        }
        inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))
        return order_id

    return collect


def today() -> str:
    return now().date().isoformat()


def test_shows_a_payment_with_stripes_ids_answers_and_refunds(
    call: Call, pay: Pay, sample: Sample, fake_stripe: Any
) -> None:
    pay()
    record = copy.deepcopy(sample("inbox-RefundPayment")["Records"][0])
    body = json.loads(record["body"])
    data = {"orderId": "order-1", "reason": "it broke", "amount": 700, "refundId": "part-1"}
    body["detail"]["data"] = data
    inbox.receive(SQSRecord(record | {"body": json.dumps(body)}))
    status, payment = call("/payments/order-1")
    assert status == 200
    assert (payment["status"], payment["refunded"]) == ("COLLECTED", 700)
    assert (payment["paymentIntentId"], payment["paymentMethodId"]) == ("pi_1", "pm_card_visa")
    assert [attempt["outcome"] for attempt in payment["attempts"]] == ["OPENED", "TAKEN"]
    (refund,) = payment["refunds"]
    assert {"refundId": "part-1", "amount": 700, "stripeId": "re_1"}.items() <= refund.items()
    assert (refund["status"], refund["reason"]) == ("REFUNDED", "it broke")


def test_shows_nothing_that_lets_one_pay_and_no_whole_address(
    call: Call, pay: Pay, fake_stripe: Any
) -> None:
    pay(card="pm_three_d_secure")
    _, payment = call("/payments/order-1")
    assert payment["status"] == "ACTION_REQUIRED"
    assert payment["email"] == "a***@example.com"
    for secret in ("pi_1_secret", "ann@", "hooks.stripe.test", "lines"):
        assert secret not in json.dumps(payment)


def test_shows_the_mark_of_a_payment_that_never_came(call: Call) -> None:
    api.table.add(Tombstone.request("order-1", "CUSTOMER", "order-1", "cause", now()))
    status, payment = call("/payments/order-1")
    assert (status, payment["status"], payment["refundReason"]) == (200, "VOIDED", "CUSTOMER")
    assert (payment["amount"], payment["email"], payment["refunded"]) == (None, None, 0)


@pytest.mark.parametrize("path", ["/payments/none", "/reconciliations/2026-01-01"])
def test_what_is_not_there(call: Call, path: str) -> None:
    status, content = call(path)
    assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
    assert content["error"].keys() == {"code", "message", "details"}


def test_lists_payments_in_pages_the_newest_first(call: Call, pay: Pay) -> None:
    names = [pay(f"order-{number}") for number in range(5)]
    seen: list[str] = []
    asked: dict[str, str] = {"limit": "2"}
    for _ in range(3):
        status, page = call("/payments", **asked)
        assert status == 200
        seen += [item["orderId"] for item in page["items"]]
        asked["cursor"] = page["cursor"]
    assert seen == names[::-1]
    assert page["cursor"] is None
    assert page["items"][0].keys() == {
        *("orderId", "status", "amount", "currency", "refunded", "paymentIntentId"),
        "requestedAt",
    }


def test_lists_payments_of_a_status_and_a_day(
    call: Call, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay("order-1")
    pay("order-2", "pm_expired")
    _, page = call("/payments", status="FAILED")
    assert [item["orderId"] for item in page["items"]] == ["order-2"]
    yesterday = (now() - timedelta(days=1)).date().isoformat()
    assert call("/payments", to=yesterday)[1] == {"items": [], "cursor": None}
    assert len(call("/payments", **{"from": today(), "to": today()})[1]["items"]) == 2
    monkeypatch.setattr(api, "MOST_LOOKED_AT", 1)
    _, page = call("/payments", status="COLLECTED")
    assert (page["items"], bool(page["cursor"])) == ([], True)
    _, page = call("/payments", status="COLLECTED", cursor=page["cursor"])
    assert [item["orderId"] for item in page["items"]] == ["order-1"]


def test_the_first_days_that_there_are(call: Call) -> None:
    days = {"from": "0001-01-01", "to": "0001-01-05"}
    assert call("/payments", **days) == (200, {"items": [], "cursor": None})


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"status": "PAID"}, 422, "status"),
        ({"from": "yesterday"}, 400, "from"),
        ({"to": "0"}, 400, "to"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, 400, "1 to 31 days"),
        ({"from": "2026-01-01", "to": "2026-02-01"}, 400, "1 to 31 days"),
        ({"to": "0001-01-01"}, 400, "no day comes before"),
        ({"limit": "0"}, 422, "limit"),
        ({"limit": "101"}, 422, "limit"),
        ({"cursor": "x"}, 400, "cursor"),
        ({"cursor": "\N{TEDDY BEAR}"}, 400, "cursor"),
        ({"cursor": cursor("2026-01-01")}, 400, "cursor"),
    ],
)
def test_what_cannot_be_listed(
    call: Call, parameters: dict[str, str], status: int, told: str
) -> None:
    answered, content = call("/payments", **parameters)
    assert (answered, told in content["error"]["message"]) == (status, True)


def test_a_day_that_is_none(call: Call) -> None:
    assert call("/reconciliations/2026-13-01")[0] in (400, 422)


def test_shows_what_was_found(call: Call, pay: Pay, fake_stripe: Any, context: Any) -> None:
    pay()
    fake_stripe.intents["pi_2"] = fake_stripe.intents["pi_1"] | {"id": "pi_2"}
    reconcile.handler({"days": [today()]}, context)
    assert call(f"/reconciliations/{today()}")[1]["status"] == "RUNNING"
    report = api.table.report(now().date())
    assert report
    reconcile.take_step(report)
    status, shown = call(f"/reconciliations/{today()}")
    assert (status, shown["status"], shown["intents"], shown["differences"]) == (200, "DONE", 2, 1)
    (finding,) = shown["findings"]
    assert (finding["kind"], finding["orderId"]) == ("INTENT_UNKNOWN", "order-1")
    assert (finding["paymentIntentId"], finding["mended"]) == ("pi_2", False)
    assert not {"position", "phase", "version"} & shown.keys()
    (summary,) = call("/reconciliations")[1]["items"]
    assert summary == {name: value for name, value in shown.items() if name != "findings"}


def test_a_failing_table_is_no_fault_of_the_caller(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(api.table, "payment", down)
    status, content = call("/payments/order-1")
    assert (status, content["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "table" not in content["error"]["message"]


@pytest.mark.parametrize(
    ("email", "shown"),
    [("ann@example.com", "a***@example.com"), ("@x", "***@x"), ('"a@b"@c.de', '"***@c.de')],
)
def test_an_address_is_known_to_who_has_it(email: str, shown: str) -> None:
    assert masked(email) == shown


def test_a_cursor_is_a_place_and_nothing_else() -> None:
    stands = "2026-11-20T10:15:00.000Z#order-1"
    assert place(cursor(stands)) == stands
