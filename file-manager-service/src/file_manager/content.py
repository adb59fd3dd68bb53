"""What a file is made of, read from its bytes: its type, its parts, which way up it is.

Pure, and without an image library, so that a function that opens no image need not carry one.
"""

import re
import struct
import zlib
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")
"""The images that may be uploaded."""

MAX_BYTES = {**dict.fromkeys(IMAGE_TYPES, 5 * 1024 * 1024), "application/pdf": 10 * 1024 * 1024}
"""What may be uploaded, and the most bytes that it may hold."""

MAX_SCANS = 100
"""The most passes a JPEG may take over its pixels. Ten are usual; each costs a few bytes to ask
for and the time of the whole image to do."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"iCCP", b"PLTE", b"tRNS")
_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker between a JPEG's parts: neither a 0xFF of the image, nor a restart within a scan."""
_ORIENTATION, _SHORT = 0x0112, 3


class Fault(StrEnum):
    """What is wrong with a file's bytes."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    SIZE_DIFFERS = "SIZE_DIFFERS"
    TYPE_DIFFERS = "TYPE_DIFFERS"
    NOT_DECODABLE = "NOT_DECODABLE"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"


class Faulty(Exception):
    """A file that cannot be taken for what it was said to be."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault


class Parts(NamedTuple):
    """An image in its own format, and what its EXIF says (empty when it says nothing)."""

    body: bytes
    exif: bytes


def kind(head: bytes) -> str | None:
    """The content type that a file's first 12 bytes show, or None for one not known here."""
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    return None


def mismatch(content_type: str, size: int, body: bytes) -> Fault | None:
    """How `body` differs from what was declared (`size` in bytes), or None when it does not."""
    if not body:
        return Fault.EMPTY
    if len(body) > MAX_BYTES.get(content_type, 0):
        return Fault.TOO_LARGE if content_type in MAX_BYTES else Fault.TYPE_DIFFERS
    if len(body) != size:
        return Fault.SIZE_DIFFERS
    if kind(body) != content_type:
        return Fault.TYPE_DIFFERS
    return None


def parts(content_type: str, body: bytes) -> Parts:
    """The image without what surrounds it: no text, no metadata, no second frame of a PNG.

    What is left out is not unpacked, so that no bomb in it goes off. Only a colour profile stays.
    Raises Faulty for an image that is cut short, or whose parts do not fit together.
    """
    return _PARTS[content_type](body)


def orientation(exif: bytes) -> int:
    """How the image is to be turned: EXIF's 1 to 8, and 1 (not at all) unless it says so."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, field, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if (tag, field, values) == (_ORIENTATION, _SHORT, 1):
            return int(value) if 1 <= value <= 8 else 1
    return 1


def _png(body: bytes) -> Parts:
    found: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    at, name = len(_PNG), b""
    while name != b"IEND":
        length, name = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        data, checksum = body[at + 8 : at + 8 + length], body[at + 8 + length : at + 12 + length]
        if len(checksum) < 4:
            raise Faulty(Fault.NOT_DECODABLE, "a PNG that is cut short")
        at += 12 + length
        if name in (*_PNG_KEPT, b"IDAT") and zlib.crc32(name + data) != int.from_bytes(checksum):
            raise Faulty(Fault.NOT_DECODABLE, "a PNG with a wrong checksum")
        if name == b"IDAT":
            pixels.append(data)
        else:
            found.setdefault(name, data)
    chunks = [(n, found[n]) for n in _PNG_KEPT if n in found]
    chunks += [(b"IDAT", b"".join(pixels)), (b"IEND", b"")]
    whole = [
        len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)
        for name, data in chunks
    ]
    return Parts(_PNG + b"".join(whole), found.get(b"eXIf", b""))


def _jpeg(body: bytes) -> Parts:
    kept, exif, scans, at = [b"\xff\xd8"], b"", 0, 2
    while marker := _JPEG_MARKER.search(body, at):
        code, at = marker[1][0], marker.end()
        if code == 0xD9 and scans:
            return Parts(b"".join([*kept, b"\xff\xd9"]), exif)
        end = at + int.from_bytes(body[at : at + 2])
        data = body[at + 2 : end]
        if not 0xC0 <= code <= 0xFE or code in (0xD8, 0xD9) or end < at + 2 or end > len(body):
            break
        at = end
        if code == 0xDA:
            scans += 1
            following = _JPEG_MARKER.search(body, at)
            at = following.start() if following else len(body)
        if code == 0xE1 and data.startswith(b"Exif\0\0"):
            exif = exif or data
        if _kept(code, data):
            kept.append(body[marker.start() : at])
        if scans > MAX_SCANS:
            raise Faulty(Fault.NOT_DECODABLE, f"a JPEG of more than {MAX_SCANS} scans")
    raise Faulty(Fault.NOT_DECODABLE, "a JPEG that is cut short or broken")


def _kept(code: int, data: bytes) -> bool:
    """Whether a segment of a JPEG tells how to decode it, or what its colours are."""
    if code == 0xE2:
        return data.startswith(b"ICC_PROFILE\0")
    return code in (0xE0, 0xEE) or code < 0xE0


def _webp(body: bytes) -> Parts:
    whole = body[: 8 + int.from_bytes(body[4:8], "little")]
    exif, at = b"", 12
    while at + 8 <= len(whole):
        name, length = whole[at : at + 4], int.from_bytes(whole[at + 4 : at + 8], "little")
        if name == b"EXIF":
            exif = exif or whole[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    if at != 8 + int.from_bytes(body[4:8], "little") or at > len(body):
        raise Faulty(Fault.NOT_DECODABLE, "a WebP that is cut short or broken")
    return Parts(whole, exif)


_PARTS: dict[str, Callable[[bytes], Parts]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
}
