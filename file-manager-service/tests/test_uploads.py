"""An upload, from its announcement to what is told of it: good ones, bad ones, twice and late."""

import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import Any

import boto3
import pytest
from file_manager.file import Rejection, Status
from file_manager.table import FilesTable
from PIL import Image

PDF = b"%PDF-1.7 a small one"
URL = "https://files.example.com"

House = Any


def saved(width: int, height: int, kind: str, colour: str = "navy", **options: Any) -> bytes:
    body = BytesIO()
    Image.new("RGB", (width, height), colour).save(body, kind, **options)
    return body.getvalue()


def bomb() -> bytes:
    """A PNG of a few kilobytes, 10,000 by 10,000 pixels."""
    body = BytesIO()
    Image.new("1", (10_000, 10_000)).save(body, "PNG")
    return body.getvalue()


def test_an_image_is_served_in_three_sizes(house: House) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    body = saved(2000, 1000, "JPEG", exif=exif)
    file_id = house.upload(body, contentType="image/jpeg", name="beach.jpg")
    house.flow()
    digest = sha256(body).hexdigest()
    base = f"public/{file_id}/{digest[:16]}"
    objects = house.objects()
    assert set(objects) == {f"{base}/{size}.webp" for size in ("thumbnail", "card", "full")}
    for size, width in (("thumbnail", 160), ("card", 480), ("full", 1600)):
        image = Image.open(BytesIO(objects[f"{base}/{size}.webp"]))
        assert (image.format, image.width) == ("WEBP", width)
        assert not image.getexif()
    file = house.file(file_id)
    assert (file.status, file.version, file.size, file.sha256) == ("STORED", 2, len(body), digest)

    (message,) = house.told
    assert (message["Source"], message["DetailType"]) == ("tbs.file-manager", "FileStored")
    metadata, data = message["Detail"]["metadata"], message["Detail"]["data"]
    assert metadata["id"] == f"{file_id}:2:FileStored"
    assert (metadata["correlationId"], metadata["causationId"]) == (file_id, None)
    status, shown = house.call("GET", f"/files/{file_id}")
    assert status == 200
    assert data == {
        "fileId": file_id,
        "owner": "urn:tbs:album:summer-1",
        "name": "beach.jpg",
        "contentType": "image/jpeg",
        "size": len(body),
        "sha256": digest,
        "visibility": "public",
        "status": "STORED",
        "createdAt": shown["createdAt"],
        "url": f"{URL}/{base}/full.webp",
        "renditions": {s: f"{URL}/{base}/{s}.webp" for s in ("thumbnail", "card", "full")},
    }
    assert (shown["url"], shown["renditions"]) == (data["url"], data["renditions"])
    assert shown["link"] is None


def test_what_is_public_may_be_kept_for_ever(house: House) -> None:
    house.upload()
    for key in house.objects():
        if key.startswith("public/"):
            head = boto3.client("s3").head_object(Bucket="bucket", Key=key)
            assert head["ContentType"] == "image/webp"
            assert head["CacheControl"] == "public, max-age=31536000, immutable"


def test_a_pdf_is_served_as_it_came_for_downloading(house: House) -> None:
    file_id = house.upload(PDF, contentType="application/pdf", name="manual.pdf")
    house.flow()
    key = f"public/{file_id}/{sha256(PDF).hexdigest()[:16]}/manual.pdf"
    assert house.objects() == {key: PDF}
    head = boto3.client("s3").head_object(Bucket="bucket", Key=key)
    assert head["ContentType"] == "application/pdf"
    assert head["ContentDisposition"] == 'attachment; filename="manual.pdf"'
    data = house.told[0]["Detail"]["data"]
    assert (data["url"], data["renditions"]) == (f"{URL}/{key}", None)


