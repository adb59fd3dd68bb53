"""Quotes: what a basket comes to, and what changed since it was last looked at. Pure, no AWS."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from public_api.basket import MAX_LINES, STRICT, OrderedLine, ShippingAddress, each_toy_once
from public_api.bill import Bill, Terms, bill, price
from public_api.model import Currency, Model, Money
from public_api.toy import Availability, Fulfilment, Toy


class Seen(Model):
    """A toy as it was last shown to whoever asks. What else they kept of it is not looked at."""

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True)

    name: str
    price: Annotated[Money, Field(strict=True)]
    availability: Availability


class BasketLine(OrderedLine):
    """So many of one toy, and how it looked when it was put there."""

    seen: Seen | None = None


class QuoteRequest(Model):
    """A basket."""

    model_config = STRICT

    lines: Annotated[
        tuple[BasketLine, ...],
        Field(min_length=1, max_length=MAX_LINES),
        AfterValidator(each_toy_once),
    ]
    shipping_address: ShippingAddress | None = None


class Change(Model):
    """What is not any more as it was seen."""

    what: Literal["NAME", "PRICE", "AVAILABILITY"]
    was: str | int = Field(description="A price is in minor units")
    now: str | int


class QuotedLine(Model):
    """So many of one toy, as it is now. Amounts are in minor units, tax included."""

    toy_id: str
    quantity: int
    name: str
    price: Money = Field(description="Of one")
    currency: Currency
    availability: Availability
    fulfilment: Fulfilment
    amount: Money = Field(description="Of all of them")
    picture: str | None = Field(description="The address of a small picture")
    changes: tuple[Change, ...]


class Quote(Bill):
    """What a basket comes to if it is ordered as it is now.

    Toys in `missing` are not on sale any more: they have no line, and are in no amount.
    """

    lines: tuple[QuotedLine, ...]
    missing: tuple[str, ...] = Field(description="Ids of toys")
    currency: Currency
    free_shipping_from: Money = Field(description="From so much by parcel on, it ships free")
    tax_rate: str = Field(description='A fraction, such as "0.15". Prices include the tax')


def quote(request: QuoteRequest, toys: Mapping[str, Toy], terms: Terms) -> Quote:
    """What the basket comes to at the prices of `toys` (by id), as the checkout works it out.

    Raises Refusal as the checkout does, but not for toys that are not on sale.
    """
    there = [line for line in request.lines if line.toy_id in toys]
    priced = price(there, toys, terms)
    total = bill(priced, terms)
    lines = []
    for wanted, line in zip(there, priced, strict=True):
        toy = toys[wanted.toy_id]
        lines.append(
            QuotedLine(
                **line.model_dump(by_alias=False, exclude={"category", "undeliverable"}),
                amount=line.amount,
                currency=toy.currency,
                availability=toy.availability,
                picture=toy.pictures[0].thumbnail if toy.pictures else None,
                changes=tuple(_changes(wanted.seen, toy)) if wanted.seen else (),
            )
        )
    return Quote(
        **total.model_dump(by_alias=False),
        lines=tuple(lines),
        missing=tuple(line.toy_id for line in request.lines if line.toy_id not in toys),
        currency=terms.currency,
        free_shipping_from=terms.free_shipping_from,
        tax_rate=terms.tax_rate,
    )


def _changes(seen: Seen, toy: Toy) -> Iterator[Change]:
    if seen.name != toy.name:
        yield Change(what="NAME", was=seen.name, now=toy.name)
    if seen.price != toy.price:
        yield Change(what="PRICE", was=seen.price, now=toy.price)
    if seen.availability != toy.availability:
        yield Change(what="AVAILABILITY", was=seen.availability, now=toy.availability)
