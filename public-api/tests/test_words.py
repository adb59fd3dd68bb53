"""Words as they are compared, and what a word is looked up by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api.listing import END
from public_api.words import GRAMS, WORD, fold, grams, has_words, longest_gram, words

TEXT = st.text(st.characters(codec="utf-8"))
WORDS = st.text("abcdef", min_size=1, max_size=9)


@pytest.fixture(autouse=True)
def aws() -> None:
    """What is tested here knows of no AWS."""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Box Kite", ["box", "kite"]),
        ("  Pâté d'ÉLAN, 2-in-1! ", ["pate", "d", "elan", "2", "in", "1"]),
        ("Große STRASSE", ["grosse", "strasse"]),
        ("ΣΊΣΥΦΟΣ", ["σισυφοσ"]),
        ("İstanbul ﬁre", ["istanbul", "fire"]),
        ("a\x01b\x1fc", ["ab", "c"]),
        ("snake_case", ["snake", "case"]),
        ("木 列車", ["木", "列車"]),
        ("ตุ๊กตา", ["ตกตา"]),
        ("🚂 --- \u0301", []),
        ("x" * 99, ["x" * WORD]),
    ],
)
def test_words_are_compared_without_case_and_accents(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(TEXT)
def test_a_folded_text_is_folded_for_good(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert all(character > END for character in folded)


@given(TEXT)
def test_a_word_is_one_word(text: str) -> None:
    for word in words(text):
        assert words(word) == [word]
        assert " " not in word
        assert 1 <= len(word) <= WORD


@given(TEXT, st.integers(1, 99))
def test_a_word_is_found_by_how_it_begins(text: str, length: int) -> None:
    for word in words(text):
        begun = word[:length]
        assert longest_gram(begun) in grams(word)
        assert has_words([], begun, words(text))


@given(WORDS)
def test_a_word_has_few_grams(word: str) -> None:
    found = grams(word)
    assert [len(gram) for gram in found] == [length for length in GRAMS if length <= len(word)]
    assert all(word.startswith(gram) for gram in found)
    assert longest_gram(word) == max(found, key=len)


def test_a_word_of_five_is_looked_up_by_four() -> None:
    assert grams("trains") == ["t", "tr", "tra", "trai", "trains"]
    assert longest_gram("train") == "trai"
    assert longest_gram("trains") == longest_gram("trainset") == "trains"


@given(st.lists(WORDS, max_size=4), WORDS | st.none(), st.lists(WORDS, max_size=6))
def test_words_are_there_whole_or_begun(
    wanted: list[str], begun: str | None, there: list[str]
) -> None:
    plainly = all(word in there for word in wanted) and (
        begun is None or any(word[: len(begun)] == begun for word in there)
    )
    assert has_words(wanted, begun, there) is plainly
