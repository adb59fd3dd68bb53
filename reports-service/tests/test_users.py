"""The custom resource, asked as CloudFormation asks and answering it over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from reports import inbox, users
from reports.migration import migrate

PROPERTIES = {
    "ClusterArn": "arn:aws:rds:eu-west-1:123456789012:cluster:reports",
    "SecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:owner",
    "Database": "reports",
    "User": "reports_writer",
}
GRANTS = [
    'grant rds_iam to "reports_writer"',
    'grant connect on database "reports" to "reports_writer"',
    'grant usage, create on schema public to "reports_writer"',
]


class CloudFormation(BaseHTTPRequestHandler):
    """Where CloudFormation waits for its answers."""

    answers: list[dict[str, Any]]

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        self.answers.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address it waits at, and the answers it got."""
    answers: list[dict[str, Any]] = []
    waiting = type("Waiting", (CloudFormation,), {"answers": answers})
    with HTTPServer(("127.0.0.1", 0), waiting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answer?signed", answers
        server.shutdown()
        thread.join()


@pytest.fixture
def database() -> Iterator[Stubber]:
    with Stubber(users.rds_data) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "PAUSE", 0.0)


def request(kind: str, url: str, **properties: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack-1",
        "RequestId": "request-1",
        "LogicalResourceId": "Users",
        "ResourceProperties": PROPERTIES | properties,
    }


def expect(database: Stubber, sql: str, records: list[Any] | None = None) -> None:
    parameters: list[Any] = []
    if "pg_roles" in sql:
        parameters = [{"name": "user", "value": {"stringValue": PROPERTIES["User"]}}]
    database.add_response(
        "execute_statement",
        {"records": records or []},
        {
            "resourceArn": PROPERTIES["ClusterArn"],
            "secretArn": PROPERTIES["SecretArn"],
            "database": PROPERTIES["Database"],
            "sql": sql,
            "parameters": parameters,
        },
    )


LOOKUP = "select 1 from pg_roles where rolname = :user"


def test_makes_the_user_and_answers(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    for sql in [LOOKUP, 'create role "reports_writer" login', *GRANTS]:
        expect(database, sql)
    users.handler(request("Create", url), context)
    (answer,) = answers
    assert answer == {
        "Status": "SUCCESS",
        "Reason": ANY,
        "PhysicalResourceId": "Users",
        "StackId": "stack-1",
        "RequestId": "request-1",
        "LogicalResourceId": "Users",
    }


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_user_that_is_there_is_given_its_rights_again(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any, kind: str
) -> None:
    url, answers = cloudformation
    expect(database, LOOKUP, [[{"longValue": 1}]])
    for sql in GRANTS:
        expect(database, sql)
    users.handler(request(kind, url), context)
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_waits_while_the_database_wakes(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    for error in ("DatabaseResumingException", "DatabaseUnavailableException"):
        database.add_client_error("execute_statement", error)
    expect(database, LOOKUP, [[{"longValue": 1}]])
    for sql in GRANTS:
        expect(database, sql)
    users.handler(request("Create", url), context)
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_answers_in_time_when_the_database_does_not_wake(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    database.add_client_error("execute_statement", "DatabaseResumingException", "still asleep")
    context.remaining_time_in_millis = users.RESERVE - 1
    users.handler(request("Create", url), context)
    (answer,) = answers
    assert answer["Status"] == "FAILED"
    assert "still asleep" in answer["Reason"]


@pytest.mark.parametrize("failing", range(5))
def test_a_failure_at_any_step_is_answered_with_its_reason(
    database: Stubber,
    cloudformation: tuple[str, list[dict[str, Any]]],
    context: Any,
    failing: int,
) -> None:
    url, answers = cloudformation
    for sql in [LOOKUP, 'create role "reports_writer" login', *GRANTS][:failing]:
        expect(database, sql)
    database.add_client_error("execute_statement", "DatabaseErrorException", "no such thing")
    users.handler(request("Create", url), context)
    (answer,) = answers
    assert answer["Status"] == "FAILED"
    assert "no such thing" in answer["Reason"]


def test_a_request_without_its_properties_is_answered(
    cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    users.handler(request("Create", url) | {"ResourceProperties": {}}, context)
    (answer,) = answers
    assert (answer["Status"], "ClusterArn" in answer["Reason"]) == ("FAILED", True)


def test_nothing_is_done_when_the_stack_goes(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    users.handler(request("Delete", url), context)
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_the_rights_are_enough_for_the_inbox_and_may_be_given_twice(
    server: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statements, run by a real PostgreSQL in place of the Data API."""

    def execute(sql: str, parameters: list[Any], **_: str) -> dict[str, Any]:
        values = {each["name"]: each["value"]["stringValue"] for each in parameters}
        query = sql.replace(":user", "%(user)s").encode()
        with server.connect("reports") as connection:
            done = connection.execute(query, values)
            return {"records": done.fetchall() if done.description else []}

    monkeypatch.setattr(users.rds_data, "execute_statement", execute)
    with server.connect("reports") as owner:
        owner.execute("drop owned by reports_writer")
        owner.execute("drop role reports_writer")
        owner.execute("revoke connect on database reports from public")
    for _ in range(2):
        users.grant("cluster", "secret", "reports", "reports_writer", context)
    with inbox.database.open() as connection:
        migrate(connection)
    members = server.rows(
        "select member::regrole::text from pg_auth_members where roleid = 'rds_iam'::regrole"
    )
    assert members == [{"member": "reports_writer"}]


def test_a_name_cannot_break_out_of_its_quotes() -> None:
    assert users.quoted('x" superuser; --') == '"x"" superuser; --"'
