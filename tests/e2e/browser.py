"""A real browser for the tests, and whatever goes wrong in its pages."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What Chromium is called on the path."""

APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

LEFT = "net::ERR_ABORTED"
"""What becomes of a request whose page was left."""

PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=900)


def executable(playwright: Playwright) -> str | None:
    """The Chromium or Chrome of this machine, or Playwright's own; None: there is none."""
    own = playwright.chromium.executable_path
    found = [*map(shutil.which, NAMES), *APPLICATIONS, own]
    return next((path for path in found if path and Path(path).is_file()), None)


def launch(playwright: Playwright) -> Browser:
    """Start the browser. Without one the tests are skipped; in CI they fail."""
    path = executable(playwright)
    if path is None:
        missing = f"No browser: none of {', '.join(NAMES)} is on the path. Install one of them."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return start(playwright, path)


def start(playwright: Playwright, path: str) -> Browser:
    """Start the browser of that path, unseen."""
    is_root = sys.platform == "linux" and os.geteuid() == 0
    arguments = ["--no-sandbox"] if is_root else []  # Chromium has no sandbox for root
    return playwright.chromium.launch(executable_path=path, args=arguments)


class Watch:
    """Everything that goes wrong in the pages of a context: it has to be nothing in the end."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self._allowed: list[re.Pattern[str]] = []
        context.on("weberror", lambda error: self._found(f"JavaScript: {error.error}"))
        context.on("console", lambda message: self._console(message.type, message.text))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    @contextmanager
    def allowing(self, *patterns: str) -> Iterator[None]:
        """What matches one of these is meant to happen meanwhile."""
        before = list(self._allowed)
        self._allowed += map(re.compile, patterns)
        try:
            yield
        finally:
            self._allowed = before

    def _console(self, kind: str, text: str) -> None:
        # An answer that is a refusal is told of as such, by its address.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self._found(f"console: {text}")

    def _failed(self, request: Request) -> None:
        if request.failure != LEFT:
            self._found(f"{request.failure} {request.method} {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._found(f"{response.status} {response.request.method} {response.url}")

    def _found(self, problem: str) -> None:
        if not any(pattern.search(problem) for pattern in self._allowed):
            self.problems.append(problem)


class Tabs:
    """Opens pages of the shop, each in a context of its own: storage, cookies, cache and all."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._open: list[tuple[BrowserContext, Watch]] = []

    def open(self, **options: Any) -> tuple[Page, Watch]:
        """A page in a new context. `options` are Playwright's for a context."""
        given: dict[str, Any] = {
            "viewport": DESKTOP,
            "locale": "en-IE",
            "timezone_id": "Europe/Dublin",
        }
        context = self._browser.new_context(base_url=self._url, **(given | options))
        context.set_default_timeout(20_000)
        watch = Watch(context)
        self._open.append((context, watch))
        return context.new_page(), watch

    def close(self) -> list[str]:
        """Close all of them. What went wrong in any."""
        for context, _ in self._open:
            context.close()
        return [problem for _, watch in self._open for problem in watch.problems]
