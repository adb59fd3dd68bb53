"""Pictures of jigsaws."""

from collections.abc import Callable

from local.sample.canvas import Canvas, Colour, Fade, Point, arc, curve, oval, rounded
from local.sample.palette import (
    BLUE,
    BLUE_DARK,
    CREAM,
    GREEN,
    GREEN_DARK,
    INK,
    ORANGE,
    ORANGE_DARK,
    RED,
    RED_DARK,
    RED_LIGHT,
    TEAL,
    WHITE,
    WOOD,
    WOOD_DARK,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    grain,
)

_TAB = (
    (0.0, 0.0),
    (0.36, 0.03),
    (0.42, 0.05),
    (0.34, 0.17),
    (0.41, 0.26),
    (0.5, 0.28),
    (0.59, 0.26),
    (0.66, 0.17),
    (0.58, 0.05),
    (0.64, 0.03),
    (1.0, 0.0),
)
"""One side of a piece: along it, and out of it."""


class Jigsaw:
    """The cuts of a jigsaw of so many columns and rows in a rectangle."""

    def __init__(
        self, canvas: Canvas, box: tuple[float, float, float, float], columns: int, rows: int
    ) -> None:
        self.x, self.y, wide, high = box
        self.columns, self.rows = columns, rows
        self.wide, self.high = wide / columns, high / rows
        self._ways = {
            (kind, column, row): canvas.random.choice((-1, 1))
            for kind in "hv"
            for column in range(columns + 1)
            for row in range(rows + 1)
        }

    def side(self, kind: str, column: int, row: int) -> list[Point]:
        """The cut above (h) or to the left (v) of a place."""
        x, y = self.x + column * self.wide, self.y + row * self.high
        edge = row in (0, self.rows) if kind == "h" else column in (0, self.columns)
        out = 0 if edge else self._ways[kind, column, row]
        if kind == "h":
            return curve(
                [(x + along * self.wide, y + away * out * self.high) for along, away in _TAB],
                steps=6,
            )
        return curve(
            [(x + away * out * self.wide, y + along * self.high) for along, away in _TAB], steps=6
        )

    def piece(self, column: int, row: int) -> list[Point]:
        """The outline of one piece."""
        return [
            *self.side("h", column, row),
            *self.side("v", column + 1, row),
            *reversed(self.side("h", column, row + 1)),
            *reversed(self.side("v", column, row)),
        ]

    def cut(self, canvas: Canvas) -> None:
        """Draw all cuts."""
        cuts = [("h", column, row) for column in range(self.columns) for row in range(1, self.rows)]
        cuts += [
            ("v", column, row) for column in range(1, self.columns) for row in range(self.rows)
        ]
        for kind, column, row in cuts:
            points = self.side(kind, column, row)
            canvas.line([(x + 2, y + 2) for x, y in points], 2.4, "#ffffff55")
            canvas.line(points, 2.6, "#1b163080")


def _jigsaw(
    canvas: Canvas,
    columns: int,
    rows: int,
    draw: Callable[[Canvas], None],
    loose: tuple[tuple[int, int, float, float, float], ...],
) -> None:
    """A jigsaw of what `draw` draws in 800 by 560, some of its pieces taken out."""
    backdrop(canvas, "Puzzles")
    frame = rounded(72, 124, 856, 616, 18)
    canvas.shadow([(x + 6, y + 26) for x, y in frame], 22, "#2a1f3888")
    canvas.rectangle(72, 132, 856, 616, WOOD_DARK, 18)
    canvas.rectangle(72, 124, 856, 612, Fade("#f0d4a6", WOOD), 18)
    grain(canvas, rounded(72, 124, 856, 612, 0), rows=9)
    with canvas.placed(100, 152), canvas.within(rounded(0, 0, 800, 556, 4)):
        draw(canvas)
    jigsaw = Jigsaw(canvas, (100, 152, 800, 556), columns, rows)
    jigsaw.cut(canvas)
    for column, row, x, y, turn in loose:
        canvas.lift(jigsaw.piece(column, row), (x, y), turn, "#cfa873")


def night_train(canvas: Canvas) -> None:
    """A train crosses a viaduct under a full moon."""
    loose = (
        (8, 5, 700, 850, 24),
        (9, 5, 842, 838, -32),
        (9, 4, 570, 870, 64),
        (2, 0, 190, 856, -18),
        (3, 6, 320, 884, 40),
    )
    _jigsaw(canvas, 10, 7, _night, loose)


