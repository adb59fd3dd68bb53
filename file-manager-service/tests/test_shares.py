"""Shares: asked for, read, over; whatever happens in between."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from traceback import format_exception
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from file_manager import cleaner, inbox, sweep
from file_manager.model import now
from file_manager.share import Share, ShareStatus
from file_manager.share_items import SharesTable
from file_manager.shelf import S3Failed, SharedFiles

House = Any
PDF = b"%PDF-1.7 puppets"
SHARE_ID = "order-1:1"
SHARED = ["GetItem", "GetItem", "PutItem", "GetItem", "CopyObject", "TransactWriteItems"]
"""The calls of a share: is it known, its file, its token, its file again, its copy, the commit."""


@pytest.fixture
def pdf(house: House) -> str:
    """A private PDF that is stored: its id."""
    id_: str = house.upload(
        PDF, contentType="application/pdf", name="puppets.pdf", visibility="private"
    )
    house.flow()
    house.told.clear()
    return id_


def asked(file_id: str, share_id: str = SHARE_ID, **changes: Any) -> dict[str, Any]:
    """The command, as orders sends it, in the queue."""
    metadata = {
        "id": "order-1:5:ShareFile",
        "correlationId": "order-1",
        "causationId": None,
        "occurredAt": "2026-11-20T10:15:00.000Z",
        "version": 5,
    }
    data = {"shareId": share_id, "fileId": file_id, "days": 30} | changes
    body = {
        "source": "tbs.orders",
        "detail-type": "ShareFile",
        "detail": {"metadata": metadata, "data": data},
    }
    record = {
        "messageId": share_id,
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    return {"Records": [record]}


def handled(house: House, file_id: str, **changes: Any) -> bool:
    """Give the inbox the command. False: it has to come again."""
    answer = inbox.handler(asked(file_id, **changes), house.context)
    return not answer["batchItemFailures"]


def kept(share_id: str = SHARE_ID) -> Share:
    share = SharesTable("Table").share(share_id)
    assert share
    return share


def shared(house: House) -> dict[str, bytes]:
    """What can be read by links."""
    return {key: body for key, body in house.objects().items() if key.startswith("shared/")}


def delete(house: House, id_: str) -> None:
    assert house.call("DELETE", f"/files/{id_}")[0] == 204


def test_a_file_is_shared_once_however_often_it_is_asked_for(house: House, pdf: str) -> None:
    assert handled(house, pdf)
    share = kept()
    house.flow()
    assert handled(house, pdf)
    assert handled(house, pdf, days=60)
    house.flow()
    assert kept() == share
    assert share.status is ShareStatus.SHARED
    assert shared(house) == {f"shared/{pdf}/{share.token}/puppets.pdf": PDF}
    (told,) = house.told
    assert told["DetailType"] == "FileShared"
    data = told["Detail"]["data"]
    assert data["url"] == f"https://files.example.com/{share.key}"
    assert data["expiresAt"] == share.model_dump()["expiresAt"]
    head = boto3.client("s3").head_object(Bucket="bucket", Key=share.key)
    assert head["ContentType"] == "application/pdf"
    assert head["CacheControl"] == "private, no-store"
    assert head["ContentDisposition"] == 'attachment; filename="puppets.pdf"'


def test_of_an_image_its_largest_size_is_shared(house: House) -> None:
    id_ = house.upload(visibility="private", name="fox.png")
    assert handled(house, id_)
    ((key, body),) = shared(house).items()
    assert key.endswith("/fox.webp")
    full = {k: b for k, b in house.objects().items() if k.startswith(f"private/{id_}/")}
    assert body == next(b for k, b in full.items() if k.endswith("full.webp"))
    assert boto3.client("s3").head_object(Bucket="bucket", Key=key)["ContentType"] == "image/webp"


def test_two_shares_of_a_file_are_two(house: House, pdf: str) -> None:
    assert handled(house, pdf)
    assert handled(house, pdf, share_id="order-2:1")
    assert len(shared(house)) == 2
    assert kept().token != kept("order-2:1").token


@pytest.mark.parametrize("which", ["unknown", "SHARE#order-1:1", "public", "deleted"])
def test_what_cannot_be_shared_is_refused_at_once(house: House, pdf: str, which: str) -> None:
    id_, reason = which, "FILE_UNKNOWN"
    if which == "public":
        id_, reason = house.upload(), "FILE_NOT_SHAREABLE"
    if which == "deleted":
        id_, reason = pdf, "FILE_DELETED"
        delete(house, id_)
    house.flow()
    house.told.clear()
    for _ in range(2):
        assert handled(house, id_)
        house.flow()
    assert shared(house) == {}
    (told,) = house.told
    assert told["DetailType"] == "FileNotShared"
    assert told["Detail"]["data"] == {"shareId": SHARE_ID, "fileId": id_, "reason": reason}


def test_what_no_share_looks_like_is_a_dead_letter(
    house: House, pdf: str, dead_letters: Callable[[], list[str]]
) -> None:
    assert handled(house, pdf, days=91)
    assert len(dead_letters()) == 1
    assert SharesTable("Table").share(SHARE_ID) is None


def test_the_token_is_kept_before_the_copy_and_the_commit_is_last(
    house: House, pdf: str, calls: list[tuple[str, Any]]
) -> None:
    assert handled(house, pdf)
    assert [name for name, _ in calls] == SHARED


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("operation", dict.fromkeys(SHARED))
@pytest.mark.parametrize("meanwhile", ["nothing", "deleted", "deleted and cleaned"])
def test_after_a_crash_at_any_call_it_goes_on(
    house: House,
    pdf: str,
    crash_at: Callable[[str, bool], None],
    operation: str,
    done: bool,
    meanwhile: str,
) -> None:
    """The message comes again, after what may have happened to its file by then."""
    crash_at(operation, done)
    assert not handled(house, pdf)
    if meanwhile != "nothing":
        delete(house, pdf)
    if meanwhile == "deleted and cleaned":
        house.flow()
    assert handled(house, pdf)
    house.flow()
    house.flow()
    check(house, is_deleted=meanwhile != "nothing")


@pytest.mark.parametrize("number", range(len(SHARED)))
@pytest.mark.parametrize("dies", [False, True])
def test_a_file_that_is_deleted_while_it_is_shared_is_not_shared(
    house: House, pdf: str, monkeypatch: pytest.MonkeyPatch, number: int, dies: bool
) -> None:
    """All of it, and the cleaner's work, before the nth call; which is the last one, if it dies."""
    from botocore.client import BaseClient

    real, made, busy = BaseClient._make_api_call, 0, False  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: Any) -> Any:
        nonlocal made, busy
        if busy or name not in SHARED:
            return real(client, name, params)
        made += 1
        if made == number + 1:
            busy = True
            delete(house, pdf)
            house.flow()
            busy = False
            if dies:
                raise ConnectionError(name)
        return real(client, name, params)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        handled(house, pdf)
    assert handled(house, pdf)
    house.flow()
    house.flow()
    check(house, is_deleted=True)


