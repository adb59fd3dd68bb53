"""The private API, called as API Gateway calls it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from traceback import format_exception
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notification import api
from notification.account_list import AccountList, SesFailed
from notification.mail import Mail, Report, Status
from notification.model import now
from notification.suppression import Cause, Suppression
from notification.table import MailsTable, SuppressionsTable

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ANN = "ann+toys@example.com"

Call = Callable[..., tuple[int, Any]]


def request(method: str, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    """A request as API Gateway hands it on: the path percent-encoded, the query not."""
    return {
        "httpMethod": method,
        "path": path,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "r", "httpMethod": method, "stage": "live"},
    }


@pytest.fixture
def call(context: Any) -> Call:
    def ask(method: str, path: str, query: dict[str, str] | None = None) -> tuple[int, Any]:
        answer = api.handler(request(method, path, query), context)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return ask


@pytest.fixture
def table() -> MailsTable:
    return MailsTable("Table", timedelta(days=90))


@pytest.fixture
def suppressions() -> SuppressionsTable:
    return SuppressionsTable("Suppressions")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The list that SES keeps for the account."""
    listed: set[str] = set()

    def lift(address: str) -> bool:
        known = address in listed
        listed.discard(address)
        return known

    monkeypatch.setattr(api.account_list, "lift", lift)
    return listed


def add(table: MailsTable, n: int, order_id: str = "order-1") -> Mail:
    """The nth mail about an order, a minute after the one before."""
    at = AT + timedelta(minutes=n)
    claim = Mail.claim(f"tbs.orders/{order_id}:{n}", order_id, "receipt", order_id, "cause", at)
    table.add(claim)
    table.save(claim.sent(f"ses-{n}", at))
    return claim.sent(f"ses-{n}", at)


def suppress(suppressions: SuppressionsTable, address: str, n: int = 0, days: int = 30) -> None:
    """Put an address on the list, n minutes ago, until so many days from now."""
    suppression = Suppression(
        address=address,
        cause=Cause.COMPLAINT,
        detail="abuse",
        suppressed_at=now() - timedelta(minutes=n),
        until=now() + timedelta(days=days),
    )
    assert suppressions.add(suppression)


def test_the_mails_of_an_order_newest_first(call: Call, table: MailsTable) -> None:
    first, second = add(table, 1), add(table, 2)
    add(table, 3, "order-2")
    report = Report(
        status=Status.BOUNCED,
        reason="Permanent/NoEmail",
        reported_at=AT + timedelta(hours=1),
        ses_message_id="ses-2",
    )
    table.save(second.reported(report, AT + timedelta(hours=2)))
    status, page = call("GET", "/emails", {"orderId": "order-1"})
    assert (status, page["cursor"]) == (200, None)
    assert page["items"] == [
        {
            "mailId": "tbs.orders/order-1:2",
            "orderId": "order-1",
            "template": "receipt",
            "status": "BOUNCED",
            "reason": "Permanent/NoEmail",
            "sesMessageId": "ses-2",
            "createdAt": "2026-01-05T10:02:00.000Z",
            "updatedAt": "2026-01-05T12:00:00.000Z",
            "reportedAt": "2026-01-05T11:00:00.000Z",
        },
        {
            "mailId": first.mail_id,
            "orderId": "order-1",
            "template": "receipt",
            "status": "SENT",
            "reason": None,
            "sesMessageId": "ses-1",
            "createdAt": "2026-01-05T10:01:00.000Z",
            "updatedAt": "2026-01-05T10:01:00.000Z",
            "reportedAt": None,
        },
    ]
    assert call("GET", "/emails", {"orderId": "order-9"}) == (200, {"items": [], "cursor": None})


def pages(call: Call, path: str, query: dict[str, str]) -> list[Any]:
    """The items of all pages."""
    found, cursor = [], None
    while True:
        status, page = call("GET", path, query | ({"cursor": cursor} if cursor else {}))
        assert status == 200
        found += page["items"]
        if (cursor := page["cursor"]) is None:
            return found


def test_every_mail_is_on_one_page(call: Call, table: MailsTable) -> None:
    for n in range(5):
        add(table, n)
    found = pages(call, "/emails", {"orderId": "order-1", "limit": "2"})
    assert [item["sesMessageId"] for item in found] == [f"ses-{n}" for n in (4, 3, 2, 1, 0)]


def test_every_suppression_is_on_one_page_and_those_that_are_over_on_none(
    call: Call, suppressions: SuppressionsTable
) -> None:
    for n in range(4):
        suppress(suppressions, f"{n}@example.com", n, days=30 if n != 1 else 0)
    found = pages(call, "/suppressions", {"limit": "2"})
    assert [item["address"] for item in found] == [f"{n}@example.com" for n in (0, 2, 3)]
    assert found[0].keys() == {"address", "cause", "detail", "suppressedAt", "until"}


@pytest.mark.parametrize(
    "path", ["/suppressions/ann+toys@example.com", "/suppressions/Ann%2Btoys%40example.com"]
)
def test_an_address_is_found_however_it_is_written(
    call: Call, suppressions: SuppressionsTable, path: str
) -> None:
    assert call("GET", path)[0] == 404
    suppress(suppressions, ANN)
    status, found = call("GET", path)
    assert (status, found["address"], found["cause"]) == (200, ANN, "COMPLAINT")
    assert call("DELETE", path) == (204, None)
    assert call("GET", path)[0] == 404
    assert call("DELETE", path)[0] == 404
    assert call("GET", "/suppressions")[1] == {"items": [], "cursor": None}


