"""The wiring delivers as AWS does: by pattern, again after a failure, and at last to nobody."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.services import find
from tools.shop import Delivery, Shop

TOY = {
    "name": "Kite",
    "category": "Outdoor",
    "brand": "Brand",
    "price": 1500,
    "currency": "EUR",
    "stock": 3,
}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop([service for service in find() if service.name == "toys"]) as opened:
        yield opened


def reserve(shop: Shop, *lines: dict[str, Any]) -> None:
    at = shop.now()
    metadata = {
        "id": "o:1:ReserveStock",
        "correlationId": "o",
        "causationId": None,
        "occurredAt": at,
        "version": 1,
    }
    data = {"orderId": "o", "currency": "EUR", "lines": lines}
    shop.put("tbs.orders", "ReserveStock", {"metadata": metadata, "data": data})


def create(shop: Shop, label: str) -> str:
    answer = shop.call("toys", "POST", "/toys", label=label, body=TOY).answer
    return str(json.loads(answer["body"])["toyId"])


def take(shop: Shop, door: str) -> Delivery:
    return next(delivery for delivery in shop.pending if delivery.door.name == door)


def test_rules_let_in_by_pattern_only(shop: Shop) -> None:
    shop.put("tbs.orders", "SellEverything", {"data": {}})
    assert shop.pending == []
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    assert [delivery.door.name for delivery in shop.pending] == ["inbox"]
    shop.deliver(take(shop, "inbox"))
    (sent,) = shop.deliver(take(shop, "outbox")).sent
    assert (sent["source"], sent["detail-type"]) == ("tbs.toys", "StockReservationFailed")


def test_a_message_that_fails_comes_again_until_it_is_a_dead_letter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("no table")

    monkeypatch.setattr(shop.module("toys", "inbox").table, "reserve", fail)
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    for attempt in range(1, 6):
        waiting = take(shop, "inbox")
        assert waiting.record["attributes"]["ApproximateReceiveCount"] == str(attempt)
        assert shop.deliver(waiting).error
    assert shop.pending == []
    ((queue, (body,)),) = shop.dead_letters().items()
    assert queue == "tbs-app-toys-local-InboxDeadLetters"
    assert json.loads(body)["detail-type"] == "ReserveStock"


def test_a_change_comes_again_until_it_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    create(shop, "a kite")
    with monkeypatch.context() as broken:
        broken.setattr(shop.module("toys", "outbox").events, "put_events", None)
        assert shop.deliver(take(shop, "outbox")).error
    again = take(shop, "outbox")
    assert again.attempts == 1
    assert [event["detail-type"] for event in shop.deliver(again).sent] == ["ToyCreated"]
    assert shop.pending == []


def test_a_transaction_that_was_taken_back_is_no_change(shop: Shop) -> None:
    many, few = create(shop, "many"), create(shop, "few")
    while shop.pending:
        shop.deliver(shop.pending[0])
    reserve(
        shop,
        {"toyId": many, "quantity": 1, "price": 1500},
        {"toyId": few, "quantity": 4, "price": 1500},
    )
    shop.deliver(take(shop, "inbox"))
    (change,) = shop.pending
    assert change.record["dynamodb"]["NewImage"]["status"] == {"S": "REFUSED"}


def test_a_copy_of_a_delivery_is_one_of_its_own(shop: Shop) -> None:
    create(shop, "a kite")
    shop.pending.append(copy.copy(shop.pending[0]))
    first, second = shop.deliver(shop.pending[0]), shop.deliver(shop.pending[0])
    assert [e["detail"] for e in first.sent] == [e["detail"] for e in second.sent] != []


def test_a_batch_is_handled_as_one(shop: Shop) -> None:
    create(shop, "one"), create(shop, "two")
    sent = shop.deliver(*shop.pending).sent
    assert [event["detail-type"] for event in sent] == ["ToyCreated", "ToyCreated"]
    assert shop.pending == []


def test_the_label_and_the_seed_make_the_ids() -> None:
    toys = [service for service in find() if service.name == "toys"]
    made = []
    for seed in (0, 0, 1):
        with Shop(toys, seed=seed) as shop:
            made.append((create(shop, "kite"), create(shop, "kite")))
    assert made[0] == made[1]
    assert len({*made[0], *made[2]}) == 4


def test_what_the_template_does_not_route_is_not_there(shop: Shop) -> None:
    with pytest.raises(LookupError, match="PATCH"):
        shop.call("toys", "PATCH", "/toys", label="patch")
