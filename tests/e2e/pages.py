"""What a shopper does on the storefront's pages, found by role and label."""

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from local.settings import Settings
from local.shopper import ADDRESS, PASSWORD, Shopper

COUNTRY = "Ireland"
"""The name of ADDRESS's country."""

VISA = re.compile("Visa ending in 4242")
SECURE = re.compile("Visa ending in 3155")
DECLINED = re.compile("Visa ending in 0002")

ORDERED = re.compile(r"Thank you! We have your order (\S+)\.")

_AXE = Axe()

_ALL_PICTURES = """() => Promise.all([...document.images].map((image) => {
    image.loading = "eager";  // also those that are further down
    return image.decode().catch(() => null);
}))"""


def money(minor: int) -> str:
    """An amount in EUR as a shopper in Ireland reads it."""
    return f"€{minor / 100:,.2f}"


def heading(page: Page, text: str | re.Pattern[str], level: int | None = None) -> Locator:
    """A heading of the page."""
    return page.get_by_role("heading", name=text, exact=True, level=level)


def cart_link(page: Page, toys: int) -> Locator:
    """The header's link to a cart of so many toys."""
    return page.get_by_role("link", name=f"Cart, {toys} {'toy' if toys == 1 else 'toys'}")


def show_toy(page: Page, toy_id: str) -> None:
    """Go to a toy's page."""
    page.goto(f"/toy?id={toy_id}")
    expect(page.get_by_role("spinbutton", name="Quantity", exact=True)).to_be_visible()


def put_into_cart(page: Page, toy_id: str, quantity: int = 1) -> None:
    """From a toy's page."""
    show_toy(page, toy_id)
    page.get_by_role("spinbutton", name="Quantity", exact=True).fill(str(quantity))
    page.get_by_role("button", name="Add to cart", exact=True).click()
    expect(page.get_by_text("is in your cart.")).to_be_visible()


def amount(within: Locator, name: str) -> Locator:
    """What stands beside a name in a list of names and amounts: Total, Net, …"""
    term = within.get_by_role("term").filter(has_text=re.compile(rf"^{name}"))
    return term.locator("xpath=following-sibling::dd[1]")


def shows_terms(within: Locator, quote: dict[str, Any]) -> None:
    """The sums of a quote or an order are to be read."""
    for name in ("net", "tax", "gross"):
        shown = "Total" if name == "gross" else name.capitalize()
        expect(amount(within, shown)).to_have_text(money(quote[name]))
    shipping = money(quote["shipping"]) if quote["shipping"] else "Free"
    expect(amount(within, "Shipping")).to_have_text(shipping)


def log_in(page: Page, shopper: Shopper, password: str = PASSWORD) -> None:
    """From anywhere; ends at home."""
    page.goto("/log-in")
    enter(page, shopper.email, password)
    page.wait_for_url("/")
    expect(account(page)).to_be_visible()


def enter(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fill the log-in page in, and send it."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def account(page: Page) -> Locator:
    """The header's button of who is logged in."""
    return page.get_by_role("button", name="Account", exact=True)


def log_out(page: Page) -> None:
    """By the header's menu."""
    account(page).click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("link", name="Log in", exact=True)).to_be_visible()


def fill_address(page: Page) -> None:
    """On the checkout's first step."""
    page.get_by_label("Full name").fill(ADDRESS["name"])
    page.get_by_label("Street and number").fill(ADDRESS["line1"])
    page.get_by_label("Postal code").fill(ADDRESS["postalCode"])
    page.get_by_label("Town or city").fill(ADDRESS["city"])
    page.get_by_label("Country").select_option(label=COUNTRY)


def to_payment(page: Page) -> None:
    """From a cart and an account to the checkout's last step."""
    page.goto("/checkout")
    expect(heading(page, "Where does it go?")).to_be_visible()
    expect(page.get_by_label("Full name")).to_be_visible()
    fill_address(page)
    page.get_by_role("button", name="Continue to your order").click()
    page.get_by_role("button", name="Continue to payment").click()
    expect(heading(page, "How do you pay?")).to_be_visible()


def pay(page: Page, card: re.Pattern[str]) -> None:
    """Choose a card and order."""
    page.get_by_role("radio", name=card).check()
    page.get_by_role("button", name="Pay and order").click()


def ordered(page: Page) -> str:
    """The number of the order that the home page thanks for."""
    notice = page.get_by_text(ORDERED)
    expect(notice).to_be_visible()
    found = ORDERED.search(notice.inner_text())
    assert found
    assert page.url.endswith("/"), page.url
    return found[1]


def buy(page: Page, toy_id: str, card: re.Pattern[str], quantity: int = 1) -> str:
    """All of the above, logged in; the order's number."""
    put_into_cart(page, toy_id, quantity)
    to_payment(page)
    pay(page, card)
    return ordered(page)


def step(page: Page, name: str) -> Locator:
    """A step of an order's timeline."""
    timeline = page.get_by_role("list", name="What happened so far")
    return timeline.get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))


def reaches(page: Page, name: str, seconds: float = 60) -> None:
    """The order gets there while its page is open: nothing is loaded anew."""
    here = step(page, name)
    expect(here).to_have_attribute("aria-current", "step", timeout=seconds * 1000)


def settled(page: Page) -> None:
    """Nothing is loading any more."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(page.get_by_text("Loading", exact=True)).to_have_count(0)


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    found = _AXE.run(page).response["violations"]
    return [
        f"{page.url}: {rule['id']}: {rule['help']}: {', '.join(map(str, node['target']))}"
        for rule in found
        for node in rule["nodes"]
    ]


def screenshot(page: Page, settings: Settings, name: str) -> None:
    """Keep how the page looks, whole, under the cloud's folder."""
    path = settings.home / "screenshots" / f"{name}.png"
    page.evaluate(_ALL_PICTURES)
    page.screenshot(path=path, full_page=True, animations="disabled")
