"""The private API, called as API Gateway calls it."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fulfilment import api
from fulfilment.shipment import (
    Address,
    AddressNote,
    Consignment,
    Line,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import ShipmentsTable

MORNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
POST = {"carrier": "Parcel Post", "trackingNumber": "PP1"}
LOST = {"reason": "lost"}
CODES = {400: "MALFORMED", 413: "TOO_LARGE", 422: "OUT_OF_BOUNDS"}

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(sample: Callable[[str], dict[str, Any]], context: Any) -> Call:
    def request(
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, str] | None = None,
        if_match: str | None = None,
    ) -> tuple[int, Any]:
        given = {} if if_match is None else {"If-Match": if_match}
        event = sample("api-dispatch-shipment") | {
            "httpMethod": method,
            "path": path,
            "headers": {"content-type": "application/json"} | given,
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
        }
        answer = api.handler(event, context)
        content = json.loads(answer["body"])
        if answer["statusCode"] == 200 and "version" in content:
            assert answer["multiValueHeaders"]["ETag"] == [f'"{content["version"]}"']
        return answer["statusCode"], content

    return request


@pytest.fixture
def table() -> ShipmentsTable:
    return ShipmentsTable("Table")


def line_up(table: ShipmentsTable, order_id: str, minute: int = 0) -> Shipment:
    """A waiting shipment, so many minutes after ten in the morning."""
    at = MORNING + timedelta(minutes=minute)
    shipment = Shipment(
        order_id=order_id,
        shipping_address=Address(
            name="A. Shopper", line1="1 High Street", city="Dublin", postal_code="D01", country="IE"
        ),
        lines=(Line(toy_id="toy-1", name="Kite", quantity=2),),
        status=Status.WAITING,
        created_at=at,
        version=1,
        updated_at=at,
        correlation_id=order_id,
        causation_id=f"{order_id}:3:ShipOrder",
    )
    table.add(shipment)
    return shipment


def ids(page: dict[str, Any]) -> list[str]:
    return [item["orderId"] for item in page["items"]]


def test_a_parcel_from_the_shelf_to_the_door(call: Call, table: ShipmentsTable) -> None:
    line_up(table, "order-1")
    status, waiting = call("GET", "/shipments/order-1")
    assert (status, waiting["status"], waiting["carrier"]) == (200, "WAITING", None)
    status, sent = call("POST", "/shipments/order-1/dispatch", POST)
    assert (status, sent["status"], sent["version"]) == (200, "DISPATCHED", 2)
    assert POST.items() <= sent.items()
    assert ids(call("GET", "/shipments")[1]) == []
    assert ids(call("GET", "/shipments", query={"status": "DISPATCHED"})[1]) == ["order-1"]
    status, there = call("POST", "/shipments/order-1/deliver")
    assert (status, there["status"], there["version"]) == (200, "DELIVERED", 3)
    assert call("GET", "/shipments/order-1") == (200, there)


def test_the_same_again_is_answered_as_done(call: Call, table: ShipmentsTable) -> None:
    line_up(table, "order-1")
    sent = call("POST", "/shipments/order-1/dispatch", POST)
    assert call("POST", "/shipments/order-1/dispatch", POST) == sent
    there = call("POST", "/shipments/order-1/deliver")
    assert call("POST", "/shipments/order-1/deliver") == there
    assert call("POST", "/shipments/order-1/dispatch", POST) == there


def test_a_step_that_is_not_allowed_says_which_one_is(call: Call, table: ShipmentsTable) -> None:
    waiting = line_up(table, "order-1")
    status, content = call("POST", "/shipments/order-1/deliver")
    assert (status, content["error"]["code"]) == (409, "CONFLICT")
    assert "it can only be dispatched" in content["error"]["message"]
    assert table.shipment("order-1") == waiting
    call("POST", "/shipments/order-1/dispatch", POST)
    for other in (POST | {"trackingNumber": "PP2"}, POST | {"carrier": "Bicycle"}):
        status, content = call("POST", "/shipments/order-1/dispatch", other)
        assert status == 409
        assert "it can only be delivered" in content["error"]["message"]
    sent = table.shipment("order-1")
    assert isinstance(sent, Shipment)
    assert (sent.carrier, sent.tracking_number, sent.version) == ("Parcel Post", "PP1", 2)


def test_a_parcel_with_an_old_label_is_not_dispatched(call: Call, table: ShipmentsTable) -> None:
    shipment = line_up(table, "order-1")
    away = shipment.shipping_address.model_copy(update={"line1": "1 Low Street"})
    table.save(shipment.readdress(away, 1, "order-1:5:ChangeShippingAddress", MORNING))
    for number in (0, 2):
        body = POST | {"addressNumber": number}
        status, content = call("POST", "/shipments/order-1/dispatch", body)
        assert (status, content["error"]["code"]) == (409, "CONFLICT")
        assert content["error"]["message"] == (
            f"The shipment is WAITING: it goes to address 1, not {number}. Print its packing slip "
            "again and dispatch it by that"
        )
    assert call("GET", "/shipments/order-1")[1]["version"] == 2
    for _ in range(2):
        status, sent = call("POST", "/shipments/order-1/dispatch", POST | {"addressNumber": 1})
        assert (status, sent["status"], sent["addressNumber"]) == (200, "DISPATCHED", 1)
        assert sent["earlierAddresses"][0]["shippingAddress"]["line1"] == "1 High Street"
    assert call("POST", "/shipments/order-1/dispatch", POST) == (200, sent)
    status, content = call("POST", "/shipments/order-1/dispatch", POST | {"addressNumber": 0})
    assert (status, content["error"]["message"]) == (
        409,
        "The shipment is DISPATCHED, by Parcel Post as PP1: it went to address 1, not 0",
    )


@pytest.mark.parametrize("left", [False, True])
def test_a_parcel_that_will_never_arrive(call: Call, table: ShipmentsTable, left: bool) -> None:
    line_up(table, "order-1")
    if left:
        call("POST", "/shipments/order-1/dispatch", POST)
    status, failed = call("POST", "/shipments/order-1/fail", LOST)
    assert (status, failed["status"], failed["reason"]) == (200, "FAILED", "lost")
    assert (failed["version"], failed["carrier"]) == ((3, "Parcel Post") if left else (2, None))
    assert failed["failedAt"] == failed["updatedAt"]
    assert call("POST", "/shipments/order-1/fail", LOST) == (200, failed)
    for step, body in (("fail", {"reason": "burnt"}), ("dispatch", POST), ("deliver", None)):
        status, content = call("POST", f"/shipments/order-1/{step}", body)
        assert (status, content["error"]["code"]) == (409, "CONFLICT")
        assert "FAILED: nothing more" in content["error"]["message"]
    assert call("GET", "/shipments/order-1") == (200, failed)
    assert ids(call("GET", "/shipments", query={"status": "FAILED"})[1]) == ["order-1"]


def test_what_has_arrived_cannot_fail(call: Call, table: ShipmentsTable) -> None:
    line_up(table, "order-1")
    call("POST", "/shipments/order-1/dispatch", POST)
    there = call("POST", "/shipments/order-1/deliver")
    status, content = call("POST", "/shipments/order-1/fail", LOST)
    assert (status, content["error"]["code"]) == (409, "CONFLICT")
    assert call("GET", "/shipments/order-1") == there


def test_a_parcel_that_was_called_off_is_not_sent(call: Call, table: ShipmentsTable) -> None:
    cancelled = line_up(table, "order-1").cancel("order-1:4:CancelShipment", MORNING)
    table.save(cancelled)
    for step, body in (("dispatch", POST), ("deliver", None), ("fail", LOST)):
        status, content = call("POST", f"/shipments/order-1/{step}", body)
        assert (status, content["error"]["code"]) == (409, "CONFLICT")
        assert "CANCELLED, its order is called off" in content["error"]["message"]
    assert table.shipment("order-1") == cancelled
    assert ids(call("GET", "/shipments", query={"status": "CANCELLED"})[1]) == ["order-1"]
    assert ids(call("GET", "/shipments")[1]) == []


def test_an_order_called_off_before_it_was_lined_up_is_no_shipment(
    call: Call, table: ShipmentsTable
) -> None:
    tombstone = Tombstone(
        order_id="order-1",
        cancelled_at=MORNING,
        updated_at=MORNING,
        correlation_id="order-1",
        causation_id="order-1:4:CancelShipment",
    )
    table.add(tombstone)
    for stage in Status:
        assert ids(call("GET", "/shipments", query={"status": stage})[1]) == []
    for method, step, body in (
        ("GET", "", None),
        ("POST", "/dispatch", POST),
        ("POST", "/deliver", None),
        ("POST", "/fail", LOST),
    ):
        status, content = call(method, f"/shipments/order-1{step}", body)
        assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
        assert "called off" in content["error"]["message"]
    assert table.shipment("order-1") == tombstone


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ({}, 400),
        ({"reason": None}, 400),
        (LOST | {"carrier": "Parcel Post"}, 400),
        ({"reason": " "}, 422),
        ({"reason": "x" * 201}, 422),
    ],
)
def test_a_failure_says_why(call: Call, table: ShipmentsTable, body: Any, status: int) -> None:
    waiting = line_up(table, "order-1")
    answered, content = call("POST", "/shipments/order-1/fail", body)
    assert (answered, content["error"]["code"]) == (status, CODES[status])
    assert table.shipment("order-1") == waiting


@pytest.mark.parametrize(("theirs", "status"), [("PP1", 200), ("PP2", 409)])
def test_two_at_once_are_decided_one_after_the_other(
    call: Call,
    table: ShipmentsTable,
    monkeypatch: pytest.MonkeyPatch,
    theirs: str,
    status: int,
) -> None:
    waiting = line_up(table, "order-1")
    consignment = Consignment(carrier="Parcel Post", tracking_number=theirs)
    table.save(waiting.dispatch(consignment, MORNING))
    reads = [waiting]  # the first read came before the other's save
    read = api.table.shipment
    monkeypatch.setattr(api.table, "shipment", lambda key: reads.pop() if reads else read(key))
    assert call("POST", "/shipments/order-1/dispatch", POST)[0] == status
    kept = table.shipment("order-1")
    assert isinstance(kept, Shipment)
    assert (kept.tracking_number, kept.version) == (theirs, 2)


def test_the_oldest_comes_first_and_the_pages_hold_each_once(
    call: Call, table: ShipmentsTable
) -> None:
    for n, minute in enumerate([5, 3, 3, 9, 1, 0, 7]):
        line_up(table, f"order-{n}", minute)
    seen: list[str] = []
    query = {"status": "WAITING", "limit": "2"}
    while True:
        status, page = call("GET", "/shipments", query=query)
        assert status == 200
        seen += ids(page)
        if not page["cursor"]:
            break
        query["cursor"] = page["cursor"]
    assert seen == [f"order-{n}" for n in (5, 4, 1, 2, 0, 6, 3)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ([POST], 400),
        (None, 400),
        ({"carrier": "Parcel Post"}, 400),
        (POST | {"price": 5}, 400),
        (POST | {"trackingNumber": 1}, 400),
        (POST | {"addressNumber": "one"}, 400),
        (POST | {"addressNumber": -1}, 422),
        (POST | {"carrier": " "}, 422),
        (POST | {"trackingNumber": "1" * 61}, 422),
        (POST | {"carrier": "x" * 300_000}, 413),
    ],
)
def test_bad_input_is_told_and_stores_nothing(
    call: Call, table: ShipmentsTable, body: Any, status: int
) -> None:
    waiting = line_up(table, "order-1")
    answered, content = call("POST", "/shipments/order-1/dispatch", body)
    assert content["error"].keys() == {"code", "message", "details"}
    assert (answered, content["error"]["code"]) == (status, CODES[status])
    assert table.shipment("order-1") == waiting


@pytest.mark.parametrize(
    "query", [{"status": "LOST"}, {"limit": "0"}, {"limit": "101"}, {"limit": "many"}]
)
def test_a_query_that_makes_no_sense_is_told(call: Call, query: dict[str, str]) -> None:
    status, content = call("GET", "/shipments", query=query)
    assert status == (400 if query.get("limit") == "many" else 422)
    assert content["error"]["details"]


def test_a_cursor_is_good_for_its_own_list_and_as_it_was_given(
    call: Call, table: ShipmentsTable
) -> None:
    for n in range(3):
        line_up(table, f"order-{n}", n)
    cursor = call("GET", "/shipments", query={"limit": "1"})[1]["cursor"]
    assert ids(call("GET", "/shipments", query={"cursor": cursor})[1]) == ["order-1", "order-2"]
    place = "2026-01-05T10:00:00.000Z#order-0"
    made_up = base64.urlsafe_b64encode(bytes(32) + json.dumps([place]).encode()).decode()
    for other in (cursor[:-1], cursor + "A", cursor.swapcase(), place, made_up.rstrip("="), "é"):
        status, content = call("GET", "/shipments", query={"cursor": other})
        assert (status, content["error"]["code"]) == (400, "MALFORMED")
    for stage in Status:
        asked = {"cursor": cursor, "status": stage.value}
        assert call("GET", "/shipments", query=asked)[0] == (200 if stage == "WAITING" else 400)


def test_who_read_an_older_shipment_reads_it_again(call: Call, table: ShipmentsTable) -> None:
    """What a packing slip was printed of may have another address by the time it is packed."""
    waiting = line_up(table, "order-1")
    there = waiting.shipping_address.model_copy(update={"line1": "2 High Street"})
    table.save(waiting.readdress(there, 1, "cause", MORNING))
    for step, body in (("dispatch", POST), ("deliver", None), ("fail", LOST)):
        path = f"/shipments/order-1/{step}"
        for if_match in ('"1"', 'W/"2"', '"3", "1"', "2", "nonsense"):
            status, content = call("POST", path, body, if_match=if_match)
            assert (status, content["error"]["code"]) == (412, "STALE")
            assert 'it is now "2"' in content["error"]["message"]
    assert call("POST", "/shipments/order-1/deliver", if_match='"2"')[0] == 409
    status, sent = call("POST", "/shipments/order-1/dispatch", POST, if_match='"1", "2"')
    assert (status, sent["version"], sent["addressNumber"]) == (200, 3, 1)
    assert sent["shippingAddress"]["line1"] == "2 High Street"
    # The answer was lost, and who asks again has the older version still: it is done.
    assert call("POST", "/shipments/order-1/dispatch", POST, if_match='"2"') == (200, sent)
    assert call("POST", "/shipments/order-1/deliver", if_match="*")[0] == 200


def test_if_match_holds_to_the_moment_of_the_save(
    call: Call, table: ShipmentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = line_up(table, "order-1")
    table.save(waiting.readdress(waiting.shipping_address, 1, "cause", MORNING))
    reads = [waiting]  # the first read came before the other's save
    read = api.table.shipment
    monkeypatch.setattr(api.table, "shipment", lambda key: reads.pop() if reads else read(key))
    assert call("POST", "/shipments/order-1/dispatch", POST, if_match='"1"')[0] == 412
    kept = table.shipment("order-1")
    assert isinstance(kept, Shipment)
    assert kept.status is Status.WAITING


def test_an_address_that_came_before_its_parcel_is_no_shipment(
    call: Call, table: ShipmentsTable
) -> None:
    note = AddressNote(
        order_id="order-1",
        shipping_address=line_up(table, "order-2").shipping_address,
        address_number=1,
        updated_at=MORNING,
        correlation_id="order-1",
        causation_id="order-1:4:ChangeShippingAddress",
    )
    table.add(note)
    for method, step, body in (("GET", "", None), ("POST", "/dispatch", POST)):
        status, content = call(method, f"/shipments/order-1{step}", body)
        assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
    assert table.shipment("order-1") == note


def test_a_shipment_that_is_not_there(call: Call) -> None:
    for method, path, body in (
        ("GET", "/shipments/none", None),
        ("POST", "/shipments/none/dispatch", POST),
        ("POST", "/shipments/none/deliver", None),
        ("POST", "/shipments/none/fail", LOST),
    ):
        status, content = call(method, path, body)
        assert (status, content["error"]["code"]) == (404, "NOT_FOUND")
        assert "none" in content["error"]["message"]


def test_a_failing_table_is_no_fault_of_the_caller(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(api.table, "shipment", down)
    status, content = call("GET", "/shipments/order-1")
    assert (status, content["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "table" not in content["error"]["message"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("api-list-shipments", 200),
        ("api-get-shipment", 200),
        ("api-dispatch-shipment", 200),
        ("api-deliver-shipment", 409),
        ("api-fail-shipment", 200),
    ],
)
def test_the_samples_are_good_calls(
    sample: Callable[[str], dict[str, Any]],
    table: ShipmentsTable,
    context: Any,
    name: str,
    status: int,
) -> None:
    event = sample(name)
    line_up(table, (event.get("pathParameters") or {"order_id": "order-1"})["order_id"])
    assert api.handler(event, context)["statusCode"] == status
