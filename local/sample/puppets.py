"""Pictures of puppets, and of where they play."""

import math

from local.sample.canvas import Canvas, Fade, arc, curve, oval
from local.sample.palette import (
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    BRASS_DARK,
    CREAM,
    INK,
    PINK,
    PURPLE,
    PURPLE_DARK,
    RED,
    RED_DARK,
    RED_LIGHT,
    TEAL,
    WHITE,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    standing,
)


def hand_puppets(canvas: Canvas) -> None:
    """King, robber, grandmother and crocodile."""
    backdrop(canvas, "Soft toys")
    with canvas.placed(40, 56, scale=0.92):
        _puppets(canvas)


def _puppets(canvas: Canvas) -> None:
    standing(canvas, 500, 884, 430, 20)
    skin, shade = "#f6cfa8", "#e3ae82"
    for x, light, dark in (
        (152, RED, RED_DARK),
        (384, BLUE, BLUE_DARK),
        (616, PURPLE, PURPLE_DARK),
        (848, "#6fae62", "#3d7a44"),
    ):
        robe = [
            (x - 46, 500),
            (x + 46, 500),
            (x + 70, 640),
            (x + 102, 868),
            (x, 886),
            (x - 102, 868),
            (x - 70, 640),
        ]
        for way in (-1, 1):
            with canvas.placed(x + way * 66, 560, way * -38):
                canvas.rectangle(-26, -20, 52, 120, Fade(light, dark), 24)
                canvas.ellipse(0, 104, 25, fill=skin if x < 800 else "#8cc57a")
        canvas.polygon(curve(robe, closed=True), Fade(light, dark))
        with canvas.within(curve(robe, closed=True)):
            for fold in (-40, 10, 56):
                canvas.polygon(
                    [
                        (x + fold * 0.5, 560),
                        (x + fold * 0.5 + 6, 560),
                        (x + fold + 16, 890),
                        (x + fold - 8, 890),
                    ],
                    "#00000022",
                )
            canvas.rectangle(x - 120, 838, 240, 20, "#ffffff44")
    # The king.
    canvas.polygon(
        [(100, 500), (204, 500), (214, 560), (152, 586), (90, 560)], Fade(WHITE, "#e2dbe8")
    )
    for x, y in ((116, 540), (152, 560), (190, 538), (134, 516), (172, 520)):
        canvas.polygon([(x, y - 8), (x + 4, y + 4), (x - 4, y + 4)], INK)
    canvas.ellipse(152, 402, 92, 98, Fade(skin, shade))
    canvas.blob(
        [
            (62, 400),
            (96, 440),
            (152, 448),
            (208, 440),
            (242, 400),
            (236, 480),
            (194, 540),
            (152, 556),
            (110, 540),
            (68, 480),
        ],
        Fade("#b9805a", "#8c5938"),
    )
    _mouth(canvas, 152, 462, 24)
    canvas.rectangle(70, 296, 164, 34, Fade(YELLOW, YELLOW_DARK), 10)
    canvas.polygon(
        [(70, 310), (58, 214), (108, 266), (152, 196), (196, 266), (246, 214), (234, 310)],
        Fade(YELLOW_LIGHT, YELLOW_DARK),
    )
    for x, y, colour in (
        (58, 212, RED),
        (152, 194, BLUE),
        (246, 212, RED),
        (108, 304, TEAL),
        (152, 306, RED),
        (196, 304, TEAL),
    ):
        canvas.ellipse(x, y, 12, fill=colour)
        canvas.ellipse(x - 4, y - 4, 4, fill="#ffffff99")
    # The robber.
    canvas.ellipse(384, 402, 90, 98, Fade("#efc29a", "#d29f74"))
    canvas.blob(
        [(300, 440), (384, 476), (468, 440), (452, 490), (384, 508), (316, 490)], "#6b544a66"
    )
    _mouth(canvas, 384, 470, 26)
    canvas.rectangle(290, 366, 188, 52, Fade("#4a4258", INK), 24)
    canvas.polygon(
        curve(
            [(284, 340), (310, 268), (384, 232), (458, 268), (484, 340), (384, 356)], closed=True
        ),
        Fade("#58705a", "#364a3b"),
    )
    canvas.rectangle(274, 322, 220, 32, Fade("#475b4a", "#2b3b30"), 15)
    canvas.blob(
        [(450, 306), (500, 250), (530, 190), (476, 220), (448, 270)], Fade(RED_LIGHT, RED_DARK)
    )
    # The grandmother.
    canvas.ellipse(616, 404, 112, 112, Fade("#eceaf1", "#c7c3d1"))
    canvas.ellipse(616, 272, 52, fill=Fade("#f4f2f8", "#c7c3d1"))
    canvas.ellipse(616, 412, 86, 92, Fade(skin, shade))
    canvas.blob(
        [(532, 380), (552, 326), (616, 310), (680, 326), (700, 380), (650, 352), (582, 352)],
        Fade("#f4f2f8", "#d9d5e2"),
    )
    _mouth(canvas, 616, 462, 22)
    # The crocodile, its mouth open.
    canvas.ellipse(848, 400, 92, 100, Fade("#8cc57a", "#4f9151"))
    canvas.blob(
        [(766, 440), (848, 420), (930, 440), (944, 520), (848, 560), (752, 520)],
        Fade("#a4d58f", "#5c9e5b"),
    )
    canvas.blob(
        [(772, 480), (848, 466), (924, 480), (918, 516), (848, 534), (778, 516)],
        Fade("#8b2f3a", "#c4525a"),
    )
    for number in range(7):
        x = 778 + number * 21
        canvas.polygon([(x, 474), (x + 18, 474), (x + 9, 498)], WHITE)
        canvas.polygon([(x + 3, 530), (x + 19, 530), (x + 11, 510)], WHITE)
    for x in (822, 874):
        canvas.ellipse(x, 452, 6, 8, "#2f5f3a")
    for number in range(3):
        canvas.polygon(
            [(806 + number * 30, 306), (821 + number * 30, 268), (838 + number * 30, 306)], YELLOW
        )
    for x in (804, 892):
        canvas.ellipse(x, 342, 36, fill=Fade("#a4d58f", "#5c9e5b"))
        canvas.ellipse(x, 342, 24, fill=WHITE)
        canvas.ellipse(x + 2, 346, 11, fill=INK)
    for x, y in ((152, 392), (384, 392), (616, 400)):
        for way in (-1, 1):
            if x == 384:
                canvas.ellipse(x + way * 40, y, 19, 15, WHITE)
            canvas.ellipse(x + way * (34 if x != 384 else 40), y, 11, fill=INK)
            canvas.ellipse(x + way * (34 if x != 384 else 40) - 3, y - 4, 4, fill=WHITE)
            canvas.shadow(oval(x + way * 54, y + 40, 18, 13), 8, "#f0606099")
            if x == 616:
                canvas.line(arc(x + way * 36, y, 28, 0, 360), 5, BRASS_DARK)
        canvas.ellipse(x, y + 26, 17, 15, "#eb9f7c")
    canvas.line([(606, 398), (626, 398)], 5, BRASS_DARK)


