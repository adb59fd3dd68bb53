"""A real PostgreSQL on this machine, for the reports. Its binaries come in a Python package."""

import hashlib
import os
import pwd
import subprocess
from pathlib import Path

import psycopg

from local import tools
from local.errors import LocalError
from local.processes import Server, log_file
from local.settings import HOST, ROOT, Settings

_VERSION = "pginstall"
"""PostgreSQL 16 in that package, which is what runs on Aurora."""


def server(settings: Settings) -> Server:
    """PostgreSQL, ready to be started: its cluster is made when there is none."""
    user = _user()
    base = folder(settings)
    binaries = _binaries(base)
    data = base / "data"
    if not (data / "PG_VERSION").exists():
        _make_cluster(settings, binaries, data, user)
    return Server(
        name="postgres",
        title="PostgreSQL",
        port=settings.postgres_port,
        port_variable="TBS_POSTGRES_PORT",
        command=[
            str(binaries / "postgres"),
            *("-D", str(data)),
            *("-h", HOST),
            *("-p", str(settings.postgres_port)),
            *("-k", ""),  # no Unix socket: its path may be too long for one
        ],
        answers=lambda: _answers(settings),
        environment=_environment(),
        user=user,
    )


def recreate(settings: Settings) -> None:
    """Give the reports an empty database. A new cloud has sold nothing yet.

    Its two users have the rights that they have on AWS: one owns tables, the other only reads what
    it is let read.
    """
    writer, reader = settings.database_writer, settings.database_reader
    with psycopg.connect(_url(settings, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{settings.database}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{settings.database}"')
        for user in (writer, reader):
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).rowcount
            if not known:
                connection.execute(f'CREATE ROLE "{user}" LOGIN')
        connection.execute(f'ALTER ROLE "{reader}" SET default_transaction_read_only = on')
    with psycopg.connect(_url(settings, settings.database), autocommit=True) as connection:
        connection.execute(f'GRANT CREATE ON SCHEMA public TO "{writer}"')


def _make_cluster(settings: Settings, binaries: Path, data: Path, user: str | None) -> None:
    account = pwd.getpwnam(user) if user else None
    data.mkdir(parents=True, exist_ok=True)
    if account:
        os.chown(data, account.pw_uid, account.pw_gid)
    log = log_file(settings, "initdb")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        made = subprocess.run(
            [
                str(binaries / "initdb"),
                *("-D", str(data)),
                *("-U", settings.database_user),
                *("-E", "UTF8"),
                "--no-locale",
                "--auth=trust",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd=data,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    if made.returncode:
        raise LocalError(f"PostgreSQL's initdb failed in {data}.", log)


def _user() -> str | None:
    """PostgreSQL refuses to run as root: then, the user to run it as."""
    if os.geteuid() != 0:
        return None
    names = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def folder(settings: Settings) -> Path:
    """Where its data is: not in our folder, when the user that it runs as may not enter that."""
    settings.home.mkdir(parents=True, exist_ok=True)
    if _user() is None or (enterable(settings.home) and enterable(ROOT)):
        return settings.home / "postgres"
    digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    return Path("/var/tmp") / f"tbs-{digest}"


def enterable(folder: Path) -> bool:
    """Whether any user may enter a folder: it and all above it say so."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _binaries(base: Path) -> Path:
    shared = _user() is None or enterable(ROOT)
    environment = tools.ENVIRONMENTS / "postgres" if shared else base / "environment"
    tools.install("postgres", environment)
    found = next(environment.glob(f"lib/python*/site-packages/*/{_VERSION}/bin"), None)
    if found is None:
        raise LocalError(f"There is no PostgreSQL in {environment}: delete it and start again.")
    return found


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _url(settings: Settings, database: str) -> str:
    user, port = settings.database_user, settings.postgres_port
    return f"postgresql://{user}@{HOST}:{port}/{database}?connect_timeout=2"


def _answers(settings: Settings) -> bool:
    try:
        psycopg.connect(_url(settings, "postgres")).close()
    except psycopg.OperationalError:
        return False
    return True
