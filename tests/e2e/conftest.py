"""A cloud of its own for the tests, beside the developer's, deployed in a random order."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local import cloud as local_cloud
from local.bus import BusWatch
from local.processes import free_port
from local.settings import ROOT, Settings
from local.shopper import Shopper
from tests.e2e.shop import Shop


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The eight stacks, deployed with the real SAM CLI on a local cloud that is up."""
    seed = int(os.environ.get("TBS_ORDER_SEED") or random.randrange(1_000_000))
    settings = Settings(
        home=Settings.from_environment().home / "e2e",
        port=free_port(),
        aws_port=free_port(),
        stripe_port=free_port(),
        postgres_port=free_port(),
    )
    local_cloud.down(settings)
    up = [sys.executable, "-m", "local", "up", "--order-seed", str(seed)]
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
