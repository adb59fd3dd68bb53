"""The letters: what they say, and what they make of numbers, dates and hostile names."""

import re
from html.parser import HTMLParser
from typing import Any
from unicodedata import bidirectional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification.content import Content, Reason
from notification.letter import REASONS, Letter, write
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
REFUND = ORDER | {
    "template": "refund",
    "currency": "EUR",
    "amount": 1999,
    "total": 3000,
    "gross": 127943,
    "refundedAt": "2026-11-25T12:00:00.000Z",
}
LINK = {
    "name": "Paper Castle",
    "url": "https://files.example.com/shared/t0ken/castle.pdf",
    "expiresAt": "2026-12-20T10:15:00.000Z",
}
DOWNLOADS = ORDER | {"template": "order-downloads", "downloads": [LINK]}
ISOLATE, END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
ALL = [RECEIPT, REFUND, DOWNLOADS, *(ORDER | other for other in OTHERS)]


@pytest.fixture(autouse=True)
def aws() -> None:
    """None: what is tested here is pure."""


def written(content: dict[str, Any], locale: str = "en-IE") -> Letter:
    return write(TypeAdapter[Any](Content).validate_python(content), locale)


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
        assert "{%" not in text
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


@pytest.mark.parametrize("tag", ["ar", "ar-EG", "fa-IR", "he-IL", "ur-PK"])
@pytest.mark.parametrize("content", [RECEIPT, REFUND, DOWNLOADS], ids=lambda c: c["template"])
def test_what_is_written_from_the_right_stands_by_itself(content: dict[str, Any], tag: str) -> None:
    """Beside English words, a mail program would else put parts of both among each other."""
    letter = written(content, tag)
    for told in (letter.text, letter.html):
        beside, inside = re.subn(f"{ISOLATE}[^{ISOLATE}]*?{END}", "", told)
        assert inside
        assert not {bidirectional(c) for c in beside} & {"R", "AL", "AN", "FSI", "PDI"}


def test_what_is_written_from_the_left_is_not_marked() -> None:
    for tag in ("en-IE", "de-DE", "ja-JP"):
        letter = written(RECEIPT, tag)
        assert not set(letter.text + letter.html) & {ISOLATE, END}


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


@pytest.mark.parametrize("reason", Reason)
def test_a_cancellation_denies_no_download_that_was_mailed_before(reason: Reason) -> None:
    """Who ordered a parcel and downloads may have these, and keeps them when the parcel fails."""
    letter = written(ORDER | {"template": "order-cancelled", "reason": reason.value})
    for told in (" ".join(letter.text.split()), words(letter.html)):
        assert "No parcel of it will come to you" in told
        assert "Nothing of this order" not in told
        assert "bring it to you" not in told


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


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>You won</h1>",
    "{{ about.order_id }}{% raw %}",
    "<style>*{display:none}</style><!-- -->",
    "&lt;b&gt; &amp; \N{RIGHT-TO-LEFT OVERRIDE}x",
]


def named(name: str) -> list[dict[str, Any]]:
    """Every e-mail in which somebody's words stand, with these."""
    return [
        RECEIPT | {"lines": [{"name": name, "quantity": 1, "price": 1}]},
        ORDER | {"template": "order-dispatched", "carrier": name, "trackingNumber": name},
        DOWNLOADS | {"downloads": [LINK | {"name": name}]},
        ORDER | {"template": "order-delivered", "orderId": name},
    ]


def outline(html: str) -> list[tuple[str, int]]:
    """The elements of a page, without the words: each by its name and how many attributes it has"""
    found: list[tuple[str, int]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
            found.append((tag, len(attrs)))

    Reader().feed(html)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_ever_text(name: str) -> None:
    for hostile, harmless in zip(named(name), named("x"), strict=True):
        letter = written(hostile)
        assert outline(letter.html) == outline(written(harmless).html)
        assert name in letter.text
        assert " ".join(name.split()) in words(letter.html)


@given(st.text(min_size=1).filter(str.strip))
def test_a_name_is_only_ever_text(name: str) -> None:
    hostile = f"<script>alert('{name}')</script>&amp;"
    for content in named(hostile):
        letter = written(content)
        assert "<script" not in letter.html
        assert hostile in letter.text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", 'https://a.example/"onclick="x', "//a", ""]
)
def test_a_link_leads_to_a_page_or_nowhere(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        written(DOWNLOADS | {"downloads": [LINK | {"url": url}]})


def test_downloads_have_a_link_each_and_an_end() -> None:
    other = LINK | {"name": "Kite Plan", "url": "https://files.example.com/shared/other?a=1&b=2"}
    one, two = written(DOWNLOADS), written(DOWNLOADS | {"downloads": [LINK, other]})
    assert LINK["url"] in one.text
    assert f'href="{LINK["url"]}"' in one.html
    assert 'href="https://files.example.com/shared/other?a=1&amp;b=2"' in two.html
    assert other["url"] in two.text
    for told in (two.text, words(two.html)):
        assert told.count("Until 20 December 2026, 10:15 UTC") == 2
        assert "Your downloads are ready" in told
    assert "Your download is ready" in one.text
    assert (one.subject, two.subject) == (
        "Your download of order ORDER-1",
        "Your downloads of order ORDER-1",
    )


@pytest.mark.parametrize(
    ("amount", "total", "said"),
    [
        (1999, 1999, ""),
        (1999, 3000, "in all"),
        (1999, 127943, "the rest of what you paid"),
        (127943, 127943, "all that you paid"),
    ],
)
def test_a_refund_says_how_much_and_how_much_in_all(amount: int, total: int, said: str) -> None:
    letter = written(REFUND | {"amount": amount, "total": total})
    for told in (" ".join(letter.text.split()), words(letter.html)):
        assert f"€{amount / 100:,.2f} back to you on 25 November 2026" in told
        assert said in told
        assert ("so far, in all" in told) == (total > amount)
        assert ("the rest of" in told) == (amount < total == 127943)
        assert ("all that you paid" in told) == (amount == 127943)
        assert "€1,279.43" in told


@pytest.mark.parametrize("content", ALL, ids=lambda c: c["template"] + c.get("reason", ""))
def test_a_mail_is_one_that_mail_programs_take(content: dict[str, Any]) -> None:
    html = written(content).html
    assert "max-width:600px" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    for fetched in ("<img", "<link", "<script", "<form", "@import", "url(", "src="):
        assert fetched not in html
    assert html.count("<table") == html.count("</table>")
    preheader = html.split("</div>")[0].rpartition(">")[2]
    assert preheader.partition("&#8199;")[0].strip()


def test_money_and_dates_follow_the_locale_and_words_do_not() -> None:
    letter = written(RECEIPT, "de-DE")
    for told in (" ".join(letter.text.split()), words(letter.html)):
        assert "1.279,43 €" in told
        assert "20. November 2026" in told
        assert "15 %" in told
        assert "Thank you" in told


def test_a_subject_is_one_line() -> None:
    letter = written(ORDER | {"template": "order-delivered", "orderId": "ORDER\r\nBcc: x"})
    assert letter.subject.splitlines() == [letter.subject]


def test_the_largest_receipt_stays_far_below_what_ses_takes() -> None:
    lines = [{"name": "W" * 120, "quantity": 99, "price": 100_000_000}] * 100
    letter = written(RECEIPT | {"lines": lines})
    assert len(letter.html.encode()) < 100_000
