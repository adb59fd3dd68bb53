"""Measures the shop on the local cloud: `make bench`.

How long an order takes, one at a time on warm functions; how many invocations, calls and messages
it costs, counted from what the functions report to X-Ray and from what the bus carries; how long a
photo takes; what a search of the catalogue reads; what a browser loads for each page, and how soon
toys are seen; how many orders a second are accepted; how long the reports take to answer and to
write at a million orders; how large each package is, and how long its doors take to import.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.accepting import accepting
from bench.catalogue import SIZES, searches
from bench.pages import pages
from bench.reports import reports
from bench.storefront import shoppers_searches
from bench.uploads import uploads
from local import cloud, sam
from local.bus import BusWatch
from local.errors import LocalError
from local.progress import Progress, fail
from local.services import select
from local.settings import HOST, Settings
from local.shopper import Shopper

UPLOADS = 5

XRAY_PORT = 2000
"""Where the X-Ray SDK sends its segments, as UDP."""

console = Console(highlight=False)


class Traces:
    """Listens where X-Ray's daemon would, and counts what the functions say they did."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.invocations = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((HOST, XRAY_PORT))
        except OSError as error:
            message = f"UDP port {XRAY_PORT}, to which X-Ray's segments go, is taken: {error}"
            raise LocalError(message) from error
        threading.Thread(target=self._listen, daemon=True).start()

    def clear(self) -> None:
        """Count from nothing again."""
        self.calls.clear()
        self.invocations = 0

    def _listen(self) -> None:
        while True:
            _, _, document = self._socket.recvfrom(65_535)[0].partition(b"\n")
            self._count(json.loads(document))

    def _count(self, segment: dict[str, Any]) -> None:
        name = segment.get("name", "")
        if name.startswith("## ") and "handler" in name:
            self.invocations += 1
        if operation := segment.get("aws", {}).get("operation"):
            self.calls[name, operation] += 1
        for part in segment.get("subsegments", []):
            self._count(part)


def orders(settings: Settings, count: int) -> None:
    """Order, wait for the delivery, and order again."""
    shopper = Shopper.sign_up(settings)
    toys = [toy for toy in shopper.toys() if toy["availability"] == "IN_STOCK"][:2]
    lines = [{"toyId": toy["toyId"], "quantity": 1} for toy in toys]
    traces = Traces()
    for _ in range(3):
        shopper.await_end(shopper.order(lines, "pm_card_visa")["orderId"])
    confirmed, delivered, answered = [], [], []
    with BusWatch(settings) as bus:
        bus.read_until_quiet(3)
        traces.clear()
        for _ in track(range(count), "orders", console=console):
            began = time.monotonic()
            order = shopper.order(lines, "pm_card_visa")
            answered.append(time.monotonic() - began)
            # Nobody polls while it is under way: that would be counted.
            time.sleep(3)
            order = shopper.await_end(order["orderId"])
            at = {e["status"]: datetime.fromisoformat(e["at"]) for e in order["history"]}
            confirmed.append((at["CONFIRMED"] - at["SUBMITTED"]).total_seconds())
            delivered.append((at["DELIVERED"] - at["SUBMITTED"]).total_seconds())
        seen = bus.read_until_quiet(3)
    time.sleep(3)
    table = Table("median of", f"{count} orders, warm, one at a time", box=None)
    table.add_row("202 answered", f"{statistics.median(answered):.3f} s")
    table.add_row("submitted to CONFIRMED", f"{statistics.median(confirmed):.3f} s")
    table.add_row("submitted to DELIVERED", f"{statistics.median(delivered):.3f} s")
    console.print(table)
    table = Table("per delivered order", "counted", box=None)
    table.add_row("Lambda invocations", f"{traces.invocations / count:.1f}")
    table.add_row("messages on the bus", f"{len(seen) / count:.1f}")
    readers = sum(len(message.readers) for message in seen)
    table.add_row("messages that rules pass on", f"{readers / count:.1f}")
    for (service, operation), calls in sorted(traces.calls.items()):
        table.add_row(f"{service} {operation}", f"{calls / count:.1f}")
    console.print(table)


IMPORT = """
import importlib, sys, time
sys.path[:0] = [sys.argv[1]]
import boto3  # in the runtime already
began = time.perf_counter()
importlib.import_module(sys.argv[2])
print(time.perf_counter() - began)
"""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE_NAME": "t",
    "CATALOGUE_NAME": "c",
    "EVENT_BUS_NAME": "b",
    "BUCKET_NAME": "b",
    "QUEUE_URL": "q",
    "DEAD_LETTER_QUEUE_URL": "q",
    "ORDER_DEADLINE_MINUTES": "15",
    "STRIPE_API_BASE": "http://s",
    "STRIPE_RETURN_URL": "http://s",
    "STRIPE_SECRET_NAME": "s",
    "SENDER_ADDRESS": "a@example.com",
    "CONFIGURATION_SET": "c",
    "RETENTION_DAYS": "1",
    "CURRENCY": "EUR",
    "TAX_RATE": "0.15",
    "SHIPPING_FEE": "1",
    "FREE_SHIPPING_FROM": "1",
    "DATABASE_HOST": "h",
    "DATABASE_PORT": "1",
    "DATABASE_NAME": "d",
    "DATABASE_USER": "u",
    "DATABASE_READER": "r",
    "DATABASE_AUTHENTICATION": "none",
}


def packages(settings: Settings) -> None:
    """The size of each package as built, and the import time of each of its doors."""
    table = Table("package", "MB", "door", "import, ms (median of 5)", box=None)
    for service in select():
        built = sam.built_template(service, settings, "local").parent
        for folder in (path for path in built.iterdir() if path.is_dir()):
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            (package,) = (p.parent for p in folder.glob("*/__init__.py") if is_ours(p))
            doors = [p.stem for p in package.glob("*.py") if "\ndef handler(" in p.read_text()]
            for door in sorted(doors):
                took = [import_time(folder, f"{package.name}.{door}") for _ in range(5)]
                table.add_row(
                    service.name,
                    f"{size / 1e6:.1f}",
                    door,
                    f"{statistics.median(took) * 1000:.0f}",
                )
    console.print(table)


def is_ours(init: Path) -> bool:
    """Whether a package is the service's own: it has messages."""
    return (init.parent / "messages.py").exists()


def import_time(folder: Path, module: str) -> float:
    """Seconds to import a module in a new interpreter, boto3 being there."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(folder), module],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> int:
    """Bring the cloud up and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=20)
    count = parser.parse_args().orders
    settings = Settings.from_environment()
    try:
        with Progress() as progress:
            cloud.up(settings, select(), progress, None)
        orders(settings, count)
        uploads(settings, UPLOADS, console)
        searches(SIZES, console)
        shoppers_searches(SIZES, console)
        pages(settings, console)
        accepting(settings, console)
        reports(console)
        packages(settings)
    except LocalError as error:
        fail(error.report())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
