"""A toy: what a shopper sees of it, and how many there are. Pure rules, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints

from toys.model import Currency, Model, Money, Timestamp

LOW_STOCK = 5
"""At this many or fewer, shoppers are told that a toy is running out."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Availability(StrEnum):
    """What shoppers are told about the stock."""

    IN_STOCK = "IN_STOCK"
    LOW = "LOW"
    SOLD_OUT = "SOLD_OUT"


class ToyDraft(Model):
    """What the owner of the catalogue says of a toy."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Text = ""
    category: Label
    brand: Label
    price: Annotated[Money, Field(ge=1, description="Tax included, in minor units")]
    currency: Currency
    stock: Annotated[int, Field(ge=0, le=1_000_000, description="Units on the shelf")]


class Toy(Model):
    """A toy as it is kept. `version` counts every change, a unit sold included."""

    toy_id: str
    name: Name
    description: Text
    category: Label
    brand: Label
    price: Money
    currency: Currency
    stock: Annotated[int, Field(ge=0)]
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    correlation_id: str
    causation_id: str | None = None

    @property
    def availability(self) -> Availability:
        """What shoppers are told about the stock."""
        if self.stock == 0:
            return Availability.SOLD_OUT
        return Availability.LOW if self.stock <= LOW_STOCK else Availability.IN_STOCK

    @property
    def shown(self) -> dict[str, object]:
        """Everything about the toy that a shopper can see."""
        fields = {"name", "description", "category", "brand", "price", "currency"}
        return self.model_dump(include=fields) | {"availability": self.availability}

    @classmethod
    def create(cls, toy_id: str, draft: ToyDraft, at: datetime) -> Self:
        """A new toy, at its first version."""
        return cls(
            **draft.model_dump(by_alias=False),
            toy_id=toy_id,
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=toy_id,
        )

    def replace(self, draft: ToyDraft, at: datetime) -> Self:
        """The toy as the owner now describes it."""
        return self._changed(at, **draft.model_dump(by_alias=False))

    def delete(self, at: datetime) -> Self:
        """The toy, gone from the catalogue. It is kept, so that its reservations can settle."""
        return self._changed(at, deleted_at=at)

    def _changed(self, at: datetime, **fields: object) -> Self:
        edit = {"version": self.version + 1, "updated_at": at, "correlation_id": self.toy_id}
        return self.model_copy(update=fields | edit | {"causation_id": None})
