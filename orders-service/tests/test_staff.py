"""What staff do with orders, asked of the private API as API Gateway asks."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import api, desk, staff
from orders.facts import Reason
from orders.heard import PlaceOrder
from orders.messages import of_order
from orders.model import now
from orders.order import Order
from orders.purchase import OrderLine, PurchaseRequest
from orders.refunds import Excess, RefundDraft, RefundLine, StaffRefund, amount_of
from orders.requests import is_matched
from orders.saga import Status
from orders.sent import RefundPayment

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any, Json]]
Tell = Callable[..., None]

CONFIRMED = ("PlaceOrder", "StockReserved", "PaymentCollected")
THERE = {
    "name": "B. Neighbour",
    "line1": "2 Low Street",
    "city": "Cork",
    "postalCode": "T12",
    "country": "IE",
}


@pytest.fixture
def call(context: Any) -> Call:
    """Asks the private API: status, content and headers of the answer."""

    def request(
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        headers: Json | None = None,
    ) -> tuple[int, Any, Json]:
        given = {"content-type": "application/json"} | (headers or {})
        event = {
            "httpMethod": method,
            "path": path,
            "headers": given | ({"idempotency-key": key} if key else {}),
            "multiValueHeaders": {},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "body": None if body is None else json.dumps(body),
            "requestContext": {"requestId": "request-1", "stage": "live", "identity": {}},
            "isBase64Encoded": False,
        }
        answer = api.handler(event, context)
        told = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], json.loads(answer["body"]), told

    return request


@pytest.fixture
def path(command: PlaceOrder) -> str:
    return f"/orders/{command.data.order_id}"


# ---- Addresses


def test_an_address_is_changed_at_once_before_the_order_is_confirmed(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder")
    before = kept()
    status, told, headers = call("PATCH", path, {"shippingAddress": THERE})
    assert status == 200
    assert told["shippingAddress"] == THERE | {"line2": None}
    assert (told["addressChange"], told["version"], headers["ETag"]) == (None, 2, '"2"')
    messages = of_order(before, kept())
    assert [type(message).__name__ for message in messages] == ["OrderUpdated"]
    assert call("PATCH", path, {"shippingAddress": THERE})[1]["version"] == 2


def test_of_a_confirmed_order_the_warehouse_decides(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED)
    before = kept()
    status, told, _ = call("PATCH", path, {"shippingAddress": THERE})
    assert status == 200
    assert told["shippingAddress"] == before.shipping_address.model_dump()
    assert told["addressChange"] == {
        "shippingAddress": THERE | {"line2": None},
        "number": 1,
        "requestedAt": told["updatedAt"],
    }
    updated, asked = of_order(before, kept())
    assert updated.model_dump()["data"]["shippingAddress"]["name"] == before.shipping_address.name
    assert asked.metadata.id == f"{before.order_id}:4:ChangeShippingAddress"
    assert asked.model_dump()["data"] == {
        "orderId": before.order_id,
        "shippingAddress": THERE | {"line2": None},
        "number": 1,
    }
    again = call("PATCH", path, {"shippingAddress": THERE})[1]
    assert (again["version"], again["addressChange"]) == (4, told["addressChange"])
    elsewhere = THERE | {"line1": "3 Side Street"}
    newer = call("PATCH", path, {"shippingAddress": elsewhere})[1]
    assert newer["addressChange"]["number"] == 2
    back = call("PATCH", path, {"shippingAddress": told["shippingAddress"]})[1]
    assert back["addressChange"]["number"] == 3


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (("CancelOrder",), "CANCELLING"),
        (("ShipmentDispatched",), "DISPATCHED"),
        (("ShipmentDelivered",), "DELIVERED"),
        (("ShipmentFailed",), "CANCELLED"),
    ],
)
def test_an_address_is_not_changed_when_it_is_too_late(
    call: Call, tell: Tell, path: str, more: tuple[str, ...], status: str
) -> None:
    tell(*CONFIRMED, *more)
    refused, told, _ = call("PATCH", path, {"shippingAddress": THERE})
    assert (refused, told["error"]["code"]) == (409, "CONFLICT")
    assert told["error"]["message"].endswith(
        f"is {status}: its address can be changed while it is one of PLACED, RESERVED, CONFIRMED"
    )


def test_an_address_is_changed_twenty_times_at_most(call: Call, tell: Tell, path: str) -> None:
    tell("PlaceOrder")
    for number in range(staff.MOST_ADDRESSES):
        there = THERE | {"line1": f"{number} Low Street"}
        assert call("PATCH", path, {"shippingAddress": there})[0] == 200
    assert call("PATCH", path, {"shippingAddress": there})[0] == 200
    status, told, _ = call("PATCH", path, {"shippingAddress": THERE})
    assert status == 409
    assert "was changed 20 times" in told["error"]["message"]


def test_only_what_was_read_is_changed(call: Call, tell: Tell, path: str) -> None:
    tell("PlaceOrder")
    _, _, headers = call("GET", path)
    stale = {"if-match": '"7"'}
    status, told, _ = call("PATCH", path, {"shippingAddress": THERE}, headers=stale)
    assert (status, told["error"]["code"]) == (412, "STALE")
    fresh = {"if-match": headers["ETag"]}
    assert call("PATCH", path, {"shippingAddress": THERE}, headers=fresh)[0] == 200
    assert is_matched('"1", "2"', '"2"')
    assert not is_matched('W/"2"', '"2"')


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"shippingAddress": {"name": "B"}}, 400),
        ({"shippingAddress": THERE | {"planet": "Mars"}}, 400),
        ({"shippingAddress": THERE | {"country": "Ireland"}}, 422),
        ({"shippingAddress": THERE | {"name": " "}}, 422),
        ({"shippingAddress": THERE, "status": "DELIVERED"}, 400),
    ],
)
def test_an_address_is_given_whole_or_not_at_all(
    call: Call, tell: Tell, path: str, body: Json, status: int
) -> None:
    tell("PlaceOrder")
    assert call("PATCH", path, body)[0] == status


# ---- Cancelling


def test_staff_cancel_an_order_that_is_not_confirmed_at_once(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell("PlaceOrder", "StockReserved")
    before = kept()
    status, told, _ = call("POST", f"{path}/cancellation", {"reason": " wrong price "})
    assert status == 200
    assert (told["status"], told["reason"], told["reasonText"]) == (
        "CANCELLED",
        "SHOP",
        "wrong price",
    )
    messages = of_order(before, kept())
    assert [type(message).__name__ for message in messages] == [
        *("OrderCancelled", "SendEmail", "ReleaseStock", "RefundPayment"),
    ]
    assert "wrong price" not in "".join(message.model_dump_json() for message in messages)
    mail = messages[1].model_dump()["data"]["content"]
    assert mail["reason"] == "SHOP"
    assert call("POST", f"{path}/cancellation", {"reason": "again"})[0] == 200
    assert kept().reason_text == "wrong price"


def test_staff_cancel_a_confirmed_order_if_its_parcel_can_be_stopped(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED)
    status, told, _ = call("POST", f"{path}/cancellation", {"reason": "recalled"})
    assert (status, told["status"], told["reason"]) == (202, "CANCELLING", None)
    assert told["reasonText"] == "recalled"
    assert call("POST", f"{path}/cancellation", {"reason": "recalled"})[0] == 202
    tell("CancelOrder", "ShipmentCancelled")
    assert (kept().status, kept().reason) == (Status.CANCELLED, Reason.SHOP)


def test_what_has_left_is_not_cancelled(call: Call, tell: Tell, path: str) -> None:
    tell(*CONFIRMED)
    call("POST", f"{path}/cancellation", {"reason": "recalled"})
    tell("ShipmentDispatched")
    _, order, _ = call("GET", path)
    assert (order["reason"], order["reasonText"]) == (None, None)
    status, told, _ = call("POST", f"{path}/cancellation", {"reason": "recalled"})
    assert status == 409
    assert "the order has left" in told["error"]["message"]


# ---- Refunds


def test_a_part_is_given_back_once_for_each_key(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED)
    before = kept()
    body = {"amount": 500, "reason": "scratched"}
    status, first, _ = call("POST", f"{path}/refunds", body, "key-1")
    assert status == 201
    assert first == {
        "refundId": first["refundId"],
        "amount": 500,
        "reason": "scratched",
        "lines": None,
        "requestedAt": first["requestedAt"],
        "covered": False,
    }
    updated, asked = of_order(before, kept())
    data = updated.model_dump(mode="json")["data"]
    assert data["refund"] == {"amount": 500, "status": "PENDING"}
    assert data["refunds"] == [
        {name: first[name] for name in ("refundId", "amount", "requestedAt")},
    ]
    assert "scratched" not in updated.model_dump_json()
    assert asked.metadata.id == f"{before.order_id}:4:RefundPayment"
    assert asked.model_dump()["data"] == {
        "orderId": before.order_id,
        "reason": "scratched",
        "amount": 500,
        "refundId": first["refundId"],
    }
    assert call("POST", f"{path}/refunds", body, "key-1")[:2] == (200, first)
    status, told, _ = call("POST", f"{path}/refunds", body | {"amount": 501}, "key-1")
    assert (status, told["error"]["code"]) == (409, "CONFLICT")
    assert call("POST", f"{path}/refunds", body, "key-2")[1]["refundId"] != first["refundId"]
    assert [refund.amount for refund in kept().refunds] == [500, 500]


def test_all_that_is_left_is_given_back_and_no_more(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED, "ShipmentDelivered")
    gross = kept().gross
    call("POST", f"{path}/refunds", {"amount": 700, "reason": "late"}, "key-1")
    status, told, _ = call("POST", f"{path}/refunds", {"amount": gross, "reason": "x"}, "key-2")
    assert (status, told["error"]["code"]) == (422, "OUT_OF_BOUNDS")
    assert told["error"]["details"] == [{"left": gross - 700}]
    status, rest, _ = call("POST", f"{path}/refunds", {"reason": "sorry"}, "key-3")
    assert (status, rest["amount"]) == (201, gross - 700)
    (asked,) = (m for m in of_order(None, kept()) if isinstance(m, RefundPayment))
    assert asked.model_dump()["data"] == {
        "orderId": kept().order_id,
        "reason": "sorry",
        "amount": None,
        "refundId": rest["refundId"],
    }
    status, told, _ = call("POST", f"{path}/refunds", {"reason": "sorry"}, "key-4")
    assert (status, told["error"]["details"]) == (422, [{"left": 0}])
    assert call("POST", f"{path}/refunds", {"reason": "sorry"}, "key-3")[:2] == (200, rest)
    tell("PaymentRefunded")
    _, order, _ = call("GET", path)
    assert order["refund"] == {"amount": gross, "status": "REFUNDED"}
    assert [refund["amount"] for refund in order["refunds"]] == [700, gross - 700]


def test_what_somebody_gave_back_by_hand_is_not_given_back_twice(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED, "PaymentRefunded")
    assert kept().by_hand == kept().gross
    status, told, _ = call("POST", f"{path}/refunds", {"amount": 1, "reason": "x"}, "key-1")
    assert (status, told["error"]["details"]) == (422, [{"left": 0}])


def test_no_more_units_are_given_back_than_were_bought(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order]
) -> None:
    tell(*CONFIRMED, "ShipmentDispatched")
    line = kept().lines[0]
    some = {"lines": [{"toyId": line.toy_id, "quantity": 1}], "reason": "broken"}
    for number in range(line.quantity):
        status, told, _ = call("POST", f"{path}/refunds", some, f"key-{number}")
        assert (status, told["amount"]) == (201, line.price)
        assert told["lines"] == some["lines"]
    status, told, _ = call("POST", f"{path}/refunds", some, "one more")
    assert status == 422
    assert f"Of toy {line.toy_id}, 0 units are left" in told["error"]["message"]
    other = {"lines": [{"toyId": "never-bought", "quantity": 1}], "reason": "broken"}
    assert call("POST", f"{path}/refunds", other, "another")[0] == 422


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (("PlaceOrder",), "PLACED"),
        (("PlaceOrder", "StockReserved"), "RESERVED"),
        ((*CONFIRMED, "CancelOrder"), "CANCELLING"),
        ((*CONFIRMED, "ShipmentFailed"), "CANCELLED"),
    ],
)
def test_nothing_is_given_back_that_is_not_paid_or_goes_back_anyway(
    call: Call, tell: Tell, path: str, story: tuple[str, ...], status: str
) -> None:
    tell(*story)
    refused, told, _ = call("POST", f"{path}/refunds", {"reason": "x"}, "key-1")
    assert refused == 409
    assert told["error"]["message"].endswith(
        f"is {status}: money can be given back while it is one of CONFIRMED, DISPATCHED, DELIVERED"
    )


def test_an_order_has_fifty_refunds_at_most(tell: Tell, kept: Callable[[], Order]) -> None:
    tell(*CONFIRMED)
    order = kept()
    draft = RefundDraft.model_validate_json('{"amount": 1, "reason": "x"}')
    for number in range(50):
        after, _ = staff.give_back(order, draft, f"refund-{number}", now())
        assert isinstance(after, Order)
        order = after
    with pytest.raises(staff.NotAllowed, match="has 50 refunds"):
        staff.give_back(order, draft, "refund-50", now())


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        ({"reason": "x", "amount": 1}, None, 400),
        ({"reason": "x", "amount": 0}, "key", 422),
        ({"reason": "x", "amount": 1.5}, "key", 400),
        ({"reason": "x", "amount": "1"}, "key", 400),
        ({"reason": "x", "amount": True}, "key", 400),
        ({"amount": 1}, "key", 400),
        ({"reason": " ", "amount": 1}, "key", 422),
        ({"reason": "x" * 201}, "key", 422),
        ({"reason": "x", "amount": 1, "lines": [{"toyId": "a", "quantity": 1}]}, "key", 422),
        ({"reason": "x", "lines": []}, "key", 422),
        ({"reason": "x", "lines": [{"toyId": "a", "quantity": 0}]}, "key", 422),
        ({"reason": "x", "lines": [{"toyId": "a", "quantity": 1}] * 2}, "key", 422),
        ({"reason": "x", "whole": True}, "key", 400),
    ],
)
def test_a_refund_that_is_none(
    call: Call, tell: Tell, path: str, body: Json, key: str | None, status: int
) -> None:
    tell(*CONFIRMED)
    assert call("POST", f"{path}/refunds", body, key)[0] == status


LINES = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 5)), min_size=1, max_size=4)
WANTED = st.lists(
    st.none()
    | st.integers(1, 3000)
    | st.dictionaries(st.integers(0, 4), st.integers(1, 5), min_size=1),
    max_size=8,
)


@given(bought=LINES, shipping=st.integers(0, 300), wanted=WANTED)
def test_whatever_is_asked_no_more_goes_back_than_was_paid(
    bought: list[tuple[int, int]], shipping: int, wanted: list[int | dict[int, int] | None]
) -> None:
    lines = tuple(
        OrderLine(toy_id=f"toy-{n}", name="Kite", price=price, quantity=quantity)
        for n, (price, quantity) in enumerate(bought)
    )
    left = sum(price * quantity for price, quantity in bought) + shipping
    before: tuple[StaffRefund, ...] = ()
    units = [quantity for _, quantity in bought]
    for number, want in enumerate(wanted):
        body: Json = {"reason": "x"}
        if isinstance(want, dict):
            body["lines"] = [{"toyId": f"toy-{n}", "quantity": q} for n, q in want.items()]
        elif want:
            body["amount"] = want
        draft = RefundDraft.model_validate(body)
        there = isinstance(want, dict) and all(
            n < len(units) and q <= units[n] for n, q in want.items()
        )
        if isinstance(want, dict):
            amount = sum(bought[n][0] * q for n, q in want.items()) if there else 0
        else:
            amount = left if want is None else want
        if not 0 < amount <= left:
            with pytest.raises(Excess) as refused:
                amount_of(draft, lines, before, left)
            assert refused.value.left == left
            continue
        assert amount_of(draft, lines, before, left) == amount
        left -= amount
        if isinstance(want, dict):
            for n, q in want.items():
                units[n] -= q
        before += (
            StaffRefund(
                refund_id=f"{number}",
                amount=amount,
                reason="x",
                lines=tuple(
                    RefundLine(toy_id=line.toy_id, quantity=line.quantity)
                    for line in draft.lines or ()
                ),
                requested_at=now(),
                version=1,
                fingerprint="f",
            ),
        )
    assert left >= 0


# ---- Phone orders


@pytest.fixture
def phoned(command: PlaceOrder) -> Json:
    bought = command.data
    return {
        "customerId": "phone-1",
        "email": "caller@example.com",
        "lines": [line.model_dump() for line in bought.lines],
        "shippingAddress": THERE,
        "paymentMethodId": "pm_card_visa",
        "currency": bought.currency,
        "shipping": bought.shipping,
        "taxRate": bought.tax_rate,
        "locale": "de-DE",
    }


def test_a_phone_order_is_placed_once_like_any_other(
    call: Call, phoned: Json, command: PlaceOrder
) -> None:
    status, told, headers = call("POST", "/orders", phoned, "call-1")
    assert status == 201
    assert (told["status"], told["version"], len(told["orderId"])) == ("PLACED", 1, 26)
    assert headers["Location"] == f"orders/{told['orderId']}"
    for name in ("gross", "net", "tax"):
        assert told[name] == getattr(command.data, name)
    assert "paymentMethodId" not in told
    order = desk.existing(told["orderId"])
    assert order.deadline - order.placed_at == timedelta(minutes=15)
    assert order.locale == "de-DE"
    messages = of_order(None, order)
    assert [type(message).__name__ for message in messages] == ["OrderPlaced", "ReserveStock"]
    assert call("POST", "/orders", phoned, "call-1")[:2] == (200, told)
    assert call("POST", "/orders", phoned, "call-2")[0] == 201
    other = phoned | {"email": "other@example.com"}
    status, told, _ = call("POST", "/orders", other, "call-1")
    assert (status, told["error"]["code"]) == (409, "CONFLICT")


def test_a_phone_order_that_was_sent_elsewhere_is_still_the_same(call: Call, phoned: Json) -> None:
    _, told, _ = call("POST", "/orders", phoned, "call-1")
    elsewhere = {"shippingAddress": THERE | {"line1": "3 Side Street"}}
    assert call("PATCH", f"/orders/{told['orderId']}", elsewhere)[0] == 200
    status, again, _ = call("POST", "/orders", phoned, "call-1")
    assert (status, again["shippingAddress"]["line1"]) == (200, "3 Side Street")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"lines": []}, 422),
        ({"lines": [{"toyId": "a", "name": "A", "price": 1, "quantity": 1}] * 2}, 422),
        ({"lines": [{"toyId": "a", "name": "A", "price": 100_000_000, "quantity": 2}]}, 422),
        ({"lines": [{"toyId": "a", "name": "A", "price": "1", "quantity": 1}]}, 400),
        ({"email": "nobody"}, 422),
        ({"email": "caller@example.com;"}, 422),
        ({"email": "<caller@example.com>"}, 422),
        ({"email": "caller,other@example.com"}, 422),
        ({"paymentMethodId": "pm_" + "a" * 126}, 422),
        ({"paymentMethodId": "4242424242424242"}, 422),
        ({"taxRate": "15%"}, 422),
        ({"locale": "English"}, 422),
        ({"gross": 1}, 400),
    ],
)
def test_a_phone_order_that_cannot_be(call: Call, phoned: Json, changes: Json, status: int) -> None:
    refused, told, _ = call("POST", "/orders", phoned | changes, "call-1")
    assert (refused, sorted(told["error"])) == (status, ["code", "details", "message"])
    assert "caller@example.com" not in json.dumps(told)


# ---- Others at the same time


def test_who_is_too_slow_looks_again(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("PlaceOrder", "StockReserved")
    stale = [kept()]
    tell("PaymentCollected")
    order = desk.table.order
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(desk.table, "order", lambda i: stale.pop() if stale else order(i))
        status, told, _ = call("PATCH", path, {"shippingAddress": THERE})
    assert (status, told["addressChange"]["number"]) == (200, 1)


def test_who_is_always_too_slow_may_ask_again(
    call: Call, tell: Tell, path: str, kept: Callable[[], Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("PlaceOrder")
    stale = kept()
    tell("StockReserved")
    monkeypatch.setattr(desk.table, "order", lambda _: stale)
    status, told, _ = call("POST", f"{path}/cancellation", {"reason": "x"})
    assert (status, told["error"]["code"]) == (409, "CONFLICT")
    assert "Try again" in told["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/orders/none", {"shippingAddress": THERE}),
        ("POST", "/orders/none/cancellation", {"reason": "x"}),
        ("POST", "/orders/none/refunds", {"reason": "x"}),
    ],
)
def test_an_order_that_is_not_there(call: Call, method: str, path: str, body: Json) -> None:
    assert call(method, path, body, "key")[0] == 404


def test_nothing_of_a_caller_is_logged(
    call: Call, phoned: Json, capfd: pytest.CaptureFixture[str]
) -> None:
    _, told, _ = call("POST", "/orders", phoned, "call-1")
    path = f"/orders/{told['orderId']}"
    call("PATCH", path, {"shippingAddress": THERE | {"line1": "3 Side Street"}})
    call("POST", f"{path}/cancellation", {"reason": "a secret of staff"})
    logged = "".join(capfd.readouterr())
    for text in ("caller@example.com", "Side Street", "a secret of staff", "pm_card_visa"):
        assert text not in logged


def test_what_was_ordered_before_there_was_a_locale_is_in_english(command: PlaceOrder) -> None:
    told = command.data.model_dump()
    told.pop("locale", None)
    assert PurchaseRequest.model_validate(told).locale == "en"
