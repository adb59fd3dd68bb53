"""The real server in a thread, Stripe's own SDK before it, and a receiver of webhooks."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, cast

import httpx
import stripe
import uvicorn

from local.stripe.api import create_app
from local.stripe.records import Endpoint, Json
from local.stripe.webhooks import Backoff

SECRET = "whsec_of_the_tests"
QUICK = Backoff(first=0.01, factor=1.5, longest=0.05, give_up_after=60, timeout=5)
PATIENCE = 10.0
"""Seconds after which a test that waits for something fails."""


@dataclass
class Clock:
    """The server's time: the real one, moved on by `ahead` seconds."""

    ahead: int = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead


class NamingIds:
    """Ids that count up: `pi_1`, `ch_2`, …"""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"


@dataclass(frozen=True)
class Server:
    """A running stand-in, seen from outside."""

    url: str
    clock: Clock
    sdk: stripe.StripeClient
    http: httpx.Client

    def client(self, api_key: str = "sk_test_123", retries: int = 0) -> stripe.StripeClient:
        """Stripe's SDK before this server."""
        return stripe.StripeClient(
            api_key, base_addresses={"api": self.url}, max_network_retries=retries
        )

    def post(self, path: str, form: dict[str, str], key: str | None = None) -> httpx.Response:
        """A request as it is on the wire, to see statuses and headers."""
        headers = {"Authorization": "Bearer sk_test_123"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.http.post(path, data=form, headers=headers)

    def fault(self, mode: str, **more: Any) -> None:
        self.http.post("/test/faults", json={"mode": mode, **more}).raise_for_status()

    def authenticate(self, intent_id: str, outcome: str) -> Json:
        path = f"/test/payment_intents/{intent_id}/authenticate"
        answer = self.http.post(path, json={"outcome": outcome}).raise_for_status()
        return cast(Json, answer.json())

    def state(self) -> Json:
        return cast(Json, self.http.get("/test/state").raise_for_status().json())

    def send_webhooks_to(self, url: str, **more: Any) -> None:
        endpoint = {"url": url, "secret": SECRET, **more}
        self.http.post("/test/webhooks", json={"endpoints": [endpoint]}).raise_for_status()


@contextmanager
def serving(
    state: Path | None = None, endpoints: tuple[Endpoint, ...] = (), backoff: Backoff = QUICK
) -> Iterator[Server]:
    """Run the stand-in on a free port of 127.0.0.1."""
    clock = Clock()
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(
            base_url=url, state=state, endpoints=endpoints, clock=clock, backoff=backoff
        )
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until(lambda: server.started)
        sdk = stripe.StripeClient("sk_test_123", base_addresses={"api": url}, max_network_retries=0)
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as http:
                yield Server(url, clock, sdk, http)
        finally:
            server.should_exit = True
            thread.join()


def until[T](holds: Callable[[], T]) -> T:
    """Wait for something to become true, and give it."""
    deadline = time.monotonic() + PATIENCE
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError("it never came about")
        time.sleep(0.005)
    return value


@dataclass
class Receiver:
    """A shop's webhook endpoint: what it was sent, and what it answers."""

    url: str
    statuses: list[int] = field(default_factory=list)
    """Answers to give first; then 200."""
    received: list[tuple[bytes, str]] = field(default_factory=list)
    """Body and signature of each request."""

    def events(self) -> list[stripe.Event]:
        """All events received, each checked by Stripe's SDK."""
        return [
            stripe.Webhook.construct_event(body, signature, SECRET)
            for body, signature in list(self.received)
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]

    def wait_for(self, number: int) -> list[stripe.Event]:
        until(lambda: len(self.received) >= number)
        return self.events()


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a webhook endpoint on a port of 127.0.0.1; 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            receiver.received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/webhook")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
