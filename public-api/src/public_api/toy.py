"""A toy as shoppers see it: this service's copy of what the catalogue tells. No AWS."""

from enum import StrEnum

from pydantic import Field

from public_api.model import Currency, Model, Money, Timestamp


class Availability(StrEnum):
    """What shoppers are told about the stock."""

    IN_STOCK = "IN_STOCK"
    LOW = "LOW"
    SOLD_OUT = "SOLD_OUT"


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
    created_at: Timestamp
    updated_at: Timestamp
