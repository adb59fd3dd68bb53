"""The errors that managers are told of."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from file_manager import inbox, outbox, raised, uploads
from file_manager.changes import change, removed
from file_manager.delivery import Letter
from file_manager.file import File, Submission
from file_manager.messages import SENDS
from file_manager.model import now
from file_manager.raised import Code, ErrorRaised, MessageError
from hypothesis import given
from hypothesis import strategies as st

House = Any


def kept() -> list[dict[str, Any]]:
    """The errors in the table."""
    items = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return [item for item in items if str(item["fileId"]).startswith("ERROR#")]


def told_of(item: dict[str, Any]) -> ErrorRaised:
    """What the outbox tells of an item that is new."""
    seen = change({}, item)
    assert seen
    (message,) = outbox.tell(seen)
    assert isinstance(message, ErrorRaised)
    return message


def errors(house: House) -> list[dict[str, Any]]:
    return [told["Detail"] for told in house.told if told["DetailType"] == "ErrorRaised"]


def test_an_upload_that_is_refused_is_told_once(house: House) -> None:
    file_id = house.upload(b"no image")
    house.flow()
    house.flow()
    (error,) = errors(house)
    assert error["metadata"]["id"] == f"{file_id}:2:ErrorRaised"
    assert error["metadata"]["correlationId"] == file_id
    assert error["data"] == {
        "errorId": f"{file_id}:2:UPLOAD_REFUSED",
        "kind": "BUSINESS",
        "code": "UPLOAD_REFUSED",
        "message": "A file was refused as TYPE_DIFFERS. Its owner is urn:tbs:album:summer-1",
        "orderId": None,
        "occurredAt": error["metadata"]["occurredAt"],
    }
    assert ErrorRaised in SENDS


def test_an_upload_that_is_taken_is_no_error(house: House) -> None:
    house.upload()
    house.flow()
    assert errors(house) == []


@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=244))
def test_a_receipt_that_is_refused_is_of_its_order(owner: str) -> None:
    given = Submission.model_construct(
        owner=f"urn:tbs:payment:{owner}"[:256],
        name="receipt.html",
        content_type="text/html",
        visibility="public",
        content="",
    )
    file = File.of("file-1", given, "order-1", "order-1:2:StoreFile", now())
    (error,) = raised.of_file(None, file)
    assert error.data.order_id == "order-1"
    assert error.data.message.startswith("A file was refused as VISIBILITY_NOT_ALLOWED.")
    assert len(error.data.message) <= raised.LONGEST
    assert raised.of_file(file, file.delete(now())) == []


names = st.one_of(st.none(), st.integers(), st.text(), st.sampled_from(["ShareFile", "order-1"]))
metadata = st.one_of(names, st.dictionaries(st.sampled_from(["correlationId", "x"]), names))


@given(name=names, detail=st.one_of(metadata, st.fixed_dictionaries({"metadata": metadata})))
def test_any_body_can_be_told_of(name: Any, detail: Any) -> None:
    body = json.dumps({"detail-type": name, "detail": detail})
    error = raised.of_letter("id", body, Code.MESSAGE_FAILED, "KeyError", now())
    assert MessageError.model_validate(error.model_dump(exclude_none=True)) == error
    assert error.order_id is None or error.order_id == detail["metadata"]["correlationId"]


def test_poison_is_kept_before_it_is_buried_and_told_once(
    house: House, context: Any, sample: Any, dead_letters: Callable[[], list[str]]
) -> None:
    event = sample("inbox-StoreFile")
    body = json.loads(event["Records"][0]["body"])
    order_id = body["detail"]["metadata"]["correlationId"]
    body["detail"]["data"]["owner"] = "Ann Shopper"
    event["Records"][0] |= {"body": json.dumps(body), "messageId": "message-1"}
    for _ in range(2):
        assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert len(dead_letters()) == 2
    (item,) = kept()
    house.flow()
    (told,) = errors(house)
    error = told_of(item)
    assert told == error.model_dump(mode="json")
    assert error.metadata.id == "message-1:1:ErrorRaised"
    assert error.metadata.correlation_id == error.data.order_id == order_id
    assert (error.data.error_id, error.data.kind) == ("message-1", "SYSTEM")
    assert error.data.code is Code.POISON_MESSAGE
    assert error.data.message.startswith("StoreFile was refused: ")
    assert "Ann" not in error.data.message
    assert item["forgetAt"] == int((error.data.occurred_at + timedelta(days=30)).timestamp())


def test_an_error_is_no_file_and_leaves_nothing_to_clean(house: House, context: Any) -> None:
    inbox.note(Letter("message-1", "poison", "POISON_MESSAGE", "why"))
    (item,) = kept()
    assert house.call("GET", f"/files/{item['fileId']}")[0] == 404
    assert house.call("DELETE", f"/files/{item['fileId']}")[0] == 404
    house.flow()
    assert change(item, item) is None
    assert change(item, None) is None
    assert removed(item) is None
    boto3.resource("dynamodb").Table("Table").delete_item(Key={"fileId": item["fileId"]})
    house.flow()
    assert [told["DetailType"] for told in house.told] == ["ErrorRaised"]


def test_an_upload_that_fails_for_the_last_time_is_told(
    house: House, context: Any, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("https://bucket.s3/private/secret")

    monkeypatch.setattr(uploads, "settle", down)
    event = sample("uploads-ObjectCreated")
    for tries in ("9", "10"):
        assert kept() == []
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = tries
        assert uploads.handler(event, context)["batchItemFailures"]
    (item,) = kept()
    error = told_of(item)
    assert error.data.message == "ObjectCreated failed each time, at last with ConnectionError"
    assert (error.data.code, error.data.order_id) == (Code.MESSAGE_FAILED, None)


def test_what_cannot_be_kept_hinders_nothing(
    context: Any,
    sample: Any,
    dead_letters: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(inbox.table, "note", down)
    event = sample("inbox-StoreFile")
    event["Records"][0]["body"] = "poison"
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert dead_letters() == ["poison"]
