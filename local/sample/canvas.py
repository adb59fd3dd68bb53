"""A square to draw on, in units of a thousandth of its side; (0, 0) is its upper left corner.

Everything is a polygon, so that whatever is drawn can be placed, turned, scaled and sheared.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

type Point = tuple[float, float]
type Colour = str
"""As Pillow takes them: "#rrggbb", or "#rrggbbaa" for one that lets through what is below."""

SIDE = 1200
"""Pixels of a picture's side."""

_FINE = 2
"""Pixels there are for one while it is drawn, each way: scaled down, that makes smooth edges."""

_SCALE = _FINE * SIDE / 1000
"""Pixels per unit while it is drawn."""

_SOFT = 6
"""Shadows and glows are blurred on a square of so many times fewer pixels a side."""


@dataclass(frozen=True, slots=True)
class Fade:
    """A fill that goes from one colour to another: down, right, or from the middle outwards."""

    first: Colour
    last: Colour
    way: str = "down"


type Fill = Colour | Fade


class Canvas:
    """One picture. Whatever is random in it follows from its name."""

    def __init__(self, name: str) -> None:
        self.random = random.Random(name)
        self._onto(Image.new("RGB", (_FINE * SIDE, _FINE * SIDE)), (0, 0))
        self._matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def picture(self) -> Image.Image:
        """What was drawn, SIDE pixels wide and high."""
        return self._image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)

    def backdrop(self, fade: Fade, glow: Colour) -> None:
        """Fill the whole picture, with a glow in its middle."""
        # All of it is soft: small is enough.
        small = _faded(fade, (240, 240))
        red, green, blue, strength = _rgba(glow)
        light = Image.new("L", small.size)
        ImageDraw.Draw(light).ellipse((34, 24, 206, 196), fill=strength)
        small.paste((red, green, blue), (0, 0), light.filter(ImageFilter.GaussianBlur(14)))
        self._image.paste(small.resize(self._image.size, Image.Resampling.BICUBIC))

    @contextmanager
    def placed(
        self,
        x: float = 0,
        y: float = 0,
        turn: float = 0,
        scale: float | tuple[float, float] = 1,
        shear: tuple[float, float] = (0, 0),
    ) -> Iterator[None]:
        """Draw around (x, y), turned by degrees clockwise; shear is (x per y, y per x)."""
        before = self._matrix
        wide, high = scale if isinstance(scale, tuple) else (scale, scale)
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        own = (
            *(wide * (cos - sin * shear[1]), high * (cos * shear[0] - sin), x),
            *(wide * (sin + cos * shear[1]), high * (sin * shear[0] + cos), y),
        )
        a, b, c, d, e, f = before
        g, h, i, j, k, m = own
        self._matrix = (
            *(a * g + b * j, a * h + b * k, a * i + b * m + c),
            *(d * g + e * j, d * h + e * k, d * i + e * m + f),
        )
        try:
            yield
        finally:
            self._matrix = before

    def polygon(self, points: Iterable[Point], fill: Fill) -> None:
        """Fill what the points enclose."""
        pixels = self._pixels(points)
        if isinstance(fill, str):
            self._draw.polygon(pixels, fill=fill)
            return
        box = _box(pixels, self._image.size)
        if box is None:
            return
        mask = _mask(pixels, box)
        self._image.paste(_faded(fill, mask.size), box[:2], mask)

    def ellipse(
        self, x: float, y: float, wide: float, high: float | None = None, fill: Fill = "#000"
    ) -> None:
        """An ellipse around (x, y); a circle when only one radius is given."""
        self.polygon(oval(x, y, wide, high), fill)

    def rectangle(
        self, x: float, y: float, wide: float, high: float, fill: Fill, round_: float = 0
    ) -> None:
        """A rectangle whose upper left corner is (x, y), with round corners of that radius."""
        self.polygon(rounded(x, y, wide, high, round_), fill)

    def blob(self, points: Sequence[Point], fill: Fill) -> None:
        """A smooth shape through the points."""
        self.polygon(curve(points, closed=True), fill)

    def line(
        self, points: Sequence[Point], width: float, fill: Colour, *, smooth: bool = False
    ) -> None:
        """A line with round ends, of an opaque colour: others show where it meets itself."""
        pixels = self._pixels(curve(points) if smooth else points)
        thick = width * self._factor()
        self._draw.line(pixels, fill=fill, width=max(1, round(thick)), joint="curve")
        half = thick / 2
        for x, y in (pixels[0], pixels[-1]):
            self._draw.ellipse((x - half, y - half, x + half, y + half), fill=fill)

    def shadow(self, points: Iterable[Point], blur: float = 14, fill: Colour = "#2a1f3855") -> None:
        """A soft shadow, or a glow, in a shape; the colour's last two digits say how strong."""
        red, green, blue, strength = _rgba(fill)
        pixels = [(x / _SOFT, y / _SOFT) for x, y in self._pixels(points)]
        radius = blur * self._factor() / _SOFT
        around = math.ceil(3 * radius)
        width, height = (math.ceil(side / _SOFT) for side in self._image.size)
        box = _box(pixels, (width, height), around)
        if box is None:
            return
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        moved = [(x - box[0], y - box[1]) for x, y in pixels]
        ImageDraw.Draw(mask).polygon(moved, fill=strength)
        soft = mask.filter(ImageFilter.GaussianBlur(radius))
        large = soft.resize((soft.width * _SOFT, soft.height * _SOFT), Image.Resampling.BILINEAR)
        self._image.paste((red, green, blue), (box[0] * _SOFT, box[1] * _SOFT), large)

    @contextmanager
    def within(self, points: Iterable[Point]) -> Iterator[None]:
        """What is drawn shows inside of the points only."""
        pixels = self._pixels(points)
        box = _box(pixels, self._image.size)
        if box is None:
            yield
            return
        whole, origin = self._image, self._origin
        self._onto(whole.crop(box), (origin[0] + box[0], origin[1] + box[1]))
        try:
            yield
        finally:
            part = self._image
            self._onto(whole, origin)
            whole.paste(part, box[:2], _mask(pixels, box))

    def lift(self, points: Sequence[Point], to: Point, turn: float, hole: Colour) -> None:
        """Cut a piece out of what is drawn, and lay it down with its middle at `to`, turned."""
        pixels = self._pixels(points)
        box = _box(pixels, self._image.size)
        if box is None:
            return
        piece, mask = self._image.crop(box), _mask(pixels, box)
        inner = ImageChops.offset(mask, 5 * _FINE, 6 * _FINE)
        self._image.paste(_darker(hole), box[:2], mask)
        self._image.paste(ImageColor.getrgb(hole), box[:2], ImageChops.multiply(mask, inner))
        turned = piece.rotate(-turn, Image.Resampling.BICUBIC, expand=True)
        shape = mask.rotate(-turn, Image.Resampling.BICUBIC, expand=True)
        x, y = self._pixels([to])[0]
        corner = round(x - turned.width / 2), round(y - turned.height / 2)
        soft = shape.filter(ImageFilter.BoxBlur(6 * _FINE)).point(lambda value: value * 0.35)
        below = corner[0] + 5 * _FINE, corner[1] + 9 * _FINE
        self._image.paste((42, 31, 56), below, soft)
        self._image.paste(turned, corner, shape)

    def _factor(self) -> float:
        a, b, _, d, e, _ = self._matrix
        return math.sqrt(abs(a * e - b * d)) * _SCALE

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        a, b, c, d, e, f = (number * _SCALE for number in self._matrix)
        left, top = self._origin
        return [(a * x + b * y + c - left, d * x + e * y + f - top) for x, y in points]

    def _onto(self, image: Image.Image, origin: tuple[int, int]) -> None:
        """Draw on a part of the picture, whose upper left corner is there, from now on."""
        self._image, self._origin = image, origin
        self._draw = ImageDraw.Draw(image, "RGBA")


