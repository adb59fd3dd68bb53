"""Images: which are taken, and what becomes of them. Real bytes, made here."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from file_manager import content
from file_manager.content import MAX_BYTES, Fault, Faulty, kind, mismatch, orientation
from file_manager.image import EDGES, MAX_PIXELS, renditions
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageFile, PngImagePlugin

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
IMAGES = pytest.mark.parametrize("content_type", FORMATS)
HTML = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
RED, BLUE = (220, 20, 20), (20, 20, 220)


@pytest.fixture(autouse=True)
def aws() -> None:
    """None is needed here: these are functions of bytes."""


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red at the left, blue at the right."""
    made = Image.new("RGB", (width, height), BLUE)
    made.paste(RED, (0, 0, width // 2, height))
    return made.convert(mode)


def encoded(made: Image.Image, content_type: str, **options: Any) -> bytes:
    body = BytesIO()
    made.save(body, FORMATS[content_type], **options)
    return body.getvalue()


def opened(body: bytes) -> Image.Image:
    made = Image.open(BytesIO(body))
    made.load()
    return made


def chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def png(*chunks: bytes, width: int = 1, height: int = 1) -> bytes:
    """A PNG of 8-bit grey, with what is to stand between its header and its end."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


PIXEL = chunk(b"IDAT", zlib.compress(b"\0\x80"))


BROKEN = (Fault.NOT_DECODABLE, Fault.TOO_MANY_PIXELS)


def attempt(content_type: str, body: bytes) -> dict[str, bytes] | Fault:
    """The renditions, or the fault that there is none for."""
    try:
        return renditions(body, content_type)
    except Faulty as faulty:
        return faulty.fault


def verdict(content_type: str, body: bytes) -> Fault | None:
    """What both steps say of a file that is as long as was declared."""
    if fault := mismatch(content_type, len(body), body):
        return fault
    made = attempt(content_type, body)
    return made if isinstance(made, Fault) else None


def colour(made: Image.Image, x: int, y: int) -> str:
    red, _, blue = made.convert("RGB").getpixel((x, y))  # type: ignore[misc]
    return "red" if red > blue else "blue"


# What is taken


@IMAGES
def test_an_image_is_taken_and_made_in_three_sizes(content_type: str) -> None:
    body = encoded(picture(3200, 1600), content_type)
    assert mismatch(content_type, len(body), body) is None
    made = {name: opened(data) for name, data in renditions(body, content_type).items()}
    assert {name: (m.format, m.size) for name, m in made.items()} == {
        "thumbnail": ("WEBP", (160, 80)),
        "card": ("WEBP", (480, 240)),
        "full": ("WEBP", (1600, 800)),
    }
    assert all(colour(m, 2, 2) == "red" for m in made.values())
    assert all(colour(m, m.width - 3, 2) == "blue" for m in made.values())


@IMAGES
@given(width=st.integers(1, 700), height=st.integers(1, 700))
@settings(max_examples=15)
def test_sizes_keep_the_shape_and_never_grow(content_type: str, width: int, height: int) -> None:
    made = renditions(encoded(picture(width, height), content_type), content_type)
    for name, edge in EDGES.items():
        size = opened(made[name]).size
        scale = min(1.0, edge / max(width, height))
        assert size == (max(1, round(width * scale)), max(1, round(height * scale)))


@IMAGES
def test_the_same_image_gives_the_same_bytes(content_type: str) -> None:
    body = encoded(picture(700, 500), content_type)
    assert renditions(body, content_type) == renditions(body, content_type)


@pytest.mark.parametrize(
    ("content_type", "mode"),
    [("image/png", m) for m in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    + [("image/jpeg", m) for m in ("L", "RGB", "CMYK")]
    + [("image/webp", m) for m in ("RGB", "RGBA")],
)
def test_every_mode_is_taken(content_type: str, mode: str) -> None:
    grey = Image.new("L", (200, 100), 0)
    grey.paste(200, (0, 0, 100, 100))
    if mode == "I;16":
        source = Image.new(mode, grey.size)
        source.paste(200 * 257, (0, 0, 100, 100))
    else:
        source = grey.convert("RGB").convert(mode, dither=Image.Dither.NONE)
    body = encoded(source, content_type)
    made = opened(renditions(body, content_type)["full"]).convert("L")
    assert abs(int(made.getpixel((50, 50))) - (255 if mode == "1" else 200)) < 16  # type: ignore[arg-type]
    assert int(made.getpixel((150, 50))) < 16  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_kept(mode: str) -> None:
    source = picture(800, 400, mode)
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    for data in renditions(encoded(source, "image/png"), "image/png").values():
        made = opened(data)
        assert made.mode == "RGBA"
        alpha = [made.getpixel((1, y))[3] for y in (0, made.height // 2, made.height - 1)]  # type: ignore[index]
        assert alpha[0] < 10
        assert abs(alpha[1] - 128) < 10
        assert alpha[2] > 245


@pytest.mark.parametrize(
    ("kind_of", "depth"), [*(("grey", n) for n in (1, 2, 4, 8, 16)), ("colour", 8), ("colour", 16)]
)
def test_the_transparent_colour_of_a_png_is_kept(kind_of: str, depth: int) -> None:
    most, samples = 2**depth - 1, 1 if kind_of == "grey" else 3
    low, high = (b"\0" * 4, b"\xff" * 4) if depth < 8 else (b"\0" * 4 * depth, b"\xff" * 4 * depth)
    half = 4 * depth // 8 * samples or 1
    row = b"\0" + low[:half] * 8 + high[:half] * 8
    width = (len(row) - 1) * 8 // depth // samples
    header = struct.pack(">IIBBBBB", width, 4, depth, 0 if kind_of == "grey" else 2, 0, 0, 0)
    body = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tRNS", most.to_bytes(2) * samples)
        + chunk(b"IDAT", zlib.compress(row * 4))
        + chunk(b"IEND", b"")
    )
    made = opened(renditions(body, "image/png")["full"])
    assert made.getpixel((0, 2))[3] == 255  # type: ignore[index]
    assert made.getpixel((width - 1, 2))[3] == 0  # type: ignore[index]


def test_a_palette_with_more_transparent_entries_than_there_can_be_is_refused() -> None:
    body = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", b"\0\0\0" * 256)
        + chunk(b"tRNS", b"\x80" * 257)
        + chunk(b"IDAT", zlib.compress(b"\0\1"))
        + chunk(b"IEND", b"")
    )
    assert attempt("image/png", body) is Fault.NOT_DECODABLE


def test_the_transparent_entries_of_a_palette_are_kept() -> None:
    source = picture().quantize(2)
    clear = source.getpixel((59, 0))
    body = encoded(source, "image/png", transparency=clear)
    made = opened(renditions(body, "image/png")["full"])
    assert (made.getpixel((2, 2))[3], made.getpixel((57, 2))[3]) == (255, 0)  # type: ignore[index]


# What is taken off


@IMAGES
@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_is_turned_upright(content_type: str, turn: int) -> None:
    """Each of EXIF's eight, against what Pillow itself makes of it."""
    source = Image.new("RGB", (90, 60), BLUE)
    source.paste(RED, (0, 0, 45, 30))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    body = encoded(source, content_type, exif=exif)
    made = opened(renditions(body, content_type)["full"])
    corner = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 1),
        4: (0, 1),
        5: (0, 0),
        6: (1, 0),
        7: (1, 1),
        8: (0, 1),
    }
    assert made.size == ((90, 60) if turn < 5 else (60, 90))
    right, lower = corner[turn]
    for x in (0, 1):
        for y in (0, 1):
            at = (10 + x * (made.width - 20), 10 + y * (made.height - 20))
            assert colour(made, *at) == ("red" if (x, y) == (right, lower) else "blue")


