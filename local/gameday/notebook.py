"""What is broken at the moment, written down before it is broken: so it can always be mended."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from local.gameday import faults
from local.gameday.faults import Fault
from local.gameday.ground import Ground
from local.progress import Progress
from local.settings import Settings


@dataclass(frozen=True, slots=True)
class Note:
    """A fault, its wound, and which run of the local cloud has it."""

    fault: str
    wound: dict[str, str]
    cloud: str | None


def path(settings: Settings) -> Path:
    """Where it is written."""
    return settings.home / "gameday.json"


def write(settings: Settings, note: Note) -> None:
    """Write a note down, whole or not at all."""
    whole = path(settings).with_suffix(".new")
    whole.write_text(json.dumps(asdict(note)))
    whole.replace(path(settings))


def read(settings: Settings) -> Note | None:
    """What is broken, as far as anybody knows."""
    try:
        noted = json.loads(path(settings).read_text())
        return Note(str(noted["fault"]), dict(noted["wound"]), noted["cloud"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):  # of another version, or no note at all
        return None


def erase(settings: Settings) -> None:
    """All is mended."""
    path(settings).unlink(missing_ok=True)


def strike(ground: Ground, fault: Fault, wound: faults.Wound) -> None:
    """Break something, after a note of it is written."""
    write(ground.settings, Note(fault.name, dict(wound), ground.instance))
    fault.strike(ground, wound)


def mend(ground: Ground, fault: Fault, wound: faults.Wound) -> None:
    """Put it right, and forget it."""
    fault.mend(ground, wound)
    erase(ground.settings)


def mend_left_over(settings: Settings, progress: Progress) -> str | None:
    """Put right what a game day left broken that was cut short. The fault's name, if there was one.

    What was broken on another run of the cloud is gone with it.
    """
    note = read(settings)
    if note is None:
        return None
    ground = Ground(settings)
    fault = faults.named(note.fault)
    if fault is not None and note.cloud == ground.instance:
        with progress.step(f"What a game day left broken: mend ({fault.name})"):
            mend(ground, fault, note.wound)
        return fault.name
    erase(settings)
    return None
