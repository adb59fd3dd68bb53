"""What the private API takes beside searches."""

import re
from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import Field, StringConstraints

from orders.model import MOST, Currency, Given
from orders.purchase import Address, Id, Line, Locale, PurchaseRequest, TaxRate, goods, tax_within
from orders.refunds import StaffText

OrderId = Annotated[str, Path(max_length=100)]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[ -~]+$",
        description="Whoever asks again with the same one gets the same answer",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that was last read, or a list of them, or *"),
]
Limit = Annotated[int, Query(ge=1, le=100)]
CursorGiven = Annotated[
    str | None, Query(description="From the page before, with all else as it was; else it is 400")
]

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"\S")
]


class AddressGiven(Given):
    """Where a parcel goes."""

    name: Words
    line1: Words
    line2: Words | None = None
    city: Words
    postal_code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
    country: Annotated[
        str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166 alpha-2")
    ]

    @property
    def address(self) -> Address:
        """It, as it is kept."""
        return Address(**self.model_dump(by_alias=False))


class AddressPatch(Given):
    """What can be changed of an order: its address, as a whole."""

    shipping_address: AddressGiven


class CancellationGiven(Given):
    """Why the shop cancels an order. The shopper is told that it did, not why."""

    reason: StaffText


class LineGiven(Given):
    """So many of one toy. `price` is that of one unit, in minor units, tax included."""

    toy_id: Id
    name: Words
    price: Annotated[int, Field(ge=0, le=MOST)]
    quantity: Annotated[int, Field(ge=1, le=99)]


class PhoneOrder(Given):
    """What somebody ordered by phone. Amounts are in minor units of `currency`."""

    customer_id: Id
    email: Annotated[
        str,
        StringConstraints(max_length=254, pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$"),
        Field(repr=False),
    ]
    lines: Annotated[list[LineGiven], Field(min_length=1, max_length=50)]
    shipping_address: AddressGiven
    payment_method_id: Annotated[
        str,
        StringConstraints(pattern=r"^pm_[A-Za-z0-9_]+$", max_length=128),
        Field(description="Stripe's id of the payment method", examples=["pm_card_visa"]),
    ]
    currency: Currency
    shipping: Annotated[int, Field(ge=0, le=MOST)]
    tax_rate: TaxRate
    locale: Locale = "en"

    def purchase(self, order_id: str, at: datetime) -> PurchaseRequest:
        """What that comes to. Raises pydantic's ValidationError where it cannot be bought so."""
        lines = tuple(Line(**line.model_dump(by_alias=False)) for line in self.lines)
        gross = goods(lines) + self.shipping
        tax = tax_within(gross, self.tax_rate)
        return PurchaseRequest(
            order_id=order_id,
            customer_id=self.customer_id,
            email=self.email,
            lines=lines,
            shipping_address=self.shipping_address.address,
            payment_method_id=self.payment_method_id,
            currency=self.currency,
            shipping=self.shipping,
            net=gross - tax,
            tax=tax,
            gross=gross,
            tax_rate=self.tax_rate,
            locale=self.locale,
            submitted_at=at,
        )


_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def identify(*parts: str) -> str:
    """The id of what these parts tell from all else: always the same one.

    The first 130 bits of the SHA-256 of the parts, each on a line, as 26 digits of Crockford's
    base32.
    """
    digest = sha256("\n".join(parts).encode()).digest()
    return b32encode(digest).decode()[:26].translate(_CROCKFORD)


_ETAGS = re.compile(r'(?:^|,)[ \t]*((?:W/)?"[^"]*")[ \t]*(?=,|$)')


def is_matched(if_match: str, etag: str) -> bool:
    """Whether an If-Match means what has that strong ETag: it is `*`, or names it in its list.

    What is weak (`W/`) means nothing here (RFC 9110, 13.1.1).
    """
    return if_match.strip() == "*" or etag in _ETAGS.findall(if_match)
