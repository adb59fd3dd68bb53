"""Digital toys: the file that is sold, when there is none, and what a reservation fixes of it."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import api, inbox
from toys.download import MOST_KEPT, Download, Downloads
from toys.messages import of_reservation, of_toy
from toys.model import now
from toys.reservation import HeldLine, Refusal, Reservation, Status
from toys.table import Busy
from toys.toy import Availability, Fulfilment, Toy, ToyDraft

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Json = dict[str, Any]

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def told(name: str, file_id: str, version: int, data: Json) -> Json:
    """An event of who keeps files."""
    metadata = {
        "id": f"{file_id}:{version}:{name}",
        "correlationId": file_id,
        "causationId": None,
        "occurredAt": "2026-01-01T00:00:00.000Z",
        "version": version,
    }
    data = {"fileId": file_id, "name": f"{file_id}.pdf", **data}
    return {"detail-type": name, "detail": {"metadata": metadata, "data": data}}


def stored(toy_id: str, file_id: str, minute: int = 0, **changes: Any) -> Json:
    """A private file is kept: it is as old as so many minutes after the beginning."""
    data = {
        "owner": f"urn:tbs:toy:{toy_id}",
        "contentType": "application/pdf",
        "size": 1000,
        "sha256": "0" * 64,
        "visibility": "private",
        "status": "STORED",
        "createdAt": (BEGINNING + timedelta(minutes=minute)).isoformat(),
        "url": None,
        "renditions": None,
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


def shelve(**changes: Any) -> str:
    """A toy in the catalogue, digital unless it is said otherwise: its id."""
    said = {
        "sku": f"T{uuid.uuid4().hex.upper()}",
        "name": "Mazes",
        "category": "To print",
        "brand": "Brand",
        "price": 290,
        "currency": "EUR",
        "stock": 9,
        "fulfilment": "digital",
    }
    toy = Toy.create(str(uuid.uuid4()), ToyDraft.model_validate(said | changes), now())
    api.table.add(toy)
    return toy.toy_id


def toy(toy_id: str) -> Toy:
    found = api.table.toy(toy_id)
    assert found
    return found


def reserve(order_id: str, *toy_ids: str, price: int = 290) -> Reservation:
    """An order asks for one of each: what became of it."""
    metadata = {
        "id": f"{order_id}:1:ReserveStock",
        "correlationId": order_id,
        "causationId": None,
        "occurredAt": "2026-01-01T00:00:00.000Z",
        "version": 1,
    }
    lines = [{"toyId": toy_id, "quantity": 1, "price": price} for toy_id in toy_ids]
    data = {"orderId": order_id, "currency": "EUR", "lines": lines}
    hear({"detail-type": "ReserveStock", "detail": {"metadata": metadata, "data": data}})
    reservation = inbox.table.reservation(order_id)
    assert reservation
    return reservation


# The file that is sold


def test_a_digital_toy_is_sold_out_until_its_file_is_there(call: Call) -> None:
    toy_id = shelve()
    none = toy(toy_id)
    assert none.availability is Availability.SOLD_OUT
    assert call("GET", f"/toys/{toy_id}")[1]["downloadFileId"] is None
    hear(stored(toy_id, "f1"))
    one = toy(toy_id)
    assert one.availability is Availability.IN_STOCK
    assert (one.revision, one.version, one.causation_id) == (2, 2, "f1:2:FileStored")
    shown = call("GET", f"/toys/{toy_id}")[1]
    assert (shown["downloadFileId"], shown["fulfilment"]) == ("f1", "digital")
    assert "downloads" not in shown
    (message,) = of_toy(none, one)
    said = message.model_dump(mode="json")["data"]
    assert type(message).__name__ == "ToyUpdated"
    assert (said["fulfilment"], said["availability"]) == ("digital", "IN_STOCK")
    assert "f1" not in json.dumps(said)
    hear(deleted(toy_id, "f1"))
    assert toy(toy_id).download_file_id is None
    assert toy(toy_id).availability is Availability.SOLD_OUT


def test_a_parcel_needs_no_file_and_may_have_one() -> None:
    toy_id = shelve(fulfilment="parcel")
    before = toy(toy_id)
    assert before.availability is Availability.IN_STOCK
    hear(stored(toy_id, "f1"))
    assert toy(toy_id).download_file_id == "f1"
    assert of_toy(before, toy(toy_id)) == []
    assert reserve("order-1", toy_id).lines[0].file_id is None


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "image/webp"])
def test_an_image_may_be_sold(content_type: str) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1", contentType=content_type))
    assert toy(toy_id).download_file_id == "f1"
    assert toy(toy_id).pictures == ()


def test_of_several_files_the_newest_is_sold() -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f2", 2), stored(toy_id, "f1", 1), stored(toy_id, "f3", 3))
    assert toy(toy_id).download_file_id == "f3"
    hear(deleted(toy_id, "f3"))
    assert toy(toy_id).download_file_id == "f2"


def test_an_edit_leaves_the_file_as_it_is(call: Call) -> None:
    toy_id = shelve()
    hear(stored(toy_id, "f1"))
    headers = {"If-Match": '"2"'}
    status, edited, _ = call("PATCH", f"/toys/{toy_id}", {"fulfilment": "parcel"}, headers)
    assert (status, edited["fulfilment"], edited["downloadFileId"]) == (200, "parcel", "f1")
    status, edited, _ = call("PATCH", f"/toys/{toy_id}", {"fulfilment": "mail"}, {"If-Match": "*"})
    assert status == 422
    status, edited, _ = call("PATCH", f"/toys/{toy_id}", {"fulfilment": None}, {"If-Match": "*"})
    assert edited["fulfilment"] == "parcel"


FILES = st.lists(st.integers(0, 3), unique=True, max_size=4)


@settings(max_examples=12)
@given(data=st.data(), kept=FILES, gone=FILES)
def test_what_is_sold_follows_from_the_files_and_not_from_the_order_of_their_events(
    data: st.DataObject, kept: list[int], gone: list[int]
) -> None:
    toy_id = shelve()
    ids = {number: f"{toy_id}-{number}" for number in range(4)}
    events = [stored(toy_id, ids[n], n) for n in {*kept, *gone}]
    events += [deleted(toy_id, ids[n]) for n in gone]
    again = [event for event in events if data.draw(st.booleans())]
    hear(*data.draw(st.permutations([*events, *again])))
    left = sorted({*kept} - {*gone})
    assert toy(toy_id).download_file_id == (ids[left[-1]] if left else None)
    assert len(toy(toy_id).downloads) == len(left)


def test_the_oldest_of_too_many_files_are_left_out() -> None:
    files = Downloads()
    for number in range(MOST_KEPT + 5):
        at = BEGINNING + timedelta(minutes=number)
        files = files.add(Download(file_id=f"f{number}", created_at=at))
    assert len(files.downloads) == MOST_KEPT
    assert files.current == f"f{MOST_KEPT + 4}"


# What is reserved of it


def test_a_reservation_fixes_what_its_toys_were(call: Call) -> None:
    digital, parcel = shelve(), shelve(fulfilment="parcel", category="Games")
    hear(stored(digital, "f1"))
    held = reserve("order-1", digital, parcel)
    assert held.status is Status.RESERVED
    (message,) = of_reservation(None, held)
    lines = message.model_dump(mode="json")["data"]["lines"]
    assert [(line["category"], line["fulfilment"], line["fileId"]) for line in lines] == [
        ("To print", "digital", "f1"),
        ("Games", "parcel", None),
    ]
    hear(stored(digital, "f2", 1), deleted(digital, "f1"))
    change = {"category": "Paper", "fulfilment": "parcel"}
    assert call("PATCH", f"/toys/{digital}", change, {"If-Match": "*"})[0] == 200
    assert reserve("order-1", digital, parcel) == held
    assert toy(digital).stock == 8


def test_a_digital_toy_without_a_file_is_out_of_stock() -> None:
    toy_id, other = shelve(), shelve(fulfilment="parcel")
    refused = reserve("order-1", other, toy_id)
    assert (refused.status, refused.reason) == (Status.REFUSED, Refusal.OUT_OF_STOCK)
    assert refused.toy_id == toy_id
    (message,) = of_reservation(None, refused)
    assert message.model_dump(mode="json")["data"]["lines"][1].keys() == {
        "toyId",
        "quantity",
        "price",
    }
    assert toy(other).stock == 9


@pytest.mark.parametrize(
    "becomes",
    [
        lambda call, toy_id: call("PATCH", f"/toys/{toy_id}", {"category": "P"}, {"If-Match": "*"}),
        lambda call, toy_id: hear(stored(toy_id, "f2", 1)),
        lambda call, toy_id: call(
            "PATCH", f"/toys/{toy_id}", {"fulfilment": "parcel"}, {"If-Match": "*"}
        ),
    ],
    ids=["another category", "another file", "a parcel"],
)
def test_what_a_toy_becomes_while_it_is_reserved_is_seen(
    call: Call, monkeypatch: pytest.MonkeyPatch, becomes: Callable[[Call, str], Any]
) -> None:
    """The order is not refused for it, and never told what is no more: its message comes again."""
    toy_id = shelve()
    hear(stored(toy_id, "f1"))
    real = inbox.table.reserve

    def late(claim: Reservation) -> Any:
        becomes(call, toy_id)
        return real(claim)

    with monkeypatch.context() as patched:
        patched.setattr(inbox.table, "reserve", late)
        with pytest.raises(Busy):
            reserve("order-1", toy_id)
    assert inbox.table.reservation("order-1") is None
    now_ = toy(toy_id)
    held = reserve("order-1", toy_id)
    assert held.status is Status.RESERVED
    (line,) = held.lines
    is_digital = now_.fulfilment is Fulfilment.DIGITAL
    assert (line.category, line.fulfilment) == (now_.category, now_.fulfilment)
    assert line.file_id == (now_.download_file_id if is_digital else None)


def test_a_toy_from_before_there_were_files_is_a_parcel() -> None:
    toy_id = shelve(fulfilment="parcel")
    api.table._table.update_item(
        Key={"pk": f"TOY#{toy_id}"}, UpdateExpression="REMOVE fulfilment, downloads"
    )
    assert toy(toy_id).fulfilment is Fulfilment.PARCEL
    (line,) = reserve("order-1", toy_id).lines
    assert line == HeldLine(toy_id=toy_id, quantity=1, price=290, category="To print")


def test_a_reservation_from_before_its_lines_said_more_is_still_given_back() -> None:
    toy_id = shelve(fulfilment="parcel")
    reserve("order-1", toy_id)
    old = {"toyId": toy_id, "quantity": 1, "price": 290}
    api.table._table.update_item(
        Key={"pk": "RESERVATION#order-1"},
        UpdateExpression="SET #lines = :old",
        ExpressionAttributeNames={"#lines": "lines"},
        ExpressionAttributeValues={":old": [old]},
    )
    kept = inbox.table.reservation("order-1")
    assert kept
    (message,) = of_reservation(None, kept)
    assert message.model_dump(mode="json")["data"]["lines"] == [
        old | {"category": None, "fulfilment": "parcel", "fileId": None}
    ]
    inbox.table.release(kept.release("order-1:2:ReleaseStock", now()))
    assert toy(toy_id).stock == 9
