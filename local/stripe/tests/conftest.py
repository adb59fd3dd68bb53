"""One server for all tests of a module, empty before each."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from local.stripe.tests.support import Receiver, Server, receiving, serving

# Machines are noisy: no example fails for the time it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.clock.ahead = 0
    running.http.post("/test/webhooks", json={"endpoints": []}).raise_for_status()
    running.http.post("/test/reset").raise_for_status()
    return running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
