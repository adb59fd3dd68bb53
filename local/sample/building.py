"""Pictures of what things are built with."""

import math

from local.sample.canvas import Canvas, Fade, Point, arc, rounded
from local.sample.palette import (
    BEECH,
    BEECH_DARK,
    BEECH_LIGHT,
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    BRASS,
    CREAM,
    GREEN,
    GREEN_DARK,
    GREEN_LIGHT,
    ORANGE,
    ORANGE_DARK,
    ORANGE_LIGHT,
    PURPLE,
    PURPLE_DARK,
    PURPLE_LIGHT,
    RED,
    RED_DARK,
    RED_LIGHT,
    STEEL,
    STEEL_DARK,
    STEEL_LIGHT,
    TEAL_DARK,
    TEAL_LIGHT,
    WOOD,
    WOOD_DARK,
    WOOD_LIGHT,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    grain,
    standing,
)

MAPLE = (("#f7dfb8", "#e3bd87", "#c79a62"), ("#f3d3a2", "#dab07a", "#b98a55"))


def building_blocks(canvas: Canvas) -> None:
    """A tower of maple blocks before the sack they come in."""
    backdrop(canvas, "Building")
    standing(canvas, 500, 826, 400)
    sack = [
        *((640, 480), (700, 540), (800, 540), (862, 480), (880, 560), (930, 660)),
        *((926, 770), (870, 822), (640, 822), (578, 770), (580, 660), (622, 560)),
    ]
    canvas.blob(sack, Fade("#fff8e8", "#dccba8"))
    canvas.blob(
        [
            (632, 430),
            (700, 452),
            (750, 428),
            (806, 452),
            (872, 428),
            (846, 500),
            (750, 516),
            (658, 500),
        ],
        Fade("#fffaf0", "#e6d8b8"),
    )
    canvas.line([(648, 492), (752, 512), (856, 492)], 13, RED, smooth=True)
    canvas.line([(760, 512), (800, 560), (784, 604)], 9, RED_DARK, smooth=True)
    canvas.line([(744, 512), (712, 566), (732, 600)], 9, RED_DARK, smooth=True)
    for fold in ((660, 560, 640, 760), (850, 560, 872, 760), (720, 640, 716, 790)):
        canvas.line([fold[:2], fold[2:]], 5, "#c9b68f66")
    for row, (y, xs) in enumerate(((718, (110, 222, 334, 446)), (502, (166, 390)))):
        for number, x in enumerate(xs):
            _cube(canvas, x, y, 108, MAPLE[(number + row) % 2])
    beam = rounded(96, 612, 470, 104, 8)
    canvas.polygon(beam, Fade(MAPLE[0][0], MAPLE[0][1]))
    grain(canvas, beam, rows=7)
    canvas.rectangle(96, 612, 470, 12, "#ffffff55", 6)
    arch = [(276, 610), (276, 500), (388, 500), (388, 610), *arc(332, 610, 36, 360, 180)]
    canvas.polygon(arch, Fade(MAPLE[1][0], MAPLE[1][1]))
    roof: list[Point] = [(128, 500), (332, 340), (536, 500)]
    canvas.polygon(roof, Fade(MAPLE[0][0], MAPLE[0][2]))
    grain(canvas, roof, rows=7)
    canvas.line([(140, 492), (332, 342), (524, 492)], 6, "#ffffff66")
    canvas.rectangle(296, 236, 72, 106, Fade(MAPLE[1][0], MAPLE[1][2], "right"), 4)
    canvas.ellipse(332, 236, 36, 12, MAPLE[1][0])
    canvas.ellipse(332, 190, 44, fill=Fade("#fff0d2", "#c79a62", "out"))
    canvas.ellipse(318, 174, 13, fill="#ffffff88")
    standing(canvas, 590, 866, 60, 10)
    with canvas.placed(560, 790, 0):
        canvas.polygon([(-60, 78), (0, -26), (66, 78)], Fade(MAPLE[1][0], MAPLE[1][2]))
    standing(canvas, 740, 878, 70, 10)
    canvas.ellipse(740, 820, 58, fill=Fade("#fff0d2", "#c79a62", "out"))
    canvas.line(arc(740, 820, 34, 0, 360), 3, "#a8743f66")
    canvas.line(arc(740, 820, 18, 0, 360), 3, "#a8743f66")


def _cube(canvas: Canvas, x: float, y: float, side: float, shades: tuple[str, str, str]) -> None:
    light, middle, dark = shades
    face = rounded(x, y, side, side, 7)
    canvas.polygon(face, Fade(light, middle))
    grain(canvas, face, rows=5)
    canvas.rectangle(x, y, side, 9, "#ffffff66", 4)
    canvas.rectangle(x, y + side - 10, side, 10, dark + "66", 4)