@IMAGES
def test_position_and_all_other_metadata_is_gone(content_type: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SecretCam"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 30.0, 59.0)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SecretPlace</x:xmpmeta>"
    options: dict[str, Any] = {"exif": exif, "icc_profile": srgb}
    if content_type == "image/png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", "SecretName")
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options |= {"pnginfo": text}
    else:
        options |= {"xmp": xmp}
    if content_type == "image/jpeg":
        options |= {"comment": b"SecretComment"}
    body = encoded(picture(), content_type, **options)
    assert opened(body).getexif().get_ifd(ExifTags.IFD.GPSInfo), "the source has a position"
    for data in renditions(body, content_type).values():
        made = opened(data)
        assert dict(made.getexif()) == {}
        assert not {"exif", "xmp", "icc_profile", "comment", "Author"} & set(made.info)
        assert b"Secret" not in data
        assert {data[12:16]} <= {b"VP8 ", b"VP8L"}, "one chunk: pixels and nothing else"


@IMAGES
def test_colours_are_brought_to_srgb(content_type: str) -> None:
    """A profile that makes red of what is stored as blue: without it, the picture would be blue."""
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = swapped.find(b"rXYZ"), swapped.find(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    body = encoded(Image.new("RGB", (50, 50), BLUE), content_type, icc_profile=bytes(swapped))
    assert colour(opened(renditions(body, content_type)["card"]), 25, 25) == "red"


def test_transparency_survives_a_profile() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = picture(mode="RGBA")
    source.putalpha(77)
    body = encoded(source, "image/png", icc_profile=srgb)
    assert opened(renditions(body, "image/png")["full"]).getpixel((9, 9))[3] == 77  # type: ignore[index]


BROKEN_SRGB = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
BROKEN_SRGB[128:] = b"\xa0" * len(BROKEN_SRGB[128:])


@IMAGES
@pytest.mark.parametrize("profile", [b"no profile", b"\xa0" * 200, bytes(BROKEN_SRGB)])
def test_a_profile_that_is_none_is_left_aside(content_type: str, profile: bytes) -> None:
    body = encoded(picture(), content_type, icc_profile=profile)
    assert colour(opened(renditions(body, content_type)["full"]), 3, 3) == "red"


def test_a_profile_of_other_colours_is_left_aside() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = encoded(Image.new("L", (9, 9), 200), "image/png", icc_profile=srgb)
    made = opened(renditions(body, "image/png")["full"])
    assert abs(made.getpixel((4, 4))[0] - 200) < 4  # type: ignore[index]


@pytest.mark.parametrize("content_type", ["image/png", "image/webp"])
def test_of_an_animation_the_first_frame_is_shown(content_type: str) -> None:
    first, others = Image.new("RGB", (50, 40), RED), [Image.new("RGB", (50, 40), BLUE)] * 30
    body = encoded(first, content_type, save_all=True, append_images=others, duration=50)
    assert verdict(content_type, body) is None
    made = opened(renditions(body, content_type)["full"])
    assert (made.size, getattr(made, "n_frames", 1)) == ((50, 40), 1)
    assert colour(made, 20, 20) == "red"


# What is refused


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (encoded(picture(), "image/png"), "image/png"),
        (encoded(picture(), "image/jpeg"), "image/jpeg"),
        (encoded(picture(), "image/webp"), "image/webp"),
        (b"%PDF-1.7\n%...", "application/pdf"),
        (encoded(picture(), "image/png")[:7], None),
        (HTML, None),
        (SVG, None),
        (b"GIF89a", None),
        (b"RIFF\x04\0\0\0WAVE", None),
        (b"", None),
    ],
)
def test_a_type_is_known_by_its_first_bytes(body: bytes, expected: str | None) -> None:
    assert kind(body[:12]) == expected


