"""Checkout: from what a shopper asks for to an order with its totals. Pure rules, no AWS."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import floor
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from public_api.model import Currency, Model, Money
from public_api.order import Address, Line, Purchase, Submission
from public_api.toy import Toy

MAX_GROSS = 99_999_999
"""The most that one order may cost, in minor units: what a card payment takes at once."""

MAX_LINES = 50
"""The most lines of one order: its stock is reserved in one transaction, which takes so many."""

MAX_EMAIL = 254
"""The longest e-mail address, in characters, that mail can be sent to (RFC 5321)."""

Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
"""One line of text, without control characters."""

STRICT = ConfigDict(extra="forbid", validate_by_name=False, validate_by_alias=True)
"""How what a client writes is read: by its public names, and nothing beside them."""


class Refusal(Exception):
    """A rule of the shop that a request breaks."""

    def __init__(self, code: str, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class PriceChanged(Exception):
    """The order comes to something else than was expected. Amounts are in minor units."""

    def __init__(self, was: int, now: int) -> None:
        super().__init__(f"The order comes to {now}, not to {was} as expected. Look at it again")
        self.was = was
        self.now = now


class ShippingAddress(Address):
    """Where the parcel goes."""

    model_config = STRICT

    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    postal_code: Annotated[Text, StringConstraints(max_length=20)]
    country: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description="ISO 3166 alpha-2", examples=["IE"])
    ]


class OrderedLine(Model):
    """So many of one toy."""

    model_config = STRICT

    toy_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=99)]


def each_toy_once[Lines: Sequence[OrderedLine]](lines: Lines) -> Lines:
    """The lines, none of which has the toy of another. Raises ValueError."""
    if len({line.toy_id for line in lines}) < len(lines):
        raise ValueError("a toy may stand in one line only: add up its quantities")
    return lines


Basket = Annotated[
    tuple[OrderedLine, ...],
    Field(min_length=1, max_length=MAX_LINES),
    AfterValidator(each_toy_once),
]
"""Lines of which each has a toy of its own."""


class OrderRequest(Model):
    """What a shopper asks for. Prices are not theirs to say."""

    model_config = STRICT

    lines: Basket
    shipping_address: ShippingAddress
    payment_method_id: Annotated[
        str,
        StringConstraints(pattern="^pm_[A-Za-z0-9_]+$", max_length=255),
        Field(description="Stripe's id of the payment method", examples=["pm_card_visa"]),
    ]
    expected_gross: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=MAX_GROSS,
            description="What the shopper was told that it costs, in minor units. When it is not "
            "what the order comes to, the order is not made: 409",
        ),
    ] = None

    @property
    def fingerprint(self) -> str:
        """The same for the same order, however the JSON was written.

        What it was expected to cost is no part of the order, but a condition on making it.
        """
        content = self.model_dump_json(exclude_defaults=True, exclude={"expected_gross"})
        return hashlib.sha256(content.encode()).hexdigest()

    def asks_for(self, purchase: Purchase) -> bool:
        """Whether it asks for what was bought: the same toys, as many, to the same address."""
        wanted = {line.toy_id: line.quantity for line in self.lines}
        bought = {line.toy_id: line.quantity for line in purchase.lines}
        address = self.shipping_address.model_dump()
        return wanted == bought and address == purchase.shipping_address.model_dump()


def _names(told: object) -> object:
    """The names in a claim of several, which a gateway may write as one text: "a,b" or "[a b]"."""
    return re.findall(r"[^\s,\[\]]+", told) if isinstance(told, str) else told or ()


class Shopper(Model):
    """Who orders, as the user pool knows them."""

    customer_id: str = Field(alias="sub")
    email: str
    groups: Annotated[frozenset[str], BeforeValidator(_names)] = Field(
        alias="cognito:groups", default=frozenset()
    )


class Terms(Model):
    """What the shop charges beside its toys. Amounts are in minor units of `currency`."""

    currency: Currency
    tax_rate: Annotated[str, StringConstraints(pattern=r"^0(\.[0-9]{1,4})?$")]
    shipping_fee: Money
    free_shipping_from: Money


class Bill(Model):
    """What lines come to. Amounts are in minor units: gross = goods + shipping = net + tax."""

    goods: Money
    shipping: Money
    net: Money
    tax: Money
    gross: Money


def identify(shopper: Shopper, idempotency_key: str) -> str:
    """The id of the order that a shopper makes with this key: always the same one.

    The first 130 bits of the SHA-256 of customer id, line feed and key, as 26 digits of
    Crockford's base32.
    """
    digest = hashlib.sha256(f"{shopper.customer_id}\n{idempotency_key}".encode()).digest()
    return b32encode(digest).decode()[:26].translate(_CROCKFORD)


def included_tax(gross: int, rate: str) -> int:
    """The tax in `gross`: gross * r / (1 + r), rounded half up. Minor units."""
    r = Fraction(rate)
    return floor(gross * r / (1 + r) + Fraction(1, 2))


def price(
    ordered: Iterable[OrderedLine], toys: Mapping[str, Toy], terms: Terms
) -> tuple[Line, ...]:
    """The lines with the names and prices of `toys` (by id), which has each of them.

    Raises Refusal for toys that are not in the shop's currency.
    """
    wanted = tuple(ordered)
    if foreign := [w.toy_id for w in wanted if toys[w.toy_id].currency != terms.currency]:
        message = f"Only toys priced in {terms.currency} can be ordered, not {', '.join(foreign)}"
        raise Refusal("OTHER_CURRENCY", message, foreign)
    return tuple(
        Line(
            toy_id=line.toy_id,
            name=toys[line.toy_id].name,
            price=toys[line.toy_id].price,
            quantity=line.quantity,
        )
        for line in wanted
    )


def bill(lines: Iterable[Line], terms: Terms) -> Bill:
    """What lines come to; nothing where there are none. Raises Refusal above MAX_GROSS."""
    amounts = [line.amount for line in lines]
    goods = sum(amounts)
    free = not amounts or goods >= terms.free_shipping_from
    shipping = 0 if free else terms.shipping_fee
    gross = goods + shipping
    if gross > MAX_GROSS:
        message = f"The order costs {gross} minor units; {MAX_GROSS} are the most for one order"
        raise Refusal("OUT_OF_BOUNDS", message)
    tax = included_tax(gross, terms.tax_rate)
    return Bill(goods=goods, shipping=shipping, net=gross - tax, tax=tax, gross=gross)


def check_out(
    order_id: str,
    shopper: Shopper,
    request: OrderRequest,
    toys: Mapping[str, Toy],
    terms: Terms,
    at: datetime,
) -> Submission:
    """The order that a request comes to, at the prices of `toys` (by id).

    Toys that are sold out pass: stock is not decided here. Raises Refusal for toys that are not
    on sale, or not in the shop's currency, for an order that costs more than MAX_GROSS, and for a
    shopper whose e-mail address is longer than MAX_EMAIL; PriceChanged for an order that costs
    something else than was expected.
    """
    if len(shopper.email) > MAX_EMAIL:
        message = (
            f"Your e-mail address has {len(shopper.email)} characters; orders are taken from "
            f"those with {MAX_EMAIL} at most. Change it in your account"
        )
        raise Refusal("OUT_OF_BOUNDS", message)
    if unknown := [line.toy_id for line in request.lines if line.toy_id not in toys]:
        raise Refusal("UNKNOWN_TOY", f"There is no toy {', '.join(unknown)}", unknown)
    lines = price(request.lines, toys, terms)
    total = bill(lines, terms)
    if request.expected_gross not in (None, total.gross):
        raise PriceChanged(was=request.expected_gross, now=total.gross)
    return Submission(
        order_id=order_id,
        customer_id=shopper.customer_id,
        email=shopper.email,
        lines=lines,
        shipping_address=request.shipping_address,
        payment_method_id=request.payment_method_id,
        currency=terms.currency,
        shipping=total.shipping,
        net=total.net,
        tax=total.tax,
        gross=total.gross,
        tax_rate=terms.tax_rate,
        submitted_at=at,
        fingerprint=request.fingerprint,
    )


_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
