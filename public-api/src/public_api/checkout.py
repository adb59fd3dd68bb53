"""Checkout: from what a shopper asks for to an order with its totals. Pure rules, no AWS."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from public_api.basket import STRICT, Basket, ShippingAddress
from public_api.bill import MAX_GROSS, Terms, bill, price
from public_api.model import Model
from public_api.order import Submission
from public_api.purchase import LOCALE, Locale, Purchase
from public_api.refusal import Refusal
from public_api.toy import Toy

MAX_EMAIL = 254
"""The longest e-mail address, in characters, that mail can be sent to (RFC 5321)."""


class PriceChanged(Exception):
    """The order comes to something else than was expected. Amounts are in minor units."""

    def __init__(self, was: int, now: int) -> None:
        super().__init__(f"The order comes to {now}, not to {was} as expected. Look at it again")
        self.was = was
        self.now = now


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
    locale: Annotated[
        Locale,
        Field(
            description="The shopper's language and region (BCP 47): mails write money and dates "
            "as it is done there",
            examples=["en-IE"],
        ),
    ] = LOCALE

    @property
    def fingerprint(self) -> str:
        """The same for the same order, however the JSON was written.

        What it was expected to cost is no part of the order, but a condition on making it.
        """
        content = self.model_dump_json(exclude_defaults=True, exclude={"expected_gross"})
        return hashlib.sha256(content.encode()).hexdigest()

    def asks_for(self, purchase: Purchase) -> bool:
        """Whether it asks for what was bought: the same toys, and as many.

        Where it was to go is not compared: the shop may have changed that since.
        """
        wanted = {line.toy_id: line.quantity for line in self.lines}
        return wanted == {line.toy_id: line.quantity for line in purchase.lines}


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


def identify(shopper: Shopper, idempotency_key: str) -> str:
    """The id of the order that a shopper makes with this key: always the same one.

    The first 130 bits of the SHA-256 of customer id, line feed and key, as 26 digits of
    Crockford's base32.
    """
    digest = hashlib.sha256(f"{shopper.customer_id}\n{idempotency_key}".encode()).digest()
    return b32encode(digest).decode()[:26].translate(_CROCKFORD)


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
        locale=request.locale,
        submitted_at=at,
        fingerprint=request.fingerprint,
    )


_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
