"""Announcing and deleting files by the API."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from file_manager import api, inbox
from file_manager.file import Status
from file_manager.table import Conflict, FilesTable

House = Any
OWNER = "urn:tbs:album:summer-1"


def test_the_form_takes_one_key_one_type_and_one_size_for_fifteen_minutes(house: House) -> None:
    file = house.announce(size=12345, contentType="image/jpeg")
    form = file["upload"]
    assert form["url"] == "https://bucket.s3.eu-west-1.amazonaws.com/"
    assert form["fields"]["key"] == f"incoming/{file['fileId']}"
    assert form["fields"]["Content-Type"] == "image/jpeg"
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    for condition in (
        {"key": f"incoming/{file['fileId']}"},
        {"Content-Type": "image/jpeg"},
        {"bucket": "bucket"},
        ["content-length-range", 12345, 12345],
    ):
        assert condition in policy["conditions"]
    ends = datetime.fromisoformat(policy["expiration"])
    assert ends - datetime.now(UTC) <= timedelta(minutes=15)
    told = datetime.fromisoformat(form["expiresAt"])
    assert abs(told - ends) < timedelta(seconds=5)
    assert file["status"] == "PENDING"
    assert (file["version"], file["sha256"], file["size"]) == (1, None, 12345)


def test_what_waits_is_there_and_told_to_nobody(house: House) -> None:
    file = house.announce()
    status, shown = house.call("GET", f"/files/{file['fileId']}")
    assert (status, shown["status"]) == (200, "PENDING")
    assert (shown["url"], shown["renditions"], shown["link"]) == (None, None, None)
    assert "upload" not in shown
    house.flow()
    assert house.told == []


def test_two_files_announced_alike_are_two(house: House) -> None:
    assert house.announce()["fileId"] != house.announce()["fileId"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("not json", 400),
        ({}, 400),
        ({"more": 1}, 400),
        ({"size": "many"}, 400),
        ({"size": "100"}, 400),
        ({"size": True}, 400),
        ({"size": None}, 400),
        ({"size": 0}, 422),
        ({"size": 5 * 1024 * 1024 + 1}, 422),
        ({"size": 10 * 1024 * 1024 + 1, "contentType": "application/pdf"}, 422),
        ({"contentType": "text/html"}, 422),
        ({"contentType": "image/svg+xml"}, 422),
        ({"name": "../../etc/passwd"}, 422),
        ({"name": "invoice.html", "contentType": "application/pdf"}, 422),
        ({"name": "pdf", "contentType": "application/pdf"}, 422),
        ({"owner": "urn:tbs:album:../1"}, 422),
        ({"owner": "nobody"}, 422),
        ({"visibility": "secret"}, 422),
    ],
)
def test_no_form_is_given_out_for_what_is_not_allowed(house: House, body: Any, status: int) -> None:
    good = {
        "owner": OWNER,
        "name": "a.png",
        "contentType": "image/png",
        "size": 9,
        "visibility": "public",
    }
    given = good | body if isinstance(body, dict) and body else body
    answered, content = house.call("POST", "/files", body=given)
    assert (answered, content["error"]["code"]) == (
        status,
        {400: "MALFORMED", 422: "OUT_OF_BOUNDS"}[status],
    )
    assert house.call("GET", "/files", query={"owner": OWNER})[1]["items"] == []


def test_a_deleted_file_is_gone_everywhere_and_told(house: House) -> None:
    file_id = house.upload()
    house.flow()
    shown = house.objects()
    assert house.call("DELETE", f"/files/{file_id}") == (204, None)
    assert house.call("GET", f"/files/{file_id}")[0] == 404
    assert house.call("GET", "/files", query={"owner": OWNER})[1]["items"] == []
    house.flow()
    assert house.objects() == {}
    assert sorted(house.forgotten()) == sorted(f"/{key}" for key in shown)
    told = house.told[-1]
    assert told["DetailType"] == "FileDeleted"
    tombstone = house.file(file_id)
    assert told["Detail"]["metadata"]["id"] == f"{file_id}:3:FileDeleted"
    assert told["Detail"]["data"] == {
        "fileId": file_id,
        "owner": OWNER,
        "name": "beach.png",
        "status": "DELETED",
        "deletedAt": tombstone.model_dump()["updatedAt"],
    }
    assert house.call("DELETE", f"/files/{file_id}") == (204, None)
    house.flow()
    assert len(house.told) == 2
    assert house.file(file_id) == tombstone


def test_an_answer_without_content_has_an_empty_body(house: House, context: Any) -> None:
    file_id = house.announce()["fileId"]
    event = house.request | {"httpMethod": "DELETE", "path": f"/files/{file_id}"}
    assert api.handler(event, context)["body"] == ""


def test_a_file_that_never_was_cannot_be_deleted(house: House) -> None:
    assert house.call("DELETE", "/files/none")[0] == 404


@pytest.mark.parametrize("how", ["pending", "rejected", "private"])
def test_every_file_can_be_deleted_and_only_what_was_public_was_kept_by_cloudfront(
    house: House, how: str
) -> None:
    match how:
        case "pending":
            file_id = house.announce()["fileId"]
            house.post(file_id)
        case "rejected":
            file_id = house.upload(b"<html>")
        case _:
            file_id = house.upload(visibility="private")
    house.flow()
    assert house.call("DELETE", f"/files/{file_id}") == (204, None)
    house.flow()
    assert house.objects() == {}
    assert house.forgotten() == []
    assert house.told[-1]["DetailType"] == "FileDeleted"


def test_a_receipt_can_be_deleted(
    house: House, sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    inbox.handler(sample("inbox-StoreFile"), context)
    house.flow()
    (key,) = house.objects("receipts")
    file_id = key.split("/")[1]
    assert house.call("DELETE", f"/files/{file_id}") == (204, None)
    house.flow()
    assert house.objects("receipts") == {}
    assert house.told[-1]["Detail"]["metadata"]["id"] == f"{file_id}:2:FileDeleted"
    inbox.handler(sample("inbox-StoreFile"), context)
    assert house.objects("receipts") == {}
    assert house.file(file_id).status is Status.DELETED


def test_a_delete_goes_on_where_the_file_changes_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = house.announce()["fileId"]
    stale = house.file(file_id)
    house.post(file_id)
    assert house.hear(file_id)
    real, answers = api.table.file, [stale]
    monkeypatch.setattr(api.table, "file", lambda id_: answers.pop() if answers else real(id_))
    assert house.call("DELETE", f"/files/{file_id}") == (204, None)
    assert house.file(file_id).version == 3


def test_a_delete_gives_up_on_a_file_that_never_rests(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Any, **__: Any) -> None:
        raise Conflict

    file_id = house.announce()["fileId"]
    monkeypatch.setattr(api.table, "save", lose)
    assert house.call("DELETE", f"/files/{file_id}")[0] == 409


def test_deleted_files_lie_between_pages_unseen(house: House) -> None:
    files = [house.announce()["fileId"] for _ in range(7)]
    for file_id in files[::2]:
        house.call("DELETE", f"/files/{file_id}")
    seen: list[str] = []
    query = {"owner": OWNER, "limit": "2"}
    while True:
        page = house.call("GET", "/files", query=query)[1]
        seen += [file["fileId"] for file in page["items"]]
        if not page["cursor"]:
            break
        query["cursor"] = page["cursor"]
    assert sorted(seen) == sorted(files[1::2])


def test_a_tombstone_is_dropped_after_a_month(house: House) -> None:
    file_id = house.upload()
    house.call("DELETE", f"/files/{file_id}")
    item = FilesTable("Table")._table.get_item(Key={"fileId": file_id})["Item"]
    dropped: Any = item["forgetAt"]
    ends = datetime.fromtimestamp(int(dropped), UTC)
    assert timedelta(days=29) < ends - datetime.now(UTC) <= timedelta(days=30)
    before = len(house.told)
    house.flow()
    FilesTable("Table")._table.delete_item(Key={"fileId": file_id})  # as DynamoDB does
    told = len(house.told)
    house.flow()
    assert before <= len(house.told) == told


def test_what_was_stored_before_there_were_two_buckets_is_still_read(house: House) -> None:
    item: Any = {
        "fileId": "old",
        "owner": "urn:tbs:payment:1",
        "name": "receipt.html",
        "contentType": "text/html",
        "visibility": "private",
        "status": "STORED",
        "size": 5,
        "sha256": "00",
        "version": 1,
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "correlationId": "1",
        "causationId": "1:2:StoreFile",
    }
    FilesTable("Table")._table.put_item(Item=item)
    status, file = house.call("GET", "/files/old")
    assert status == 200
    assert file["createdAt"] == item["updatedAt"]
    assert "bucket.s3" in file["link"]["url"]
    assert "/private/old/receipt.html?" in file["link"]["url"]
