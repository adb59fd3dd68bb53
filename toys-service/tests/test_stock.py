"""A toy's stock: what changes it, what keeps it from changing, and what is told of that."""

import itertools
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import api, inbox, store
from toys.adjustment import FIRST_STOCK, Adjustment, refusal
from toys.messages import of_toy
from toys.model import now
from toys.table import ToysTable, Unmoved
from toys.toy import MOST_STOCK, Toy, ToyDraft

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Json = dict[str, Any]


@pytest.fixture
def path(call: Call, kite: Json) -> str:
    """Where a toy is of which there are nine."""
    return f"/toys/{call('POST', '/toys', kite)[1]['toyId']}"


def adjust(
    call: Call, path: str, delta: Any, key: str | None = "key-1", reason: Any = "counted"
) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key is not None else {}
    body = {"delta": delta, "reason": reason}
    status, content, _ = call("POST", f"{path}/stock-adjustments", body, headers)
    return status, content


def stock(call: Call, path: str) -> int:
    found: int = call("GET", path)[1]["stock"]
    return found


def listed(call: Call, path: str, limit: int = 100) -> list[Any]:
    """All pages of a list."""
    seen: list[Any] = []
    query = {"limit": str(limit)}
    while True:
        status, page, _ = call("GET", path, query=query)
        assert status == 200
        assert len(page["items"]) <= limit
        seen += page["items"]
        if page["cursor"] is None:
            return seen
        assert page["items"]
        query["cursor"] = page["cursor"]


def deliver(name: str, order_id: str, data: Json) -> None:
    """A message of an order, as the inbox gets it."""
    metadata = {
        "id": f"{order_id}:1:{name}",
        "correlationId": order_id,
        "causationId": None,
        "occurredAt": now().isoformat(),
        "version": 1,
    }
    detail = {"metadata": metadata, "data": {"orderId": order_id, **data}}
    inbox.receive(SQSRecord({"body": json.dumps({"detail-type": name, "detail": detail})}))


def reserve(order_id: str, **quantities: int) -> None:
    lines = [
        {"toyId": toy_id, "quantity": quantity, "price": 1500}
        for toy_id, quantity in quantities.items()
    ]
    deliver("ReserveStock", order_id, {"currency": "EUR", "lines": lines})


def release(order_id: str) -> None:
    deliver("ReleaseStock", order_id, {})


def shelve(table: ToysTable, toy_id: str, units: int = 9) -> None:
    """Put a toy on the shelf, under an id of choice."""
    draft = ToyDraft(
        sku=f"T{uuid.uuid4().hex.upper()}",
        name="Toy",
        category="Outdoor",
        brand="Brand",
        price=1500,
        currency="EUR",
        stock=units,
    )
    table.add(Toy.create(toy_id, draft, now()))


# Adjustments


def test_an_adjustment_moves_the_stock_once(call: Call, path: str) -> None:
    status, made = adjust(call, path, 5)
    assert (status, stock(call, path)) == (201, 14)
    assert made == {
        "adjustmentId": made["adjustmentId"],
        "toyId": path.removeprefix("/toys/"),
        "delta": 5,
        "reason": "counted",
        "by": "arn:aws:iam::123456789012:user/keeper",
        "at": made["at"],
    }
    assert adjust(call, path, 5) == (200, made)
    assert adjust(call, path, 5, "key-2")[0] == 201
    assert stock(call, path) == 19


@pytest.mark.parametrize("changed", [{"delta": 6}, {"delta": 5, "reason": "found"}])
def test_a_key_is_good_for_one_adjustment(call: Call, path: str, changed: Json) -> None:
    adjust(call, path, 5)
    status, content = adjust(call, path, **changed)
    assert (status, content["error"]["code"]) == (409, "CONFLICT")
    assert stock(call, path) == 14


def test_two_toys_may_have_the_same_key(call: Call, path: str, kite: Json) -> None:
    other = f"/toys/{call('POST', '/toys', kite | {'sku': 'KITE-2'})[1]['toyId']}"
    assert adjust(call, path, 1)[0] == adjust(call, other, 2)[0] == 201
    assert (stock(call, path), stock(call, other)) == (10, 11)


