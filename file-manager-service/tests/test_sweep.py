"""The sweep: files that nobody uploaded expire, and nothing else does."""

from datetime import timedelta
from typing import Any

import pytest
from file_manager import sweep
from file_manager.file import Status
from file_manager.model import now
from file_manager.table import FilesTable
from file_manager.upload import PATIENCE

House = Any


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep runs when whatever waits now has waited for too long."""
    monkeypatch.setattr(sweep, "now", lambda: now() + PATIENCE + timedelta(seconds=1))


def test_what_has_not_waited_for_a_day_waits_on(house: House, context: Any) -> None:
    file_id = house.announce()["fileId"]
    assert sweep.handler({}, context) == {"expired": 0, "moved_on": 0, "failed": 0, "left": 0}
    assert house.file(file_id).status is Status.PENDING


@pytest.mark.usefixtures("tomorrow")
def test_what_nobody_uploaded_expires_silently(
    house: House, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: 60_000)
    waiting, stored = house.announce()["fileId"], house.upload()
    house.post(waiting)  # S3 took it, and nobody was told
    house.flow()
    assert sweep.handler({}, context)["expired"] == 1
    assert sweep.handler({}, context)["expired"] == 0
    house.flow()
    file = house.file(waiting)
    assert (file.status, file.version) == (Status.EXPIRED, 2)
    assert house.file(stored).status is Status.STORED
    assert not any(waiting in key for key in house.objects())
    assert {m["DetailType"] for m in house.told} == {"FileStored"}
    item = FilesTable("Table")._table.get_item(Key={"fileId": waiting})["Item"]
    kept: Any = item["forgetAt"]
    assert int(kept) == int((file.updated_at + timedelta(days=30)).timestamp())
    assert "waiting" not in item


@pytest.mark.usefixtures("tomorrow")
def test_what_was_judged_meanwhile_stays(
    house: House, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = house.upload()
    monkeypatch.setattr(sweep.table, "waiting_since", lambda _: iter([file_id, "gone"]))
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: 60_000)
    assert sweep.handler({}, context)["moved_on"] == 2
    assert house.file(file_id).status is Status.STORED


@pytest.mark.usefixtures("tomorrow")
def test_one_that_fails_does_not_stop_the_others(
    house: House, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: 60_000)
    first, second = (house.announce()["fileId"] for _ in range(2))
    real = sweep.table.save

    def save(file: Any, after: Any) -> None:
        if file.file_id == first:
            raise ConnectionError("table")
        real(file, after)

    monkeypatch.setattr(sweep.table, "save", save)
    with pytest.raises(sweep.Unfinished):
        sweep.handler({}, context)
    assert house.file(first).status is Status.PENDING
    assert house.file(second).status is Status.EXPIRED


@pytest.mark.usefixtures("tomorrow")
def test_what_there_is_no_time_for_is_left_to_the_next_run(
    house: House, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = house.announce()["fileId"]
    monkeypatch.setattr(type(context), "get_remaining_time_in_millis", lambda _: sweep.SPARE - 1)
    assert sweep.handler({}, context)["left"] == 1
    assert house.file(file_id).status is Status.PENDING
