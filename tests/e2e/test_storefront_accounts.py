"""The storefront in a real browser: accounts, and who sees what."""

import re
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Page, expect

from local import mailbox, managers, report
from local.account import Account
from local.settings import Settings
from local.shopper import PASSWORD, Shopper
from tests.e2e.browser import Watch
from tests.e2e.pages import account, amount, enter, heading, log_in, log_out, money
from tests.e2e.shop import Shop, eventually

WEAK = "bears"
OTHER = "Wooden-Trains-4-all"


def code(settings: Settings, email: str, mails: int) -> str:
    """The code of the newest of so many mails."""
    found = eventually(
        lambda: len(got := mailbox.mails(settings, email)) >= mails and got, seconds=10
    )
    assert found, f"no mail came to {email}"
    number = re.search(r"\b\d{6}\b", found[-1].text + found[-1].html)
    assert number
    return number[0]


def test_an_account_by_e_mail_and_code(page: Page, watch: Watch, settings: Settings) -> None:
    email = f"browser-{datetime.now(UTC).timestamp():.0f}@example.com"
    page.goto("/log-in?next=/orders")
    page.get_by_role("link", name="Make an account").click()
    expect(heading(page, "Make an account")).to_be_visible()
    page.get_by_label("E-mail").fill(email)
    password = page.get_by_label("Password", exact=True)
    password.fill(WEAK)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("At least 8 characters, please: these are 5.")).to_be_visible()
    expect(password).to_be_focused()
    password.fill(PASSWORD)
    page.get_by_role("button", name="Show what is typed").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="Sign up").click()

    expect(heading(page, "Look into your mail")).to_be_visible()
    page.reload()
    number = page.get_by_label("Code from the mail")
    page.get_by_label("Your password").fill(PASSWORD)
    number.fill("000000")
    with watch.allowing("400 POST .*/cognito/"):
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_text("That is not the code we mailed you.")).to_be_visible()
    page.get_by_role("button", name="Send another code").click()
    expect(page.get_by_text(f"We sent another code to {email}.")).to_be_visible()
    number.fill(code(settings, email, mails=2))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Welcome! Your account is ready.")).to_be_visible()
    expect(heading(page, "My orders", level=1)).to_be_visible()
    expect(heading(page, "No orders yet")).to_be_visible()


def test_logged_out_and_in_again(page: Page, watch: Watch, customer: Shopper) -> None:
    log_in(page, customer)
    page.reload()
    log_out(page)
    page.goto("/orders")
    expect(heading(page, "Log in", level=1)).to_be_visible()
    with watch.allowing("400 POST .*/cognito/"):
        enter(page, customer.email, OTHER)
        expect(page.get_by_text("E-mail or password is not right.")).to_be_visible()
    enter(page, customer.email)
    expect(heading(page, "My orders", level=1)).to_be_visible()


def test_a_forgotten_password(
    page: Page, watch: Watch, settings: Settings, customer: Shopper
) -> None:
    before = len(mailbox.mails(settings, customer.email))
    page.goto("/log-in")
    page.get_by_label("E-mail").fill(customer.email)
    page.get_by_role("button", name="Forgotten password").click()
    page.get_by_role("button", name="Send me a code").click()
    number = page.get_by_label("Code from the mail")
    number.fill(code(settings, customer.email, before + 1))
    page.get_by_label("New password").fill(OTHER)
    page.get_by_role("button", name="Save and log in").click()
    expect(page.get_by_text("Your new password is saved.")).to_be_visible()
    log_out(page)
    page.goto("/log-in")
    with watch.allowing("400 POST .*/cognito/"):
        enter(page, customer.email, PASSWORD)
        expect(page.get_by_text("E-mail or password is not right.")).to_be_visible()
    enter(page, customer.email, OTHER)
    expect(account(page)).to_be_visible()


