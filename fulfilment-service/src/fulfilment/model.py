"""What every model of this service has in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel


def written(at: datetime) -> str:
    """A time as it is stored and told: in UTC, to the millisecond. Later ones sort behind it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(written, return_type=str)]
"""A UTC time, written as RFC 3339 with milliseconds."""


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


def now() -> datetime:
    """The present, to the millisecond, as it is stored and told."""
    return to_the_millisecond(datetime.now(UTC))


def to_the_millisecond(at: datetime) -> datetime:
    """The same time, without what is finer than a stored one."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