@pytest.mark.parametrize("content_type", MAX_BYTES)
@pytest.mark.parametrize("body", [HTML, SVG, b"\xef\xbb\xbf" + HTML, b" " + b"%PDF-1.7", b"GIF89a"])
def test_what_is_no_image_is_refused(content_type: str, body: bytes) -> None:
    assert mismatch(content_type, len(body), body) is Fault.TYPE_DIFFERS


@IMAGES
def test_an_image_of_another_type_is_refused(content_type: str) -> None:
    for other in MAX_BYTES:
        body = b"%PDF-1.7" if other == "application/pdf" else encoded(picture(), other)
        expected = None if other == content_type else Fault.TYPE_DIFFERS
        assert mismatch(content_type, len(body), body) is expected


@pytest.mark.parametrize("content_type", MAX_BYTES)
def test_the_size_is_the_declared_one(content_type: str) -> None:
    body = b"%PDF-1.7" if content_type == "application/pdf" else encoded(picture(), content_type)
    assert mismatch(content_type, len(body), body) is None
    assert mismatch(content_type, len(body) + 1, body) is Fault.SIZE_DIFFERS
    assert mismatch(content_type, len(body) - 1, body) is Fault.SIZE_DIFFERS
    assert mismatch(content_type, 0, b"") is Fault.EMPTY
    assert mismatch(content_type, 9, b"") is Fault.EMPTY