def test_a_key_does_not_lead_to_what_is_kept_of_another_toy(call: Call) -> None:
    table = ToysTable("Table")
    shelve(table, "a")
    assert adjust(call, "/toys/a", 1, "b#c")[0] == 201
    assert adjust(call, "/toys/a%23b".replace("%23", "#"), 1, "c")[0] == 404


@pytest.mark.parametrize(("delta", "told"), [(-10, "There are 9"), (MOST_STOCK - 8, "There are 9")])
def test_there_are_never_fewer_than_none_nor_too_many(
    call: Call, path: str, delta: int, told: str
) -> None:
    status, content = adjust(call, path, delta)
    assert (status, content["error"]["code"]) == (409, "CONFLICT")
    assert told in content["error"]["message"]
    assert stock(call, path) == 9
    assert len(listed(call, f"{path}/stock-adjustments")) == 1
    # The key is as good as before.
    assert adjust(call, path, -9)[0] == 201
    assert stock(call, path) == 0
    assert adjust(call, path, MOST_STOCK, "key-2")[0] == 201
    assert adjust(call, path, 1, "key-3")[0] == 409


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"key": None}, 400),
        ({"key": "k" * 101}, 422),
        ({"key": "schlüssel"}, 422),
        ({"delta": 0}, 422),
        ({"delta": MOST_STOCK + 1}, 422),
        ({"delta": "1"}, 400),
        ({"delta": 1.5}, 400),
        ({"delta": None}, 400),
        ({"reason": ""}, 422),
        ({"reason": "x" * 201}, 422),
        ({"reason": None}, 400),
    ],
)
def test_a_bad_adjustment_changes_nothing(
    call: Call, path: str, changed: Json, status: int
) -> None:
    given: Json = {"delta": 1} | changed
    assert adjust(call, path, **given)[0] == status
    assert stock(call, path) == 9


def test_a_toy_that_is_gone_cannot_be_adjusted_but_its_trail_is_there(
    call: Call, path: str
) -> None:
    made = adjust(call, path, 1)[1]
    assert call("DELETE", path, headers={"If-Match": '"1"'})[0] == 204
    assert adjust(call, path, 1) == (200, made)
    assert adjust(call, path, 1, "key-2")[0] == 404
    assert listed(call, f"{path}/stock-adjustments")[0] == made
    assert listed(call, f"{path}/reservations") == []


def test_the_trail_has_every_adjustment_once_the_newest_first(call: Call, path: str) -> None:
    made = [adjust(call, path, n + 1, f"key-{n}")[1] for n in range(7)]
    for limit in (1, 3, 8, 100):
        trail = listed(call, f"{path}/stock-adjustments", limit)
        assert sorted(trail, key=str) == sorted([*made, trail[-1]], key=str)
        assert [one["at"] for one in trail] == sorted((one["at"] for one in trail), reverse=True)
        assert (trail[-1]["delta"], trail[-1]["reason"]) == (9, FIRST_STOCK)


def test_a_toy_without_stock_has_no_first_adjustment(call: Call, kite: Json) -> None:
    toy = call("POST", "/toys", kite | {"stock": 0})[1]
    assert listed(call, f"/toys/{toy['toyId']}/stock-adjustments") == []


