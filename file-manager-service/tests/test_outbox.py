"""The outbox, fed with real changes of the table."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from file_manager import outbox
from file_manager.file import File, Submission
from file_manager.messages import of_file
from file_manager.model import now

URL = "https://files.example.com"
GIVEN = Submission(
    owner="urn:tbs:payment:order-1",
    name="receipt.html",
    content_type="text/html",
    visibility="private",
    content="<p>5 €</p>",
)


def file(**changes: Any) -> File:
    given = GIVEN.model_copy(update=changes)
    return File.of("file-1", given, "order-1", "order-1:2:StoreFile", now())


def test_tells_of_a_file_that_is_stored() -> None:
    stored = file()
    (message,) = of_file(None, stored, URL)
    told = message.model_dump(mode="json")
    assert told == {
        "metadata": {
            "id": "file-1:1:FileStored",
            "correlationId": "order-1",
            "causationId": "order-1:2:StoreFile",
            "occurredAt": stored.model_dump()["updatedAt"],
            "version": 1,
            "trace": None,
        },
        "data": {
            "fileId": "file-1",
            "owner": GIVEN.owner,
            "name": GIVEN.name,
            "contentType": "text/html",
            "size": 12,
            "sha256": stored.sha256,
            "visibility": "private",
            "status": "STORED",
            "createdAt": stored.model_dump()["createdAt"],
            "url": None,
            "renditions": None,
        },
    }


def test_tells_of_a_file_that_is_rejected() -> None:
    (message,) = of_file(None, file(visibility="public"), URL)
    told = message.model_dump(mode="json")
    assert told["metadata"]["id"] == "file-1:1:FileRejected"
    assert told["data"] == {
        "fileId": "file-1",
        "owner": GIVEN.owner,
        "name": GIVEN.name,
        "contentType": "text/html",
        "status": "REJECTED",
        "reason": "VISIBILITY_NOT_ALLOWED",
    }


def test_keeps_silent_when_nothing_became_of_it() -> None:
    assert of_file(file(), file(), URL) == []


def test_keeps_silent_about_a_removal(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    event = sample("outbox-FileStored")
    change = event["Records"][0]["dynamodb"]
    change["OldImage"] = change.pop("NewImage")
    with Stubber(outbox.events):
        outbox.handler(event, context)


def test_publishes_the_same_message_for_the_same_change(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    event = sample("outbox-FileStored")
    sent: list[dict[str, Any]] = []
    with Stubber(outbox.events) as bus:
        for _ in range(2):
            bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.events.meta.events.register_first(
            "provide-client-params.events.PutEvents", lambda params, **_: sent.append(params)
        )
        outbox.handler(event, context)
        outbox.handler(event, context)
    first, second = sent
    assert first == second
    (entry,) = first["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("tbs.file-manager", "FileStored")
    detail = json.loads(entry["Detail"])
    image = event["Records"][0]["dynamodb"]["NewImage"]
    assert detail["metadata"]["version"] == int(image["version"]["N"])
    assert detail["data"]["fileId"] == image["fileId"]["S"]


NOISE = "\x01" * 1024
"""Each character takes six bytes in JSON, the most that one may."""


def test_no_call_is_larger_than_the_bus_takes() -> None:
    """The largest file that is stored or rejected, as often as a call takes it."""
    owner = f"urn:tbs:payment:{'\x01' * 240}"
    given = {"owner": owner, "name": NOISE, "content_type": NOISE, "visibility": NOISE}
    submission = Submission.model_validate({**given, "content": ""})
    assert submission.rejection
    files = [
        File.of("f" * 100, submission, "c" * 100, f"{'c' * 100}:2:StoreFile", now()),
        file(owner=owner, name="n" * 128),
    ]
    entries = [outbox.entry(message) for each in files for message in of_file(None, each, URL)]
    assert [entry["DetailType"] for entry in entries] == ["FileRejected", "FileStored"]
    sizes = [len((e["Source"] + e["DetailType"] + e["Detail"]).encode()) for e in entries]
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    assert max(sizes) * outbox.ENTRIES_PER_CALL < 256 * 1024


def test_raises_when_the_bus_does_not_take_every_message(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-FileStored"), context)
