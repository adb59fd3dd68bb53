"""A private cloud's settings, and small servers on free ports."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from local.processes import Server, free_port
from local.settings import HOST, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A cloud with a folder and ports of its own. Nothing of it runs."""
    return Settings(
        home=tmp_path / "home",
        port=free_port(),
        aws_port=free_port(),
        stripe_port=free_port(),
        postgres_port=free_port(),
        flow_port=free_port(),
    )


@pytest.fixture
def serve() -> Iterator[Callable[[ASGIApp], str]]:
    """Serve applications on this machine while the test runs; gives their addresses."""
    served: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(application: ASGIApp) -> str:
        port = free_port()
        server = uvicorn.Server(
            uvicorn.Config(application, host=HOST, port=port, log_level="warning")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        served.append((server, thread))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        return f"http://{HOST}:{port}"

    yield start
    for server, thread in served:
        server.should_exit = True
        thread.join()


@pytest.fixture
def small_server() -> Callable[..., Server]:
    """Describes a server that answers and does nothing; `name` is a server's of the cloud."""

    def describe(name: str, port: int, command: list[str] | None = None) -> Server:
        def answers() -> bool:
            try:
                return httpx.get(f"http://{HOST}:{port}", trust_env=False).is_success
            except httpx.TransportError:
                return False

        module = [sys.executable, "-m", "http.server", str(port), "--bind", HOST]
        return Server(name, name, port, "TBS_A_PORT", command or module, answers)

    return describe
