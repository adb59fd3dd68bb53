"""What every model of this service has in common."""

from datetime import UTC
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(
        lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        return_type=str,
    ),
]
"""A UTC time, written as RFC 3339 with milliseconds."""

MOST = 100_000_000
"""What an order costs at most, in minor units."""

MOST_UNITS = 1_000_000
"""How many of one toy a line has at most, so that no sum of them is too large for a bigint."""

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
