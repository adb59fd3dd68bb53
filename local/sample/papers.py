"""Toys of paper: what is printed, as PDFs, and the pictures of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from local.sample import building, memory, outdoor, puppets, soft_toys, trains
from local.sample.canvas import Canvas, curve, oval, rounded
from local.sample.mazes import maze
from local.sample.palette import (
    BLUE,
    GREEN_DARK,
    INK,
    ORANGE,
    RED,
    TEAL,
    WHITE,
    YELLOW,
    backdrop,
)
from local.sample.sheet import Sheet, save

MOTIFS = (memory.leaf, memory.mushroom, memory.acorn, memory.owl, memory.tree)
"""What is on the cards of the pairs."""

MAZES = (("The garden", 8), ("The pond", 11), ("The wood", 14))
HARDER = (("The mountain", 18), ("The town", 23), ("The castle", 30))


def colouring_book(path: Path) -> None:
    """Eight pages to colour in."""
    pages: tuple[tuple[str, Callable[[Canvas], None]], ...] = (
        ("Bear Bruno", soft_toys.bear_bruno),
        ("Rabbit Lotte", soft_toys.rabbit_lotte),
        ("The sleepy fox", soft_toys.sleepy_fox),
        ("The train", trains.wooden_train_set),
        ("The steam locomotive", trains.steam_locomotive),
        ("The castle", building.castle_kit),
        ("The theatre", puppets.puppet_theatre),
        ("The kite", outdoor.kite_swift),
    )
    sheets = []
    for title, motif in pages:
        sheet = Sheet(title, title, outlined=True)
        motif(sheet)
        sheets.append(sheet)
    save(path, sheets)


def six_mazes(path: Path) -> None:
    """Six pages, each harder than the one before."""
    sheets = []
    for title, size in (*MAZES, *HARDER):
        sheet = Sheet(title, title)
        maze(sheet, size, title, width=72 / size)
        sheet.note("In at the upper left corner, out at the lower right one.")
        sheets.append(sheet)
    save(path, sheets)


def paper_pairs(path: Path) -> None:
    """Two pages of ten cards: of each motif there are four, two on a page."""
    sheets = []
    for number in (1, 2):
        sheet = Sheet(f"pairs {number}", "Paper Pairs")
        for place in range(2 * len(MOTIFS)):
            column, row = place % 2, place // 2
            with sheet.placed(340 + column * 320, 100 + row * 200, scale=0.78):
                edge = rounded(-120, -120, 240, 240, 22)
                sheet.line([*edge, edge[0]], 1.5, "#9a93a8")
                MOTIFS[place % len(MOTIFS)](sheet)
        sheet.note("Print both pages on strong paper and cut the cards out along their lines.")
        sheets.append(sheet)
    save(path, sheets)


PAPERS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        f"{write.__name__.replace('_', '-')}.pdf": write
        for write in (colouring_book, six_mazes, paper_pairs)
    }
)
"""What writes each PDF, by the name of its file."""


# The pictures of them


def colouring_book_shown(canvas: Canvas) -> None:
    """A sheet that somebody has begun to colour in."""
    _sheets(canvas)
    with canvas.placed(490, 500, -4):
        ears = (oval(-120, -150, 70), oval(120, -150, 70))
        head, snout = oval(0, 0, 210, 190), oval(0, 60, 90, 70)
        canvas.polygon(ears[0], ORANGE)
        for edge in (*ears, head, snout):
            if edge is not ears[0]:
                canvas.polygon(edge, WHITE)
            canvas.line([*edge, edge[0]], 7, INK)
        for x in (-75, 75):
            canvas.ellipse(x, -50, 16, 20, INK)
        canvas.blob([(-30, 30), (30, 30), (0, 62)], INK)
        canvas.line(curve([(-50, 84), (0, 108), (50, 84)]), 7, INK)
    for x, y, turn, colour in ((770, 720, 28, RED), (820, 640, 40, TEAL), (700, 800, 14, YELLOW)):
        with canvas.placed(x, y, turn):
            canvas.shadow(rounded(-150, 0, 300, 34, 4), 10, "#2a1f3866")
            canvas.rectangle(-150, -14, 260, 32, colour, 4)
            canvas.polygon([(110, -14), (110, 18), (160, 2)], "#efd0a0")
            canvas.polygon([(142, -4), (142, 8), (160, 2)], colour)


def six_mazes_shown(canvas: Canvas) -> None:
    """A sheet with a maze, and the pencil that has come half of the way."""
    _sheets(canvas)
    with canvas.placed(490, 490, -4, 0.5), canvas.placed(-500, -500):
        maze(canvas, 11, "The pond", width=9)
    with canvas.placed(740, 760, 35):
        canvas.shadow(rounded(-170, 0, 340, 34, 4), 10, "#2a1f3866")
        canvas.rectangle(-170, -16, 290, 36, BLUE, 4)
        canvas.polygon([(120, -16), (120, 20), (178, 2)], "#efd0a0")
        canvas.polygon([(156, -5), (156, 9), (178, 2)], INK)


def paper_pairs_shown(canvas: Canvas) -> None:
    """Cards that are cut out of their sheet."""
    _sheets(canvas)
    for number, (motif, tilt) in enumerate(zip(MOTIFS[:4], (-8, 5, -3, 7), strict=True)):
        x, y = 370 + number % 2 * 260, 370 + number // 2 * 260
        with canvas.placed(x, y, tilt):
            canvas.shadow(rounded(-116, -108, 236, 236, 22), 12, "#2a1f3880")
            canvas.rectangle(-118, -118, 236, 236, WHITE, 22)
            edge = rounded(-112, -112, 224, 224, 18)
            canvas.line([*edge, edge[0]], 3, GREEN_DARK)
            motif(canvas)


def _sheets(canvas: Canvas) -> None:
    """Three sheets of paper, one upon the other."""
    backdrop(canvas, "To print")
    for turn, shade in ((7, "#f1ece0"), (2, "#f8f4ea"), (-4, WHITE)):
        with canvas.placed(490, 500, turn):
            canvas.shadow(rounded(-290, -390, 590, 800, 6), 20, "#2a1f3855")
            canvas.rectangle(-295, -400, 590, 800, shade, 6)


PICTURES: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {
        "colouring-book.png": colouring_book_shown,
        "six-mazes.png": six_mazes_shown,
        "paper-pairs.png": paper_pairs_shown,
    }
)
"""What draws each picture, by the name of its file."""
