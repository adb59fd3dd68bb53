"""Pictures of what finds things out."""

import math

from local.sample.canvas import Canvas, Colour, Fade, Point, arc, curve, oval, rounded
from local.sample.palette import (
    BEECH,
    BEECH_DARK,
    BEECH_LIGHT,
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    CREAM,
    GREEN,
    GREEN_DARK,
    GREEN_LIGHT,
    INK,
    ORANGE,
    RED,
    RED_DARK,
    RED_LIGHT,
    STEEL,
    STEEL_DARK,
    STEEL_LIGHT,
    TEAL,
    TEAL_DARK,
    WHITE,
    WOOD,
    WOOD_DARK,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    standing,
)


def microscope(canvas: Canvas) -> None:
    """A microscope with its lamp on, slides and a notebook."""
    backdrop(canvas, "Science")
    standing(canvas, 470, 856, 340, 26)
    standing(canvas, 800, 880, 130, 14)
    with canvas.placed(806, 806, -7):
        canvas.rectangle(-106, -90, 216, 160, "#cbd3df", 10)
        canvas.rectangle(-110, -96, 216, 160, Fade(RED_LIGHT, RED_DARK), 10)
        canvas.rectangle(-70, -66, 140, 56, CREAM, 6)
        canvas.rectangle(-54, -52, 108, 8, STEEL, 4)
        canvas.rectangle(-54, -34, 76, 8, STEEL, 4)
        for ring in range(7):
            canvas.ellipse(-104, -80 + ring * 22, 9, 5, STEEL_LIGHT)
    canvas.blob(
        [(190, 800), (260, 770), (640, 770), (700, 800), (706, 852), (186, 852)],
        Fade("#56617f", "#272d45"),
    )
    canvas.rectangle(206, 790, 480, 12, "#ffffff33", 6)
    arm = [
        (560, 780),
        (640, 780),
        (672, 640),
        (668, 480),
        (600, 360),
        (500, 300),
        (458, 340),
        (520, 400),
        (572, 500),
        (584, 640),
    ]
    canvas.blob([(x + 6, y) for x, y in arm], "#1d2239")
    canvas.blob(arm, Fade("#7d8bb0", "#39425f"))
    canvas.line([(610, 700), (628, 600), (612, 500), (560, 410)], 9, "#97a3c6", smooth=True)
    # The stage, a slide on it, and the lamp below.
    canvas.shadow([(380, 660), (440, 660), (500, 800), (320, 800)], 14, "#fff2b0cc")
    canvas.rectangle(356, 730, 108, 44, Fade(STEEL_LIGHT, STEEL_DARK), 12)
    canvas.ellipse(410, 732, 44, 13, "#fff9d6")
    canvas.rectangle(250, 640, 350, 34, Fade("#4a5370", "#23283e"), 10)
    canvas.rectangle(250, 636, 350, 12, Fade(STEEL_LIGHT, STEEL), 6)
    canvas.rectangle(316, 622, 190, 14, "#bfe3f3dd", 3)
    canvas.ellipse(410, 628, 30, 6, "#e46a8a")
    for x in (300, 520):
        canvas.rectangle(x - 26, 616, 52, 10, STEEL_DARK, 4)
    # The tube leans, with a turret of three lenses.
    with canvas.placed(430, 420, 16):
        canvas.rectangle(-60, -240, 120, 250, Fade("#8fa0c8", "#323a58", "right"), 16)
        canvas.rectangle(-66, -190, 132, 26, Fade(YELLOW_LIGHT, YELLOW_DARK), 8)
        canvas.rectangle(-66, -30, 132, 26, Fade(YELLOW_LIGHT, YELLOW_DARK), 8)
        canvas.rectangle(-44, -336, 88, 110, Fade("#4a5370", "#1d2239", "right"), 12)
        canvas.rectangle(-56, -356, 112, 36, Fade("#39415c", "#14182a", "right"), 14)
        canvas.ellipse(0, -356, 44, 10, "#8fd0ea")
        canvas.rectangle(-40, -154, 12, 110, "#ffffff44", 6)
    canvas.ellipse(418, 446, 78, 42, Fade("#56617f", "#1d2239"))
    for turn, far, colour in ((40, 64.0, RED), (-34, 72.0, BLUE), (4, 92.0, YELLOW)):
        with canvas.placed(416, 456, turn):
            canvas.rectangle(-27, 0, 54, far, Fade(STEEL_LIGHT, STEEL_DARK, "right"), 8)
            canvas.rectangle(-27, far * 0.55, 54, 11, colour)
            canvas.polygon(
                [(-22, far), (22, far), (12, far + 26), (-12, far + 26)], Fade(STEEL, "#4d5568")
            )
    for x, y, radius in ((636, 640, 46), (640, 540, 30)):
        canvas.ellipse(x + 4, y + 8, radius, fill="#1d223988")
        canvas.ellipse(x, y, radius, fill=Fade("#56617f", "#1d2239"))
        canvas.ellipse(x, y, radius * 0.74, fill=Fade(STEEL_LIGHT, STEEL_DARK))
        canvas.ellipse(x, y, radius * 0.3, fill=STEEL_DARK)
    for number, colour in enumerate(("#e46a8a", "#5fae74", "#e6b24a")):
        with canvas.placed(116 + number * 34, 860 - number * 8, -10 + number * 9):
            canvas.shadow(rounded(-60, -10, 120, 34, 4), 6, "#2a1f3866")
            canvas.rectangle(-62, -18, 124, 34, "#d9f0f8", 5)
            canvas.rectangle(-22, -14, 44, 26, WHITE, 3)
            canvas.ellipse(0, -1, 12, 9, colour)
    for x, y, radius, colour in (
        (190, 250, 74, "#8fd0b088"),
        (820, 250, 96, "#f3b0c688"),
        (760, 520, 52, "#f6d48a88"),
    ):
        canvas.ellipse(x, y, radius, fill="#ffffffaa")
        canvas.ellipse(x, y, radius - 7, fill=colour)
        for _ in range(9):
            angle, far = (
                canvas.random.uniform(0, math.tau),
                radius * canvas.random.uniform(0.1, 0.62),
            )
            canvas.ellipse(
                x + far * math.cos(angle),
                y + far * math.sin(angle),
                canvas.random.uniform(4, radius * 0.15),
                fill="#ffffff99",
            )


