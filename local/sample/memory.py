"""The picture of a game of cards."""

from local.sample.canvas import Canvas, Fade, arc, curve, oval, rounded
from local.sample.palette import (
    CREAM,
    GREEN,
    GREEN_DARK,
    GREEN_LIGHT,
    INK,
    ORANGE,
    ORANGE_LIGHT,
    RED_DARK,
    RED_LIGHT,
    WHITE,
    WOOD,
    WOOD_DARK,
    YELLOW,
    backdrop,
)


def memory_of_the_woods(canvas: Canvas) -> None:
    """Nine cards on the table, six of them turned up."""
    backdrop(canvas, "Games")
    motifs = (leaf, None, mushroom, acorn, owl, None, None, mushroom, tree)
    tilts = (-4, 3, -2, 2, -3, 4, 3, -2, 3)
    for number, (motif, tilt) in enumerate(zip(motifs, tilts, strict=True)):
        x, y = 212 + number % 3 * 288, 206 + number // 3 * 288
        with canvas.placed(x, y, tilt):
            canvas.shadow(rounded(-118, -106, 240, 240, 26), 12, "#2a1f3880")
            canvas.rectangle(-120, -116, 240, 240, "#d9cfe6", 26)
            canvas.rectangle(-120, -120, 240, 240, Fade(WHITE, "#f6efe2"), 26)
            if motif is None:
                canvas.rectangle(-104, -104, 208, 208, Fade(GREEN, GREEN_DARK), 18)
                with canvas.within(rounded(-104, -104, 208, 208, 18)):
                    for row in range(-3, 4):
                        for column in range(-3, 4):
                            with canvas.placed(column * 46 + row % 2 * 23, row * 38, 45):
                                canvas.blob([(-14, 0), (0, -8), (14, 0), (0, 8)], "#ffffff33")
                canvas.ellipse(0, 0, 40, fill=CREAM)
                canvas.blob([(0, -26), (18, 0), (0, 24), (-18, 0)], GREEN)
                canvas.line([(0, -14), (0, 30)], 4, GREEN_DARK)
            else:
                motif(canvas)


def leaf(canvas: Canvas) -> None:
    canvas.shadow(oval(0, 0, 70), 18, "#9fd08c66")
    canvas.blob(
        [(-66, 62), (-58, -14), (0, -70), (70, -72), (66, 0), (14, 58)],
        Fade(GREEN_LIGHT, GREEN_DARK),
    )
    canvas.line([(-84, 84), (-20, 16), (56, -58)], 6, "#2f6b45", smooth=True)
    for shift in (-40, -10, 20):
        canvas.line([(shift, -shift), (shift + 4, -shift - 40)], 4, "#2f6b4599")
        canvas.line([(shift, -shift), (shift + 44, -shift - 2)], 4, "#2f6b4599")


def mushroom(canvas: Canvas) -> None:
    canvas.shadow(oval(0, 86, 60, 10), 8, "#6a8a4a88")
    canvas.blob([(-24, 0), (24, 0), (30, 70), (0, 88), (-30, 70)], Fade("#fff8ea", "#e3d0ac"))
    canvas.blob(
        [(-84, 8), (-60, -56), (0, -82), (60, -56), (84, 8), (0, 24)], Fade(RED_LIGHT, RED_DARK)
    )
    for x, y, radius in ((-42, -22, 13), (2, -50, 16), (44, -20, 12), (-4, -6, 9), (30, -52, 7)):
        canvas.ellipse(x, y, radius, radius * 0.9, WHITE)
    for x in (-70, 62):
        canvas.line([(x, 88), (x - 8, 60)], 5, GREEN)
        canvas.line([(x, 88), (x + 10, 64)], 5, GREEN_DARK)


def acorn(canvas: Canvas) -> None:
    canvas.blob(
        [(-48, -18), (48, -18), (44, 34), (0, 86), (-44, 34)], Fade(ORANGE_LIGHT, "#a85e26")
    )
    canvas.ellipse(-20, 10, 9, 26, "#ffffff55")
    cap = [(-64, -14), (-50, -56), (0, -74), (50, -56), (64, -14), (0, -4)]
    canvas.blob(cap, Fade("#a87b52", "#6d4629"))
    with canvas.within(curve(cap, closed=True)):
        for row in range(5):
            for column in range(-4, 5):
                canvas.line(
                    arc(column * 18 + row % 2 * 9, -70 + row * 15, 9, 10, 170), 3, "#4d2f1a88"
                )
    canvas.line([(0, -70), (6, -92), (20, -98)], 9, "#6d4629", smooth=True)


def owl(canvas: Canvas) -> None:
    canvas.blob(
        [(-66, -50), (-56, -90), (0, -70), (56, -90), (66, -50), (70, 40), (0, 92), (-70, 40)],
        Fade("#b48a63", "#7b5537"),
    )
    canvas.blob([(-38, 10), (38, 10), (34, 64), (0, 82), (-34, 64)], "#efd9b5")
    for row in range(3):
        for column in range(-1, 2):
            canvas.line(arc(column * 20, 24 + row * 16, 8, 20, 160), 3, "#a87b52")
    for way in (-1, 1):
        canvas.blob([(way * 56, -10), (way * 74, 20), (way * 62, 66), (way * 44, 40)], "#6d4629")
        canvas.ellipse(way * 30, -32, 31, fill=CREAM)
        canvas.ellipse(way * 30, -32, 22, fill=YELLOW)
        canvas.ellipse(way * 28, -32, 14, fill=INK)
        canvas.ellipse(way * 28 - 4, -37, 5, fill=WHITE)
    canvas.polygon([(-10, -14), (10, -14), (0, 8)], ORANGE)


def tree(canvas: Canvas) -> None:
    canvas.shadow(oval(0, 86, 70, 10), 8, "#6a8a4a88")
    canvas.polygon([(-14, 40), (14, 40), (20, 88), (-20, 88)], Fade(WOOD, WOOD_DARK))
    for y, wide, shade in ((56, 78, GREEN_DARK), (14, 64, "#4f9160"), (-28, 48, GREEN)):
        canvas.polygon([(-wide, y), (wide, y), (0, y - 72)], shade)
        canvas.polygon([(0, y - 72), (wide, y), (wide * 0.2, y)], "#00000018")