@pytest.mark.parametrize(("content_type", "most"), MAX_BYTES.items())
def test_a_byte_too_many_is_refused(content_type: str, most: int) -> None:
    body = b"%PDF-1.7" if content_type == "application/pdf" else encoded(picture(), content_type)
    padded = body.ljust(most, b"\0")
    assert mismatch(content_type, most, padded) is not Fault.TOO_LARGE
    assert mismatch(content_type, most + 1, padded + b"\0") is Fault.TOO_LARGE


def test_the_limits_are_those_that_are_told() -> None:
    assert MAX_BYTES["image/png"] == MAX_BYTES["image/jpeg"] == MAX_BYTES["image/webp"] == 5_242_880
    assert MAX_BYTES["application/pdf"] == 10_485_760
    assert MAX_PIXELS == 20_000_000


def test_a_type_that_nobody_uploads_is_refused() -> None:
    assert mismatch("text/html", len(HTML), HTML) is Fault.TYPE_DIFFERS


WHOLE = {
    "image/png": encoded(picture(), "image/png"),
    "image/jpeg": encoded(picture(), "image/jpeg"),
    "image/webp": encoded(picture(), "image/webp"),
}
PROGRESSIVE = encoded(picture(300, 200), "image/jpeg", progressive=True)


@pytest.mark.parametrize(
    ("content_type", "body"), [*WHOLE.items(), ("image/jpeg", PROGRESSIVE)], ids=lambda v: v[:10]
)
@given(data=st.data())
def test_a_truncated_image_is_refused(content_type: str, body: bytes, data: st.DataObject) -> None:
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    assert verdict(content_type, cut) in {Fault.EMPTY, Fault.TYPE_DIFFERS, Fault.NOT_DECODABLE}
    with pytest.raises(Faulty, match="NOT_DECODABLE"):
        content.parts(content_type, cut)


@given(at=st.integers(8, len(WHOLE["image/png"]) - 1), flip=st.integers(1, 255))
def test_a_png_with_one_wrong_byte_is_refused_or_unharmed(at: int, flip: int) -> None:
    body = bytearray(WHOLE["image/png"])
    body[at] ^= flip
    made = attempt("image/png", bytes(body))
    assert made in BROKEN or made == renditions(WHOLE["image/png"], "image/png")


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [chunk(b"IDAT", b"")],
        [chunk(b"IDAT", b"no zlib stream")],
        [chunk(b"IDAT", zlib.compress(b"\0"))],
        [chunk(b"IDAT", zlib.compress(b"\x09\x80"))],
        [PIXEL[:-1] + b"\0"],
        [b"\xff\xff\xff\xff" + b"IDAT"],
    ],
)
def test_a_png_of_broken_pixels_is_refused(chunks: list[bytes]) -> None:
    assert verdict("image/png", png(*chunks)) is Fault.NOT_DECODABLE


# Bombs


