"""Measures what a shopper's search reads, and whether that grows with the catalogue.

The public API's own code runs on the simulation's DynamoDB, as in `bench.catalogue`. Only those
lists are filled that the searches lead to: what a search reads does not depend on the others.
"""

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.catalogue import Meter, toys
from local.settings import ROOT
from tests.simulation.aws import Aws, installed
from tests.simulation.dynamodb import size
from tools.services import Service

sys.path.insert(0, str(ROOT / "public-api" / "src"))

from public_api.catalogue import toy_key
from public_api.dynamo import plain
from public_api.listing import route
from public_api.lists import Lists, entries
from public_api.search import Search
from public_api.toy import Toy

PAGES = (1, 2, 10)

SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "all, by name": {},
    "all, newest": {"sort": "newest"},
    "a category, by name": {"category": "Trains"},
    "a category, by price, 20 to 40 EUR": {
        "category": "Trains",
        "sort": "price",
        "min_price": 2000,
        "max_price": 4000,
    },
    "a brand, the dearest first": {"brand": "Brand 3", "sort": "-price"},
    "a category, for 3 to 5 years": {"category": "Games", "min_age": 36, "max_age": 60},
    "a category, in red": {"category": "Games", "attributes": {"colour": "red"}},
    "a word": {"q": "robot"},
    "a letter": {"q": "w"},
    "a word, and one begun": {"q": "wooden tr"},
    "a word that every toy has, and one that few have": {"q": "good 77"},
    "a word, in a category": {"q": "castle", "category": "Building"},
    "a word that no toy has": {"q": "submarine"},
}
"""As a shop's pages ask."""


def measured(count: int, console: Console) -> tuple[dict[str, list[str]], str]:
    """What each search reads of a catalogue of so many toys, by page; and what a toy writes."""
    service = Service(ROOT / "public-api")
    aws = Aws(lambda: 0.0)
    aws.add_table("catalogue", service.resources["Catalogue"]["Properties"])
    meter = Meter(aws)
    table = aws.tables["catalogue"]
    asked = {name: Search(**given) for name, given in SEARCHES.items()}
    ways = [route(search) for search in asked.values()]
    led_to = {(f"LIST#{way.name}", way.low.partition("#")[0]) for way in ways}
    written: list[int] = []
    sizes: list[int] = []
    for each in track(toys(count), f"{count:,} toys", console=console):
        toy = Toy.model_validate(
            each.shown | each.model_dump(include={"toy_id", "created_at", "updated_at"})
        )
        table.put({"TableName": "catalogue", "Item": toy_key(toy.toy_id) | plain(toy)})
        found = entries(toy)
        if len(written) < 100:
            written.append(len(found))
            sizes += map(size, found.values())
        for (pk, sk), item in found.items():
            if (pk, sk.partition("#")[0]) in led_to:
                table.put({"TableName": "catalogue", "Item": item})
    meter.entry = statistics.mean(sizes)
    rows: dict[str, list[str]] = {}
    with installed(aws, meter.around):
        lists = Lists("catalogue")
        for name, search in asked.items():
            position: str | None = None
            rows[name] = []
            for page in range(1, max(PAGES) + 1):
                began = time.perf_counter()
                (shown, position), told = meter.read(
                    lambda search=search, at=position: lists.page(search, 25, at)  # type: ignore[misc]
                )
                took = (time.perf_counter() - began) * 1000
                if page in PAGES:
                    rows[name].append(f"{told} ({len(shown)}), {took:.0f} ms")
                if position is None:
                    break
    about = f"{statistics.median(written):.0f} entries of {meter.entry:.0f} bytes a toy"
    return rows, about


def shoppers_searches(sizes: Sequence[int], console: Console) -> None:
    """Fill catalogues of several sizes, search them as shoppers do, and show what that read."""
    title = "index entries + toys read: read units (toys given), time of the code alone"
    table = Table(title, "page", box=None)
    found = {}
    for count in sizes:
        found[count], about = measured(count, console)
        table.add_column(f"{count:,} toys\n{about}", no_wrap=True)
    for name in SEARCHES:
        for place, page in enumerate(PAGES):
            told = [rows[name][place : place + 1] for rows in found.values()]
            if any(told):
                cells = ["".join(cell) for cell in told]
                table.add_row(name if not place else "", str(page), *cells)
    console.print(table)
