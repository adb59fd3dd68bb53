"""What goes wrong, and when: each decision follows from the seed and from what it is about.

No decision depends on how many were made before it. So a run with one order left out, or with one
mishap undone, goes on as it did in all else, and a failure can be made smaller piece by piece.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from hashlib import blake2b

RATES = {
    # of a call
    "crash before": 0.004,
    "crash after": 0.004,
    "throttled": 0.006,
    "answer lost": 0.006,
    "slow": 0.03,
    "transaction conflict": 0.05,
    "stale read": 0.1,
    "entry refused": 0.01,
    # of a message in a queue
    "duplicate": 0.04,
    "late": 0.05,
    "very late": 0.006,
    "not deleted": 0.01,
    # of a change in a stream
    "stream behind": 0.05,
    # of Stripe
    "Stripe refuses": 0.02,
    "Stripe keeps a 500": 0.01,
    "Stripe's answer lost": 0.03,
    "Stripe never answers": 0.01,
    "webhook late": 0.15,
    "webhook twice": 0.08,
    "webhook not taken": 0.1,
    "webhook lost": 0.03,
    # of the database
    "database asleep": 0.03,
    # of a run: each lasts a while
    "service down": 0.12,
    "Stripe down": 0.3,
    "slow carrier": 0.5,
    # of a minute
    "sweep twice": 0.1,
    # of people
    "poison": 0.5,
    "ordered twice": 0.05,
}
"""How likely each kind of mishap is, where it can happen."""

KINDS = frozenset(RATES)


class Chaos:
    """Draws what goes wrong, and keeps a record of what did.

    Args:
        seed: of all decisions.
        kinds: of mishaps that may happen.
        muted: mishaps that do not happen, by their labels.
    """

    def __init__(
        self, seed: int, kinds: Collection[str] = KINDS, muted: Collection[str] = frozenset()
    ) -> None:
        self.struck: dict[str, str] = {}
        """The mishaps so far: label -> kind."""
        self._seed = str(seed).encode()
        self._rates = {kind: rate for kind, rate in RATES.items() if kind in kinds}
        self._muted = frozenset(muted)
        self.notice: Callable[[str], None] = lambda label: None
        """Told of each mishap as it happens."""
        self._quiet = False

    def strikes(self, kind: str, about: str) -> bool:
        """Whether that mishap happens, to what it is about. Asked again, it says the same."""
        rate = self._rates.get(kind, 0.0)
        if self._quiet or self.share(f"{kind}: {about}") >= rate:
            return False
        label = f"{kind}: {about}"
        if label in self._muted:
            return False
        self._note(label, kind)
        return True

    def one_of(self, kinds: Collection[str], about: str) -> str | None:
        """At most one of several mishaps, drawn at once."""
        if self._quiet:
            return None
        drawn = self.share(f"mishap: {about}")
        for kind in kinds:
            rate = self._rates.get(kind, 0.0)
            if drawn < rate:
                label = f"{kind}: {about}"
                if label in self._muted:
                    return None
                self._note(label, kind)
                return kind
            drawn -= RATES[kind]
        return None

    def _note(self, label: str, kind: str) -> None:
        self.struck[label] = kind
        self.notice(label)

    def share(self, about: str) -> float:
        """A number from 0 up to 1 that follows from the seed and from what it is about."""
        digest = blake2b(about.encode(), digest_size=8, key=self._seed).digest()
        return int.from_bytes(digest) / 2**64

    def between(self, low: float, high: float, about: str) -> float:
        """A number in a range, likewise."""
        return low + (high - low) * self.share(about)

    def random(self, about: str) -> random.Random:
        """A source of random numbers, likewise."""
        return random.Random(int(self.share(about) * 2**53))

    def counted(self) -> Counter[str]:
        """How many mishaps of each kind there were."""
        return Counter(self.struck.values())

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing goes wrong within."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
