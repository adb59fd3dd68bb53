"""Free attributes of a toy: up to thirty names, each with a text, a number, or yes or no."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PlainSerializer,
    StringConstraints,
    Tag,
)

MOST_ATTRIBUTES = 30
MOST_PATCHED = 2 * MOST_ATTRIBUTES
"""Attributes that one patch may name: all there are, to take them away, and as many others."""

DECIMALS = 6
"""A number is kept with so many places after its point."""

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,39}$")]


def _tidy(value: float) -> int | float:
    """A whole number is one, however it is written: it is stored and compared by its digits."""
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _kind(value: Any) -> str | None:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "text"
    return None


Text = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Number = Annotated[
    float,
    Field(ge=-1_000_000_000, le=1_000_000_000, allow_inf_nan=False, strict=False),
    AfterValidator(_tidy),
    PlainSerializer(lambda value: value, return_type=int | float),
]

Value = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[Number, Tag("number")]
    | Annotated[bool, Tag("boolean")],
    Discriminator(
        _kind,
        custom_error_type="attribute_type",
        custom_error_message="Input should be a text, a number, or true or false",
    ),
]
"""A text of 1 to 100 characters, a number between minus and plus a billion, true or false."""

ValueOrNull = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[Number, Tag("number")]
    | Annotated[bool, Tag("boolean")]
    | Annotated[None, Tag("null")],
    Discriminator(
        _kind,
        custom_error_type="attribute_type",
        custom_error_message="Input should be a text, a number, true, false or null",
    ),
]

Attributes = Annotated[
    dict[Key, Value],
    Field(
        max_length=MOST_ATTRIBUTES,
        description="By name: a text, a number (kept to six decimals), true or false",
        json_schema_extra={"additionalProperties": False},
    ),
]
AttributesPatch = Annotated[
    dict[Key, ValueOrNull],
    Field(
        max_length=MOST_PATCHED,
        description="By name: what `attributes` takes, or null. The toy may have 30 then",
        json_schema_extra={"additionalProperties": False},
    ),
]
