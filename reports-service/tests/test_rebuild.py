"""A database that was lost, or is of an older shape, is filled by orders that are told again."""

import copy
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from reports import inbox

Record = dict[str, Any]
TABLES = ("orders", "order_lines", "refunds")


@pytest.fixture
def told(sample: Callable[[str], dict[str, Any]]) -> Callable[..., Record]:
    """Makes the record of a message from a sample: of another order and version, with more data."""

    def record(name: str, order_id: str, version: int, **data: Any) -> Record:
        found: Record = copy.deepcopy(sample(f"inbox-{name}")["Records"][0])
        body = json.loads(found["body"])
        body["detail"]["data"] |= {"orderId": order_id, **data}
        body["detail"]["metadata"] |= {"version": version}
        return found | {"messageId": str(uuid4()), "body": json.dumps(body)}

    return record


def again(record: Record) -> Record:
    """An order told again, as it was told last."""
    body = json.loads(record["body"])
    return record | {"body": json.dumps(body | {"detail-type": "OrderRepublished"})}


def dump(server: Any) -> dict[str, list[dict[str, Any]]]:
    """All that the database holds of orders."""
    return {table: server.rows(f"select * from {table} order by 1, 2") for table in TABLES}


LINES = [
    {"toyId": "toy-1", "name": "Kite", "price": 1000, "quantity": 2},
    {"toyId": "toy-2", "name": "Kite to print", "price": 500, "quantity": 1},
]
KNOWN = [
    LINES[0] | {"category": "Outdoor", "fulfilment": "parcel"},
    LINES[1] | {"category": "Craft", "fulfilment": "digital"},
]
PART = {"refundId": "refund-1", "amount": 500, "requestedAt": "2026-01-06T09:00:00.000Z"}


def life(told: Callable[..., Record]) -> list[list[Record]]:
    """What is told of four orders, from first to last."""
    back = {"amount": 500, "status": "PENDING"}
    return [
        [
            told("OrderPlaced", "delivered", 1, lines=LINES),
            told("OrderConfirmed", "delivered", 3, lines=KNOWN),
            told("OrderDispatched", "delivered", 4, lines=KNOWN),
            told("OrderDelivered", "delivered", 5, lines=KNOWN),
            told("OrderDelivered", "delivered", 6, lines=KNOWN, refund=back, refunds=[PART]),
        ],
        [
            told("OrderPlaced", "cancelled", 1, lines=LINES),
            told("OrderConfirmed", "cancelled", 3, lines=KNOWN, refund=back, refunds=[PART]),
            told(
                "OrderCancelled",
                "cancelled",
                4,
                lines=KNOWN,
                refund={"amount": 2500, "status": "PENDING"},
                refunds=[PART],
            ),
        ],
        [told("OrderPlaced", "placed", 1, lines=LINES)],
        [
            told("OrderConfirmed", "by hand", 3, refund=back),
            told("OrderDispatched", "by hand", 4, refund=back, refunds=[PART]),
        ],
    ]


def test_reports_rebuilt_from_nothing_equal_the_old(
    server: Any, told: Callable[..., Record], context: Any
) -> None:
    lives = life(told)
    for one in lives:
        for record in one:
            inbox.handler({"Records": [record]}, context)
    old = dump(server)
    assert len(old["orders"]) == len(lives)
    assert [(row["order_id"], row["refund_id"], row["amount"]) for row in old["refunds"]] == [
        ("by hand", "refund-1", 500),
        ("cancelled", "", 2000),
        ("cancelled", "refund-1", 500),
        ("delivered", "refund-1", 500),
    ]
    with server.connect("reports") as owner:
        owner.execute("drop owned by reports_writer")
        owner.execute("grant usage, create on schema public to reports_writer")
    records = [again(one[-1]) for one in lives]
    assert inbox.handler({"Records": records}, context) == {"batchItemFailures": []}
    assert dump(server) == old
    # And once more, in another order, to a database that has it all.
    assert inbox.handler({"Records": records[::-1]}, context) == {"batchItemFailures": []}
    assert dump(server) == old


def test_a_row_of_an_older_shape_is_filled_by_the_same_version(
    server: Any, told: Callable[..., Record], context: Any
) -> None:
    last = [one[-1] for one in life(told)]
    inbox.handler({"Records": last}, context)
    whole = dump(server)
    with server.connect("reports") as owner:
        owner.execute("update orders set shape = 0, carrier = null")
        owner.execute("update order_lines set category = null, fulfilment = 'parcel'")
        owner.execute("update refunds set refund_id = 'x' where refund_id <> ''")
    assert dump(server) != whole
    inbox.handler({"Records": [again(record) for record in last]}, context)
    assert dump(server) == whole


def test_an_older_version_fills_nothing_whatever_the_shape(
    server: Any, told: Callable[..., Record], context: Any
) -> None:
    first, *_, last = life(told)[0]
    inbox.handler({"Records": [last]}, context)
    with server.connect("reports") as owner:
        owner.execute("update orders set shape = 0")
    held = dump(server)
    inbox.handler({"Records": [again(first)]}, context)
    assert dump(server) == held


def test_lines_are_those_of_the_newest_version(
    server: Any, told: Callable[..., Record], context: Any
) -> None:
    """They are told what they were sold as when their stock is held, and not before."""
    placed, reserved = (
        told(name, "order-1", version, lines=lines)
        for name, version, lines in (("OrderPlaced", 1, LINES), ("OrderUpdated", 2, KNOWN))
    )
    shorter = told("OrderUpdated", "order-1", 3, lines=KNOWN[1:])
    for record, categories in (
        (placed, [None, None]),
        (reserved, ["Outdoor", "Craft"]),
        (placed, ["Outdoor", "Craft"]),
        (shorter, ["Craft"]),
    ):
        inbox.handler({"Records": [record]}, context)
        assert [row["category"] for row in dump(server)["order_lines"]] == categories
