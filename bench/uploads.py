"""Measures how long a photo takes from its form to FileStored, and what it needs of memory."""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

from local.bus import BusWatch
from local.settings import ROOT, Settings
from tests.e2e.files import Files

MEMORY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from file_manager.content import mismatch
from file_manager.image import renditions
if len(sys.argv) > 2:
    body = Path(sys.argv[2]).read_bytes()
    assert mismatch("image/jpeg", len(body), body) is None
    renditions(body, "image/jpeg")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def photo() -> bytes:
    """A JPEG of about 3 MB and 12 megapixels, the same each time: hills of colour, and grain."""
    chance = random.Random(1)
    hills = Image.frombytes("RGB", (16, 12), chance.randbytes(16 * 12 * 3))
    grain = Image.frombytes("RGB", (1000, 750), chance.randbytes(1000 * 750 * 3))
    size = (4000, 3000)
    image = Image.blend(hills.resize(size, Image.Resampling.BICUBIC), grain.resize(size), 0.2)
    body = BytesIO()
    image.save(body, "JPEG", quality=92)
    return body.getvalue()


def uploads(settings: Settings, count: int, console: Console) -> None:
    """Post a photo so many times, one at a time."""
    files, body = Files(settings), photo()
    files.put(body, content_type="image/jpeg", name="cold.jpg")
    took = []
    for _ in range(count):
        with BusWatch(settings) as bus:
            file = files.announce(len(body), content_type="image/jpeg", name="photo.jpg")
            began = time.time()
            answer = files.post(file, body)
            answer.raise_for_status()
            seen = bus.read_until_quiet(quiet=4)
        (stored,) = (one for one in seen if one.data.get("fileId") == file["fileId"])
        took.append(stored.at.timestamp() - began)
        files.call("DELETE", f"/files/{file['fileId']}")
    highest, before = memory(body)
    table = Table("a photo", f"{len(body) / 1e6:.1f} MB, 12 megapixels, {count} times", box=None)
    table.add_row("posted to FileStored, warm", f"{statistics.median(took):.2f} s (median)")
    table.add_row("memory at most", f"{highest:.0f} MB, {before:.0f} before a photo comes")
    console.print(table)


def memory(body: bytes) -> tuple[float, float]:
    """MB that a process takes which does what a function does with a photo, and one that waits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(body)
        return peak(str(path)), peak()


def peak(*photo: str) -> float:
    """MB at most. By way of a shell: on Linux a process begins with its parent's highest mark."""
    src = str(ROOT / "file-manager-service" / "src")
    command = [sys.executable, "-c", MEMORY, src, *photo]
    done = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True, check=True
    )
    # Linux counts in KB, macOS in bytes.
    return int(done.stdout) / (1e6 if sys.platform == "darwin" else 1e3)