def _night(canvas: Canvas) -> None:
    canvas.rectangle(0, 0, 800, 560, Fade("#1c2656", "#6f6fae"))
    for _ in range(70):
        canvas.ellipse(
            canvas.random.uniform(0, 800),
            canvas.random.uniform(0, 320),
            canvas.random.uniform(1, 3.4),
            fill="#ffffffcc",
        )
    canvas.shadow(oval(600, 130, 110), 40, "#fff4c4cc")
    canvas.ellipse(600, 130, 78, fill=Fade("#fffbe6", "#f4e2a6"))
    for x, y, radius in ((575, 110, 15), (628, 140, 20), (592, 168, 10), (620, 92, 8)):
        canvas.ellipse(x, y, radius, fill="#e6d08f88")
    canvas.blob(
        [
            (-60, 420),
            (120, 300),
            (260, 360),
            (420, 280),
            (600, 370),
            (760, 290),
            (880, 420),
            (880, 620),
            (-60, 620),
        ],
        "#4a4f8c",
    )
    canvas.blob(
        [(-60, 480), (180, 400), (360, 450), (560, 390), (880, 480), (880, 640), (-60, 640)],
        "#353a70",
    )
    canvas.rectangle(0, 510, 800, 60, Fade("#5b74b5", "#2c3868"))
    canvas.polygon([(560, 512), (640, 512), (680, 560), (520, 560)], "#fff4c455")
    wall = [(0, 330), (800, 330), (800, 366), (0, 366)]
    for x in range(-40, 880, 160):
        canvas.polygon(
            [(x - 24, 340), (x + 24, 340), (x + 34, 560), (x - 34, 560)],
            Fade("#8f86a8", "#4f496f", "right"),
        )
        canvas.polygon(
            [(x + 24, 366), *arc(x + 80, 424, 58, 180, 360), (x + 136, 366)],
            Fade("#8a82a4", "#6d6690"),
        )
    canvas.polygon(wall, Fade("#a79ebf", "#7a7298"))
    for x in range(0, 800, 44):
        canvas.line([(x, 334), (x, 362)], 2, "#4f496f88")
    canvas.rectangle(0, 322, 800, 12, "#c2b9d6")
    for number in range(3):
        x = 330 + number * 152
        canvas.rectangle(x, 236, 142, 72, Fade(RED, "#7d2836"), 8)
        canvas.rectangle(x - 5, 228, 152, 14, "#4a2a3c", 6)
        for window in range(4):
            canvas.shadow(oval(x + 22 + window * 33, 266, 18), 8, "#ffdf80aa")
            canvas.rectangle(x + 11 + window * 33, 252, 23, 28, YELLOW_LIGHT, 4)
        canvas.rectangle(x, 288, 142, 6, YELLOW_DARK)
        for wheel in (28, 114):
            canvas.ellipse(x + wheel, 310, 14, fill=INK)
            canvas.ellipse(x + wheel, 310, 6, fill="#a9b1bf")
    canvas.polygon([(60, 274), (0, 240), (0, 330)], "#fff4c466")
    canvas.rectangle(76, 240, 176, 62, Fade("#3f4a6e", "#1c2238"), 16)
    canvas.rectangle(232, 196, 84, 108, Fade("#3f4a6e", "#1c2238"), 6)
    canvas.rectangle(250, 214, 48, 38, YELLOW_LIGHT, 5)
    canvas.rectangle(222, 184, 104, 18, "#141a2e", 7)
    canvas.polygon(
        [(104, 242), (140, 242), (148, 178), (96, 178)], Fade("#4d5880", "#1c2238", "right")
    )
    canvas.ellipse(186, 240, 20, 18, YELLOW_DARK)
    canvas.ellipse(72, 268, 14, fill=YELLOW_LIGHT)
    for x in (112, 166, 220, 276):
        canvas.ellipse(x, 306, 18, fill="#7d2836")
        canvas.ellipse(x, 306, 8, fill="#c9ccd8")
    for x, y, radius in (
        (130, 150, 22),
        (166, 116, 32),
        (222, 92, 42),
        (300, 80, 48),
        (390, 84, 38),
    ):
        canvas.ellipse(x, y, radius, fill="#e9e6f6aa")


def busy_harbour(canvas: Canvas) -> None:
    """Ships, houses, gulls and a whale."""
    loose = (
        (6, 4, 640, 858, 18),
        (7, 5, 820, 852, -26),
        (4, 5, 300, 860, -14),
        (0, 0, 130, 852, 28),
    )
    _jigsaw(canvas, 8, 6, _harbour, loose)


