"""Pictures of games: their boxes, and what is in them."""

import math

from local.sample.canvas import Canvas, Colour, Fade, Point, arc, curve, oval, rounded
from local.sample.palette import (
    BEECH_DARK,
    BEECH_LIGHT,
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    CREAM,
    GREEN_DARK,
    GREEN_LIGHT,
    INK,
    NIGHT,
    ORANGE,
    ORANGE_DARK,
    ORANGE_LIGHT,
    PURPLE,
    RED,
    RED_DARK,
    RED_LIGHT,
    TEAL,
    TEAL_DARK,
    TEAL_LIGHT,
    WHITE,
    WOOD,
    WOOD_DARK,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    standing,
)


def _box(canvas: Canvas, side: Colour) -> None:
    """A box that stands, seen from the left; its cover takes 560 by 560 from (230, 130)."""
    standing(canvas, 490, 796, 350, 22)
    canvas.polygon([(230, 130), (176, 168), (176, 786), (230, 790)], side)
    canvas.polygon([(230, 130), (176, 168), (176, 786), (230, 790)], "#00000038")
    canvas.rectangle(226, 126, 568, 668, side, 10)


def die(
    canvas: Canvas,
    x: float,
    y: float,
    side: float,
    turn: float,
    pips: int,
    colours: tuple[Colour, Colour],
    pip: Colour = WHITE,
) -> None:
    """A die with so many pips."""
    spots = {
        1: [(0, 0)],
        2: [(-1, -1), (1, 1)],
        3: [(-1, -1), (0, 0), (1, 1)],
        4: [(-1, -1), (1, -1), (-1, 1), (1, 1)],
        5: [(-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)],
        6: [(-1, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (1, 1)],
    }[pips]
    canvas.shadow(oval(x + 4, y + side * 0.48, side * 0.66, side * 0.26), 9, "#2a1f3888")
    with canvas.placed(x, y, turn):
        canvas.rectangle(-side / 2, -side / 2 + side * 0.08, side, side, colours[1], side * 0.2)
        canvas.rectangle(-side / 2, -side / 2, side, side, Fade(*colours), side * 0.2)
        canvas.rectangle(
            -side * 0.38, -side * 0.44, side * 0.76, side * 0.07, "#ffffff66", side * 0.03
        )
        for spot_x, spot_y in spots:
            canvas.ellipse(spot_x * side * 0.26, spot_y * side * 0.26, side * 0.09, fill=pip)


def meeple(
    canvas: Canvas, x: float, y: float, scale: float, colours: tuple[Colour, Colour]
) -> None:
    """A little wooden figure that stands at (x, y)."""
    canvas.shadow(oval(x, y - 2, 44 * scale, 10 * scale), 8, "#2a1f3888")
    shape = [
        *((0, -100), (22, -92), (26, -70), (62, -54), (60, -38), (30, -34), (44, -4), (14, -2)),
        *(
            (0, -22),
            (-14, -2),
            (-44, -4),
            (-30, -34),
            (-60, -38),
            (-62, -54),
            (-26, -70),
            (-22, -92),
        ),
    ]
    with canvas.placed(x, y, scale=scale):
        canvas.polygon([(px + 7, py + 3) for px, py in curve(shape, closed=True)], colours[1])
        canvas.polygon(curve(shape, closed=True), Fade(*colours))


def lighthouse_keepers(canvas: Canvas) -> None:
    """The box: a lighthouse by night. Before it keepers, and a die."""
    backdrop(canvas, "Games")
    _box(canvas, "#1f2c52")
    with canvas.placed(230, 130), canvas.within(rounded(0, 0, 560, 660, 8)):
        canvas.rectangle(0, 0, 560, 660, Fade("#27346b", "#f0a46b"))
        for _ in range(40):
            star = canvas.random.uniform(1.2, 3.2)
            canvas.ellipse(
                canvas.random.uniform(0, 560), canvas.random.uniform(0, 280), star, fill="#ffffffcc"
            )
        canvas.polygon([(290, 178), (-20, 70), (-20, 250)], "#ffeeb070")
        canvas.polygon([(290, 178), (600, 90), (600, 260)], "#ffeeb070")
        canvas.polygon([(0, 500), (560, 500), (560, 660), (0, 660)], Fade("#2d6d8f", "#173a5c"))
        for row in range(7):
            for column in range(5):
                x, y = column * 130 - 30 + row % 2 * 64, 516 + row * 22
                canvas.line([(x, y), (x + 26, y - 5), (x + 54, y)], 3, "#ffffff44", smooth=True)
        canvas.blob(
            [
                (60, 560),
                (150, 486),
                (250, 470),
                (400, 476),
                (500, 540),
                (530, 600),
                (280, 630),
                (60, 600),
            ],
            Fade("#6b6078", "#3a3350"),
        )
        tower = [(252, 226), (328, 226), (366, 486), (214, 486)]
        canvas.polygon(tower, Fade("#fffaf0", "#cfc4d6", "right"))
        with canvas.within(tower):
            for y in (266, 354, 442):
                canvas.polygon(
                    [(180, y), (400, y), (400, y + 46), (180, y + 46)],
                    Fade(RED_LIGHT, RED_DARK, "right"),
                )
        for x, y in ((290, 322), (286, 410)):
            canvas.polygon([(x - 11, y + 16), *arc(x, y, 11, 180, 360), (x + 11, y + 16)], INK)
        canvas.rectangle(236, 212, 108, 18, INK, 5)
        canvas.shadow(oval(290, 180, 60), 20, "#fff0a8ee")
        canvas.rectangle(258, 150, 64, 62, Fade("#fff7cf", "#ffd766"), 6)
        for x in (272, 290, 308):
            canvas.line([(x, 150), (x, 212)], 3, INK)
        canvas.polygon(
            [(248, 152), *arc(290, 152, 42, 180, 360), (332, 152)], Fade(RED_LIGHT, RED_DARK)
        )
        canvas.ellipse(290, 106, 8, fill=RED_DARK)
        canvas.polygon([(410, 560), (520, 560), (500, 592), (430, 592)], Fade(WOOD, WOOD_DARK))
        canvas.polygon([(462, 470), (462, 552), (512, 552)], CREAM)
        canvas.polygon([(456, 484), (456, 552), (420, 552)], "#f0d9c0")
        canvas.rectangle(0, 0, 10, 660, "#ffffff33")
    for x, colours in (
        (150, (RED_LIGHT, RED_DARK)),
        (272, (YELLOW_LIGHT, YELLOW_DARK)),
        (394, (BLUE_LIGHT, BLUE_DARK)),
    ):
        meeple(canvas, x, 900, 1.25, colours)
    die(canvas, 560, 858, 84, -12, 5, (WHITE, "#d5cfe0"), NIGHT)
    for x, y in ((690, 880), (716, 872), (704, 862), (800, 886)):
        canvas.shadow(oval(x, y + 8, 40, 12), 6, "#2a1f3866")
        canvas.ellipse(x, y + 9, 40, 19, YELLOW_DARK)
        canvas.ellipse(x, y, 40, 19, Fade(YELLOW_LIGHT, YELLOW))
        canvas.ellipse(x, y, 26, 11, YELLOW_DARK)


def hedgehog_in_a_hurry(canvas: Canvas) -> None:
    """A hedgehog runs from the rain; dice in colours lie about."""
    backdrop(canvas, "Games")
    board = [(80, 620), (920, 620), (1000, 880), (0, 880)]
    canvas.shadow([(x, y + 22) for x, y in board], 20, "#2a1f3877")
    canvas.polygon([(0, 880), (1000, 880), (996, 900), (4, 900)], "#4e8a56")
    canvas.polygon(board, Fade("#b7dba6", "#83bd7e"))
    spots = (RED, YELLOW, BLUE, ORANGE, PURPLE, RED, YELLOW, BLUE)
    for number, colour in enumerate(spots):
        x, y = 92 + number * 117, 816 + 26 * math.sin(number * 0.9)
        canvas.ellipse(x, y + 4, 52, 25, "#2a1f3833")
        canvas.ellipse(x, y, 52, 25, CREAM)
        canvas.ellipse(x, y, 42, 19, colour)
    cloud = [
        (560, 180),
        (600, 110),
        (680, 96),
        (740, 50),
        (840, 70),
        (870, 130),
        (936, 160),
        (920, 226),
        (840, 240),
        (620, 238),
    ]
    canvas.blob([(x, y + 10) for x, y in cloud], "#8b90b855")
    canvas.blob(cloud, Fade(WHITE, "#b9bfdd"))
    for _ in range(22):
        across, down = canvas.random.uniform(600, 900), canvas.random.uniform(268, 500)
        with canvas.placed(across, down, 12, 0.9):
            canvas.blob([(0, -26), (9, 4), (0, 14), (-9, 4)], "#5d8fd0cc")
    standing(canvas, 430, 716, 270, 20)
    _hedgehog(canvas)
    die(canvas, 700, 640, 96, 14, 3, (RED_LIGHT, RED_DARK))
    die(canvas, 846, 690, 88, -18, 5, (YELLOW_LIGHT, YELLOW_DARK), INK)


def _hedgehog(canvas: Canvas) -> None:
    for x, turn in ((300, 30), (380, -24), (500, 28), (560, -26)):
        with canvas.placed(x, 664, turn):
            canvas.rectangle(-24, -10, 48, 84, Fade("#c98f64", "#a06c49"), 22)
            canvas.ellipse(-12, 68, 38, 19, "#8a5637")
    centre_x, centre_y = 440, 500
    for ring, (reach, colour) in enumerate(
        ((270, "#4e362c"), (246, "#6b4a37"), (216, "#8a6145"), (180, "#a67a58"), (140, "#8a6145"))
    ):
        spines: list[Point] = []
        count = 34 - ring * 3
        for number in range(count):
            angle = math.radians(162 + 216 * number / (count - 1))
            width = math.radians(5.4)
            for shift, share in (
                (-width, 0.8),
                (0.0, canvas.random.uniform(0.98, 1.08)),
                (width, 0.8),
            ):
                spines.append(
                    (
                        centre_x + 30 + reach * share * math.cos(angle + shift),
                        centre_y + 90 + reach * share * math.sin(angle + shift) * 0.98,
                    )
                )
        canvas.polygon(
            [*spines, (centre_x + 160, centre_y + 150), (centre_x - 140, centre_y + 150)], colour
        )
    face = [
        (300, 470),
        (370, 470),
        (400, 540),
        (390, 620),
        (560, 640),
        (600, 680),
        (420, 696),
        (280, 684),
        (210, 650),
        (140, 622),
        (128, 590),
        (190, 560),
        (240, 500),
    ]
    canvas.blob(face, Fade("#f7d9b4", "#e3b284"))
    canvas.ellipse(350, 470, 36, 40, "#c98f64")
    canvas.ellipse(352, 474, 22, 26, "#f0bb98")
    canvas.ellipse(132, 600, 26, 24, Fade("#55404a", INK))
    canvas.ellipse(124, 592, 8, 6, "#ffffff88")
    canvas.ellipse(252, 560, 21, 24, INK)
    canvas.ellipse(245, 552, 8, fill=WHITE)
    canvas.line(arc(252, 556, 40, 220, 300), 6, "#8a5637")
    canvas.line(arc(226, 606, 48, 40, 140), 6, INK)
    canvas.shadow(oval(292, 618, 32, 22), 10, "#f0707c99")
    tail = [
        (390, 560),
        (470, 572),
        (560, 540),
        (640, 566),
        (650, 610),
        (560, 590),
        (470, 622),
        (392, 612),
    ]
    canvas.shadow(curve([(x, y + 14) for x, y in tail], closed=True), 8, "#2a1f3866")
    canvas.blob(tail, Fade(RED_LIGHT, RED_DARK))
    for x in (560, 596, 628):
        canvas.line([(x, 548 + (x - 560) * 0.2), (x + 2, 588 + (x - 560) * 0.2)], 9, CREAM)
    scarf = [
        (360, 496),
        (404, 512),
        (424, 580),
        (400, 660),
        (352, 704),
        (308, 690),
        (350, 640),
        (366, 570),
    ]
    canvas.shadow(curve([(x + 6, y + 8) for x, y in scarf], closed=True), 8, "#2a1f3866")
    canvas.blob(scarf, Fade(RED_LIGHT, RED_DARK))
    canvas.line([(392, 530), (398, 590), (374, 656)], 7, "#a83a3e", smooth=True)
    for y, wide in ((480, 90), (560, 120), (640, 80)):
        canvas.line([(750, y), (750 + wide, y)], 8, "#f6f2fd")


def harbour_masters(canvas: Canvas) -> None:
    """The box: a steamer at the quay. Before it crates, a little ship and coins."""
    backdrop(canvas, "Games")
    _box(canvas, "#16504f")
    with canvas.placed(230, 130), canvas.within(rounded(0, 0, 560, 660, 8)):
        canvas.rectangle(0, 0, 560, 660, Fade("#9bdcf0", "#fdeccb"))
        canvas.ellipse(440, 150, 62, fill=Fade("#fff6cf", "#ffd15c"))
        for x, y, wide in ((90, 110, 70), (250, 70, 50)):
            for shift in (-0.5, 0, 0.5):
                canvas.ellipse(
                    x + shift * wide, y - (12 if shift == 0 else 0), wide * 0.5, 24, "#ffffffdd"
                )
        for x, wide, high, colour in (
            (0, 80, 190, "#c9dbe6"),
            (86, 60, 240, "#b3cbdb"),
            (380, 70, 210, "#c9dbe6"),
            (456, 110, 170, "#b3cbdb"),
        ):
            canvas.rectangle(x, 460 - high, wide, high, colour)
            for row in range(high // 36):
                for column in range(wide // 26):
                    canvas.rectangle(
                        x + 8 + column * 25, 472 - high + row * 34, 11, 15, "#ffffff88", 2
                    )
        canvas.line([(500, 462), (430, 180)], 15, YELLOW_DARK)
        canvas.line([(430, 180), (320, 140)], 13, YELLOW_DARK)
        canvas.line([(430, 180), (500, 200)], 13, YELLOW_DARK)
        canvas.line([(330, 144), (330, 236)], 4, INK)
        canvas.rectangle(300, 236, 60, 46, Fade(ORANGE_LIGHT, ORANGE_DARK), 5)
        canvas.rectangle(0, 456, 560, 210, Fade(TEAL, "#14485c"))
        canvas.ellipse(240, 196, 34, fill="#ffffffaa")
        canvas.ellipse(206, 160, 44, fill="#ffffff88")
        hull = [(60, 400), (500, 400), (450, 540), (110, 540)]
        canvas.rectangle(222, 230, 74, 110, Fade(RED_LIGHT, RED_DARK, "right"))
        canvas.rectangle(222, 230, 74, 24, INK)
        canvas.rectangle(150, 324, 240, 80, Fade(WHITE, "#dcd6e2"), 8)
        for x in range(172, 380, 44):
            canvas.ellipse(x, 364, 13, fill=BLUE_DARK)
            canvas.ellipse(x, 361, 10, fill=BLUE_LIGHT)
        canvas.polygon(hull, Fade("#34406f", "#1d2647"))
        canvas.polygon([(96, 500), (464, 500), (450, 540), (110, 540)], RED_DARK)
        canvas.polygon([(60, 400), (500, 400), (494, 418), (66, 418)], WHITE)
        for row in range(6):
            for column in range(6):
                x, y = column * 110 - 30 + row % 2 * 54, 540 + row * 24
                canvas.line([(x, y), (x + 24, y - 7), (x + 52, y)], 4, "#ffffff66", smooth=True)
        canvas.rectangle(0, 0, 10, 660, "#ffffff44")
    for x, y, colours in (
        (132, 822, (ORANGE_LIGHT, ORANGE_DARK)),
        (236, 832, (GREEN_LIGHT, GREEN_DARK)),
        (184, 738, (BLUE_LIGHT, BLUE_DARK)),
    ):
        canvas.shadow(rounded(x - 44, y + 10, 100, 60, 8), 10, "#2a1f3877")
        canvas.polygon(
            [(x - 48, y - 30), (x + 40, y - 30), (x + 56, y - 46), (x - 30, y - 46)], colours[0]
        )
        canvas.polygon(
            [(x + 40, y - 30), (x + 56, y - 46), (x + 56, y + 40), (x + 40, y + 58)], colours[1]
        )
        canvas.rectangle(x - 48, y - 30, 88, 88, Fade(*colours))
        canvas.line([(x - 40, y - 22), (x + 32, y + 50)], 7, colours[0])
        canvas.rectangle(x - 48, y - 30, 88, 9, "#ffffff55")
    canvas.shadow(oval(450, 900, 130, 16), 10, "#2a1f3888")
    canvas.polygon([(330, 832), (590, 832), (546, 902), (370, 902)], Fade(BEECH_LIGHT, BEECH_DARK))
    canvas.rectangle(380, 790, 120, 44, Fade(RED_LIGHT, RED_DARK), 8)
    canvas.rectangle(440, 736, 34, 56, Fade(BEECH_LIGHT, BEECH_DARK), 5)
    for number in range(4):
        canvas.ellipse(700, 892 - number * 14, 52, 22, YELLOW_DARK)
        canvas.ellipse(700, 886 - number * 14, 52, 22, Fade(YELLOW_LIGHT, YELLOW))
    canvas.ellipse(700, 844, 36, 14, YELLOW_DARK)
    canvas.ellipse(700, 846, 34, 13, YELLOW)
    die(canvas, 826, 862, 82, 10, 4, (TEAL_LIGHT, TEAL_DARK))
