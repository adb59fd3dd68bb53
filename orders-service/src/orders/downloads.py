"""The lines of an order that are downloads, and what became of each. Pure, no AWS."""

from collections.abc import Iterator

from pydantic import Field

from orders.model import Model, Timestamp
from orders.purchase import OrderLine

SHARE_DAYS = 30
"""How long a download can be had, unless the stack says otherwise."""


class Download(Model):
    """Where the file of a line can be had for a time, or why it cannot. To be kept out of logs."""

    line: int = Field(ge=1, description="The line's place in the order, from 1")
    url: str | None = Field(None, max_length=3000, repr=False)
    expires_at: Timestamp | None = None
    failure: str | None = Field(None, description="Why there is none")


def digital(lines: tuple[OrderLine, ...]) -> Iterator[tuple[int, OrderLine]]:
    """The lines that are downloads, each with its place, from 1."""
    for number, line in enumerate(lines, 1):
        if line.fulfilment == "digital":
            yield number, line


def has_parcel(lines: tuple[OrderLine, ...]) -> bool:
    """Whether anything is to be packed."""
    return any(line.fulfilment == "parcel" for line in lines)


def awaited(lines: tuple[OrderLine, ...], known: tuple[Download, ...]) -> frozenset[int]:
    """The places of the lines of whose download nothing was told yet."""
    return frozenset(number for number, _ in digital(lines)) - {each.line for each in known}


def undeliverable(known: tuple[Download, ...]) -> frozenset[int]:
    """The places of the lines whose download cannot be had, and never will be."""
    return frozenset(each.line for each in known if not each.url)


def share_id(order_id: str, number: int) -> str:
    """What the share of a line is called."""
    return f"{order_id}:{number}"