def _mouth(canvas: Canvas, x: float, y: float, wide: float) -> None:
    canvas.line(arc(x, y - 12, wide, 25, 155), 6, "#9c3f3c")


def puppet_theatre(canvas: Canvas) -> None:
    """A stage of birch with a red curtain, and two on it."""
    backdrop(canvas, "Soft toys")
    standing(canvas, 500, 884, 400, 24)
    birch, edge = Fade("#fbe9cb", "#e6c592"), "#c99f66"
    canvas.rectangle(130, 250, 740, 632, edge, 14)
    canvas.rectangle(130, 250, 740, 624, birch, 14)
    gable = [
        (96, 262),
        (150, 214),
        (240, 226),
        (330, 150),
        (500, 92),
        (670, 150),
        (760, 226),
        (850, 214),
        (904, 262),
    ]
    top = [*curve(gable), (904, 312), (96, 312)]
    canvas.shadow([(x, y + 16) for x, y in top], 10, "#2a1f3855")
    canvas.polygon(top, Fade(RED_LIGHT, RED_DARK))
    canvas.line(gable, 12, YELLOW, smooth=True)
    canvas.rectangle(92, 300, 816, 22, Fade(YELLOW_LIGHT, YELLOW_DARK), 10)
    _star(canvas, 500, 210, 62, YELLOW)
    _star(canvas, 500, 210, 44, YELLOW_LIGHT)
    for x, size in ((350, 24), (650, 24), (240, 15), (760, 15)):
        _star(canvas, x, 256, size, YELLOW)
    canvas.rectangle(196, 338, 608, 334, Fade("#3d3568", "#7c6bb0"), 8)
    for x, y in ((300, 400), (420, 380), (560, 400), (700, 372), (500, 440), (640, 460)):
        _star(canvas, x, y, 9, "#ffffffbb")
    canvas.ellipse(640, 420, 34, fill=YELLOW_LIGHT)
    canvas.ellipse(654, 410, 30, fill="#4a4178")
    for x, colours, hat in (
        (412, (BLUE_LIGHT, BLUE_DARK), RED),
        (586, (YELLOW_LIGHT, YELLOW_DARK), TEAL),
    ):
        canvas.polygon(
            curve([(x - 30, 560), (x + 30, 560), (x + 66, 690), (x - 66, 690)], closed=True),
            Fade(*colours),
        )
        for way in (-1, 1):
            canvas.line([(x + way * 40, 600), (x + way * 84, 552)], 26, colours[1])
            canvas.ellipse(x + way * 88, 546, 15, fill="#f6cfa8")
        canvas.ellipse(x, 520, 56, 58, Fade("#f6cfa8", "#e3ae82"))
        canvas.polygon(
            curve(
                [(x - 60, 494), (x, 470), (x + 60, 494), (x + 16, 380), (x - 4, 372)], closed=True
            ),
            hat,
        )
        canvas.ellipse(x + 6, 374, 15, fill=CREAM)
        for way in (-1, 1):
            canvas.ellipse(x + way * 20, 520, 7, fill=INK)
        canvas.ellipse(x, 534, 9, fill=RED_LIGHT)
        _mouth(canvas, x, 550, 18)
    for way in (-1, 1):
        drape = [
            (500 + way * dx, y)
            for dx, y in (
                (308, 330),
                (150, 330),
                (170, 430),
                (232, 520),
                (270, 560),
                (250, 620),
                (262, 676),
                (308, 676),
            )
        ]
        canvas.polygon(drape, Fade(RED, "#8c2430"))
        with canvas.within(drape):
            for fold in range(6):
                inner = 160 + fold * 30
                strip = [
                    (500 + way * x, y)
                    for x, y in (
                        (inner, 326),
                        (inner + 13, 326),
                        (272 + fold * 7, 570),
                        (268 + fold * 8, 690),
                        (260 + fold * 8, 690),
                        (262 + fold * 7, 570),
                    )
                ]
                canvas.polygon(strip, "#5c121f55" if fold % 2 else "#ffffff26")
        x = 500 + way * 274
        canvas.rectangle(x - 32, 558, 64, 20, Fade(YELLOW_LIGHT, YELLOW_DARK), 8)
    for number in range(9):
        x = 204 + number * 74
        canvas.polygon(
            [(x - 38, 330), *arc(x, 340, 37, 180, 0), (x + 38, 330)], Fade(RED, RED_DARK)
        )
        canvas.line(arc(x, 340, 37, 170, 10), 5, YELLOW)
    canvas.rectangle(160, 664, 680, 40, Fade("#f6deb4", "#cfa468"), 10)
    for x, colour in ((236, RED), (368, YELLOW), (500, TEAL), (632, BLUE), (764, PINK)):
        canvas.polygon([(x, 728), (x + 52, 790), (x, 852), (x - 52, 790)], colour)
        canvas.polygon([(x, 728), (x + 52, 790), (x, 790)], "#ffffff33")
        canvas.polygon([(x, 852), (x - 52, 790), (x, 790)], "#00000018")
    canvas.line([(165, 722), (835, 722)], 4, "#c99f6688")


def _star(canvas: Canvas, x: float, y: float, radius: float, fill: str) -> None:
    points = [
        (
            x + radius * (1 if number % 2 == 0 else 0.45) * math.sin(math.pi * number / 5),
            y - radius * (1 if number % 2 == 0 else 0.45) * math.cos(math.pi * number / 5),
        )
        for number in range(10)
    ]
    canvas.polygon(points, fill)
