"""Events on their way: signed as Stripe signs them, and sent until they are taken."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import httpx

from local.stripe.ledger import Ledger
from local.stripe.records import Endpoint, Event

_LOG = logging.getLogger(__name__)
_AT_ONCE = 8
"""Deliveries under way at the same time."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """When a delivery that was not taken is tried again; all in seconds.

    Attributes:
        first: wait after the first try.
        factor: by how much each wait is longer than the one before.
        longest: no wait is longer.
        give_up_after: age of the event from which on it is sent no more; Stripe's three days.
        timeout: how long an endpoint may take to answer.
    """

    first: float = 1
    factor: float = 2
    longest: float = 60 * 60
    give_up_after: int = 3 * 24 * 60 * 60
    timeout: float = 10

    def wait(self, tries: int) -> float:
        """Seconds to wait after so many tries (1 or more)."""
        # The exponent is bounded so that an endpoint down for days cannot overflow a float.
        return min(self.first * self.factor ** min(tries - 1, 64), self.longest)


STRIPES_BACKOFF = Backoff()


def sign(payload: str, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header of a payload: `t=…,v1=…`.

    Source: https://docs.stripe.com/webhooks/signature
    """
    mac = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


class Courier:
    """Sends every event to each endpoint that wants it until it answers 2xx.

    Deliveries go side by side and may arrive in any order and, if an answer is lost, more than
    once: Stripe promises no better. What is still to be sent is in the books, so a restart loses
    nothing.

    Args:
        ledger: where the events and the endpoints are.
        save: called after a delivery, to keep what the ledger now says.
        backoff: when to try again.
    """

    def __init__(self, ledger: Ledger, save: Callable[[], None], backoff: Backoff) -> None:
        self._ledger = ledger
        self._save = save
        self._backoff = backoff
        self._client = httpx.AsyncClient(timeout=backoff.timeout, trust_env=False)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}

    def send(self, event_ids: Iterable[str]) -> None:
        """Start the deliveries of these events that are due and not under way."""
        for event_id in event_ids:
            event = self._ledger.books.events.get(event_id)
            for url in event.pending if event else ():
                way = (event_id, url)
                if way not in self._under_way:
                    task = asyncio.create_task(self._deliver(event_id, url))
                    self._under_way[way] = task
                    task.add_done_callback(partial(self._ended, way))

    def _ended(self, way: tuple[str, str], task: asyncio.Task[None]) -> None:
        del self._under_way[way]
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("delivery of %s to %s broke off", *way, exc_info=error)

    def forget(self) -> None:
        """End all deliveries, but stay ready for new ones."""
        for task in self._under_way.values():
            task.cancel()

    async def stop(self) -> None:
        """End all deliveries; those not taken stay in the books."""
        self.forget()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._client.aclose()

    async def _deliver(self, event_id: str, url: str) -> None:
        tries = 0
        while True:
            event = self._ledger.books.events.get(event_id)
            endpoint = self._ledger.books.endpoints.get(url)
            if event is None or endpoint is None or url not in event.pending:
                return
            if self._ledger.clock() - event.created >= self._backoff.give_up_after:
                _LOG.error("%s was never taken by %s and is given up", event_id, url)
                return
            async with self._turn:
                refusal = await self._refusal(event, endpoint)
            if refusal is None:
                self._ledger.delivered(event_id, url)
                self._save()
                return
            tries += 1
            wait = self._backoff.wait(tries)
            _LOG.warning(
                "%s (%s) not taken by %s: %s; next try in %g s",
                event_id,
                event.type,
                url,
                refusal,
                wait,
            )
            await asyncio.sleep(wait)

    async def _refusal(self, event: Event, endpoint: Endpoint) -> str | None:
        """Send an event once; what went wrong, or None if it was taken.

        Each try is signed anew, with the time it is made at, and carries the same event id.
        """
        payload = json.dumps(self._ledger.render.event(event), indent=2)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(payload, endpoint.secret, self._ledger.clock()),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await self._client.post(endpoint.url, content=payload, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__} {error}".strip()
        return None if answer.is_success else f"HTTP {answer.status_code}"
