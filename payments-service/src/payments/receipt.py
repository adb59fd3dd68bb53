"""The receipt of a payment, as a page of HTML. A pure function of the payment as it is stored."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from payments.amounts import money
from payments.payment import Payment

CONTENT_TYPE = "text/html"


def file_name(order_id: str) -> str:
    """The name under which an order's receipt is stored."""
    return f"receipt-{order_id}.html"


def render(payment: Payment) -> str:
    """The receipt of a payment that was taken."""
    return _TEMPLATE.render(payment=payment, money=partial(money, currency=payment.currency))


def percent(rate: str) -> str:
    """A share as people write it: "0.15" -> "15%"."""
    return f"{(Decimal(rate) * 100).normalize():f}%"


def date(at: datetime) -> str:
    """A time as people write it: "20 November 2026, 10:15 UTC"."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_ENVIRONMENT.filters |= {"date": date, "percent": percent}
_TEMPLATE = _ENVIRONMENT.get_template("receipt.html.j2")
