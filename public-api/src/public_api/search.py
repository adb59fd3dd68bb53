"""A search of the catalogue: what it asks for, and which toys it means. Pure, no AWS."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from public_api.model import Model, Money
from public_api.toy import Availability, Toy
from public_api.words import has_words, words

MAX_ATTRIBUTES = 5
"""So many attributes one search asks for, at most."""

MAX_WORDS = 10
"""So many words one search asks for, at most."""

_BEFORE_ATTRIBUTE = "attribute."

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Months = Annotated[int, Field(ge=0, le=1200)]
Query = Annotated[str, StringConstraints(max_length=120)]
Wanted = Annotated[
    Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,39}$")], Label],
    Field(max_length=MAX_ATTRIBUTES),
]
"""Attributes by name, each with the text of its value."""


class BadSearch(ValueError):
    """The parameters of a request are not those of a search. The message says what is allowed."""


class Sort(StrEnum):
    """What toys are sorted by. `-price` is the dearest first, `newest` the latest first."""

    NAME = "name"
    PRICE = "price"
    DEAREST = "-price"
    NEWEST = "newest"


class Search(Model):
    """What is asked of the catalogue. None and nothing: all toys are meant.

    Ages (months) mean toys for any age between them, prices (minor units) those from one to the
    other. Every word of `q` is a word of the toy, and the last is one or begins one.

    Raises ValidationError where a value is out of bounds or a range is upside down.
    """

    q: Query = ""
    category: Label | None = None
    brand: Label | None = None
    min_age: Months | None = None
    max_age: Months | None = None
    min_price: Money | None = None
    max_price: Money | None = None
    availability: Availability | None = None
    attributes: Wanted = Field(default_factory=dict)
    sort: Sort = Sort.NAME

    @field_validator("q")
    @classmethod
    def _few_words(cls, q: str) -> str:
        asked = words(q)
        if len(asked) > MAX_WORDS:
            raise ValueError(f"a search takes up to {MAX_WORDS} words")
        return " ".join(asked)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for name, low, high in (
            ("Age", self.min_age, self.max_age),
            ("Price", self.min_price, self.max_price),
        ):
            if low is not None and high is not None and low > high:
                raise ValueError(f"min{name} is above max{name}")
        return self

    @property
    def whole(self) -> tuple[str, ...]:
        """The words that a toy has to have as they are: all but the last."""
        return tuple(self.q.split()[:-1])

    @property
    def begun(self) -> str | None:
        """What one of the toy's words has to begin with: the last word, if there is one."""
        return self.q.split()[-1] if self.q else None

    @property
    def scope(self) -> str:
        """The search as text, the same for the same search: what its cursors are good for."""
        asked = self.model_dump(mode="json", exclude_none=True)
        return "toys:" + json.dumps(asked, sort_keys=True)

    def matches(self, toy: Toy) -> bool:
        """Whether this toy is one of those asked for."""
        return (
            self.category in (None, toy.category)
            and self.brand in (None, toy.brand)
            and (self.min_age is None or toy.max_age is None or self.min_age <= toy.max_age)
            and (self.max_age is None or toy.min_age <= self.max_age)
            and (self.min_price is None or self.min_price <= toy.price)
            and (self.max_price is None or toy.price <= self.max_price)
            and self.availability in (None, toy.availability)
            and all(
                name in toy.attributes and means(text, toy.attributes[name])
                for name, text in self.attributes.items()
            )
            and (not self.q or has_words(self.whole, self.begun, toy_words(toy)))
        )


def asked_attributes(parameters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The attributes that a request asks for, by name, of all its parameters and their values.

    Raises BadSearch for a parameter that no search has, and for one that is given twice.
    """
    known = [field.alias for name, field in Search.model_fields.items() if name != "attributes"]
    allowed = [*map(str, known), "limit", "cursor"]
    asked = {}
    for parameter, values in parameters.items():
        name = parameter.removeprefix(_BEFORE_ATTRIBUTE)
        if name == parameter and parameter not in allowed:
            told = ", ".join(allowed)
            raise BadSearch(f"A search takes {told} and attribute.<name>, and nothing else")
        if len(values) != 1:
            raise BadSearch("A parameter is given more than once")
        if name != parameter:
            asked[name] = values[0]
    return asked


def toy_words(toy: Toy) -> frozenset[str]:
    """All that a toy can be found by."""
    texts = (toy.name, toy.brand, toy.category, *toy.tags, toy.description)
    return frozenset(word for text in texts for word in words(text))


def meanings(text: str) -> list[str | bool | Decimal]:
    """The values of an attribute that `text` means: itself, true or false, a number as in JSON."""
    meant: list[str | bool | Decimal] = [text]
    try:
        value = json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError, InvalidOperation):
        return meant
    if isinstance(value, bool):
        meant.append(value)
    elif isinstance(value, Decimal) and text == text.strip() and _fits(value):
        meant.append(value.normalize() + 0)  # there is no minus nought
    return meant


def means(text: str, value: str | float | bool) -> bool:
    """Whether an attribute of this value is meant by `text`."""
    exact = value if isinstance(value, str | bool) else Decimal(str(value))
    return any(type(exact) is type(meant) and exact == meant for meant in meanings(text))


def _fits(number: Decimal) -> bool:
    """Whether an attribute can be that number: nothing with more digits than a float has is."""
    return -100 <= number.adjusted() <= 100 and number.normalize() == number
