"""The sample: toys that the catalogue takes, and a picture of each that is drawn."""

import csv
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from local.sample import draw, papers
from local.sample.canvas import SIDE, Canvas, Fade, curve, oval, rounded
from local.sample.mazes import walls, ways
from local.sample.palette import BACKDROPS
from local.sample.sheet import Sheet, save
from local.seed import SAMPLE
from local.toyfile import COLUMNS, read


def test_two_dozen_toys_three_to_print_and_a_picture_of_each(tmp_path: Path) -> None:
    rows, refusals = read(SAMPLE, tmp_path)
    assert not refusals
    assert len(rows) == 27
    assert {path.name for row in rows for path in row.pictures} == draw.PICTURES.keys()
    assert all(len(row.pictures) == 1 for row in rows)
    digital = [row for row in rows if row.draft.get("fulfilment") == "digital"]
    assert {row.download.name for row in digital if row.download} == papers.PAPERS.keys()
    assert [row for row in rows if row.download] == digital
    assert next(csv.reader(SAMPLE.open()), []) == list(COLUMNS)
    for row in rows:
        toy = row.draft
        assert toy["category"] in BACKDROPS
        assert toy["currency"] == "EUR"
        assert 0 <= toy["minAge"] < toy.get("maxAge", 1201)
        assert len(toy["tags"]) >= 2
        assert "colour" in toy["attributes"]
        assert len(toy["attributes"]) >= 3
    # The demo needs toys that are plenty, and one that is not.
    assert any(row.draft["stock"] <= 5 for row in rows)


def test_the_same_picture_each_time(tmp_path: Path) -> None:
    name = "marble-run.png"
    first = draw.draw(name, tmp_path / "a").read_bytes()
    assert draw.draw(name, tmp_path / "b").read_bytes() == first
    with Image.open(tmp_path / "a" / name) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (SIDE, SIDE))
    assert len(first) < 1024 * 1024
    assert draw.draw("castle-kit.png", tmp_path / "a").read_bytes() != first


def test_a_picture_that_is_there_is_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw.draw("marble-run.png", tmp_path)
    monkeypatch.setattr(draw, "PICTURES", {})
    assert draw.draw("marble-run.png", tmp_path) == path


def test_what_is_not_drawn_to_its_end_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(canvas: Canvas) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(draw, "PICTURES", {"a.png": interrupted})
    with pytest.raises(KeyboardInterrupt):
        draw.draw("a.png", tmp_path)
    assert not (tmp_path / "a.png").exists()


def test_the_folder_of_pictures_is_another_when_what_draws_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = draw.fingerprint()
    assert draw.fingerprint() == before
    (tmp_path / "draw.py").write_text("changed")
    monkeypatch.setattr(draw, "HERE", tmp_path)
    assert draw.fingerprint() != before


@pytest.mark.parametrize(("name", "pages"), [("colouring-book.pdf", 8), ("paper-pairs.pdf", 2)])
def test_the_same_pdf_each_time(tmp_path: Path, name: str, pages: int) -> None:
    whole = draw.draw(name, tmp_path / "a").read_bytes()
    assert draw.draw(name, tmp_path / "b").read_bytes() == whole
    assert whole.startswith(b"%PDF-1.4")
    assert whole.count(b"/Type /Page ") == pages
    assert len(whole) < 1024 * 1024
    assert [path.name for path in (tmp_path / "a").iterdir()] == [name]


def test_a_pdf_names_the_place_of_each_of_its_parts(tmp_path: Path) -> None:
    sheet = Sheet("a", "A (1) \\")
    sheet.rectangle(0, 0, 1000, 1000, "#ff0000")
    save(tmp_path / "a.pdf", [sheet, sheet])
    whole = (tmp_path / "a.pdf").read_bytes()
    start = int(whole.split(b"startxref\n")[1].split()[0])
    assert whole[start:].startswith(b"xref\n0 8\n")
    entries = whole[start:].split(b"\n")[3:10]
    for number, entry in enumerate(entries, 1):
        assert len(entry) == 19
        assert whole[int(entry[:10]) :].startswith(f"{number} 0 obj".encode())
    for length, rest in re.findall(rb"/Length (\d+) [^\n]*\nstream\n(.*?)endobj", whole, re.DOTALL):
        assert rest[int(length) :] == b"\nendstream\n"
    assert rb"(A \(1\) \\) Tj" in sheet.content
    assert b"1 0 0 rg 40 732 m 555 732 l 555 217 l 40 217 l h f" in sheet.content