def check(house: House, *, is_deleted: bool) -> None:
    """The item, the bucket and what was told agree."""
    share = kept()
    names = [told["DetailType"] for told in house.told if "Share" in told["DetailType"]]
    if not is_deleted:
        assert share.status is ShareStatus.SHARED
        assert shared(house) == {share.key: PDF}
        assert names == ["FileShared"]
        return
    assert shared(house) == {}
    ended = {ShareStatus.ENDED: "FileShared", ShareStatus.REFUSED: "FileNotShared"}
    assert names == [ended[share.status]]


def test_a_share_ends_with_its_file(house: House, pdf: str) -> None:
    for number in range(3):
        assert handled(house, pdf, share_id=f"order-{number}:1")
    house.flow()
    house.told.clear()
    delete(house, pdf)
    house.flow()
    house.flow()
    assert shared(house) == {}
    assert {kept(f"order-{n}:1").status for n in range(3)} == {ShareStatus.ENDED}
    assert [told["DetailType"] for told in house.told] == ["FileDeleted"]


@pytest.mark.parametrize("operation", ["DeleteObjects", "Query", "PutItem"])
def test_the_cleaner_ends_all_shares_though_it_dies_in_between(
    house: House, pdf: str, crash_at: Callable[[str, bool], None], operation: str
) -> None:
    from file_manager import cleaner

    for number in range(2):
        assert handled(house, pdf, share_id=f"order-{number}:1")
    house.flow()
    delete(house, pdf)
    changes = {"Records": [r for r in house._changes() if r["eventName"] == "MODIFY"]}
    crash_at(operation, True)
    with pytest.raises(Exception, match=operation):
        cleaner.handler(changes, house.context)
    cleaner.handler(changes, house.context)
    assert shared(house) == {}
    assert {kept(f"order-{n}:1").status for n in range(2)} == {ShareStatus.ENDED}


