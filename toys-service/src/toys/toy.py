"""A toy: what its owner says of it, what a shopper sees, and how many there are. Pure, no AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, computed_field, model_validator

from toys.attributes import Attributes, AttributesPatch
from toys.download import Download, Downloads
from toys.model import TAKEN, Currency, Model, Money, Timestamp
from toys.picture import Gallery, Picture, Waiting

LOW_STOCK = 5
"""At this many or fewer, shoppers are told that a toy is running out."""

MOST_STOCK = 1_000_000
"""Units that there may be of a toy."""

Sku = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,39}$"),
    Field(description="The shop's own number. No other toy of the catalogue has it"),
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=120)
]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=60)
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Months = Annotated[int, Field(ge=0, le=1200)]
Price = Annotated[Money, Field(ge=1, description="Tax included, in minor units")]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=40)
]


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) < len(tags):
        raise ValueError("a tag stands there twice")
    return tags


Tags = Annotated[
    tuple[Tag, ...],
    Field(max_length=20, strict=False, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_each_once),
]


class Availability(StrEnum):
    """What shoppers are told about the stock."""

    IN_STOCK = "IN_STOCK"
    LOW = "LOW"
    SOLD_OUT = "SOLD_OUT"


class Fulfilment(StrEnum):
    """How a toy comes to who bought it: by the carrier, or as a file that is mailed as a link."""

    PARCEL = "parcel"
    DIGITAL = "digital"


HowFulfilled = Annotated[
    Fulfilment,
    Field(strict=False, description="digital: it is a file, and sold out while there is none"),
]


class Described(Model):
    """What the owner of the catalogue says of a toy."""

    sku: Sku
    name: Name
    description: Text = ""
    category: Label
    brand: Label
    min_age: Annotated[Months, Field(description="Months of age from which it is meant")] = 0
    max_age: Annotated[
        Months | None, Field(description="The last month of age that it is meant for; null: none")
    ] = None
    price: Price
    currency: Currency
    tags: Tags = ()
    attributes: Attributes = Field(default_factory=dict)
    fulfilment: HowFulfilled = Fulfilment.PARCEL

    @model_validator(mode="after")
    def _an_age_range(self) -> Self:
        if self.max_age is not None and self.max_age < self.min_age:
            raise ValueError("minAge is above maxAge")
        return self


class ToyDescription(Described):
    """A toy as its owner describes it. Its stock and its pictures go by ways of their own."""

    model_config = TAKEN


class ToyDraft(ToyDescription):
    """A toy that is new to the catalogue."""

    stock: Annotated[int, Field(ge=0, le=MOST_STOCK, description="Units on the shelf")]


class ToyPatch(Model):
    """What is to be other about a toy (a merge patch, RFC 7396): null takes away what is there."""

    model_config = TAKEN

    # What no toy can be without: it may be left out of a patch, but is no null.
    sku: Annotated[Sku, Field(default_factory=str)]
    name: Annotated[Name, Field(default_factory=str)]
    category: Annotated[Label, Field(default_factory=str)]
    brand: Annotated[Label, Field(default_factory=str)]
    price: Annotated[Price, Field(default_factory=int)]
    currency: Annotated[Currency, Field(default_factory=str)]

    description: Text | None = None
    min_age: Months | None = None
    max_age: Months | None = None
    tags: Tags | None = None
    attributes: AttributesPatch | None = None
    fulfilment: HowFulfilled | None = None

    def merged(self, toy: "Toy") -> ToyDescription:
        """The toy's description with this patch. Raises ValidationError where it is none then."""
        described = toy.model_dump(include=set(Described.model_fields))
        return ToyDescription.model_validate(merge(described, self.model_dump(exclude_unset=True)))


def merge(target: Any, patch: Any) -> Any:
    """A merge patch applied to a document, as RFC 7396 has it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


class Catalogued(Described):
    """A toy, save its pictures, which not everybody is told as much of.

    `revision` counts what its owner changed, and the pictures and downloads that came or went;
    `version` counts every change, a unit sold included.
    """

    toy_id: str
    stock: Annotated[int, Field(ge=0)]
    waiting: Annotated[
        tuple[Waiting, ...], Field(description="Pictures for which there is no place yet")
    ] = ()
    revision: int
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    correlation_id: str
    causation_id: str | None = None


class Toy(Catalogued):
    """A toy as it is kept."""

    pictures: tuple[Picture, ...] = ()
    downloads: tuple[Download, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def download_file_id(self) -> str | None:
        """The file that is sold where the toy is digital; None: there is none."""
        return self.files.current

    @property
    def sellable(self) -> int:
        """How many may be sold. Of a digital toy without a file, none."""
        lacks_file = self.fulfilment is Fulfilment.DIGITAL and self.download_file_id is None
        return 0 if lacks_file else self.stock

    @property
    def availability(self) -> Availability:
        """What shoppers are told about the stock."""
        if self.sellable == 0:
            return Availability.SOLD_OUT
        return Availability.LOW if self.sellable <= LOW_STOCK else Availability.IN_STOCK

    @property
    def gallery(self) -> Gallery:
        """Its pictures, those that wait for a place included."""
        return Gallery(pictures=self.pictures, waiting=self.waiting)

    @property
    def files(self) -> Downloads:
        """Its private files."""
        return Downloads(downloads=self.downloads)

    @property
    def shown(self) -> dict[str, object]:
        """Everything about the toy that a shopper can see."""
        return self.model_dump(include=set(Described.model_fields), by_alias=False) | {
            "availability": self.availability,
            "pictures": [picture.shown for picture in self.pictures],
        }

    @classmethod
    def create(cls, toy_id: str, draft: ToyDraft, at: datetime) -> Self:
        """A new toy, at its first version."""
        return cls(
            **draft.model_dump(by_alias=False),
            toy_id=toy_id,
            revision=1,
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=toy_id,
        )

    def describe(self, description: ToyDescription, at: datetime) -> Self:
        """The toy as its owner now describes it."""
        said = {name: getattr(description, name) for name in Described.model_fields}
        return self._changed(at, **said)

    def arrange(self, gallery: Gallery, at: datetime, **cause: str) -> Self:
        """The toy with these pictures."""
        return self._changed(
            at, **{"pictures": gallery.pictures, "waiting": gallery.waiting} | cause
        )

    def offer(self, files: Downloads, at: datetime, **cause: str) -> Self:
        """The toy with these private files."""
        return self._changed(at, **{"downloads": files.downloads} | cause)

    def delete(self, at: datetime) -> Self:
        """The toy, gone from the catalogue. It is kept, so that its reservations can settle."""
        return self._changed(at, deleted_at=at)

    def _changed(self, at: datetime, **fields: object) -> Self:
        edit = {
            "revision": self.revision + 1,
            "version": self.version + 1,
            "updated_at": at,
            "correlation_id": self.toy_id,
            "causation_id": None,
        }
        return self.model_copy(update=edit | fields)
