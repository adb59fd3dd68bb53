"""What every model of this service has in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel


def written(at: datetime) -> str:
    """A time as RFC 3339 in UTC with milliseconds. Later times are greater strings."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(written, return_type=str)]
"""A UTC time, written as RFC 3339 with milliseconds."""

MOST = 100_000_000
"""The largest amount, in minor units."""

Money = Annotated[int, Field(ge=0, le=MOST)]
"""An amount in minor units (cents) of a currency named beside it."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""


class Model(BaseModel):
    """Immutable; camelCase outside, snake_case inside; what it does not know it ignores.

    Its errors do not quote what they refuse, so that nobody's data gets into a log.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )


class Given(Model):
    """The body of a request: by its names outside alone, of exactly their types, nothing beside."""

    model_config = ConfigDict(extra="forbid", strict=True, validate_by_name=False)


def now() -> datetime:
    """The present, to the millisecond, as it is stored and told."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
