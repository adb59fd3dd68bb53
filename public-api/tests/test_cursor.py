"""Cursors are good for the list that they were given for, as they were given."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api.cursor import LONGEST, BadCursor, read, write

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)


@pytest.fixture(autouse=True)
def aws() -> None:
    """What is tested here knows of no AWS."""


@given(TEXT, TEXT)
def test_a_cursor_says_its_position(scope: str, position: str) -> None:
    assert read(scope, write(scope, position)) == position


@given(TEXT, TEXT, TEXT)
def test_a_cursor_is_good_for_one_list(scope: str, other: str, position: str) -> None:
    if scope != other:
        with pytest.raises(BadCursor):
            read(other, write(scope, position))


@given(TEXT)
def test_what_was_never_given_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read("toys", text)


@pytest.mark.parametrize("change", [lambda c: c + "=", lambda c: c + "\n", lambda c: c[:-1] + "B"])
def test_another_spelling_is_refused(change: object) -> None:
    cursor = write("toys", "ab")
    assert callable(change)
    with pytest.raises(BadCursor):
        read("toys", change(cursor))


def test_a_cursor_without_a_position_or_too_long_is_refused() -> None:
    for position in ("", "x" * LONGEST):
        with pytest.raises(BadCursor):
            read("toys", write("toys", position))
    bare = urlsafe_b64encode(b"\xff" * 20).decode().rstrip("=")
    with pytest.raises(BadCursor):
        read("toys", bare)


def test_the_longest_key_makes_a_cursor_that_is_taken() -> None:
    position = "\U0001f600" * 256
    assert read("toys", write("toys", position)) == position
