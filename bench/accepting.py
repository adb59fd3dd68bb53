"""Measures how many orders a second the public API accepts: POST /orders, by several at once."""

import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence

import httpx
from rich.console import Console
from rich.table import Table

from local.settings import Settings
from local.shopper import ADDRESS, Shopper

CLIENTS = (1, 8, 32)
SECONDS = 10.0
"""How long each number of clients orders."""


def accepting(settings: Settings, console: Console, clients: Sequence[int] = CLIENTS) -> None:
    """Order as fast as it is accepted, by so many clients at once, each with its own account."""
    shoppers = [Shopper.sign_up(settings) for _ in range(max(clients))]
    toys = [toy for toy in shoppers[0].toys() if toy["availability"] == "IN_STOCK"][:1]
    lines = [{"toyId": toy["toyId"], "quantity": 1} for toy in toys]
    table = Table("clients at once", "orders accepted/s", "median", "95th of 100", "", box=None)
    for number in clients:
        measured(settings, shoppers[:number], lines, 2.0)  # as many functions warm as it takes
        took, answers, seconds = measured(settings, shoppers[:number], lines, SECONDS)
        took.sort()
        others = ", ".join(f"{n} times {status}" for status, n in answers.items() if status != 202)
        table.add_row(
            str(number),
            f"{answers[202] / seconds:.1f}",
            f"{statistics.median(took) * 1000:.0f} ms",
            f"{took[int(len(took) * 0.95)] * 1000:.0f} ms",
            others,
        )
    console.print(table)


def measured(
    settings: Settings, shoppers: Sequence[Shopper], lines: list[dict[str, object]], seconds: float
) -> tuple[list[float], Counter[int], float]:
    """Seconds that each answer took, how many there were of each status, and seconds in all."""
    took: list[float] = []
    answers: Counter[int] = Counter()
    began = time.perf_counter()

    def order(shopper: Shopper) -> None:
        body = {"lines": lines, "shippingAddress": ADDRESS, "paymentMethodId": "pm_card_visa"}
        with httpx.Client(timeout=60, trust_env=False) as http:
            while (at := time.perf_counter()) - began < seconds:
                headers = {"Authorization": shopper.token, "Idempotency-Key": uuid.uuid4().hex}
                answer = http.post(f"{settings.url}/api/orders", json=body, headers=headers)
                took.append(time.perf_counter() - at)
                answers[answer.status_code] += 1

    threads = [threading.Thread(target=order, args=[shopper]) for shopper in shoppers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, answers, time.perf_counter() - began
