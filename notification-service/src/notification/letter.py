"""A letter: the subject, text and HTML that a template makes of a content. Pure, no AWS."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from pydantic import BaseModel

from notification import formats
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
    Reason.SHOP: "We had to cancel it, because we could not carry it out.",
    Reason.EXPIRED: "It could not be paid and confirmed in time, and we do not keep toys aside for "
    "longer than that.",
    Reason.UNDELIVERABLE: "We could not bring you all that you ordered.",
}
"""Why an order was cancelled, in words for who placed it."""


_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


class Letter(BaseModel):
    """What is sent: a subject of one line, and the same in plain text and in HTML."""

    subject: str
    text: str
    html: str


def _localised[**P](write: Callable[P, str]) -> Callable[..., str]:
    """A filter of a template: the function, told the locale of the letter as well.

    What it writes from the right is isolated from the English around it, so that each keeps its
    order. Marks do that, which plain text can have, too.
    """

    @pass_context
    def written(context: Context, *args: P.args, **kwargs: P.kwargs) -> str:
        told = write(*args, context["locale"], **kwargs)
        if formats.locale(context["locale"]).character_order == "right-to-left":
            return f"{_ISOLATE}{told}{_END}"
        return told

    return written


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"], default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    name: _localised(getattr(formats, name)) for name in ("money", "percent", "date", "moment")
}
_environment.globals |= {"shop": SHOP, "reasons": REASONS, "Reason": Reason}


def write(content: Content, locale: str = formats.DEFAULT) -> Letter:
    """The letter about `content`, its money and dates as `locale` (BCP 47) writes them.

    The same content makes the same letter.
    """
    told = {"about": content, "locale": locale}
    subject = " ".join(_render(f"{content.template}.subject.txt", told).split())
    return Letter(
        subject=subject,
        text=_render(f"{content.template}.txt", told),
        html=_render(f"{content.template}.html", told | {"subject": subject}),
    )


def _render(template: str, told: Mapping[str, object]) -> str:
    return _environment.get_template(template).render(told)
