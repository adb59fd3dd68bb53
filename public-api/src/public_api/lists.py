"""The lists of toys in the catalogue's table: each toy thrice in each of its lists.

| pk            | sk                      | item                                               |
|---------------|-------------------------|----------------------------------------------------|
| `LIST#<name>` | `NAME#<name>…<toyId>`   | `category`, `brand`, `price`, `minAge`, `maxAge`,  |
|               | `PRICE#<price>…<toyId>` | `attributes`; in a word's list also all `words` of |
|               | `NEWEST#<time>…<toyId>` | the toy, each with a blank before and after        |

A list is read in order by its sort key, so the table needs no index. What a toy's item says alone
counts: an entry only leads to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import batched
from operator import and_, or_
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from public_api.catalogue import toy_key, toy_of
from public_api.cursor import BadCursor
from public_api.dynamo import KEYS_AT_ONCE, PROMPTLY, Item, plain, read_all, write_all
from public_api.listing import Route, is_by_word, lists, place, places, route, toy_at
from public_api.search import Search, meanings, toy_words
from public_api.toy import Toy

READ_AT_MOST = 500
"""Entries that one page looks at, whatever they lead to."""

_TOLD = {"category", "brand", "price", "min_age", "max_age", "attributes"}
"""What an entry says of its toy."""


class Lists:
    """Reads and writes the lists. Raises botocore's ClientError when DynamoDB fails."""

    def __init__(self, name: str) -> None:
        self._resource = boto3.resource("dynamodb", config=PROMPTLY)
        self._table = self._resource.Table(name)

    def page(
        self, search: Search, limit: int, position: str | None = None
    ) -> tuple[list[Toy], str | None]:
        """Up to `limit` toys of a search, those after `position`, and where the next page begins.

        There may be fewer than `limit` and yet a next page: a page looks at READ_AT_MOST entries.
        Raises BadCursor for a position that is none of this search, and Unavailable.
        """
        way = route(search)
        if position is not None and not way.holds(position):
            raise BadCursor("of another list")
        found: list[tuple[str, Toy]] = []
        for entries, following in self._entries(way, search, limit + 1, position):
            for chunk in batched(entries, min(limit + 1, KEYS_AT_ONCE)):
                toys = self._toys(chunk)
                found += [
                    (at, toys[at])
                    for at in chunk
                    if at in toys and place(toys[at], search.sort) == at
                    if search.matches(toys[at])
                ]
                if len(found) > limit:
                    return [toy for _, toy in found[:limit]], found[limit - 1][0]
            position = following
        return [toy for _, toy in found], position

    def settle(self, images: Mapping[str, Sequence[Toy | None]], toys: Mapping[str, Toy]) -> None:
        """Make the entries of some toys what they are to be.

        Args:
            images: what each toy was, by id, before and after each of some changes of it in a row.
            toys: what they are now, by id, where they are on sale.

        What a toy has now is put unless it had it in all images, and what it had in one and has
        not now is deleted. Once that was done for every change, and whatever the order and however
        often, the entries are those of the toys as they are. Raises Unavailable.
        """
        for toy_id, seen in images.items():
            wanted = entries(toys.get(toy_id))
            there = [entries(image) for image in seen]
            puts = [
                item for key, item in wanted.items() if any(had.get(key) != item for had in there)
            ]
            deletes = {key for had in there for key in had}.difference(wanted)
            write_all(
                self._resource,
                self._table.name,
                puts,
                [{"pk": pk, "sk": sk} for pk, sk in sorted(deletes)],
            )

    def _entries(
        self, way: Route, search: Search, size: int, start: str | None
    ) -> Iterator[tuple[list[str], str | None]]:
        """Places of a list that may be those of toys asked for, some at a time.

        With each comes where the list goes on after them, if it does.
        """
        filters = list(_filters(search))
        asked: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(f"LIST#{way.name}")
            & Key("sk").between(way.low, way.high),
            "ProjectionExpression": "sk",
            "ScanIndexForward": not way.descends,
        }
        if filters:
            asked["FilterExpression"] = reduce(and_, filters)
        looked = 0
        while looked < READ_AT_MOST:
            if start is not None:
                asked["ExclusiveStartKey"] = {"pk": f"LIST#{way.name}", "sk": start}
            answer = self._table.query(**asked, Limit=min(size, READ_AT_MOST - looked))
            last = answer.get("LastEvaluatedKey")
            start = str(last["sk"]) if last else None
            yield [str(item["sk"]) for item in answer["Items"]], start
            if start is None:
                return
            looked, size = looked + answer["ScannedCount"], size * 2

    def _toys(self, entered: Sequence[str]) -> dict[str, Toy]:
        """The toys that stand at these places, or stood there, by place."""
        keys = {toy_at(at): toy_key(toy_at(at)) for at in entered}
        items = read_all(self._resource, self._table.name, keys.values(), consistent=False)
        toys = {toy.toy_id: toy for toy in filter(None, map(toy_of, items))}
        return {at: toys[toy_at(at)] for at in entered if toy_at(at) in toys}


def entries(toy: Toy | None) -> dict[tuple[str, str], Item]:
    """All entries that a toy is to have, by their keys."""
    if toy is None:
        return {}
    told = plain(toy, _TOLD)
    by_word = {**told, "words": f" {' '.join(sorted(toy_words(toy)))} "}
    found: dict[tuple[str, str], Item] = {}
    for name in lists(toy):
        for at in places(toy):
            pk = f"LIST#{name}"
            found[pk, at] = {"pk": pk, "sk": at, **(by_word if is_by_word(name) else told)}
    return found


def _filters(search: Search) -> Iterator[ConditionBase]:
    """What an entry has to say, of what its key and its list do not."""
    for name, wanted in (("category", search.category), ("brand", search.brand)):
        if wanted is not None:
            yield Attr(name).eq(wanted)
    if search.min_age is not None:
        yield Attr("maxAge").not_exists() | Attr("maxAge").gte(search.min_age)
    if search.max_age is not None:
        yield Attr("minAge").lte(search.max_age)
    if search.min_price is not None:
        yield Attr("price").gte(search.min_price)
    if search.max_price is not None:
        yield Attr("price").lte(search.max_price)
    for word in search.whole:
        yield Attr("words").contains(f" {word} ")
    if search.begun is not None:
        yield Attr("words").contains(f" {search.begun}")
    for name, text in search.attributes.items():
        attribute = Attr(f"attributes.{name}")
        yield reduce(or_, (attribute.eq(value) for value in meanings(text)))
