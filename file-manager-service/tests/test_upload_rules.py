"""What may be announced, and where its objects lie, by example and by property."""

from typing import Any

import pytest
from file_manager import places
from file_manager.file import File, Status, Visibility
from file_manager.model import now
from file_manager.upload import UploadRequest, UploadType
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

MB = 1024 * 1024
REQUEST = {
    "owner": "urn:tbs:toy:7f1c",
    "name": "front.png",
    "contentType": "image/png",
    "size": 100,
    "visibility": "public",
}
URL = "https://files.example.com"


def request(**changes: Any) -> UploadRequest:
    return UploadRequest.model_validate(REQUEST | changes)


def stored(body: bytes = b"any", **changes: Any) -> File:
    return request(**changes).file("file-1", now()).store(body, now())


@pytest.mark.parametrize("content_type", UploadType)
def test_a_file_of_each_type_may_be_as_large_as_its_type(content_type: UploadType) -> None:
    most = 10 * MB if content_type is UploadType.PDF else 5 * MB
    named = {"contentType": content_type, "name": "Manual.PDF"}
    assert request(**named, size=most).size == most
    with pytest.raises(ValidationError, match=r"at most|less than"):
        request(**named, size=most + 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "somebody"},
        {"owner": "urn:tbs:toy:"},
        {"owner": "urn:tbs:toy:../1"},
        {"owner": "urn:tbs:toy:a/b"},
        {"owner": "urn:tbs:toy:a..b"},
        {"owner": "urn:tbs:toy:a\n"},
        {"owner": f"urn:tbs:toy:{'a' * 250}"},
        {"name": "../front.png"},
        {"name": "a/../../front.png"},
        {"name": ".htaccess"},
        {"name": "front.png\n"},
        {"name": ""},
        {"name": "x" * 129},
        {"contentType": "text/html"},
        {"contentType": "image/svg+xml"},
        {"contentType": "image/gif"},
        {"size": 0},
        {"size": -1},
        {"visibility": "secret"},
        {"fileId": "of-my-own"},
    ],
)
def test_what_may_not_be_announced(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(**changes)


@given(
    owner=st.from_regex(r"\Aurn:tbs:[a-z-]{1,9}:[A-Za-z0-9_.:/-]{0,20}\Z"),
    name=st.text(st.characters(codec="ascii"), max_size=20),
)
def test_nothing_that_is_announced_leads_anywhere_else(owner: str, name: str) -> None:
    try:
        file = request(owner=owner, name=f"{name}.pdf", contentType="application/pdf").file(
            "f", now()
        )
    except ValidationError:
        return
    assert ".." not in file.owner
    assert "/" not in file.owner
    parts = places.keys(file.store(b"%PDF-", now())).url.split("/")
    assert len(parts) == 4
    assert parts[:2] == ["public", "f"]
    assert not {"", ".", ".."} & set(parts)


@given(one=st.binary(), other=st.binary())
def test_other_content_lies_elsewhere(one: bytes, other: bytes) -> None:
    keys = [places.keys(stored(body)) for body in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


def test_only_what_is_public_has_an_address() -> None:
    shown = places.addresses(stored(), URL)
    assert shown
    assert shown.url.startswith(f"{URL}/public/file-1/")
    assert shown.renditions
    assert shown.renditions.full == shown.url
    assert places.addresses(stored(visibility="private"), URL) is None


def test_a_file_without_content_has_no_place() -> None:
    with pytest.raises(ValueError, match="no content"):
        places.keys(request().file("file-1", now()))


def test_each_change_is_a_version() -> None:
    file = request().file("file-1", now())
    assert (file.status, file.version, file.visibility) == ("PENDING", 1, Visibility.PUBLIC)
    assert (file.store(b"x", now()).version, file.expire(now()).version) == (2, 2)
    gone = file.store(b"x", now()).delete(now())
    assert (gone.status, gone.version) == (Status.DELETED, 3)
    assert gone.created_at == file.created_at
