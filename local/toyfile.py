"""Toys in a CSV file: a row for each, and a line number for whatever is wrong with one.

The columns may stand in any order; those that a toy need not have may be left out. Between tags and
between pictures stands a semicolon, and between attributes, too: `colour=red;pieces=40;loud=false`.
Numbers, true and false are what they look like; all other values are text. A digital toy
(`fulfilment`) has a `download`: the file that is sold, which nobody else gets to see.
"""

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import LocalError

REQUIRED = ("sku", "name", "category", "brand", "price", "currency", "stock")

COLUMNS = (
    *("sku", "name", "description", "category", "brand", "minAge", "maxAge", "price", "currency"),
    *("stock", "tags", "attributes", "pictures", "fulfilment", "download"),
)

TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
"""The content types of pictures, by the endings of their names."""

SOLD_TYPES = TYPES | {".pdf": "application/pdf"}
"""Those of downloads."""

MOST_PICTURES = 12

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A toy of the file. `draft` is what `POST /toys` takes; `line` is where it begins."""

    line: int
    draft: dict[str, Any]
    pictures: tuple[Path, ...] = ()
    download: Path | None = None

    @property
    def sku(self) -> str:
        """What no two toys have in common."""
        return str(self.draft["sku"])


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of the file that did not go in, and why."""

    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}: {self.reason}"


def read(path: Path, pictures: Path | None = None) -> tuple[list[Row], list[Refusal]]:
    """The toys of a file, and the rows that are none.

    Names of pictures and downloads are relative to the folder given for them, else to the file's
    own. Raises LocalError when there is no such file, or when it is no CSV of toys as a whole.
    """
    folder = (pictures or path.parent).resolve()
    rows: list[Row] = []
    refusals: list[Refusal] = []
    lines: dict[str, int] = {}
    lists = _lists(path)
    header = _header(path, next(lists, (1, []))[1])
    for line, cells in lists:
        if not any(cell.strip() for cell in cells):
            continue
        what = _sku(header, cells) or "a row"
        try:
            row = _row(line, header, cells, folder)
            if row.sku in lines:
                raise _Wrong(f"has the SKU of line {lines[row.sku]}")
        except _Wrong as wrong:
            refusals.append(Refusal(line, what, str(wrong)))
        else:
            lines[row.sku] = line
            rows.append(row)
    if not rows and not refusals:
        raise LocalError(f"{path} has no toys: there is nothing below its header.")
    return rows, refusals


class _Wrong(ValueError):
    """What is wrong with a row."""


def _lists(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of its first line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            line = 1
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LocalError(
            f"{path} is not UTF-8 (byte {error.start} of what was read): save it as CSV UTF-8."
        ) from error
    except csv.Error as error:
        raise LocalError(f"{path} is no CSV from line {line} on: {error}.") from error


def _header(path: Path, cells: list[str]) -> list[str]:
    """The columns. Raises LocalError when they are not those of toys."""
    header = [cell.strip() for cell in cells]
    expected = f"Its first line has to be {','.join(COLUMNS)}"
    if not any(header):
        raise LocalError(f"{path} has no header. {expected}.")
    if len(header) == 1 and ";" in header[0]:
        raise LocalError(f"{path} has semicolons between its columns: save it with commas.")
    wrong = [
        *(f"no column {name}" for name in REQUIRED if name not in header),
        *(f"an unknown column {name!r}" for name in header if name not in COLUMNS),
        *(f"the column {name} twice" for name in COLUMNS if header.count(name) > 1),
    ]
    if wrong:
        raise LocalError(f"{path} has {', '.join(wrong)}. {expected}.")
    return header


def _sku(header: list[str], cells: list[str]) -> str:
    return dict(zip(header, cells, strict=False)).get("sku", "").strip()


def _row(line: int, header: list[str], cells: list[str], folder: Path) -> Row:
    if len(cells) != len(header):
        raise _Wrong(f"has {len(cells)} cells where the header has {len(header)}")
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    pictures = _pictures(given.pop("pictures", ""), folder)
    download = _download(given.pop("download", ""), folder)
    draft = {name: _cell(name, text) for name, text in given.items() if text or name in REQUIRED}
    return Row(line, draft, pictures, download)


def _cell(name: str, text: str) -> Any:
    match name:
        case "minAge" | "maxAge" | "price" | "stock":
            return _whole(name, text)
        case "tags":
            return _parts(text)
        case "attributes":
            return _attributes(text)
    return text


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Wrong(f"{name} is {text!r}, which is no whole number")
    return int(text)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _attributes(text: str) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    for part in _parts(text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise _Wrong(f"attributes has {part!r}, which is not name=value")
        if name in found:
            raise _Wrong(f"attributes has {name} twice")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> str | int | float | bool:
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text):
        return text
    number: int | float = json.loads(text) if len(text) <= 40 else math.inf
    if not math.isfinite(number):
        raise _Wrong(f"attribute {name} is too large a number")
    return number


def _pictures(text: str, folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for name in _parts(text):
        path = _file(f"the picture {name}", name, folder, TYPES)
        if path.name in {other.name for other in found}:
            raise _Wrong(f"two pictures are called {path.name}")
        found.append(path)
    if len(found) > MOST_PICTURES:
        raise _Wrong(f"has {len(found)} pictures: {MOST_PICTURES} at most")
    return tuple(found)


def _download(name: str, folder: Path) -> Path | None:
    return _file(f"the download {name}", name, folder, SOLD_TYPES) if name else None


def _file(what: str, name: str, folder: Path, types: Mapping[str, str]) -> Path:
    path = (folder / name).resolve()
    # Who writes the file may not be who runs it: nothing else of the machine is published.
    if not path.is_relative_to(folder):
        raise _Wrong(f"{what} is outside of the file's folder")
    if path.suffix.lower() not in types:
        raise _Wrong(f"{what} is none: it ends in none of {', '.join(types)}")
    return path