def test_a_lost_answer_is_found_again(
    call: Call, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write was done, its answer never came, and the caller asks again."""
    transact = api.table._client.transact_write_items

    def lost(**given: Any) -> None:
        transact(**given)
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(api.table._client, "transact_write_items", lost)
        assert adjust(call, path, 5)[0] == 500
    status, kept = adjust(call, path, 5)
    assert (status, kept["delta"], stock(call, path)) == (200, 5, 14)


def test_an_adjustment_that_another_of_its_key_overtook_is_that_one(
    call: Call, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB tells of the stock alone, since the other is still being written."""
    kept = adjust(call, path, -9)[1]
    transact = api.table._client.transact_write_items

    def half_told(**given: Any) -> None:
        try:
            transact(**given)
        except api.table._client.exceptions.TransactionCanceledException as error:
            error.response["CancellationReasons"][1] = {"Code": "TransactionConflict"}
            raise

    monkeypatch.setattr(api.table._client, "transact_write_items", half_told)
    assert adjust(call, path, -9) == (200, kept)


def test_others_who_always_write_the_stock_are_told_of(
    call: Call, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
    }
    failure = api.table._client.exceptions.TransactionCanceledException

    def contended(**_: Any) -> None:
        raise failure(error, "TransactWriteItems")

    monkeypatch.setattr(store, "sleep", lambda _: None)
    monkeypatch.setattr(api.table._client, "transact_write_items", contended)
    status, content = adjust(call, path, 5)
    assert (status, content["error"]["code"]) == (409, "CONFLICT")


@given(
    units=st.integers(0, MOST_STOCK),
    delta=st.integers(-MOST_STOCK, MOST_STOCK).filter(bool),
)
@settings(max_examples=20)
def test_the_transaction_refuses_exactly_what_the_rule_refuses(units: int, delta: int) -> None:
    table, toy_id = ToysTable("Table"), str(uuid.uuid4())
    shelve(table, toy_id, units)
    toy = table.toy(toy_id)
    assert toy
    asked = Adjustment(adjustment_id="1", toy_id=toy_id, delta=delta, reason="r", at=now())
    try:
        table.adjust(asked, "1")
        refused = False
    except Unmoved:
        refused = True
    assert refused == (refusal(toy, delta) is not None)
    after = table.toy(toy_id)
    assert after
    assert after.stock == (units if refused else units + delta)


@given(before=st.integers(0, 12), after=st.integers(0, 12))
def test_shoppers_are_told_when_what_they_see_changes(before: int, after: int) -> None:
    draft = ToyDraft(
        sku="A", name="A", category="A", brand="B", price=1, currency="EUR", stock=before
    )
    old = Toy.create("toy-1", draft, now())
    new = old.model_copy(update={"stock": after, "version": 2})
    told = [type(message).__name__ for message in of_toy(old, new)]
    assert told == (["ToyUpdated"] if old.availability != new.availability else [])


# Reservations


def test_what_orders_hold_of_a_toy_is_listed(call: Call) -> None:
    table = ToysTable("Table")
    for toy_id in ("kite", "ball"):
        shelve(table, toy_id)
    reserve("order-1", kite=2, ball=1)
    reserve("order-2", ball=3)
    reserve("order-3", ball=99)
    release("order-2")
    release("order-4")
    (kite,) = listed(call, "/toys/kite/reservations")
    assert kite == {
        "orderId": "order-1",
        "quantity": 2,
        "price": 1500,
        "status": "RESERVED",
        "reservedAt": kite["reservedAt"],
        "updatedAt": kite["reservedAt"],
    }
    second, first = listed(call, "/toys/ball/reservations", limit=1)
    assert (first["orderId"], first["quantity"], first["status"]) == ("order-1", 1, "RESERVED")
    assert (second["orderId"], second["quantity"], second["status"]) == ("order-2", 3, "RELEASED")
    assert second["updatedAt"] >= second["reservedAt"] >= first["reservedAt"]
    assert stock(call, "/toys/ball") == 8
    ball = table.toy("ball")
    assert ball
    assert (ball.version, ball.revision) == (4, 1)


def test_an_order_of_fifty_lines_fits_into_one_transaction(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, sizes = inbox.table, []
    toys = [f"toy-{number:02}" for number in range(50)]
    for toy_id in toys:
        shelve(table, toy_id)
    transact = table._client.transact_write_items

    def counted(TransactItems: list[Any]) -> Any:  # noqa: N803
        sizes.append(len(TransactItems))
        return transact(TransactItems=TransactItems)

    monkeypatch.setattr(table._client, "transact_write_items", counted)
    reserve("order-1", **dict.fromkeys(toys, 2))
    release("order-1")
    assert sizes == [100, 51]
    for toy_id in toys:
        (line,) = listed(call, f"/toys/{toy_id}/reservations")
        assert (line["orderId"], line["status"]) == ("order-1", "RELEASED")
        assert stock(call, f"/toys/{toy_id}") == 9


def test_a_release_writes_nothing_beside_the_reservation_and_its_toys() -> None:
    table = ToysTable("Table")
    for toy_id in ("kite", "ball"):
        shelve(table, toy_id)
    reserve("order-1", kite=1, ball=1)

    def places() -> dict[str, Any]:
        items = boto3.resource("dynamodb").Table("Table").scan()["Items"]
        return {
            str(item["pk"]): (item["ofToy"], item["since"]) for item in items if "ofToy" in item
        }

    before = places()
    assert len(before) == 2
    release("order-1")
    assert places() == before


def test_reservations_that_dynamodb_holds_back_are_asked_for_again(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve(ToysTable("Table"), "kite")
    for number in range(4):
        reserve(f"order-{number}", kite=1)
    read, asked = api.table._client.batch_get_item, []

    def half(RequestItems: Any) -> Any:  # noqa: N803
        keys = RequestItems["Table"]["Keys"]
        asked.append(len(keys))
        now_, later = keys[: (len(keys) + 1) // 2], keys[(len(keys) + 1) // 2 :]
        answer = read(RequestItems={"Table": {"Keys": now_, "ConsistentRead": True}})
        left = {"Table": {"Keys": later, "ConsistentRead": True}} if later else {}
        return answer | {"UnprocessedKeys": left}

    monkeypatch.setattr(store, "sleep", lambda _: None)
    monkeypatch.setattr(api.table._client, "batch_get_item", half)
    assert len(listed(call, "/toys/kite/reservations")) == 4
    assert asked == [4, 2, 1]


# The audit trail

MOVES = st.one_of(
    st.tuples(st.just("adjust"), st.integers(-6, 6).filter(bool), st.sampled_from("abc")),
    st.tuples(st.just("reserve"), st.integers(0, 3), st.integers(1, 3)),
    st.tuples(st.just("release"), st.integers(0, 3), st.just(0)),
)


@given(first=st.integers(0, 5), moves=st.lists(MOVES, max_size=10))
@settings(max_examples=12)
def test_the_stock_is_the_sum_of_its_trail(first: int, moves: list[tuple[str, Any, Any]]) -> None:
    """What adjustments say, less what reservations hold: after any of them, in any order."""
    run = uuid.uuid4()
    made = api.created(
        {
            "sku": f"T{run.hex.upper()}",
            "name": "Kite",
            "category": "Outdoor",
            "brand": "Brand",
            "price": 1500,
            "currency": "EUR",
            "stock": first,
        }
    )
    toy_id: str = made.model_dump()["toy"]["toyId"]
    table = api.table
    for kind, one, two in moves:
        if kind == "adjust":
            asked = Adjustment(
                adjustment_id=str(uuid.uuid4()), toy_id=toy_id, delta=one, reason="r", at=now()
            )
            with suppress(Unmoved):
                table.adjust(asked, two)
        elif kind == "reserve":
            reserve(f"{run}-{one}", **{toy_id: two})
        else:
            release(f"{run}-{one}")
        toy = table.toy(toy_id)
        assert toy
        adjusted = sum(one.delta for one in everything(table.adjustments, toy_id))
        held = sum(
            line.quantity
            for line in everything(table.reservations, toy_id)
            if line.status == "RESERVED"
        )
        assert toy.stock == adjusted - held >= 0


def everything(pages: Callable[..., Any], toy_id: str) -> list[Any]:
    """All pages of a list of the table, two at a time."""
    seen: list[Any] = []
    position = None
    for _ in itertools.count():
        items, position = pages(toy_id, 2, position)
        seen += items
        if position is None:
            break
    return seen