def test_a_copy_that_came_late_goes_with_the_file_s_tombstone(house: House, pdf: str) -> None:
    delete(house, pdf)
    house.flow()
    boto3.client("s3").put_object(Bucket="bucket", Key=f"shared/{pdf}/t/p.pdf", Body=b"late")
    SharesTable("Table")._table.delete_item(Key={"fileId": pdf})
    house.flow()
    assert house.objects() == {}


# What is over


@pytest.fixture
def in_days(monkeypatch: pytest.MonkeyPatch, context: Any) -> Callable[[float], Any]:
    """Sweep in so many days."""
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: 60_000)

    def run(days: float) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(sweep, "now", lambda: now() + timedelta(days=days))
            return sweep.handler({}, context)

    return run


def test_a_share_is_over_after_its_days(
    house: House, pdf: str, in_days: Callable[[float], Any]
) -> None:
    assert handled(house, pdf)
    assert handled(house, pdf, share_id="order-2:1", days=60)
    house.flow()
    house.told.clear()
    assert in_days(29.9)["expired"] == 0
    assert in_days(30.1) == {"expired": 1, "moved_on": 0, "failed": 0, "left": 0}
    assert in_days(30.1)["expired"] == 0
    house.flow()
    share = kept()
    assert share.status is ShareStatus.EXPIRED
    assert list(shared(house)) == [kept("order-2:1").key]
    assert house.told == []
    item = SharesTable("Table")._table.get_item(Key={"fileId": f"SHARE#{SHARE_ID}"})["Item"]
    assert "ending" not in item
    forget: Any = item["forgetAt"]
    assert int(forget) == int((share.updated_at + timedelta(days=30)).timestamp())
    # Asked for again, it stays over.
    assert handled(house, pdf)
    assert kept() == share


