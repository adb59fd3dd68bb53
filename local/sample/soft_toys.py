"""Pictures of what one can hug."""

import math
from collections.abc import Sequence

from local.sample.canvas import Canvas, Fade, Fill, Point, arc, curve, oval
from local.sample.palette import (
    BLUE_DARK,
    BLUE_LIGHT,
    CREAM,
    INK,
    PINK,
    PINK_DARK,
    PINK_LIGHT,
    RED_DARK,
    RED_LIGHT,
    TEAL_DARK,
    TEAL_LIGHT,
    WHITE,
    backdrop,
    standing,
)


def plush(
    canvas: Canvas,
    points: Sequence[Point],
    fill: Fill,
    hairs: tuple[str, str],
    length: float = 11,
    count: int = 260,
) -> None:
    """A smooth shape of fur: its edge is hairy, and light and dark hairs lie on it."""
    outline = curve(points, closed=True, steps=10)
    middle_x = sum(x for x, _ in outline) / len(outline)
    middle_y = sum(y for _, y in outline) / len(outline)
    hairy: list[Point] = []
    for number, (x, y) in enumerate(outline):
        far = math.hypot(x - middle_x, y - middle_y) or 1
        out = canvas.random.uniform(0.2, 1) * length * (1 if number % 2 else -0.2)
        drop = canvas.random.uniform(0, 0.35) * length
        hairy.append((x + (x - middle_x) / far * out, y + (y - middle_y) / far * out + drop))
    canvas.polygon(hairy, fill)
    reach_x = max(abs(x - middle_x) for x, _ in outline)
    reach_y = max(abs(y - middle_y) for _, y in outline)
    with canvas.within(hairy):
        for number in range(count):
            angle, share = canvas.random.uniform(0, math.tau), math.sqrt(canvas.random.random())
            x, y = (
                middle_x + reach_x * share * math.cos(angle),
                middle_y + reach_y * share * math.sin(angle),
            )
            lean = 0.5 * length * share * math.cos(angle) + canvas.random.uniform(-4, 4)
            fall = length * canvas.random.uniform(0.8, 1.6)
            canvas.polygon([(x - 1.6, y), (x + 1.6, y), (x + lean, y + fall)], hairs[number % 2])


