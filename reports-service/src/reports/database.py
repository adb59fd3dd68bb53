"""How this service's PostgreSQL database is reached, and as whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import boto3
import psycopg

CONNECT_SECONDS = 30
"""How long a connection is waited for: a database that has fallen asleep takes 15 s to wake."""
STATEMENT_SECONDS = 20
"""How long a statement may take, its wait for others included."""
PAGE_COST = 1.1
"""What a page out of turn costs, of one in turn: there are no discs that have to turn to it."""
READING_MEMORY = "64MB"
"""What a step of a question may take before it goes to disk."""


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
    """Where the database is, as whom it is opened, and how patiently."""

    host: str
    port: int
    name: str
    user: str
    authentication: Authentication
    connect_seconds: int = CONNECT_SECONDS
    statement_seconds: int = STATEMENT_SECONDS
    read_only: bool = False
    """Whether a statement that writes is refused, whatever the user's rights are."""

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
        options = f"-c statement_timeout={self.statement_seconds}s -c random_page_cost={PAGE_COST}"
        if self.read_only:
            options += f" -c default_transaction_read_only=on -c work_mem={READING_MEMORY}"
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=self.user,
            password=self._token() if iam else None,
            sslmode="require" if iam else "prefer",
            connect_timeout=self.connect_seconds,
            options=options,
            application_name="reports",
            autocommit=True,
        )

    def _token(self) -> str:
        """A password for some minutes. It is signed here; no service is asked."""
        token: str = boto3.client("rds").generate_db_auth_token(
            DBHostname=self.host, Port=self.port, DBUsername=self.user
        )
        return token