def test_a_share_that_the_index_still_has_is_looked_at(
    house: House, pdf: str, in_days: Callable[[float], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handled(house, pdf)
    monkeypatch.setattr(sweep.table, "due", lambda _: iter([SHARE_ID, "nobody's"]))
    assert in_days(1)["moved_on"] == 2
    assert kept().status is ShareStatus.SHARED


def test_what_is_left_of_a_share_goes_with_its_item(house: House, pdf: str) -> None:
    assert handled(house, pdf)
    house.flow()
    SharesTable("Table")._table.delete_item(Key={"fileId": f"SHARE#{SHARE_ID}"})
    house.flow()
    assert shared(house) == {}


# Who sees what


def test_the_api_lists_shares_and_shows_no_link(house: House, pdf: str) -> None:
    for number in range(3):
        assert handled(house, pdf, share_id=f"order-{number}:1")
    path, found, query = f"/files/{pdf}/shares", [], {"limit": "2"}
    while True:
        status, page = house.call("GET", path, query=query)
        assert status == 200
        found += page["items"]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert [one["shareId"] for one in found] == [f"order-{n}:1" for n in range(3)]
    assert found[0].keys() == {"shareId", "status", "createdAt", "expiresAt"}
    assert {one["status"] for one in found} == {"SHARED"}


def test_of_an_unknown_file_no_shares_are_listed(house: House, pdf: str) -> None:
    path = f"/files/{pdf}/shares"
    assert house.call("GET", path) == (200, {"items": [], "cursor": None})
    assert house.call("GET", "/files/unknown/shares")[0] == 404
    delete(house, pdf)
    assert house.call("GET", path)[0] == 404


def test_the_shares_of_a_deleted_file_are_listed(house: House, pdf: str) -> None:
    assert handled(house, pdf)
    delete(house, pdf)
    house.flow()
    status, page = house.call("GET", f"/files/{pdf}/shares")
    assert (status, [one["status"] for one in page["items"]]) == (200, ["ENDED"])
    after = {"cursor": SHARE_ID}
    assert house.call("GET", f"/files/{pdf}/shares", query=after)[1]["items"] == []


def test_a_share_is_no_file(house: House, pdf: str) -> None:
    assert handled(house, pdf)
    for method in ("GET", "DELETE"):
        assert house.call(method, f"/files/SHARE#{SHARE_ID}")[0] == 404
    owner = house.file(pdf).owner
    listed = house.call("GET", "/files", query={"owner": owner})[1]["items"]
    assert [file["fileId"] for file in listed] == [pdf]
    assert house.call("GET", "/files", query={"owner": f"SHARES#{pdf}"})[0] == 422


def test_nothing_that_is_logged_or_traced_opens_a_share(
    house: House, pdf: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from aws_xray_sdk.ext.boto_utils import whitelist  # type: ignore[import-untyped]

    assert handled(house, pdf)
    token = kept().token
    house.flow()
    delete(house, pdf)
    house.flow()
    assert caplog.records
    assert token not in str([vars(record) for record in caplog.records])
    output = capsys.readouterr()
    assert token not in output.out + output.err
    # Of S3, X-Ray would write down the keys.
    assert "s3" not in whitelist["services"]


class Raw(BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


@pytest.mark.parametrize("quotes", ["time-out", "AccessDenied"])
def test_no_failure_of_s3_opens_a_share(
    house: House,
    pdf: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    quotes: str,
) -> None:
    """A time-out quotes the URL, and who is not allowed to do something is told of what."""
    assert handled(house, pdf)
    house.flow()
    share, file = kept(), house.file(pdf)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    shelf = SharedFiles("bucket")

    def sent(request: Any, **_: Any) -> Any:
        if quotes == "time-out":
            raise ReadTimeoutError(endpoint_url=f"{request.url}/{share.key}")
        body = f"<Error><Code>{quotes}</Code><Message>{share.key}</Message><Key>{share.key}</Key>"
        return AWSResponse(request.url, 403, HTTPHeaders(), Raw(f"{body}</Error>".encode()))

    shelf._s3.meta.events.register_first("before-send.s3", sent)
    real, traced = BaseClient._make_api_call, []  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: Any) -> Any:
        """X-Ray writes down each ClientError, with all that it holds."""
        try:
            return real(client, name, params)
        except ClientError as error:
            traced.append((str(error), vars(error)))
            raise

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    attempts: list[Callable[[], None]] = [
        lambda: shelf.put(share, file),
        lambda: shelf.remove(share),
        lambda: shelf.clear(pdf),
    ]
    for attempt in attempts:
        with pytest.raises(S3Failed, match="Timeout" if quotes == "time-out" else quotes) as failed:
            attempt()
        traced.append(("".join(format_exception(failed.value)), vars(failed.value)))
    for door in (inbox, cleaner):
        monkeypatch.setattr(door, "shelf", shelf)
    assert not handled(house, pdf, share_id="order-2:1")
    delete(house, pdf)
    with pytest.raises(S3Failed) as failed:
        house.flow()
    traced.append(("".join(format_exception(failed.value)), vars(failed.value)))
    told = str(traced) + str([vars(record) for record in caplog.records])
    assert share.token not in told
    assert kept("order-2:1").token not in told
