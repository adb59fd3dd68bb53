"""The shop's errors: kept once each, whoever tells them, and listed for managers, newest first."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from public_api import cursor, error_log, inbox
from public_api.error_log import ErrorLog
from public_api.heard import ErrorRaised
from public_api.model import now
from public_api.raised import LONGEST, Alarm, Kind, RaisedError, of_letter

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Letters = Callable[[], list[tuple[str, str]]]
Queued = Callable[..., dict[str, Any]]

MANAGER = {"sub": "manager", "email": "m@example.com", "cognito:groups": "managers"}
DECLINED = {
    "errorId": "o-1:3:PAYMENT_DECLINED",
    "kind": "BUSINESS",
    "code": "PAYMENT_DECLINED",
    "message": "The card was declined: insufficient_funds",
    "orderId": "o-1",
}


def at(minutes: int = 0) -> str:
    """So many minutes before an hour ago."""
    when = now() - timedelta(hours=1, minutes=minutes)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def raised(source: str = "tbs.payments", **data: Any) -> dict[str, Any]:
    """The body of an ErrorRaised in the queue."""
    told = DECLINED | {"occurredAt": at()} | data
    metadata = {
        "id": f"{told['errorId']}:ErrorRaised",
        "correlationId": told["orderId"] or told["errorId"],
        "causationId": None,
        "occurredAt": told["occurredAt"],
        "version": 3,
    }
    detail = {"metadata": metadata, "data": told}
    return {"source": source, "detail-type": "ErrorRaised", "detail": detail}


def alarm(name: str, description: str | None = None, **dimensions: str) -> dict[str, Any]:
    """What CloudWatch tells of an alarm that went off."""
    metric = {"namespace": "AWS/SQS", "name": "Age", "dimensions": dimensions}
    return {
        "id": str(uuid.uuid4()),
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "time": at()[:19] + "Z",
        "detail": {
            "alarmName": name,
            "state": {"value": "ALARM", "reason": "Threshold Crossed"},
            "configuration": {
                **({"description": description} if description else {}),
                "metrics": [
                    {"id": "total", "expression": "SUM(METRICS())"},
                    {"id": "m", "metricStat": {"metric": metric, "stat": "Maximum"}},
                ],
            },
        },
    }


@pytest.fixture
def tell(context: Any) -> Callable[..., None]:
    """Has the inbox handle bodies, in one batch."""

    def deliver(*bodies: Any) -> None:
        records = [
            {"messageId": f"m-{n}", "receiptHandle": "r", "body": json.dumps(body)}
            | {"attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}}
            for n, body in enumerate(bodies)
        ]
        assert inbox.handler({"Records": records}, context) == {"batchItemFailures": []}

    return deliver


@pytest.fixture
def errors(call: Call) -> Callable[..., Any]:
    """What a manager sees of the first page."""

    def listed(**query: str) -> list[Any]:
        status, page, _ = call("GET", "/errors", shopper=MANAGER, query=query)
        assert status == 200
        items: list[Any] = page["items"]
        return items

    return listed


# Heard


def test_a_manager_sees_what_was_raised_newest_first(tell: Any, errors: Any) -> None:
    tell(
        raised(occurredAt=at(5)),
        raised("tbs.toys", errorId="e-2", kind="SYSTEM", code="POISON_MESSAGE", orderId=None),
        raised(errorId="e-3", occurredAt=at(9)),
    )
    seen = errors()
    assert [one["service"] for one in seen] == ["toys", "payments", "payments"]
    assert seen[0]["orderId"] is None
    assert seen[1] == {
        "occurredAt": seen[1]["occurredAt"],
        "kind": "BUSINESS",
        "code": "PAYMENT_DECLINED",
        "message": "The card was declined: insufficient_funds",
        "service": "payments",
        "orderId": "o-1",
    }


def test_each_is_kept_once_however_often_it_comes(tell: Any, errors: Any) -> None:
    first = raised()
    for _ in range(2):
        tell(first, first)
    tell(raised(occurredAt=at(1)))  # told anew of another time
    assert len(errors()) == 1
    tell(raised("tbs.orders"))  # another service's, whatever its id
    assert len(errors()) == 2


def test_a_long_message_is_cut(tell: Any, errors: Any) -> None:
    tell(raised(message="x" * 1000))
    (error,) = errors()
    assert error["message"] == "x" * LONGEST


def test_the_pattern_hears_whom_the_model_names() -> None:
    assert ErrorRaised.sender == (
        "tbs.toys",
        "tbs.file-manager",
        "tbs.orders",
        "tbs.payments",
        "tbs.notification",
        "tbs.fulfilment",
    )


def test_an_error_is_gone_after_its_days(tell: Any, errors: Any) -> None:
    occurred = datetime.now(UTC) - timedelta(days=30, seconds=-60)
    for minutes in (0, 2):
        moment = occurred - timedelta(minutes=minutes)
        tell(raised(errorId=f"e-{minutes}", occurredAt=moment.isoformat()))
    items = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    ends = sorted(int(str(item["expiresAt"])) for item in items)
    assert ends[1] == int((occurred + timedelta(days=30)).timestamp())
    assert len(errors()) == 1  # the other is there until DynamoDB gets round to it


# Alarms


def test_an_alarm_is_an_error_of_the_system(tell: Any, errors: Any) -> None:
    name = "tbs-app-file-manager-test-InboxDeadLettersAlarm-1ABC"
    told = alarm(name, "A message could not be handled. It lies there. docs/operations.md#x")
    tell(told, told)
    (error,) = errors()
    assert error["occurredAt"] == told["time"].replace("Z", ".000Z")
    assert error | {"occurredAt": ""} == {
        "occurredAt": "",
        "kind": "SYSTEM",
        "code": "ALARM",
        "message": "A message could not be handled",
        "service": "file-manager",
        "orderId": None,
    }


@pytest.mark.parametrize(
    ("told", "service", "message"),
    [
        (alarm("tbs-app-orders-test-MoneyAlarm-1A", None, service="billing"), "billing", ""),
        (alarm("tbs-app-orders-test-MoneyAlarm-1A"), "orders", ""),
        (alarm("tbs-app-orders-test-MoneyAlarm", "Money is owed"), "orders", "Money is owed"),
    ],
)
def test_who_it_is_of_is_told_as_well_as_can_be(
    told: dict[str, Any], service: str, message: str
) -> None:
    error = Alarm.model_validate(told).error("tbs-app-", "test")
    assert error
    assert (error.service, error.message) == (service, message or "MoneyAlarm")


@pytest.mark.parametrize(
    "name", ["tbs-app-orders-prod-MoneyAlarm-1A", "other", "tbs-app-orders-MoneyAlarm-1A"]
)
def test_alarms_of_other_environments_are_nobodys_business(
    tell: Any, errors: Any, dead_letters: Letters, name: str
) -> None:
    tell(alarm(name))
    assert errors() == []
    assert dead_letters() == []


# This service's own


def test_poison_is_an_error_once_however_often_it_is_refused(
    queued: Queued, context: Any, errors: Any, dead_letters: Letters
) -> None:
    body = json.dumps(raised("tbs.orders", code=None) | {"source": "tbs.orders"})
    record = queued(body)
    for _ in range(2):
        assert inbox.handler({"Records": [record]}, context) == {"batchItemFailures": []}
    (error,) = errors()
    assert (error["code"], error["kind"], error["service"]) == (
        "POISON_MESSAGE",
        "SYSTEM",
        "public-api",
    )
    assert error["message"].startswith("ErrorRaised was refused: ")
    assert error["orderId"] == "o-1"
    assert len(dead_letters()) == 2


@pytest.mark.parametrize(("tries", "expected"), [(9, []), (10, ["MESSAGE_FAILED"])])
def test_the_last_failure_of_a_message_is_an_error(
    queued: Queued, context: Any, errors: Any, tries: int, expected: list[str]
) -> None:
    catalogue, body = boto3.client("dynamodb"), toy_told()
    catalogue.delete_table(TableName="Catalogue")
    answer = inbox.handler({"Records": [queued(body, tries)]}, context)
    assert len(answer["batchItemFailures"]) == 1
    seen = errors()
    assert [one["code"] for one in seen] == expected
    for one in seen:
        assert one["message"] == (
            "ToyDeleted failed each time, at last with ResourceNotFoundException"
        )


def toy_told() -> str:
    """A message about a toy, in the queue."""
    metadata = {
        "id": "kite:2:ToyDeleted",
        "correlationId": "kite",
        "causationId": None,
        "occurredAt": at(),
        "version": 2,
    }
    detail = {"metadata": metadata, "data": {"toyId": "kite", "updatedAt": at()}}
    return json.dumps({"source": "tbs.toys", "detail-type": "ToyDeleted", "detail": detail})


def test_a_letter_is_buried_though_the_error_cannot_be_kept(
    queued: Queued, context: Any, dead_letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bool:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(inbox.error_log, "keep", fail)
    answer = inbox.handler({"Records": [queued("not json")]}, context)
    assert answer == {"batchItemFailures": []}
    assert len(dead_letters()) == 1


@given(
    body=st.text()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=3).map(json.dumps)
    | st.text().map(lambda x: json.dumps({"detail-type": x, "detail": {"data": {"orderId": x}}})),
    reason=st.text(max_size=2000),
)
def test_an_error_can_be_made_of_every_letter(body: str, reason: str) -> None:
    error = of_letter("m-1", body, "POISON_MESSAGE", reason, now())
    assert len(error.message) <= LONGEST
    assert error.order_id is None or error.order_id.isprintable()


# Listed


def kept(count: int) -> list[RaisedError]:
    """So many errors in the log, of three services and both kinds; oldest first."""
    log, start = ErrorLog("Table", 30), now() - timedelta(days=1)
    made = [
        RaisedError(
            error_id=f"e-{n}",
            kind=Kind.SYSTEM if n % 4 == 0 else Kind.BUSINESS,
            code="CODE",
            message=f"error {n}",
            occurred_at=start + timedelta(seconds=n // 2),  # two at once
            service=("toys", "orders", "payments")[n % 3],
        )
        for n in range(count)
    ]
    for error in made:
        assert log.keep(error)
    return made


def pages(call: Call, **query: str) -> Iterator[list[str]]:
    """The messages of each page of a list."""
    following: str | None = ""
    while following is not None:
        asked = query | ({"cursor": following} if following else {})
        status, page, _ = call("GET", "/errors", shopper=MANAGER, query=asked)
        assert status == 200
        yield [one["message"] for one in page["items"]]
        following = page["cursor"]


def test_pages_are_of_25_and_have_each_error_once(call: Call) -> None:
    made = kept(60)
    seen = list(pages(call))
    assert [len(page) for page in seen] == [25, 25, 10]
    told = [message for page in seen for message in page]
    assert sorted(told) == sorted(error.message for error in made)
    times = {error.message: error.occurred_at for error in made}
    assert [times[one] for one in told] == sorted(times.values(), reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "SYSTEM"},
        {"kind": "BUSINESS"},
        {"service": "toys"},
        {"kind": "SYSTEM", "service": "orders"},
        {"service": "nobody"},
    ],
)
def test_a_narrowed_list_has_what_was_asked_for_and_all_of_it(
    call: Call, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    monkeypatch.setattr(error_log, "_READ_AT_ONCE", 10)
    monkeypatch.setattr(error_log, "MOST_READ", 30)
    monkeypatch.setattr(error_log, "PAGE", 5)
    made = kept(48)
    wanted = [
        error.message
        for error in made
        if all(getattr(error, name) == value for name, value in query.items())
    ]
    seen = list(pages(call, **query))
    assert sorted(message for page in seen for message in page) == sorted(wanted)
    assert all(len(page) <= 5 for page in seen)


def test_a_list_that_is_empty_is_at_its_end(call: Call) -> None:
    assert list(pages(call)) == [[]]


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "OTHER"},
        {"service": "Toys"},
        {"service": "x" * 41},
        {"cursor": "made-up"},
        {"cursor": cursor.write("errors None None", "nothing")},
        {"cursor": cursor.write("errors SYSTEM None", f"{at()} toys#e-1")},
    ],
)
def test_what_cannot_be_asked_for_is_refused(call: Call, query: dict[str, str]) -> None:
    status, problem, _ = call("GET", "/errors", shopper=MANAGER, query=query)
    assert status in (400, 422)
    assert problem["error"]["message"]


def test_a_cursor_outlives_what_it_points_at(call: Call) -> None:
    old = cursor.write("errors None None", "2020-01-01T00:00:00.000Z toys#e-1")
    status, page, _ = call("GET", "/errors", shopper=MANAGER, query={"cursor": old})
    assert (status, page) == (200, {"items": [], "cursor": None})


@pytest.mark.parametrize("groups", [None, "customers", "managers-to-be"])
def test_it_is_for_nobody_else(call: Call, groups: str | None) -> None:
    claims = {"sub": "1", "email": "a@example.com"}
    claims |= {} if groups is None else {"cognito:groups": groups}
    status, problem, _ = call("GET", "/errors", shopper=claims)
    assert (status, problem["error"]["code"]) == (403, "FORBIDDEN")
    assert call("GET", "/errors", shopper=None)[0] == 401
