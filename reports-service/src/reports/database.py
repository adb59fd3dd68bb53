"""This service's PostgreSQL database: orders, and the lines of each. migrations/ has its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

import boto3
import psycopg

from reports.sale import Sale

CONNECT_SECONDS = 30
"""How long a connection is waited for: a database that has fallen asleep takes 15 s to wake."""
STATEMENT_SECONDS = 20
"""How long a statement may take, its wait for others included."""


class Refused(ValueError):
    """The database does not take such data, however often it is offered."""


class Authentication(StrEnum):
    """How the database knows its user."""

    IAM = "iam"
    """By a token that is signed with the function's role and good for 15 minutes, over TLS.

    The server's certificate is not verified: RDS has a root of its own, which does not come with
    this package. The network has to be one in which nobody else can answer for the database.
    """
    NONE = "none"
    """It trusts the hosts that can reach it."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database is, and as whom it is opened."""

    host: str
    port: int
    name: str
    user: str
    authentication: Authentication

    @classmethod
    def described(cls, variables: Mapping[str, str]) -> Self:
        """The one that DATABASE_HOST, _PORT, _NAME, _USER and _AUTHENTICATION lead to."""
        return cls(
            host=variables["DATABASE_HOST"],
            port=int(variables["DATABASE_PORT"]),
            name=variables["DATABASE_NAME"],
            user=variables["DATABASE_USER"],
            authentication=Authentication(variables["DATABASE_AUTHENTICATION"]),
        )

    def open(self) -> psycopg.Connection:
        """A connection in which each statement stands alone, unless in a transaction.

        Raises psycopg's OperationalError when the database does not answer or lets nobody in.
        """
        iam = self.authentication is Authentication.IAM
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=self.user,
            password=self._token() if iam else None,
            sslmode="require" if iam else "prefer",
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_SECONDS}s",
            application_name="reports",
            autocommit=True,
        )

    def _token(self) -> str:
        """A password for some minutes. It is signed here; no service is asked."""
        token: str = boto3.client("rds").generate_db_auth_token(
            DBHostname=self.host, Port=self.port, DBUsername=self.user
        )
        return token


def save(connection: psycopg.Connection, sales: Sequence[Sale]) -> set[str]:
    """Write these sales, one at most of an order, all or none. Their lines are written once.

    What the database holds in the same version or a newer one stays as it is. Returns the ids of
    the orders that changed. Raises Refused when the data of one is not to be had, and psycopg's
    other errors when the database fails.
    """
    try:
        with connection.transaction():
            changed = connection.execute(_UPSERT_ORDERS, _orders(sales)).fetchall()
            connection.execute(_INSERT_LINES, _lines(sales))
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        # The server's detail repeats the row; its primary message only says what is wrong.
        raise Refused(error.diag.message_primary or str(error)) from error
    return {order_id for (order_id,) in changed}


_UPSERT_ORDERS = """
    insert into orders as held (
        order_id, customer_id, status, reason, currency, shipping, net, tax, gross, tax_rate,
        placed_at, confirmed_at, dispatched_at, delivered_at, cancelled_at,
        refund_amount, refund_status, version, updated_at
    )
    select * from unnest(
        %(order_id)s::text[],
        %(customer_id)s::text[],
        %(status)s::text[],
        %(reason)s::text[],
        %(currency)s::text[],
        %(shipping)s::bigint[],
        %(net)s::bigint[],
        %(tax)s::bigint[],
        %(gross)s::bigint[],
        %(tax_rate)s::numeric[],
        %(placed_at)s::timestamptz[],
        %(confirmed_at)s::timestamptz[],
        %(dispatched_at)s::timestamptz[],
        %(delivered_at)s::timestamptz[],
        %(cancelled_at)s::timestamptz[],
        %(refund_amount)s::bigint[],
        %(refund_status)s::text[],
        %(version)s::bigint[],
        %(updated_at)s::timestamptz[]
    )
    on conflict (order_id) do update set
        customer_id = excluded.customer_id,
        status = excluded.status,
        reason = excluded.reason,
        currency = excluded.currency,
        shipping = excluded.shipping,
        net = excluded.net,
        tax = excluded.tax,
        gross = excluded.gross,
        tax_rate = excluded.tax_rate,
        placed_at = excluded.placed_at,
        confirmed_at = excluded.confirmed_at,
        dispatched_at = excluded.dispatched_at,
        delivered_at = excluded.delivered_at,
        cancelled_at = excluded.cancelled_at,
        refund_amount = excluded.refund_amount,
        refund_status = excluded.refund_status,
        version = excluded.version,
        updated_at = excluded.updated_at
    where excluded.version > held.version
    returning order_id
"""

_INSERT_LINES = """
    insert into order_lines (order_id, line, toy_id, name, price, quantity)
    select * from unnest(
        %(order_id)s::text[],
        %(line)s::integer[],
        %(toy_id)s::text[],
        %(name)s::text[],
        %(price)s::bigint[],
        %(quantity)s::bigint[]
    )
    on conflict do nothing
"""


def _orders(sales: Sequence[Sale]) -> dict[str, list[Any]]:
    """A column of `orders` each: it has the name of the sale's field."""
    columns = [field.name for field in fields(Sale) if field.name != "lines"]
    return {column: [getattr(sale, column) for sale in sales] for column in columns}


def _lines(sales: Sequence[Sale]) -> dict[str, list[Any]]:
    """A column of `order_lines` each."""
    rows = [(sale, n, line) for sale in sales for n, line in enumerate(sale.lines, start=1)]
    return {
        "order_id": [sale.order_id for sale, _, _ in rows],
        "line": [n for _, n, _ in rows],
        "toy_id": [line.toy_id for _, _, line in rows],
        "name": [line.name for _, _, line in rows],
        "price": [line.price for _, _, line in rows],
        "quantity": [line.quantity for _, _, line in rows],
    }
