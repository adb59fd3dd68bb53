"""Pictures of what is played with under the sky."""

import math
from itertools import pairwise

from local.sample.canvas import Canvas, Fade, Point, curve, oval
from local.sample.palette import (
    BEECH_DARK,
    BEECH_LIGHT,
    BLUE_DARK,
    CREAM,
    GREEN_DARK,
    INK,
    ORANGE,
    ORANGE_DARK,
    ORANGE_LIGHT,
    RED,
    RED_DARK,
    RED_LIGHT,
    TEAL,
    TEAL_DARK,
    TEAL_LIGHT,
    WHITE,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
)


def _cloud(canvas: Canvas, x: float, y: float, scale: float) -> None:
    shape = [
        (-150, 30),
        (-130, -14),
        (-70, -24),
        (-30, -70),
        (40, -62),
        (76, -24),
        (132, -10),
        (150, 32),
        (60, 44),
        (-80, 44),
    ]
    with canvas.placed(x, y, scale=scale):
        canvas.blob([(px, py + 10) for px, py in shape], "#8fc3e466")
        canvas.blob(shape, Fade(WHITE, "#e6f3fb"))


def kite_swift(canvas: Canvas) -> None:
    """A kite high above the hills."""
    canvas.backdrop(Fade("#7cc3ef", "#e9f7fb"), "#ffffff44")
    canvas.shadow(oval(130, 130, 150), 40, "#fff4c0bb")
    canvas.ellipse(130, 130, 76, fill=Fade("#fff6c9", "#ffd465"))
    for x, y, scale in ((300, 300, 0.8), (840, 150, 0.9), (180, 580, 0.95), (850, 620, 0.7)):
        _cloud(canvas, x, y, scale)
    canvas.blob(
        [(-80, 900), (180, 800), (420, 860), (700, 790), (1080, 880), (1080, 1080), (-80, 1080)],
        Fade("#a5d38f", "#6fae6b"),
    )
    canvas.blob(
        [(-80, 960), (260, 880), (560, 930), (840, 880), (1080, 950), (1080, 1100), (-80, 1100)],
        Fade("#84c07a", GREEN_DARK),
    )
    for x, y in ((90, 930), (340, 920), (720, 934), (930, 930), (560, 965)):
        for lean in (-8, 0, 8):
            canvas.line([(x, y), (x + lean, y - 22)], 5, "#3f7f52")
    canvas.line([(438, 664), (360, 760), (230, 850), (90, 900)], 3.5, "#ffffffee", smooth=True)
    tail = curve([(438, 664), (520, 730), (480, 790), (590, 816), (580, 880), (700, 900)])
    canvas.line(tail, 6, "#5b4a78")
    for number, colours in enumerate(
        (
            (RED_LIGHT, RED_DARK),
            (YELLOW_LIGHT, YELLOW_DARK),
            (TEAL_LIGHT, TEAL_DARK),
            (ORANGE_LIGHT, ORANGE_DARK),
        )
    ):
        bow_x, bow_y = tail[8 + number * 18]
        with canvas.placed(bow_x, bow_y, 20 if number % 2 else -24):
            for way in (-1, 1):
                canvas.blob(
                    [(0, 0), (way * 30, -20), (way * 52, -16), (way * 54, 16), (way * 30, 20)],
                    Fade(*colours),
                )
            canvas.ellipse(0, 0, 9, fill=colours[1])
    with canvas.placed(560, 390, 24):
        top, right, bottom, left, middle = (0, -300), (220, -60), (0, 300), (-220, -60), (0, -60)
        whole: list[Point] = [top, right, bottom, left]
        canvas.shadow([(x + 30, y + 60) for x, y in whole], 26, "#2a4f7a44")
        for corner, next_, colours in (
            (left, top, (RED_LIGHT, RED)),
            (top, right, (YELLOW_LIGHT, YELLOW)),
            (right, bottom, (TEAL_LIGHT, TEAL)),
            (bottom, left, (ORANGE_LIGHT, ORANGE)),
        ):
            canvas.polygon([middle, corner, next_], Fade(*colours))
        with canvas.within(whole):
            canvas.polygon([(0, -300), (90, -300), (90, 300), (0, 300)], "#ffffff22")
            canvas.polygon([left, (-220, -84), (220, -84), right], "#ffffff55")
            inner = [(x * 0.62, -60 + (y + 60) * 0.62) for x, y in whole]
            canvas.line([*inner, inner[0]], 9, CREAM)
        canvas.line([left, right], 8, "#5b4a78")
        canvas.line([top, bottom], 8, "#5b4a78")
        canvas.line([*whole, top], 7, WHITE)
        canvas.ellipse(0, -60, 17, fill=INK)
        canvas.ellipse(-4, -64, 6, fill="#ffffff99")
    for x, y, size in ((850, 420, 1.0), (930, 350, 0.7), (200, 440, 0.8)):
        with canvas.placed(x, y, scale=size):
            canvas.line(
                [(-36, -12), (-16, -22), (0, 0), (16, -22), (36, -12)], 7, BLUE_DARK, smooth=True
            )


