"""The rules of shares, by example and by property."""

import re
from datetime import timedelta
from typing import Any

import pytest
from file_manager import share as rules
from file_manager.file import File, Place, Status
from file_manager.messages import of_share
from file_manager.model import now
from file_manager.share import MOST_DAYS, Refusal, Share, ShareRequest, ShareStatus, refusal
from file_manager.upload import UploadRequest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

ASKED = {"shareId": "order-1:1", "fileId": "file-1", "days": 30}
URL = "https://files.example.com"


def stored(**changes: Any) -> File:
    request = {
        "owner": "urn:tbs:toy:7f1c",
        "name": "puppets.pdf",
        "contentType": "application/pdf",
        "size": 100,
        "visibility": "private",
    }
    announced = UploadRequest.model_validate(request | changes).file("file-1", now())
    return announced.store(b"any", now())


def made(file: File | None, **changes: Any) -> Share:
    asked = ShareRequest.model_validate(ASKED | changes)
    return Share.of(asked, file, "order-1", "order-1:5:ShareFile", now())


@given(st.integers(-5, 200))
def test_a_file_is_shared_for_a_day_to_ninety(days: int) -> None:
    if 1 <= days <= MOST_DAYS:
        assert ShareRequest.model_validate(ASKED | {"days": days}).days == days
    else:
        with pytest.raises(ValidationError):
            ShareRequest.model_validate(ASKED | {"days": days})


@pytest.mark.parametrize(
    "changes", [{"shareId": ""}, {"shareId": "a b"}, {"shareId": "x" * 101}, {"fileId": ""}]
)
def test_what_no_share_is_asked_for_by(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ShareRequest.model_validate(ASKED | changes)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (None, Refusal.FILE_UNKNOWN),
        (stored().delete(now()), Refusal.FILE_DELETED),
        (stored().expire(now()), Refusal.FILE_NOT_STORED),
        (stored().model_copy(update={"status": Status.PENDING}), Refusal.FILE_NOT_STORED),
        (stored(visibility="public"), Refusal.FILE_NOT_SHAREABLE),
        (stored().model_copy(update={"place": Place.RECEIPTS}), Refusal.FILE_NOT_SHAREABLE),
        (stored(), None),
    ],
)
def test_only_a_stored_private_upload_is_shared(file: File | None, reason: Refusal | None) -> None:
    assert refusal(file) == reason
    share = made(file)
    assert share.status is (ShareStatus.REFUSED if reason else ShareStatus.PENDING)
    assert share.reason == reason
    assert share.is_live == (reason is None)


def test_no_two_shares_have_a_token_in_common_and_each_is_of_256_bits() -> None:
    tokens = {made(stored()).token for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "puppets.pdf"),
        ({"contentType": "image/png", "name": "fox.v2.png"}, "fox.v2.webp"),
        ({"contentType": "image/jpeg", "name": "fox"}, "fox.webp"),
    ],
)
def test_a_copy_is_called_what_it_is(changes: dict[str, str], name: str) -> None:
    share = made(stored(**changes))
    assert share.name == name
    assert share.key == f"shared/file-1/{share.token}/{name}"
    assert rules.address(share, URL) == f"{URL}/{share.key}"


@given(days=st.integers(1, MOST_DAYS))
def test_its_days_begin_when_it_can_be_read(days: int) -> None:
    at = now() + timedelta(hours=5)
    share = made(stored(), days=days).share(at)
    assert share.expires_at == at + timedelta(days=days)


def test_each_change_is_a_version_and_only_what_is_asked_for_is_told() -> None:
    pending, at = made(stored()), now()
    shared, refused = pending.share(at), pending.end(at)
    assert refused.status is ShareStatus.REFUSED
    assert refused.reason is Refusal.FILE_DELETED
    ended, expired = shared.end(at), shared.expire(at)
    assert (ended.status, expired.status) == (ShareStatus.ENDED, ShareStatus.EXPIRED)
    assert [one.version for one in (pending, shared, refused, ended, expired)] == [1, 2, 2, 3, 3]
    assert of_share(None, pending, URL) == []
    assert of_share(shared, ended, URL) == of_share(shared, expired, URL) == []
    assert of_share(shared, shared, URL) == []
    (told,) = of_share(pending, shared, URL)
    assert told.model_dump(mode="json") == {
        "metadata": {
            "id": "order-1:1:2:FileShared",
            "correlationId": "order-1",
            "causationId": "order-1:5:ShareFile",
            "occurredAt": shared.model_dump()["updatedAt"],
            "version": 2,
            "trace": None,
        },
        "data": {
            "shareId": "order-1:1",
            "fileId": "file-1",
            "name": "puppets.pdf",
            "url": f"{URL}/{shared.key}",
            "expiresAt": shared.model_dump()["expiresAt"],
        },
    }
    (told,) = of_share(None, made(None), URL)
    assert told.metadata.id == "order-1:1:1:FileNotShared"
    assert told.model_dump(mode="json")["data"] == {
        "shareId": "order-1:1",
        "fileId": "file-1",
        "reason": "FILE_UNKNOWN",
    }
    assert len(of_share(pending, refused, URL)) == 1


def test_nobody_reads_the_token_where_a_share_is_printed() -> None:
    share = made(stored()).share(now())
    (told,) = of_share(None, share, URL)
    assert share.token not in repr(share)
    assert share.token not in repr(told)