def crystal_garden(canvas: Canvas) -> None:
    """Crystals of six colours on a rock, in a dish."""
    backdrop(canvas, "Science")
    standing(canvas, 500, 850, 400, 28)
    for x, y, size in (
        (150, 250, 2.2),
        (850, 200, 2.8),
        (760, 90, 1.6),
        (240, 120, 1.6),
        (900, 420, 1.5),
        (90, 440, 1.4),
    ):
        with canvas.placed(x, y, 0, size):
            canvas.polygon(
                [(0, -14), (3, -3), (14, 0), (3, 3), (0, 14), (-3, 3), (-14, 0), (-3, -3)],
                "#ffffffee",
            )
    canvas.ellipse(500, 700, 410, 96, "#a9c6df")
    canvas.ellipse(500, 700, 394, 84, Fade("#dff0fb", "#8fb8da"))
    for x, y, wide, high, turn, colours in (
        (500, 640, 120, 480, 0, ("#d6c2f5", "#a884e0", "#7352ad")),
        (386, 650, 100, 380, -17, ("#b5ddf9", "#6aaee6", "#3c78b8")),
        (620, 650, 104, 400, 16, ("#f9c4d8", "#ee86ab", "#c2527f")),
        (292, 672, 86, 270, -33, ("#bdecc9", "#72c48a", "#3f8f5f")),
        (716, 670, 88, 280, 34, ("#fbe2a0", "#f3bd52", "#c98d26")),
        (444, 672, 78, 250, -7, ("#fbd0b0", "#f29a62", "#c76a35")),
        (566, 676, 80, 230, 9, ("#b5ddf9", "#6aaee6", "#3c78b8")),
        (340, 686, 60, 170, -24, ("#f9c4d8", "#ee86ab", "#c2527f")),
        (668, 690, 62, 160, 22, ("#bdecc9", "#72c48a", "#3f8f5f")),
        (504, 694, 64, 140, 2, ("#fbe2a0", "#f3bd52", "#c98d26")),
        (222, 690, 50, 120, -48, ("#d6c2f5", "#a884e0", "#7352ad")),
        (784, 690, 50, 124, 46, ("#fbd0b0", "#f29a62", "#c76a35")),
    ):
        _crystal(canvas, x, y, wide, high, turn, colours)
    rock = [
        (150, 716),
        (210, 664),
        (300, 676),
        (380, 650),
        (460, 678),
        (540, 656),
        (640, 676),
        (720, 656),
        (800, 674),
        (856, 718),
        (780, 760),
        (500, 776),
        (230, 760),
    ]
    canvas.blob(rock, Fade("#8a839c", "#544d69"))
    with canvas.within(curve(rock, closed=True)):
        for _ in range(34):
            across, down = canvas.random.uniform(170, 830), canvas.random.uniform(660, 760)
            size = canvas.random.uniform(8, 26)
            canvas.polygon(
                [
                    (across, down - size * 0.6),
                    (across + size, down),
                    (across + size * 0.2, down + size * 0.6),
                    (across - size, down + size * 0.1),
                ],
                canvas.random.choice(("#ffffff22", "#2a1f3822", "#b9aee022")),
            )
    glass: list[Point] = [
        *arc_flat(500, 700, 410, 96, 0, 180),
        *arc_flat(500, 700, 410, 160, 180, 0),
    ]
    canvas.polygon(glass, "#cfe8fa88")
    canvas.polygon(
        arc_flat(500, 700, 410, 96, 0, 180) + arc_flat(500, 706, 398, 84, 180, 0), "#ffffffaa"
    )
    canvas.line([(190, 796), (250, 820), (330, 836)], 9, WHITE, smooth=True)
    canvas.line([(838, 780), (804, 802)], 9, WHITE)


