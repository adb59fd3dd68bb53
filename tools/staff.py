"""The part of the story that staff play: at the telephone, at the till, in the warehouse."""

import json
import time
from collections.abc import Mapping

from tools import carriers, catalogue, mail_reports
from tools.shopper import (
    ADDRESS,
    SHOPPER,
    VISA,
    carried,
    expect,
    expect_refund,
    is_message,
    ordered,
)
from tools.teller import StoryError, Teller
from tools.wiring import Json

CARRIER_SECRET = "carrier-story"
"""What carriers sign with."""


def phoned(teller: Teller, toys: Mapping[str, Json]) -> None:
    """Somebody orders by phone, and is in the list of orders then."""
    lines = [
        {name: toys[which][name] for name in ("toyId", "name", "price")} | {"quantity": 1}
        for which in ("Box Kite", "Marble Run")
    ]
    asked = {
        "customerId": SHOPPER["sub"],
        "email": SHOPPER["email"],
        "lines": lines,
        "shippingAddress": ADDRESS,
        "paymentMethodId": VISA,
        "currency": "EUR",
        "shipping": 495,
        "taxRate": "0.23",
        "locale": "en-IE",
    }
    key = {"Idempotency-Key": "by-phone-2026-01-05"}
    order, _ = teller.call("orders", "POST", "/orders", 201, body=asked, headers=key)
    again, _ = teller.call("orders", "POST", "/orders", 200, body=asked, headers=key)
    _expect(again["orderId"], order["orderId"])
    teller.settle()
    expect(teller, order["orderId"], "DELIVERED")
    query = {"customerId": SHOPPER["sub"], "status": "DELIVERED", "limit": "1"}
    page, _ = teller.call("orders", "GET", "/orders", query=query)
    _expect([one["orderId"] for one in page["items"]], [order["orderId"]])


