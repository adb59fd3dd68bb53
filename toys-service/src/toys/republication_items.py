"""Republications in the table, and all of its toys, page by page.

| pk                          | item                                                  |
|-----------------------------|-------------------------------------------------------|
| `REPUBLICATION#<requestId>` | `Republication`; gone some time after its `expiresAt` |
"""

from typing import Any

from boto3.dynamodb.conditions import Attr

from toys.republication import Progress, Republication
from toys.store import Change, Conflict, Item, Store, plain, traced
from toys.toy import Toy

KIND = "REPUBLICATION#"
"""What the key of a republication begins with."""


class RepublicationItems(Store):
    """Loads and saves republications, and reads what they tell."""

    def begin(self, asked: Republication) -> None:
        """Save a new republication. Raises Conflict when there is one for that request."""
        if self._transact([self._new(traced({"pk": _key(asked), **plain(asked)}))]):
            raise Conflict(f"republication {asked.request_id} was begun before")

    def save(self, moved: Republication, after: Republication) -> None:
        """Save how far one is now. Raises Conflict when it is no longer where it was."""
        fields = {"status", "position", "told"}
        item = plain(moved, fields)
        change = Change(to=item, by={"version": 1}, without=sorted(fields - item.keys()))
        if (
            self._write(self._update(_key(moved), change, "version = :after", after=after.version))
            is None
        ):
            raise Conflict(f"republication {moved.request_id} is not where it was")

    def toys_after(self, position: str | None, looks: int) -> tuple[list[Toy], str | None]:
        """Toys, deleted ones too, as they are now: those among the next so many items of the table.

        Args:
            position: the key after which to start; None: at the first item.

        Returns them in no special order, maybe none, and where the next page starts; None: there
        is no other.
        """
        start: dict[str, Any] = {"ExclusiveStartKey": {"pk": position}} if position else {}
        answer = self._table.scan(
            ConsistentRead=True,
            FilterExpression=Attr("pk").begins_with("TOY#"),
            Limit=looks,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        toys = [Toy.model_validate(item) for item in answer["Items"]]
        return toys, str(last["pk"]) if last else None


def running(item: Item | None) -> Republication | None:
    """The republication of an item, where it is one that has toys left to tell."""
    if not item or not str(item.get("pk", "")).startswith(KIND):
        return None
    found = Republication.model_validate(item)
    return found if found.status is Progress.RUNNING else None


def _key(republication: Republication) -> str:
    return f"{KIND}{republication.request_id}"
