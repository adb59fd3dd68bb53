"""Mazes: one way from each place to any other."""

import random

from local.sample.canvas import Canvas, Point
from local.sample.palette import INK

type _Place = tuple[int, int]


def maze(canvas: Canvas, size: int, name: str, *, width: float = 5) -> None:
    """A maze of so many places a side, from the upper left to the lower right corner.

    It fills the square of the canvas, less a margin. The same name makes the same one.
    """
    step = 900 / size
    for begin, end in walls(size, random.Random(name)):
        points: list[Point] = [(50 + x * step, 50 + y * step) for x, y in (begin, end)]
        canvas.line(points, width, INK)


def walls(size: int, chance: random.Random) -> list[tuple[_Place, _Place]]:
    """The walls of a maze, each from corner to corner, with two doors left in the outer ones."""
    open_ways = ways(size, chance)
    found: list[tuple[_Place, _Place]] = []
    for x in range(size):
        for y in range(size):
            if y + 1 < size and ((x, y), (x, y + 1)) not in open_ways:
                found.append(((x, y + 1), (x + 1, y + 1)))
            if x + 1 < size and ((x, y), (x + 1, y)) not in open_ways:
                found.append(((x + 1, y), (x + 1, y + 1)))
    found += [((0, 0), (0, size)), ((size, 0), (size, size))]
    return [*found, ((1, 0), (size, 0)), ((0, size), (size - 1, size))]


def ways(size: int, chance: random.Random) -> set[tuple[_Place, _Place]]:
    """The pairs of places, left or upper one first, between which one can go."""
    trail: list[_Place] = [(0, 0)]
    seen = {(0, 0)}
    found: set[tuple[_Place, _Place]] = set()
    while trail:
        x, y = trail[-1]
        beside = [(x + 1, y), (x, y + 1), (x - 1, y), (x, y - 1)]
        new = [
            place
            for place in beside
            if place not in seen and 0 <= place[0] < size and 0 <= place[1] < size
        ]
        if not new:
            trail.pop()
            continue
        place = chance.choice(new)
        found.add((min((x, y), place), max((x, y), place)))
        seen.add(place)
        trail.append(place)
    return found
