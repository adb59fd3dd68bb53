"""The inbox, fed with real messages into a real PostgreSQL: once, twice, late, out of order."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from typing import Any
from uuid import uuid4

import boto3
import psycopg
import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports import delivery, inbox, tables
from reports.delivery import Queue

Told = Callable[..., dict[str, Any]]
Letters = Callable[[], list[tuple[str, str]]]

LIFE = ("OrderPlaced", "OrderConfirmed", "OrderDispatched", "OrderDelivered")


@pytest.fixture
def told(sample: Callable[[str], dict[str, Any]]) -> Told:
    """Makes the record of a sample message, changed: of another order, version, or data."""

    def record(
        name: str, *, order_id: str = "order-1", version: int | None = None, **data: Any
    ) -> dict[str, Any]:
        found: dict[str, Any] = sample(f"inbox-{name}")["Records"][0]
        body = json.loads(found["body"])
        detail = body["detail"]
        detail["data"] |= {"orderId": order_id, **data}
        detail["metadata"]["version"] = version or detail["metadata"]["version"]
        detail["metadata"]["id"] = f"{order_id}:{detail['metadata']['version']}:{name}"
        return found | {"messageId": str(uuid4()), "body": json.dumps(body)}

    return record


def handle(context: Any, *records: dict[str, Any]) -> list[str]:
    """Give the inbox a batch. Returns the ids of the messages that failed."""
    answer: Any = inbox.handler({"Records": list(records)}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def data(record: dict[str, Any]) -> Any:
    """The order that a record tells of."""
    return json.loads(record["body"])["detail"]["data"]


def kept(server: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All that the database holds."""
    lines = server.rows("select * from order_lines order by order_id, line")
    return server.rows("select * from orders order by order_id"), lines


def test_an_order_becomes_a_row_and_its_lines_become_rows(
    server: Any, told: Told, context: Any
) -> None:
    record = told("OrderDelivered")
    assert handle(context, record) == []
    order = data(record)
    reached = {step["status"]: datetime.fromisoformat(step["at"]) for step in order["history"]}
    orders, lines = kept(server)
    assert orders == [
        {
            "order_id": "order-1",
            "customer_id": order["customerId"],
            "status": "DELIVERED",
            "reason": None,
            "currency": order["currency"],
            "shipping": order["shipping"],
            "net": order["net"],
            "tax": order["tax"],
            "gross": order["gross"],
            "tax_rate": Decimal(order["taxRate"]),
            "placed_at": datetime.fromisoformat(order["placedAt"]),
            "confirmed_at": reached["CONFIRMED"],
            "dispatched_at": reached["DISPATCHED"],
            "delivered_at": reached["DELIVERED"],
            "cancelled_at": None,
            "refund_amount": None,
            "refund_status": None,
            "carrier": order["carrier"],
            "shape": tables.SHAPE,
            "version": json.loads(record["body"])["detail"]["metadata"]["version"],
            "updated_at": datetime.fromisoformat(order["updatedAt"]),
        }
    ]
    assert lines == [
        {
            "order_id": "order-1",
            "line": place,
            "toy_id": line["toyId"],
            "name": line["name"],
            "price": line["price"],
            "quantity": line["quantity"],
            "category": line.get("category"),
            "fulfilment": line.get("fulfilment", "parcel"),
            "currency": order["currency"],
            "confirmed_at": reached["CONFIRMED"],
            "cancelled": False,
            "tax": order["tax"] * line["price"] * line["quantity"] // order["gross"],
            "first_of_toy": True,
            "first_of_category": True,
        }
        for place, line in enumerate(order["lines"], start=1)
    ]


def test_a_cancelled_order_has_its_reason(server: Any, told: Told, context: Any) -> None:
    record = told("OrderCancelled")
    handle(context, record)
    ((order,), _) = kept(server)
    assert (order["status"], order["reason"]) == ("CANCELLED", data(record)["reason"])
    assert order["cancelled_at"] is not None
    assert order["delivered_at"] is None


def test_the_refund_of_an_order_is_kept_as_it_was_last_told(
    server: Any, told: Told, context: Any
) -> None:
    pending = {"amount": 6990, "status": "PENDING"}
    cancelled = told("OrderCancelled", version=4, refund=pending)
    done = {"status": "CANCELLED", "refund": pending | {"status": "REFUNDED"}}
    refunded = told("OrderUpdated", version=5, **done)
    for record, status in ((cancelled, "PENDING"), (refunded, "REFUNDED"), (cancelled, "REFUNDED")):
        assert handle(context, record) == []
        ((order,), _) = kept(server)
        assert (order["refund_amount"], order["refund_status"]) == (6990, status)
    assert order["status"] == "CANCELLED"
    assert order["version"] == 5


