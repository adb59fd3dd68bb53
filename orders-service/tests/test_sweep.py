"""The sweep, over the index that the template makes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from orders import items, sweep, table
from orders.facts import Reason
from orders.heard import PlaceOrder
from orders.messages import of_order
from orders.order import Order
from orders.owed import GIVEN_BACK_WITHIN
from orders.saga import Status
from orders.table import OrdersTable

Tell = Callable[..., None]

LONG_AGO = datetime(2026, 1, 5, 10, tzinfo=UTC)
NOTHING = {"cancelled": 0, "moved_on": 0, "failed": 0, "left": 0}


@pytest.fixture
def orders(command: PlaceOrder) -> Callable[..., list[str]]:
    """Keep so many orders, placed a minute apart from LONG_AGO on. Gives their ids, oldest first.

    `patience` is the time they have, in minutes.
    """

    def place(count: int, patience: float = 15) -> list[str]:
        ids = [f"order-{number:03}" for number in range(count)]
        for number, order_id in enumerate(ids):
            bought = command.data.model_copy(update={"order_id": order_id})
            at = LONG_AGO + timedelta(minutes=number)
            cause = f"{order_id}:1:PlaceOrder"
            OrdersTable("Table").add(
                Order.place(bought, order_id, cause, at, timedelta(minutes=patience))
            )
        return ids

    return place


def kept(order_id: str) -> Order:
    order = OrdersTable("Table").order(order_id)
    assert order
    return order


def indexed() -> list[dict[str, Any]]:
    """All that the index holds."""
    answer = boto3.resource("dynamodb").Table("Table").scan(IndexName="byDeadline")
    return list(answer["Items"])


def test_cancels_what_is_overdue_and_nothing_else(
    orders: Callable[..., list[str]],
    command: PlaceOrder,
    tell: Tell,
    sample: Callable[[str], dict[str, Any]],
    context: Any,
) -> None:
    late = orders(3)
    tell("PlaceOrder")
    assert sweep.handler(sample("sweep"), context) == NOTHING | {"cancelled": 3}
    for order_id in late:
        order = kept(order_id)
        assert (order.status, order.reason) == (Status.CANCELLED, Reason.EXPIRED)
        assert order.causation_id == f"{order_id}:deadline"
    assert kept(command.data.order_id).status is Status.PLACED
    assert [item["pk"] for item in indexed()] == [f"ORDER#{command.data.order_id}"]


def test_tells_of_what_it_cancels(orders: Callable[..., list[str]], context: Any) -> None:
    (order_id,) = orders(1)
    before = kept(order_id)
    sweep.handler({}, context)
    assert [message.metadata.id for message in of_order(before, kept(order_id))] == [
        f"{order_id}:2:OrderCancelled",
        f"{order_id}:2:SendEmail",
        f"{order_id}:2:ReleaseStock",
    ]


def test_again_it_finds_nothing_to_do(orders: Callable[..., list[str]], context: Any) -> None:
    (order_id,) = orders(1)
    sweep.handler({}, context)
    cancelled = kept(order_id)
    assert sweep.handler({}, context) == NOTHING
    assert kept(order_id) == cancelled


def test_an_order_is_in_the_index_only_while_it_has_to_move_on(
    tell: Tell, command: PlaceOrder
) -> None:
    for name in ("PlaceOrder", "StockReserved", "PaymentActionRequired"):
        tell(name)
        assert [item["pk"] for item in indexed()] == [f"ORDER#{command.data.order_id}"]
    tell("PaymentCollected")
    assert indexed() == []


def test_a_request_to_cancel_is_not_in_the_index(tell: Tell) -> None:
    tell("CancelOrder")
    assert indexed() == []


def test_orders_are_spread_over_all_shards(orders: Callable[..., list[str]]) -> None:
    orders(40)
    shards = {item["waiting"] for item in indexed()}
    assert shards == {f"WAITING#{shard}" for shard in range(items.SHARDS)}


@pytest.mark.parametrize("page", [1, 2, 500])
def test_reads_all_pages_the_longest_overdue_first(
    orders: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    ids = orders(20)
    monkeypatch.setattr(table, "PAGE", page)
    assert list(OrdersTable("Table").overdue(LONG_AGO + timedelta(minutes=15 + 19))) == ids
    assert list(OrdersTable("Table").overdue(LONG_AGO + timedelta(minutes=15 + 9))) == ids[:10]
    just_before = LONG_AGO + timedelta(minutes=15) - timedelta(milliseconds=1)
    assert list(OrdersTable("Table").overdue(just_before)) == []


@pytest.mark.parametrize("page", [1, 500])
def test_cancels_on_every_page(
    orders: Callable[..., list[str]], context: Any, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    orders(12)
    monkeypatch.setattr(table, "PAGE", page)
    assert sweep.handler({}, context) == NOTHING | {"cancelled": 12}
    assert indexed() == []


def test_passes_over_what_was_confirmed_while_the_index_was_behind(
    command: PlaceOrder, tell: Tell, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = command.data.order_id
    tell("PlaceOrder", "StockReserved", "PaymentCollected")
    confirmed = kept(order_id)
    monkeypatch.setattr(sweep.table, "overdue", lambda _: iter([order_id, "never-placed"]))
    assert sweep.handler({}, context) == NOTHING | {"moved_on": 2}
    assert kept(order_id) == confirmed


def test_passes_over_what_is_confirmed_at_this_moment(
    command: PlaceOrder, tell: Tell, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = command.data.order_id
    tell("PlaceOrder", "StockReserved")
    stale = kept(order_id)
    tell("PaymentCollected")
    confirmed = kept(order_id)
    monkeypatch.setattr(sweep.table, "overdue", lambda _: iter([order_id]))
    monkeypatch.setattr(sweep.table, "order", lambda _: stale)
    assert sweep.handler({}, context) == NOTHING | {"moved_on": 1}
    assert kept(order_id) == confirmed


def test_one_order_that_fails_does_not_stop_the_others(
    orders: Callable[..., list[str]], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, bad, last = orders(3)
    look = sweep.table.order

    def order(order_id: str) -> Order | None:
        if order_id == bad:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "GetItem")
        return look(order_id)

    with monkeypatch.context() as ill:
        ill.setattr(sweep.table, "order", order)
        with pytest.raises(sweep.Unfinished, match="1 orders could not be cancelled"):
            sweep.handler({}, context)
    assert [kept(order_id).status for order_id in (first, bad, last)] == [
        "CANCELLED",
        "PLACED",
        "CANCELLED",
    ]
    assert sweep.handler({}, context) == NOTHING | {"cancelled": 1}


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_may_die_at_any_call(orders: Callable[..., list[str]], context: Any, moment: str) -> None:
    """As by its timeout: nothing is caught, and the next run goes on."""
    ids = orders(3)
    calls = limit = 0

    class Died(BaseException):
        pass

    def die(**_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == limit:
            raise Died

    client = sweep.table._client
    client.meta.events.register(f"{moment}.dynamodb", die)
    for number in (2, items.SHARDS + 1, items.SHARDS + 2, items.SHARDS + 4):
        calls, limit = 0, number
        with pytest.raises(Died):
            sweep.handler({}, context)
    client.meta.events.unregister(f"{moment}.dynamodb", die)
    sweep.handler({}, context)
    for order_id in ids:
        assert [entry.status for entry in kept(order_id).history] == ["PLACED", "CANCELLED"]
        assert kept(order_id).version == 2


def test_stops_in_time_and_leaves_the_rest_to_the_next_minute(
    orders: Callable[..., list[str]],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = orders(5)
    left = iter([20_000, sweep.SPARE, sweep.SPARE - 1])
    monkeypatch.setattr(table, "PAGE", 1)
    pages: list[Any] = []
    query = sweep.table._table.query

    def counted(**given: Any) -> Any:
        pages.append(given)
        return query(**given)

    with monkeypatch.context() as late:
        late.setattr(sweep.table._table, "query", counted)
        late.setattr(context, "get_remaining_time_in_millis", lambda: next(left))
        late.setattr(sweep, "watch", lambda *_: None)
        assert sweep.handler({}, context) == NOTHING | {"cancelled": 2, "left": 1}
    assert [vars(r)["left"] for r in caplog.records if r.message == "swept"] == [1]
    # One page of each shard to begin with, then one for each order that was taken.
    assert len(pages) <= items.SHARDS + 2
    statuses = [kept(order_id).status for order_id in ids]
    assert statuses == ["CANCELLED"] * 2 + ["PLACED"] * 3
    assert sweep.handler({}, context) == NOTHING | {"cancelled": 3}


# What it counts


@pytest.fixture
def cancelled(tell: Tell, kept: Callable[[], Order]) -> Order:
    """An order in the table whose money is to go back."""
    tell("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed")
    return kept()


def told(context: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """What a run of the sweep counts."""
    capsys.readouterr()
    sweep.handler({}, context)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    names = ("OrdersPastDeadline", "RefundsOverdue", "MoneyOwed")
    return {name: json.loads(line)[name][0] for name in names}


def test_is_found_an_hour_after_it_was_asked_for(cancelled: Order) -> None:
    table, (ended,) = OrdersTable("Table"), cancelled.history[-1:]
    due = ended.at + GIVEN_BACK_WITHIN
    assert timedelta(hours=1) == GIVEN_BACK_WITHIN
    assert table.owed(due - timedelta(milliseconds=1)) == []
    assert table.owed(due) == [cancelled.gross]
    # Nothing of it is for the sweep to cancel, however late it is.
    assert list(table.overdue(due + timedelta(days=400))) == []
    assert table.order(cancelled.order_id) == cancelled


def test_is_found_no_more_once_it_is_told(cancelled: Order, tell: Tell) -> None:
    tell("PaymentRefunded")
    assert OrdersTable("Table").owed(cancelled.updated_at + timedelta(days=400)) == []
    (item,) = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    assert not {"waiting", "confirmBy"} & item.keys()


def test_the_sweep_counts_what_is_overdue_and_what_it_comes_to(
    command: PlaceOrder,
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing = {"OrdersPastDeadline": 0, "RefundsOverdue": 0, "MoneyOwed": 0}
    tell("PlaceOrder", "StockReserved", "CancelOrder", "PaymentCollected")
    assert told(context, capsys) == nothing
    since = kept().updated_at
    with monkeypatch.context() as after:
        after.setattr(sweep, "now", lambda: since + timedelta(minutes=59))
        assert told(context, capsys) == nothing
        after.setattr(sweep, "now", lambda: since + timedelta(minutes=61))
        assert told(context, capsys) == nothing | {
            "RefundsOverdue": 1,
            "MoneyOwed": command.data.gross,
        }
        tell("PaymentRefunded")
        assert told(context, capsys) == nothing


def test_the_sweep_counts_orders_that_it_cannot_move(
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell("PlaceOrder")
    deadline = kept().deadline
    with monkeypatch.context() as stuck:
        stuck.setattr(sweep, "expire", lambda _: False)
        stuck.setattr(sweep, "now", lambda: deadline + timedelta(minutes=4, seconds=59))
        assert told(context, capsys)["OrdersPastDeadline"] == 0
        stuck.setattr(sweep, "now", lambda: deadline + timedelta(minutes=5))
        assert told(context, capsys)["OrdersPastDeadline"] == 1
    monkeypatch.setattr(sweep, "now", lambda: deadline + timedelta(minutes=6))
    assert told(context, capsys)["OrdersPastDeadline"] == 0
    assert kept().status is Status.CANCELLED


def test_what_this_run_cancelled_is_not_stuck_though_the_index_is_behind(
    tell: Tell,
    kept: Callable[[], Order],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell("PlaceOrder")
    order_id, deadline = kept().order_id, kept().deadline
    monkeypatch.setattr(sweep, "now", lambda: deadline + timedelta(hours=1))
    monkeypatch.setattr(sweep.table, "overdue", lambda _: iter([order_id]))
    assert told(context, capsys)["OrdersPastDeadline"] == 0
