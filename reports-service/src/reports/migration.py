"""Brings the database's schema up to what the code needs, by the numbered files in migrations/.

A file is never changed once it has been applied somewhere: what comes after is a new file.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.sql import SQL, Identifier

logger = Logger()

MIGRATIONS = files("reports") / "migrations"
LOCK = 7_301_947_245
"""The advisory lock of who migrates: any number that nobody else takes in this database."""


def migrate(connection: Connection, folder: Traversable = MIGRATIONS) -> None:
    """Apply the migrations that are not yet, in order of their names, each in a transaction.

    One that fails leaves nothing of itself behind, and raises psycopg's Error. Of two functions
    that start together, one waits for the other and finds the work done.
    """
    scripts = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    (table,) = connection.execute("select to_regclass('schema_migrations')").fetchone() or (None,)
    applied = _applied(connection) if table else set()
    for script in sorted(scripts, key=lambda script: script.name):
        if script.name not in applied:
            _apply(connection, script)


READ = ("orders", "order_lines", "refunds")
"""The tables that questions are asked of."""


def let_read(connection: Connection, reader: str) -> None:
    """Let that user read what questions are asked of, where there is such a user.

    Who owns the tables has to do it, and the user may come later than they do.
    """
    given = {"reader": reader, "tables": list(READ)}
    ((lacks,),) = connection.execute(_LACKS, given)
    if lacks:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            tables = SQL(", ").join(map(Identifier, READ))
            connection.execute(SQL("grant select on {} to {}").format(tables, Identifier(reader)))
        logger.info("may read now", database_user=reader)


_LACKS = """
    select exists (
        select
        from pg_roles cross join unnest(%(tables)s::text[]) as name
        where rolname = %(reader)s and not has_table_privilege(pg_roles.oid, name, 'select')
    )
"""


def _apply(connection: Connection, script: Traversable) -> None:
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(
            """
            create table if not exists schema_migrations (
                name text primary key,
                applied_at timestamptz not null default now()
            )
            """
        )
        if script.name in _applied(connection):  # by another function, while this one waited
            return
        # It may have much to write. What it is given is the function's own time.
        connection.execute("set local statement_timeout = 0")
        connection.execute(script.read_bytes())
        connection.execute("insert into schema_migrations (name) values (%s)", [script.name])
    logger.info("migrated", migration=script.name)


def _applied(connection: Connection) -> set[str]:
    """The names of the migrations that the database has."""
    return {name for (name,) in connection.execute("select name from schema_migrations")}
