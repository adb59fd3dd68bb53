"""Toys in the table, and the SKUs that they have.

| pk            | item                                                                  |
|---------------|-----------------------------------------------------------------------|
| `TOY#<toyId>` | `Toy`; in the catalogue, with the keys of the search's indexes;       |
|               | `downloadFileId`, the first of its `downloads`                        |
| `SKU#<sku>`   | `toyId`: the toy of the catalogue that has it. No other one can       |
"""

from collections.abc import Iterable
from itertools import batched
from typing import Any

from pydantic.alias_generators import to_camel

from toys.adjustment import FIRST_KEY, Adjustment
from toys.search import index_keys
from toys.stock_items import adjustment_item
from toys.store import KEYS_PER_CALL, Change, Conflict, Item, Part, Store, plain, traced
from toys.toy import Described, Toy

INDEX_KEYS = ("listing", "nameKey", "priceKey", "createdKey")
"""What a toy has while it is in the catalogue, and in the search's indexes for that."""

_LISTED_AT = "attribute_not_exists(deletedAt) AND revision = :revision"


class SkuTaken(Exception):
    """Another toy of the catalogue has that SKU already: `toy_id`."""

    def __init__(self, sku: str, toy_id: str) -> None:
        super().__init__(f"The toy {toy_id} has the SKU {sku} already")
        self.toy_id = toy_id


class ToyItems(Store):
    """Loads and saves toys. An edit says nothing of the stock, which others move meanwhile."""

    def toy(self, toy_id: str) -> Toy | None:
        """The toy as it is now, deleted or not."""
        return read_toy(self._get(f"TOY#{toy_id}"))

    def toys(self, toy_ids: Iterable[str]) -> dict[str, Toy]:
        """The toys that are there, deleted or not, by id, each as it is now.

        Raises Busy where DynamoDB holds some of them back: then all of them may be asked for again.
        """
        found: dict[str, Item] = {}
        for chunk in batched(dict.fromkeys(toy_ids), KEYS_PER_CALL):
            self._read([{"pk": f"TOY#{toy_id}"} for toy_id in chunk], found)
        return {item["toyId"]: Toy.model_validate(item) for item in found.values()}

    def add(self, toy: Toy, first: Adjustment | None = None) -> None:
        """Save a new toy, and the adjustment that its first stock is kept as, in one transaction.

        Raises SkuTaken when another one has its SKU, and Conflict when its id is taken.
        """
        parts = [self._new(_item(toy)), self._take_sku(toy)]
        if first:
            parts.append(self._new(adjustment_item(first, FIRST_KEY)))
        failed = self._transact(parts)
        self._refuse_sku(toy, failed.get(1))
        if failed:
            raise Conflict(f"toy {toy.toy_id} is there already")

    def describe(self, toy: Toy, before: Toy) -> Toy:
        """Save how its owner now describes a toy. Returns it as it is then, with its stock.

        Raises SkuTaken when another one has its SKU, and Conflict when its owner changed it, or
        its pictures changed, since it was read as `before`.
        """
        edit = self._edit(toy, {*Described.model_fields})
        if toy.sku == before.sku:
            return self._saved(edit, toy)
        left = self._delete(
            f"SKU#{before.sku}", "attribute_not_exists(pk) OR toyId = :toy", toy=toy.toy_id
        )
        failed = self._transact([edit, left, self._take_sku(toy)])
        if 0 not in failed:
            self._refuse_sku(toy, failed.get(2))
        if failed:
            raise Conflict(f"toy {toy.toy_id} is not what it was")
        return self.toy(toy.toy_id) or toy

    def arrange(self, toy: Toy) -> Toy:
        """Save which pictures a toy has. Returns it as it is then. Raises Conflict as above."""
        return self._saved(self._arrange(toy), toy)

    def delete(self, toy: Toy) -> None:
        """Take a toy out of the catalogue and its indexes, and free its SKU.

        Raises Conflict when its owner changed it, or its pictures changed, since it was read.
        """
        gone = self._edit(toy, {"deleted_at"}, without=INDEX_KEYS)
        freed = self._delete(
            f"SKU#{toy.sku}", "attribute_not_exists(pk) OR toyId = :toy", toy=toy.toy_id
        )
        if self._transact([gone, freed]):
            raise Conflict(f"toy {toy.toy_id} is not what it was")

    def _arrange(self, toy: Toy) -> Part:
        return self._edit(toy, {"pictures", "waiting", "downloads", "download_file_id"})

    def _edit(self, toy: Toy, fields: set[str], without: Iterable[str] = ()) -> Part:
        """These fields of a toy at its next revision, if it is still at the one before."""
        told = {*fields, "updated_at", "correlation_id", "causation_id"}
        item = plain(toy, told)
        if "name" in fields:
            item |= index_keys(toy)
        named = {to_camel(name) for name in told}
        change = Change(
            to=item, by={"revision": 1, "version": 1}, without=[*without, *(named - item.keys())]
        )
        return self._update(f"TOY#{toy.toy_id}", change, _LISTED_AT, revision=toy.revision - 1)

    def _saved(self, edit: Part, toy: Toy) -> Toy:
        saved = read_toy(self._write(edit))
        if saved is None:
            raise Conflict(f"toy {toy.toy_id} is not what it was")
        return saved

    def _take_sku(self, toy: Toy) -> Part:
        return self._new({"pk": f"SKU#{toy.sku}", "toyId": toy.toy_id})

    def _refuse_sku(self, toy: Toy, taken: Item | None) -> None:
        if taken:
            raise SkuTaken(toy.sku, taken["toyId"])


def read_toy(item: Item | None) -> Toy | None:
    """The toy of an item."""
    return Toy.model_validate(item) if item else None


def _item(toy: Toy) -> dict[str, Any]:
    listed = {} if toy.deleted_at else index_keys(toy)
    return traced({"pk": f"TOY#{toy.toy_id}", **listed, **plain(toy)})