def test_a_page_to_colour_in_has_no_colours() -> None:
    sheet = Sheet("a", "A", outlined=True)
    sheet.ellipse(500, 500, 100, fill=Fade("#ff0000", "#00ff00"))
    sheet.ellipse(500, 500, 50, fill="#ffffff55")
    sheet.line([(0, 0), (10, 10)], 20, "#ff0000")
    told = sheet.content.decode()
    assert "1 1 1 rg" in told
    assert "1 0 0" not in told
    assert told.count(" h B") == 1


@given(st.integers(2, 20), st.integers())
def test_in_a_maze_each_place_is_reached_by_one_way(size: int, seed: int) -> None:
    found = ways(size, random.Random(seed))
    assert len(found) == size * size - 1
    seen, new = {(0, 0)}, [(0, 0)]
    while new:
        place = new.pop()
        for way in found:
            if place in way:
                other = way[1] if way[0] == place else way[0]
                if other not in seen:
                    seen.add(other)
                    new.append(other)
    assert len(seen) == size * size
    inner = 2 * size * (size - 1) - len(found)
    assert len(walls(size, random.Random(seed))) == inner + 4


def colour(canvas: Canvas, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place, in units."""
    found = canvas.picture().getpixel((round(x * SIDE / 1000), round(y * SIDE / 1000)))
    assert isinstance(found, tuple)
    return found


def test_what_is_placed_is_moved_turned_and_scaled() -> None:
    canvas = Canvas("a")
    with canvas.placed(500, 500, turn=90), canvas.placed(100, 0, scale=2):
        canvas.rectangle(0, 0, 50, 10, "#ff0000")
    # Along the turned x axis: down.
    assert colour(canvas, 490, 690) == (255, 0, 0)
    assert colour(canvas, 510, 690) == (0, 0, 0)
    assert colour(canvas, 490, 710) == (0, 0, 0)
    canvas.rectangle(0, 0, 10, 10, "#00ff00")
    assert colour(canvas, 5, 5) == (0, 255, 0)


def test_what_is_drawn_within_a_shape_shows_in_it_only() -> None:
    canvas = Canvas("a")
    with canvas.within(rounded(400, 400, 100, 100, 10)):
        canvas.rectangle(0, 0, 1000, 1000, Fade("#ffffff", "#ffffff"))
    assert colour(canvas, 450, 450) == (255, 255, 255)
    assert {colour(canvas, x, y) for x, y in ((100, 100), (390, 450), (450, 510))} == {(0, 0, 0)}


def test_a_piece_that_is_lifted_leaves_a_hole() -> None:
    canvas = Canvas("a")
    canvas.rectangle(0, 0, 1000, 1000, "#0000ff")
    canvas.rectangle(100, 100, 100, 100, "#ff0000")
    canvas.lift(rounded(100, 100, 100, 100, 0), (600, 600), 30, "#00ff00")
    assert colour(canvas, 150, 150) == (0, 255, 0)
    assert colour(canvas, 600, 600) == (255, 0, 0)
    assert colour(canvas, 300, 300) == (0, 0, 255)


@given(
    st.lists(st.tuples(st.floats(-500, 1500), st.floats(-500, 1500)), min_size=3, max_size=8),
    st.booleans(),
)
def test_a_smooth_line_goes_through_its_points(
    points: list[tuple[float, float]], closed: bool
) -> None:
    found = curve(points, closed=closed)
    for x, y in points:
        assert any(abs(x - fx) < 1e-6 and abs(y - fy) < 1e-6 for fx, fy in found)


def test_what_lies_outside_of_the_picture_is_left_out() -> None:
    canvas = Canvas("a")
    for x in (-2000, 3000):
        canvas.ellipse(x, 500, 50, fill=Fade("#ff0000", "#00ff00", "out"))
        canvas.shadow(oval(x, 500, 50))
        canvas.lift(rounded(x, 0, 10, 10, 0), (500, 500), 0, "#ff0000")
        with canvas.within(oval(x, 500, 50)):
            pass
    assert canvas.picture().getextrema() == ((0, 0), (0, 0), (0, 0))
