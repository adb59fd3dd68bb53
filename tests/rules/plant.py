"""What is put into a copy of the repository to see that a rule finds it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plant:
    """One way to break a rule: in this file, `old` becomes `new`.

    Without `old`, `new` is added at the end, or is a new file. `also` is another old and new in
    the same file. The complaint has to say `told`.
    """

    rule: str
    file: str
    old: str
    new: str
    told: str
    also: tuple[str, str] = ("", "")

    def put(self, root: Path) -> None:
        """Break the copy under `root`."""
        path = root / self.file
        text = path.read_text() if path.exists() else ""
        assert self.old in text, f"{self.file} has no {self.old!r}: plant something else"
        broken = text.replace(self.old, self.new) if self.old else text + self.new
        path.write_text(broken.replace(*self.also) if self.also[0] else broken)