def castle_kit(canvas: Canvas) -> None:
    """A castle of bricks, its drawbridge down."""
    backdrop(canvas, "Building")
    standing(canvas, 500, 836, 430, 26)
    _bricks(canvas, [(170, 470), (830, 470), (830, 830), (170, 830)])
    _battlements(canvas, 170, 470, 660, 9)
    _bricks(canvas, [(390, 300), (610, 300), (610, 830), (390, 830)], light=6)
    _battlements(canvas, 376, 300, 248, 5)
    for x in (90, 730):
        _bricks(canvas, [(x + 10, 350), (x + 170, 350), (x + 176, 834), (x + 4, 834)], light=10)
        _battlements(canvas, x - 8, 350, 196, 4)
    canvas.polygon([(400, 252), (500, 110), (600, 252)], Fade(BLUE_LIGHT, BLUE_DARK))
    canvas.polygon([(500, 110), (600, 252), (510, 252)], "#1f3f7a33")
    for x, y, colour in ((500, 112, RED), (180, 300, YELLOW), (820, 300, YELLOW)):
        canvas.line([(x, y), (x, y - 76)], 7, WOOD_DARK)
        canvas.polygon([(x + 3, y - 78), (x + 78, y - 56), (x + 3, y - 30)], colour)
        canvas.polygon([(x + 3, y - 54), (x + 70, y - 56), (x + 3, y - 30)], "#00000018")
    for x, y in ((180, 460), (180, 620), (820, 460), (820, 620), (450, 390), (550, 390)):
        canvas.polygon(
            [(x - 17, y + 62), *arc(x, y + 17, 17, 180, 360), (x + 17, y + 62)], "#4f4a5c"
        )
        canvas.polygon(
            [(x - 17, y + 62), *arc(x, y + 17, 17, 180, 250), (x - 8, y + 62)], "#2f2a3b"
        )
    gate = [(420, 832), *arc(500, 610, 80, 180, 360), (580, 832)]
    canvas.line([(406, 830), *arc(500, 610, 94, 180, 360), (594, 830)], 22, "#d9d5dd")
    canvas.polygon(gate, Fade("#2f2a3b", "#5a5067"))
    with canvas.within(gate):
        for x in range(430, 590, 28):
            canvas.line([(x, 520), (x, 690)], 7, STEEL_DARK)
        for y in (580, 630, 680):
            canvas.line([(410, y), (590, y)], 7, STEEL_DARK)
    bridge = [(424, 806), (576, 806), (634, 926), (366, 926)]
    canvas.shadow([(x, y + 16) for x, y in bridge], 12)
    canvas.polygon(bridge, Fade(WOOD_DARK, WOOD))
    for share in (0.2, 0.4, 0.6, 0.8):
        canvas.line([(424 + 152 * share, 806), (366 + 268 * share, 926)], 4, "#7a532b88")
    canvas.polygon([(366, 926), (634, 926), (634, 940), (366, 940)], "#8a5f33")
    for x, end in ((424, 378), (576, 622)):
        for number in range(9):
            share = number / 8
            canvas.ellipse(x + (end - x) * share, 640 + 262 * share, 7, fill=STEEL_DARK)
            canvas.ellipse(x + (end - x) * share - 1, 638 + 262 * share, 3, fill=STEEL_LIGHT)


def _bricks(canvas: Canvas, wall: list[Point], light: int = 0) -> None:
    canvas.polygon(wall, "#8f8a97")
    left, right = min(x for x, _ in wall), max(x for x, _ in wall)
    top, bottom = min(y for _, y in wall), max(y for _, y in wall)
    with canvas.within(wall):
        row = 0
        y = top
        while y < bottom:
            x = left - (30 if row % 2 else 0)
            while x < right:
                grey = 188 + light + canvas.random.randrange(-14, 15)
                canvas.rectangle(
                    x + 2, y + 2, 56, 28, f"#{grey:02x}{grey - 4:02x}{grey + 3:02x}", 5
                )
                canvas.rectangle(x + 5, y + 4, 50, 5, "#ffffff44", 2)
                x += 60
            y, row = y + 32, row + 1
        canvas.rectangle(
            left + (right - left) * 0.74, top, (right - left) * 0.3, bottom - top, "#2a1f3822"
        )


def _battlements(canvas: Canvas, x: float, y: float, wide: float, count: int) -> None:
    tooth = wide / (2 * count - 1)
    for number in range(count):
        canvas.rectangle(x + number * 2 * tooth, y - 50, tooth, 40, Fade("#dcd8e0", "#b9b4c0"), 4)
    canvas.rectangle(x, y - 18, wide, 30, Fade("#d6d2da", "#a8a3b0"), 4)
    canvas.rectangle(x + 6, y + 12, wide - 12, 8, "#2a1f3830")


