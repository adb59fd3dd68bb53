"""The inbox, fed with real messages: once, twice, late and out of order."""

import copy
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from toys import inbox
from toys.adjustment import Adjustment
from toys.heard import ReserveStock
from toys.messages import parse
from toys.model import now
from toys.reservation import Refusal, Reservation, Status
from toys.table import ToysTable
from toys.toy import Toy, ToyDraft

Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def reserve(sample: Sample) -> dict[str, Any]:
    return sample("inbox-ReserveStock")


@pytest.fixture
def release(sample: Sample) -> dict[str, Any]:
    return sample("inbox-ReleaseStock")


@pytest.fixture
def order(reserve: dict[str, Any], release: dict[str, Any]) -> ReserveStock:
    """The command in the sample. The sample release is made to undo the same order."""
    command = parse(reserve["Records"][0]["body"])
    assert isinstance(command, ReserveStock)
    body = json.loads(release["Records"][0]["body"])
    body["detail"]["data"]["orderId"] = command.data.order_id
    release["Records"][0]["body"] = json.dumps(body)
    return command


@pytest.fixture
def table() -> ToysTable:
    return ToysTable("Table")


def shelve(table: ToysTable, order: ReserveStock, stock: int, **changes: Any) -> None:
    """Put the order's toys on the shelf, as many of each."""
    for number, line in enumerate(order.data.lines):
        draft = ToyDraft(
            sku=f"TOY-{number}",
            name="Toy",
            category="Puzzles",
            brand="Brand",
            price=line.price,
            currency=order.data.currency,
            stock=stock,
        )
        table.add(Toy.create(line.toy_id, draft.model_copy(update=changes), now()))


def stock(table: ToysTable, order: ReserveStock) -> list[int]:
    toys = [table.toy(line.toy_id) for line in order.data.lines]
    return [toy.stock for toy in toys if toy]


