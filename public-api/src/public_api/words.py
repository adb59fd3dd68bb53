"""Words, as a search compares them: without case and accents. Pure, no AWS."""

import unicodedata
from collections.abc import Iterable

WORD = 60
"""Letters of a word that count. What comes after them makes no other word."""

GRAMS = (1, 2, 3, 4, 6)
"""The lengths of the beginnings of a word by which it can be looked up."""


def fold(text: str) -> str:
    """The text without case, accents, control characters and needless blanks."""
    folded = _plain(_plain(text).casefold())
    spaced = (c for c in folded if c.isspace() or unicodedata.category(c) != "Cc")
    return " ".join("".join(spaced).split())


def words(text: str) -> list[str]:
    """The words of a text, folded, in its order. What is no letter, digit or mark ends a word."""
    letters = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in fold(text))
    return [word[:WORD] for word in "".join(letters).split()]


def grams(word: str) -> list[str]:
    """How the word begins, in each of the lengths that it can be looked up by."""
    return [word[:length] for length in GRAMS if length <= len(word)]


def longest_gram(word: str) -> str:
    """The one that the fewest other words begin with."""
    return grams(word)[-1]


def has_words(wanted: Iterable[str], begun: str | None, there: Iterable[str]) -> bool:
    """Whether all that are `wanted` are `there`, and one that begins with `begun` (None: any)."""
    present = frozenset(there)
    return present.issuperset(wanted) and (
        begun is None or any(word.startswith(begun) for word in present)
    )


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
