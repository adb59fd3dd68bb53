"""Checkout: from what a shopper asks for to an order with its totals. Pure rules, no AWS."""

import hashlib
from base64 import b32encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import floor
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from public_api.model import Currency, Model, Money
from public_api.order import Address, Line, Submission
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

_STRICT = ConfigDict(extra="forbid", validate_by_name=False, validate_by_alias=True)


class Refusal(Exception):
    """A rule of the shop that a request breaks."""

    def __init__(self, code: str, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class ShippingAddress(Address):
    """Where the parcel goes."""

    model_config = _STRICT

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

    model_config = _STRICT

    toy_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=99)]


class OrderRequest(Model):
    """What a shopper asks for. Prices are not theirs to say."""

    model_config = _STRICT

    lines: Annotated[tuple[OrderedLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    shipping_address: ShippingAddress
    payment_method_id: Annotated[
        str,
        StringConstraints(pattern="^pm_[A-Za-z0-9_]+$", max_length=255),
        Field(description="Stripe's id of the payment method", examples=["pm_card_visa"]),
    ]

    @field_validator("lines")
    @classmethod
    def _each_toy_once(cls, lines: tuple[OrderedLine, ...]) -> tuple[OrderedLine, ...]:
        if len({line.toy_id for line in lines}) < len(lines):
            raise ValueError("a toy may stand in one line only: add up its quantities")
        return lines

    @property
    def fingerprint(self) -> str:
        """The same for the same content, however the JSON was written."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()


class Shopper(Model):
    """Who orders, as the user pool knows them."""

    customer_id: str = Field(alias="sub")
    email: str


class Terms(Model):
    """What the shop charges beside its toys. Amounts are in minor units of `currency`."""

    currency: Currency
    tax_rate: Annotated[str, StringConstraints(pattern=r"^0(\.[0-9]{1,4})?$")]
    shipping_fee: Money
    free_shipping_from: Money


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
    shopper whose e-mail address is longer than MAX_EMAIL.
    """
    if len(shopper.email) > MAX_EMAIL:
        message = (
            f"Your e-mail address has {len(shopper.email)} characters; orders are taken from "
            f"those with {MAX_EMAIL} at most. Change it in your account"
        )
        raise Refusal("OUT_OF_BOUNDS", message)
    wanted = [line.toy_id for line in request.lines]
    if unknown := [toy_id for toy_id in wanted if toy_id not in toys]:
        raise Refusal("UNKNOWN_TOY", f"There is no toy {', '.join(unknown)}", unknown)
    if foreign := [toy_id for toy_id in wanted if toys[toy_id].currency != terms.currency]:
        message = f"Only toys priced in {terms.currency} can be ordered, not {', '.join(foreign)}"
        raise Refusal("OTHER_CURRENCY", message, foreign)
    lines = tuple(
        Line(
            toy_id=line.toy_id,
            name=toys[line.toy_id].name,
            price=toys[line.toy_id].price,
            quantity=line.quantity,
        )
        for line in request.lines
    )
    goods = sum(line.price * line.quantity for line in lines)
    shipping = 0 if goods >= terms.free_shipping_from else terms.shipping_fee
    gross = goods + shipping
    if gross > MAX_GROSS:
        message = f"The order costs {gross} minor units; {MAX_GROSS} are the most for one order"
        raise Refusal("OUT_OF_BOUNDS", message)
    tax = included_tax(gross, terms.tax_rate)
    return Submission(
        order_id=order_id,
        customer_id=shopper.customer_id,
        email=shopper.email,
        lines=lines,
        shipping_address=request.shipping_address,
        payment_method_id=request.payment_method_id,
        currency=terms.currency,
        shipping=shipping,
        net=gross - tax,
        tax=tax,
        gross=gross,
        tax_rate=terms.tax_rate,
        submitted_at=at,
        fingerprint=request.fingerprint,
    )


_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