def _eye(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.ellipse(x, y, radius, fill=INK)
    canvas.ellipse(x - radius * 0.3, y - radius * 0.35, radius * 0.34, fill=WHITE)
    canvas.ellipse(x + radius * 0.32, y + radius * 0.34, radius * 0.16, fill="#ffffff88")


def _smile(canvas: Canvas, x: float, y: float, wide: float) -> None:
    canvas.line([(x, y - wide * 0.55), (x, y)], 6, INK)
    canvas.line(arc(x - wide / 2, y, wide / 2, 10, 170), 6, INK)
    canvas.line(arc(x + wide / 2, y, wide / 2, 10, 170), 6, INK)


BROWN = Fade("#b67c49", "#8b562e")
BROWN_HAIRS = ("#d29c6499", "#6d3f1f77")
TAN = Fade("#f0d0a2", "#d9ae78")
TAN_HAIRS = ("#fff0d488", "#b98a5577")


def bear_bruno(canvas: Canvas) -> None:
    """A bear who sits, with a bow tie."""
    backdrop(canvas, "Soft toys")
    standing(canvas, 500, 868, 330, 26)
    for x, y, turn in ((292, 640, 32), (708, 640, -32)):
        with canvas.placed(x, y, turn):
            plush(canvas, oval(0, 0, 66, 128)[::6], BROWN, BROWN_HAIRS)
            plush(canvas, oval(0, 92, 40, 32)[::8], TAN, TAN_HAIRS, 5, 60)
    plush(canvas, oval(500, 668, 192, 196)[::6], BROWN, BROWN_HAIRS, count=420)
    plush(canvas, oval(500, 700, 122, 138)[::6], TAN, TAN_HAIRS, 7)
    for x, turn in ((318, 14), (682, -14)):
        canvas.shadow(oval(x, 826, 100, 60), 12, "#3a1f1066")
        with canvas.placed(x, 800, turn):
            plush(canvas, oval(0, 0, 104, 98)[::6], BROWN, BROWN_HAIRS)
            plush(canvas, oval(0, 8, 64, 60)[::6], TAN, TAN_HAIRS, 5, 90)
            canvas.ellipse(0, 26, 26, 22, "#9c6a46")
            for toe in (-36, 0, 36):
                canvas.ellipse(toe, -20 + abs(toe) * 0.3, 12, 14, "#9c6a46")
    canvas.shadow(oval(500, 530, 170, 40), 16, "#3a1f1088")
    for x in (334, 666):
        plush(canvas, oval(x, 196, 76, 74)[::6], BROWN, BROWN_HAIRS)
        plush(canvas, oval(x, 206, 44, 42)[::8], TAN, TAN_HAIRS, 5, 60)
    plush(canvas, oval(500, 350, 214, 194)[::6], BROWN, BROWN_HAIRS, count=480)
    plush(canvas, oval(500, 420, 104, 84)[::6], TAN, TAN_HAIRS, 7, 160)
    for x in (412, 588):
        _eye(canvas, x, 320, 25)
        canvas.line(arc(x, 318, 48, 235, 305), 7, "#5c3518")
    for x in (356, 644):
        canvas.shadow(oval(x, 408, 34, 24), 12, "#f0787c99")
    canvas.blob(
        [(462, 384), (500, 372), (538, 384), (524, 412), (500, 424), (476, 412)],
        Fade("#55404a", INK),
    )
    canvas.ellipse(487, 388, 11, 6, "#ffffff77")
    _smile(canvas, 500, 452, 52)
    canvas.shadow(oval(500, 566, 110, 34), 10, "#3a1f1077")
    for way in (-1, 1):
        loop = [
            (500 + way * dx, 548 + dy)
            for dx, dy in ((8, 0), (58, -44), (116, -38), (122, 6), (112, 46), (56, 38))
        ]
        canvas.blob(loop, Fade(RED_LIGHT, RED_DARK))
        canvas.line([(500 + way * 24, 546), (500 + way * 84, 536)], 4, "#8b2630")
        canvas.line([(500 + way * 24, 556), (500 + way * 84, 566)], 4, "#8b2630")
    canvas.blob([(474, 522), (526, 522), (530, 574), (470, 574)], Fade(RED_LIGHT, RED_DARK))


GREY = Fade("#f7f1ea", "#ddd0c6")
GREY_HAIRS = ("#ffffffaa", "#b8a79b66")


def rabbit_lotte(canvas: Canvas) -> None:
    """A rabbit with long ears, in a dress with dots."""
    backdrop(canvas, "Soft toys")
    with canvas.placed(30, 44, scale=0.94):
        _lotte(canvas)


def _lotte(canvas: Canvas) -> None:
    standing(canvas, 500, 884, 260, 24)
    for x, turn, fold in ((424, -9, -1), (584, 12, 1)):
        with canvas.placed(x, 214, turn):
            plush(canvas, oval(0, -40, 54, 160)[::6], GREY, GREY_HAIRS, 7)
            canvas.blob(oval(0, -26, 28, 118)[::8], Fade(PINK_LIGHT, PINK))
            canvas.line([(fold * 8, -120), (fold * 8, 40)], 4, "#d4758a55")
    for x, turn in ((438, 10), (562, -10)):
        with canvas.placed(x, 812, turn):
            plush(canvas, oval(0, 20, 62, 62)[::6], GREY, GREY_HAIRS, 6, 130)
            canvas.ellipse(0, 30, 28, 26, PINK_LIGHT)
    for x, turn in ((318, 34), (682, -34)):
        with canvas.placed(x, 640, turn):
            plush(canvas, oval(0, 0, 44, 112)[::6], GREY, GREY_HAIRS, 7, 140)
    dress = [(410, 500), (590, 500), (640, 610), (714, 796), (500, 836), (286, 796), (360, 610)]
    canvas.polygon(curve(dress, closed=True), Fade(TEAL_LIGHT, TEAL_DARK))
    with canvas.within(curve(dress, closed=True)):
        for row in range(9):
            for column in range(12):
                canvas.ellipse(250 + column * 48 + row % 2 * 24, 510 + row * 40, 9, fill=CREAM)
        for x in (390, 500, 610):
            canvas.polygon([(x - 4, 570), (x + 4, 570), (x + 22, 850), (x - 22, 850)], "#0f4a4c22")
    hem = [(290, 780), (390, 812), (500, 822), (610, 812), (710, 780)]
    canvas.line(hem, 22, CREAM, smooth=True)
    canvas.line([(x, y + 4) for x, y in hem], 4, PINK, smooth=True)
    canvas.shadow(oval(500, 498, 130, 30), 12, "#3a1f1077")
    plush(canvas, oval(500, 374, 172, 150)[::6], GREY, GREY_HAIRS, 8, 320)
    for x in (378, 622):
        canvas.shadow(oval(x, 420, 40, 28), 12, "#f0788c99")
    for x in (432, 568):
        _eye(canvas, x, 356, 22)
        for lash in (-16, 0, 16):
            canvas.line([(x + lash * 0.8, 336), (x + lash * 1.5, 322 + abs(lash) * 0.4)], 4, INK)
    canvas.blob([(474, 398), (526, 398), (512, 420), (500, 426), (488, 420)], Fade(PINK, PINK_DARK))
    _smile(canvas, 500, 446, 36)
    for way in (-1, 1):
        for rise in (-10, 6, 22):
            canvas.line(
                [(500 + way * 70, 428 + rise * 0.5), (500 + way * 150, 418 + rise * 1.4)],
                2.5,
                "#8c7a70",
            )
    for way in (-1, 1):
        loop = [
            (500 + way * dx, 520 + dy)
            for dx, dy in ((4, 0), (36, -28), (72, -20), (74, 14), (38, 26))
        ]
        canvas.blob(loop, Fade(PINK_LIGHT, PINK_DARK))
    canvas.ellipse(500, 520, 16, 17, Fade(PINK_LIGHT, PINK_DARK))


def sleepy_fox(canvas: Canvas) -> None:
    """A fox curled up on a cushion."""
    backdrop(canvas, "Soft toys")
    for x, y, radius in (
        (170, 190, 7),
        (300, 110, 5),
        (850, 170, 8),
        (760, 90, 5),
        (90, 320, 5),
        (910, 330, 5),
    ):
        with canvas.placed(x, y, 0, radius / 5):
            canvas.polygon(
                [(0, -14), (3, -3), (14, 0), (3, 3), (0, 14), (-3, 3), (-14, 0), (-3, -3)],
                "#ffffffdd",
            )
    standing(canvas, 500, 850, 420, 30)
    cushion = [
        (110, 742),
        (90, 700),
        (200, 690),
        (500, 668),
        (800, 690),
        (910, 700),
        (890, 742),
        (912, 826),
        (800, 842),
        (500, 858),
        (200, 842),
        (88, 826),
    ]
    canvas.blob(cushion, Fade(BLUE_LIGHT, BLUE_DARK))
    with canvas.within(curve(cushion, closed=True)):
        for x in range(60, 1000, 70):
            canvas.polygon([(x, 640), (x + 20, 640), (x - 10, 880), (x - 30, 880)], "#ffffff2e")
        canvas.shadow(oval(500, 740, 330, 44), 16, "#1c2b5a88")
    orange, hairs = Fade("#f39a4e", "#d3692a"), ("#ffc08a99", "#a84a1a66")
    white, pale = Fade("#fffaf2", "#f0dcc8"), ("#ffffffaa", "#d9bfa466")
    plush(
        canvas,
        [
            (190, 660),
            (220, 480),
            (350, 360),
            (520, 320),
            (690, 370),
            (800, 500),
            (826, 650),
            (740, 752),
            (500, 776),
            (270, 756),
        ],
        orange,
        hairs,
        10,
        620,
    )
    canvas.shadow([(440, 480), (700, 470), (800, 640), (640, 740), (420, 720)], 30, "#7c2f1044")
    tail = [
        (860, 560),
        (874, 690),
        (800, 780),
        (640, 812),
        (480, 800),
        (400, 760),
        (470, 724),
        (620, 728),
        (730, 690),
        (770, 600),
        (810, 530),
    ]
    canvas.shadow(curve([(x, y + 8) for x, y in tail], closed=True), 12, "#5a250a77")
    plush(canvas, tail, orange, hairs, 13, 340)
    plush(
        canvas,
        [(520, 718), (530, 806), (440, 806), (370, 784), (352, 752), (400, 722), (460, 708)],
        white,
        pale,
        13,
        150,
    )
    # The head lies on the tail.
    for points, inner in (
        (
            ((236, 470), (220, 350), (262, 300), (330, 370), (370, 440)),
            ((262, 440), (252, 364), (272, 342), (316, 390), (334, 430)),
        ),
        (
            ((420, 430), (490, 330), (548, 318), (556, 400), (520, 500)),
            ((456, 430), (500, 366), (530, 358), (532, 410), (508, 466)),
        ),
    ):
        plush(canvas, points, Fade("#e58a40", "#c05c22"), hairs, 8, 110)
        canvas.blob(inner, Fade("#6a3a34", "#4d2b30"))
    head = [
        (200, 560),
        (230, 450),
        (330, 400),
        (450, 410),
        (540, 480),
        (570, 580),
        (500, 680),
        (400, 740),
        (330, 744),
        (250, 690),
    ]
    canvas.shadow(curve([(x + 4, y + 16) for x, y in head], closed=True), 16, "#5a250a88")
    plush(canvas, head, orange, hairs, 10, 380)
    plush(
        canvas,
        [(212, 580), (290, 590), (348, 650), (356, 742), (322, 746), (250, 694)],
        white,
        pale,
        8,
        110,
    )
    plush(
        canvas,
        [(560, 590), (470, 590), (400, 650), (368, 742), (400, 742), (500, 684)],
        white,
        pale,
        8,
        130,
    )
    canvas.blob(
        [(330, 716), (362, 706), (394, 718), (384, 744), (362, 756), (340, 744)],
        Fade("#55404a", INK),
    )
    canvas.ellipse(352, 720, 9, 5, "#ffffff77")
    for x, y in ((284, 572), (458, 576)):
        canvas.line(arc(x, y - 14, 36, 28, 152), 8, INK)
        for lash in (40, 90, 140):
            angle = math.radians(lash)
            begin = (x + 36 * math.cos(angle), y - 14 + 36 * math.sin(angle))
            canvas.line([begin, (x + 50 * math.cos(angle), y - 14 + 50 * math.sin(angle))], 5, INK)
    for x, y in ((250, 634), (500, 636)):
        canvas.shadow(oval(x, y, 32, 20), 10, "#f0606088")
    for x, y, size in ((610, 260, 30), (680, 190, 42), (770, 110, 56)):
        canvas.line(
            [(x, y), (x + size, y), (x, y + size), (x + size, y + size)], size * 0.2, "#8468b0"
        )