def readdressed(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper has moved: the parcel that waits goes there. One that has left does not."""
    order_id = ordered(teller, toys, {"Box Kite": 1, "Wooden Train Set": 1}, VISA)
    teller.settle(but=carried)
    path, address = f"/orders/{order_id}", ADDRESS | {"line1": "2 New Street"}
    order, _ = teller.call("orders", "PATCH", path, body={"shippingAddress": address})
    _expect(order["addressChange"]["number"], 1)
    teller.settle(but=carried)
    order, _ = teller.call("orders", "GET", path)
    _expect((order["shippingAddress"]["line1"], order.get("addressChange")), ("2 New Street", None))
    slip, _ = teller.call("fulfilment", "GET", f"/shipments/{order_id}/packing-slip")
    if "2 New Street" not in slip:
        raise StoryError("The packing slip names another address")
    late = {"shippingAddress": ADDRESS | {"line1": "3 Newer Street"}}
    teller.call("orders", "PATCH", path, body=late, label="too late")
    teller.settle(but=lambda delivery: is_message(delivery, "ChangeShippingAddress"))
    teller.settle()
    _expect(expect(teller, order_id, "DELIVERED")["shippingAddress"], address)


def given_back(teller: Teller, toys: Mapping[str, Json]) -> str:
    """A part of an order is given back, then a line, then all the rest. Gives the order's id."""
    order_id = ordered(teller, toys, {"Box Kite": 2, "Wooden Train Set": 1}, VISA)
    teller.settle()
    kite = toys["Box Kite"]["toyId"]
    wanted: tuple[Json, ...] = (
        {"amount": 500},
        {"lines": [{"toyId": kite, "quantity": 1}]},
        {},
    )
    for number, what in enumerate(wanted):
        _give_back(teller, order_id, number, what | {"reason": "came broken"})
        teller.settle()
        order = expect(teller, order_id, "DELIVERED")
        _expect((len(order["refunds"]), order["refund"]["status"]), (number + 1, "REFUNDED"))
    expect_refund(order)
    return order_id


def _give_back(teller: Teller, order_id: str, number: int, body: Json) -> None:
    path, key = f"/orders/{order_id}/refunds", {"Idempotency-Key": f"refund-{number}"}
    refund, _ = teller.call("orders", "POST", path, 201, body=body, headers=key)
    again, _ = teller.call("orders", "POST", path, 200, body=body, headers=key)
    _expect(again, refund)


def called_off(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shop cannot send what was paid."""
    order_id = ordered(teller, toys, {"Wooden Train Set": 4}, VISA)
    teller.settle(but=carried)
    path, why = f"/orders/{order_id}/cancellation", {"reason": "the roof of the store leaks"}
    teller.call("orders", "POST", path, 202, body=why)
    teller.settle(but=carried)
    teller.settle()
    expect_refund(expect(teller, order_id, "CANCELLED", "SHOP"))


def downloaded(teller: Teller, toys: Mapping[str, Json], castle: Json) -> str:
    """Toys are sold as files: alone, beside what is packed, and when the file is gone.

    Gives the id of an order that was delivered.
    """
    known = {**toys, castle["name"]: castle}
    for lines in ({castle["name"]: 1}, {castle["name"]: 1, "Box Kite": 1}):
        order_id = ordered(teller, known, lines, VISA)
        teller.settle()
        expect(teller, order_id, "DELIVERED")
    path = f"/files/{castle['downloadFileId']}"
    shares, _ = teller.call("file-manager", "GET", f"{path}/shares")
    _expect([share["status"] for share in shares["items"]], ["SHARED", "SHARED"])
    late = ordered(teller, known, {castle["name"]: 2}, VISA)
    teller.settle(but=lambda delivery: is_message(delivery, "ShareFile"))
    teller.call("file-manager", "DELETE", path, 204, label="delete what is sold")
    teller.settle()
    expect_refund(expect(teller, late, "CANCELLED", "UNDELIVERABLE"))
    catalogue.published(teller, castle, "castle-2.pdf")
    return order_id


def bounced(teller: Teller, order_id: str) -> None:
    """The mail with somebody's downloads bounces: nobody writes there, until staff say so."""
    page, _ = teller.call("notification", "GET", "/emails", query={"orderId": order_id})
    (mail,) = [one for one in page["items"] if one["template"] == "order-downloads"]
    tag = teller.shop.module("notification", "mail").tag(mail["mailId"])
    (outlet,) = teller.shop.wiring().outlets
    tags = {"template": mail["template"], "mail": tag}
    message_id, to = mail["sesMessageId"], SHOPPER["email"]
    body = mail_reports.report("Permanent", message_id, to, tags, time.time())
    teller.shop.send(outlet.queue, body)
    teller.settle()
    page, _ = teller.call("notification", "GET", "/suppressions")
    _expect([one["address"] for one in page["items"]], [to])
    teller.call("notification", "GET", f"/suppressions/{to}")
    _give_back(teller, order_id, 0, {"amount": 100, "reason": "for the trouble"})
    teller.settle()
    teller.call("notification", "DELETE", f"/suppressions/{to}", 204)
    _turned_away(teller, order_id)


def _turned_away(teller: Teller, order_id: str) -> None:
    """SES will not take a mail."""
    with mail_reports.rejecting():
        _give_back(teller, order_id, 1, {"amount": 100, "reason": "for the trouble"})
        teller.settle()
    page, _ = teller.call("notification", "GET", "/emails", query={"orderId": order_id})
    _expect({"SUPPRESSED", "FAILED"} - {one["status"] for one in page["items"]}, set())


def brought(teller: Teller, toys: Mapping[str, Json]) -> None:
    """A carrier tells of a parcel by itself, and is believed where it has signed."""
    order_id = ordered(teller, toys, {"Box Kite": 4}, VISA)
    teller.settle(but=carried)
    for status in ("DISPATCHED", "DELIVERED"):
        body = carriers.event(order_id, status, "Example Post", "EP000000002IE", teller.shop.now())
        headers = carriers.headers(body, CARRIER_SECRET, time.time())
        teller.shop.post("fulfilment", carriers.PATH, body, headers)
        teller.settle(but=carried)
    teller.settle()
    expect(teller, order_id, "DELIVERED")
    teller.sweep("fulfilment", "watch")


def counted(teller: Teller) -> None:
    """The sales are looked at."""
    year = {"from": "2026-01-01", "to": "2026-01-31"}
    sales, _ = teller.call("reports", "GET", "/sales", query={"by": "category", **year})
    if not sales["total"]["orders"]:
        raise StoryError(f"Nothing was sold: {json.dumps(sales)}")
    teller.call("reports", "GET", "/sales/top-toys", query=year)
    teller.call("reports", "GET", "/funnel", query=year)
    teller.call("reports", "GET", "/orders/export", query=year)


def reconciled(teller: Teller, order_id: str) -> None:
    """Stripe's lists are compared with what is kept here: there is no difference."""
    teller.sweep("payments", "reconcile")
    teller.settle()
    listed, _ = teller.call("payments", "GET", "/reconciliations")
    _expect({report["differences"] for report in listed["items"]}, {0})
    teller.call("payments", "GET", f"/reconciliations/{listed['items'][0]['day']}")
    teller.call("payments", "GET", "/payments", query={"status": "COLLECTED"})
    teller.call("payments", "GET", f"/payments/{order_id}")


def sent_back(teller: Teller, order_id: str) -> None:
    """The bank returns what was given back, days after Stripe called it done: somebody is told."""
    payment, _ = teller.call("payments", "GET", f"/payments/{order_id}", label="what went back")
    teller.stripe.fail_refund(payment["refunds"][-1]["stripeId"])
    teller.settle()


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise StoryError(f"It is {found}, not {wanted}")
