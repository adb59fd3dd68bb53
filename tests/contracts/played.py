"""The story, played once for all tests that look at it."""

from functools import cache

from tools.contracts import Generated, generate
from tools.services import find


@cache
def played() -> Generated:
    """What the running services say of themselves, and what happened."""
    return generate(find())