def oval(x: float, y: float, wide: float, high: float | None = None) -> list[Point]:
    """The points of an ellipse."""
    high = wide if high is None else high
    count = 96
    return [
        (
            x + wide * math.cos(2 * math.pi * number / count),
            y + high * math.sin(2 * math.pi * number / count),
        )
        for number in range(count)
    ]


def rounded(x: float, y: float, wide: float, high: float, round_: float) -> list[Point]:
    """The points of a rectangle with round corners."""
    if not round_:
        return [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
    corners = (
        *((x + wide - round_, y + high - round_, 0), (x + round_, y + high - round_, 90)),
        *((x + round_, y + round_, 180), (x + wide - round_, y + round_, 270)),
    )
    return [
        (
            middle_x + round_ * math.cos(math.radians(begin + 90 * step / 10)),
            middle_y + round_ * math.sin(math.radians(begin + 90 * step / 10)),
        )
        for middle_x, middle_y, begin in corners
        for step in range(11)
    ]


def arc(x: float, y: float, radius: float, begin: float, end: float) -> list[Point]:
    """The points of a part of a circle, from one angle to another, in degrees clockwise."""
    steps = max(2, round(abs(end - begin) / 4))
    angles = (math.radians(begin + (end - begin) * step / steps) for step in range(steps + 1))
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def curve(points: Sequence[Point], *, closed: bool = False, steps: int = 14) -> list[Point]:
    """The points of a smooth line through the given ones (Catmull-Rom)."""
    count = len(points)
    last = count if closed else count - 1

    def at(number: int) -> Point:
        return points[number % count] if closed else points[min(max(number, 0), count - 1)]

    found: list[Point] = []
    for number in range(last):
        four = [at(number + shift) for shift in (-1, 0, 1, 2)]
        for step in range(steps):
            share = step / steps
            found.append(
                (_between([x for x, _ in four], share), _between([y for _, y in four], share))
            )
    return found if closed else [*found, points[-1]]


def _between(four: Sequence[float], share: float) -> float:
    a, b, c, d = four
    return 0.5 * (
        2 * b
        + (c - a) * share
        + (2 * a - 5 * b + 4 * c - d) * share**2
        + (3 * b - a - 3 * c + d) * share**3
    )


def _box(
    pixels: Sequence[Point], size: tuple[int, int], around: int = 1
) -> tuple[int, int, int, int] | None:
    """The pixels around a shape that are in the picture; None when none is."""
    left = max(0, math.floor(min(x for x, _ in pixels)) - around)
    top = max(0, math.floor(min(y for _, y in pixels)) - around)
    right = min(size[0], math.ceil(max(x for x, _ in pixels)) + around)
    bottom = min(size[1], math.ceil(max(y for _, y in pixels)) + around)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _mask(pixels: Sequence[Point], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
    ImageDraw.Draw(mask).polygon([(x - box[0], y - box[1]) for x, y in pixels], fill=255)
    return mask


def _faded(fade: Fade, size: tuple[int, int]) -> Image.Image:
    if fade.way == "out":
        ramp = Image.radial_gradient("L").crop((20, 20, 216, 216))
    else:
        ramp = Image.linear_gradient("L")
        if fade.way == "right":
            ramp = ramp.transpose(Image.Transpose.ROTATE_90)
    small = Image.composite(
        Image.new("RGB", ramp.size, fade.last), Image.new("RGB", ramp.size, fade.first), ramp
    )
    return small.resize(size, Image.Resampling.BILINEAR)


def _rgba(colour: Colour) -> tuple[int, int, int, int]:
    red, green, blue, *strength = ImageColor.getrgb(colour)
    return red, green, blue, strength[0] if strength else 255


def _darker(colour: Colour) -> tuple[int, ...]:
    return tuple(round(part * 0.8) for part in ImageColor.getrgb(colour)[:3])
