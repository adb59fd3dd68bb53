"""Takes the steps of the story one by one, and keeps a record of them all."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tools import stand_ins
from tools.shop import DeadLetter, Delivery, Invocation, Shop
from tools.wiring import Json

STEP = timedelta(milliseconds=250)
"""The clock moves on so far between two steps."""


class StoryError(Exception):
    """A step of the story did not go as it is told."""


class Teller:
    """Takes the story's steps, first come first served, and keeps a record of them all."""

    def __init__(self, shop: Shop, stripe: stand_ins.Stripe) -> None:
        self.shop = shop
        self.stripe = stripe
        self.told: list[Invocation] = []

    def call(
        self, service: str, method: str, path: str, wanted: int = 200, **given: Any
    ) -> tuple[Any, dict[str, str]]:
        """Call an operation. Gives the answer's body and headers; raises unless it is `wanted`."""
        label = given.pop("label", f"{method} {path}")
        invocation = self.shop.call(service, method, path, label=label, **given)
        self._tell(invocation)
        answer = invocation.answer
        if answer["statusCode"] != wanted:
            raise StoryError(f"{service}: {label} was answered {answer}, not {wanted}")
        headers = {n.lower(): v[0] for n, v in answer.get("multiValueHeaders", {}).items()}
        body = answer.get("body") or None
        if body and "json" in headers.get("content-type", "json"):
            body = json.loads(body)
        return body, headers

    def settle(self, *, but: Callable[[Delivery], bool] = lambda _: False) -> None:
        """Deliver all that waits, and all that comes of it, until nothing is left `but` that.

        Raises StoryError when a door fails, or gives a message up.
        """
        if letters := self._settle(but):
            raise StoryError(f"There are dead letters: {letters}\n{self.told[-1].log}")

    def give_up(self) -> list[DeadLetter]:
        """Deliver all that waits, as `settle` does, and take out the dead letters that come of it.

        Raises StoryError when a door fails.
        """
        return self._settle(lambda _: False)

    def fail(self) -> None:
        """Deliver what waits first, and have it fail. Raises StoryError when it does not."""
        invocation = self.shop.deliver(self.shop.pending[0])
        if not (invocation.error or invocation.failed):
            raise StoryError(f"{_name(invocation)} did not fail:\n{invocation.log}")
        self.told += [*invocation.inner, invocation]

    def _settle(self, but: Callable[[Delivery], bool]) -> list[DeadLetter]:
        self._hear_from_stripe()
        letters: list[DeadLetter] = []
        while waiting := [delivery for delivery in self.shop.pending if not but(delivery)]:
            invocation = self.shop.deliver(waiting[0])
            self._tell(invocation)
            letters += [letter for found in self.shop.dead_letters().values() for letter in found]
            if invocation.door.service.name == "payments":
                self._hear_from_stripe()
        return letters

    def upload(self, upload: Json, body: bytes, label: str, wanted: int = 204) -> None:
        """Post a form with a file in it to S3. Raises unless the answer is `wanted`."""
        status = self.shop.upload(upload, body, label=label)
        if status != wanted:
            raise StoryError(f"S3: the upload of {label} was answered {status}, not {wanted}")
        self.shop.advance(STEP)

    def sweep(self, service: str, door: str = "sweep") -> None:
        """Let a service do what it does by itself from time to time."""
        self._tell(self.shop.run_schedule(service, door, door))

    def report(self) -> None:
        """Let the sales be reported, as they are each night."""
        self._tell(self.shop.run_schedule("reports", "outbox", "report"))

    def invoke(self, service: str, door: str, event: Json) -> Any:
        """Invoke a door as an operator may, or AWS. Gives its answer."""
        invocation = self.shop.invoke(service, door, event, door)
        self._tell(invocation)
        return invocation.answer

    def say(self, source: str, name: str, data: Mapping[str, Any], version: int = 1) -> None:
        """Put a message on the bus by hand, as an operator may."""
        order_id = data.get("orderId", "by-hand")
        detail = {
            "metadata": {
                "id": f"{order_id}:{version}:{name}",
                "correlationId": order_id,
                "causationId": None,
                "occurredAt": self.shop.now(),
                "version": version,
            },
            "data": data,
        }
        self.shop.put(source, name, detail)

    def _hear_from_stripe(self) -> None:
        """Hand in what Stripe has posted to the shop's webhook."""
        for webhook in self.stripe.webhooks():
            self.shop.post("payments", "/webhooks/stripe", webhook.body, webhook.headers)

    def _tell(self, invocation: Invocation) -> None:
        if invocation.error or invocation.failed:
            told = f"{_name(invocation)} failed:\n{invocation.log}"
            raise StoryError(told) from invocation.error
        self.told += [*invocation.inner, invocation]
        if invocation.door.service.name == "payments":
            self.stripe.post()
        self.shop.advance(STEP)


def _name(invocation: Invocation) -> str:
    return f"{invocation.door.service.name}'s {invocation.door.name}"
