"""The custom resource, asked as CloudFormation asks and answering it over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import psycopg
import pytest
from botocore.stub import ANY, Stubber
from reports import inbox, users
from reports.migration import let_read, migrate

PROPERTIES = {
    "ClusterArn": "arn:aws:rds:eu-west-1:123456789012:cluster:reports",
    "SecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:owner",
    "Database": "reports",
    "User": "reports_writer",
    "Reader": "reports_reader",
}
RIGHTS = {
    "reports_reader": [
        'revoke temporary on database "reports" from public',
        'grant usage on schema public to "reports_reader"',
        'alter role "reports_reader" set default_transaction_read_only = on',
    ],
    "reports_writer": ['grant usage, create on schema public to "reports_writer"'],
}
"""The reader comes first: the writer lets it see the tables that it makes."""


def statements(known: bool) -> list[tuple[str, str | None]]:
    """All that is run, each with the user that it looks for where it does."""
    return [
        step
        for user, rights in RIGHTS.items()
        for step in (
            (LOOKUP, user),
            *([] if known else [(f'create role "{user}" login', None)]),
            (f'grant rds_iam to "{user}"', None),
            (f'grant connect on database "reports" to "{user}"', None),
            *((right, None) for right in rights),
        )
    ]


LOOKUP = "select 1 from pg_roles where rolname = :user"


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


def expect(database: Stubber, sql: str, user: str | None, known: bool) -> None:
    parameters = [{"name": "user", "value": {"stringValue": user}}] if user else []
    records: list[Any] = [[{"longValue": 1}]] if user and known else []
    database.add_response(
        "execute_statement",
        {"records": records},
        {
            "resourceArn": PROPERTIES["ClusterArn"],
            "secretArn": PROPERTIES["SecretArn"],
            "database": PROPERTIES["Database"],
            "sql": sql,
            "parameters": parameters,
        },
    )


def test_makes_the_users_and_answers(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    for step in statements(known=False):
        expect(database, *step, known=False)
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
    for step in statements(known=True):
        expect(database, *step, known=True)
    users.handler(request(kind, url), context)
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_waits_while_the_database_wakes(
    database: Stubber, cloudformation: tuple[str, list[dict[str, Any]]], context: Any
) -> None:
    url, answers = cloudformation
    for error in ("DatabaseResumingException", "DatabaseUnavailableException"):
        database.add_client_error("execute_statement", error)
    for step in statements(known=True):
        expect(database, *step, known=True)
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


@pytest.mark.parametrize("failing", range(len(statements(known=False))))
def test_a_failure_at_any_step_is_answered_with_its_reason(
    database: Stubber,
    cloudformation: tuple[str, list[dict[str, Any]]],
    context: Any,
    failing: int,
) -> None:
    url, answers = cloudformation
    for step in statements(known=False)[:failing]:
        expect(database, *step, known=False)
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


def test_the_rights_are_enough_and_no_more_and_may_be_given_twice(
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
        for user in RIGHTS:
            owner.execute(f"drop owned by {user}".encode())
            owner.execute(f"drop role {user}".encode())
        owner.execute("revoke connect on database reports from public")
        owner.execute("grant temporary on database reports to public")
    asked = request("Create", "nowhere")
    monkeypatch.setattr(users, "answer", lambda _, status, reason: told.append((status, reason)))
    told: list[tuple[str, str]] = []
    for _ in range(2):
        users.handler(asked, context)
    assert told == [("SUCCESS", "Done")] * 2
    with inbox.database.open() as connection:
        migrate(connection)
        let_read(connection, "reports_reader")
    members = server.rows(
        "select member::regrole::text from pg_auth_members where roleid = 'rds_iam'::regrole"
        " order by 1"
    )
    assert members == [{"member": "reports_reader"}, {"member": "reports_writer"}]
    with server.connect("reports", "reports_reader") as reader:
        assert reader.execute("select count(*) from orders").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("create temporary table mine (n integer)")
        reader.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("delete from orders")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create temporary table mine (n integer)")


def test_a_name_cannot_break_out_of_its_quotes() -> None:
    assert users.quoted('x" superuser; --') == '"x"" superuser; --"'
