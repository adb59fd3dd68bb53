"""Pictures, from a form that is posted to what a browser shows; and all that is none."""

import json
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from PIL import Image

from local import aws, stacks
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.files import Files, picture
from tests.e2e.shop import Shop, eventually

MB = 1024 * 1024


@pytest.fixture(scope="module")
def files(settings: Settings) -> Files:
    return Files(settings)


@pytest.fixture(autouse=True)
def nothing_is_left_over(shop: Shop) -> Iterator[None]:
    """Whatever a test did, nobody gave a message up."""
    yield
    assert shop.dead_letters() == {}


def owner(toy_id: str) -> str:
    return f"urn:tbs:toy:{toy_id}"


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it is 10,000 by 10,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + checksum

    size = (10_000).to_bytes(4, "big") * 2
    rows = zlib.compress(bytes(100_000), 9)
    header = chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_comes_to_its_toy_and_to_who_looks_at_it(
    shop: Shop, files: Files, shopper: Shopper, settings: Settings
) -> None:
    toy_id = shop.new_toy(stock=1)
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6  # it lies on its side
    body = picture(1000, 600, "JPEG", exif=exif)
    stored = files.put(
        body, content_type="image/jpeg", owner=owner(toy_id), name="top.jpg", visibility="public"
    )
    assert stored["status"] == "STORED"
    pictures = eventually(lambda: shop.toy(toy_id)["pictures"])
    assert [one["fileId"] for one in pictures] == [stored["fileId"]]

    def shown() -> list[dict[str, str]]:
        answer = shopper.request("GET", f"/toys/{toy_id}")
        found: list[dict[str, str]] = answer.json().get("pictures", []) if answer else []
        return found

    (place,) = eventually(shown)
    for size, edge in (("thumbnail", 160), ("card", 480), ("full", 1000)):
        assert place[size].startswith(settings.url)
        answer = httpx.get(place[size])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
        image = Image.open(BytesIO(answer.content))
        assert image.height == edge
        assert image.width < image.height
        assert not image.getexif()
        assert b"taken at home" not in answer.content

    assert files.call("DELETE", f"/files/{stored['fileId']}").status_code == 204
    assert files.call("GET", f"/files/{stored['fileId']}").status_code == 404
    assert eventually(lambda: not shop.toy(toy_id)["pictures"])
    assert eventually(lambda: not shown())
    assert eventually(lambda: not files.objects(stored["fileId"]))
    assert httpx.get(place["card"]).status_code in (403, 404)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(picture()[:-300], "NOT_DECODABLE", id="a truncated PNG"),
        pytest.param(picture(kind="JPEG"), "TYPE_DIFFERS", id="a JPEG named .png"),
        pytest.param(b"<!doctype html><script>1</script>", "TYPE_DIFFERS", id="HTML"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "TYPE_DIFFERS", id="SVG"),
        pytest.param(bomb(), "TOO_MANY_PIXELS", id="a bomb"),
    ],
)
def test_what_is_no_picture_is_rejected_and_gone(
    shop: Shop, files: Files, body: bytes, reason: str
) -> None:
    toy_id = shop.new_toy(stock=1)
    file = files.put(body, owner=owner(toy_id))
    assert (file["status"], file["reason"]) == ("REJECTED", reason)
    assert eventually(lambda: not files.objects(file["fileId"]))
    assert shop.toy(toy_id)["pictures"] == []


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"size": 0}, 422),
        ({"size": 5 * MB + 1}, 422),
        ({"contentType": "image/svg+xml"}, 422),
        ({"contentType": "text/html"}, 422),
        ({"name": "../../etc/passwd"}, 422),
        ({"owner": "nobody"}, 422),
        ({"visibility": "secret"}, 422),
        ({"size": "many"}, 400),
        ({"more": 1}, 400),
    ],
)
def test_no_form_is_given_out_for_what_is_not_allowed(
    files: Files, told: dict[str, Any], status: int
) -> None:
    good = {
        "owner": "urn:tbs:test:1",
        "name": "a.png",
        "contentType": "image/png",
        "size": 10,
        "visibility": "public",
    }
    answer = files.call("POST", "/files", json=good | told)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_a_form_takes_what_it_was_given_out_for_and_nothing_else(files: Files) -> None:
    body = picture()
    file = files.announce(len(body))
    key = file["upload"]["fields"]["key"]
    for wrong, fields in (
        (b"", {}),
        (body + b"1", {}),
        (bytes(5 * MB + 1), {}),
        (body, {"key": f"{key}/../../public/x"}),
        (body, {"key": "../secret"}),
        (body, {"Content-Type": "text/html"}),
    ):
        answer = files.post(file, wrong, **fields)
        assert 400 <= answer.status_code < 500, (fields, answer.text)
    assert files.objects(file["fileId"]) == []
    assert files.get(file["fileId"])["status"] == "PENDING"
    assert files.post(file, body).is_success
    assert files.ended(file["fileId"])["status"] == "STORED"


