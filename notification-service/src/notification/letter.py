"""A letter: the subject, text and HTML that a template makes of a content. Pure, no AWS."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import BaseModel

from notification.content import Content, Reason

SHOP = "The Better Store"

REASONS = {
    Reason.OUT_OF_STOCK: "There were no longer enough of one of your toys: others were quicker.",
    Reason.PRICE_CHANGED: "The price of one of your toys changed just as you ordered it, "
    "and we never charge a price that you have not seen.",
    Reason.UNKNOWN_TOY: "One of your toys is no longer in our catalogue.",
    Reason.PAYMENT_DECLINED: "The payment was declined: we could not take it with the card or "
    "payment method that you chose. Your bank may be able to tell you why; another card may well "
    "work.",
    Reason.CUSTOMER: "You cancelled it, and we have stopped it before it left.",
    Reason.EXPIRED: "It could not be paid and confirmed in time, and we do not keep toys aside for "
    "longer than that.",
    Reason.UNDELIVERABLE: "The parcel could not be brought to you.",
}
"""Why an order was cancelled, in words for who placed it."""

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}
# Source: https://docs.stripe.com/currencies#zero-decimal. A mail shows what Stripe charged, and
# Stripe counts ISK and UGX, which have no decimals any more, in hundredths still.
_WHOLE = set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THOUSANDTHS = {"BHD", "JOD", "KWD", "OMR", "TND"}


class Letter(BaseModel):
    """What is sent: a subject of one line, and the same in plain text and in HTML."""

    subject: str
    text: str
    html: str


def money(amount: int, currency: str) -> str:
    """An amount in minor units as people write it: 123450 EUR is "€1,234.50"."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    number = f"{Decimal(amount).scaleb(-places):,.{places}f}"
    return f"{_SYMBOLS[currency]}{number}" if currency in _SYMBOLS else f"{currency} {number}"


def percent(rate: Decimal) -> str:
    """A rate as people write it: 0.15 is "15%"."""
    return f"{(rate * 100).normalize():f}%"


def date(at: datetime) -> str:
    """A time as people write it, to the day (UTC): "20 November 2026"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"], default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"money": money, "percent": percent, "date": date}
_environment.globals |= {"shop": SHOP, "reasons": REASONS, "Reason": Reason}


def write(content: Content) -> Letter:
    """The letter about `content`. The same content makes the same letter."""
    subject = " ".join(_render(f"{content.template}.subject.txt", content).split())
    return Letter(
        subject=subject,
        text=_render(f"{content.template}.txt", content),
        html=_render(f"{content.template}.html", content, subject=subject),
    )


def _render(template: str, content: Content, **more: str) -> str:
    return _environment.get_template(template).render(about=content, **more)
