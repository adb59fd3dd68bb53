"""The packing slip: what is on it, that it is safe to open, and that a scanner can read it."""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from fulfilment import api, packing_slip
from fulfilment.code128 import _WIDTHS, QUIET, STOP, bars, values
from fulfilment.shipment import Address, Line, Shipment, Status
from fulfilment.table import ShipmentsTable
from hypothesis import given
from hypothesis import strategies as st

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"' onload=x </style> {{ 7 * 7 }} &amp;"


def shipment(**other: Any) -> Shipment:
    kept = Shipment(
        order_id="6VB72GG8EWFC91FRGBXPZ1WPE7",
        shipping_address=Address(
            name="A. Shopper",
            line1="1 High Street",
            line2="Flat 2",
            city="Dublin",
            postal_code="D01",
            country="IE",
        ),
        lines=(
            Line(toy_id="toy-1", name="Kite", quantity=2),
            Line(toy_id="toy-2", name="Bear", quantity=1),
        ),
        status=Status.WAITING,
        created_at=MORNING,
        version=4,
        updated_at=MORNING,
        correlation_id="order-1",
        causation_id="order-1:3:ShipOrder",
    )
    return kept.model_copy(update=other)


class Page(HTMLParser):
    """The tags, the attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "style" and not self.style:
            self.style = data
        else:
            self.words.append(data)


def test_it_says_what_to_pack_and_where_it_goes() -> None:
    page = Page(packing_slip.render(shipment()))
    for told in (
        "Packing slip of order 6VB72GG8EWFC91FRGBXPZ1WPE7",
        "A. Shopper 1 High Street Flat 2 D01 Dublin IE",
        "2 \u00d7 Kite toy-1 1 \u00d7 Bear toy-2",
        "3 pieces in all",
        "5 January 2026, 10:00 UTC",
        "Version 4",
        "Address 0, as ordered",
    ):
        assert told in page.text
    assert "svg" in page.tags
    assert "Do not send" not in page.text


def test_it_says_that_the_address_is_another_than_ordered() -> None:
    page = Page(packing_slip.render(shipment(address_number=2)))
    assert "Address 2, another than ordered" in page.text


@pytest.mark.parametrize("status", [status for status in Status if status != "WAITING"])
def test_it_says_when_the_parcel_must_not_be_sent(status: Status) -> None:
    told = packing_slip.render(shipment(status=status))
    assert f"{status}: this parcel does not wait any more" in Page(told).text


def test_nothing_that_people_wrote_becomes_a_part_of_the_page() -> None:
    address = Address.model_validate(dict.fromkeys(Address.model_fields, EVIL))
    evil = shipment(
        order_id=EVIL[:40],
        shipping_address=address,
        lines=(Line(toy_id=EVIL, name=EVIL, quantity=1),),
        carrier=EVIL,
        tracking_number=EVIL,
    )
    plain = Page(packing_slip.render(shipment(lines=shipment().lines[:1], carrier="P")))
    page = Page(packing_slip.render(evil))
    assert [t for t in page.tags if t != "svg"] == [t for t in plain.tags if t != "svg"]
    assert page.style == plain.style
    assert page.text.count(" ".join(EVIL.split())) == len(Address.model_fields) + 4


def test_it_brings_all_it_needs() -> None:
    page = Page(packing_slip.render(shipment()))
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert not {"src", "href", "style", "action", "srcset"} & {name for name, _ in page.attributes}
    assert not re.search(r"url\(|@import|http", page.style)
    digest = b64encode(sha256(page.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in packing_slip.POLICY
    assert packing_slip.POLICY.startswith("default-src 'none'; ")


def test_the_api_prints_it(sample: Callable[[str], dict[str, Any]], context: Any) -> None:
    waiting = shipment(version=1)
    ShipmentsTable("Table").add(waiting)
    path = f"/shipments/{waiting.order_id}/packing-slip"
    event = sample("api-get-shipment") | {"path": path, "httpMethod": "GET"}
    answer = api.handler(event, context)
    assert answer["statusCode"] == 200
    assert answer["body"] == packing_slip.render(waiting)
    assert not answer["isBase64Encoded"]
    assert answer["multiValueHeaders"] == {
        "Cache-Control": ["private, no-store"],
        "Content-Security-Policy": [packing_slip.POLICY],
        "Content-Type": ["text/html; charset=utf-8"],
        "ETag": ['"1"'],
        "Referrer-Policy": ["no-referrer"],
        "X-Content-Type-Options": ["nosniff"],
    }
    missing = api.handler(event | {"path": "/shipments/none/packing-slip"}, context)
    assert missing["statusCode"] == 404
    assert missing["multiValueHeaders"]["Content-Type"] == ["application/json"]


# The barcode


def read(text: str) -> str:
    """What a scanner makes of the bars of a text. It knows only how they are laid out."""
    found, modules = bars(text)
    assert found[0][0] == QUIET
    assert sum(found[-1]) + QUIET == modules
    edges = [edge for place, width in found for edge in (place, place + width)]
    widths = "".join(str(b - a) for a, b in pairwise(edges))
    assert widths.endswith(_WIDTHS[STOP])
    symbols = [_WIDTHS.index(widths[at : at + 6]) for at in range(0, len(widths) - 7, 6)]
    start, *told, check = symbols
    assert start == 104
    assert (start + sum(n * value for n, value in enumerate(told, 1))) % 103 == check
    return "".join(chr(value + 32) for value in told)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_a_scanner_reads_what_was_written(text: str) -> None:
    assert read(text) == text


def test_the_symbols_are_those_of_the_standard() -> None:
    """Its own rules: 11 modules in three bars and three gaps, the bars of an even sum, all differ.

    The widths of a text that other programs made the bars of, too.
    """
    *symbols, stop = _WIDTHS
    assert len(symbols) == len(set(symbols)) == 106
    assert stop == "2331112"
    for symbol in symbols:
        widths = [int(width) for width in symbol]
        assert (len(widths), sum(widths), sum(widths[::2]) % 2) == (6, 11, 0)
        assert all(1 <= width <= 4 for width in widths)
    # Source: the worked example of https://en.wikipedia.org/wiki/Code_128 (there in set A, 103).
    assert values("PJJ123C")[:-2] == [104, 48, 42, 42, 17, 18, 19, 35]
    assert values("PJJ123C")[-2:] == [55, 106]


@pytest.mark.parametrize("text", ["é", "a\n", "\x7f", "🧸"])
def test_what_the_bars_cannot_say_is_not_drawn(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        bars(text)
    assert packing_slip.barcode(text) is None
    page = Page(packing_slip.render(shipment(order_id=text)))
    assert "svg" not in page.tags
    assert " ".join(text.split()) in page.text


def test_a_barcode_fits_on_both_papers() -> None:
    longest = packing_slip.LONGEST_BARCODE
    assert packing_slip.barcode("x" * (longest + 1)) is None
    drawn = packing_slip.barcode("x" * longest)
    assert drawn
    (width,) = re.findall(r'width="([\d.]+)mm"', drawn)
    assert float(width) < 180  # A4 is 210 mm wide, letter 216; the margins take 15 on either side
