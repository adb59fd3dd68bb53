"""The commands that go with the flow page: watch an environment or a recording, and record."""

import time
from pathlib import Path

import httpx

from local import processes
from local.errors import LocalError
from local.flow.__main__ import serve
from local.processes import free_port
from local.progress import console
from local.settings import HOST, Settings

_LOOKS_BACK = 8.0
"""Seconds that the page's server needs to look back at what happened while nobody watched."""


def watch(settings: Settings, environment: str, file: Path | None) -> None:
    """Serve the page of an environment or of a recording until interrupted.

    The local cloud has a server of its own: that is told. Raises LocalError when it does not run.
    """
    if environment == "local" and file is None:
        if processes.running(settings, "flow") is None:
            raise LocalError("The flow page does not run: `make up` starts it.")
        console.print(f"{settings.flow_url}/")
        return
    port = free_port() if processes.running(settings, "flow") else settings.flow_port
    console.print(f"http://{HOST}:{port}/ (Ctrl-C ends it)")
    serve(settings, environment, file, port)


def record(settings: Settings, file: Path, orders: str) -> None:
    """Write what the page has got to a file. Raises LocalError when its server does not run."""
    with httpx.Client(base_url=settings.flow_url, timeout=60, trust_env=False) as http:
        try:
            run, last, quiet = "", 0, time.monotonic() + _LOOKS_BACK
            while time.monotonic() < quiet:
                query: dict[str, str | int] = {"run": run, "after": last, "wait": 1}
                answer = http.get("/events", params=query).raise_for_status().json()
                run, last = answer["run"], answer["last"]
            packed = http.get("/record", params={"orders": orders}).raise_for_status().content
        except httpx.HTTPError as error:
            raise LocalError(f"The flow page does not answer: is it up? ({error})") from error
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(packed)
    console.print(f"{file}: {len(packed) / 1024:.0f} KB", soft_wrap=True)
