"""An adjustment: so many more or fewer of a toy, who said so and why. Pure rules, no AWS."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from toys.model import TAKEN, Model, Timestamp
from toys.toy import MOST_STOCK, Toy

FIRST_STOCK = "first stock"
"""The reason of the adjustment that a toy's first stock is kept as."""

FIRST_KEY = ""
"""Its idempotency key, which no caller can give."""


def _some(delta: int) -> int:
    if delta == 0:
        raise ValueError("0 changes nothing")
    return delta


Delta = Annotated[
    int,
    Field(
        ge=-MOST_STOCK,
        le=MOST_STOCK,
        description="Units that came (above 0) or went (below 0)",
        json_schema_extra={"not": {"const": 0}},
    ),
    AfterValidator(_some),
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"\S", min_length=1, max_length=200)
]


class AdjustmentDraft(Model):
    """What is to become of a toy's stock."""

    model_config = TAKEN

    delta: Delta
    reason: Reason


class Adjustment(Model):
    """What became of a toy's stock. Of all that hold stock or give it, only orders have no such."""

    adjustment_id: str
    toy_id: str
    delta: Delta
    reason: Reason
    by: Annotated[
        str | None, Field(description="The IAM ARN of who said so, where it is known")
    ] = None
    at: Timestamp

    def says(self, draft: AdjustmentDraft) -> bool:
        """Whether this is what the draft asks for."""
        return (self.delta, self.reason) == (draft.delta, draft.reason)


def refusal(toy: Toy, delta: int) -> str | None:
    """Why a toy's stock cannot change by `delta`, or None when it can."""
    if 0 <= toy.stock + delta <= MOST_STOCK:
        return None
    bound = "fewer than none" if delta < 0 else f"more than {MOST_STOCK}"
    return f"There are {toy.stock} of toy {toy.toy_id}: {delta:+} would leave {bound}"