def held(table: ToysTable, order: ReserveStock) -> Reservation:
    reservation = table.reservation(order.data.order_id)
    assert reservation
    return reservation


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def test_reserves_every_line_once_however_often_it_is_told(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    shelve(table, order, stock=100)
    handled(reserve, context)
    first = held(table, order)
    handled(reserve, context)
    assert first.status is Status.RESERVED
    assert held(table, order) == first
    assert stock(table, order) == [100 - line.quantity for line in order.data.lines]


def test_two_copies_in_one_batch_reserve_once(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    shelve(table, order, stock=100)
    reserve["Records"].append(copy.deepcopy(reserve["Records"][0]) | {"messageId": "copy"})
    handled(reserve, context)
    assert stock(table, order) == [100 - line.quantity for line in order.data.lines]


@pytest.mark.parametrize(
    ("stocked", "changes", "reason"),
    [
        (0, {}, Refusal.OUT_OF_STOCK),
        (100, {"price": 1}, Refusal.PRICE_CHANGED),
        (100, {"currency": "XTS"}, Refusal.PRICE_CHANGED),
    ],
)
def test_refuses_the_whole_order_for_one_line(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    context: Any,
    stocked: int,
    changes: dict[str, Any],
    reason: Refusal,
) -> None:
    shelve(table, order, stock=stocked, **changes)
    handled(reserve, context)
    refused = held(table, order)
    assert (refused.status, refused.reason) == (Status.REFUSED, reason)
    assert refused.toy_id == order.data.lines[0].toy_id
    assert stock(table, order) == [stocked for _ in order.data.lines]


def test_refuses_a_toy_that_is_not_there(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    handled(reserve, context)
    assert held(table, order).reason is Refusal.UNKNOWN_TOY


def test_refuses_a_toy_that_was_deleted(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    shelve(table, order, stock=100)
    toy = table.toy(order.data.lines[0].toy_id)
    assert toy
    table.delete(toy.delete(now()))
    handled(reserve, context)
    assert held(table, order).reason is Refusal.UNKNOWN_TOY


def test_a_refusal_stands_even_when_stock_comes_in_later(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    handled(reserve, context)
    shelve(table, order, stock=100)
    handled(reserve, context)
    assert held(table, order).status is Status.REFUSED
    assert stock(table, order) == [100 for _ in order.data.lines]


def test_releases_once_however_often_it_is_told(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    release: dict[str, Any],
    context: Any,
) -> None:
    shelve(table, order, stock=100)
    handled(reserve, context)
    handled(release, context)
    handled(release, context)
    assert held(table, order).status is Status.RELEASED
    assert stock(table, order) == [100 for _ in order.data.lines]


def test_a_release_that_comes_first_leaves_nothing_to_reserve(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    release: dict[str, Any],
    context: Any,
) -> None:
    shelve(table, order, stock=100)
    handled(release, context)
    handled(reserve, context)
    assert held(table, order).status is Status.RELEASED
    assert stock(table, order) == [100 for _ in order.data.lines]


def test_a_deleted_toy_still_gets_its_stock_back(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    release: dict[str, Any],
    context: Any,
) -> None:
    shelve(table, order, stock=100)
    handled(reserve, context)
    toy = table.toy(order.data.lines[0].toy_id)
    assert toy
    table.delete(toy.delete(now()))
    handled(release, context)
    assert stock(table, order) == [100 for _ in order.data.lines]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "Invalid JSON"),
        ("{}", "detail-type"),
        ('{"detail-type": "SellEverything", "detail": {}}', "'SellEverything' is not one of"),
        ('{"detail-type": "ReserveStock", "detail": {"data": {}}}', "data.orderId"),
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    context: Any,
    dead_letters: Callable[[], list[tuple[str, str | None]]],
    body: str,
    reason: str,
) -> None:
    shelve(table, order, stock=100)
    reserve["Records"].insert(0, reserve["Records"][0] | {"messageId": "bad", "body": body})
    handled(reserve, context)
    ((letter, told),) = dead_letters()
    assert letter == body
    assert told
    assert reason in told
    assert held(table, order).status is Status.RESERVED


def test_a_failing_table_sends_the_message_back(reserve: dict[str, Any], context: Any) -> None:
    boto3.client("dynamodb").update_table(TableName="Table", DeletionProtectionEnabled=False)
    boto3.client("dynamodb").delete_table(TableName="Table")
    failed = [{"itemIdentifier": reserve["Records"][0]["messageId"]}]
    assert inbox.handler(reserve, context) == {"batchItemFailures": failed}


def test_the_refused_line_is_the_first_that_stood_in_the_way(
    table: ToysTable, order: ReserveStock, reserve: dict[str, Any], context: Any
) -> None:
    """Whatever became of the stock since: the reason is what the transaction itself saw."""
    lines = [
        {"toyId": toy_id, "quantity": 2, "price": 1500} for toy_id in ("plenty", "few", "dearer")
    ]
    body = json.loads(reserve["Records"][0]["body"])
    body["detail"]["data"] |= {"lines": lines, "currency": "EUR"}
    reserve["Records"][0]["body"] = json.dumps(body)
    draft = ToyDraft(
        sku="A", name="Toy", category="Puzzles", brand="Brand", price=1500, currency="EUR", stock=2
    )
    table.add(Toy.create("plenty", draft, now()))
    few = draft.model_copy(update={"sku": "B", "stock": 1})
    table.add(Toy.create("few", few, now()))
    dearer = draft.model_copy(update={"sku": "C", "price": 1600})
    table.add(Toy.create("dearer", dearer, now()))
    handled(reserve, context)
    refused = held(table, order)
    assert (refused.toy_id, refused.reason) == ("few", Refusal.OUT_OF_STOCK)


def test_stock_that_comes_back_after_the_refusal_does_not_change_it(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelve(table, order, stock=0)
    keep = table.keep

    def restock(reservation: Reservation) -> None:
        toy = table.toy(order.data.lines[0].toy_id)
        assert toy
        found = Adjustment(
            adjustment_id="1", toy_id=toy.toy_id, delta=100, reason="found", by=None, at=now()
        )
        table.adjust(found, "1")
        keep(reservation)

    monkeypatch.setattr(inbox.table, "keep", restock)
    handled(reserve, context)
    assert held(table, order).reason is Refusal.OUT_OF_STOCK
    assert stock(table, order)[0] == 100


def test_a_release_that_another_one_overtook_is_done_when_it_comes_again(
    table: ToysTable,
    order: ReserveStock,
    reserve: dict[str, Any],
    release: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelve(table, order, stock=100)
    handled(reserve, context)
    before = held(table, order)
    handled(release, context)
    with monkeypatch.context() as late:
        late.setattr(inbox.table, "reservation", lambda _: before)
        assert inbox.handler(release, context)["batchItemFailures"]
    handled(release, context)
    assert stock(table, order) == [100 for _ in order.data.lines]