def skipping_rope(canvas: Canvas) -> None:
    """A rope of hemp in loops, with turned handles."""
    backdrop(canvas, "Outdoor")
    way = curve(
        [
            *((300, 640), (220, 480), (270, 280), (470, 180), (700, 230), (800, 430), (740, 640)),
            *((560, 760), (380, 730), (310, 580), (390, 420), (540, 380), (660, 460), (690, 620)),
        ],
        steps=26,
    )
    half = len(way) // 2
    for part in (way[: half + 1], way[half:]):
        below = [(x + 10, y + 30) for x, y in part]
        canvas.shadow([*below, *((x + 16, y - 6) for x, y in reversed(below))], 8, "#2a1f3844")
    for part in (way[: half + 1], way[half:]):
        _rope(canvas, part)
    for x, y, turn, colours in (
        (300, 640, 24, (RED_LIGHT, RED, RED_DARK)),
        (690, 620, -18, (TEAL_LIGHT, TEAL, TEAL_DARK)),
    ):
        with canvas.placed(x, y, turn):
            _handle(canvas, colours)


def _rope(canvas: Canvas, way: list[Point]) -> None:
    """A rope of strands that wind around each other."""
    canvas.line(way, 34, "#a97f49")
    canvas.line(way, 28, "#d9b47c")
    travelled = 0.0
    for (x, y), (next_x, next_y) in pairwise(way):
        far = math.hypot(next_x - x, next_y - y)
        travelled += far
        if travelled < 15:
            continue
        travelled = 0.0
        along_x, along_y = (next_x - x) / far, (next_y - y) / far
        canvas.line(
            [
                (x - along_y * 14 - along_x * 10, y + along_x * 14 - along_y * 10),
                (x + along_y * 14 + along_x * 10, y - along_x * 14 + along_y * 10),
            ],
            4.5,
            "#a1743f",
        )


def _handle(canvas: Canvas, colours: tuple[str, str, str]) -> None:
    """A turned handle of ash that hangs down."""
    light, middle, dark = colours
    right = [
        (0, -34),
        (24, -30),
        (28, -6),
        (22, 16),
        (38, 50),
        (42, 104),
        (32, 160),
        (36, 196),
        (28, 232),
        (0, 240),
    ]
    shape = curve([*right, *((-x, y) for x, y in reversed(right[1:-1]))], closed=True)
    canvas.shadow([(x + 16, y + 22) for x, y in shape], 12, "#2a1f3877")
    canvas.polygon(shape, Fade(BEECH_LIGHT, BEECH_DARK, "right"))
    with canvas.within(shape):
        for x in (-26, -8, 12, 28):
            canvas.line([(x, -40), (x * 1.3, 100), (x * 0.9, 250)], 2.5, "#8a5a2833", smooth=True)
        for y, high in ((62, 20), (94, 8), (176, 12)):
            canvas.rectangle(-60, y, 120, high, Fade(light, dark, "right"))
            canvas.rectangle(-60, y + high - 3, 120, 3, "#00000022")
        canvas.rectangle(-22, -30, 9, 260, "#ffffff77", 4)
    canvas.ellipse(0, -30, 19, 8, middle)
    canvas.ellipse(0, -31, 11, 4, YELLOW)
