"""Whatever happens between any two calls of AWS: no orphan, no loss, nothing told twice over.

While one function works, something else happens before one of its calls, and the function goes on
or dies there. Afterwards everything comes again that has to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from file_manager import cleaner, image, inbox, places, sweep, uploads
from file_manager.file import Status, file_id
from file_manager.messages import parse
from file_manager.table import FilesTable
from PIL import Image

House = Any
Act = Callable[[House, str], None]

CALLS_OF_AN_UPLOAD = 7
"""GetItem, GetObject, GetItem, PutObject for each of three sizes, PutItem."""
TRIED = {"not": (0, 1, 2, 3, 4, 6), "before": (0, 4, 6), "after": (3, 4, 6)}
"""Before which calls something happens. Those that are left out leave what another leaves.

Who dies at a call that reads has done nothing, whichever it is; and before the third PutObject it
is as before the second: a part of the sizes is there.
"""


class Death(Exception):
    """The function ends here."""


@contextmanager
def interrupted(number: int, act: Callable[[], None], dies: str) -> Iterator[Callable[[], bool]]:
    """Lets `act` happen before the nth call of AWS, which the caller dies "before" or "after".

    Gives what says whether there were so many calls.
    """
    real, made, busy = BaseClient._make_api_call, 0, False  # type: ignore[attr-defined]

    def call(client: BaseClient, name: str, params: Any) -> Any:
        nonlocal made, busy
        if busy or client.meta.service_model.service_name == "sqs":
            return real(client, name, params)
        made += 1
        if made != number + 1:
            return real(client, name, params)
        busy = True
        act()
        busy = False
        if dies == "before":
            raise Death(name)
        if dies == "not":
            return real(client, name, params)
        with suppress(ClientError):
            real(client, name, params)
        raise Death(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield lambda: made > number


def drawn(width: int, height: int) -> bytes:
    """A PNG with as many bytes behind its end as it takes for all to be of one size."""
    body = BytesIO()
    Image.new("RGB", (width, height), "gold").save(body, "PNG")
    return body.getvalue().ljust(200, b"\0")


ONE, OTHER = drawn(8, 6), drawn(6, 8)


def nothing(house: House, id_: str) -> None:
    pass


def delete(house: House, id_: str) -> None:
    assert house.call("DELETE", f"/files/{id_}")[0] == 204


def delete_and_clean(house: House, id_: str) -> None:
    delete(house, id_)
    house.flow()


def expire(house: House, id_: str) -> None:
    sweep.expire(id_)


def expire_and_clean(house: House, id_: str) -> None:
    expire(house, id_)
    house.flow()


def hear_it_too(house: House, id_: str) -> None:
    assert house.hear(id_)


def hear_it_too_and_clean(house: House, id_: str) -> None:
    hear_it_too(house, id_)
    house.flow()


def post_another(house: House, id_: str) -> None:
    house.post(id_, OTHER)


def hear_another(house: House, id_: str) -> None:
    post_another(house, id_)
    assert house.hear(id_)


def hear_another_and_clean(house: House, id_: str) -> None:
    hear_another(house, id_)
    house.flow()


ACTS = [
    nothing,
    delete,
    delete_and_clean,
    expire,
    expire_and_clean,
    hear_it_too,
    hear_it_too_and_clean,
    post_another,
    hear_another,
    hear_another_and_clean,
]


def come_to_rest(house: House, id_: str) -> None:
    """All that is still to come, comes, and more often than it has to."""
    for _ in range(2):
        assert house.hear(id_)
        house.flow()


def check(house: House, id_: str) -> None:
    """The item, the bucket and what was told agree."""
    file = house.file(id_)
    objects = house.objects(of=id_)
    told = {
        m["Detail"]["metadata"]["id"]: m["DetailType"]
        for m in house.told
        if m["Detail"]["data"]["fileId"] == id_
    }
    if file.status is Status.STORED:
        keys = places.keys(file).renditions
        assert keys
        assert set(objects) == set(keys.model_dump().values())
        given = {sha256(b).hexdigest(): b for b in (ONE, OTHER)}
        original = Image.open(BytesIO(given[file.sha256]))
        for body in objects.values():
            assert Image.open(BytesIO(body)).size == original.size
        assert list(told.values()) == ["FileStored"]
    else:
        assert file.status in {Status.DELETED, Status.EXPIRED}
        assert objects == {}
        wanted = {Status.DELETED: ["FileDeleted"], Status.EXPIRED: []}[file.status]
        assert [name for name in told.values() if name != "FileStored"] == wanted


@pytest.mark.parametrize("dies", ["before", "after", "not"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: str(act.__name__))
def test_an_upload_ends_well(house: House, act: Act, dies: str) -> None:
    for number in TRIED[dies]:
        id_ = house.announce(size=len(ONE))["fileId"]
        house.post(id_, ONE)
        with interrupted(number, lambda id_=id_: act(house, id_), dies) as was:  # type: ignore[misc]
            heard = house.hear(id_)
        assert was()
        assert heard == (dies == "not")
        come_to_rest(house, id_)
        check(house, id_)


def test_an_upload_takes_as_many_calls_as_are_tried(house: House) -> None:
    id_ = house.announce()["fileId"]
    house.post(id_)
    with interrupted(CALLS_OF_AN_UPLOAD, lambda: None, "not") as was:
        assert house.hear(id_)
    assert not was()


@pytest.mark.parametrize("dies", ["before", "after"])
def test_the_cleaner_goes_on_until_it_is_done(house: House, context: Any, dies: str) -> None:
    number, more = 0, True
    while more:
        id_ = house.upload()
        house.flow()
        shown = list(house.objects(of=id_))
        house.post(id_, OTHER)
        delete(house, id_)
        changes = [r for r in house._changes() if r["eventName"] == "MODIFY"]
        with interrupted(number, lambda: None, dies) as was:
            try:
                cleaner.handler({"Records": changes}, context)
            except Death:
                assert was()
        more = was()
        cleaner.handler({"Records": changes}, context)
        assert house.objects(of=id_) == {}
        assert {f"/{key}" for key in shown} <= set(house.forgotten())
        number += 1
    assert (
        number - 1 == 6
    )  # DeleteObject of the upload, ListObjectsV2, three sizes, CreateInvalidation


@pytest.mark.parametrize("dies", ["before", "after", "not"])
def test_a_receipt_that_is_deleted_while_it_is_stored_again_stays_deleted(
    house: House, sample: Callable[[str], dict[str, Any]], context: Any, dies: str
) -> None:
    event = sample("inbox-StoreFile")
    sender, command = parse(event["Records"][0]["body"])
    id_ = file_id(sender, command.metadata.id)

    def stored_and_deleted() -> None:
        inbox.handler(event, context)
        delete(house, id_)
        house.flow()

    for number in range(3):
        with interrupted(number, stored_and_deleted, dies) as was:
            inbox.handler(event, context)
        assert was()
        assert inbox.handler(event, context) == {"batchItemFailures": []}
        house.flow()
        assert house.objects("receipts") == {}
        file = house.file(id_)
        assert file.status is Status.DELETED
        FilesTable("Table")._table.delete_item(Key={"fileId": id_})
        house.flow()


def test_a_stored_receipt_is_not_touched_by_the_cleaner(
    house: House, sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    inbox.handler(sample("inbox-StoreFile"), context)
    house.flow()
    assert len(house.objects("receipts")) == 1
    assert house.forgotten() == []


def test_many_that_are_deleted_at_once_are_forgotten_in_one_call(
    house: House, calls: list[tuple[str, Any]]
) -> None:
    ids = [house.upload() for _ in range(20)]
    house.flow()
    shown = list(house.objects())
    for id_ in ids:
        delete(house, id_)
    del calls[:]
    house.flow()
    made = [params for name, params in calls if name == "CreateInvalidation"]
    assert len(made) == 1
    paths = made[0]["InvalidationBatch"]["Paths"]
    assert (paths["Items"], paths["Quantity"]) == (sorted(f"/{key}" for key in shown), 60)
    removed = [name for name, _ in calls].index("CreateInvalidation")
    assert "DeleteObject" not in [name for name, _ in calls][removed:]


@pytest.mark.parametrize("act", [delete_and_clean, hear_it_too_and_clean], ids=lambda a: a.__name__)
def test_what_is_written_late_is_not_kept_by_cloudfront(house: House, act: Act) -> None:
    """A second function at the same upload, which writes after the file was cleaned away."""
    id_ = house.upload()
    file = house.file(id_)
    house.flow()
    late = places.objects(file)
    act(house, id_)
    if act is not delete_and_clean:
        delete_and_clean(house, id_)
    for key in late:
        boto3.client("s3").put_object(Bucket="bucket", Key=key, Body=b"late")
    before = house.forgotten()
    uploads.tidy(house.file(id_))
    assert house.objects() == {}
    assert sorted(house.forgotten()) == sorted([*before, *(f"/{key}" for key in late)])


def test_nothing_is_written_for_what_is_decided_while_an_image_is_worked_on(
    house: House, calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = house.announce(size=len(ONE))["fileId"]
    house.post(id_, ONE)
    made = image.renditions

    def slow(body: bytes, content_type: str) -> dict[str, bytes]:
        delete_and_clean(house, id_)
        return made(body, content_type)

    monkeypatch.setattr(image, "renditions", slow)
    del calls[:]
    assert house.hear(id_)
    assert "PutObject" not in [name for name, _ in calls]
    check(house, id_)


@pytest.mark.parametrize("end", [delete, expire], ids=lambda a: a.__name__)
def test_what_is_left_of_a_file_goes_with_its_tombstone(house: House, end: Act) -> None:
    """A function wrote after the cleaner was there, and died each time it was called again."""
    id_ = house.upload() if end is delete else house.announce()["fileId"]
    house.flow()
    end(house, id_)
    house.flow()
    told = len(house.forgotten())
    place = {"public": f"public/{id_}/0123/card.webp", "incoming": places.incoming(id_)}
    for key in place.values():
        boto3.client("s3").put_object(Bucket="bucket", Key=key, Body=b"left")
    FilesTable("Table")._table.delete_item(Key={"fileId": id_})
    house.flow()
    assert house.objects() == {}
    assert len(house.forgotten()) == (2 * told if end is delete else 0)


def test_an_upload_whose_connection_ends_early_is_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = house.announce(size=len(ONE))["fileId"]
    house.post(id_, ONE)
    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    cut = [True]

    def call(client: BaseClient, name: str, params: Any) -> Any:
        answer = real(client, name, params)
        if name == "GetObject" and cut:
            cut.pop()
            answer["Body"] = StreamingBody(BytesIO(ONE[:100]), len(ONE))
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    assert not house.hear(id_)
    assert house.file(id_).status is Status.PENDING
    assert house.hear(id_)
    assert house.file(id_).status is Status.STORED
