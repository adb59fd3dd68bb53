"""Images: whether one can be taken, and the three sizes of it. Pure functions of its bytes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from file_manager import content
from file_manager.content import Fault, Faulty

MAX_PIXELS = 20_000_000
"""The most an image may have, as its header tells it."""

EDGES = {"full": 1600, "card": 480, "thumbnail": 160}
"""The renditions, largest first, and the most pixels that the longer edge of each has."""

# Pillow refuses an image of more than twice this, a WebP before it takes memory for it.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

_FORMATS = {
    "image/png": PngImagePlugin.PngImageFile.format,
    "image/jpeg": JpegImagePlugin.JpegImageFile.format,
    "image/webp": WebPImagePlugin.WebPImageFile.format,
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_COLOUR_SPACES = {"L": b"GRAY", "LA": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB ", "CMYK": b"CMYK"}
_QUALITY = 80


def renditions(body: bytes, content_type: str) -> dict[str, bytes]:
    """The image in three sizes, each a WebP, by the names in `EDGES`. None is larger than it was.

    They are upright, in sRGB, keep transparency and carry no metadata; of an animation, the first
    frame. Raises Faulty when the image cannot be decoded, MemoryError when memory runs out.
    """
    with _refusing():
        parts = content.parts(content_type, body)
        image = _open(parts, content_type)
        width, height = image.size
        sizes = {name: _within(edge, width, height) for name, edge in EDGES.items()}
        # A JPEG can be decoded at a half, a quarter or an eighth, in as much less memory.
        image.draft(image.mode, sizes["full"])
        image.load()
        picture = _eight_bit(image, depth=parts.body[24] if content_type == "image/png" else 8)
        profile = picture.info.pop("icc_profile", None)
        del image
        made: dict[str, bytes] = {}
        for name, size in sizes.items():
            picture = _shrunk(picture, size)
            if name == "full":
                picture = _in_srgb(picture, profile)
            made[name] = _webp(picture, _TURNS.get(content.orientation(parts.exif)))
    return made


@contextmanager
def _refusing() -> Iterator[None]:
    """Makes Faulty of whatever Pillow raises: of a bad file it tells by almost any exception."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (Faulty, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise Faulty(Fault.TOO_MANY_PIXELS, str(error)) from error
    except Exception as error:
        if str(error).startswith("out of memory"):
            raise MemoryError(str(error)) from error
        raise Faulty(Fault.NOT_DECODABLE, str(error)) from error


def _open(parts: content.Parts, content_type: str) -> ImageFile.ImageFile:
    """The image, its header read by the decoder of its type and no other."""
    return Image.open(BytesIO(parts.body), formats=[_FORMATS[content_type]])


def _within(edge: int, width: int, height: int) -> tuple[int, int]:
    scale = min(1, edge / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _eight_bit(image: Image.Image, depth: int) -> Image.Image:
    """The image in a mode that can be resized: L, LA, RGB, RGBA or CMYK, of 8 bits a sample.

    `depth` is the number of bits of a PNG's sample, in which its transparent colour is told.
    """
    clear = image.info.get("transparency")
    if image.mode == "I;16":
        upper = Image.frombytes("L", image.size, image.tobytes()[1::2])
        upper.info = image.info
        image = upper
    if clear is None:
        mode = {"1": "L", "P": "RGB"}.get(image.mode)
        return image.convert(mode) if mode else image
    if image.mode in ("L", "RGB"):
        values = [_eight_bits(v, depth) for v in (clear if isinstance(clear, tuple) else (clear,))]
        image.info["transparency"] = tuple(values) if image.mode == "RGB" else values[0]
    return image.convert("LA" if image.mode in ("1", "L") else "RGBA")


def _eight_bits(sample: int, depth: int) -> int:
    return sample >> 8 if depth == 16 else sample * 255 // (2**depth - 1)


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    # The gap lets a far larger image be averaged first: less time, and far less memory for one
    # that is very long.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image as RGB or RGBA. A profile that is broken, or of other colours, is left aside."""
    mode = "RGBA" if image.mode in ("LA", "RGBA") else "RGB"
    if profile and profile[16:20] == _COLOUR_SPACES[image.mode]:
        try:
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            converted = ImageCms.profileToProfile(image, given, srgb, outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert(mode)


def _webp(image: Image.Image, turn: Image.Transpose | None) -> bytes:
    """A WebP of the image alone: Pillow writes no metadata but what it is told to."""
    made = BytesIO()
    (image.transpose(turn) if turn is not None else image).save(
        made, "WEBP", quality=_QUALITY, method=4
    )
    return made.getvalue()
