"""What is counted of the files, and how it gets into the log."""

import json
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from file_manager import figures, metrics, outbox
from file_manager.figures import Figure
from file_manager.file import File, Rejection, Submission
from file_manager.model import now
from file_manager.share import Share, ShareStatus
from file_manager.upload import UploadRequest

UPLOAD = UploadRequest.model_validate(
    {
        "owner": "urn:tbs:toy:1",
        "name": "front.png",
        "contentType": "image/png",
        "size": 5,
        "visibility": "public",
    }
).file("file-1", now())
SHARE = Share(
    share_id="order-1:1",
    file_id="file-1",
    days=30,
    token="secret",
    status=ShareStatus.PENDING,
    version=1,
    created_at=now(),
    updated_at=now(),
    correlation_id="order-1",
    causation_id="order-1:2:ShareFile:1",
)


def text(**changes: Any) -> File:
    given = {
        "owner": "urn:tbs:payment:order-1",
        "name": "receipt.html",
        "content_type": "text/html",
        "visibility": "private",
        "content": "<p>5</p>",
    }
    submission = Submission.model_validate(given | changes)
    return File.of("file-1", submission, "order-1", "order-1:2:StoreFile", now())


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log that CloudWatch makes metrics of."""
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in lines]


def test_counts_what_became_of_a_file() -> None:
    refused = UPLOAD.reject(Rejection.TYPE_DIFFERS, 5, now())
    by = ("reason", "TYPE_DIFFERS")
    assert figures.of_file(None, UPLOAD) == []
    assert figures.of_file(UPLOAD, stored := UPLOAD.store(b"image", now())) == [
        Figure("UploadsAccepted", 1)
    ]
    assert figures.of_file(UPLOAD, refused) == [Figure("UploadsRefused", 1, by=by)]
    assert figures.of_file(stored, stored) == []
    assert figures.of_file(stored, stored.delete(now())) == []
    assert figures.of_file(UPLOAD, UPLOAD.expire(now())) == []


def test_counts_texts_that_come_by_messages() -> None:
    by = ("reason", "VISIBILITY_NOT_ALLOWED")
    assert figures.of_file(None, text()) == [Figure("TextsStored", 1)]
    refused = figures.of_file(None, text(visibility="public"))
    assert refused == [Figure("UploadsRefused", 1, by=by)]


def test_counts_a_share_when_its_link_works() -> None:
    shared = SHARE.share(now())
    assert figures.of_share(None, SHARE) == []
    assert figures.of_share(SHARE, shared) == [Figure("SharesMade", 1)]
    assert figures.of_share(shared, shared) == []
    assert figures.of_share(shared, shared.expire(now())) == []
    assert figures.of_share(SHARE, SHARE.end(now())) == []


def test_figures_of_the_same_dimensions_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [Figure("UploadsRefused", 1, by=("reason", name)) for name in ("EMPTY", "TOO_LARGE")]
    metrics.emit([Figure("UploadsAccepted", 1), *refused, Figure("UploadsAccepted", 1)])
    accepted, *by_reason = told(capsys)
    assert accepted["UploadsAccepted"] == [1, 1]
    assert [line["reason"] for line in by_reason] == ["EMPTY", "TOO_LARGE"]
    for line, names in ((accepted, set()), (by_reason[0], {"reason"})):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert group["Namespace"] == "TheBetterStore"
        assert {*group["Dimensions"][0]} == {"service", "stack"} | names
        assert (line["service"], line["stack"]) == ("file-manager", "tbs-app-file-manager-test")


def test_counts_only_what_the_bus_took(
    sample: Any, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    event = sample("outbox-FileShared")
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as stub:
        stub.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished):
            outbox.handler(event, context)
        assert told(capsys) == []
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
    (line,) = told(capsys)
    assert line["SharesMade"] == [1]