def test_name_addresses_and_password_of_an_account(page: Page, customer: Shopper) -> None:
    log_in(page, customer)
    page.goto("/account")
    you = page.get_by_role("region", name="You")
    expect(you).to_contain_text(customer.email)
    you.get_by_label("Your name").fill("Sam Shopper")
    you.get_by_role("button", name="Save name").click()
    expect(page.get_by_text("Your name is saved.")).to_be_visible()
    addresses = page.get_by_role("region", name="Addresses")
    addresses.get_by_role("button", name="Add an address").click()
    addresses.get_by_label("Name of this address").fill("Home")
    expect(addresses.get_by_label("Full name")).to_have_value("Sam Shopper")
    addresses.get_by_label("Street and number").fill("1 Puzzle Street")
    addresses.get_by_label("Postal code").fill("D01 F5P2")
    addresses.get_by_label("Town or city").fill("Dublin")
    addresses.get_by_label("Country").select_option(label="Ireland")
    addresses.get_by_role("button", name="Save address").click()
    expect(addresses).to_contain_text("1 Puzzle Street")
    page.reload()
    expect(you.get_by_label("Your name")).to_have_value("Sam Shopper")
    addresses.get_by_role("button", name="Edit Home").click()
    addresses.get_by_label("Town or city").fill("Cork")
    addresses.get_by_role("button", name="Save address").click()
    expect(addresses).to_contain_text("Cork")
    kept = customer.request("GET", "/profile").json()
    assert [(one["label"], one["city"]) for one in kept["addresses"]] == [("Home", "Cork")]
    addresses.get_by_role("button", name="Remove Home").click()
    expect(addresses).to_contain_text("None yet.")

    change = page.get_by_role("region", name="Password")
    change.get_by_label("Present password").fill(PASSWORD)
    change.get_by_label("New password").fill(OTHER)
    change.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    log_out(page)
    log_in(page, customer, OTHER)


def test_a_managers_report(
    page: Page, watch: Watch, settings: Settings, shop: Shop, customer: Shopper, toy: str
) -> None:
    order = customer.order([{"toyId": toy, "quantity": 3}], "pm_card_visa")
    customer.await_end(order["orderId"])
    declined = customer.order([{"toyId": toy, "quantity": 1}], "pm_card_visa_chargeDeclined")
    customer.await_end(declined["orderId"])
    log_in(page, customer)
    with watch.allowing("403 GET .*/api/reports/sales"):
        page.goto("/reports")
        expect(heading(page, "For managers only")).to_be_visible()
    account(page).click()
    expect(page.get_by_role("link", name="My orders").first).to_be_visible()
    expect(page.get_by_role("link", name="Sales report")).to_have_count(0)
    account(page).click()
    log_out(page)

    managers.appoint(settings, "local", customer.email)
    shop.await_quiet()
    told = reported(settings)
    log_in(page, customer)
    account(page).click()
    with watch.allowing("404 GET .*/api/reports/sales"):
        page.get_by_role("link", name="Sales report").click()
        expect(heading(page, "Sales report", level=1)).to_be_visible()
        # The first report of all may still be on its way.
        assert eventually(lambda: shows_report(page, told), every=1)

    months = told["months"]
    assert len(months) == 12
    chart = page.get_by_role("list", name="Net sales by month")
    expect(chart.get_by_role("listitem")).to_have_count(12)
    table = page.get_by_role("table", name="Sales by month")
    row = table.get_by_role("row").filter(has_text=month(months[-1]["month"]))
    for name in ("net", "tax", "gross", "refunded"):
        expect(row).to_contain_text(money(months[-1][name]))
    assert months[-1]["units"] >= 3
    today = page.get_by_role("region", name="Today")
    expect(amount(today, "Orders")).to_have_text(f"{told['today']['orders']:,}")
    expect(amount(today, "Net")).to_have_text(money(told["today"]["net"]))
    failed = page.get_by_role("region", name="Failed orders").get_by_role("listitem")
    expect(failed.first).to_contain_text(declined["orderId"])
    expect(failed.first).to_contain_text("Payment declined")
    best = page.get_by_role("region", name="Best toys").get_by_role("listitem")
    expect(best).to_have_count(len(told["topToys"]))


def reported(settings: Settings) -> dict[str, Any]:
    """Have the sales reported, as a night does; what is told."""
    told: dict[str, Any] = report.ask(Account(settings, "local"))["data"]
    return told


def shows_report(page: Page, told: dict[str, Any]) -> bool:
    """Whether the page, read anew, has a report made in that year; it may have none yet."""
    page.reload()
    report = page.get_by_text(shown_at(told))
    expect(report.or_(heading(page, "No report yet"))).to_be_visible()
    return report.is_visible()


def month(name: str) -> str:
    """The month 2026-11 is "November 2026"."""
    return datetime.fromisoformat(f"{name}-01").strftime("%B %Y")


def shown_at(told: dict[str, Any]) -> re.Pattern[str]:
    """When a report was made, as its page says it, in Dublin's time."""
    return re.compile(rf"^As of \d+ \w+ {told['reportedAt'][:4]}, \d\d:\d\d\.")
