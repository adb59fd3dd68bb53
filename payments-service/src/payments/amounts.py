"""Amounts of money, as people write them. Pure."""

from decimal import Decimal

# Source: https://docs.stripe.com/currencies#zero-decimal. It shows what Stripe charged, and
# Stripe counts ISK and UGX, which have no decimals any more, in hundredths still.
_WHOLE = set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THOUSANDTHS = {"BHD", "JOD", "KWD", "OMR", "TND"}


def money(amount: int, currency: str) -> str:
    """An amount in minor units as people write it: 123456, "EUR" -> "1,234.56"."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return f"{Decimal(amount).scaleb(-places):,.{places}f}"
