"""What a client writes of a basket: its lines, and where they are to go. Pure, no AWS."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from public_api.model import Model
from public_api.purchase import Address

MAX_LINES = 50
"""The most lines of one order: its stock is reserved in one transaction, which takes so many."""

Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
"""One line of text, without control characters."""

STRICT = ConfigDict(extra="forbid", validate_by_name=False, validate_by_alias=True)
"""How what a client writes is read: by its public names, and nothing beside them."""


class ShippingAddress(Address):
    """Where the parcel goes."""

    model_config = STRICT

    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    postal_code: Annotated[Text, StringConstraints(max_length=20)]
    country: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description="ISO 3166 alpha-2", examples=["IE"])
    ]


class OrderedLine(Model):
    """So many of one toy."""

    model_config = STRICT

    toy_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=99)]


def each_toy_once[Lines: Sequence[OrderedLine]](lines: Lines) -> Lines:
    """The lines, none of which has the toy of another. Raises ValueError."""
    if len({line.toy_id for line in lines}) < len(lines):
        raise ValueError("a toy may stand in one line only: add up its quantities")
    return lines


Basket = Annotated[
    tuple[OrderedLine, ...],
    Field(min_length=1, max_length=MAX_LINES),
    AfterValidator(each_toy_once),
]
"""Lines of which each has a toy of its own."""