def marble_run(canvas: Canvas) -> None:
    """Tracks that lead from a funnel down to a tray."""
    backdrop(canvas, "Building")
    standing(canvas, 500, 836, 420)
    canvas.rectangle(90, 796, 820, 42, Fade(WOOD_LIGHT, WOOD_DARK), 14)
    canvas.rectangle(110, 800, 780, 10, "#ffffff66", 5)
    for x, top, colour, dark in (
        (190, 250, RED, RED_DARK),
        (480, 330, YELLOW, YELLOW_DARK),
        (800, 290, BLUE, BLUE_DARK),
    ):
        for number, y in enumerate(range(top, 796, 78)):
            shade = (
                Fade(BEECH_LIGHT, BEECH_DARK, "right")
                if number % 2
                else Fade(colour, dark, "right")
            )
            canvas.rectangle(x - 25, y, 50, min(74, 796 - y), shade, 6)
            canvas.rectangle(x - 15, y + 4, 8, min(74, 796 - y) - 8, "#ffffff44", 4)
    canvas.polygon(
        [(110, 118), (270, 118), (214, 214), (214, 262), (166, 262), (166, 214)],
        Fade(TEAL_LIGHT, TEAL_DARK),
    )
    canvas.ellipse(190, 118, 80, 21, TEAL_DARK)
    canvas.ellipse(190, 123, 66, 14, "#1f5b60")
    for x, y, colours in (
        (168, 108, (RED_LIGHT, RED_DARK)),
        (214, 110, (YELLOW_LIGHT, YELLOW_DARK)),
        (192, 96, (BLUE_LIGHT, BLUE_DARK)),
    ):
        _marble(canvas, x, y, 23, *colours)
    for begin, end, shades in (
        ((170, 268), (720, 366), (ORANGE_LIGHT, ORANGE, ORANGE_DARK)),
        ((838, 400), (250, 510), (GREEN_LIGHT, GREEN, GREEN_DARK)),
        ((150, 548), (650, 644), (PURPLE_LIGHT, PURPLE, PURPLE_DARK)),
    ):
        _track(canvas, begin, end, shades)
    for share, (begin, end), colours in (
        (0.52, ((170, 268), (720, 366)), (BLUE_LIGHT, BLUE_DARK)),
        (0.3, ((838, 400), (250, 510)), (RED_LIGHT, RED_DARK)),
        (0.72, ((838, 400), (250, 510)), (PURPLE_LIGHT, PURPLE_DARK)),
        (0.62, ((150, 548), (650, 644)), (YELLOW_LIGHT, YELLOW_DARK)),
    ):
        along = begin[0] + (end[0] - begin[0]) * share
        down = begin[1] + (end[1] - begin[1]) * share
        _marble(canvas, along, down - 27, 26, *colours)
    wheel_x, wheel_y = 706.0, 694.0
    for number in range(8):
        with canvas.placed(wheel_x, wheel_y, number * 45):
            canvas.polygon([(-14, -84), (14, -84), (9, 0), (-9, 0)], Fade(RED_LIGHT, RED))
            canvas.rectangle(-24, -92, 48, 18, Fade(YELLOW_LIGHT, YELLOW_DARK), 8)
    canvas.ellipse(wheel_x, wheel_y, 54, fill=Fade(RED_LIGHT, RED_DARK))
    canvas.ellipse(wheel_x, wheel_y, 20, fill=Fade(BEECH_LIGHT, BEECH_DARK))
    for number, colours in enumerate(
        (
            (GREEN_LIGHT, GREEN_DARK),
            (ORANGE_LIGHT, ORANGE_DARK),
            (BLUE_LIGHT, BLUE_DARK),
            (RED_LIGHT, RED_DARK),
        )
    ):
        _marble(canvas, 270 + number * 56, 772, 25, *colours)


def _track(canvas: Canvas, begin: Point, end: Point, colours: tuple[str, str, str]) -> None:
    light, middle, dark = colours
    (x, y), (far_x, far_y) = begin, end
    way = 24 if far_x > x else -24
    canvas.shadow(
        [(x, y + 36), (far_x, far_y + 36), (far_x, far_y + 70), (x, y + 70)], 8, "#2a1f3840"
    )
    canvas.line([(x, y), (far_x, far_y)], 44, dark)
    canvas.line([(x, y - 4), (far_x, far_y - 4)], 36, middle)
    canvas.line([(x, y - 12), (far_x, far_y - 12)], 10, light)
    canvas.line([(far_x, far_y - 6), (far_x + way, far_y + 24)], 34, middle)


