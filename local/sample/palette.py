"""The colours of the sample's pictures, and what stands behind each toy."""

from local.sample.canvas import Canvas, Fade, Point, oval

INK = "#33293f"
RED, RED_DARK, RED_LIGHT = "#d8524a", "#b03a3b", "#ea7a6c"
ORANGE, ORANGE_DARK, ORANGE_LIGHT = "#ec8a3c", "#c96c26", "#f6ac66"
YELLOW, YELLOW_DARK, YELLOW_LIGHT = "#f4c04a", "#d99d2b", "#fbdc8a"
GREEN, GREEN_DARK, GREEN_LIGHT = "#62a56c", "#3f7f52", "#93c893"
TEAL, TEAL_DARK, TEAL_LIGHT = "#3f9f9d", "#2a7679", "#7cc7c2"
BLUE, BLUE_DARK, BLUE_LIGHT = "#4a82c3", "#305f9c", "#86b4e2"
PURPLE, PURPLE_DARK, PURPLE_LIGHT = "#8468b0", "#614a8c", "#b09bd3"
PINK, PINK_DARK, PINK_LIGHT = "#ee9dab", "#d4758a", "#f9cbd2"
WOOD, WOOD_DARK, WOOD_LIGHT = "#ddb27a", "#b98950", "#efd0a0"
BEECH, BEECH_DARK, BEECH_LIGHT = "#ecc99a", "#cfa36c", "#f8e2c2"
STEEL, STEEL_DARK, STEEL_LIGHT = "#a9b1bf", "#747d8f", "#dfe4ec"
BRASS, BRASS_DARK, BRASS_LIGHT = "#dcae4d", "#a97c28", "#f5dc98"
CREAM, WHITE, NIGHT = "#fff4dd", "#ffffff", "#2b3a67"

BACKDROPS = {
    "Trains": ("#fdf0dc", "#f3cfa9"),
    "Building": ("#eef6e6", "#bfdcb9"),
    "Soft toys": ("#fdeef0", "#f1c3c8"),
    "Games": ("#f2edfb", "#cdbfe9"),
    "Puzzles": ("#e6f5f4", "#a9d6d3"),
    "Science": ("#e9f2fc", "#b3cfee"),
    "Outdoor": ("#cfeafa", "#f1f6e2"),
    "To print": ("#fbf3e3", "#d9cdb4"),
}
"""The colours at the top and at the bottom, by category."""


def backdrop(canvas: Canvas, category: str) -> None:
    """What is behind every toy of a category."""
    canvas.backdrop(Fade(*BACKDROPS[category]), "#ffffff99")


def standing(canvas: Canvas, x: float, y: float, wide: float, high: float = 20) -> None:
    """The shadow of what stands at (x, y)."""
    canvas.shadow(oval(x, y, wide, high), 16, "#2a1f3870")
    canvas.shadow(oval(x, y + 6, wide * 1.15, high * 2), 30, "#2a1f3840")


def grain(canvas: Canvas, points: list[Point], colour: str = "#8a5a2833", rows: int = 6) -> None:
    """Lines of wood grain inside of a shape."""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    with canvas.within(points):
        for row in range(rows):
            y = top + (bottom - top) * (row + canvas.random.uniform(0.2, 0.8)) / rows
            bend = canvas.random.uniform(-0.12, 0.12) * (bottom - top)
            thick = canvas.random.uniform(0.008, 0.02) * (bottom - top) + 0.8
            upper = [(left, y), ((left + right) / 2, y + bend), (right, y + bend / 3)]
            lower = [(x, y + thick) for x, y in reversed(upper)]
            canvas.polygon([*upper, *lower], colour)
