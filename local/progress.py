"""What the command does, step by step: live in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
"""Standard output; wide where nobody looks, so that no id in a table is broken."""

errors = Console(stderr=True, highlight=False)
"""Standard error."""


_LINE_SECONDS = 2.0
"""Between two lines of something that is counted, where there is no bar."""


class _CountBar(BarColumn):
    """A bar for what is counted; nothing for a step."""

    def render(self, task: Task) -> RenderableType:  # type: ignore[override]
        return super().render(task) if task.fields.get("counts") else ""


class Progress:
    """Steps that may run side by side, each with the time it takes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bars = Bars(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            _CountBar(bar_width=24),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show one step, from its start to its end."""
        bar = self._bars.add_task(what, total=1)
        began = time.monotonic()
        self._line(f"{what} …")
        try:
            yield
        except BaseException:
            self._bars.update(bar, description=f"[red]✗ {what}[/]")
            self._bars.stop_task(bar)
            self._line(f"{what}: failed")
            raise
        self._bars.update(bar, completed=1)
        self._line(f"{what}: done in {time.monotonic() - began:.1f} s")

    @contextmanager
    def count(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show how many of so many are done; what it gives is told of each that is."""
        bar = self._bars.add_task(f"{what} 0/{total}", total=total, counts=True)
        began = told = time.monotonic()
        done = 0

        def advance(by: int = 1) -> None:
            nonlocal done, told
            done += by
            self._bars.update(bar, completed=done, description=f"{what} {done}/{total}")
            if done < total and time.monotonic() - told >= _LINE_SECONDS:
                told = time.monotonic()
                self._line(f"{what} {done}/{total}")

        try:
            yield advance
        except BaseException:
            self._bars.update(bar, description=f"[red]✗ {what} {done}/{total}[/]")
            self._bars.stop_task(bar)
            raise
        finally:
            self._line(f"{what} {done}/{total} in {time.monotonic() - began:.1f} s")

    def note(self, what: str) -> None:
        """Say something that takes no time."""
        if console.is_terminal:
            self._bars.console.print(f"  {what}")
        else:
            self._line(what)

    def _line(self, text: str) -> None:
        if not console.is_terminal:
            print(f"[{self.elapsed:6.1f} s] {text}", flush=True)


def fail(message: str) -> None:
    """Tell an error on standard error."""
    errors.print(
        f"[red]error:[/] {escape(message)}" if errors.is_terminal else f"error: {message}",
        markup=errors.is_terminal,
        soft_wrap=True,
    )
    sys.stderr.flush()


def escape(text: str) -> str:
    """Text that rich must not read as markup."""
    return text.replace("[", r"\[")
