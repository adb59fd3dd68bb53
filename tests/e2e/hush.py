"""What no log and no trace may tell: who somebody is, and what lets one pay or enter."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from local import shopper
from local.settings import HOST

FORBIDDEN: dict[str, re.Pattern[str]] = {
    # SES' own id of a mail looks like an address.
    "an e-mail address": re.compile(
        r"[\w.+-]+@(?!email\.amazonses\.com)[\w-]+\.[a-z]{2,}", re.IGNORECASE
    ),
    "a token": re.compile(r"eyJ[\w-]{8,}\.[\w-]+\."),
    "a card's number": re.compile(r"\b(?:4242|4000|5555|3782)(?:[ -]?\d{4}){2,3}\b"),
    "a payment method": re.compile(r"\bpm_\w+"),
    "a client secret": re.compile(r"_secret_\w+"),
    "a key": re.compile(r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_\w+"),
    "a signature": re.compile(r"X-Amz-Signature=|AWS4-HMAC-SHA256"),
    "a private link": re.compile(r"/shared/[\w-]+/\w+"),
    "a password": re.compile(re.escape(shopper.PASSWORD)),
    "a postal address": re.compile(
        "|".join(re.escape(str(shopper.ADDRESS[part])) for part in ("name", "line1", "postalCode"))
    ),
}
"""By what it is."""


def told(text: str) -> Iterable[str]:
    """What a text tells that it must not, each with the place."""
    for name, pattern in FORBIDDEN.items():
        if found := pattern.search(text):
            yield f"{name}: …{text[max(0, found.start() - 60) : found.end() + 20]}…"


class Traces:
    """X-Ray's daemon, as functions see it: hears their segments, and keeps what is wrong."""

    def __init__(self, port: int) -> None:
        self.wrong: list[str] = []
        self.heard: Counter[str] = Counter()
        """How many segments, by the name of the function."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, port))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A thread that waits in recv is not woken by close(): a last datagram wakes it.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(timeout=5)
        self._socket.close()

    def _listen(self) -> None:
        while datagram := self._socket.recv(65_536):
            text = datagram.decode(errors="replace")
            name = re.search(r'"name":\s*"([^"]+)"', text)
            self.heard[name[1] if name else "?"] += 1
            self.wrong += told(text)
