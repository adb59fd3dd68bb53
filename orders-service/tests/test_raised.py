"""Errors for managers: what an order's change is, and what became a dead letter."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orders.downloads import Download
from orders.facts import Facts, Reason
from orders.heard import PlaceOrder
from orders.order import Order
from orders.purchase import HeldLine
from orders.raised import KEPT_FOR, LONGEST, ErrorRaised, MessageError, of_letter, of_order

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
MOST = int(os.environ["MAX_RECEIVES"])

Record = Callable[[str], dict[str, Any]]


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


@pytest.fixture
def placed(command: PlaceOrder) -> Order:
    """The sample's order as it is placed."""
    return Order.place(command.data, "o", "cause", MORNING, timedelta(minutes=15))


def hear(order: Order, name: str, **facts: Any) -> Order:
    """The order after what it hears a minute later."""
    moved = order.hear(name, Facts(**facts), f"cause:{name}", MORNING + timedelta(minutes=1))
    assert isinstance(moved, Order)
    return moved


def only(errors: list[ErrorRaised]) -> ErrorRaised:
    (error,) = errors
    return error


def test_an_order_that_the_sweep_cancelled_is_an_error(placed: Order) -> None:
    reserved = hear(placed, "StockReserved")
    expired = hear(reserved, "DeadlinePassed", reason=Reason.EXPIRED)
    error = only(of_order(reserved, expired))
    assert error.model_dump(mode="json") == {
        "metadata": {
            "id": f"{placed.order_id}:3:ErrorRaised",
            "correlationId": "o",
            "causationId": "cause:DeadlinePassed",
            "occurredAt": "2026-01-05T10:01:00.000Z",
            "version": 3,
            "trace": None,
        },
        "data": {
            "errorId": f"{placed.order_id}:3:DEADLINE_PASSED",
            "kind": "BUSINESS",
            "code": "DEADLINE_PASSED",
            "message": "The order was still RESERVED at its deadline, and was cancelled",
            "orderId": placed.order_id,
            "occurredAt": "2026-01-05T10:01:00.000Z",
        },
    }
    refunded = hear(expired, "PaymentRefunded", refunded=1)
    assert of_order(expired, refunded) == []
    assert of_order(None, refunded) == [error]


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.EXPIRED])
def test_what_others_tell_or_somebody_wanted_is_none(placed: Order, reason: Reason) -> None:
    assert of_order(placed, hear(placed, "CancelOrder", reason=reason)) == []


@pytest.mark.parametrize("kinds", ["digital", "parcel"])
def test_a_download_that_cannot_be_had_is_an_error(placed: Order, kinds: str) -> None:
    """Whether the order is cancelled at once, or its parcel is to be stopped first."""
    first, *others = placed.lines
    held = [HeldLine(toy_id=first.toy_id, fulfilment="digital", file_id="file-1")]
    if kinds == "digital":
        held += [
            HeldLine(toy_id=line.toy_id, fulfilment="digital", file_id="file-2") for line in others
        ]
    order = hear(hear(placed, "StockReserved", held=tuple(held)), "PaymentCollected")
    gone = Download(line=1, failure="the file is gone")
    after = hear(order, "FileNotShared", download=gone, reason=Reason.UNDELIVERABLE)
    error = only(of_order(order, after))
    assert error.data.code == "DOWNLOAD_UNDELIVERABLE"
    assert error.data.message == f"Toy {first.toy_id} cannot be downloaded: the file is gone"
    assert error.metadata.id == f"{order.order_id}:{after.version}:ErrorRaised"
    later = hear(after, "PaymentRefunded", refunded=1)
    assert of_order(after, later) == []


def test_a_message_that_is_refused_is_an_error(record: Record) -> None:
    body = record("StockReserved")["body"]
    error = of_letter("sqs-1", body, "POISON_MESSAGE", "it cannot be", MORNING)
    told = error.told()
    order_id = json.loads(body)["detail"]["data"]["orderId"]
    assert told.metadata.id == "sqs-1:1:ErrorRaised"
    assert told.metadata.correlation_id == order_id
    assert told.data.model_dump(mode="json") == {
        "errorId": "sqs-1",
        "kind": "SYSTEM",
        "code": "POISON_MESSAGE",
        "message": "StockReserved was refused: it cannot be",
        "orderId": order_id,
        "occurredAt": "2026-01-05T10:00:00.000Z",
    }
    assert error.expires_at == (MORNING + KEPT_FOR).timestamp()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("poison", None),
        ("{}", None),
        ("[1]", None),
        ('{"detail": {"data": {"orderId": "o1"}}}', "o1"),
        ('{"detail": {"data": {"orderId": 7}}}', None),
        ('{"detail": {"data": {"orderId": "with a blank"}}}', None),
        ('{"detail": {"data": {"shareId": "o1:2"}}}', "o1"),
        ('{"detail": {"data": ["o1"]}}', None),
    ],
)
def test_finds_the_order_where_the_body_has_one(body: str, expected: str | None) -> None:
    error = of_letter("sqs-1", body, "POISON_MESSAGE", "why", MORNING)
    assert error.order_id == expected
    assert error.message == "A message was refused: why"


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
NAMED = st.fixed_dictionaries(
    {"detail-type": JSON, "detail": st.fixed_dictionaries({"data": JSON}) | JSON}
)


@settings(max_examples=30)
@given(body=st.text() | (JSON | NAMED).map(json.dumps), reason=st.text(max_size=1000))
def test_whatever_is_in_a_message_it_is_one_bounded_error(body: str, reason: str) -> None:
    error = of_letter("sqs-1", body, "MESSAGE_FAILED", reason, MORNING)
    assert len(error.message) <= LONGEST
    assert MessageError.model_validate(error.model_dump(mode="json")) == error