def test_twenty_megapixels_are_taken_and_one_row_more_is_not() -> None:
    at_most = encoded(Image.new("L", (5000, 4000)), "image/png")
    assert verdict("image/png", at_most) is None
    over = encoded(Image.new("L", (5000, 4001)), "image/png")
    assert verdict("image/png", over) is Fault.TOO_MANY_PIXELS


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails whoever asks for pixels."""

    def load(*_: object, **__: object) -> None:
        pytest.fail("pixels were decoded")

    for name in ("new", "zip_decoder", "jpeg_decoder"):
        monkeypatch.setattr(f"PIL.Image.core.{name}", load)
    monkeypatch.setattr("PIL.WebPImagePlugin._webp.WebPAnimDecoder", load)


def a_png(width: int, height: int) -> bytes:
    rows = zlib.compressobj(9)
    pixels = b"".join(rows.compress(bytes(width + 1)) for _ in range(min(height, 10_000)))
    return png(chunk(b"IDAT", pixels + rows.flush()), width=width, height=height)


def a_jpeg(width: int, height: int) -> bytes:
    body = bytearray(encoded(picture(), "image/jpeg"))
    frame = body.find(b"\xff\xc0")
    body[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(body)


def a_lossy_webp(width: int, height: int) -> bytes:
    body = bytearray(encoded(picture(), "image/webp"))
    start = body.find(b"\x9d\x01\x2a") + 3
    body[start : start + 4] = struct.pack("<HH", width, height)
    return bytes(body)


def a_lossless_webp(width: int, height: int) -> bytes:
    body = bytearray(encoded(picture(), "image/webp", lossless=True))
    body[21:25] = ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    return bytes(body)


def an_extended_webp(width: int, height: int) -> bytes:
    body = bytearray(encoded(picture(), "image/webp", exif=b"Exif\0\0II*\0"))
    assert body[12:16] == b"VP8X"
    body[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(body)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize(
    ("content_type", "make"),
    [
        ("image/png", a_png),
        ("image/jpeg", a_jpeg),
        ("image/webp", a_lossy_webp),
        ("image/webp", a_lossless_webp),
        ("image/webp", an_extended_webp),
    ],
)
@pytest.mark.parametrize("size", [(10_000, 10_000), (5001, 4000), (16_383, 16_383)])
def test_a_bomb_is_refused_by_its_header(
    content_type: str, make: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    body = make(*size)
    assert verdict(content_type, body) is Fault.TOO_MANY_PIXELS
    with pytest.raises(Faulty, match="TOO_MANY_PIXELS"):
        renditions(body, content_type)


@pytest.mark.parametrize(
    ("content_type", "make"),
    [
        ("image/png", lambda: png(PIXEL, width=5000, height=4000)),
        ("image/webp", lambda: an_extended_webp(5000, 4000)),
        ("image/webp", lambda: a_lossless_webp(5000, 4000)),
    ],
)
def test_a_header_that_tells_more_than_there_is(
    content_type: str, make: Callable[[], bytes]
) -> None:
    assert verdict(content_type, make()) is Fault.NOT_DECODABLE


def test_a_png_whose_pixels_unpack_to_more_than_it_says() -> None:
    body = png(chunk(b"IDAT", zlib.compress(b"\0\x80" + bytes(50_000_000), 9)))
    assert verdict("image/png", body) is None
    assert opened(renditions(body, "image/png")["full"]).size == (1, 1)


BOMB = zlib.compress(bytes(100_000_000), 9)


def test_a_profile_that_unpacks_to_too_much_is_refused() -> None:
    body = png(chunk(b"iCCP", b"icc\0\0" + BOMB), PIXEL)
    assert verdict("image/png", body) is Fault.NOT_DECODABLE


@pytest.mark.parametrize(
    "bomb",
    [
        chunk(b"zTXt", b"Comment\0\0" + BOMB),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000))) * 200,
        chunk(b"tEXt", b"") * 300_000,
    ],
)
def test_text_is_never_unpacked(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.PngImagePlugin._safe_zlib_decompress", None)
    for body in (png(bomb, PIXEL), png(PIXEL, bomb)):
        assert verdict("image/png", body) is None
        assert content.parts("image/png", body).body == png(PIXEL)


def test_one_of_many_profiles_is_unpacked() -> None:
    profile = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(1_000_000)))
    body = png(profile * 1000, PIXEL)
    assert content.parts("image/png", body).body == png(profile, PIXEL)


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    at = PROGRESSIVE.rfind(b"\xff\xda")
    last = PROGRESSIVE[at:-2]
    for more, expected in ((5, None), (10_000, Fault.NOT_DECODABLE)):
        body = PROGRESSIVE[:-2] + last * more + b"\xff\xd9"
        assert verdict("image/jpeg", body) is expected


@pytest.mark.parametrize("name", [b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"])
def test_a_jpeg_of_countless_segments_costs_nothing(name: bytes) -> None:
    many = (b"\xff\xe1" + (len(name) + 3).to_bytes(2) + name + b"x") * 100_000
    body = WHOLE["image/jpeg"][:2] + many + WHOLE["image/jpeg"][2:]
    assert content.parts("image/jpeg", body).body == WHOLE["image/jpeg"]


def test_a_large_jpeg_is_decoded_no_larger_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    load_prepare = ImageFile.ImageFile.load_prepare

    def spy(made: ImageFile.ImageFile) -> None:
        decoded.append(made.size)
        load_prepare(made)

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", spy)
    made = renditions(encoded(picture(5000, 4000), "image/jpeg"), "image/jpeg")
    assert decoded == [(2500, 2000)]
    assert opened(made["full"]).size == (1600, 1280)


def test_a_very_long_image_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged first: resampling 20 million pixels at once takes a gigabyte of weights."""
    reduced: list[tuple[int, int]] = []
    reduce = Image.Image.reduce

    def spy(made: Image.Image, factor: tuple[int, int], **options: Any) -> Image.Image:
        reduced.append(factor)
        return reduce(made, factor, **options)

    monkeypatch.setattr(Image.Image, "reduce", spy)
    body = encoded(Image.new("L", (MAX_PIXELS, 1)), "image/png")
    made = renditions(body, "image/png")
    assert reduced == [(4166, 1)]
    assert {name: opened(data).size for name, data in made.items()} == {
        name: (edge, 1) for name, edge in EDGES.items()
    }


