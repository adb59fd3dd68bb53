"""A toy as shoppers see it: this service's copy of what the catalogue tells. No AWS."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from public_api.model import Currency, Model, Money, Timestamp


class Availability(StrEnum):
    """What shoppers are told about the stock."""

    IN_STOCK = "IN_STOCK"
    LOW = "LOW"
    SOLD_OUT = "SOLD_OUT"


class Fulfilment(StrEnum):
    """How a toy reaches whoever buys it."""

    PARCEL = "parcel"
    DIGITAL = "digital"


def _number(value: object) -> object:
    """A number as DynamoDB gives it, as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


Attribute = Annotated[str | bool | int | float, BeforeValidator(_number)]
"""What is told of a toy beside all that every toy has: its colour, its batteries."""


class Picture(Model):
    """A picture of a toy, as the addresses of WebP images of three sizes."""

    thumbnail: str
    card: str
    full: str


class Toy(Model):
    """A toy on sale."""

    toy_id: str
    name: str
    description: str
    category: str
    brand: str
    price: Money = Field(description="Tax included, in minor units")
    currency: Currency
    availability: Availability
    fulfilment: Fulfilment = Field(
        Fulfilment.PARCEL, description="parcel, or digital: as a download, whose link is mailed"
    )
    min_age: int = Field(default=0, description="The youngest it is for, in months")
    max_age: int | None = Field(default=None, description="The oldest, in months; null: no limit")
    tags: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    pictures: tuple[Picture, ...] = Field(default=(), description="The first stands for all")
    created_at: Timestamp
    updated_at: Timestamp


class Category(Model):
    """A category of the catalogue, and how many toys on sale it has."""

    category: str
    count: int
