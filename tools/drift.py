"""Generated files: written, or compared with what is there."""

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def write(files: Mapping[Path, str], stale: Iterable[Path] = ()) -> None:
    """Write each file whose text is not yet so, and remove what is no longer made."""
    for path, text in files.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {_short(path)}")
    for path in sorted(stale):
        path.unlink()
        print(f"removed {_short(path)}")


def differences(files: Mapping[Path, str], stale: Iterable[Path] = ()) -> list[str]:
    """A unified diff from each file to what it should be. `stale` ones should not be there."""
    wanted = dict(files) | dict.fromkeys(stale, "")
    found = []
    for path, text in sorted(wanted.items()):
        there = path.read_text() if path.exists() else ""
        if there != text:
            lines = difflib.unified_diff(
                there.splitlines(keepends=True),
                text.splitlines(keepends=True),
                _short(path),
                f"{_short(path)} (generated)",
            )
            found.append("".join(lines))
    return found


def report(found: list[str]) -> int:
    """Print what differs, and give the exit status: 1 when anything does."""
    if not found:
        return 0
    sys.stderr.write("".join(found))
    sys.stderr.write("Generated files are not what the code says: run `make contracts`.\n")
    return 1


def _short(path: Path) -> str:
    return os.path.relpath(path)
