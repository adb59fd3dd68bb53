"""Pictures of what runs on rails."""

import math

from local.sample.canvas import Canvas, Fade, arc, oval, rounded
from local.sample.palette import (
    BEECH,
    BEECH_DARK,
    BEECH_LIGHT,
    BLUE,
    BLUE_DARK,
    BRASS,
    BRASS_DARK,
    BRASS_LIGHT,
    CREAM,
    GREEN,
    GREEN_DARK,
    GREEN_LIGHT,
    INK,
    RED,
    RED_DARK,
    RED_LIGHT,
    STEEL,
    STEEL_DARK,
    STEEL_LIGHT,
    WHITE,
    WOOD,
    WOOD_DARK,
    YELLOW,
    YELLOW_DARK,
    YELLOW_LIGHT,
    backdrop,
    grain,
    standing,
)


def wooden_train_set(canvas: Canvas) -> None:
    """A locomotive and three coaches on a bridge."""
    backdrop(canvas, "Trains")
    standing(canvas, 500, 815, 450)
    with canvas.within(rounded(40, 560, 920, 250, 14)):
        canvas.rectangle(40, 560, 920, 260, Fade(BEECH_LIGHT, BEECH))
        grain(canvas, rounded(40, 560, 920, 250, 0), rows=9)
    for x in (245, 500, 755):
        arch = [(x - 90, 815), *arc(x, 715, 90, 180, 360), (x + 90, 815)]
        canvas.polygon(arch, BEECH_DARK)
        with canvas.within(arch):
            canvas.polygon([(px + 20, py) for px, py in arch], "#f3cfa6")
        canvas.line(arc(x, 715, 101, 180, 360), 5, BEECH_DARK)
    canvas.rectangle(20, 548, 960, 40, Fade(WOOD, WOOD_DARK), 12)
    canvas.rectangle(20, 548, 960, 13, "#f3d6a7", 6)
    canvas.rectangle(40, 566, 920, 6, "#8a5a2866", 3)
    for x, colours in (
        (340, (YELLOW, YELLOW_DARK, YELLOW_LIGHT)),
        (555, (GREEN, GREEN_DARK, GREEN_LIGHT)),
        (770, (BLUE, BLUE_DARK, "#86b4e2")),
    ):
        _coach(canvas, x, *colours)
    for x in (325, 540, 755):
        canvas.rectangle(x - 12, 488, 24, 12, STEEL_DARK, 5)
        canvas.rectangle(x - 4, 484, 8, 20, STEEL_LIGHT, 3)
    # The locomotive.
    canvas.rectangle(66, 470, 250, 46, Fade(RED, RED_DARK), 12)
    canvas.rectangle(76, 376, 150, 100, Fade(RED_LIGHT, RED_DARK), 40)
    canvas.rectangle(92, 384, 100, 14, "#ffffff55", 7)
    canvas.rectangle(196, 300, 116, 176, Fade(BLUE, BLUE_DARK), 10)
    canvas.rectangle(216, 332, 76, 66, CREAM, 12)
    canvas.rectangle(216, 332, 76, 10, "#00000022", 5)
    canvas.rectangle(184, 282, 140, 30, Fade(YELLOW_LIGHT, YELLOW_DARK), 14)
    canvas.polygon([(100, 300), (150, 300), (142, 382), (108, 382)], Fade(BEECH_LIGHT, BEECH_DARK))
    canvas.rectangle(88, 286, 74, 24, Fade(BEECH, BEECH_DARK), 11)
    canvas.ellipse(172, 374, 17, 20, BRASS)
    canvas.ellipse(76, 428, 16, 22, YELLOW)
    canvas.ellipse(72, 424, 8, 12, YELLOW_LIGHT)
    for x, y, radius in ((120, 232, 30), (165, 196, 40), (225, 160, 50)):
        canvas.ellipse(x, y, radius, fill="#ffffffcc")
        canvas.ellipse(x - radius * 0.2, y - radius * 0.2, radius * 0.7, fill="#ffffff99")
    for x in (116, 190, 264):
        _wheel(canvas, x, 520, 34)


def _coach(canvas: Canvas, x: float, colour: str, dark: str, light: str) -> None:
    canvas.rectangle(x, 372, 188, 142, Fade(colour, dark), 14)
    canvas.rectangle(x, 462, 188, 14, light, 4)
    canvas.rectangle(x - 8, 354, 204, 30, Fade(BEECH_LIGHT, BEECH_DARK), 14)
    for shift in (20, 74, 128):
        canvas.rectangle(x + shift, 396, 42, 50, CREAM, 9)
        canvas.rectangle(x + shift, 396, 42, 9, "#00000022", 5)
    for shift in (46, 142):
        _wheel(canvas, x + shift, 524, 30)