# Whatever comes


@pytest.mark.parametrize("content_type", MAX_BYTES)
@given(body=st.binary(max_size=200), size=st.integers(0, 200))
@example(body=b"", size=0)
def test_any_bytes_are_judged(content_type: str, body: bytes, size: int) -> None:
    assert mismatch(content_type, size, body) in {None, *Fault}


@IMAGES
@given(data=st.data())
def test_any_bytes_make_renditions_or_a_fault(content_type: str, data: st.DataObject) -> None:
    """Random bytes behind a right beginning, or a right image with random bytes put into it."""
    whole = WHOLE[content_type]
    at = data.draw(st.integers(0, len(whole)))
    until = data.draw(st.integers(at, len(whole)))
    body = whole[:at] + data.draw(st.binary(max_size=60)) + whole[until:]
    made = attempt(content_type, body)
    if isinstance(made, Fault):
        assert made in BROKEN
    else:
        assert all(opened(rendition).format == "WEBP" for rendition in made.values())


@given(
    header=st.tuples(
        st.integers(0, 40),
        st.integers(0, 40),
        st.sampled_from([1, 2, 4, 8, 16, 3]),
        st.sampled_from([0, 2, 3, 4, 6, 1]),
        st.just(0),
        st.just(0),
        st.integers(0, 1),
    ),
    extras=st.dictionaries(st.sampled_from([b"PLTE", b"tRNS", b"iCCP"]), st.binary(max_size=900)),
    filler=st.integers(0, 255),
)
def test_any_png_with_right_checksums(
    header: tuple[int, ...], extras: dict[bytes, bytes], filler: int
) -> None:
    body = b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", *header)),
            *(chunk(name, data) for name, data in extras.items()),
            chunk(b"IDAT", zlib.compress(bytes([0, filler]) * 8000)),
            chunk(b"IEND", b""),
        ]
    )
    made = attempt("image/png", body)
    if isinstance(made, Fault):
        assert made is Fault.NOT_DECODABLE
    else:
        assert opened(made["full"]).size == header[:2]


@given(st.binary(max_size=120), st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0MM\0*"]))
@example(b"\xff\xff\xff\xff", b"II*\0")
@example(b"\0\0\0\x08\xff\xff", b"MM\0*")
def test_any_exif_tells_a_turn(rest: bytes, start: bytes) -> None:
    assert 1 <= orientation(start + rest) <= 8


@pytest.mark.parametrize(
    "error", [MemoryError("no more"), OSError("out of memory when reading image file")]
)
def test_want_of_memory_is_not_the_files_fault(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: object) -> None:
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(MemoryError):
        renditions(WHOLE["image/png"], "image/png")
