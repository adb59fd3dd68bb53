"""Rows of a CSV become toys, or are refused by their line."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import LocalError
from local.toyfile import COLUMNS, Row, read

HEADER = ",".join(COLUMNS)
ROW = (
    "A-1,Top,Spins,Wood,Test,36,96,995,EUR,4,wooden; first,"
    "colour=red;pieces=4;loud=false,a.png;b.JPG,digital,a.pdf"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "toys.csv"


def rows(path: Path, *lines: str, header: str = HEADER) -> list[Row]:
    path.write_text("\n".join([header, *lines]) + "\n")
    found, refusals = read(path)
    assert not refusals
    return found


def refused(path: Path, *lines: str, header: str = HEADER) -> list[str]:
    path.write_text("\n".join([header, *lines]) + "\n")
    return [str(refusal) for refusal in read(path)[1]]


def test_a_row_is_what_the_api_takes(path: Path) -> None:
    (row,) = rows(path, ROW)
    assert row.line == 2
    assert row.draft == {
        "sku": "A-1",
        "name": "Top",
        "description": "Spins",
        "category": "Wood",
        "brand": "Test",
        "minAge": 36,
        "maxAge": 96,
        "price": 995,
        "currency": "EUR",
        "stock": 4,
        "tags": ["wooden", "first"],
        "attributes": {"colour": "red", "pieces": 4, "loud": False},
        "fulfilment": "digital",
    }
    assert row.download == path.parent / "a.pdf"
    assert row.pictures == (path.parent / "a.png", path.parent / "b.JPG")


def test_cells_that_are_empty_say_nothing(path: Path) -> None:
    (row,) = rows(path, "A-1,Top,,Wood,Test,,,995,EUR,0,,,,,")
    assert row.draft.keys() == {"sku", "name", "category", "brand", "price", "currency", "stock"}
    assert row.pictures == ()
    assert row.download is None


def test_columns_in_another_order_and_without_those_that_may_lack(path: Path) -> None:
    header = "stock,sku,name,brand,category,currency,price"
    (row,) = rows(path, "1,A-1,Top,Test,Wood,EUR,995", header=header)
    assert (row.draft["stock"], row.draft["price"], row.sku) == (1, 995, "A-1")


def test_lines_are_counted_as_an_editor_counts_them(path: Path) -> None:
    long = ROW.replace("Spins", '"Spins\nand\nspins"')
    found = rows(path, long, "", ROW.replace("A-1", "A-2"))
    assert [(row.line, row.sku) for row in found] == [(2, "A-1"), (6, "A-2")]
    path.write_bytes(("\ufeff" + "\r\n".join([HEADER, ROW, ROW])).encode())
    found, refusals = read(path)
    assert [row.line for row in found] == [2]
    assert [str(refusal) for refusal in refusals] == ["line 3: A-1: has the SKU of line 2"]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (",995,", ",9.95,", "price is '9.95', which is no whole number"),
        (",995,", ",,", "price is '', which is no whole number"),
        (",4,", ",many,", "stock is 'many', which is no whole number"),
        (",36,", ",3 years,", "minAge is '3 years', which is no whole number"),
        ("colour=red", "red", "attributes has 'red', which is not name=value"),
        ("pieces=4", "colour=blue", "attributes has colour twice"),
        ("pieces=4", "pieces=1e999", "attribute pieces is too large a number"),
        ("pieces=4", f"pieces={'9' * 5000}", "attribute pieces is too large a number"),
        ("a.png", "a.gif", r"the picture a\.gif is none: it ends in none of \.png"),
        ("a.png", "../a.png", r"the picture \.\./a\.png is outside"),
        ("a.png", "/etc/a.png", "the picture /etc/a.png is outside"),
        ("a.png", "x/b.JPG", r"two pictures are called b\.JPG"),
        ("a.png", ";".join(f"{n}.png" for n in range(12)), "has 13 pictures: 12 at most"),
        ("a.pdf", "a.zip", r"the download a\.zip is none: it ends in none of \.png"),
        ("a.pdf", "../a.pdf", r"the download \.\./a\.pdf is outside"),
        (",EUR", "", "has 14 cells where the header has 15"),
    ],
)
def test_a_row_that_is_no_toy_is_told_by_its_line(
    path: Path, before: str, after: str, reason: str
) -> None:
    (told,) = refused(path, "B-1" + ROW[3:], ROW.replace(before, after))
    assert re.match(f"line 3: A-1: {reason}", told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no header. Its first line has to be sku,name,"),
        (b"\n\n", "has no header"),
        (HEADER.encode(), "has no toys"),
        (HEADER.encode() + b"\n\n,,\n", "has no toys"),
        (b"name,price\nTop,995", "has no column sku, no column category"),
        (HEADER.encode() + b",colour\n", "has an unknown column 'colour'"),
        (HEADER.encode() + b",sku\n", "has the column sku twice"),
        (HEADER.replace(",", ";").encode(), "has semicolons between its columns"),
        (f"{HEADER}\nä".encode("latin-1"), "is not UTF-8"),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "is not UTF-8"),
        (f'{HEADER}\n{ROW}\n"A-2,Top'.encode(), "is no CSV from line 3 on"),
    ],
)
def test_a_file_that_is_no_csv_of_toys(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(LocalError, match=re.escape(told)):
        read(path)


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(LocalError, match="cannot be read: No such file"):
        read(path)
    with pytest.raises(LocalError, match="cannot be read: Is a directory"):
        read(path.parent)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("12", 12),
        ("-1.5e2", -150.0),
        ("007", "007"),
        ("1.", "1."),
        ("nan", "nan"),
        ("3-5 Beaufort", "3-5 Beaufort"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_values_of_attributes_have_types(path: Path, text: str, value: object) -> None:
    (row,) = rows(path, ROW.replace("pieces=4", f"pieces={text}"))
    found = row.draft["attributes"]["pieces"]
    assert (type(found), found) == (type(value), value)


@given(st.lists(st.lists(st.text(max_size=8), max_size=16), max_size=5))
def test_whatever_the_rows_say_each_is_a_toy_or_refused(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "toys.csv"
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *cells])
    path.write_text(text.getvalue(), newline="")
    filled = [row for row in cells if any(cell.strip() for cell in row)]
    try:
        found, refusals = read(path)
    except LocalError:
        assert not filled
        return
    assert len(found) + len(refusals) == len(filled)
    lines = [*(row.line for row in found), *(refusal.line for refusal in refusals)]
    assert len(set(lines)) == len(lines)
