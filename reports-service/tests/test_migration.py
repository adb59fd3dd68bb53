"""The migrations: once, by two at a time, and half-way."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from reports import inbox, migration
from reports.messages import Line
from reports.migration import MIGRATIONS, let_read, migrate
from reports.sale import Sale
from reports.tables import save

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


def sale(
    order_id: str,
    lines: tuple[Line, ...],
    gross: int,
    confirmed_at: datetime | None = None,
    cancelled_at: datetime | None = None,
) -> Sale:
    """A sale in its second version, whose tax is 225 where it is to be paid at all."""
    return Sale(
        order_id=order_id,
        customer_id="ada",
        status="PLACED",
        reason=None,
        currency="EUR",
        shipping=0,
        net=max(gross - 225, 0),
        tax=min(gross, 225),
        gross=gross,
        tax_rate=Decimal("0.15"),
        placed_at=datetime(2026, 1, 1, tzinfo=UTC),
        confirmed_at=confirmed_at,
        dispatched_at=None,
        delivered_at=None,
        cancelled_at=cancelled_at,
        refund_amount=None,
        refund_status=None,
        carrier=None,
        version=2,
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        lines=lines,
    )


def applied(server: Any) -> list[str]:
    rows = server.rows("select name from schema_migrations order by applied_at, name")
    return [row["name"] for row in rows]


def tables(server: Any) -> list[str]:
    rows = server.rows("select tablename from pg_tables where schemaname = 'public' order by 1")
    return [row["tablename"] for row in rows]


def first_of_them(count: int, connection: psycopg.Connection, folder: Path) -> list[str]:
    """Apply so many of the migrations. Returns the names of them all."""
    names = sorted(file.name for file in MIGRATIONS.iterdir() if file.name.endswith(".sql"))
    for name in names[:count]:
        (folder / name).write_bytes((MIGRATIONS / name).read_bytes())
    migrate(connection, folder)
    return names


def test_the_schema_is_made_once(server: Any, connection: psycopg.Connection) -> None:
    migrate(connection)
    made = server.rows("select name, applied_at from schema_migrations")
    migrate(connection)
    assert server.rows("select name, applied_at from schema_migrations") == made
    assert tables(server) == ["order_lines", "orders", "refunds", "reports", "schema_migrations"]


def test_the_database_of_an_older_version_is_brought_up_with_what_it_holds(
    server: Any, connection: psycopg.Connection, tmp_path: Path
) -> None:
    names = first_of_them(3, connection, tmp_path)
    connection.execute(
        """
        insert into orders values
            ('o-1', 'ada', 'PLACED', null, 'EUR', 0, 1, 0, 1, 0.15,
             '2026-01-01', null, null, null, null, 1, '2026-01-01', null, null),
            ('o-2', 'ada', 'CANCELLED', 'CUSTOMER', 'EUR', 0, 1, 0, 1, 0.15,
             '2026-01-01', '2026-01-01', null, null, '2026-01-02', 1, '2026-01-03', 1, 'REFUNDED'),
            ('o-3', 'ada', 'DELIVERED', null, 'EUR', 0, 1, 0, 1, 0.15,
             '2026-01-01', '2026-01-01', null, null, null, 1, '2026-01-03', 1, 'REFUNDED');
        insert into order_lines values ('o-1', 1, 'toy-1', 'Kite', 1, 1);
        """
    )
    migrate(connection)
    assert applied(server) == names
    orders = server.rows("select order_id, carrier, shape from orders order by order_id")
    unknown = {"carrier": None, "shape": 0}
    assert orders == [{"order_id": f"o-{n}"} | unknown for n in (1, 2, 3)]
    lines = server.rows("select category, fulfilment from order_lines")
    assert lines == [{"category": None, "fulfilment": "parcel"}]
    query = "select order_id, refund_id, amount, requested_at::date::text as at from refunds"
    assert server.rows(f"{query} order by order_id") == [
        {"order_id": "o-2", "refund_id": "", "amount": 1, "at": "2026-01-02"},
        {"order_id": "o-3", "refund_id": "", "amount": 1, "at": "2026-01-03"},
    ]


def test_lines_that_are_there_are_counted_by_what_they_would_be_written_with(
    server: Any, connection: psycopg.Connection, tmp_path: Path
) -> None:
    first_of_them(4, connection, tmp_path)
    kite, ball = (
        Line(toy_id=toy, name=toy, price=price, quantity=2, category=category)
        for toy, price, category in (("kite", 333, "Outdoor"), ("ball", 100, None))
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    told = [
        sale("paid", (kite, ball, kite, ball), 1732, at),
        sale("cancelled", (ball, kite), 900, at, at),
        sale("placed", (kite,), 700),
        sale("for nothing", (kite.model_copy(update={"price": 0}),), 0, at),
    ]
    with connection.cursor() as cursor:
        for one in told:
            row = [one.order_id, one.tax, one.gross, at, one.confirmed_at, one.cancelled_at]
            cursor.execute(
                """
                insert into orders (
                    customer_id, status, currency, shipping, net, tax_rate, version, updated_at,
                    order_id, tax, gross, placed_at, confirmed_at, cancelled_at
                ) values ('ada', 'PLACED', 'EUR', 0, 0, 0.15, 1, now(), %s, %s, %s, %s, %s, %s)
                """,
                row,
            )
            cursor.executemany(
                "insert into order_lines values (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    [one.order_id, n, *line.model_dump().values()]
                    for n, line in enumerate(one.lines, start=1)
                ],
            )
    migrate(connection)
    query = "select * from order_lines order by order_id, line"
    migrated = server.rows(query)
    assert [row["tax"] for row in migrated if row["order_id"] == "paid"] == [86, 25, 86, 25]
    save(connection, told)
    assert server.rows(query) == migrated


def test_what_is_written_meanwhile_is_not_lost(
    server: Any, connection: psycopg.Connection, tmp_path: Path
) -> None:
    """By a function that is still of the version before."""
    first_of_them(4, connection, tmp_path)
    with inbox.database.open() as other:
        with other.transaction():
            other.execute(
                """
                insert into orders values
                    ('o-1', 'ada', 'PLACED', null, 'EUR', 0, 1, 0, 1, 0.15,
                     '2026-01-01', null, null, null, null, 1, '2026-01-01', null, null)
                """
            )
            thread = threading.Thread(target=migrate, args=[connection])
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
            other.execute("insert into order_lines values ('o-1', 1, 'toy-1', 'Kite', 1, 1)")
        thread.join(timeout=30)
    assert [row["toy_id"] for row in server.rows("select * from order_lines")] == ["toy-1"]


def test_the_reader_is_let_read_once_and_no_more_than_that(
    server: Any, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(connection)
    told: list[str] = []
    monkeypatch.setattr(migration.logger, "info", lambda text, **_: told.append(text))
    for _ in range(2):
        let_read(connection, "reports_reader")
    assert told == ["may read now"]
    with server.connect("reports", "reports_reader") as reader:
        for table in migration.READ:
            assert reader.execute(f"select * from {table}".encode()).fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"delete from {table}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create table mine (n integer)")


def test_a_reader_that_is_not_there_yet_is_let_read_later(
    server: Any, connection: psycopg.Connection
) -> None:
    migrate(connection)
    let_read(connection, "nobody's own")
    with server.connect() as superuser:
        superuser.execute('create role "nobody\'s own" login')
    try:
        let_read(connection, "nobody's own")
        with server.connect("reports", "nobody's own") as reader:
            assert reader.execute("select * from orders").fetchall() == []
    finally:
        with server.connect("reports") as superuser:
            superuser.execute('drop owned by "nobody\'s own"')
            superuser.execute('drop role "nobody\'s own"')


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