@pytest.mark.parametrize("status", ["RESERVED", "CANCELLING"])
def test_an_order_on_its_way_to_either_end_is_kept(
    server: Any, told: Told, context: Any, status: str
) -> None:
    record = told("OrderUpdated", version=3, status=status, reason=None, refund=None)
    assert handle(context, record) == []
    ((order,), _) = kept(server)
    assert (order["status"], order["reason"], order["refund_status"]) == (status, None, None)


def test_the_same_toy_may_stand_in_two_lines(server: Any, told: Told, context: Any) -> None:
    line = data(told("OrderPlaced"))["lines"][0]
    assert handle(context, told("OrderPlaced", lines=[line, line])) == []
    assert len(kept(server)[1]) == 2


@pytest.mark.parametrize("name", [*LIFE, "OrderCancelled", "OrderUpdated", "OrderRepublished"])
def test_a_message_that_comes_again_changes_nothing(
    server: Any, told: Told, context: Any, name: str
) -> None:
    record = told(name)
    handle(context, record)
    first = kept(server)
    handle(context, record)
    handle(context, record, copy.deepcopy(record) | {"messageId": "copy"})
    assert kept(server) == first
    assert len(first[0]) == 1


def test_a_message_that_comes_late_changes_nothing(server: Any, told: Told, context: Any) -> None:
    handle(context, told("OrderDelivered", version=5))
    delivered = kept(server)
    for version, name in enumerate(LIFE[:3], start=1):
        assert handle(context, told(name, version=version)) == []
    assert kept(server) == delivered


def test_a_newer_message_replaces_what_is_kept(server: Any, told: Told, context: Any) -> None:
    bought = data(told("OrderPlaced"))["lines"]
    for version, name in enumerate(LIFE, start=1):
        record = told(name, version=version, lines=bought)
        handle(context, record)
        ((order,), lines) = kept(server)
        assert (order["status"], order["version"]) == (data(record)["status"], version)
        assert len(lines) == len(bought)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.data())
def test_whatever_the_order_the_copies_and_the_batches_the_rows_are_the_same(
    server: Any, told: Told, context: Any, draw: st.DataObject
) -> None:
    """Two orders, each message once or more, in any order, cut into any batches."""
    ids = [f"order-{uuid4()}" for _ in range(2)]
    last = data(told(LIFE[-1]))
    life = [
        told(name, order_id=order_id, version=version, lines=last["lines"])
        for order_id in ids
        for version, name in enumerate(LIFE, start=1)
    ]
    copies = draw.draw(st.lists(st.sampled_from(life), max_size=6))
    messages = draw.draw(st.permutations([*life, *copies]))
    while messages:
        size = draw.draw(st.integers(1, len(messages)))
        assert handle(context, *messages[:size]) == []
        messages = messages[size:]
    orders, lines = kept(server)
    for order_id in ids:
        (order,) = [row for row in orders if row["order_id"] == order_id]
        assert (order["status"], order["version"]) == (last["status"], len(LIFE))
        assert order["updated_at"] == datetime.fromisoformat(last["updatedAt"])
        of_order = [row for row in lines if row["order_id"] == order_id]
        assert [row["quantity"] for row in of_order] == [line["quantity"] for line in last["lines"]]


def test_a_batch_of_a_hundred_orders(server: Any, told: Told, context: Any) -> None:
    records = [told("OrderPlaced", order_id=f"order-{n}") for n in range(100)]
    assert handle(context, *records) == []
    assert len(kept(server)[0]) == 100


def test_two_batches_at_once_end_with_the_newest(server: Any, told: Told, context: Any) -> None:
    """The same orders in two functions, each batch the other way round."""
    bought = data(told("OrderPlaced"))["lines"]
    batches = [
        [told(name, order_id=f"order-{n}", version=version, lines=bought) for n in range(50)]
        for version, name in enumerate(LIFE, start=1)
    ]
    with ThreadPoolExecutor(2) as functions:
        for failed in functions.map(
            lambda batch: handle(context, *batch), [*batches, *(b[::-1] for b in batches)]
        ):
            assert failed == []
    orders, lines = kept(server)
    assert [order["version"] for order in orders] == [len(LIFE)] * 50
    assert len(lines) == 50 * len(bought)


LINE = {"toyId": "toy-1", "name": "Kite", "price": 1000, "quantity": 1}


