"""A cloud of its own for the tests, beside the developer's, deployed in a random order."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local import cloud as local_cloud
from local.bus import BusWatch
from local.settings import ROOT, Settings
from local.shopper import Shopper
from tests.e2e.shop import Shop


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The eight stacks, deployed with the real SAM CLI on a local cloud that is up."""
    seed = int(os.environ.get("TBS_ORDER_SEED") or random.randrange(1_000_000))
    gateway, ministack, stripe, postgres = free_ports(4)
    settings = Settings(
        home=Settings.from_environment().home / "e2e",
        port=gateway,
        aws_port=ministack,
        stripe_port=stripe,
        postgres_port=postgres,
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