def arc_flat(x: float, y: float, wide: float, high: float, begin: float, end: float) -> list[Point]:
    """The points of a part of an ellipse."""
    return [(x + px * wide, y + py * high) for px, py in arc(0, 0, 1, begin, end)]


def _crystal(
    canvas: Canvas,
    x: float,
    y: float,
    wide: float,
    high: float,
    turn: float,
    colours: tuple[Colour, Colour, Colour],
) -> None:
    light, middle, dark = colours
    half = wide / 2
    with canvas.placed(x, y, turn):
        shoulder = -high + wide * 0.7
        canvas.polygon(
            [
                (-half, 0),
                (-half, shoulder),
                (-half * 0.3, shoulder + wide * 0.12),
                (-half * 0.3, 0),
            ],
            Fade(light, middle),
        )
        canvas.polygon(
            [
                (-half * 0.3, 0),
                (-half * 0.3, shoulder + wide * 0.12),
                (half * 0.45, shoulder + wide * 0.1),
                (half * 0.45, 0),
            ],
            Fade(middle, dark),
        )
        canvas.polygon(
            [(half * 0.45, 0), (half * 0.45, shoulder + wide * 0.1), (half, shoulder), (half, 0)],
            dark,
        )
        canvas.polygon(
            [(-half, shoulder), (0, -high), (-half * 0.3, shoulder + wide * 0.12)], "#ffffff"
        )
        canvas.polygon(
            [(-half, shoulder), (0, -high), (-half * 0.3, shoulder + wide * 0.12)], light + "cc"
        )
        canvas.polygon(
            [
                (-half * 0.3, shoulder + wide * 0.12),
                (0, -high),
                (half * 0.45, shoulder + wide * 0.1),
            ],
            light,
        )
        canvas.polygon([(half * 0.45, shoulder + wide * 0.1), (0, -high), (half, shoulder)], middle)
        canvas.line([(-half * 0.3, shoulder + wide * 0.12), (-half * 0.3, -10)], 2.5, "#ffffff99")
        canvas.polygon(
            [
                (-half * 0.8, shoulder + 16),
                (-half * 0.62, shoulder + 20),
                (-half * 0.62, -high * 0.2),
                (-half * 0.8, -high * 0.3),
            ],
            "#ffffff77",
        )


