"""Measures what a search of the catalogue reads, and whether that grows with the catalogue.

The toys' own code runs on the simulation's DynamoDB, which is in memory and counts what AWS would
bill: half a read unit for each 4 KB of index entries that a query looked at, and a whole one for
each 4 KB of a toy that is fetched, which is read consistently.
"""

import math
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from local.settings import ROOT
from tests.simulation.aws import Aws, installed
from tests.simulation.dynamodb import size
from tools.services import Service

os.environ |= {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
sys.path.insert(0, str(ROOT / "toys-service" / "src"))

from toys.catalogue import Catalogue
from toys.search import Search
from toys.table import ToysTable
from toys.toy import Toy, ToyDraft

SIZES = (100, 10_000, 100_000)
PAGES = (1, 2, 10)
CATEGORIES = ("Trains", "Building", "Soft toys", "Games", "Puzzles", "Science", "Outdoor", "Art")
WORDS = ("Red", "Small", "Night", "Wooden", "Flying", "Magic", "Garden", "Silver", "Happy", "Deep")
THINGS = ("Train", "Castle", "Bear", "Kite", "Puzzle", "Robot", "Puppet", "Drum", "Boat", "Rocket")
COLOURS = ("red", "blue", "green", "yellow", "natural")

SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "all, by name": {},
    "all, newest": {"sort": "newest"},
    "name prefix": {"name_prefix": "wooden tr"},
    "a category, by name": {"category": "Trains"},
    "a category, by price, 20 to 40 EUR": {
        "category": "Trains",
        "sort": "price",
        "min_price": 2000,
        "max_price": 4000,
    },
    "a brand, newest": {"brand": "Brand 3", "sort": "newest"},
    "a category, for 3 to 5 years": {"category": "Games", "min_age": 36, "max_age": 60},
    "a category, in red": {"category": "Games", "attributes": {"colour": "red"}},
    "a category and a brand": {"category": "Games", "brand": "Brand 3"},
    "all in stock, by price": {"availability": "IN_STOCK", "sort": "price"},
}
"""The ten commonest, as a shop's pages ask."""


@dataclass
class Meter:
    """Counts what is read."""

    aws: Aws
    entry: float = 0
    """The mean size of an index entry, in bytes."""
    items: Counter[str] = field(default_factory=Counter)
    units: float = 0

    def around(
        self, service: str, operation: str, params: dict[str, Any], make: Callable[[], Any]
    ) -> Any:
        """Carry a call out, and count what it read."""
        answer = make()
        match operation:
            case "Query":
                self.items["entries"] += answer["ScannedCount"]
                self.units += max(1, math.ceil(answer["ScannedCount"] * self.entry / 4096)) / 2
            case "BatchGetItem":
                consistent = all(
                    asked.get("ConsistentRead") for asked in params["RequestItems"].values()
                )
                for item in (item for found in answer["Responses"].values() for item in found):
                    self.items["toys"] += 1
                    self.units += math.ceil(size(item) / 4096) / (1 if consistent else 2)
            case "GetItem":
                self.items["toys"] += 1
                self.units += math.ceil(size(answer.get("Item", {})) / 4096)
        return answer

    def read(self, what: Callable[[], Any]) -> tuple[Any, str]:
        """What comes of it, and what it read."""
        self.items.clear()
        self.units = 0
        found = what()
        return found, f"{self.items['entries']} + {self.items['toys']}: {self.units:.1f}"


def toys(count: int) -> list[Toy]:
    """So many toys, the same each time."""
    chance = random.Random(7)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    made = []
    for number in range(count):
        youngest = chance.choice((0, 12, 36, 60, 96))
        said = {
            "sku": f"B-{number}",
            "name": f"{chance.choice(WORDS)} {chance.choice(THINGS)} {number}",
            "description": "Well made, and good to play with for a long time. " * 4,
            "category": chance.choice(CATEGORIES),
            "brand": f"Brand {chance.randrange(40)}",
            "minAge": youngest,
            "maxAge": youngest + 48,
            "price": chance.randrange(500, 10_000),
            "currency": "EUR",
            "tags": ("gift", "indoors"),
            "attributes": {"colour": chance.choice(COLOURS), "pieces": chance.randrange(1, 200)},
            "stock": chance.choice((0, 3, 40, 40, 40)),
        }
        draft = ToyDraft.model_validate(said)
        made.append(Toy.create(f"toy-{number:06}", draft, since + timedelta(seconds=number)))
    return made


def measured(count: int, console: Console) -> dict[str, list[str]]:
    """What each search reads of a catalogue of so many toys, by page; and what one toy takes."""
    service = Service(ROOT / "toys-service")
    aws = Aws(lambda: 0.0)
    aws.add_table("toys", service.resources["Table"]["Properties"])
    meter = Meter(aws)
    with installed(aws, meter.around):
        table, catalogue = ToysTable("toys"), Catalogue("toys")
        for toy in track(toys(count), f"{count:,} toys", console=console):
            table.add(toy)
        kept = aws.tables["toys"]
        (index,) = (index for index in kept.indexes if index.name == "allByName")
        sample = [item for item in list(kept.items.values())[:500] if "nameKey" in item]
        meter.entry = sum(size(index.projected(item)) for item in sample) / len(sample)
        rows: dict[str, list[str]] = {}
        for name, asked in SEARCHES.items():
            position, rows[name] = None, []
            for page in range(1, max(PAGES) + 1):
                (found, position), told = meter.read(
                    lambda asked=asked, at=position: catalogue.page(Search(**asked), 25, at)  # type: ignore[misc]
                )
                if page in PAGES:
                    rows[name].append(f"{told} ({len(found)})")
                if position is None:
                    break
        _, told = meter.read(lambda: table.toy("toy-000001"))
        rows["one toy"] = [told]
    return rows


def searches(sizes: Sequence[int], console: Console) -> None:
    """Fill catalogues of several sizes, search them, and show what that read."""
    found = {count: measured(count, console) for count in sizes}
    table = Table("index entries + toys read: read units (toys given)", "page", box=None)
    for count in sizes:
        table.add_column(f"{count:,} toys", no_wrap=True)
    for name in (*SEARCHES, "one toy"):
        for place, page in enumerate(PAGES):
            told = [rows[name][place : place + 1] for rows in found.values()]
            cells = [cell for cells in told for cell in cells or [""]]
            if any(cells):
                table.add_row(name if not place else "", str(page), *cells)
    console.print(table)
