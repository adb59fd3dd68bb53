"""A search of the catalogue: what it asks for, and which order of toys answers it. Pure, no AWS."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from toys.model import Model, Money
from toys.toy import Availability, Label, Months, Toy

MAX_ATTRIBUTES = 5
"""So many attributes one search asks for, at most."""

FOLDED_BYTES = 480
"""Of a folded name, so many bytes of UTF-8 are sorted by: a key of DynamoDB has an end.

120 letters of most scripts are less. Names that differ only after that are in no special order.
"""

END = "\x1f"
"""Ends what a toy is sorted by, before its id. No folded name has it, or anything below it."""

_BEFORE_ATTRIBUTE = "attribute."
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


class BadSearch(ValueError):
    """The parameters of a request are not those of a search. The message says what is allowed."""


class Sort(StrEnum):
    """What toys are sorted by. Newest is the latest first; the others ascend."""

    NAME = "name"
    PRICE = "price"
    NEWEST = "newest"


class Group(StrEnum):
    """Which toys stand together in an order: all, or those of one category or brand."""

    ALL = "all"
    CATEGORY = "category"
    BRAND = "brand"


def fold(name: str) -> str:
    """The name without case, accents, control characters and needless blanks: what is compared."""
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    folded = "".join(letters).casefold()
    spaced = (c for c in folded if c.isspace() or unicodedata.category(c) != "Cc")
    return " ".join("".join(spaced).split())


def _something(prefix: str) -> str:
    if not fold(prefix):
        raise ValueError("there is no letter in it")
    return prefix


Prefix = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(_something),
]
"""How a name starts."""

Wanted = Annotated[
    Mapping[
        Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,39}$")],
        Annotated[str, StringConstraints(min_length=1, max_length=100)],
    ],
    Field(max_length=MAX_ATTRIBUTES),
]
"""Attributes by name, each with the text of its value."""


class Search(Model):
    """What is asked of the catalogue. None and nothing: all toys are meant.

    Ages (months) mean toys for any age between them, prices (minor units) those from one to the
    other. Raises ValidationError where a value is out of bounds or a range is upside down.
    """

    category: Label | None = None
    brand: Label | None = None
    min_age: Months | None = None
    max_age: Months | None = None
    min_price: Money | None = None
    max_price: Money | None = None
    availability: Availability | None = None
    name_prefix: Prefix | None = None
    attributes: Wanted = Field(default_factory=dict)
    sort: Sort = Sort.NAME

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
    def scope(self) -> str:
        """The search as text, the same for the same search: what its cursors are good for."""
        asked = self.model_dump(mode="json", exclude_none=True)
        return "toys:" + json.dumps(asked, sort_keys=True)

    def matches(self, toy: Toy) -> bool:
        """Whether the catalogue has this toy and it is one of those asked for."""
        return (
            toy.deleted_at is None
            and self.category in (None, toy.category)
            and self.brand in (None, toy.brand)
            and (self.min_age is None or toy.max_age is None or self.min_age <= toy.max_age)
            and (self.max_age is None or toy.min_age <= self.max_age)
            and (self.min_price is None or self.min_price <= toy.price)
            and (self.max_price is None or toy.price <= self.max_price)
            and self.availability in (None, toy.availability)
            and (self.name_prefix is None or fold(toy.name).startswith(fold(self.name_prefix)))
            and all(
                name in toy.attributes and is_text_of(text, toy.attributes[name])
                for name, text in self.attributes.items()
            )
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
            raise BadSearch(f"A search has no such parameter: it takes {told}, attribute.<name>")
        if len(values) != 1:
            raise BadSearch("A parameter is given more than once")
        if name != parameter:
            asked[name] = values[0]
    return asked


def is_text_of(text: str, value: str | float | bool) -> bool:
    """Whether an attribute of this value is meant by `text`: itself, true or false, or a number."""
    if isinstance(value, str):
        return text == value
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    return number(text) == Decimal(str(value))


def number(text: str) -> Decimal | None:
    """The number that `text` is in JSON. None: it is none, or one that no attribute can have."""
    if not _JSON_NUMBER.fullmatch(text):
        return None
    read = Context(prec=len(text)).normalize(Decimal(text))
    if not read:
        return Decimal(0)
    fits = len(read.as_tuple().digits) <= 38 and -130 <= read.adjusted() <= 125
    return read if fits else None


@dataclass(frozen=True)
class Plan:
    """One order of toys, the stretch of it that is looked at, and what is then left to ask.

    The stretch is the keys that start with `prefix`, those from `low` up to and without `high`,
    or the whole.
    """

    group: Group
    of: str | None
    sort: Sort
    prefix: str | None
    low: str | None
    high: str | None
    rest: Search

    @property
    def descends(self) -> bool:
        """Whether the order is looked at from its end."""
        return self.sort is Sort.NEWEST


def plan(search: Search) -> Plan:
    """How a search is answered: of the orders that could, the one with the fewest other toys."""
    group, of, served = Group.ALL, None, []
    if search.category is not None:
        group, of, served = Group.CATEGORY, search.category, ["category"]
    elif search.brand is not None:
        group, of, served = Group.BRAND, search.brand, ["brand"]
    prefix = low = high = None
    if search.sort is Sort.NAME and search.name_prefix is not None:
        prefix = sorted_name(search.name_prefix)
        served += ["name_prefix"]
    elif search.sort is Sort.PRICE:
        low = None if search.min_price is None else _digits(search.min_price)
        high = None if search.max_price is None else _digits(search.max_price + 1)
        served += ["min_price", "max_price"]
    rest = search.model_copy(update=dict.fromkeys(served))
    return Plan(group, of, search.sort, prefix, low, high, rest)


def index_keys(toy: Toy) -> dict[str, str]:
    """Where a toy of the catalogue stands in each order, by attribute of its item."""
    return {
        "listing": "LISTED",
        "nameKey": sorted_name(toy.name) + END + toy.toy_id,
        "priceKey": _digits(toy.price) + END + toy.toy_id,
        "createdKey": toy.model_dump(include={"created_at"})["createdAt"] + END + toy.toy_id,
    }


def sorted_name(name: str) -> str:
    """What a name is sorted by, and so what names that start like it are found by."""
    return fold(name).encode()[:FOLDED_BYTES].decode(errors="ignore")


def _digits(price: int) -> str:
    return f"{price:09}"
