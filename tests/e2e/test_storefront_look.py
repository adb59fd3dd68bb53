"""Every page of the storefront, light and dark, on a desk and on a phone: to axe-core, and kept.

The pictures are in the folder `screenshots` of the cloud's own (.local/e2e).
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from local import managers
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.browser import DESKTOP, PHONE, Tabs
from tests.e2e.pages import (
    fill_address,
    heading,
    log_in,
    put_into_cart,
    reaches,
    screenshot,
    settled,
    violations,
)
from tests.e2e.shop import Shop, eventually
from tests.e2e.test_storefront_accounts import reported

SMALL = ViewportSize(width=320, height=640)
"""The narrowest page that has to do without scrolling sideways."""

Look = Callable[[str], None]


@pytest.fixture
def page(tabs: Tabs) -> Page:
    """A page without motion: colours half way would be judged otherwise."""
    return tabs.open(reduced_motion="reduce")[0]


@pytest.fixture
def look(page: Page, settings: Settings) -> Look:
    """Judges the page as it is, in all its looks, and keeps each under a name."""

    def judge(name: str) -> None:
        settled(page)
        found: list[str] = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += violations(page)
            screenshot(page, settings, f"{name}-{scheme}")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        found += violations(page)
        screenshot(page, settings, f"{name}-phone")
        page.set_viewport_size(SMALL)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.set_viewport_size(DESKTOP)
        assert found == []
        assert wide <= 0, f"{name} is {wide} pixels too wide for a phone of 320"

    return judge


def test_pages_for_everyone(page: Page, look: Look, toy: str, settings: Settings) -> None:
    page.goto("/")
    expect(page.get_by_role("article").first).to_be_visible()
    look("home")
    page.goto("/?category=Trains&sort=price")
    expect(page.get_by_role("article").first).to_be_visible()
    look("search")
    page.get_by_role("article").get_by_role("link").first.click()
    expect(page.get_by_role("button", name="Add to cart", exact=True)).to_be_visible()
    look("toy")
    page.goto("/cart")
    look("cart-empty")
    put_into_cart(page, toy, 2)
    page.goto("/cart")
    expect(page.get_by_role("region", name="Summary")).to_contain_text("Tax")
    look("cart")
    page.goto("/sign-up")
    expect(page.get_by_label("E-mail")).to_be_visible()
    look("sign-up")
    page.goto("/log-in")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("Please fill in: E-mail")).to_be_visible()
    look("log-in")
    page.goto("/not-found")
    look("not-found")


def test_pages_of_a_shopper(page: Page, look: Look, customer: Shopper, toy: str) -> None:
    lines = [{"toyId": toy, "quantity": 2}]
    order_id = customer.order(lines, "pm_card_visa")["orderId"]
    declined = customer.order(lines, "pm_card_visa_chargeDeclined")["orderId"]
    log_in(page, customer)
    page.goto("/account")
    expect(heading(page, "Addresses")).to_be_visible()
    look("account")
    put_into_cart(page, toy, 2)
    page.goto("/checkout")
    fill_address(page)
    look("checkout-address")
    page.get_by_role("button", name="Continue to your order").click()
    expect(page.get_by_role("table", name="Toys")).to_be_visible()
    look("checkout-order")
    page.get_by_role("button", name="Continue to payment").click()
    expect(page.get_by_role("button", name="Pay and order")).to_be_visible()
    look("checkout-payment")
    page.goto(f"/order?id={declined}")
    reaches(page, "Cancelled")
    look("order-declined")
    customer.await_end(order_id)
    page.goto("/orders")
    expect(page.get_by_role("link", name=f"Order {order_id}")).to_be_visible()
    look("orders")
    page.goto(f"/order?id={order_id}")
    reaches(page, "Delivered")
    look("order")


def test_pages_of_a_manager(
    page: Page, look: Look, settings: Settings, shop: Shop, customer: Shopper, toy: str
) -> None:
    customer.await_end(customer.order([{"toyId": toy, "quantity": 3}], "pm_card_visa")["orderId"])
    managers.appoint(settings, "local", customer.email)
    shop.await_quiet()
    reported(settings)
    shop.await_quiet()
    log_in(page, customer)
    page.goto("/reports")
    assert eventually(lambda: heading(page, "Twelve months").is_visible(), seconds=20)
    look("reports")
    page.goto("/errors")
    assert eventually(lambda: heading(page, "Errors").is_visible(), seconds=20)
    look("errors")
