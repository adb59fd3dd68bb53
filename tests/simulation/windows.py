"""What must hold of what shoppers and managers see, when everything has come to rest.

The lists of toys and the counts of categories follow from the catalogue, which is as its owner has
it (see `books`). A rebuild came to its end. The report is what the orders came to.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from psycopg import Connection

from tests.simulation.aws import Aws
from tests.simulation.people import Operator
from tests.simulation.violation import Violation

Item = Mapping[str, Any]
Entries = Mapping[Any, Item]

_CATALOGUE, _COPIES = "tbs-app-public-api-local-Catalogue", "tbs-app-public-api-local-Table"
_OWNERS = ("tbs-app-toys-local-Table", "tbs-app-orders-local-Table")

IN_ORDER = 3
"""How often a toy stands in each of its lists: by name, by price and by age."""


class Windows:
    """Looks through what is shown.

    Args:
        orders: as the orders service tells them, by id.
        entries: the entries that a toy of the catalogue is to have, by partition and place.
        counted: what the reports' own API says, when everything is over.
    """

    def __init__(
        self,
        aws: Aws,
        database: Connection,
        operator: Operator,
        orders: Mapping[str, Item],
        entries: Callable[[Item], Entries],
        counted: Item,
    ) -> None:
        self._aws = aws
        self._database = database
        self._operator = operator
        self._orders = orders
        self._entries = entries
        self._counted = counted
        items = aws.tables[_CATALOGUE].items.values()
        toys = [item for item in items if str(item["pk"]).startswith("TOY#")]
        self._toys = {str(toy["toyId"]): toy for toy in toys if "deletedAt" not in toy}
        self._counts = {i["sk"]: int(i["count"]) for i in items if i["pk"] == "CATEGORIES"}
        self._there = {
            (item["pk"], item["sk"]): item for item in items if str(item["pk"]).startswith("LIST#")
        }

    def violations(self) -> Iterator[Violation]:
        """Everything that is wrong."""
        yield from self._lists()
        yield from self._places()
        yield from self._categories()
        yield from self._rebuilds()
        yield from self._report()

    def _lists(self) -> Iterator[Violation]:
        wanted: dict[Any, Item] = {}
        for toy in self._toys.values():
            wanted |= self._entries(toy)
        rule = "the lists are those of the toys"
        for pk, sk in wanted.keys() - self._there.keys():
            yield Violation(rule, sk, f"is not in {pk}")
        for pk, sk in self._there.keys() - wanted.keys():
            yield Violation(rule, sk, f"is in {pk} still")
        for key in wanted.keys() & self._there.keys():
            if wanted[key] != self._there[key]:
                yield Violation(rule, key[1], f"is {self._there[key]}, not {wanted[key]}")

    def _places(self) -> Iterator[Violation]:
        """Whatever public-api's rule is: a toy is in those of all and of its category, thrice."""
        found = Counter((pk, sk.rpartition("\x1f")[2]) for pk, sk in self._there)
        for toy_id, toy in self._toys.items():
            for name in ("LIST#ALL", f"LIST#CATEGORY#{toy['category']}"):
                if found[name, toy_id] != IN_ORDER:
                    told = f"stands {found[name, toy_id]} times in {name}"
                    yield Violation("the lists are those of the toys", toy_id, told)

    def _categories(self) -> Iterator[Violation]:
        wanted = Counter(toy["category"] for toy in self._toys.values())
        for category in sorted(wanted.keys() | self._counts.keys()):
            if (found := self._counts.get(category, 0)) != wanted[category]:
                told = f"counts {found} toys, and has {wanted[category]}"
                yield Violation("categories count their toys", category, told)

    def _rebuilds(self) -> Iterator[Violation]:
        for request_id in sorted(self._operator.asked):
            for owner in _OWNERS:
                item = self._aws.tables[owner].items.get((f"REPUBLICATION#{request_id}",), {})
                if item.get("status") != "DONE":
                    told = f"is {item.get('status')} in {owner}"
                    yield Violation("a rebuild comes to its end", request_id, told)

    def _report(self) -> Iterator[Violation]:
        """The newest report is told, and says what the orders came to."""
        newest = self._database.execute(
            "select number, body from reports order by number desc limit 1"
        ).fetchone()
        shown = self._aws.tables[_COPIES].items.get(("REPORT", "SALES"), {})
        rule = "the report is true"
        if newest is None or shown.get("version") != newest[0]:
            yield Violation(rule, "the report", f"{shown.get('version')} is shown of {newest}")
            return
        paid = [o for o in self._orders.values() if "CONFIRMED" in _entered(o)]
        wanted = {
            "orders": len(paid),
            "units": sum(int(line["quantity"]) for order in paid for line in order["lines"]),
            "gross": sum(int(order["gross"]) for order in paid),
            "refunded": sum(int(o["refund"]["amount"]) for o in paid if o["refund"]),
        }
        total = self._counted.get("total", {})
        if (said := {name: total.get(name) for name in wanted}) != wanted:
            yield Violation(rule, "the reports' API", f"says {said}, not {wanted}")
        for body in (newest[1], shown["report"]):
            told = {name: sum(int(month[name]) for month in body["months"]) for name in wanted}
            if told != wanted:
                yield Violation(rule, "the report", f"says {told}, not {wanted}")


def _entered(order: Item) -> set[str]:
    return {entry["status"] for entry in order["history"]}
