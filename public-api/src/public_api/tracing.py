"""The trace of X-Ray that an invocation is in. It goes along with what the invocation writes."""

import os
import re

LONGEST = 256
"""Characters of a header that is taken along. X-Ray's own have a hundred."""

_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")


def header() -> str | None:
    """What Lambda says of this invocation's trace: Root=...;Parent=...;Sampled=...

    None where it says nothing, or something longer than a header is.
    """
    told = os.environ.get("_X_AMZN_TRACE_ID")
    return told if told and len(told) <= LONGEST else None


def root(told: str | None) -> str | None:
    """The id of the whole trace that a header is of; None: it has none."""
    found = _ROOT.search(told or "")
    return found[1] if found else None
