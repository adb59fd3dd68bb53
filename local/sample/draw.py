"""Draws the pictures of the sample's toys, and its PDFs: `python -m local.sample.draw FOLDER`.

The same ones come out each time, to the last pixel.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from local.sample import (
    building,
    games,
    knots,
    memory,
    outdoor,
    papers,
    puppets,
    puzzles,
    science,
    soft_toys,
    trains,
)
from local.sample.canvas import Canvas

HERE = Path(__file__).parent

PICTURES: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {
        f"{draw.__name__.replace('_', '-')}.png": draw
        for draw in (
            *(trains.wooden_train_set, trains.steam_locomotive, trains.level_crossing),
            *(building.building_blocks, building.castle_kit, building.marble_run),
            *(building.gears_and_cranks, soft_toys.bear_bruno, soft_toys.rabbit_lotte),
            *(soft_toys.sleepy_fox, puppets.hand_puppets, puppets.puppet_theatre),
            *(games.lighthouse_keepers, games.hedgehog_in_a_hurry, games.harbour_masters),
            *(memory.memory_of_the_woods, puzzles.night_train, puzzles.busy_harbour),
            *(knots.knot_box, science.microscope, science.crystal_garden),
            *(science.weather_station, outdoor.kite_swift, outdoor.skipping_rope),
        )
    }
    | dict(papers.PICTURES)
)
"""What draws each picture, by the name of its file."""


def draw(name: str, folder: Path) -> Path:
    """A picture or a PDF in a folder, drawn unless it is there. It is there whole or not."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f"{path.suffix}.{os.getpid()}")
        if name in papers.PAPERS:
            papers.PAPERS[name](half)
        else:
            canvas = Canvas(name)
            PICTURES[name](canvas)
            canvas.picture().save(half, "PNG", compress_level=6)
        half.replace(path)
    return path


def fingerprint() -> str:
    """Another one whenever what draws is another: names the folder of drawn pictures."""
    digest = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    for picture in (*PICTURES, *papers.PAPERS):
        print(draw(picture, Path(sys.argv[1])))
