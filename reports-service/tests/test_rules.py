"""What the reports keep of an order, by example and by property."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from reports.messages import HEARS, Metadata, OrderData, OrderEvent, OrderUpdated, parse
from reports.sale import REST, Sale, newest


def event(order_id: str, version: int) -> OrderEvent:
    """An event of an order: no more of it than which version it is of."""
    metadata: dict[str, Any] = {"version": version}
    data: dict[str, Any] = {"order_id": order_id}
    parts: dict[str, Any] = {
        "metadata": Metadata.model_construct(**metadata),
        "data": OrderData.model_construct(**data),
    }
    return OrderUpdated.model_construct(**parts)


events = st.builds(
    event, st.sampled_from(["order-1", "order-2", "order-3"]), version=st.integers(1, 5)
)


@pytest.mark.parametrize("name", HEARS)
def test_a_sale_is_what_the_order_says(sample: Callable[[str], dict[str, Any]], name: str) -> None:
    body = sample(f"inbox-{name}")["Records"][0]["body"]
    sale = Sale.of(parse(body))
    told = json.loads(body)["detail"]
    order = told["data"]
    assert sale.version == told["metadata"]["version"]
    assert (sale.order_id, sale.customer_id) == (order["orderId"], order["customerId"])
    assert (sale.status, sale.reason) == (order["status"], order["reason"])
    assert (sale.shipping, sale.net) == (order["shipping"], order["net"])
    assert (sale.tax, sale.gross) == (order["tax"], order["gross"])
    assert (sale.currency, str(sale.tax_rate)) == (order["currency"], order["taxRate"])
    reached = {step["status"]: datetime.fromisoformat(step["at"]) for step in order["history"]}
    assert sale.confirmed_at == reached.get("CONFIRMED")
    assert sale.dispatched_at == reached.get("DISPATCHED")
    assert sale.delivered_at == reached.get("DELIVERED")
    assert sale.cancelled_at == reached.get("CANCELLED")
    assert sale.placed_at == datetime.fromisoformat(order["placedAt"])
    for line, line_told in zip(sale.lines, order["lines"], strict=True):
        shown = line.model_dump()
        given = {"category": None, "fulfilment": "parcel"} | line_told
        assert shown == {name: given[name] for name in shown}
    assert sale.carrier == order["carrier"]


def test_a_sale_has_the_refund_that_the_order_has(sample: Callable[[str], dict[str, Any]]) -> None:
    body = json.loads(sample("inbox-OrderCancelled")["Records"][0]["body"])
    body["detail-type"] = "OrderUpdated"
    for refund, amount, status in (
        ({"amount": 6990, "status": "REFUNDED"}, 6990, "REFUNDED"),
        (None, None, None),
    ):
        body["detail"]["data"]["refund"] = refund
        sale = Sale.of(parse(json.dumps(body)))
        assert (sale.refund_amount, sale.refund_status) == (amount, status)


def test_what_was_given_back_by_hand_went_when_the_order_says(
    sample: Callable[[str], dict[str, Any]],
) -> None:
    """Whatever becomes of the order: delivered, refunded further, cancelled."""
    by_hand = {"refundId": "by-hand", "amount": 300, "requestedAt": "2026-02-01T10:00:00Z"}
    part = {"refundId": "r-1", "amount": 200, "requestedAt": "2026-03-01T10:00:00Z"}
    for name, refunds, whole in (
        ("OrderConfirmed", [by_hand], 300),
        ("OrderDelivered", [by_hand], 300),
        ("OrderDelivered", [part, by_hand], 500),
        ("OrderCancelled", [part, by_hand], 500),
    ):
        body = json.loads(sample(f"inbox-{name}")["Records"][0]["body"])
        refund = {"amount": whole, "status": "REFUNDED"}
        body["detail"]["data"] |= {
            "refund": refund,
            "refunds": refunds,
            "updatedAt": "2026-06-01T10:00:00Z",
        }
        sale = Sale.of(parse(json.dumps(body)))
        assert {back.refund_id: back.amount for back in sale.backs} == {
            told["refundId"]: told["amount"] for told in refunds
        }
        (back,) = [back for back in sale.backs if back.refund_id == "by-hand"]
        assert back.requested_at == datetime.fromisoformat("2026-02-01T10:00:00Z")


@pytest.mark.parametrize("refunds", [[], [{"refundId": "r-1", "amount": 200}]], ids=["all", "rest"])
def test_what_no_refund_accounts_for_stays_where_it_is_as_the_order_goes_on(
    sample: Callable[[str], dict[str, Any]], refunds: list[dict[str, Any]]
) -> None:
    body = json.loads(sample("inbox-OrderPlaced")["Records"][0]["body"])
    paid, cancelled = (
        {"status": status, "at": f"2026-0{month}-05T10:00:00Z"}
        for status, month in (("CONFIRMED", 1), ("CANCELLED", 5))
    )
    later = [
        {"status": status, "at": f"2026-0{month}-05T10:00:00Z"}
        for status, month in (("DISPATCHED", 2), ("DELIVERED", 3))
    ]
    dated = [part | {"requestedAt": "2026-04-05T10:00:00Z"} for part in refunds]
    body["detail"]["data"] |= {"refund": {"amount": 300, "status": "PENDING"}, "refunds": dated}
    for history, updated, went in (
        ([], 1, body["detail"]["data"]["placedAt"]),  # which is no sale yet
        ([paid], 2, paid["at"]),
        ([paid, *later], 3, paid["at"]),
        ([paid, *later], 4, paid["at"]),
        ([paid, later[0], cancelled], 6, cancelled["at"]),
    ):
        body["detail"]["data"] |= {"history": history, "updatedAt": f"2026-0{updated}-20T00:00:00Z"}
        (rest,) = [b for b in Sale.of(parse(json.dumps(body))).backs if b.refund_id == REST]
        assert rest.amount == 300 - sum(part["amount"] for part in refunds)
        assert rest.requested_at == datetime.fromisoformat(went)


@given(st.lists(events))
def test_the_newest_of_each_order_is_taken_whatever_the_order_they_come_in(
    told: list[OrderEvent],
) -> None:
    versions: dict[str, int] = {}
    for each in told:
        order_id, version = each.data.order_id, each.metadata.version
        versions[order_id] = max(version, versions.get(order_id, 0))
    taken = [(each.data.order_id, each.metadata.version) for each in newest(told)]
    assert taken == sorted(versions.items())


def test_what_is_wrong_with_a_message_is_told_without_repeating_it(
    sample: Callable[[str], dict[str, Any]],
) -> None:
    body = json.loads(sample("inbox-OrderPlaced")["Records"][0]["body"])
    body["detail"]["data"]["gross"] = "someone@example.com"
    with pytest.raises(ValidationError) as refusal:
        parse(json.dumps(body))
    assert "data.gross" in str(refusal.value)
    assert "someone" not in str(refusal.value)
