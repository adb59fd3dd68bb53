"""The rules of files, by example and by property."""

from typing import Any

import pytest
from file_manager.file import (
    MAX_TEXT,
    TEXT_TYPES,
    File,
    Rejection,
    Status,
    Submission,
    file_id,
)
from file_manager.model import now
from hypothesis import given
from hypothesis import strategies as st

FILE = {
    "owner": "urn:tbs:payment:order-1",
    "name": "receipt.html",
    "contentType": "text/html",
    "visibility": "private",
    "content": "<p>Thanks</p>",
}


def submission(**changes: Any) -> Submission:
    return Submission.model_validate(FILE | changes)


@pytest.mark.parametrize("content_type", TEXT_TYPES)
def test_private_text_is_stored(content_type: str) -> None:
    assert submission(contentType=content_type).rejection is None


@given(st.integers(MAX_TEXT - 2, MAX_TEXT + 2))
def test_the_size_is_counted_in_bytes(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    expected = Rejection.TOO_LARGE if size > MAX_TEXT else None
    assert submission(content=text).rejection == expected


@given(st.text(max_size=200))
def test_no_name_leads_out_of_the_files_own_place(name: str) -> None:
    if submission(name=name).rejection is None:
        assert "/" not in name
        assert not name.startswith(".")
        assert name.isascii()
        assert name.isprintable()
        assert " " not in name


@pytest.mark.parametrize("name", ["", "a b", ".hidden", "a/b", "receipt.html\n", "x" * 129])
def test_a_name_that_is_not_allowed(name: str) -> None:
    assert submission(name=name).rejection is Rejection.NAME_NOT_ALLOWED


@given(sender=st.text(), command=st.text(), content=st.text(max_size=100))
def test_the_same_command_makes_the_same_file(sender: str, command: str, content: str) -> None:
    assert file_id(sender, command) == file_id(sender, command)
    at = now()
    first, again = (File.of("f", submission(content=content), "c", command, at) for _ in range(2))
    assert first == again
    assert first.size == len(content.encode())


def test_another_command_makes_another_file() -> None:
    ids = {file_id("tbs.payments", f"order-{n}:2:StoreFile") for n in range(100)}
    assert len(ids) == 100


def test_a_rejected_file_says_why() -> None:
    file = File.of("f", submission(contentType="image/png"), "c", "m", now())
    assert (file.status, file.reason) == (Status.REJECTED, Rejection.TYPE_NOT_ALLOWED)
