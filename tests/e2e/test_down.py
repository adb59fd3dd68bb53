"""All services but public-api are off: people browse, search and order, and get it all later."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from playwright.sync_api import Page, expect

from local import aws, stacks
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.pages import (
    VISA,
    cart_link,
    heading,
    log_in,
    ordered,
    pay,
    put_into_cart,
    step,
    to_payment,
)
from tests.e2e.shop import SERVICES, Shop

OTHERS = [service for service in SERVICES if service != "public-api"]


@pytest.fixture
def off(settings: Settings, shop: Shop) -> Iterator[ExitStack]:
    """All but public-api is off until this is closed: queues, streams and APIs."""
    with ExitStack() as stack:
        for service in OTHERS:
            stack.enter_context(shop.stopped(service))
            stack.enter_context(silent(settings, service))
        yield stack


@contextmanager
def silent(settings: Settings, service: str) -> Iterator[None]:
    """No function of a service's API runs."""
    client = aws.client("lambda", settings)
    prefix = f"tbs-app-{service}-local-"
    pages = client.get_paginator("list_functions").paginate()
    names = [f["FunctionName"] for page in pages for f in page["Functions"]]
    apis = [name for name in names if name.startswith(prefix + "Api")]
    for name in apis:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        for name in apis:
            client.delete_function_concurrency(FunctionName=name)


def test_the_shop_goes_on_while_all_others_are_off(
    page: Page, settings: Settings, shop: Shop, toy: str, off: ExitStack
) -> None:
    answer = aws.signed_request("GET", f"{stacks.api_url(settings, 'toys')}/toys", settings)
    assert answer.status_code >= 400
    assert httpx.get(f"{settings.url}/api/toys").status_code == 200

    page.goto("/")
    expect(page.get_by_role("article")).to_have_count(25)
    page.get_by_role("searchbox", name="Search toys").fill("locomotive")
    page.keyboard.press("Enter")
    expect(heading(page, "Steam Locomotive No. 7")).to_be_visible()
    put_into_cart(page, toy, 2)
    page.goto("/cart")
    expect(page.get_by_role("region", name="Summary")).to_contain_text("Tax")
    customer = Shopper.sign_up(settings)
    log_in(page, customer)
    to_payment(page)
    pay(page, VISA)
    order_id = ordered(page)
    expect(cart_link(page, 0)).to_be_visible()
    page.goto("/orders")
    expect(page.get_by_role("listitem").filter(has_text=order_id)).to_contain_text("Received")
    page.goto(f"/order?id={order_id}")
    expect(step(page, "Received")).to_have_attribute("aria-current", "step")
    assert shop.items_of("orders", order_id) == []

    off.close()
    # The page that was open all the time sees it paid.
    expect(step(page, "Paid")).to_contain_text(":", timeout=60_000)
    order = customer.await_end(order_id)
    assert order["status"] == "DELIVERED"
    assert shop.charged(order_id) == order["gross"]
    shop.await_quiet()
    assert shop.dead_letters() == {}
