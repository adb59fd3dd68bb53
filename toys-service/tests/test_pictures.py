"""Pictures of toys: events of files in any order, as often as may be, and what a toy shows then."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from cfnlint.decode import cfn_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import api, inbox, store
from toys.messages import HEARS, of_toy
from toys.model import now
from toys.picture import MOST_SHOWN, MOST_WAITING, Gallery, Picture
from toys.table import Conflict
from toys.toy import Toy, ToyDraft

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Json = dict[str, Any]

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))


def told(name: str, file_id: str, version: int, data: Json) -> Json:
    """An event of who keeps files."""
    metadata = {
        "id": f"{file_id}:{version}:{name}",
        "correlationId": file_id,
        "causationId": None,
        "occurredAt": "2026-01-01T00:00:00.000Z",
        "version": version,
    }
    data = {"fileId": file_id, "name": f"{file_id}.png", **data}
    return {
        "source": "tbs.file-manager",
        "detail-type": name,
        "detail": {"metadata": metadata, "data": data},
    }


def stored(toy_id: str, file_id: str, minute: int = 0, **changes: Any) -> Json:
    """A picture is kept: the file is as old as so many minutes after the beginning."""
    created_at = (BEGINNING + timedelta(minutes=minute)).isoformat()
    sizes = ("thumbnail", "card", "full")
    data = {
        "owner": f"urn:tbs:toy:{toy_id}",
        "contentType": "image/png",
        "size": 1000,
        "sha256": "0" * 64,
        "visibility": "public",
        "status": "STORED",
        "createdAt": created_at,
        "url": f"https://files/public/{file_id}/full.webp",
        "renditions": {size: f"https://files/public/{file_id}/{size}.webp" for size in sizes},
    }
    return told("FileStored", file_id, 2, data | changes)


def deleted(toy_id: str, file_id: str) -> Json:
    """A file is gone."""
    data = {"owner": f"urn:tbs:toy:{toy_id}", "status": "DELETED", "deletedAt": "2026-01-02"}
    return told("FileDeleted", file_id, 3, data)


def hear(*events: Json) -> None:
    """Hand events to the inbox, one after the other."""
    for event in events:
        inbox.receive(SQSRecord({"body": json.dumps(event)}))


def shelve() -> str:
    """A toy in the catalogue: its id."""
    draft = ToyDraft(
        sku=f"T{uuid.uuid4().hex.upper()}",
        name="Kite",
        category="Outdoor",
        brand="Brand",
        price=1500,
        currency="EUR",
        stock=9,
    )
    toy = Toy.create(str(uuid.uuid4()), draft, now())
    api.table.add(toy)
    return toy.toy_id


def toy(toy_id: str) -> Toy:
    found = api.table.toy(toy_id)
    assert found
    return found


def shown(toy_id: str) -> list[str]:
    return [picture.file_id for picture in toy(toy_id).pictures]


def test_a_picture_hangs_on_its_toy_until_it_is_deleted(call: Call) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1"))
    before = toy(toy_id)
    assert (before.revision, before.version, before.stock) == (2, 2, 9)
    assert (before.correlation_id, before.causation_id) == ("f1", "f1:2:FileStored")
    assert call("GET", f"/toys/{toy_id}")[1]["pictures"] == [
        {
            "fileId": "f1",
            "name": "f1.png",
            "thumbnail": "https://files/public/f1/thumbnail.webp",
            "card": "https://files/public/f1/card.webp",
            "full": "https://files/public/f1/full.webp",
        }
    ]
    (listed,) = call("GET", "/toys")[1]["items"]
    assert listed == call("GET", f"/toys/{toy_id}")[1]
    hear(deleted(toy_id, "f1"))
    assert shown(toy_id) == []
    assert toy(toy_id).version == 3


def test_shoppers_are_told_of_pictures() -> None:
    toy_id = shelve()
    none = toy(toy_id)
    hear(stored(toy_id, "f1"))
    one = toy(toy_id)
    (message,) = of_toy(none, one)
    assert type(message).__name__ == "ToyUpdated"
    (picture,) = message.model_dump(mode="json")["data"]["pictures"]
    assert picture.keys() == {"fileId", "name", "thumbnail", "card", "full"}
    assert message.metadata.causation_id == "f1:2:FileStored"


def test_a_picture_that_comes_twice_comes_once() -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1"), stored(toy_id, "f1"))
    assert (shown(toy_id), toy(toy_id).version) == (["f1"], 2)
    hear(deleted(toy_id, "f1"), deleted(toy_id, "f1"), stored(toy_id, "f1"))
    assert (shown(toy_id), toy(toy_id).version) == ([], 3)


def test_a_deletion_that_comes_first_leaves_a_tombstone() -> None:
    toy_id = shelve()
    hear(deleted(toy_id, "f1"), stored(toy_id, "f1"))
    assert shown(toy_id) == []
    assert toy(toy_id).version == 1
    record = api.table.file("f1")
    assert record
    assert (record.version, record.picture) == (3, None)


def test_a_newer_state_of_a_picture_takes_its_place() -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1"), stored(toy_id, "f2", 1))
    again = stored(toy_id, "f1", name="better.png")
    again["detail"]["metadata"]["version"] = 4
    hear(again, stored(toy_id, "f1"))
    assert [one.name for one in toy(toy_id).pictures] == ["better.png", "f2.png"]


@pytest.mark.parametrize(
    "changes",
    [
        {"contentType": "text/html", "visibility": "private", "url": None, "renditions": None},
        {"contentType": "application/pdf", "renditions": None},
        {"owner": "urn:tbs:order:1"},
        {"owner": "urn:tbs:toy:"},
    ],
)
def test_what_shoppers_cannot_see_is_no_picture(changes: Json) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1", **changes))
    assert shown(toy_id) == []
    assert api.table.file("f1") is None
    hear(deleted(toy_id, "f1"))
    assert toy(toy_id).version == 1


def test_a_picture_that_is_refused_is_logged_and_counted(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    toy_id = shelve()
    refused = {"owner": f"urn:tbs:toy:{toy_id}", "status": "REJECTED", "reason": "NOT_AN_IMAGE"}
    hear(told("FileRejected", "f1", 2, refused))
    assert toy(toy_id).version == 1
    assert "picture refused" in caplog.messages
    assert '"PicturesRefused"' in capsys.readouterr().out


def test_a_file_of_a_toy_that_is_not_there_is_known_and_changes_nothing() -> None:
    hear(stored("nobody", "f1"))
    assert api.table.toy("nobody") is None
    record = api.table.file("f1")
    assert record
    assert record.toy_id == "nobody"
    hear(deleted("nobody", "f1"))


def test_a_toy_that_is_gone_keeps_its_last_pictures(call: Call) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1"))
    assert call("DELETE", f"/toys/{toy_id}", headers={"If-Match": '"2"'})[0] == 204
    gone = toy(toy_id)
    hear(stored(toy_id, "f2"), deleted(toy_id, "f1"), stored(toy_id, "f1"))
    assert toy(toy_id) == gone


# Their order


def test_the_owner_says_the_order_and_what_comes_later_stands_behind(call: Call) -> None:
    toy_id = shelve()
    hear(*(stored(toy_id, f"f{n}", n) for n in (2, 0, 1)))
    assert shown(toy_id) == ["f0", "f1", "f2"]
    path, order = f"/toys/{toy_id}/pictures", ["f2", "f0", "f1"]
    status, answer, headers = call("PUT", path, {"fileIds": order}, {"If-Match": '"4"'})
    assert (status, headers["ETag"]) == (200, ['"5"'])
    assert [one["fileId"] for one in answer["pictures"]] == order
    hear(stored(toy_id, "older", -5), stored(toy_id, "newer", 5), deleted(toy_id, "f0"))
    assert shown(toy_id) == ["f2", "f1", "older", "newer"]


@pytest.mark.parametrize(
    ("file_ids", "status"),
    [
        (["f0"], 422),
        (["f0", "f1", "f2"], 422),
        (["f0", "f0"], 422),
        (["f0", "f1", "f1"], 422),
        ([], 422),
        ([f"f{n}" for n in range(13)], 422),
        (["f0", 1], 400),
        ("f0", 400),
        (None, 400),
    ],
)
def test_an_order_names_each_picture_once(call: Call, file_ids: Any, status: int) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f0"), stored(toy_id, "f1", 1))
    before = toy(toy_id)
    path = f"/toys/{toy_id}/pictures"
    order = {"fileIds": file_ids} if file_ids is not None else {"file_ids": ["f0", "f1"]}
    assert call("PUT", path, order, {"If-Match": '"3"'})[0] == status
    assert toy(toy_id) == before


def test_a_thirteenth_picture_waits_for_a_place() -> None:
    toy_id = shelve()
    hear(*(stored(toy_id, f"f{n:02}", n) for n in range(14)))
    assert shown(toy_id) == [f"f{n:02}" for n in range(12)]
    assert [one.file_id for one in toy(toy_id).waiting] == ["f12", "f13"]
    before = toy(toy_id)
    hear(deleted(toy_id, "f05"))
    assert shown(toy_id) == [f"f{n:02}" for n in range(13) if n != 5]
    assert toy(toy_id).version == before.version + 1
    hear(deleted(toy_id, "f13"), deleted(toy_id, "f00"))
    assert len(shown(toy_id)) == 11
    assert toy(toy_id).waiting == ()


# Whatever the order


def expected(alive: Sequence[tuple[str, int]]) -> list[str]:
    """The files in the order in which a toy has them, shown or waiting."""
    return [file_id for file_id, _ in sorted(alive, key=lambda one: (one[1], one[0]))]


@given(
    minutes=st.lists(st.integers(0, 5), min_size=1, max_size=18),
    gone=st.sets(st.integers(0, 17), max_size=6),
    data=st.data(),
)
@settings(max_examples=15)
def test_any_order_and_any_copies_of_events_give_the_same_toy(
    minutes: list[int], gone: set[int], data: st.DataObject
) -> None:
    toy_id = shelve()
    files = [(f"{toy_id}-{number:02}", minute) for number, minute in enumerate(minutes)]
    events = [stored(toy_id, file_id, minute) for file_id, minute in files]
    events += [deleted(toy_id, file_id) for n, (file_id, _) in enumerate(files) if n in gone]
    copies = data.draw(st.lists(st.sampled_from(events), max_size=6))
    hear(*data.draw(st.permutations([*events, *copies])))
    order = expected([file for number, file in enumerate(files) if number not in gone])
    found = toy(toy_id)
    assert shown(toy_id) == order[:MOST_SHOWN]
    assert [one.file_id for one in found.waiting] == order[MOST_SHOWN:]


def picture(number: int, minute: int) -> Picture:
    sizes = dict.fromkeys(("thumbnail", "card", "full"), "https://files/f.webp")
    at = BEGINNING + timedelta(minutes=minute)
    return Picture(file_id=f"f{number:03}", name="f.png", created_at=at, **sizes)


@given(
    pictures=st.lists(st.integers(0, 9), max_size=30).flatmap(
        lambda minutes: st.permutations([picture(n, minute) for n, minute in enumerate(minutes)])
    ),
    data=st.data(),
)
def test_a_gallery_does_not_depend_on_when_it_was_told(
    pictures: list[Picture], data: st.DataObject
) -> None:
    known = {one.file_id: one for one in pictures}
    gone = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
    gallery = Gallery()
    for one in pictures:
        gallery = gallery.hang(one)
        if one.file_id in gone and data.draw(st.booleans()):
            gallery = refilled(gallery.take_down(one.file_id), known)
    for file_id in gone:
        gallery = refilled(gallery.take_down(file_id), known)
    alive = [(i, one.created_at.minute) for i, one in known.items() if i not in gone]
    held = [one.file_id for one in gallery.pictures], [one.file_id for one in gallery.waiting]
    order = expected(alive)
    assert held == (order[:MOST_SHOWN], order[MOST_SHOWN:])


def refilled(gallery: Gallery, known: dict[str, Picture]) -> Gallery:
    while file_id := gallery.next_up:
        gallery = gallery.hang(known[file_id])
    return gallery


def test_no_toy_knows_of_more_than_a_hundred_pictures() -> None:
    gallery = Gallery()
    for number in range(MOST_SHOWN + MOST_WAITING + 5):
        gallery = gallery.hang(picture(number, 0))
    assert len(gallery.pictures) + len(gallery.waiting) == 100
    assert gallery.waiting[-1].file_id == "f099"


# Meeting others


def meanwhile(monkeypatch: pytest.MonkeyPatch, *happenings: Callable[[], Any]) -> None:
    """Have these happen between what the inbox reads and what it writes, one each time."""
    know, waiting = inbox.table.know, list(happenings)

    def late(*given: Any) -> None:
        if waiting:
            happens = waiting.pop(0)
            happens()
        know(*given)

    monkeypatch.setattr(inbox.table, "know", late)


def test_what_changes_meanwhile_is_not_undone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_id = shelve()
    path = f"/toys/{toy_id}"
    with monkeypatch.context() as patched:
        meanwhile(patched, lambda: call("PATCH", path, {"name": "Big kite"}, {"If-Match": '"1"'}))
        hear(stored(toy_id, "f1"))
    assert (toy(toy_id).name, shown(toy_id)) == ("Big kite", ["f1"])


def test_a_toy_that_goes_meanwhile_is_gone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_id = shelve()
    with monkeypatch.context() as patched:
        meanwhile(patched, lambda: call("DELETE", f"/toys/{toy_id}", headers={"If-Match": '"1"'}))
        hear(stored(toy_id, "f1"))
    assert toy(toy_id).deleted_at
    assert shown(toy_id) == []
    assert api.table.file("f1")


@pytest.mark.parametrize("first", ["FileStored", "FileDeleted"])
def test_two_events_of_one_file_at_once_end_as_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    toy_id = shelve()
    events = [stored(toy_id, "f1"), deleted(toy_id, "f1")]
    if first == "FileDeleted":
        events.reverse()
    early, late = events
    with monkeypatch.context() as patched:
        know = inbox.table.know

        def other(*given: Any) -> None:
            patched.setattr(inbox.table, "know", know)
            hear(early)
            know(*given)

        patched.setattr(inbox.table, "know", other)
        hear(late)
    assert shown(toy_id) == []
    record = api.table.file("f1")
    assert record
    assert record.version == 3


def test_what_is_known_of_a_file_never_grows_older(monkeypatch: pytest.MonkeyPatch) -> None:
    """No toy stands between the two: of its file alone, the newer event is kept."""
    hear(stored("nobody", "f1"))
    newer = stored("nobody", "f1", name="newer.png")
    newer["detail"]["metadata"]["version"] = 3
    gone = deleted("nobody", "f1")
    gone["detail"]["metadata"]["version"] = 4
    with monkeypatch.context() as patched:
        meanwhile(patched, lambda: hear(gone))
        hear(newer)
    record = api.table.file("f1")
    assert record
    assert (record.version, record.picture) == (4, None)


def test_a_toy_that_always_changes_meanwhile_has_the_message_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy_id = shelve()

    def always(*_: Any) -> None:
        raise Conflict

    with monkeypatch.context() as patched:
        patched.setattr(inbox.table, "know", always)
        with pytest.raises(Conflict):
            hear(stored(toy_id, "f1"))
    hear(stored(toy_id, "f1"))
    assert shown(toy_id) == ["f1"]


def test_a_toy_that_is_being_sold_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reservation holds the toy for a moment: the transaction of the picture is cancelled."""
    toy_id, tries = shelve(), []
    client = inbox.table._client
    transact = client.transact_write_items
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
    }

    def contended(**given: Any) -> Any:
        tries.append(given)
        if len(tries) < 3:
            raise client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        return transact(**given)

    monkeypatch.setattr(store, "sleep", lambda _: None)
    monkeypatch.setattr(client, "transact_write_items", contended)
    hear(stored(toy_id, "f1"))
    assert (shown(toy_id), len(tries)) == (["f1"], 3)


def test_only_files_of_toys_are_let_in() -> None:
    """The rule lets in what is heard of files, from who keeps them, and of toys alone."""
    pattern = TEMPLATE["Resources"]["Files"]["Properties"]["EventPattern"]
    files = [model for model in HEARS.values() if hasattr(model, "sender")]
    assert pattern["detail-type"] == [model.__name__ for model in files]
    assert pattern["source"] == sorted({model.sender for model in files})
    assert pattern["detail"]["data"]["owner"] == [{"prefix": "urn:tbs:toy:"}]
