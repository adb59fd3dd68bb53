"""A cloud of its own for the tests, beside the developer's, deployed in a random order."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local import cloud as local_cloud
from local.bus import BusWatch
from local.processes import free_port
from local.settings import ROOT, Settings
from local.shopper import Shopper
from tests.e2e.browser import Tabs, Watch, launch
from tests.e2e.hush import Traces
from tests.e2e.shop import Shop, eventually


@pytest.fixture(scope="session")
def ports() -> Settings:
    """Where the tests' cloud is to be."""
    return Settings(
        home=Settings.from_environment().home / "e2e",
        port=free_port(),
        aws_port=free_port(),
        stripe_port=free_port(),
        postgres_port=free_port(),
        flow_port=free_port(),
    )


@pytest.fixture(scope="session")
def traces(ports: Settings) -> Iterator[Traces]:
    """Hears what functions tell X-Ray, from the first to the last."""
    with Traces(ports.flow_port) as traces:
        yield traces


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest, ports: Settings, traces: Traces) -> Iterator[Settings]:
    """The eight stacks, deployed with the real SAM CLI on a local cloud that is up."""
    seed = int(os.environ.get("TBS_ORDER_SEED") or random.randrange(1_000_000))
    settings = ports
    local_cloud.down(settings)
    up = [sys.executable, "-m", "local", "up", "--without-flow", "--order-seed", str(seed)]
    try:
        # Half a minute or more: shown as it happens, not only when it fails.
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\nThe stacks are deployed in a random order: TBS_ORDER_SEED={seed} repeats it")
            sys.stdout.flush()
            subprocess.run(up, cwd=ROOT, env=os.environ | settings.environment(), check=True)
        yield settings
    finally:
        local_cloud.down(settings)


@pytest.fixture(scope="session")
def shop(settings: Settings) -> Shop:
    """What its owners can see of the shop."""
    return Shop(settings)


@pytest.fixture(scope="session")
def shopper(settings: Settings) -> Shopper:
    """A shopper with a confirmed account."""
    return Shopper.sign_up(settings)


@pytest.fixture
def bus(settings: Settings) -> Iterator[BusWatch]:
    """One more reader on the bus."""
    with BusWatch(settings) as watch:
        yield watch


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser. One for all tests: each has contexts of its own in it."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def tabs(browser: Browser, settings: Settings) -> Iterator[Tabs]:
    """Opens pages of the shop. In the end nothing may have gone wrong in any of them."""
    tabs = Tabs(browser, settings.url)
    yield tabs
    assert tabs.close() == []


@pytest.fixture
def tab(tabs: Tabs) -> tuple[Page, Watch]:
    """A new shopper's page, and what goes wrong in it."""
    return tabs.open()


@pytest.fixture
def page(tab: tuple[Page, Watch]) -> Page:
    """A new shopper's page."""
    return tab[0]


@pytest.fixture
def watch(tab: tuple[Page, Watch]) -> Watch:
    """What goes wrong in `page`."""
    return tab[1]


@pytest.fixture
def customer(settings: Settings) -> Shopper:
    """A shopper whose account is new."""
    return Shopper.sign_up(settings)


@pytest.fixture
def toy(shop: Shop, shopper: Shopper) -> str:
    """A new toy for 20.00, in stock and in the public catalogue."""
    made = shop.new_toy(stock=500, price=2000)
    assert eventually(lambda: shopper.request("GET", f"/toys/{made}").status_code == 200)
    return made
