"""Money, rates, dates and times, as people of a language and a country write them. Pure."""

import re
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import NumberPattern

DEFAULT = "en"
"""The locale of who has told none, or one that nobody knows."""

MAX_PERCENT_PLACES = 3

_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Where a currency told by letters would touch the number: "CHF19.99"."""

# Source: https://docs.stripe.com/currencies#zero-decimal. A mail shows what Stripe charged, and
# Stripe counts ISK and UGX, which have no decimals any more, in hundredths still.
_WHOLE = set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THOUSANDTHS = {"BHD", "JOD", "KWD", "OMR", "TND"}


@lru_cache(maxsize=64)
def locale(tag: str) -> Locale:
    """What is known of a BCP 47 tag: of "de-XX" what is of "de", and of an unknown one, of "en"."""
    parts = tag.split("-")
    while parts:
        try:
            return Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return Locale.parse(DEFAULT)


def money(amount: int, currency: str, tag: str = DEFAULT) -> str:
    """An amount in minor units: 123450 EUR is "€1,234.50" in "en", "1.234,50 €" in "de"."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    known = locale(tag)
    pattern = _with_places(known.currency_formats["standard"], places, places)
    number = Decimal(amount).scaleb(-places)
    written = str(pattern.apply(number, known, currency=currency, currency_digits=False))
    return _TOUCHING.sub("\N{NO-BREAK SPACE}", written)


def percent(rate: Decimal, tag: str = DEFAULT) -> str:
    """A rate: 0.075 is "7.5%" in "en", "7,5 %" in "de"."""
    known = locale(tag)
    pattern = _with_places(known.percent_formats[None], 0, MAX_PERCENT_PLACES)
    return str(pattern.apply(rate, known))


def _with_places(pattern: NumberPattern, least: int, most: int) -> NumberPattern:
    """A locale's pattern with other decimal places. The locale's own is shared by all."""
    own = copy(pattern)
    own.frac_prec = (least, most)
    return own


def date(at: datetime, tag: str = DEFAULT) -> str:
    """The day of a time (UTC): "20 November 2026" in "en-IE", "20. November 2026" in "de"."""
    return format_date(at.astimezone(UTC).date(), "long", locale(tag))


def moment(at: datetime, tag: str = DEFAULT) -> str:
    """A time to the minute (UTC): "20 November 2026, 10:15 UTC" in "en-IE"."""
    at = at.astimezone(UTC)
    return f"{date(at, tag)}, {format_time(at.time(), 'short', locale=locale(tag))} UTC"
