"""What goes wrong on this machine, told so that the reader knows what to do next."""

from pathlib import Path


class LocalError(Exception):
    """A command of the local cloud cannot go on.

    The message says what, why and what to do next; `log`, when given, is the file with the rest.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def report(self, lines: int = 20) -> str:
        """The message, the log's last lines and its place."""
        if self.log is None:
            return str(self)
        tail = last_lines(self.log, lines)
        shown = [f"  | {line}" for line in tail] or ["  | (empty)"]
        return "\n".join([str(self), *shown, f"The whole log: {self.log}"])


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log file; none when it is not there."""
    try:
        return log.read_text(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