@pytest.mark.parametrize(
    "bad",
    [
        {"lines": []},
        {"lines": [LINE | {"quantity": 0}]},
        {"lines": [LINE | {"price": -1}]},
        {"lines": [LINE | {"name": "a NUL \0 in it"}]},
        {"lines": [LINE | {"quantity": 2**63}]},
        {"lines": [LINE | {"quantity": 100_001}]},
        {"lines": [LINE | {"price": 0, "quantity": 9 * 10**18}]},  # two of which no sum holds
        {"net": 0, "tax": 10_000, "gross": 100},
        {"placedAt": "0001-01-01T00:00:00+23:59"},
        {"history": [{"status": "CANCELLED", "at": "9999-12-31T23:59:59-23:59"}]},
        {"lines": [LINE | {"category": "a NUL \0 in it"}]},
        {"refunds": [{"refundId": "\0", "amount": 1, "requestedAt": "2026-01-05T10:30:50Z"}]},
        {"refunds": [{"refundId": "r", "amount": -1, "requestedAt": "2026-01-05T10:30:50Z"}]},
        {"gross": -1},
        {"gross": 10**30},
        {"gross": "much"},
        {"currency": "euro"},
        {"taxRate": "NaN"},
        {"history": None},
        {"placedAt": "yesterday"},
        {"customerId": "a NUL \0 in it"},
    ],
    ids=str,
)
def test_a_bad_message_fails_alone(
    server: Any, told: Told, context: Any, bad: dict[str, Any], dead_letters: Letters
) -> None:
    good = [told("OrderPlaced", order_id=f"order-{n}") for n in range(4)]
    poison = told("OrderPlaced", order_id="bad", **bad)
    assert handle(context, *good[:2], poison, *good[2:]) == []
    assert [row["order_id"] for row in kept(server)[0]] == [f"order-{n}" for n in range(4)]
    assert handle(context, poison) == []
    letters = dead_letters()
    assert [body for body, _ in letters] == [poison["body"]] * 2
    assert all(reason and reason.isprintable() for _, reason in letters)


def test_a_name_too_long_for_an_index_fails_alone(
    server: Any, told: Told, context: Any, dead_letters: Letters
) -> None:
    name = "".join(sha256(bytes([n])).hexdigest() for n in range(99))  # which nothing compresses
    poison = told("OrderConfirmed", order_id="bad", lines=[LINE | {"name": name}])
    assert handle(context, poison, told("OrderConfirmed")) == []
    assert [row["order_id"] for row in kept(server)[0]] == ["order-1"]
    assert [body for body, _ in dead_letters()] == [poison["body"]]


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"detail-type": "OrderLost", "detail": {}}',
        '{"detail-type": "OrderPlaced", "detail": {"data": {}}}',
    ],
)
def test_what_is_no_message_of_ours_fails_alone(
    server: Any, told: Told, context: Any, body: str, dead_letters: Letters
) -> None:
    record = told("OrderPlaced")
    assert handle(context, record | {"messageId": "bad", "body": body}, record) == []
    assert len(kept(server)[0]) == 1
    assert [letter for letter, _ in dead_letters()] == [body]


def test_poison_is_buried_without_the_database(
    server: Any, told: Told, context: Any, dead_letters: Letters
) -> None:
    good, bad = told("OrderPlaced"), told("OrderPlaced", gross="much")
    server.stop()
    try:
        assert handle(context, bad) == []
        assert handle(context, good, bad) == [good["messageId"]]
    finally:
        server.start()
    assert ["gross" in reason for _, reason in dead_letters()] == [True, True]


