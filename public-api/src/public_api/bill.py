"""Bills: what lines come to, at the prices of the catalogue. Pure rules, no AWS."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor
from typing import Annotated

from pydantic import Field, StringConstraints

from public_api.basket import OrderedLine
from public_api.model import Currency, Model, Money
from public_api.purchase import SoldLine
from public_api.refusal import Refusal
from public_api.toy import Fulfilment, Toy

MAX_GROSS = 99_999_999
"""The most that one order may cost, in minor units: what a card payment takes at once."""


class Terms(Model):
    """What the shop charges beside its toys. Amounts are in minor units of `currency`.

    Shipping is for what goes by parcel, and it ships free from so much of that on.
    """

    currency: Currency
    tax_rate: Annotated[str, StringConstraints(pattern=r"^0(\.[0-9]{1,4})?$")]
    shipping_fee: Money
    free_shipping_from: Money


class Bill(Model):
    """What lines come to. Amounts are in minor units: gross = goods + shipping = net + tax."""

    goods: Money
    parcel_goods: Money = Field(description="Those of the goods that go by parcel")
    shipping: Money = Field(description="Of the parcel; 0 where there is none")
    net: Money
    tax: Money
    gross: Money


def included_tax(gross: int, rate: str) -> int:
    """The tax in `gross`: gross * r / (1 + r), rounded half up. Minor units."""
    r = Fraction(rate)
    return floor(gross * r / (1 + r) + Fraction(1, 2))


def price(
    ordered: Iterable[OrderedLine], toys: Mapping[str, Toy], terms: Terms
) -> tuple[SoldLine, ...]:
    """The lines with the names and prices of `toys` (by id), which has each of them.

    Raises Refusal for toys that are not in the shop's currency.
    """
    wanted = tuple(ordered)
    if foreign := [w.toy_id for w in wanted if toys[w.toy_id].currency != terms.currency]:
        message = f"Only toys priced in {terms.currency} can be ordered, not {', '.join(foreign)}"
        raise Refusal("OTHER_CURRENCY", message, foreign)
    return tuple(
        SoldLine(
            toy_id=line.toy_id,
            name=toys[line.toy_id].name,
            price=toys[line.toy_id].price,
            quantity=line.quantity,
            fulfilment=toys[line.toy_id].fulfilment,
        )
        for line in wanted
    )


def bill(lines: Iterable[SoldLine], terms: Terms) -> Bill:
    """What lines come to; nothing where there are none. Raises Refusal above MAX_GROSS."""
    sold = tuple(lines)
    goods = sum(line.amount for line in sold)
    parcel = [line.amount for line in sold if line.fulfilment is Fulfilment.PARCEL]
    free = not parcel or sum(parcel) >= terms.free_shipping_from
    shipping = 0 if free else terms.shipping_fee
    gross = goods + shipping
    if gross > MAX_GROSS:
        message = f"The order costs {gross} minor units; {MAX_GROSS} are the most for one order"
        raise Refusal("OUT_OF_BOUNDS", message)
    tax = included_tax(gross, terms.tax_rate)
    return Bill(
        goods=goods,
        parcel_goods=sum(parcel),
        shipping=shipping,
        net=gross - tax,
        tax=tax,
        gross=gross,
    )
