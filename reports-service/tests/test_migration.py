"""The migrations: once, by two at a time, and half-way."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from reports import inbox
from reports.migration import MIGRATIONS, migrate

FIRST = "create table toys (toy_id text primary key);"
SECOND = "alter table toys add column name text; create index toys_name on toys (name);"


@pytest.fixture
def connection(server: Any) -> Iterator[psycopg.Connection]:
    with inbox.database.open() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0002_second.sql").write_text(SECOND)
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "README.md").write_text("Not a migration.")
    return tmp_path


def applied(server: Any) -> list[str]:
    rows = server.rows("select name from schema_migrations order by applied_at, name")
    return [row["name"] for row in rows]


def tables(server: Any) -> list[str]:
    rows = server.rows("select tablename from pg_tables where schemaname = 'public' order by 1")
    return [row["tablename"] for row in rows]


def test_the_schema_is_made_once(server: Any, connection: psycopg.Connection) -> None:
    migrate(connection)
    made = server.rows("select name, applied_at from schema_migrations")
    migrate(connection)
    assert server.rows("select name, applied_at from schema_migrations") == made
    assert tables(server) == ["order_lines", "orders", "reports", "schema_migrations"]


def test_orders_that_are_there_have_no_refund(
    server: Any, connection: psycopg.Connection, tmp_path: Path
) -> None:
    """The database of an older version is brought up with what it holds."""
    old = tmp_path / "0001_orders.sql"
    old.write_bytes((MIGRATIONS / old.name).read_bytes())
    migrate(connection, tmp_path)
    connection.execute(
        """
        insert into orders values ('order-1', 'ada', 'PLACED', null, 'EUR', 0, 1, 0, 1, 0.15,
                                   now(), null, null, null, null, 1, now())
        """
    )
    migrate(connection)
    assert applied(server) == ["0001_orders.sql", "0002_refunds.sql", "0003_reports.sql"]
    query = "select order_id, refund_amount, refund_status from orders"
    none = {"refund_amount": None, "refund_status": None}
    assert server.rows(query) == [{"order_id": "order-1"} | none]


def test_the_owner_of_the_database_reads_the_tables_and_nobody_else_does(
    server: Any, connection: psycopg.Connection
) -> None:
    migrate(connection)
    with server.connect("reports", "reports_owner") as owner:
        assert owner.execute("select * from orders natural join order_lines").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("delete from orders")
    with server.connect("reports") as superuser:
        superuser.execute("set role rds_iam")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            superuser.execute("select * from orders")


def test_migrations_are_applied_by_number(
    server: Any, connection: psycopg.Connection, folder: Path
) -> None:
    migrate(connection, folder)
    assert applied(server) == ["0001_first.sql", "0002_second.sql"]


def test_what_came_since_is_applied_alone(
    server: Any, connection: psycopg.Connection, folder: Path
) -> None:
    migrate(connection, folder)
    (folder / "0003_third.sql").write_text("drop table toys;")
    migrate(connection, folder)
    assert applied(server)[-1] == "0003_third.sql"
    assert tables(server) == ["schema_migrations"]


def test_one_that_fails_leaves_nothing_half_done(
    server: Any, connection: psycopg.Connection, folder: Path
) -> None:
    (folder / "0002_second.sql").write_text("create table half (id text); select 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(connection, folder)
    assert applied(server) == ["0001_first.sql"]
    assert tables(server) == ["schema_migrations", "toys"]
    (folder / "0002_second.sql").write_text(SECOND)
    migrate(connection, folder)
    assert applied(server) == ["0001_first.sql", "0002_second.sql"]


def test_the_first_one_failing_leaves_an_empty_database(
    server: Any, connection: psycopg.Connection, folder: Path
) -> None:
    (folder / "0001_first.sql").write_text("create table half (id text); select 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(connection, folder)
    assert tables(server) == []


def test_two_at_once_do_it_once(server: Any, folder: Path) -> None:
    (folder / "0001_first.sql").write_text(FIRST + "select pg_sleep(0.2);")
    failures: list[Exception] = []
    ready = threading.Barrier(4)

    def start() -> None:
        try:
            with inbox.database.open() as connection:
                ready.wait(timeout=10)
                migrate(connection, folder)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert applied(server) == ["0001_first.sql", "0002_second.sql"]
