"""Money, rates and dates in the forms of many countries."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from babel import localedata
from hypothesis import given
from hypothesis import strategies as st
from notification.formats import date, locale, moment, money, percent

CURRENCIES = ["EUR", "JPY", "ISK", "UGX", "KWD"]
EVENING = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture(autouse=True)
def aws() -> None:
    """None: what is tested here is pure."""


def plain(text: str) -> str:
    """With the spaces that anybody can type."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("amount", "currency", "tag", "told"),
    [
        (0, "EUR", "en", "€0.00"),
        (5, "EUR", "en", "€0.05"),
        (123450, "USD", "en", "$1,234.50"),
        (1999, "CHF", "en", "CHF 19.99"),
        (1500, "JPY", "en", "¥1,500"),
        (500000, "ISK", "en", "ISK 5,000.00"),
        (500000, "UGX", "en", "UGX 5,000.00"),
        (12345, "KWD", "en", "KWD 12.345"),
        (123450, "EUR", "en-IE", "€1,234.50"),
        (123450, "EUR", "de-DE", "1.234,50 €"),
        (123450, "EUR", "fr-FR", "1 234,50 €"),
        (123450, "EUR", "de-CH", "EUR 1\N{RIGHT SINGLE QUOTATION MARK}234.50"),
        (1500, "JPY", "ja-JP", "￥1,500"),
        (12345678, "INR", "en-IN", "₹1,23,456.78"),
    ],
)
def test_money_is_written_as_people_do(amount: int, currency: str, tag: str, told: str) -> None:
    assert plain(money(amount, currency, tag)) == told


@given(st.integers(0, 10**12), st.sampled_from(CURRENCIES), st.sampled_from(["en", "de", "ja"]))
def test_no_minor_unit_is_lost(amount: int, currency: str, tag: str) -> None:
    digits = "".join(c for c in money(amount, currency, tag) if c.isdigit())
    assert int(digits) == amount


@pytest.mark.parametrize(
    ("rate", "told"),
    [("0.15", "15%"), ("0.075", "7.5%"), ("0.2", "20%"), ("0.10", "10%"), ("0", "0%")],
)
def test_a_rate_is_written_as_people_do(rate: str, told: str) -> None:
    assert percent(Decimal(rate)) == told
    assert plain(percent(Decimal(rate), "de")) == told.replace(".", ",").replace("%", " %")


@pytest.mark.parametrize(
    ("tag", "day"),
    [
        ("en", "November 19, 2026"),
        ("en-IE", "19 November 2026"),
        ("de-DE", "19. November 2026"),
        ("ja-JP", "2026年11月19日"),
    ],
)
def test_a_date_is_the_day_in_utc(tag: str, day: str) -> None:
    assert date(EVENING, tag) == day
    assert plain(moment(EVENING, tag)).startswith(day)
    assert moment(EVENING, tag).endswith(" UTC")


def test_a_moment_is_told_to_the_minute() -> None:
    assert moment(EVENING, "en-IE") == "19 November 2026, 23:30 UTC"
    assert plain(moment(EVENING, "en")) == "November 19, 2026, 11:30 PM UTC"


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        ("en", "en"),
        ("EN-ie", "en_IE"),
        ("de-XX", "de"),
        ("de-DE-x1-y2", "de_DE"),
        ("zh-Hant-TW", "zh_Hant_TW"),
        ("xx", "en"),
        ("xx-YY", "en"),
        ("und", "en_US"),
    ],
)
def test_of_a_locale_the_nearest_that_is_known_counts(tag: str, known: str) -> None:
    assert str(locale(tag)) == known


@given(st.from_regex(r"\A[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z"))
def test_every_tag_is_some_locale(tag: str) -> None:
    assert "12" in money(1200, "EUR", tag)


def test_every_language_writes_all_there_is_to_write() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    languages = [name for name in localedata.locale_identifiers() if "_" not in name]
    assert len(languages) > 100
    for tag in languages:
        for told in (money(123456, "EUR", tag), percent(Decimal("0.15"), tag), moment(at, tag)):
            assert told.strip(), tag
            assert not set(told) & set('<>&"\n'), tag
