"""The sample: toys that the catalogue takes, and a picture of each that is drawn."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from local.sample import draw
from local.sample.canvas import SIDE, Canvas, Fade, curve, oval, rounded
from local.sample.palette import BACKDROPS
from local.seed import SAMPLE
from local.toyfile import COLUMNS, read


def test_two_dozen_toys_and_a_picture_of_each(tmp_path: Path) -> None:
    rows, refusals = read(SAMPLE, tmp_path)
    assert not refusals
    assert len(rows) == 24
    assert {path.name for row in rows for path in row.pictures} == draw.PICTURES.keys()
    assert all(len(row.pictures) == 1 for row in rows)
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