def weather_station(canvas: Canvas) -> None:
    """Cups and a vane for the wind, a gauge for the rain, a thermometer and a barometer."""
    backdrop(canvas, "Science")
    canvas.shadow(oval(800, 210, 110), 30, "#ffe9a0cc")
    for number in range(12):
        with canvas.placed(800, 210, number * 30):
            canvas.rectangle(-6, -142, 12, 40, YELLOW, 6)
    canvas.ellipse(800, 210, 86, fill=Fade("#fff0a8", "#ffc94d"))
    cloud = [
        (640, 330),
        (660, 270),
        (730, 262),
        (772, 214),
        (846, 226),
        (872, 276),
        (936, 296),
        (924, 350),
        (840, 362),
        (690, 360),
    ]
    canvas.blob([(x + 4, y + 10) for x, y in cloud], "#7fa6cf66")
    canvas.blob(cloud, Fade(WHITE, "#dfe9f5"))
    standing(canvas, 470, 866, 360, 26)
    canvas.blob(
        [(120, 850), (180, 800), (480, 780), (780, 800), (840, 850), (480, 886)],
        Fade(GREEN_LIGHT, GREEN_DARK),
    )
    canvas.rectangle(372, 230, 34, 600, Fade(WHITE, "#b9c3d2", "right"), 8)
    canvas.rectangle(330, 806, 118, 34, Fade(STEEL_LIGHT, STEEL_DARK), 10)
    # The wind's cups and vane.
    canvas.rectangle(378, 150, 22, 90, Fade(STEEL_LIGHT, STEEL_DARK, "right"), 6)
    for end_x, end_y, open_ in ((240, 176, -1), (548, 164, 1), (420, 118, 1)):
        canvas.line([(389, 150), (end_x, end_y)], 10, STEEL_DARK)
        canvas.ellipse(end_x, end_y, 44, fill=Fade(RED_LIGHT, RED_DARK))
        canvas.ellipse(end_x + open_ * 13, end_y, 26, 36, RED_DARK)
        canvas.ellipse(end_x + open_ * 14, end_y + 2, 20, 30, "#7c262c")
    canvas.ellipse(389, 148, 20, fill=Fade(STEEL_LIGHT, STEEL_DARK))
    canvas.line([(230, 306), (560, 286)], 13, STEEL_DARK)
    canvas.polygon([(196, 308), (252, 276), (256, 334)], Fade(YELLOW_LIGHT, YELLOW_DARK))
    canvas.polygon(
        [(508, 290), (560, 240), (610, 236), (578, 285), (616, 328), (566, 330)],
        Fade(YELLOW_LIGHT, YELLOW_DARK),
    )
    canvas.ellipse(389, 297, 18, fill=Fade(STEEL_LIGHT, STEEL_DARK))
    # The house: thermometer and barometer.
    canvas.shadow(rounded(230, 420, 320, 330, 20), 14, "#2a1f3855")
    canvas.rectangle(226, 404, 326, 330, Fade(WHITE, "#d6dfeb"), 24)
    canvas.polygon(
        [(196, 420), (389, 336), (582, 420), (566, 440), (212, 440)], Fade(BLUE_LIGHT, BLUE_DARK)
    )
    for y in range(652, 720, 20):
        canvas.rectangle(256, y, 266, 9, "#b4c1d3", 4)
    canvas.ellipse(430, 540, 88, fill=Fade(BEECH_LIGHT, BEECH_DARK))
    canvas.ellipse(430, 540, 74, fill=CREAM)
    canvas.line(arc(430, 540, 58, 150, 240), 9, BLUE)
    canvas.line(arc(430, 540, 58, 250, 290), 9, YELLOW)
    canvas.line(arc(430, 540, 58, 300, 390), 9, RED)
    for number in range(13):
        angle = math.radians(150 + number * 20)
        canvas.line(
            [
                (430 + 42 * math.cos(angle), 540 + 42 * math.sin(angle)),
                (430 + 48 * math.cos(angle), 540 + 48 * math.sin(angle)),
            ],
            3,
            INK,
        )
    canvas.line([(430, 540), (466, 504)], 7, INK)
    canvas.ellipse(430, 540, 10, fill=INK)
    canvas.rectangle(266, 454, 54, 176, Fade(BEECH_LIGHT, BEECH), 16)
    canvas.rectangle(285, 468, 16, 116, WHITE, 8)
    canvas.rectangle(288, 510, 10, 90, RED, 5)
    canvas.ellipse(293, 602, 19, fill=Fade(RED_LIGHT, RED_DARK))
    for number in range(6):
        canvas.line([(305, 478 + number * 18), (313, 478 + number * 18)], 3, INK)
    # The rain's gauge.
    canvas.rectangle(646, 560, 14, 280, Fade(WOOD, WOOD_DARK, "right"), 5)
    canvas.rectangle(668, 560, 92, 262, "#d7effbcc", 22)
    canvas.rectangle(674, 690, 80, 126, Fade("#8cc8ef", BLUE), 18)
    canvas.ellipse(714, 692, 40, 9, "#c3e4f8")
    canvas.polygon([(650, 520), (778, 520), (748, 570), (680, 570)], Fade(TEAL, TEAL_DARK))
    canvas.ellipse(714, 520, 64, 14, TEAL_DARK)
    for number in range(8):
        wide = 26 if number % 2 == 0 else 15
        canvas.line([(754 - wide, 600 + number * 25), (754, 600 + number * 25)], 4, BLUE_DARK)
    canvas.rectangle(682, 586, 10, 200, "#ffffffaa", 5)
    for x, y in ((700, 430), (750, 470), (660, 464), (800, 420)):
        canvas.blob([(x, y - 24), (x + 10, y + 4), (x, y + 15), (x - 10, y + 4)], "#5d9ad8dd")
    for x, colour in ((190, RED), (230, YELLOW), (822, ORANGE)):
        canvas.line([(x, 838), (x, 800)], 5, GREEN_DARK)
        for petal in range(5):
            angle = math.tau * petal / 5
            canvas.ellipse(x + 11 * math.cos(angle), 794 + 11 * math.sin(angle), 9, fill=colour)
        canvas.ellipse(x, 794, 7, fill=CREAM)
    for x in (160, 290, 560, 800):
        for lean in (-9, 0, 9):
            canvas.line([(x, 852), (x + lean, 824)], 5, GREEN)
