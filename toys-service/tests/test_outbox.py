"""The outbox, fed with real changes of the table."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from toys import bus, outbox
from toys.messages import of_reservation, of_toy, republished
from toys.model import now
from toys.picture import MOST_SHOWN, Picture
from toys.republication import Republication
from toys.reservation import HeldLine, Refusal, Reservation, Status
from toys.toy import Fulfilment, Toy, ToyDraft

DRAFT = ToyDraft(
    sku="KITE-1",
    name="Kite",
    category="Outdoor",
    brand="Brand",
    price=1500,
    currency="EUR",
    stock=9,
)


@pytest.fixture
def toy() -> Toy:
    return Toy.create("toy-1", DRAFT, now())


def names(messages: list[Any]) -> list[str]:
    return [type(message).__name__ for message in messages]


def test_tells_of_a_toy_what_shoppers_see(toy: Toy) -> None:
    (created,) = of_toy(None, toy)
    told = created.model_dump(mode="json")
    assert told["metadata"] == {
        "id": "toy-1:1:ToyCreated",
        "correlationId": "toy-1",
        "causationId": None,
        "occurredAt": told["data"]["createdAt"],
        "version": 1,
        "trace": None,
    }
    assert told["data"]["availability"] == "IN_STOCK"
    assert "stock" not in told["data"]


def test_keeps_silent_about_single_units_sold(toy: Toy) -> None:
    assert of_toy(toy, toy.model_copy(update={"stock": 8, "version": 2})) == []


@pytest.mark.parametrize("left", [5, 0])
def test_tells_when_the_availability_changes(toy: Toy, left: int) -> None:
    assert names(of_toy(toy, toy.model_copy(update={"stock": left}))) == ["ToyUpdated"]


def test_tells_of_a_deletion_once(toy: Toy) -> None:
    gone = toy.delete(now())
    assert names(of_toy(toy, gone)) == ["ToyDeleted"]
    assert of_toy(gone, gone.model_copy(update={"stock": 10})) == []


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (Status.RESERVED, "StockReserved"),
        (Status.REFUSED, "StockReservationFailed"),
        (Status.RELEASED, "StockReleased"),
    ],
)
def test_tells_of_a_reservation_when_its_status_changes(status: Status, name: str) -> None:
    line = HeldLine(toy_id="toy-1", quantity=1, price=1500)
    reservation = Reservation(
        order_id="order-1",
        status=status,
        currency="EUR",
        lines=(line,),
        reason=Refusal.OUT_OF_STOCK,
        toy_id="toy-1",
        version=1,
        updated_at=now(),
        correlation_id="order-1",
        causation_id="order-1:1:ReserveStock",
    )
    (message,) = of_reservation(None, reservation)
    assert type(message).__name__ == name
    assert message.metadata.id == f"order-1:1:{name}"
    assert of_reservation(reservation, reservation) == []


def test_publishes_the_same_message_for_the_same_change(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    event = sample("outbox-ToyCreated")
    sent: list[dict[str, Any]] = []
    with Stubber(outbox.events) as stub:
        for _ in range(2):
            stub.add_response(
                "put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY}
            )
        outbox.events.meta.events.register_first(
            "provide-client-params.events.PutEvents", lambda params, **_: sent.append(params)
        )
        outbox.handler(event, context)
        outbox.handler(event, context)
    first, second = sent
    assert first == second
    (entry,) = first["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("tbs.toys", "ToyCreated")
    assert json.loads(entry["Detail"])["metadata"]["version"] == 1


NOISE = "\x01" * 2000
"""Each character takes six bytes in JSON, the most that one may."""


def test_no_call_is_larger_than_the_bus_takes() -> None:
    """The largest toy and the largest refusal that the models take, in as many calls as needed."""
    draft = ToyDraft.model_validate(
        {
            "sku": "K" * 40,
            "name": NOISE[:120],
            "description": NOISE,
            "category": NOISE[:60],
            "brand": NOISE[:60],
            "price": 100_000_000,
            "currency": "EUR",
            "stock": 1_000_000,
            "tags": [NOISE[:38] + f"{n:02}" for n in range(20)],
            "attributes": {f"{n:a>40}": NOISE[:100] for n in range(30)},
        }
    )
    sizes = dict.fromkeys(("thumbnail", "card", "full"), "https://" + "x" * 300)
    pictures = tuple(
        Picture(file_id="f" * 100, name=NOISE[:200], created_at=now(), **sizes)
        for _ in range(MOST_SHOWN)
    )
    toy = Toy.create("t" * 100, draft, now()).model_copy(update={"pictures": pictures})
    order = "o" * 100
    refused = Reservation(
        order_id=order,
        status=Status.REFUSED,
        reason=Refusal.PRICE_CHANGED,
        currency="EUR",
        lines=tuple(largest(n) for n in range(50)),
        toy_id="t" * 100,
        version=1,
        updated_at=now(),
        correlation_id=order,
        causation_id=f"{order}:1:ReserveStock",
    )
    held = refused.model_copy(update={"status": Status.RESERVED})
    told = [*of_toy(None, toy), *of_toy(toy, toy.delete(now()))]
    told += [*of_reservation(None, refused), *of_reservation(None, held)]
    asked = Republication.begin("r" * 100, f"{'r' * 100}:1:RepublishToys", now())
    told.append(republished(toy.delete(now()), asked))
    entries = [outbox.bus.entry(message) for message in told] * 7
    chunks = list(bus.chunks(entries))
    assert [entry for chunk in chunks for entry in chunk] == entries
    assert all(1 <= len(chunk) <= bus.ENTRIES_PER_CALL for chunk in chunks)
    for chunk in chunks:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
        parts = [e["Source"] + e["DetailType"] + e["Detail"] for e in chunk]
        assert sum(len(part.encode()) for part in parts) <= 256 * 1024


def largest(number: int) -> HeldLine:
    """The largest line there is."""
    return HeldLine(
        toy_id=f"{number:#>100}",
        quantity=99,
        price=100_000_000,
        category=NOISE[:60],
        fulfilment=Fulfilment.DIGITAL,
        file_id="f" * 100,
    )


def test_small_messages_go_ten_at_a_time(toy: Toy) -> None:
    entries = [outbox.bus.entry(message) for message in of_toy(None, toy)] * 25
    assert [len(chunk) for chunk in bus.chunks(entries)] == [10, 10, 5]


def test_raises_when_the_bus_does_not_take_every_message(
    sample: Callable[[str], dict[str, Any]], context: Any
) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as stub:
        stub.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(bus.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-ToyCreated"), context)
