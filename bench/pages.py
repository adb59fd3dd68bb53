"""Measures what a browser loads for each page of the storefront, and how soon toys are seen."""

import gzip
import statistics
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, Response, sync_playwright
from rich.console import Console
from rich.table import Table

from local.errors import LocalError
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.browser import DESKTOP, executable, start
from tests.e2e.pages import log_in, settled

PAGES = {
    "/": "home",
    "/?q=wooden": "a search",
    "/toy?id={toy}": "a toy",
    "/cart": "the cart",
    "/sign-up": "sign-up",
    "/log-in": "log-in",
    "/account": "the account *",
    "/checkout": "the checkout *",
    "/orders": "the orders *",
    "/order?id={order}": "an order *",
}

LOADS = 7

SEEN = "() => document.querySelector('article') ? performance.now() : 0"
"""When there is a first toy, in milliseconds after the way to the page began."""


@dataclass
class Weight:
    """What came for a page."""

    requests: int = 0
    pictures: int = 0
    size: int = 0
    """Bytes of all but pictures, as they are here."""

    packed: int = 0
    """The same with gzip, as CloudFront sends text."""

    answers: list[Response] = field(default_factory=list)

    def count(self) -> None:
        """Read the bodies that came."""
        for answer in self.answers:
            if answer.request.resource_type == "image":
                self.pictures += not answer.url.startswith("data:")
                continue
            body = b"" if answer.status == 304 else answer.body()
            self.requests += 1
            self.size += len(body)
            self.packed += len(gzip.compress(body, 6))


def pages(settings: Settings, console: Console) -> None:
    """Load each page into an empty browser, and show what came. * are those of who is logged in."""
    shopper = Shopper.sign_up(settings)
    toy = shopper.toys()[0]
    lines = [{"toyId": toy["toyId"], "quantity": 1}]
    order = shopper.order(lines, "pm_card_visa")["orderId"]
    shopper.await_end(order)
    with sync_playwright() as playwright:
        path = executable(playwright)
        if path is None:
            raise LocalError("There is no browser to measure the pages with")
        browser = start(playwright, path)
        table = Table("page", "requests", "KB", "KB, gzip", "pictures", "first toy", box=None)
        for address, name in PAGES.items():
            url = settings.url + address.format(toy=toy["toyId"], order=order)
            weight = loaded(browser, url, settings, shopper if name.endswith("*") else None)
            seen = ""
            if address in {"/", "/?q=wooden"}:
                fresh = statistics.median(first_toy(browser, url) for _ in range(LOADS))
                seen = f"{fresh:.0f} ms (median of {LOADS}, nothing cached)"
            table.add_row(
                name,
                str(weight.requests),
                f"{weight.size / 1000:.1f}",
                f"{weight.packed / 1000:.1f}",
                str(weight.pictures),
                seen,
            )
        browser.close()
    console.print(table)


def loaded(browser: Browser, url: str, settings: Settings, shopper: Shopper | None) -> Weight:
    """What an empty browser gets for a page; logged in where there is a shopper."""
    context = browser.new_context(base_url=settings.url, viewport=DESKTOP)
    page = context.new_page()
    if shopper:
        log_in(page, shopper)
        session = context.storage_state()
        context.close()
        context = browser.new_context(storage_state=session, viewport=DESKTOP)
        page = context.new_page()
    weight = Weight()
    page.on("response", lambda answer: weight.answers.append(answer))
    page.goto(url)
    settled(page)
    weight.count()
    context.close()
    return weight


def first_toy(browser: Browser, url: str) -> float:
    """Milliseconds until an empty browser shows the first toy."""
    context = browser.new_context(viewport=DESKTOP)
    page: Page = context.new_page()
    page.goto(url, wait_until="commit")
    seen = page.wait_for_function(SEEN, polling="raf").json_value()
    context.close()
    return float(seen)