def test_a_private_image_is_told_without_addresses_and_read_by_links(house: House) -> None:
    file_id = house.upload(visibility="private")
    house.flow()
    assert len(house.objects()) == 3
    assert all(key.startswith(f"private/{file_id}/") for key in house.objects())
    data = house.told[0]["Detail"]["data"]
    assert (data["url"], data["renditions"]) == (None, None)
    _, shown = house.call("GET", f"/files/{file_id}")
    assert (shown["url"], shown["renditions"]) == (None, None)
    assert "/card.webp?" in shown["link"]["renditions"]["card"]
    assert shown["link"]["url"].split("?")[0].endswith("/full.webp")
    key = next(iter(house.objects()))
    head = boto3.client("s3").head_object(Bucket="bucket", Key=key)
    assert "public" not in head["CacheControl"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(saved(90, 80, "PNG")[:-20], Rejection.NOT_DECODABLE, id="truncated"),
        pytest.param(saved(9, 8, "JPEG"), Rejection.TYPE_DIFFERS, id="a JPEG named .png"),
        pytest.param(b"<!doctype html><script>", Rejection.TYPE_DIFFERS, id="HTML"),
        pytest.param(
            b"<svg xmlns='http://www.w3.org/2000/svg'/>", Rejection.TYPE_DIFFERS, id="SVG"
        ),
        pytest.param(bomb(), Rejection.TOO_MANY_PIXELS, id="a bomb"),
    ],
)
def test_what_is_not_what_it_says_is_rejected_and_gone(
    house: House, body: bytes, reason: Rejection
) -> None:
    file_id = house.upload(body)
    house.flow()
    assert house.objects() == {}
    file = house.file(file_id)
    assert (file.status, file.version, file.reason) == (Status.REJECTED, 2, reason)
    message, error = house.told
    assert (message["DetailType"], error["DetailType"]) == ("FileRejected", "ErrorRaised")
    assert message["Detail"]["data"] == {
        "fileId": file_id,
        "owner": "urn:tbs:album:summer-1",
        "name": "beach.png",
        "contentType": "image/png",
        "status": "REJECTED",
        "reason": reason,
    }
    _, shown = house.call("GET", f"/files/{file_id}")
    assert (shown["status"], shown["reason"], shown["url"]) == ("REJECTED", reason, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Rejection.EMPTY),
        (b"x" * 200, Rejection.SIZE_DIFFERS),
        (b"x" * 20_000_000, Rejection.SIZE_DIFFERS),
    ],
)
def test_what_a_form_would_have_refused_is_rejected_all_the_same(
    house: House, body: bytes, reason: Rejection
) -> None:
    file_id = house.announce(size=100)["fileId"]
    house.post(file_id, body)
    assert house.hear(file_id)
    file = house.file(file_id)
    assert (file.status, file.reason, file.size) == (Status.REJECTED, reason, len(body))


def test_s3_may_tell_of_it_as_often_as_it_likes(house: House) -> None:
    file_id = house.upload()
    assert house.hear(file_id)
    house.flow()
    assert house.hear(file_id)
    house.flow()
    assert house.file(file_id).version == 2
    assert len(house.objects()) == 3
    assert [message["DetailType"] for message in house.told] == ["FileStored"]


def test_a_second_upload_to_the_same_form_changes_nothing(house: House) -> None:
    file_id = house.upload()
    house.flow()
    before, stored = house.objects(), house.file(file_id)
    house.post(file_id, saved(8, 6, "PNG", "red"))
    assert house.hear(file_id)
    house.flow()
    assert house.objects() == before
    assert house.file(file_id) == stored
    assert len(house.told) == 1


def test_an_upload_that_overtakes_the_news_of_the_first_is_the_one_that_is_judged(
    house: House,
) -> None:
    file_id = house.announce()["fileId"]
    house.post(file_id, saved(8, 6, "PNG", "red"))
    house.post(file_id)
    assert house.hear(file_id)
    assert house.hear(file_id)
    assert house.file(file_id).sha256 == sha256(house.picture).hexdigest()


def test_an_upload_that_is_gone_is_nobodys_fault(house: House) -> None:
    file_id = house.announce()["fileId"]
    assert house.hear(file_id)
    assert house.file(file_id).status is Status.PENDING


@pytest.mark.parametrize("status", ["DELETED", "EXPIRED"])
def test_what_comes_too_late_is_removed(house: House, status: str) -> None:
    announced = house.announce()
    file_id = announced["fileId"]
    file = house.file(file_id)
    ended = file.delete(file.updated_at) if status == "DELETED" else file.expire(file.updated_at)
    FilesTable("Table").save(ended, after=file)
    house.flow()
    house.post(file_id)
    assert house.hear(file_id)
    assert house.objects() == {}
    assert house.file(file_id) == ended


def test_what_belongs_to_no_file_is_removed(house: House) -> None:
    house.post("nobody's")
    assert house.hear("nobody's")
    assert house.objects() == {}


def test_what_s3_never_says_is_a_dead_letter(
    house: House, context: Any, dead_letters: Callable[[], list[str]]
) -> None:
    from file_manager import uploads

    for body in ("{}", json.dumps({"detail": {"object": {"key": "public/other"}}})):
        record = {"messageId": "1", "receiptHandle": "h", "body": body, "attributes": {}}
        assert uploads.handler({"Records": [record]}, context) == {"batchItemFailures": []}
        assert dead_letters() == [body]
