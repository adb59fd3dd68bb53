"""How the database is opened."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from reports.database import Authentication, Database


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What psycopg is asked for, in place of opening a connection."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(psycopg, "connect", lambda **given: options.update(given))
    return options


def test_a_signed_token_goes_over_tls_only(asked: dict[str, Any]) -> None:
    Database("db.example.com", 5432, "reports", "reports_writer", Authentication.IAM).open()
    assert asked["sslmode"] == "require"
    token = urlsplit(f"https://{asked['password']}")
    assert (token.hostname, token.port) == ("db.example.com", 5432)
    query = parse_qs(token.query)
    assert (query["Action"], query["DBUser"]) == (["connect"], ["reports_writer"])
    assert query["X-Amz-Expires"] == ["900"]


def test_a_server_without_tls_gets_no_token(server: Any) -> None:
    opened = Database("127.0.0.1", int(server.port), "reports", "postgres", Authentication.IAM)
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        opened.open()


def test_a_database_that_trusts_its_host_gets_no_password(asked: dict[str, Any]) -> None:
    Database("127.0.0.1", 5432, "reports", "tbs", Authentication.NONE).open()
    assert asked["password"] is None


def test_it_is_waited_for_until_it_wakes(asked: dict[str, Any]) -> None:
    Database("127.0.0.1", 5432, "reports", "tbs", Authentication.NONE).open()
    assert asked["connect_timeout"] >= 30


def test_who_only_reads_is_refused_what_writes(server: Any) -> None:
    given = Database("127.0.0.1", int(server.port), "reports", "postgres", Authentication.NONE)
    with (
        replace(given, read_only=True).open() as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("create table mine (n integer)")


def test_a_statement_that_hangs_is_given_up(server: Any) -> None:
    opened = Database("127.0.0.1", int(server.port), "reports", "postgres", Authentication.NONE)
    with opened.open() as connection:
        assert connection.execute("show statement_timeout").fetchone() == ("20s",)
