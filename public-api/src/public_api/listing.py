"""The lists of the catalogue: which ones a toy stands in and where, and which answers a search.

Pure, no AWS.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from public_api.search import Search, Sort, toy_words
from public_api.toy import Toy
from public_api.words import fold, grams, longest_gram

FOLDED_BYTES = 480
"""Of a folded name, so many bytes of UTF-8 are sorted by: a key of a table has an end.

Names that differ only after that are in no special order.
"""

END = "\x1f"
"""Ends what a toy is sorted by, before its id. No folded name has it, or anything below it."""

_NAME, _PRICE, _NEWEST = "NAME", "PRICE", "NEWEST"


@dataclass(frozen=True)
class Route:
    """A list, in one order, and the stretch of it in which all toys of a search stand.

    The stretch is the places from `low` up to `high`, at which nothing ever stands.
    """

    name: str
    low: str
    high: str
    descends: bool

    def holds(self, place: str) -> bool:
        """Whether a place lies in the stretch."""
        return self.low <= place <= self.high


def lists(toy: Toy) -> set[str]:
    """The lists that a toy stands in."""
    by_word = {gram for word in toy_words(toy) for gram in grams(word)}
    return {"ALL", _category(toy.category), _brand(toy.brand), *map(_word, by_word)}


def places(toy: Toy) -> tuple[str, str, str]:
    """Where a toy stands in each of its lists: by its name, its price, and its age."""
    created = toy.model_dump(include={"created_at"})["createdAt"]
    return (
        f"{_NAME}#{_folded(toy.name)}{END}{toy.toy_id}",
        f"{_PRICE}#{_digits(toy.price)}{END}{toy.toy_id}",
        f"{_NEWEST}#{created}{END}{toy.toy_id}",
    )


def place(toy: Toy, sort: Sort) -> str:
    """Where a toy stands in this order."""
    by_name, by_price, by_age = places(toy)
    match sort:
        case Sort.NAME:
            return by_name
        case Sort.NEWEST:
            return by_age
    return by_price


def toy_at(place: str) -> str:
    """The id of the toy that stands at a place."""
    return place.rpartition(END)[2]


def is_by_word(name: str) -> bool:
    """Whether a list is one of toys that have a word."""
    return name.startswith(_word(""))


def route(search: Search) -> Route:
    """How a search is answered: of the lists that could, the one with the fewest other toys."""
    match search.sort:
        case Sort.NAME:
            order = _NAME
        case Sort.NEWEST:
            order = _NEWEST
        case _:
            order = _PRICE
    low, high = f"{order}#", f"{order}$"  # in Unicode, $ follows #
    if order == _PRICE:
        if search.min_price is not None:
            low += _digits(search.min_price)
        if search.max_price is not None:
            high = f"{order}#{_digits(search.max_price + 1)}"
    descends = search.sort in {Sort.NEWEST, Sort.DEAREST}
    return Route(_list(search), low, high, descends)


def _list(search: Search) -> str:
    asked: Iterable[str] = (*search.whole, *filter(None, [search.begun]))
    if longest := max(asked, key=len, default=None):
        return _word(longest_gram(longest))
    if search.category is not None:
        return _category(search.category)
    return "ALL" if search.brand is None else _brand(search.brand)


def _category(name: str) -> str:
    return f"CATEGORY#{name}"


def _brand(name: str) -> str:
    return f"BRAND#{name}"


def _word(gram: str) -> str:
    return f"WORD#{gram}"


def _folded(name: str) -> str:
    return fold(name).encode()[:FOLDED_BYTES].decode(errors="ignore")


def _digits(price: int) -> str:
    return f"{price:09}"
