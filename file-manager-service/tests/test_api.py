"""The private API, called as API Gateway calls it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from file_manager import api, inbox
from file_manager.file import File, Submission, file_id
from file_manager.messages import StoreFile, parse
from file_manager.model import now
from file_manager.table import FilesTable

OWNER = "urn:tbs:payment:order-1"
CODES = {400: "MALFORMED", 422: "OUT_OF_BOUNDS"}

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def call(context: Any, sample: Sample) -> Call:
    def request(path: str, query: dict[str, str] | None = None) -> tuple[int, Any, dict[str, Any]]:
        event = sample("api-list-files") | {
            "path": path,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
        }
        answer = api.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"]), answer["multiValueHeaders"]

    return request


def hand_in(name: str, owner: str = OWNER, visibility: str = "private") -> File:
    given = Submission(
        owner=owner, name=name, content_type="text/html", visibility=visibility, content=name
    )
    file = File.of(f"id-of-{name}", given, "order-1", "order-1:2:StoreFile", now())
    FilesTable("Table").add(file)
    return file


def test_a_file_that_was_stored_is_there_with_a_link_to_it(
    call: Call, sample: Sample, context: Any
) -> None:
    event = sample("inbox-StoreFile")
    inbox.handler(event, context)
    sender, command = parse(event["Records"][0]["body"])
    assert isinstance(command, StoreFile)
    id_ = file_id(sender, command.metadata.id)
    status, file, headers = call(f"/files/{id_}")
    assert (status, file["fileId"], file["status"]) == (200, id_, "STORED")
    assert headers["Cache-Control"] == ["no-store"]

    url = urlsplit(file["link"]["url"])
    asked = parse_qs(url.query)
    assert url.hostname == "receipts.s3.eu-west-1.amazonaws.com"
    assert asked["X-Amz-Expires"] == ["300"]
    expires = datetime.fromisoformat(file["link"]["expiresAt"]) - now()
    assert timedelta(minutes=4) < expires <= timedelta(minutes=5)
    content = boto3.client("s3").get_object(Bucket="receipts", Key=url.path.lstrip("/"))["Body"]
    assert content.read() == command.data.body

    query = {"owner": command.data.owner}
    listed = call("/files", query)[1]
    only_here = {"link", "url", "renditions"}
    item = {k: v for k, v in file.items() if k not in only_here}
    assert listed == {"items": [item], "cursor": None}


def test_the_samples_are_answered(call: Call, sample: Sample, context: Any) -> None:
    inbox.handler(sample("inbox-StoreFile"), context)
    for name in ("api-get-file", "api-list-files"):
        assert api.handler(sample(name), context)["statusCode"] == 200


def test_a_rejected_file_has_no_link(call: Call) -> None:
    rejected = hand_in("picture.html", visibility="public")
    status, file, _ = call(f"/files/{rejected.file_id}")
    assert (status, file["status"], file["link"]) == (200, "REJECTED", None)
    assert file["reason"] == "VISIBILITY_NOT_ALLOWED"


def test_the_pages_together_hold_each_file_of_the_owner_once(call: Call) -> None:
    made = {hand_in(f"file-{n}.html").file_id for n in range(7)}
    hand_in("another.html", owner="urn:tbs:payment:order-2")
    seen: list[str] = []
    query = {"owner": OWNER, "limit": "3"}
    while True:
        page = call("/files", query)[1]
        seen += [file["fileId"] for file in page["items"]]
        if not page["cursor"]:
            break
        query["cursor"] = page["cursor"]
    assert len(seen) == 7
    assert set(seen) == made


def test_a_file_that_is_not_there(call: Call) -> None:
    status, content, _ = call("/files/none")
    assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
    assert "none" in content["error"]["message"]
    assert call("/files/" + "x" * 3000)[0] == 422


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (None, 400),
        ({"owner": "somebody"}, 422),
        ({"owner": OWNER, "limit": "many"}, 400),
        ({"owner": OWNER, "limit": "101"}, 422),
        ({"owner": OWNER, "cursor": ""}, 422),
        ({"owner": OWNER, "cursor": "x" * 3000}, 422),
    ],
)
def test_bad_input_is_told(call: Call, query: dict[str, str] | None, status: int) -> None:
    answered, content, _ = call("/files", query)
    assert content["error"].keys() == {"code", "message", "details"}
    assert (answered, content["error"]["code"]) == (status, CODES[status])


def test_a_body_that_is_too_large(sample: Sample, context: Any) -> None:
    answer = api.handler(sample("api-list-files") | {"body": "x" * 300_000}, context)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (413, "TOO_LARGE")


def test_a_failing_table_is_no_fault_of_the_caller(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(api.table, "file", down)
    status, content, _ = call("/files/any")
    assert (status, content["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "table" not in content["error"]["message"]