def _wheel(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.ellipse(x, y, radius, fill=BEECH_DARK)
    canvas.ellipse(x, y, radius - 4, fill=Fade(BEECH_LIGHT, BEECH))
    for share in (0.66, 0.42):
        canvas.line(arc(x, y, radius * share, 0, 360), 1.5, "#a8743f88")
    canvas.ellipse(x, y, radius * 0.24, fill=RED_DARK)
    canvas.ellipse(x - 2, y - 2, radius * 0.14, fill=RED_LIGHT)


def steam_locomotive(canvas: Canvas) -> None:
    """A tin locomotive with its key, on a piece of track."""
    backdrop(canvas, "Trains")
    standing(canvas, 500, 822, 440)
    for number in range(11):
        canvas.rectangle(70 + number * 80, 792, 52, 26, Fade(WOOD, WOOD_DARK), 5)
    canvas.rectangle(50, 776, 900, 18, Fade(STEEL_LIGHT, STEEL_DARK), 5)
    for x, y, radius in ((236, 190, 36), (292, 150, 52), (372, 122, 66), (462, 118, 50)):
        canvas.shadow(oval(x, y, radius), 8, "#ffffffee")
        canvas.ellipse(x, y, radius * 0.8, fill="#ffffffdd")
    canvas.rectangle(140, 624, 760, 56, Fade(RED, RED_DARK), 10)
    canvas.polygon([(140, 650), (140, 720), (84, 766), (70, 766), (116, 650)], Fade(RED, RED_DARK))
    for shift in (0, 18, 36):
        canvas.line([(132 - shift * 0.1, 668), (92 + shift, 760)], 4, "#7c262c")
    # The boiler, with light on its round back.
    canvas.rectangle(168, 410, 470, 226, Fade(GREEN, "#1f4a37"), 30)
    canvas.rectangle(190, 430, 430, 26, "#ffffff40", 13)
    canvas.rectangle(168, 560, 470, 76, "#00000018", 26)
    for x in (290, 420, 550):
        canvas.rectangle(x, 408, 16, 230, Fade(BRASS_LIGHT, BRASS_DARK))
    canvas.rectangle(146, 404, 46, 238, Fade("#2f4f44", "#152b24"), 20)
    canvas.ellipse(150, 470, 30, fill=Fade(BRASS_LIGHT, BRASS_DARK))
    canvas.ellipse(146, 466, 18, fill="#fff3b8")
    canvas.polygon(
        [(206, 410), (214, 280), (196, 232), (284, 232), (266, 280), (274, 410)],
        Fade("#3d5f53", "#182e27", "right"),
    )
    canvas.rectangle(186, 218, 108, 24, Fade(BRASS_LIGHT, BRASS_DARK), 8)
    canvas.polygon(
        [*arc(370, 380, 46, 180, 360), (424, 416), (316, 416)], Fade(BRASS_LIGHT, BRASS_DARK)
    )
    canvas.ellipse(354, 362, 12, 18, "#ffffff99")
    canvas.rectangle(480, 366, 32, 50, Fade(BRASS_LIGHT, BRASS_DARK, "right"), 6)
    canvas.ellipse(496, 360, 22, 14, BRASS)
    # The cab.
    canvas.rectangle(632, 300, 240, 340, Fade(GREEN, "#245541"), 12)
    canvas.rectangle(672, 344, 74, 96, Fade("#fdeec4", "#d8b782"), 14)
    canvas.rectangle(768, 344, 74, 96, Fade("#fdeec4", "#d8b782"), 14)
    for x in (672, 768):
        canvas.line([*rounded(x, 344, 74, 96, 14), (x + 74, 430)], 6, BRASS)
    canvas.polygon(
        [(602, 306), *arc(750, 520, 268, 236, 304), (902, 306)], Fade("#3d5f53", "#182e27")
    )
    canvas.rectangle(598, 294, 308, 22, "#152b24", 9)
    canvas.ellipse(752, 544, 58, fill=BRASS_DARK)
    canvas.ellipse(752, 544, 53, fill=Fade(RED, RED_DARK))
    canvas.line([(728, 514), (776, 514), (744, 576)], 11, BRASS_LIGHT)
    # The key in its back.
    canvas.rectangle(872, 520, 44, 14, Fade(STEEL_LIGHT, STEEL_DARK), 4)
    for y in (486, 568):
        canvas.ellipse(930, y, 26, 40, Fade(STEEL_LIGHT, STEEL_DARK))
        canvas.ellipse(930, y, 11, 22, "#f4d6b4")
    for x, radius in ((232, 52), (352, 52), (506, 84), (694, 84), (838, 52)):
        _spoked(canvas, x, 778 - radius, radius)
    canvas.line([(506, 724), (694, 724)], 16, STEEL_DARK)
    canvas.line([(506, 721), (694, 721)], 7, STEEL_LIGHT)
    canvas.rectangle(188, 652, 130, 56, Fade("#3d5f53", "#182e27"), 12)
    canvas.line([(318, 682), (506, 724)], 10, STEEL)
    for x in (506, 694):
        canvas.ellipse(x, 724, 12, fill=BRASS)


def _spoked(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.ellipse(x, y, radius, fill="#7c262c")
    canvas.ellipse(x, y, radius - 5, fill=Fade(RED_LIGHT, RED_DARK))
    canvas.ellipse(x, y, radius - 17, fill="#5a2c33")
    for number in range(10):
        angle = math.tau * number / 10
        reach = radius - 14
        canvas.line([(x, y), (x + reach * math.cos(angle), y + reach * math.sin(angle))], 7, RED)
    canvas.ellipse(x, y, radius * 0.24, fill=BRASS)


def level_crossing(canvas: Canvas) -> None:
    """Gates that are down, lights, and a road that waits."""
    backdrop(canvas, "Trains")
    base = [(110, 600), (890, 600), (985, 850), (15, 850)]
    canvas.shadow([(x, y + 26) for x, y in base], 26, "#2a1f3870")
    canvas.polygon([(15, 850), (985, 850), (980, 882), (20, 882)], Fade(WOOD, WOOD_DARK))
    canvas.polygon(base, Fade("#a9cf93", "#86b878"))
    canvas.polygon([(405, 600), (595, 600), (690, 850), (310, 850)], Fade("#8b8796", "#6f6b7c"))
    for top, bottom in ((612, 632), (652, 676), (790, 832)):
        canvas.polygon([(496, top), (504, top), (506, bottom), (494, bottom)], CREAM)
    for number in range(13):
        x = 56 + number * 72
        canvas.polygon(
            [(x + 6, 692), (x + 36, 692), (x + 40, 768), (x, 768)], Fade(WOOD, WOOD_DARK)
        )
    for y in (702, 744):
        canvas.rectangle(50, y, 900, 15, Fade(STEEL_LIGHT, STEEL_DARK), 4)
    canvas.polygon([(380, 720), (618, 720), (626, 742), (372, 742)], Fade(BEECH, WOOD))
    for x, way in ((170, 1), (830, -1)):
        _post(canvas, x, way)
    _gate(canvas, 170, 618, 1)
    _gate(canvas, 830, 618, -1)


def _post(canvas: Canvas, x: float, way: int) -> None:
    standing(canvas, x, 664, 62, 12)
    canvas.rectangle(x - 13, 190, 26, 470, Fade(STEEL_LIGHT, STEEL_DARK, "right"), 8)
    canvas.rectangle(x - 44, 628, 88, 36, Fade("#5b566b", INK), 10)
    for turn in (-32, 32):
        with canvas.placed(x, 226, turn):
            canvas.rectangle(-118, -20, 236, 40, RED_DARK, 9)
            canvas.rectangle(-114, -17, 228, 34, WHITE, 8)
            for end in (-114, 84):
                canvas.rectangle(end, -17, 30, 34, RED, 6)
    canvas.rectangle(x - 92, 366, 184, 84, Fade("#5b566b", INK), 40)
    for shift in (-46, 46):
        lit = shift * way > 0
        if lit:
            canvas.shadow(oval(x + shift, 408, 54), 18, "#ff5a3ccc")
        canvas.ellipse(x + shift, 408, 31, fill="#1c1626")
        canvas.ellipse(
            x + shift, 408, 26, fill=Fade("#fff0c8", "#f0402f", "out") if lit else "#6d2b31"
        )
        canvas.ellipse(x + shift - 8, 398, 7, fill="#ffffff88")


def _gate(canvas: Canvas, x: float, y: float, way: int) -> None:
    with canvas.placed(x, y - 60, 0, (way, 1)):
        canvas.rectangle(-66, -34, 52, 68, Fade("#5b566b", INK), 12)
        pole = rounded(-20, -18, 340, 36, 14)
        canvas.shadow([(px, py + 100) for px, py in pole], 12, "#2a1f3855")
        with canvas.within(pole):
            canvas.rectangle(-20, -18, 360, 36, Fade(WHITE, "#d9d6e2"))
            for number in range(5):
                left = 8 + number * 74
                canvas.polygon(
                    [(left, -18), (left + 37, -18), (left + 25, 18), (left - 12, 18)], RED
                )
            canvas.rectangle(-20, 8, 360, 12, "#00000020")
        canvas.ellipse(0, 0, 25, fill=Fade(YELLOW_LIGHT, YELLOW_DARK))
        canvas.ellipse(0, 0, 9, fill=INK)
        canvas.ellipse(304, 0, 9, fill=YELLOW)
