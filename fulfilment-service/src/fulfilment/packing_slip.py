"""The packing slip of a shipment, as a page of HTML that brings all it needs. A pure function."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fulfilment import code128
from fulfilment.shipment import Shipment

CONTENT_TYPE = "text/html; charset=utf-8"

LONGEST_BARCODE = 40
"""Characters that fit on the page in bars wide enough for a scanner."""

MODULE = 0.33
"""Millimetres of the narrowest bar."""

BAR_HEIGHT = 14
"""Millimetres."""

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "packing_slip.css").read_text()
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: its own style and nothing else."""


def render(shipment: Shipment) -> str:
    """The packing slip of a shipment as it is."""
    return _TEMPLATE.render(
        shipment=shipment,
        style=_STYLE,
        barcode=barcode(shipment.order_id),
        pieces=sum(line.quantity for line in shipment.lines),
    )


def barcode(text: str) -> str | None:
    """The text in Code 128, as SVG. None: it is too long for a page, or not in printable ASCII."""
    if len(text) > LONGEST_BARCODE:
        return None
    try:
        bars, modules = code128.bars(text)
    except ValueError:
        return None
    path = "".join(f"M{place} 0h{width}v1h-{width}z" for place, width in bars)
    return (
        '<svg role="img" aria-label="The order number as a barcode" preserveAspectRatio="none" '
        f'shape-rendering="crispEdges" viewBox="0 0 {modules} 1" '
        f'width="{modules * MODULE:.2f}mm" height="{BAR_HEIGHT}mm"><path d="{path}"/></svg>'
    )


def date(at: datetime) -> str:
    """A time as people write it: "20 November 2026, 10:15 UTC"."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_ENVIRONMENT.filters["date"] = date
_TEMPLATE = _ENVIRONMENT.get_template("packing_slip.html.j2")
