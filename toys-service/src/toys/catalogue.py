"""The catalogue as it is searched: the indexes of this service's DynamoDB table, and its toys.

There are nine indexes, named `allByName`, `categoryByPrice`, `brandByNewest` and so on:

| of       | hash       |   | by     | range                                     |
|----------|------------|---|--------|-------------------------------------------|
| all      | `listing`  |   | Name   | `nameKey`: folded name, END, toy id       |
| category | `category` |   | Price  | `priceKey`: nine digits, END, toy id      |
| brand    | `brand`    |   | Newest | `createdKey`: creation time, END, toy id  |

Only toys in the catalogue have range keys. An entry carries what a search can ask for, save the
stock: so that a unit sold changes no index. No search scans.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from toys.cursor import Position
from toys.search import END, Group, Plan, Search, Sort, number, plan, sorted_name
from toys.store import Store
from toys.toy import Toy

READ_AT_MOST = 500
"""So many entries of an index are looked at for one page, at most."""

HASH = {Group.ALL: "listing", Group.CATEGORY: "category", Group.BRAND: "brand"}
RANGE = {Sort.NAME: "nameKey", Sort.PRICE: "priceKey", Sort.NEWEST: "createdKey"}


class Catalogue(Store):
    """Finds toys, a page at a time. Raises Busy when DynamoDB went on holding toys back."""

    def page(
        self, search: Search, limit: int, position: Position | None
    ) -> tuple[list[Toy], Position | None]:
        """Up to `limit` toys after a position (None: from the start), and where the next are.

        The toys are as they are now, in the order of the index, which is a moment behind. None
        comes back for the position when there are no more. A page may be short, even empty, and
        yet have one: then READ_AT_MOST entries of the index were looked at for it.
        """
        found: dict[str, tuple[str, Toy]] = {}
        enough = limit + 1  # one more tells whether there is another page
        last, factor = None, 1
        for keys, reached in self._stretches(plan(search), enough, position):
            left, last = keys, reached
            while left and len(found) < enough:
                size = (enough - len(found)) * factor
                some, left = left[:size], left[size:]
                # The index tells nothing of the stock: most toys may be seen to find a few.
                factor *= 2 if search.availability else 1
                for key, toy in self._toys(some):
                    if search.matches(toy):
                        found.setdefault(toy.toy_id, (key, toy))
            if len(found) >= enough:
                last = list(found.values())[limit - 1][0]
                break
        toys = [toy for _, toy in found.values()]
        return toys[:limit], (last,) if last else None

    def _stretches(
        self, route: Plan, size: int, position: Position | None
    ) -> Iterator[tuple[list[str], str | None]]:
        """The keys of an index that pass its filter, and after which one there are more.

        First of so many entries, then of twice as many each time, READ_AT_MOST in all.
        """
        looked, start = 0, position[0] if position else None
        while looked < READ_AT_MOST:
            answer = self._table.query(
                **_query(route, start), Limit=min(size, READ_AT_MOST - looked)
            )
            attribute = RANGE[route.sort]
            last = answer.get("LastEvaluatedKey")
            start = str(last[attribute]) if last else None
            yield [str(entry[attribute]) for entry in answer["Items"]], start
            if start is None:
                return
            looked, size = looked + answer["ScannedCount"], size * 2

    def _toys(self, keys: Sequence[str]) -> list[tuple[str, Toy]]:
        """Each key of an index with its toy as it is now, save those whose toy is no more."""
        items = self._get_all(map(_pk, keys))
        return [(key, Toy.model_validate(items[_pk(key)])) for key in keys if _pk(key) in items]


def _query(route: Plan, start: str | None) -> dict[str, Any]:
    """What DynamoDB is asked, save how many: the keys after `start` (None: from the first)."""
    of, by = HASH[route.group], RANGE[route.sort]
    value = route.of or "LISTED"
    key: ConditionBase = Key(of).eq(value)
    if route.prefix is not None:
        key &= Key(by).begins_with(route.prefix)
    elif route.low is not None and route.high is not None:
        key &= Key(by).between(route.low, route.high)  # no key ends where `high` does
    elif route.low is not None:
        key &= Key(by).gte(route.low)
    elif route.high is not None:
        key &= Key(by).lt(route.high)
    filters = list(_filters(route.rest))
    return (
        {
            "IndexName": f"{route.group}By{route.sort.title()}",
            "KeyConditionExpression": key,
            "ProjectionExpression": by,
            "ScanIndexForward": not route.descends,
        }
        | ({"FilterExpression": reduce(and_, filters)} if filters else {})
        | ({"ExclusiveStartKey": {"pk": _pk(start), of: value, by: start}} if start else {})
    )


def _filters(rest: Search) -> Iterator[ConditionBase]:
    """What an entry of an index has to be, of what its keys do not say and it can tell."""
    if rest.brand is not None:
        yield Attr("brand").eq(rest.brand)
    if rest.min_age is not None:
        yield Attr("maxAge").not_exists() | Attr("maxAge").gte(rest.min_age)
    if rest.max_age is not None:
        yield Attr("minAge").lte(rest.max_age)
    if rest.min_price is not None:
        yield Attr("price").gte(rest.min_price)
    if rest.max_price is not None:
        yield Attr("price").lte(rest.max_price)
    if rest.name_prefix is not None:
        yield Attr("nameKey").begins_with(sorted_name(rest.name_prefix))
    for name, text in rest.attributes.items():
        attribute = Attr(f"attributes.{name}")
        meant: list[Any] = [text]
        if text in ("true", "false"):
            meant.append(text == "true")
        if (value := number(text)) is not None:
            meant.append(value)
        yield reduce(or_, (attribute.eq(value) for value in meant))


def _pk(key: str) -> str:
    """The item that an entry of an index is of."""
    return f"TOY#{key.rpartition(END)[2]}"
