"""Cursors: what was sealed comes back, and nothing else is taken for one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from fulfilment.cursor import LONGEST, BadCursor, Cursors
from hypothesis import given
from hypothesis import strategies as st

CURSORS = Cursors(lambda: b"k" * 64)
SCOPE = "shipments:WAITING"
POSITION = ("2026-01-05T10:00:00.000Z#orderé-1",)
CURSOR = CURSORS.seal(SCOPE, POSITION)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

scopes = st.text(st.characters(codec="utf-8"), max_size=60)
positions = st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=3).map(tuple)


@pytest.fixture(autouse=True)
def aws() -> None:
    """What is tested here knows of no AWS."""


@given(scope=scopes, position=positions)
def test_a_position_comes_back_as_it_was(scope: str, position: tuple[str, ...]) -> None:
    cursor = CURSORS.seal(scope, position)
    assert CURSORS.open(scope, cursor) == position
    assert set(cursor) <= set(ALPHABET)


def test_the_same_position_has_the_same_cursor() -> None:
    assert CURSORS.seal(SCOPE, POSITION) == CURSOR


@given(scope=scopes, other=scopes, position=positions)
def test_a_cursor_of_another_list_is_refused(
    scope: str, other: str, position: tuple[str, ...]
) -> None:
    if scope != other:
        with pytest.raises(BadCursor):
            CURSORS.open(other, CURSORS.seal(scope, position))


def test_a_cursor_of_another_status_is_refused() -> None:
    for scope in ("shipments:DISPATCHED", "shipments:waiting", "shipments:WAITING ", ""):
        with pytest.raises(BadCursor):
            CURSORS.open(scope, CURSOR)


def test_a_scope_cannot_lend_letters_to_a_position() -> None:
    cursor = CURSORS.seal('shipments:["a",', ("b",))
    sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    lent = sealed[:32] + b'["a",' + sealed[32:]
    with pytest.raises(BadCursor):
        CURSORS.open("shipments:", urlsafe_b64encode(lent).decode().rstrip("="))


def test_each_character_counts() -> None:
    for place, true in enumerate(CURSOR):
        for other in (*ALPHABET, "=", "+", "/", " ", "\n", "é", "\0"):
            if other != true:
                with pytest.raises(BadCursor):
                    CURSORS.open(SCOPE, CURSOR[:place] + other + CURSOR[place + 1 :])


def test_each_bit_of_what_it_holds_counts() -> None:
    sealed = urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))
    for place in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[place] ^= 1 << bit
            with pytest.raises(BadCursor):
                CURSORS.open(SCOPE, urlsafe_b64encode(altered).decode().rstrip("="))


def test_one_that_was_cut_or_made_longer_is_refused() -> None:
    for length in range(len(CURSOR)):
        with pytest.raises(BadCursor):
            CURSORS.open(SCOPE, CURSOR[:length])
        with pytest.raises(BadCursor):
            CURSORS.open(SCOPE, CURSOR[length + 1 :])
    for more in ("A", "AA", "AAAA", "=", "==", " ", CURSOR):
        with pytest.raises(BadCursor):
            CURSORS.open(SCOPE, CURSOR + more)
        with pytest.raises(BadCursor):
            CURSORS.open(SCOPE, more + CURSOR)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "ключ",
        "\ud800",
        "\0",
        "%00",
        "====",
        "A" * LONGEST,
        "A" * 1_000_000,
        '["place"]',
        urlsafe_b64encode(b'["place"]').decode(),
        urlsafe_b64encode(b"\0" * 32 + b'["place"]').decode().rstrip("="),
    ],
)
def test_made_up_ones_are_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.open(SCOPE, text)


@given(st.text())
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.open(SCOPE, text)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BadCursor):
        Cursors(lambda: b"l" * 64).open(SCOPE, CURSOR)


def test_the_key_is_not_fetched_before_it_is_needed() -> None:
    def key() -> bytes:
        raise LookupError("no key")

    cursors = Cursors(key)
    for text in ("ключ", "A", "A" * (LONGEST + 4)):
        with pytest.raises(BadCursor):
            cursors.open(SCOPE, text)
    with pytest.raises(LookupError):
        cursors.open(SCOPE, CURSOR)
