"""Write every e-mail that the shop sends into files that a browser opens, with a page of them all.

    python preview.py [folder]      without one: .local/mail-preview

Each template is written in several languages' money and dates, as HTML and as text. It is what the
service itself would send: of the receipt in events/, and of contents made for the same order.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER / "src"))

from notification.content import (  # noqa: E402
    Content,
    Download,
    OrderCancelled,
    OrderDelivered,
    OrderDispatched,
    OrderDownloads,
    Reason,
    Receipt,
    Refund,
)
from notification.letter import Letter, write  # noqa: E402
from notification.messages import parse  # noqa: E402

LOCALES = ("en-IE", "de-DE", "ja-JP")

PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>E-mails of the shop</title>
<style>
:root { color-scheme: light dark; }
body { margin: 2rem; font: 16px/1.5 system-ui, sans-serif; }
main { display: grid; gap: 2rem; }
@media (min-width: 60rem) { main { grid-template-columns: 1fr 1fr; } }
article { display: flex; flex-direction: column; gap: .5rem; }
h2 { margin: 0; font-size: 1rem; }
p { margin: 0; }
iframe { width: 100%; height: 36rem; border: 1px solid #8888; border-radius: 8px; }
</style>
</head>
<body>
<h1>E-mails of the shop</h1>
<main>
{% for name, subject, locales in mails %}
<article>
<h2>{{ name }}</h2>
<p>{{ subject }}</p>
<p>
{% for locale in locales %}
{{ locale }}:
<a href="{{ name }}.{{ locale }}.html">HTML</a>,
<a href="{{ name }}.{{ locale }}.txt">text</a>{{ ";" if not loop.last }}
{% endfor %}
</p>
<iframe title="{{ name }}" src="{{ name }}.{{ locales[0] }}.html" loading="lazy"></iframe>
</article>
{% endfor %}
</main>
</body>
</html>
""")


def contents() -> Iterator[tuple[str, Content]]:
    """Every kind of e-mail, each cancellation and some refunds among them, by a name of its own."""
    receipt = sample()
    order_id, paid_at = receipt.order_id, receipt.paid_at
    yield "receipt", receipt
    yield "receipt-with-shipping", receipt.model_copy(update=shipped(receipt, 495))
    for reason in Reason:
        name = reason.value.lower().replace("_", "-")
        about = OrderCancelled(template="order-cancelled", order_id=order_id, reason=reason)
        yield f"order-cancelled-{name}", about
    yield (
        "order-dispatched",
        OrderDispatched(
            template="order-dispatched",
            order_id=order_id,
            carrier="Parcel Post",
            tracking_number="PP-2026-000417",
        ),
    )
    yield "order-delivered", OrderDelivered(template="order-delivered", order_id=order_id)
    half = receipt.gross // 2
    for name, amount, total in (
        ("refund-part", half, half),
        ("refund-rest", receipt.gross - half, receipt.gross),
        ("refund-all", receipt.gross, receipt.gross),
    ):
        refund = Refund(
            template="refund",
            order_id=order_id,
            currency=receipt.currency,
            amount=amount,
            total=total,
            gross=receipt.gross,
            refunded_at=paid_at + timedelta(days=3),
        )
        yield name, refund
    files = [
        Download(
            name=line.name,
            url=f"https://files.example.com/shared/{number}/file.pdf",
            expires_at=paid_at + timedelta(days=30),
        )
        for number, line in enumerate(receipt.lines, 1)
    ]
    for name, given in (("order-downloads-one", files[:1]), ("order-downloads", files)):
        downloads = OrderDownloads(
            template="order-downloads", order_id=order_id, downloads=tuple(given)
        )
        yield name, downloads


def sample() -> Receipt:
    """The receipt of the sample in events/."""
    event = json.loads((FOLDER / "events" / "inbox-SendEmail.json").read_text())
    content = parse(event["Records"][0]["body"])[1].data.content
    assert isinstance(content, Receipt), "the sample is to be a receipt"
    return content


def shipped(receipt: Receipt, shipping: int) -> dict[str, Any]:
    """What changes in a receipt where shipping costs that much: half up, as all taxes are."""
    gross = receipt.gross - receipt.shipping + shipping
    net = round(gross / (1 + receipt.tax_rate))
    return {"shipping": shipping, "gross": gross, "net": net, "tax": gross - net}


def write_all(folder: Path) -> Path:
    """Write the files, those of an earlier time gone. Returns the page that shows them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.html"), *folder.glob("*.txt")):
        old.unlink()
    mails = []
    for name, content in contents():
        letters: dict[str, Letter] = {locale: write(content, locale) for locale in LOCALES}
        for locale, letter in letters.items():
            (folder / f"{name}.{locale}.html").write_text(letter.html)
            text = f"Subject: {letter.subject}\n\n{letter.text}"
            (folder / f"{name}.{locale}.txt").write_text(text)
        mails.append((name, letters[LOCALES[0]].subject, LOCALES))
    index = folder / "index.html"
    index.write_text(PAGE.render(mails=mails))
    return index


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else os.path.join(".local", "mail-preview")
    print(write_all(Path(wanted)).resolve().as_uri())
