"""The letters: what they say, and what they make of numbers, dates and hostile names."""

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification.content import Content, Reason
from notification.letter import REASONS, Letter, date, money, percent, write
from notification.model import Model
from pydantic import TypeAdapter

ORDER = {"orderId": "ORDER-1"}
RECEIPT: dict[str, Any] = ORDER | {
    "template": "receipt",
    "currency": "EUR",
    "lines": [
        {"name": "Kite", "quantity": 2, "price": 1999},
        {"name": "Train", "quantity": 1, "price": 123450},
    ],
    "shipping": 495,
    "net": 111254,
    "tax": 16689,
    "gross": 127943,
    "taxRate": "0.15",
    "placedAt": "2026-11-19T23:59:59.000Z",
    "paidAt": "2026-11-20T00:00:01.000Z",
}
OTHERS: list[dict[str, Any]] = [
    *({"template": "order-cancelled", "reason": reason.value} for reason in Reason),
    {"template": "order-dispatched", "carrier": "Carrier", "trackingNumber": "T-1"},
    {"template": "order-delivered"},
]
ALL = [RECEIPT, *(ORDER | other for other in OTHERS)]


def written(content: dict[str, Any]) -> Letter:
    return write(TypeAdapter[Model](Content).validate_python(content))  # type: ignore[arg-type]


def words(html: str) -> str:
    """The text that a reader sees of an HTML page."""
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

    Reader().feed(html)
    return " ".join(" ".join(seen).split())


@pytest.mark.parametrize("content", ALL, ids=lambda c: c["template"] + c.get("reason", ""))
def test_both_forms_are_complete(content: dict[str, Any]) -> None:
    letter = written(content)
    assert "ORDER-1" in letter.subject
    assert "ORDER-1" in letter.text
    assert "ORDER-1" in words(letter.html)
    assert "<title>" + letter.subject in letter.html
    for text in (letter.text, letter.html):
        assert "None" not in text
        assert "{{" not in text
    assert "<" not in letter.text
    assert written(content) == letter


def test_a_receipt_adds_up_before_the_eyes() -> None:
    letter = written(RECEIPT)
    for told in (letter.text, words(letter.html)):
        for amount in ("€19.99", "€39.98", "€1,234.50", "€4.95", "€1,279.43", "€1,112.54"):
            assert amount in told
        assert "€166.89" in told
        assert "15%" in told
        assert "19 November 2026" in told
        assert "20 November 2026" in told


def test_free_shipping_is_called_that() -> None:
    letter = written(RECEIPT | {"shipping": 0})
    assert "Shipping: free" in letter.text
    assert "Shipping Free" in words(letter.html)


@pytest.mark.parametrize("reason", Reason)
def test_a_cancellation_says_why_and_that_no_money_was_kept(reason: Reason) -> None:
    letter = written(ORDER | {"template": "order-cancelled", "reason": reason.value})
    for told in (" ".join(letter.text.split()), words(letter.html)):
        assert REASONS[reason] in told
        assert "We keep no money for this order" in told
        assert "goes back to you by itself" in told
        assert reason.value not in told


def test_who_cancelled_is_not_told_that_we_are_sorry() -> None:
    for reason in Reason:
        letter = written(ORDER | {"template": "order-cancelled", "reason": reason.value})
        ours = reason is not Reason.CUSTOMER
        assert (
            letter.subject
            == f"{'We could not complete' if ours else 'You cancelled'} order ORDER-1"
        )
        for told in (letter.text, words(letter.html)):
            assert ("sorry" in told) == ours
            assert "our order is cancelled" in told


def test_a_dispatch_names_the_parcel() -> None:
    letter = written(OTHERS[-2] | ORDER)
    for told in (letter.text, words(letter.html)):
        assert "Tracking number at Carrier" in told
        assert "T-1" in told


@given(st.text(min_size=1).filter(str.strip))
def test_a_name_is_only_ever_text(name: str) -> None:
    hostile = f"<script>alert('{name}')</script>&amp;"
    letter = written(RECEIPT | {"lines": [{"name": hostile, "quantity": 1, "price": 1}]})
    assert "<script" not in letter.html
    assert hostile in letter.text


def test_a_subject_is_one_line() -> None:
    letter = written(ORDER | {"template": "order-delivered", "orderId": "ORDER\r\nBcc: x"})
    assert letter.subject.splitlines() == [letter.subject]


def test_the_largest_receipt_stays_far_below_what_ses_takes() -> None:
    lines = [{"name": "W" * 120, "quantity": 99, "price": 100_000_000}] * 100
    letter = written(RECEIPT | {"lines": lines})
    assert len(letter.html.encode()) < 100_000


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (0, "EUR", "€0.00"),
        (5, "EUR", "€0.05"),
        (123450, "USD", "$1,234.50"),
        (1999, "CHF", "CHF 19.99"),
        (1500, "JPY", "¥1,500"),
        (500000, "ISK", "ISK 5,000.00"),
        (500000, "UGX", "UGX 5,000.00"),
        (12345, "KWD", "KWD 12.345"),
    ],
)
def test_money_is_written_as_people_do(amount: int, currency: str, told: str) -> None:
    assert money(amount, currency) == told


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "ISK", "UGX", "KWD"]))
def test_no_minor_unit_is_lost(amount: int, currency: str) -> None:
    digits = "".join(c for c in money(amount, currency) if c.isdigit())
    assert int(digits) == amount


@pytest.mark.parametrize(
    ("rate", "told"),
    [("0.15", "15%"), ("0.075", "7.5%"), ("0.2", "20%"), ("0.10", "10%"), ("0", "0%")],
)
def test_a_rate_is_written_as_people_do(rate: str, told: str) -> None:
    assert percent(Decimal(rate)) == told


def test_a_date_is_the_day_in_utc() -> None:
    content = TypeAdapter[Any](Content).validate_python(
        RECEIPT | {"paidAt": "2026-11-20T01:30:00.000+02:00"}
    )
    assert date(content.paid_at) == "19 November 2026"