def test_what_is_over_is_not_there(call: Call, suppressions: SuppressionsTable) -> None:
    suppress(suppressions, ANN, days=0)
    assert call("GET", f"/suppressions/{ANN}")[0] == 404


def test_lifting_takes_it_off_the_list_of_the_account_too(
    call: Call, suppressions: SuppressionsTable, account: set[str]
) -> None:
    account |= {ANN, "bob@example.com"}
    suppress(suppressions, ANN)
    assert call("DELETE", f"/suppressions/{ANN.upper()}") == (204, None)
    assert account == {"bob@example.com"}
    assert call("DELETE", "/suppressions/bob@example.com") == (204, None)
    assert call("DELETE", "/suppressions/bob@example.com")[0] == 404


def test_lifting_begins_with_ses_so_that_it_can_be_tried_again(
    call: Call, suppressions: SuppressionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    suppress(suppressions, ANN)

    def fail(_: str) -> bool:
        raise ConnectionError("SES")

    monkeypatch.setattr(api.account_list, "lift", fail)
    assert call("DELETE", f"/suppressions/{ANN}")[0] == 500
    assert suppressions.of(ANN, now())


@pytest.mark.parametrize("code", ["NotFoundException", "BadRequestException"])
def test_ses_says_that_it_does_not_know_an_address(code: str) -> None:
    known = AccountList()
    with Stubber(known._ses) as ses:
        ses.add_response("delete_suppressed_destination", {}, {"EmailAddress": ANN})
        ses.add_client_error("delete_suppressed_destination", code, "", 404)
        assert [known.lift(ANN), known.lift(ANN)] == [True, False]


def test_no_answer_with_an_address_is_kept_and_no_log_has_one(
    context: Any, suppressions: SuppressionsTable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    suppress(suppressions, ANN)
    for path in ("/suppressions", f"/suppressions/{ANN}"):
        answer = api.handler(request("GET", path), context)
        assert answer["multiValueHeaders"]["Cache-Control"] == ["no-store"]
    for _ in range(2):
        api.handler(request("DELETE", f"/suppressions/{ANN}"), context)
    assert ANN not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("quotes", ["time-out", "TooManyRequestsException", "NotFoundException"])
def test_no_failure_of_ses_tells_an_address(
    call: Call,
    context: Any,
    suppressions: SuppressionsTable,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    quotes: str,
) -> None:
    """A time-out quotes the URL, which has the address; so do some of SES' own answers."""
    suppress(suppressions, ANN)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    account_list = AccountList()

    def sent(request: Any, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=request.url.replace("%40", "@").replace("%2B", "+"))

    account_list._ses.meta.events.register_first("before-send.sesv2", sent)
    if quotes != "time-out":
        said = f"Email address {ANN} is wrong"
        parsed = {"Error": {"Code": quotes, "Message": said}, "message": said}

        def refused(**_: Any) -> Any:
            answer = AWSResponse("", 400, HTTPHeaders(), BytesIO())
            return answer, parsed | {"ResponseMetadata": {}}

        account_list._ses.meta.events.register("before-call.sesv2", refused)
    real, traced = BaseClient._make_api_call, []  # type: ignore[attr-defined]

    def traces(client: BaseClient, name: str, params: Any) -> Any:
        """X-Ray writes down each ClientError, with all that it holds."""
        try:
            return real(client, name, params)
        except ClientError as error:
            traced.append(str((str(error), vars(error))))
            raise

    monkeypatch.setattr(BaseClient, "_make_api_call", traces)
    monkeypatch.setattr(api, "account_list", account_list)
    status, answer = call("DELETE", f"/suppressions/{ANN}")
    if quotes == "NotFoundException":
        assert status == 204
    else:
        assert (status, answer["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert suppressions.of(ANN, now())
        with pytest.raises(SesFailed) as failed:
            account_list.lift(ANN)
        traced.append("".join(format_exception(failed.value)) + str(vars(failed.value)))
    assert traced
    assert ANN not in str(traced) + str(answer)
    assert ANN not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/emails", {}, 400, "MALFORMED"),
        ("/emails", {"orderId": ""}, 422, "OUT_OF_BOUNDS"),
        ("/emails", {"orderId": "o", "limit": "0"}, 422, "OUT_OF_BOUNDS"),
        ("/emails", {"orderId": "o", "limit": "x"}, 400, "MALFORMED"),
        ("/emails", {"orderId": "o", "cursor": "x"}, 422, "OUT_OF_BOUNDS"),
        ("/suppressions", {"limit": "101"}, 422, "OUT_OF_BOUNDS"),
        ("/suppressions", {"cursor": "#"}, 422, "OUT_OF_BOUNDS"),
    ],
)
def test_what_cannot_be_asked(
    call: Call, path: str, query: dict[str, str], status: int, code: str
) -> None:
    answered, content = call("GET", path, query)
    assert (answered, content["error"]["code"]) == (status, code)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(cursor=st.from_regex(r"\A[0-9TZ:.-]{1,40}#[!-~]{1,600}\Z"))
def test_any_cursor_of_that_form_is_answered(call: Call, cursor: str) -> None:
    for path, query in (("/emails", {"orderId": "o"}), ("/suppressions", {})):
        assert call("GET", path, query | {"cursor": cursor})[0] == 200
