"""Currencies Stripe takes, the least it charges in them, and how it writes an amount.

Source: https://docs.stripe.com/currencies
"""

_WHOLE = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_IN_HUNDREDTHS = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd
cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd
hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt
mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub
sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst
xcd yer zar zmw
"""

ZERO_DECIMAL = frozenset(_WHOLE.split())
"""Currencies whose smallest unit is the currency itself."""

SUPPORTED = ZERO_DECIMAL | frozenset(_IN_HUNDREDTHS.split())
"""ISO 4217 codes, in lower case as Stripe writes them."""

MAXIMUM = 99_999_999
"""The most an amount may be, in the currency's smallest unit."""

MINIMUMS = {
    **dict.fromkeys(("usd", "aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd"), 50),
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}
"""The least amount of one charge; currencies not named here have no minimum of their own."""

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def written(amount: int, currency: str) -> str:
    """An amount as Stripe writes it in messages.

    >>> written(2000, "usd"), written(500, "jpy"), written(1050, "sek")
    ('$20.00', '¥500', '10.50 SEK')
    """
    number = f"{amount:,}" if currency in ZERO_DECIMAL else f"{amount / 100:,.2f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {currency.upper()}"
