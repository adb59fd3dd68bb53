"""The storefront in a real browser: the checkout, and what becomes of an order."""

import re

from playwright.sync_api import Page, Route, expect

from local.shopper import Shopper
from tests.e2e.browser import Watch
from tests.e2e.pages import (
    DECLINED,
    SECURE,
    VISA,
    amount,
    buy,
    cart_link,
    enter,
    fill_address,
    heading,
    log_in,
    money,
    ordered,
    pay,
    put_into_cart,
    reaches,
    shows_terms,
    step,
    to_payment,
)
from tests.e2e.shop import Shop, eventually


def test_from_the_shelf_to_the_door(page: Page, shop: Shop, customer: Shopper, toy: str) -> None:
    name = shop.toy(toy)["name"]
    put_into_cart(page, toy, 2)
    page.goto("/cart")
    page.get_by_role("link", name="Checkout").click()
    # Checkout needs an account, and comes back after it.
    expect(heading(page, "Log in", level=1)).to_be_visible()
    enter(page, customer.email)
    expect(heading(page, "Where does it go?")).to_be_visible()
    page.get_by_role("button", name="Continue to your order").click()
    expect(page.get_by_text("Please fill in: Full name")).to_be_visible()
    fill_address(page)
    page.get_by_role("button", name="Continue to your order").click()
    expect(heading(page, "Your order")).to_be_visible()
    expect(page.get_by_role("table", name="Toys")).to_contain_text(name)
    quote = customer.request(
        "POST", "/quotes", json={"lines": [{"toyId": toy, "quantity": 2}]}
    ).json()
    shows_terms(page.get_by_role("main"), quote)
    expect(page.get_by_role("main")).to_contain_text("1 Puzzle Street")
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("radio", name=VISA).check()
    page.get_by_role("button", name="Pay and order").dblclick()
    order_id = ordered(page)
    expect(cart_link(page, 0)).to_be_visible()

    page.get_by_role("link", name="Follow your order").click()
    expect(heading(page, f"Order {order_id}", level=1)).to_be_visible()
    expect(step(page, "Received")).to_be_visible()
    reaches(page, "Delivered")
    for name in ("Received", "Accepted", "Set aside", "Paid", "On its way"):
        expect(step(page, name)).to_contain_text(":")  # its time
    receipt = page.get_by_role("region", name="Receipt")
    shows_terms(receipt, quote)
    expect(receipt).to_contain_text("tracking number")
    expect(receipt.get_by_role("button", name="Print the receipt")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel this order")).to_have_count(0)

    # The second click of the double click bought nothing.
    assert [order["orderId"] for order in customer.orders()] == [order_id]
    assert shop.charged(order_id) == quote["gross"]
    kept = customer.request("GET", "/profile").json()["addresses"]
    assert [address["line1"] for address in kept] == ["1 Puzzle Street"]


def test_a_reload_at_every_step_of_the_checkout_loses_nothing(
    page: Page, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    put_into_cart(page, toy)
    page.goto("/checkout")
    fill_address(page)
    page.get_by_label("Keep this address in my account").uncheck()
    page.reload()
    expect(page.get_by_label("Town or city")).to_have_value("Dublin")
    expect(page.get_by_label("Keep this address in my account")).not_to_be_checked()
    page.get_by_role("button", name="Continue to your order").click()
    expect(heading(page, "Your order")).to_be_visible()
    page.reload()
    expect(heading(page, "Your order")).to_be_visible()
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("radio", name=SECURE).check()
    page.reload()
    expect(page.get_by_role("radio", name=SECURE)).to_be_checked()
    page.go_back()
    expect(heading(page, "Your order")).to_be_visible()
    page.go_forward()
    expect(heading(page, "How do you pay?")).to_be_visible()
    pay(page, VISA)
    order_id = ordered(page)
    page.reload()
    expect(page.get_by_text("Thank you!")).to_have_count(0)
    assert [order["orderId"] for order in customer.orders()] == [order_id]
    assert customer.request("GET", "/profile").json()["addresses"] == []


def test_an_answer_that_is_lost_makes_no_second_order(
    page: Page, watch: Watch, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    put_into_cart(page, toy)
    to_payment(page)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/api/orders", lose)
    with watch.allowing("ERR_CONNECTION_RESET"):
        pay(page, VISA)
        expect(page.get_by_text("We did not hear from the shop.")).to_be_visible()
    (order,) = customer.orders()
    page.unroute("**/api/orders")
    expect(cart_link(page, 1)).to_be_visible()
    page.reload()
    assert ordered(page) == order["orderId"]
    expect(cart_link(page, 0)).to_be_visible()
    assert len(customer.orders()) == 1


def test_a_declined_card_keeps_the_cart(
    page: Page, shop: Shop, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    order_id = buy(page, toy, DECLINED, quantity=2)
    # It is told wherever the shopper is.
    expect(page.get_by_text(f"Your card was declined for order {order_id}.")).to_be_visible()
    expect(cart_link(page, 2)).to_be_visible()
    page.goto(f"/order?id={order_id}")
    reaches(page, "Cancelled")
    expect(page.get_by_text("Your card was declined. You were not charged.")).to_be_visible()
    assert shop.charged(order_id) == 0
    # Another card does it.
    page.goto("/checkout")
    page.get_by_role("button", name="Continue to your order").click()
    page.get_by_role("button", name="Continue to payment").click()
    pay(page, VISA)
    assert ordered(page) != order_id
    expect(cart_link(page, 0)).to_be_visible()


def test_a_card_that_asks_for_3d_secure(
    page: Page, shop: Shop, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    order_id = buy(page, toy, SECURE)
    page.get_by_role("link", name="Follow your order").click()
    expect(heading(page, "Your bank wants to hear from you")).to_be_visible()
    expect(page.get_by_text(re.compile(r"There are \d+ minutes left."))).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Confirm the payment").click()
    bank = opened.value
    bank.get_by_role("button", name="Complete").click()
    # The bank leads back to the shop.
    expect(bank.get_by_role("link", name="The Better Store, home")).to_be_visible()
    bank.close()
    expect(step(page, "Paid")).to_contain_text(":")  # its time
    expect(heading(page, "Your bank wants to hear from you")).to_have_count(0)
    order = customer.await_end(order_id)
    assert order["status"] == "DELIVERED"
    assert shop.charged(order_id) == order["gross"]


def test_an_order_that_is_cancelled_and_paid_back(
    page: Page, shop: Shop, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    with shop.stopped("fulfilment", "Carrier"):
        order = customer.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")
        order_id = order["orderId"]
        assert eventually(lambda: customer.get_order(order_id)["status"] == "CONFIRMED")
        page.goto(f"/order?id={order_id}")
        reaches(page, "Paid")
        cancel = page.get_by_role("button", name="Cancel this order")
        cancel.click()
        dialog = page.get_by_role("dialog", name="Cancel this order?")
        dialog.get_by_role("button", name="Keep the order").click()
        expect(dialog).to_be_hidden()
        cancel.click()
        dialog.get_by_role("button", name="Cancel the order").click()
        expect(dialog).to_be_hidden()
        expect(cancel).to_have_count(0)
        reaches(page, "Cancelled")
    expect(page.get_by_text(f"{money(order['gross'])} went back to your card.")).to_be_visible()
    assert shop.charged(order_id) == 0


def test_my_orders_newest_first(page: Page, customer: Shopper, toy: str) -> None:
    made = [
        customer.order([{"toyId": toy, "quantity": quantity}], "pm_card_visa")["orderId"]
        for quantity in (1, 2, 3)
    ]
    log_in(page, customer)
    page.goto("/orders")
    rows = page.get_by_role("list", name="Orders").get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.get_by_role("heading")).to_have_text([f"Order {one}" for one in reversed(made)])
    expect(rows.first).to_contain_text("3 toys")
    page.get_by_role("link", name=f"Order {made[0]}").click()
    expect(heading(page, f"Order {made[0]}", level=1)).to_be_visible()


def test_an_order_of_someone_else_is_not_there(
    page: Page, watch: Watch, shopper: Shopper, customer: Shopper, toy: str
) -> None:
    order_id = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
    log_in(page, customer)
    with watch.allowing("404 GET"):
        page.goto(f"/order?id={order_id}")
        expect(heading(page, "There is no such order")).to_be_visible()


def test_a_price_that_changes_before_the_order_is_agreed_to_anew(
    page: Page, watch: Watch, shop: Shop, customer: Shopper, toy: str
) -> None:
    log_in(page, customer)
    put_into_cart(page, toy, 5)
    to_payment(page)
    shop.change_toy(toy, price=2100)
    assert eventually(lambda: customer.request("GET", f"/toys/{toy}").json()["price"] == 2100)
    with watch.allowing("409 POST .*/api/orders"):
        pay(page, VISA)
        told = f"The total is now {money(10_500)}. It was {money(10_000)}. Pay if you agree."
        expect(page.get_by_text(told)).to_be_visible()
    assert customer.orders() == []
    pay(page, VISA)
    order_id = ordered(page)
    page.goto(f"/order?id={order_id}")
    expect(amount(page.get_by_role("main"), "Total")).to_have_text(money(10_500))


def test_a_toy_sold_out_meanwhile_is_pointed_out(page: Page, shop: Shop, customer: Shopper) -> None:
    rare = shop.new_toy(stock=1)
    name = shop.toy(rare)["name"]
    assert eventually(lambda: customer.request("GET", f"/toys/{rare}").status_code == 200)
    log_in(page, customer)
    put_into_cart(page, rare)
    customer.await_end(customer.order([{"toyId": rare, "quantity": 1}], "pm_card_visa")["orderId"])
    gone = "SOLD_OUT"
    assert eventually(
        lambda: customer.request("GET", f"/toys/{rare}").json()["availability"] == gone
    )
    page.goto("/checkout")
    fill_address(page)
    page.get_by_role("button", name="Continue to your order").click()
    expect(page.get_by_role("main")).to_contain_text("Sold out")
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(heading(page, "Your cart is empty")).to_be_visible()