def _marble(canvas: Canvas, x: float, y: float, radius: float, light: str, dark: str) -> None:
    canvas.ellipse(x, y, radius, fill=Fade(light, dark, "out"))
    canvas.blob(
        [
            (x - radius * 0.6, y + radius * 0.1),
            (x, y - radius * 0.3),
            (x + radius * 0.6, y + radius * 0.1),
            (x, y + radius * 0.2),
        ],
        "#ffffff50",
    )
    canvas.ellipse(x - radius * 0.35, y - radius * 0.42, radius * 0.26, radius * 0.2, "#ffffffcc")


def gears_and_cranks(canvas: Canvas) -> None:
    """Gears that mesh on a peg board, with a crank to turn them."""
    backdrop(canvas, "Building")
    board = rounded(130, 130, 740, 720, 40)
    canvas.shadow([(x + 8, y + 26) for x, y in board], 24, "#2a1f3880")
    canvas.rectangle(130, 138, 740, 720, WOOD_DARK, 40)
    canvas.rectangle(130, 130, 740, 716, Fade(BEECH_LIGHT, BEECH), 40)
    grain(canvas, rounded(130, 130, 740, 716, 0), "#8a5a281c", rows=12)
    for column in range(10):
        for row in range(10):
            canvas.ellipse(182 + column * 71, 180 + row * 69, 9, fill=BEECH_DARK)
            canvas.ellipse(184 + column * 71, 182 + row * 69, 7, fill="#a87b45")
    # Two gears mesh when they are as far apart as their radii are long.
    gears = (
        (342, 380, 150, 20, 0.0, (RED_LIGHT, RED, RED_DARK)),
        (576, 300, 97, 13, 9.0, (YELLOW_LIGHT, YELLOW, YELLOW_DARK)),
        (702, 464, 110, 15, 4.0, (BLUE_LIGHT, BLUE, BLUE_DARK)),
        (448, 622, 113, 15, 5.0, (GREEN_LIGHT, GREEN, GREEN_DARK)),
        (660, 700, 112, 15, 14.0, (PURPLE_LIGHT, PURPLE, PURPLE_DARK)),
        (262, 704, 90, 12, 8.0, (ORANGE_LIGHT, ORANGE, ORANGE_DARK)),
    )
    for gear in gears:
        _gear(canvas, *gear)
    with canvas.placed(342, 380, -38):
        canvas.shadow(rounded(-30, -12, 200, 60, 26), 8)
        canvas.rectangle(-34, -28, 196, 56, Fade(TEAL_LIGHT, TEAL_DARK), 28)
        canvas.ellipse(0, 0, 15, fill=BRASS)
        canvas.ellipse(132, 4, 40, fill="#2a1f3844")
        canvas.ellipse(132, -8, 38, fill=Fade(CREAM, BEECH_DARK, "out"))


def _gear(
    canvas: Canvas,
    x: float,
    y: float,
    radius: float,
    teeth: int,
    turn: float,
    colours: tuple[str, str, str],
) -> None:
    light, middle, dark = colours
    outline: list[Point] = []
    for number in range(teeth):
        for share, reach in ((0.0, -13), (0.2, -13), (0.32, 11), (0.68, 11), (0.8, -13)):
            angle = math.radians(turn) + math.tau * (number + share - 0.5) / teeth
            outline.append(
                (x + (radius + reach) * math.cos(angle), y + (radius + reach) * math.sin(angle))
            )
    canvas.shadow([(px + 5, py + 12) for px, py in outline], 8, "#2a1f3877")
    canvas.polygon([(px, py + 9) for px, py in outline], dark)
    canvas.polygon(outline, Fade(light, middle))
    canvas.ellipse(x, y, radius - 26, fill=Fade(middle, light))
    holes = max(4, round(radius / 24))
    for number in range(holes):
        angle = math.tau * number / holes + 0.4
        hole_x, hole_y = (
            x + (radius * 0.52) * math.cos(angle),
            y + (radius * 0.52) * math.sin(angle),
        )
        canvas.ellipse(hole_x, hole_y, radius * 0.13, fill=dark)
        canvas.ellipse(hole_x + 2, hole_y + 3, radius * 0.11, fill=BEECH)
    canvas.ellipse(x, y, radius * 0.2, fill=dark)
    canvas.ellipse(x, y - 2, radius * 0.18, fill=Fade(STEEL_LIGHT, STEEL))
    canvas.ellipse(x, y - 2, radius * 0.07, fill=STEEL_DARK)
