"""Stripe's stand-in within the process: the same rules and the same API, without a network."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import stripe
from starlette.applications import Starlette

from local.stripe.api import OPERATIONS, Api
from local.stripe.errors import StripeError
from local.stripe.faults import Fault, Mode
from local.stripe.ledger import Ledger, Origin
from local.stripe.params import CreateRefund
from local.stripe.records import Books, Event
from local.stripe.render import Renderer
from local.stripe.store import Store
from local.stripe.webhooks import STRIPES_BACKOFF, Courier, sign

HOST = "stripe.example"
API_KEY = "sk_test_simulation"
WEBHOOK_SECRET = "whsec_simulation"


class StripeAtHand:
    """The stand-in, one request at a time.

    Args:
        clock: the time now, in Unix seconds.
        told: given each event that happens at Stripe, as it happens.
    """

    def __init__(self, clock: Callable[[], int], told: Callable[[Event], None]) -> None:
        self._counted: Counter[str] = Counter()
        self._clock = clock
        self._told = told
        books = Books()
        self.ledger = Ledger(
            books, Renderer(books, f"https://{HOST}"), clock=clock, new_id=self._new_id
        )
        store = Store(None)
        self._api = Api(
            self.ledger, store, Courier(self.ledger, lambda: store.save(books), STRIPES_BACKOFF)
        )
        self._app = Starlette(routes=[self._api.route(operation) for operation in OPERATIONS])

    def reset(self) -> None:
        """Forget everything."""
        self.ledger.reset()
        self._api.commit()
        self._counted.clear()

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str, mode: Mode = "none"
    ) -> tuple[str, int, dict[str, str]]:
        """Answer one request to the API: body, status and headers.

        Args:
            mode: what goes wrong with it, as the stand-in's faults are called.
        """
        self._api.faults.set(Fault(mode=mode))
        parts = urlsplit(url)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method.upper(),
            "scheme": "https",
            "server": (HOST, 443),
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body.encode(), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        before = len(self.ledger.books.events.rows)
        _finish(self._app(scope, receive, send))
        self._tell(before)
        start, *parts_of_body = sent
        text = b"".join(part.get("body", b"") for part in parts_of_body).decode()
        return text, start["status"], {k.decode(): v.decode() for k, v in start["headers"]}

    def authenticate(self, intent_id: str, outcome: Literal["succeed", "fail"]) -> bool:
        """The shopper goes through 3-D Secure. False: the payment asks for that no longer."""
        before = len(self.ledger.books.events.rows)
        try:
            self.ledger.authenticate(intent_id, outcome, Origin())
        except StripeError:
            return False
        self._api.commit()
        self._tell(before)
        return True

    def refund_by_hand(self, order_id: str, amount: int) -> int:
        """Somebody gives back what an order cost, or as much of it as is left. Gives how much."""
        for charge in self.ledger.books.charges:
            given = min(amount, charge.refundable)
            if charge.metadata.get("orderId") == order_id and not charge.failure and given:
                before = len(self.ledger.books.events.rows)
                self.ledger.create_refund(CreateRefund(charge=charge.id, amount=given), Origin())
                self._api.commit()
                self._tell(before)
                return given
        return 0

    def webhook(self, event: Event) -> tuple[str, str]:
        """An event as it is posted: body and Stripe-Signature."""
        body = json.dumps(self.ledger.render.event(event), indent=2)
        return body, sign(body, WEBHOOK_SECRET, self._clock())

    def _tell(self, before: int) -> None:
        events = list(self.ledger.books.events.rows.values())
        for event in events[before:]:
            self._told(event)

    def _new_id(self, prefix: str) -> str:
        self._counted[prefix] += 1
        return f"{prefix}_{self._counted[prefix]:08}"


class Client(stripe.HTTPClient):
    """What Stripe's SDK sends its requests by.

    Args:
        send: carries out a request: method, URL, headers, body -> body, status, headers.
    """

    name = "simulation"

    def __init__(
        self,
        send: Callable[[str, str, Mapping[str, str], str], tuple[str, int, dict[str, str]]],
    ) -> None:
        super().__init__()
        self._send = send

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: Any = None,
    ) -> tuple[str, int, dict[str, str]]:
        """One request. Raises stripe.APIConnectionError when there is no answer."""
        return self._send(method, url, headers or {}, post_data or "")

    def close(self) -> None:
        """There is nothing to close."""


def _finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the stand-in waits for something that does not come")
