"""The picture of knots to take apart."""

import math

from local.sample.canvas import Canvas, Colour, Fade, Point, arc, oval
from local.sample.palette import (
    BEECH,
    WOOD_DARK,
    backdrop,
    grain,
    standing,
)


def knot_box(canvas: Canvas) -> None:
    """A box of six wooden knots, and a seventh of bars before it."""
    backdrop(canvas, "Puzzles")
    standing(canvas, 500, 560, 400, 30)
    canvas.polygon([(150, 150), (850, 150), (930, 540), (70, 540)], Fade("#c6945a", WOOD_DARK))
    canvas.polygon([(180, 174), (820, 174), (886, 506), (114, 506)], Fade("#6d4a2c", "#8a6139"))
    canvas.polygon([(70, 540), (930, 540), (916, 616), (84, 616)], Fade("#e0b67c", "#b98950"))
    grain(canvas, [(70, 540), (930, 540), (916, 616), (84, 616)], rows=4)
    for share in (1 / 3, 2 / 3):
        canvas.line([(180 + 640 * share, 174), (114 + 772 * share, 506)], 14, "#c6945a")
    canvas.line([(148, 330), (852, 330)], 14, "#c6945a")
    for number, (x, y, size) in enumerate(
        (
            (272, 240, 58),
            (500, 240, 58),
            (728, 240, 58),
            (252, 410, 68),
            (500, 410, 68),
            (748, 410, 68),
        )
    ):
        canvas.shadow(oval(x, y + size * 0.8, size * 1.1, size * 0.4), 8, "#1a0f0899")
        if number in (1, 3):
            _ball(canvas, x, y, size)
        else:
            _burr(
                canvas,
                x,
                y,
                size / 100,
                _WOODS[number % 3],
                _WOODS[(number + 1) % 3],
                _WOODS[(number + 2) % 3],
            )
    standing(canvas, 500, 868, 220, 26)
    _burr(canvas, 500, 716, 1.72, *_WOODS)


_WOODS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ("#f6dfb4", "#ddb67d", "#b98a52"),
    ("#d99a62", "#b5713d", "#884f27"),
    ("#a8724a", "#7f5032", "#5a3621"),
)
"""Maple, cherry and walnut: lit from above, from the left, and in the shade."""


def _burr(
    canvas: Canvas,
    x: float,
    y: float,
    scale: float,
    first: tuple[Colour, Colour, Colour],
    second: tuple[Colour, Colour, Colour],
    third: tuple[Colour, Colour, Colour],
) -> None:
    """Six bars, two each way, that hold each other."""
    with canvas.placed(x, y, scale=scale):
        # In order of what hides what, from the back to the front.
        for begin, size, woods in (
            ((-22, -22, -90), (44, 22, 90), third),
            ((-90, -22, -22), (90, 44, 22), first),
            ((-22, -90, -22), (22, 90, 44), second),
            ((0, -90, -22), (22, 90, 44), second),
            ((-90, -22, 0), (90, 44, 22), first),
            ((-22, 0, -90), (44, 22, 90), third),
            ((-22, -22, 0), (44, 44, 22), third),
            ((-22, 0, 0), (44, 22, 90), third),
            ((-22, -22, 0), (44, 22, 90), third),
            ((0, -22, -22), (90, 44, 22), first),
            ((0, -22, 0), (90, 44, 22), first),
            ((-22, 0, -22), (22, 90, 44), second),
            ((0, 0, -22), (22, 90, 44), second),
        ):
            _bar(canvas, begin, size, woods)


def _bar(
    canvas: Canvas,
    begin: tuple[float, float, float],
    size: tuple[float, float, float],
    woods: tuple[Colour, Colour, Colour],
) -> None:
    """A bar in space: x to the right and down, y to the left and down, z upwards."""
    (x, y, z), (long, deep, high) = begin, size
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))

    def seen(px: float, py: float, pz: float) -> Point:
        return (px - py) * cos * 0.9, (px + py) * sin * 0.9 - pz * 0.9

    top = [
        seen(x, y, z + high),
        seen(x + long, y, z + high),
        seen(x + long, y + deep, z + high),
        seen(x, y + deep, z + high),
    ]
    left = [
        seen(x, y + deep, z + high),
        seen(x + long, y + deep, z + high),
        seen(x + long, y + deep, z),
        seen(x, y + deep, z),
    ]
    right = [
        seen(x + long, y, z + high),
        seen(x + long, y + deep, z + high),
        seen(x + long, y + deep, z),
        seen(x + long, y, z),
    ]
    for face, shade in ((top, woods[0]), (left, woods[1]), (right, woods[2])):
        canvas.polygon(face, shade)
        canvas.line([*face, face[0]], 0.8, "#3a221477")


def _ball(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """A ball of wedges."""
    canvas.ellipse(x, y, radius, fill=Fade("#f6dfb4", "#a8743f", "out"))
    with canvas.within(oval(x, y, radius)):
        canvas.polygon(
            [(x - radius, y - 9), (x + radius, y - 9), (x + radius, y + 9), (x - radius, y + 9)],
            "#7f503299",
        )
        canvas.polygon(
            [(x - 9, y - radius), (x + 9, y - radius), (x + 9, y + radius), (x - 9, y + radius)],
            "#5a362188",
        )
    canvas.ellipse(x - radius * 0.35, y - radius * 0.4, radius * 0.2, fill="#ffffff77")
    canvas.line(arc(x, y, radius, 0, 360), 1.5, BEECH)