def without_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network that leads to no queue."""
    monkeypatch.setattr(inbox, "queue", Queue("", "", inbox.logger))


def test_poison_is_reported_as_failed_where_no_queue_is_reached(
    server: Any,
    told: Told,
    context: Any,
    dead_letters: Letters,
    monkeypatch: pytest.MonkeyPatch,
    put_off: dict[str, int],
) -> None:
    without_queues(monkeypatch)
    good = told("OrderPlaced", order_id="good")
    shapeless, refused = told("OrderPlaced", gross=-1), told("OrderPlaced", customerId="\0")
    assert handle(context, shapeless, good, refused) == [
        shapeless["messageId"],
        refused["messageId"],
    ]
    assert [row["order_id"] for row in kept(server)[0]] == ["good"]
    server.stop()
    try:
        assert handle(context, good, shapeless) == [good["messageId"], shapeless["messageId"]]
    finally:
        server.start()
    assert dead_letters() == []
    assert put_off == {}


@pytest.mark.parametrize("operation", ["SendMessage", "ChangeMessageVisibilityBatch"])
def test_queues_that_do_not_answer_are_given_up_at_once(
    server: Any, told: Told, context: Any, operation: str
) -> None:
    good = told("OrderPlaced", order_id="good")
    bad = [told("OrderPlaced", customerId="\0"), told("OrderPlaced", gross=-1)]
    if operation == "ChangeMessageVisibilityBatch":
        boto3.client("sqs").delete_queue(QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"])
    calls: list[str] = []

    def lost(**_: Any) -> None:
        calls.append(operation)
        raise ConnectTimeoutError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    events, hook = inbox.queue._sqs.meta.events, f"before-call.sqs.{operation}"
    events.register(hook, lost)
    try:
        assert handle(context, bad[0], good, bad[1]) == [each["messageId"] for each in bad]
    finally:
        events.unregister(hook, lost)
    assert calls == [operation]
    assert [row["order_id"] for row in kept(server)[0]] == ["good"]


@pytest.fixture
def put_off() -> Iterator[dict[str, int]]:
    """The seconds that messages in the queue are put off for, by their receipt handles."""
    waits: dict[str, int] = {}

    def keep(params: dict[str, Any], **_: Any) -> None:
        assert params["QueueUrl"] == os.environ["QUEUE_URL"]
        assert len(params["Entries"]) <= delivery.ENTRIES_PER_CALL
        for entry in params["Entries"]:
            waits[entry["ReceiptHandle"]] = entry["VisibilityTimeout"]

    hook = "provide-client-params.sqs.ChangeMessageVisibilityBatch"
    inbox.queue._sqs.meta.events.register(hook, keep)
    yield waits
    inbox.queue._sqs.meta.events.unregister(hook, keep)


def queued(record: dict[str, Any], tries: int) -> dict[str, Any]:
    """The record as it comes off the queue in moto, given out so many times by then."""
    sqs, url = boto3.client("sqs"), os.environ["QUEUE_URL"]
    sqs.send_message(QueueUrl=url, MessageBody=record["body"])
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    return record | {
        "receiptHandle": message["ReceiptHandle"],
        "attributes": {"ApproximateReceiveCount": str(tries), "SentTimestamp": "1795000000000"},
    }


def test_what_failed_comes_again_later_each_time(
    server: Any, told: Told, context: Any, put_off: dict[str, int]
) -> None:
    """Each message of a batch waits by its own count."""
    records = [
        queued(told("OrderPlaced", order_id=f"order-{tries}"), tries) for tries in range(1, 10)
    ]
    server.stop()
    try:
        assert handle(context, *records) == [record["messageId"] for record in records]
    finally:
        server.start()
    waits = [put_off[record["receiptHandle"]] for record in records]
    longest = [2, 8, 32, 128, 512, 900, 900, 900, 900]
    assert all(most // 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    put_off.clear()
    assert handle(context, *records) == []
    assert put_off == {}


def test_a_whole_batch_is_put_off_in_a_few_calls(
    server: Any, told: Told, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [queued(told("OrderPlaced", order_id=f"order-{n}"), 1) for n in range(25)]
    monkeypatch.setattr(delivery, "wait", lambda _: 900)
    calls: list[dict[str, Any]] = []
    hook, keep = "provide-client-params.sqs.*", lambda params, **_: calls.append(params)
    inbox.queue._sqs.meta.events.register(hook, keep)
    server.stop()
    try:
        assert handle(context, *records) == [record["messageId"] for record in records]
    finally:
        server.start()
        inbox.queue._sqs.meta.events.unregister(hook, keep)
    assert [len(call["Entries"]) for call in calls] == [10, 10, 5]
    told_of = [entry["ReceiptHandle"] for call in calls for entry in call["Entries"]]
    assert told_of == [record["receiptHandle"] for record in records]


def test_one_that_cannot_be_put_off_is_told_and_the_others_are(
    server: Any, told: Told, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [queued(told("OrderPlaced", order_id=f"order-{n}"), 1) for n in range(3)]
    records[1]["receiptHandle"] = "of no message here"
    log = StringIO()
    monkeypatch.setattr(inbox.logger.registered_handler, "stream", log)
    server.stop()
    try:
        assert handle(context, *records) == [record["messageId"] for record in records]
    finally:
        server.start()
    lines = map(json.loads, log.getvalue().splitlines())
    refused = [line for line in lines if line["message"] == "not put off"]
    assert [line["sqs_message_id"] for line in refused] == [records[1]["messageId"]]
    assert refused[0]["reason"]


@given(st.integers(1, 1000))
def test_a_wait_is_never_short_for_its_try_nor_longer_than_the_longest(tries: int) -> None:
    longest = min(2 * 4 ** (tries - 1), delivery.LONGEST_WAIT)
    assert max(1, longest // 2) <= delivery.wait(tries) <= longest


def test_an_older_version_is_kept_when_the_newest_is_bad(
    server: Any, told: Told, context: Any, dead_letters: Letters
) -> None:
    good = told("OrderPlaced", version=1)
    poison = told("OrderConfirmed", version=2, customerId="\0")
    assert handle(context, poison, good) == []
    assert [body for body, _ in dead_letters()] == [poison["body"]]
    ((order,), lines) = kept(server)
    assert order["version"] == 1
    assert lines


def test_what_a_newer_schema_refuses_comes_again_and_is_not_buried(
    server: Any, told: Told, context: Any, dead_letters: Letters
) -> None:
    """By a function that is still of the version before: it is no fault of the message."""
    assert handle(context, told("OrderPlaced", order_id="order-0")) == []
    record = told("OrderPlaced")
    with server.connect("reports") as owner:
        owner.execute("alter table order_lines add column later text not null default ''")
        owner.execute("alter table order_lines alter column later drop default")
        assert handle(context, record) == [record["messageId"]]
        assert dead_letters() == []
        owner.execute("alter table order_lines alter column later set default ''")
    assert handle(context, record) == []
    assert [row["order_id"] for row in kept(server)[0]] == ["order-0", "order-1"]


def test_all_messages_come_again_when_the_database_is_down(
    server: Any, told: Told, context: Any
) -> None:
    """Those put off and those whose receipt handle the queue does not know, as this one's."""
    record = told("OrderPlaced")
    server.stop()
    try:
        assert handle(context, record) == [record["messageId"]]
    finally:
        server.start()
    assert handle(context, record) == []
    assert len(kept(server)[0]) == 1


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_a_crash_between_any_two_statements_is_made_good_by_the_next_try(
    server: Any,
    told: Told,
    context: Any,
    crash_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [told("OrderPlaced", order_id=f"order-{n}") for n in range(2)]
    execute = psycopg.Connection.execute
    done = 0

    def failing(connection: psycopg.Connection, *arguments: Any, **options: Any) -> Any:
        nonlocal done
        done += 1
        if done == crash_at:
            raise psycopg.OperationalError("the connection is lost")
        return execute(connection, *arguments, **options)

    with monkeypatch.context() as broken:
        broken.setattr(psycopg.Connection, "execute", failing)
        assert handle(context, *records) == [record["messageId"] for record in records]
    assert done == crash_at
    assert handle(context, *records) == []
    orders, lines = kept(server)
    assert len(orders) == 2
    assert len(lines) == 2 * len(data(records[0])["lines"])


def test_orders_and_their_lines_are_written_together_or_not_at_all(
    server: Any, told: Told, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(context, told("OrderPlaced", order_id="order-0"))
    with server.connect("reports") as owner:
        owner.execute("revoke insert on order_lines from reports_writer")
    record = told("OrderPlaced")
    assert handle(context, record) == [record["messageId"]]
    assert [row["order_id"] for row in kept(server)[0]] == ["order-0"]


@pytest.mark.parametrize("bad", [{}, {"customerId": "\0"}], ids=["good", "bad"])
def test_no_connection_is_left_open(
    server: Any,
    told: Told,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    bad: dict[str, Any],
) -> None:
    opened: list[psycopg.Connection] = []
    connect = psycopg.connect

    def watched(**options: Any) -> psycopg.Connection:
        opened.append(connect(**options))
        return opened[-1]

    monkeypatch.setattr(psycopg, "connect", watched)
    handle(context, told("OrderPlaced", **bad))
    assert [connection.closed for connection in opened] == [True]


def test_the_log_has_each_change_once_and_nothing_of_the_customer(
    server: Any, told: Told, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = StringIO()
    monkeypatch.setattr(inbox.logger.registered_handler, "stream", log)
    record = told("OrderPlaced", email="someone@example.com")
    handle(context, record)
    handle(context, record, told("OrderPlaced", order_id="bad", gross="someone@example.com"))
    assert "someone" not in log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["order_id"] for line in lines if line["message"] == "order kept"] == ["order-1"]
    assert [line["message"] for line in lines].count("refused") == 1