def _harbour(canvas: Canvas) -> None:
    canvas.rectangle(0, 0, 800, 560, Fade("#8fd3f0", "#e8f6f4"))
    canvas.ellipse(700, 86, 52, fill=Fade("#fff3b8", "#ffce54"))
    for x, y, size in ((130, 70, 60), (390, 56, 74), (560, 110, 46)):
        for shift, rise in ((-0.7, 0), (0, -16), (0.7, 0)):
            canvas.ellipse(x + shift * size, y + rise, size * 0.6, size * 0.36, WHITE)
    canvas.blob(
        [
            (-60, 260),
            (100, 170),
            (260, 210),
            (420, 160),
            (620, 220),
            (880, 190),
            (880, 360),
            (-60, 360),
        ],
        "#9ccf97",
    )
    houses: tuple[tuple[float, float, float, Colour, Colour], ...] = (
        *(
            (20.0, 84.0, 110.0, RED_LIGHT, RED_DARK),
            (108, 74, 140, YELLOW, ORANGE_DARK),
            (186, 86, 100, "#86b4e2", BLUE_DARK),
        ),
        *(
            (276, 70, 130, CREAM, RED_DARK),
            (350, 90, 108, "#93c893", GREEN_DARK),
            (444, 74, 136, "#f9cbd2", "#a3435a"),
        ),
    )
    for left, wide, high, wall, roof in houses:
        canvas.rectangle(left, 300 - high, wide, high + 20, wall)
        canvas.polygon(
            [(left - 8, 302 - high), (left + wide / 2, 250 - high), (left + wide + 8, 302 - high)],
            roof,
        )
        for column in range(2):
            for row in range(2):
                canvas.rectangle(
                    left + 13 + column * wide * 0.45, 314 - high + row * 38, 20, 24, "#fffbe6", 3
                )
        canvas.rectangle(left + wide / 2 - 10, 286, 20, 34, roof, 4)
    canvas.rectangle(0, 306, 560, 30, "#c9a57a")
    for x in range(10, 560, 54):
        canvas.rectangle(x, 316, 14, 60, "#9a744b", 4)
    tower = [(640, 130), (692, 130), (712, 320), (620, 320)]
    canvas.blob([(560, 330), (620, 296), (720, 296), (820, 320), (820, 370), (560, 370)], "#8d8798")
    canvas.polygon(tower, WHITE)
    with canvas.within(tower):
        for y in (150, 214, 278):
            canvas.rectangle(600, y, 130, 30, RED)
    canvas.rectangle(640, 92, 52, 40, YELLOW_LIGHT, 5)
    canvas.polygon([(630, 96), *arc(666, 96, 36, 180, 360), (702, 96)], RED_DARK)
    canvas.rectangle(0, 344, 800, 220, Fade("#4fb3d4", "#2a6ea6"))
    for row in range(8):
        for column in range(7):
            x, y = column * 128 - 20 + row % 2 * 60, 362 + row * 27
            canvas.line([(x, y), (x + 20, y - 6), (x + 42, y)], 4, "#ffffff77", smooth=True)
    # A steamer, a sailing boat, a rowing boat and a whale.
    canvas.rectangle(150, 316, 120, 50, WHITE, 6)
    for x in (172, 208, 244):
        canvas.ellipse(x, 340, 10, fill=BLUE)
    canvas.rectangle(196, 264, 36, 56, RED)
    canvas.rectangle(196, 264, 36, 16, INK)
    canvas.polygon([(90, 364), (330, 364), (300, 424), (120, 424)], Fade("#4b5687", "#2b3359"))
    canvas.rectangle(92, 364, 234, 9, CREAM)
    canvas.polygon([(412, 310), (412, 432), (520, 432)], YELLOW)
    canvas.polygon([(404, 330), (404, 432), (340, 432)], ORANGE)
    canvas.line([(408, 300), (408, 448)], 6, "#7a532b")
    canvas.polygon([(346, 444), (510, 444), (484, 484), (368, 484)], Fade("#c0774a", "#8a4f2d"))
    canvas.polygon([(570, 420), (720, 420), (696, 456), (592, 456)], Fade(GREEN, GREEN_DARK))
    canvas.line([(612, 400), (560, 462)], 6, "#7a532b")
    canvas.ellipse(644, 388, 16, fill="#f6cfa8")
    canvas.polygon([(628, 378), (660, 378), (652, 364), (636, 364)], RED)
    canvas.blob([(624, 422), (630, 402), (658, 402), (664, 422)], TEAL)
    canvas.blob(
        [
            (110, 520),
            (140, 476),
            (210, 464),
            (280, 500),
            (310, 478),
            (334, 470),
            (322, 510),
            (290, 534),
            (200, 544),
        ],
        Fade("#5b79b0", "#3b5488"),
    )
    canvas.ellipse(148, 508, 6, fill=INK)
    for way in (-1, 1):
        canvas.line(
            [(180, 464), (180, 440), (180 + way * 20, 428), (180 + way * 30, 442)],
            6,
            "#e8f6ff",
            smooth=True,
        )
    for x, y in ((480, 90), (560, 60), (300, 120)):
        canvas.line(
            [(x - 24, y - 8), (x - 10, y - 14), (x, y), (x + 10, y - 14), (x + 24, y - 8)],
            5,
            WHITE,
            smooth=True,
        )
