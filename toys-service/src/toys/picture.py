"""The pictures of a toy: which are shown, in which order. Pure rules, no AWS.

What is shown follows from the files there are and from what the owner said of their order, not from
the order in which anybody heard of them. That ends with the hundredth: of more files than there are
places to show and to wait, those that are left out stay so, whatever is deleted afterwards.
"""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field

from toys.download import Download
from toys.model import Model, Timestamp

MOST_SHOWN = 12
"""Pictures that a toy shows."""

MOST_WAITING = 88
"""Pictures beyond those that wait for a place. The youngest beyond them are left out for good."""

Url = Annotated[str, Field(description="Where a browser finds it")]


class ShownPicture(Model):
    """A picture in three sizes, each at an address that a browser can open."""

    file_id: str
    name: str
    thumbnail: Url
    card: Url
    full: Url


class Picture(ShownPicture):
    """A picture as it is kept. `position` is its owner's; null: by its age."""

    created_at: Timestamp
    position: int | None = None

    @property
    def rank(self) -> tuple[bool, int, Timestamp, str]:
        """Where it stands among others: those placed by the owner first, then the oldest."""
        return self.position is None, self.position or 0, self.created_at, self.file_id

    @property
    def shown(self) -> dict[str, str]:
        """What a shopper sees of it."""
        return self.model_dump(include={*ShownPicture.model_fields}, by_alias=False)


class Waiting(Model):
    """A picture that a toy has no place for yet."""

    file_id: str
    created_at: Timestamp


class FileRecord(Model):
    """What is known of a file of a toy: a picture, or a download. Neither: it is deleted."""

    file_id: str
    toy_id: str
    version: int = Field(description="Of the file, as its messages tell it")
    picture: Picture | None = None
    download: Download | None = None


class Gallery(Model):
    """The pictures of one toy: those shown, and those that wait for a place, both in order."""

    pictures: tuple[Picture, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    def hang(self, picture: Picture) -> Self:
        """The gallery with one more picture, which may take the place of a younger one.

        One of the same file takes its place.
        """
        was = next((one for one in self.pictures if one.file_id == picture.file_id), None)
        placed = picture.model_copy(update={"position": was.position if was else None})
        others = [one for one in self.pictures if one is not was]
        ranked = sorted((*others, placed), key=lambda one: one.rank)
        shown, more = ranked[:MOST_SHOWN], ranked[MOST_SHOWN:]
        known = [one for one in self.waiting if one.file_id != picture.file_id]
        known += [Waiting(file_id=one.file_id, created_at=one.created_at) for one in more]
        return type(self)(pictures=tuple(shown), waiting=_queue(known))

    def take_down(self, file_id: str) -> Self:
        """The gallery without that picture. The place it leaves is free: see `next_up`."""
        return type(self)(
            pictures=tuple(one for one in self.pictures if one.file_id != file_id),
            waiting=tuple(one for one in self.waiting if one.file_id != file_id),
        )

    @property
    def next_up(self) -> str | None:
        """The file id of the picture that is to be hung next, where a place is free for one."""
        if len(self.pictures) < MOST_SHOWN and self.waiting:
            return self.waiting[0].file_id
        return None

    def arrange(self, file_ids: Iterable[str]) -> Self:
        """The same pictures in the order of their owner. Raises ValueError for any other set."""
        order = list(file_ids)
        by_id = {one.file_id: one for one in self.pictures}
        if len(order) != len(by_id) or set(order) != by_id.keys():
            raise ValueError(f"Name each picture once, in any order: {', '.join(by_id) or 'none'}")
        placed = (
            by_id[file_id].model_copy(update={"position": position})
            for position, file_id in enumerate(order)
        )
        return self.model_copy(update={"pictures": tuple(placed)})


def _queue(known: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(known, key=lambda one: (one.created_at, one.file_id))[:MOST_WAITING])
