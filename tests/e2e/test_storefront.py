"""The storefront in a real browser: looking around, searching, and the cart."""

import re
import unicodedata
from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import Page, expect

from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.browser import Tabs, Watch
from tests.e2e.pages import (
    cart_link,
    heading,
    log_in,
    money,
    put_into_cart,
    show_toy,
    shows_terms,
)
from tests.e2e.shop import Shop, eventually

FIRST = 25
"""Toys of a list's first page."""


@pytest.fixture(scope="module", autouse=True)
def full_shelves(shop: Shop, shopper: Shopper) -> None:
    """More toys than a page shows, and nothing on its way."""
    for _ in range(FIRST + 3 - len(shop.toys())):
        shop.new_toy(stock=5)
    shop.await_quiet()


def fold(name: str) -> str:
    """A name without case and accents, as lists are in order by it."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    kept = (c for c in letters if not unicodedata.combining(c) and unicodedata.category(c) != "Cc")
    return " ".join("".join(kept).split())


def shown(page: Page) -> list[str]:
    """The ids of the toys in the list, in its order."""
    links = page.get_by_role("article").get_by_role("heading").get_by_role("link")
    addresses = [link.get_attribute("href") or "" for link in links.all()]
    return [address.partition("id=")[2] for address in addresses]


def names(page: Page) -> list[str]:
    """What the toys in the list are called."""
    return page.get_by_role("article").get_by_role("heading").all_inner_texts()


def found(page: Page, toys: int) -> None:
    """The list has so many toys, and says so."""
    text = "1 toy" if toys == 1 else f"{toys} toys"
    expect(page.get_by_role("status").filter(has_text=re.compile(rf"^{text}$"))).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(toys)


def search(page: Page, words: str) -> None:
    """Search from the header of any page."""
    page.get_by_role("searchbox", name="Search toys").fill(words)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(heading(page, f"“{words}”")).to_be_visible()


def test_the_first_toys_by_name_and_then_the_others(page: Page, shop: Shop) -> None:
    toys = sorted(shop.toys(), key=lambda toy: (fold(toy["name"]), toy["toyId"]))
    ids = [toy["toyId"] for toy in toys]
    page.goto("/")
    expect(heading(page, "All toys", level=1)).to_be_visible()
    expect(page.get_by_text(f"The first {FIRST} toys")).to_be_visible()
    assert shown(page) == ids[:FIRST]
    first = page.get_by_role("article").first
    expect(first).to_contain_text(toys[0]["brand"])
    expect(first).to_contain_text(money(toys[0]["price"]))

    more = page.get_by_role("button", name="Show more")
    more.click()
    second = min(2 * FIRST, len(ids))
    expect(page.get_by_role("article")).to_have_count(second)
    assert shown(page) == ids[:second]
    # Who looks at a toy comes back to where they were, without asking again.
    page.get_by_role("link", name=toys[second - 1]["name"], exact=True).last.click()
    expect(heading(page, toys[second - 1]["name"], level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("article")).to_have_count(second)
    expect(page.get_by_role("article").last).to_be_in_viewport()


def test_categories_say_how_many_toys_they_have(page: Page, shop: Shop) -> None:
    trains = [toy for toy in shop.toys() if toy["category"] == "Trains"]
    page.goto("/")
    shelf = page.get_by_role("main").get_by_role("link", name=re.compile("^Trains"))
    expect(shelf).to_have_accessible_name(f"Trains {len(trains)} toys")
    shelf.click()
    expect(heading(page, "Trains", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?category=Trains$"))
    found(page, len(trains))
    assert {*shown(page)} == {toy["toyId"] for toy in trains}


@pytest.mark.parametrize(
    ("words", "toys"),
    [
        pytest.param("locomotive", {"Steam Locomotive No. 7"}, id="a word of the name"),
        pytest.param("LÓCOMO", {"Steam Locomotive No. 7"}, id="begun, in capitals, with an accent"),
        pytest.param("drawbridge", {"Castle Kit"}, id="a word of the description"),
        pytest.param("tern", {"The Lighthouse Keepers", "Hedgehog in a Hurry"}, id="of the brand"),
        pytest.param("busy har", {"Jigsaw: Busy Harbour"}, id="two words, the last one begun"),
    ],
)
def test_search_by_keyword(page: Page, words: str, toys: set[str]) -> None:
    page.goto("/cart")
    search(page, words)
    expect(page.get_by_role("article").first).to_be_visible()
    assert toys <= {*names(page)}
    assert len(names(page)) < FIRST


def test_a_search_that_finds_nothing_says_so(page: Page) -> None:
    page.goto("/?q=submarine")
    expect(heading(page, "Nothing like that here")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="See all toys").click()
    expect(page.get_by_text(f"The first {FIRST} toys")).to_be_visible()


def test_filters_stand_in_the_address_and_the_back_button_works(page: Page, shop: Shop) -> None:
    trains = sorted(
        (toy for toy in shop.toys() if toy["category"] == "Trains"), key=lambda toy: toy["price"]
    )
    limit = trains[-1]["price"] // 100 - 1
    cheap = [toy for toy in trains if toy["price"] <= limit * 100]
    assert 0 < len(cheap) < len(trains)
    page.goto("/")
    narrow = page.get_by_role("form", name="Filter and sort")
    narrow.get_by_label("Category").select_option("Trains")
    found(page, len(trains))
    narrow.get_by_label("Sort by").select_option(label="Price, highest first")
    expect(page).to_have_url(re.compile("category=Trains.*sort=-price"))
    first = page.get_by_role("article").first
    expect(first).to_contain_text(money(trains[-1]["price"]))
    narrow.get_by_label("Highest price").fill(str(limit))
    narrow.get_by_label("Highest price").press("Enter")
    found(page, len(cheap))
    prices = [next(t["price"] for t in trains if t["toyId"] == toy) for toy in shown(page)]
    assert all(one >= other for one, other in pairwise(prices))

    page.reload()
    found(page, len(cheap))
    expect(narrow.get_by_label("Highest price")).to_have_value(str(limit))
    page.go_back()
    found(page, len(trains))
    expect(narrow.get_by_label("Highest price")).to_have_value("")
    page.go_forward()
    found(page, len(cheap))
    page.get_by_role("link", name=f"Remove filter: Up to {limit}").click()
    found(page, len(trains))
    narrow.get_by_label("Age").select_option(label="9 years and over")
    expect(page).to_have_url(re.compile("age=108-"))
    narrow.get_by_label("Availability").select_option(label="Only a few left")
    expect(page.get_by_role("link", name="Remove filter: Only a few left")).to_be_visible()


def test_a_toy_that_is_gone_and_a_page_that_never_was(page: Page, watch: Watch) -> None:
    with watch.allowing("404 GET"):
        page.goto("/toy?id=no-such-toy")
        expect(heading(page, "This toy is not on sale")).to_be_visible()
        answer = page.goto("/no-such-page")
        assert answer is not None
        assert answer.status == 404
        expect(heading(page, "There is no such page", level=1)).to_be_visible()
        expect(page.get_by_role("searchbox", name="Search toys")).to_be_visible()


def test_what_a_toy_is_called_is_text(page: Page, shop: Shop, shopper: Shopper) -> None:
    name = "<img src=x onerror=alert(1)>"
    toy = shop.new_toy(stock=5, name=name)
    try:
        assert eventually(lambda: shopper.request("GET", f"/toys/{toy}").status_code == 200)
        put_into_cart(page, toy)
        expect(heading(page, name, level=1)).to_be_visible()
        page.goto("/cart")
        expect(page.get_by_role("link", name=name)).to_be_visible()
    finally:
        shop.delete_toy(toy)


def test_quantities_in_the_cart(page: Page, shop: Shop, toy: str) -> None:
    name = shop.toy(toy)["name"]
    show_toy(page, toy)
    quantity = page.get_by_role("spinbutton", name="Quantity", exact=True)
    add = page.get_by_role("button", name="Add to cart", exact=True)
    for refused in ("0", "100", "1.5"):
        quantity.fill(refused)
        add.click()
        expect(page.get_by_role("alert")).to_have_text("Choose from 1 to 99.")
    quantity.fill("99")
    add.click()
    expect(cart_link(page, 99)).to_be_visible()
    quantity.fill("1")
    add.click()
    expect(page.get_by_text("At most 99 of each toy. You have 99 in your cart.")).to_be_visible()

    page.goto("/cart")
    line = page.get_by_role("list", name="Toys in the cart").get_by_role("listitem")
    quantity = line.get_by_role("spinbutton", name=f"Quantity of {name}", exact=True)
    expect(quantity).to_have_value("99")
    quantity.fill("100")
    quantity.press("Enter")
    refusal = line.get_by_role("alert")
    expect(refusal).to_have_text("At most 99 of each toy. It stays at 99.")
    quantity.fill("1")
    quantity.press("Enter")
    expect(cart_link(page, 1)).to_be_visible()
    expect(line).to_contain_text(money(2000))
    quantity.fill("0")
    quantity.press("Enter")
    expect(cart_link(page, 0)).to_be_visible()
    page.get_by_role("button", name=f"Undo: put {name} back").click()
    expect(cart_link(page, 1)).to_be_visible()
    page.get_by_role("button", name=f"Remove {name}", exact=True).click()
    expect(cart_link(page, 0)).to_be_visible()
    page.reload()
    expect(heading(page, "Your cart is empty")).to_be_visible()


def test_the_cart_shows_net_tax_shipping_and_gross(
    page: Page, settings: Settings, toy: str
) -> None:
    put_into_cart(page, toy, 2)
    page.goto("/cart")
    lines = [{"toyId": toy, "quantity": 2}]
    quote = httpx.post(f"{settings.url}/api/quotes", json={"lines": lines}, timeout=30).json()
    assert quote["gross"] == 2 * 2000 + quote["shipping"] == quote["net"] + quote["tax"]
    summary = page.get_by_role("region", name="Summary")
    shows_terms(summary, quote)
    expect(summary).to_contain_text(f"{money(quote['freeShippingFrom'] - 4000)} more")
    page.get_by_role("button", name=re.compile("^One more")).click()
    expect(summary).to_contain_text("Shipping is free.")


def test_the_cart_outlives_a_reload_a_log_in_and_the_tab(
    page: Page, customer: Shopper, toy: str
) -> None:
    put_into_cart(page, toy, 3)
    page.reload()
    expect(cart_link(page, 3)).to_be_visible()
    log_in(page, customer)
    expect(cart_link(page, 3)).to_be_visible()
    other = page.context.new_page()
    other.goto("/cart")
    other.get_by_role("button", name=re.compile("^One less")).click()
    expect(cart_link(other, 2)).to_be_visible()
    expect(cart_link(page, 2)).to_be_visible()


def test_a_price_that_changed_is_pointed_out(
    page: Page, shop: Shop, shopper: Shopper, toy: str
) -> None:
    put_into_cart(page, toy)
    shop.change_toy(toy, price=2200)
    assert eventually(lambda: shopper.request("GET", f"/toys/{toy}").json()["price"] == 2200)
    page.goto("/cart")
    line = page.get_by_role("list", name="Toys in the cart").get_by_role("listitem")
    expect(line).to_contain_text(f"it was {money(2000)}, it is now {money(2200)}")
    expect(page.get_by_role("link", name="Checkout")).to_have_attribute("href", "/checkout")


def test_a_toy_not_on_sale_any_more_is_to_be_taken_out(
    page: Page, shop: Shop, shopper: Shopper, toy: str
) -> None:
    name = shop.toy(toy)["name"]
    put_into_cart(page, toy)
    shop.delete_toy(toy)
    assert eventually(lambda: shopper.request("GET", f"/toys/{toy}").status_code == 404)
    page.goto("/cart")
    line = page.get_by_role("list", name="Toys in the cart").get_by_role("listitem")
    expect(line).to_contain_text("Not on sale any more")
    checkout = page.get_by_role("link", name="Checkout")
    expect(checkout).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name=f"Remove {name}", exact=True).click()
    expect(cart_link(page, 0)).to_be_visible()


def test_a_lost_network_is_told_and_comes_back(page: Page, watch: Watch, toy: str) -> None:
    put_into_cart(page, toy)
    page.goto("/")
    expect(page.get_by_role("article").first).to_be_visible()
    with watch.allowing("ERR_INTERNET_DISCONNECTED"):
        page.context.set_offline(True)
        expect(page.get_by_text("The shop cannot be reached just now.")).to_be_visible()
        search(page, "locomotive")
        expect(heading(page, "No connection")).to_be_visible()
        expect(cart_link(page, 1)).to_be_visible()
        page.context.set_offline(False)
        expect(page.get_by_text("Connected again.")).to_be_visible()
    expect(heading(page, "Steam Locomotive No. 7")).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/?q=locomotive")
    expect(page.get_by_role("article")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    add = page.get_by_role("button", name="Add Steam Locomotive No. 7 to cart")
    for _ in range(20):
        page.keyboard.press("Tab")
        if add.evaluate("button => button === document.activeElement"):
            break
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    expect(cart_link(page, 1)).to_be_visible()


def test_what_goes_wrong_in_a_page_is_seen(tabs: Tabs) -> None:
    page, watch = tabs.open()
    page.goto("/cart")
    page.evaluate(
        """async () => {
            setTimeout(() => { throw new Error("a slip") });
            const script = document.createElement("script");
            script.textContent = "1";
            document.body.append(script);
            await fetch("/lib/no-such.js");
            await fetch("http://127.0.0.1:1/").catch(() => null);
        }"""
    )
    expect(heading(page, "Your cart is empty")).to_be_visible()
    seen, watch.problems = "\n".join(watch.problems), []
    assert "JavaScript: a slip" in seen
    assert re.search("console: .*Content Security Policy", seen)
    assert "404 GET" in seen