def test_the_second_upload_to_a_form_changes_nothing(files: Files) -> None:
    body = picture()
    file = files.announce(len(body))
    assert files.post(file, body).is_success
    stored = files.ended(file["fileId"])
    assert eventually(lambda: f"incoming/{file['fileId']}" not in files.objects(file["fileId"]))
    before = files.objects(file["fileId"])
    other = picture(kind="PNG", compress_level=0)[: len(body)]
    assert files.post(file, other).is_success
    assert eventually(lambda: files.objects(file["fileId"]) == before)
    again = files.get(file["fileId"])
    assert {**again, "links": None} == {**stored, "links": None}


def test_an_expired_form_is_refused(files: Files, settings: Settings) -> None:
    session = boto3.Session(aws.ACCESS_KEY, aws.SECRET_KEY, region_name=settings.region)
    s3 = session.client(
        "s3", endpoint_url=settings.aws_url, config=Config(signature_version="s3v4")
    )
    form = s3.generate_presigned_post(files.bucket, "incoming/late", ExpiresIn=-5)
    answer = files.post({"upload": form}, picture())
    assert answer.status_code == 403, answer.text


def test_a_picture_of_no_toy_of_ours_ends_quietly(shop: Shop, files: Files) -> None:
    stored = files.put(picture(), owner=owner(str(uuid.uuid4())))
    assert stored["status"] == "STORED"
    shop.await_quiet()
    listed = files.call("GET", f"/files?owner={stored['owner']}").json()["items"]
    assert [one["fileId"] for one in listed] == [stored["fileId"]]


def test_a_file_deleted_while_it_is_looked_at_leaves_nothing(shop: Shop, files: Files) -> None:
    toy_id = shop.new_toy(stock=1)
    body = picture(2000, 1500)
    announced = [files.announce(len(body), owner=owner(toy_id)) for _ in range(4)]
    for number, file in enumerate(announced):
        assert files.post(file, body).is_success
        time.sleep(0.1 * number)
        assert files.call("DELETE", f"/files/{file['fileId']}").status_code == 204
    shop.await_quiet()
    for file in announced:
        assert eventually(lambda: not files.objects(file["fileId"])), file  # noqa: B023
        assert files.call("GET", f"/files/{file['fileId']}").status_code == 404
    assert eventually(lambda: not shop.toy(toy_id)["pictures"])


def test_what_s3_says_twice_is_done_once(
    shop: Shop, files: Files, s3_events: Callable[[], list[dict[str, Any]]]
) -> None:
    toy_id = shop.new_toy(stock=1)
    stored = files.put(picture(), owner=owner(toy_id))
    before = eventually(lambda: shop.toy(toy_id)["pictures"])
    key = f"incoming/{stored['fileId']}"
    told = eventually(lambda: [e for e in s3_events() if e["detail"]["object"]["key"] == key])
    assert told
    queue = stacks.outputs(files.settings, "file-manager")["UploadsUrl"]
    sqs = aws.client("sqs", files.settings)
    for _ in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(told[0]))
    shop.await_quiet()
    assert files.get(stored["fileId"])["version"] == stored["version"]
    assert shop.toy(toy_id)["pictures"] == before


@pytest.fixture
def s3_events(settings: Settings) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What S3 tells the bus from here on."""
    events, sqs = aws.client("events", settings), aws.client("sqs", settings)
    name = f"tbs-s3-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "watch", "Arn": arn["QueueArn"]}])
    seen: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        seen.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return seen

    yield read
    events.remove_targets(Rule=name, Ids=["watch"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=queue)


def test_only_what_is_public_is_reached_from_outside(files: Files, settings: Settings) -> None:
    body = picture()
    private = files.put(body, visibility="private")
    assert private["status"] == "STORED"
    for key in files.objects(private["fileId"]):
        answer = httpx.get(f"{settings.url}/public/../{key}")
        assert answer.status_code in (403, 404)
        assert httpx.get(f"{settings.aws_url}/{files.bucket}/{key}").status_code == 403
    links = files.call("GET", f"/files/{private['fileId']}").json()
    reached = httpx.get(links["link"]["url"])
    assert reached.status_code == 200
    assert reached.headers["content-type"] == "image/webp"
