"""Sheets of paper to draw on, as pages of a PDF: shapes stay shapes, sharp at any size.

A sheet takes what a canvas takes, so that what is drawn for a picture can be drawn on paper, too.
"""

import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import ImageColor

from local.sample.canvas import Canvas, Colour, Fade, Fill, Point, curve

A4 = (595, 842)
"""Points (1/72 inch) of a page, wide and high."""

_SIDE = 515
"""Points of the square that is drawn on. What is left is the margin, and room for a title."""

_LEFT, _TOP = (A4[0] - _SIDE) / 2, 110

_PENCIL = 3.2
"""Units of an outline's width."""

_ADVANCE = 0.52
"""What a letter of Helvetica takes of its size, about: enough to put a title in the middle."""


class Sheet(Canvas):
    """One page, which shows what is drawn within its square, in flat colours: no light, no shade.

    Args:
        name: what is random in it follows from that.
        title: stands above the square.
        outlined: shapes are white with a black edge, so that somebody may colour them in.
    """

    def __init__(self, name: str, title: str, *, outlined: bool = False) -> None:
        self.random = random.Random(name)
        self._matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        self._outlined = outlined
        self._drawn: list[str] = []
        self._write(title, 58, 22)

    def note(self, text: str) -> None:
        """A line of small text below the square."""
        self._write(text, _TOP + _SIDE + 30, 10)

    @property
    def content(self) -> bytes:
        """What is on the page, in the language of PDF."""
        return "\n".join(self._drawn).encode("latin-1")

    def backdrop(self, fade: Fade, glow: Colour) -> None:
        """Paper stays white."""

    def shadow(self, points: Iterable[Point], blur: float = 14, fill: Colour = "#2a1f3855") -> None:
        """Paper has none."""

    def lift(self, points: Sequence[Point], to: Point, turn: float, hole: Colour) -> None:
        """Nothing is cut out."""

    def polygon(self, points: Iterable[Point], fill: Fill) -> None:
        """Fill what the points enclose; or show its edge, where a sheet is to be coloured in."""
        if not _is_solid(fill):
            return
        path = self._path(points)
        if not self._outlined:
            self._drawn.append(f"{_colour(fill)} rg {path} h f")
        else:
            width = _number(_PENCIL * _SIDE / 1000)
            self._drawn.append(f"1 1 1 rg 0.15 0.15 0.15 RG {width} w {path} h B")

    def line(
        self, points: Sequence[Point], width: float, fill: Colour, *, smooth: bool = False
    ) -> None:
        """A line with round ends."""
        if not _is_solid(fill):
            return
        a, b, _, d, e, _ = self._matrix
        thick = (min(width, _PENCIL) if self._outlined else width) * abs(a * e - b * d) ** 0.5
        colour = "0.15 0.15 0.15" if self._outlined else _colour(fill)
        path = self._path(curve(points) if smooth else points)
        self._drawn.append(f"{colour} RG {_number(thick * _SIDE / 1000)} w {path} S")

    @contextmanager
    def within(self, points: Iterable[Point]) -> Iterator[None]:
        """What is drawn shows inside of the points only."""
        self._drawn.append(f"q {self._path(points)} h W n")
        try:
            yield
        finally:
            self._drawn.append("Q")

    def _path(self, points: Iterable[Point]) -> str:
        a, b, c, d, e, f = self._matrix
        scale = _SIDE / 1000
        steps = [
            f"{_number(_LEFT + scale * (a * x + b * y + c))}"
            f" {_number(A4[1] - _TOP - scale * (d * x + e * y + f))}"
            for x, y in points
        ]
        return " ".join(f"{step} {'l' if number else 'm'}" for number, step in enumerate(steps))

    def _write(self, text: str, y: float, size: int) -> None:
        x = (A4[0] - len(text) * size * _ADVANCE) / 2
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        at = f"{_number(x)} {_number(A4[1] - y)}"
        self._drawn.append(f"BT 0.2 0.16 0.25 rg /F1 {size} Tf {at} Td ({escaped}) Tj ET")


def save(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write a PDF of these pages. It holds no date: the same pages make the same file."""
    first = 4
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(sheets)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(sheets)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, sheet in enumerate(sheets):
        body = zlib.compress(b"1 J 1 j\n" + sheet.content, 9)
        page = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {A4[0]} {A4[1]}]"
            f" /Resources << /Font << /F1 3 0 R >> >> /Contents {first + 2 * number + 1} 0 R >>"
        )
        stream = f"<< /Length {len(body)} /Filter /FlateDecode >>\nstream\n".encode()
        objects += [page.encode(), stream + body + b"\nendstream"]
    whole = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places: list[int] = []
    for number, content in enumerate(objects, 1):
        places.append(len(whole))
        whole += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(whole)}\n%%EOF\n"
    path.write_bytes(whole + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode())


def _is_solid(fill: Fill) -> bool:
    """Whether a fill is a thing's own, and no light or shade upon it."""
    colours = (fill.first, fill.last) if isinstance(fill, Fade) else (fill,)
    return all(len(ImageColor.getrgb(colour)) == 3 for colour in colours)


def _colour(fill: Fill) -> str:
    """One colour for a fill: of a fade, the middle."""
    colours = (fill.first, fill.last) if isinstance(fill, Fade) else (fill,)
    parts = zip(*(ImageColor.getrgb(colour)[:3] for colour in colours), strict=True)
    return " ".join(_number(sum(part) / len(part) / 255) for part in parts)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
