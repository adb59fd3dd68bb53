"""What staff do, by the private APIs: on the phone, at the till, in the warehouse and the books."""

import csv
import io
import json
import time
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from local import aws, replay, stacks
from local.cloud import CARRIER_SECRET
from local.settings import Settings
from local.shopper import ADDRESS, Shopper
from tests.e2e.files import Files
from tests.e2e.shop import Shop, eventually
from tools import carriers, mail_reports, pictures

VISA = "pm_card_visa"


class Staff:
    """Calls private APIs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._http = httpx.Client(auth=aws.SigV4(settings), timeout=60)

    def call(
        self, service: str, method: str, path: str, wanted: int = 200, **given: Any
    ) -> httpx.Response:
        """An operation of a service's API, which has to be answered like that."""
        url = f"{stacks.api_url(self.settings, service)}{path}"
        answer = self._http.request(method, url, **given)
        assert answer.status_code == wanted, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def order(self, order_id: str) -> dict[str, Any]:
        """An order as staff see it."""
        found: dict[str, Any] = self.call("orders", "GET", f"/orders/{order_id}").json()
        return found

    def await_order(self, order_id: str, **wanted: Any) -> dict[str, Any]:
        """The order, once it is like that."""

        def look() -> dict[str, Any] | None:
            order = self.order(order_id)
            return order if wanted.items() <= order.items() else None

        found = eventually(look, seconds=60)
        assert found, f"not {wanted}: {self.order(order_id)}"
        return found

    def refund(self, order_id: str, key: str, wanted: int = 201, **body: Any) -> dict[str, Any]:
        """Give something of an order back."""
        given: Any = {"json": body | {"reason": "broken"}, "headers": {"Idempotency-Key": key}}
        path = f"/orders/{order_id}/refunds"
        answer: dict[str, Any] = self.call("orders", "POST", path, wanted, **given).json()
        return answer


@pytest.fixture(scope="module")
def staff(settings: Settings) -> Staff:
    return Staff(settings)


@pytest.fixture(scope="module")
def castle(settings: Settings, shop: Shop, shopper: Shopper, staff: Staff) -> dict[str, Any]:
    """A toy that is sold as a file, and its file."""
    made = shop.new_toy(stock=50, price=500)
    shop.change_toy(made, fulfilment="digital")
    files, body = Files(settings), pictures.pdf("A castle")
    kind = {"content_type": "application/pdf", "name": "castle.pdf", "visibility": "private"}
    file = files.put(body, owner=f"urn:tbs:toy:{made}", **kind)
    assert eventually(
        lambda: (
            shop.toy(made)["downloadFileId"] == file["fileId"]
            and shopper.request("GET", f"/toys/{made}").json().get("availability") == "IN_STOCK"
        )
    )
    return {"toyId": made, "fileId": file["fileId"], "body": body}


def bought(shopper: Shopper, *toys: str) -> str:
    order_id: str = shopper.order([{"toyId": t, "quantity": 1} for t in toys], VISA)["orderId"]
    return order_id


def test_an_order_by_phone(shop: Shop, staff: Staff, toy: str) -> None:
    sold = shop.toy(toy)
    line = {name: sold[name] for name in ("toyId", "name", "price")} | {"quantity": 2}
    asked = {
        "customerId": uuid.uuid4().hex,
        "email": "caller@example.com",
        "lines": [line],
        "shippingAddress": ADDRESS,
        "paymentMethodId": VISA,
        "currency": "EUR",
        "shipping": 300,
        "taxRate": "0.23",
        "locale": "de-DE",
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    order = staff.call("orders", "POST", "/orders", 201, json=asked, headers=key).json()
    assert order["gross"] == 2 * sold["price"] + 300
    again = staff.call("orders", "POST", "/orders", 200, json=asked, headers=key).json()
    assert again["orderId"] == order["orderId"]
    ended = staff.await_order(order["orderId"], status="DELIVERED")
    query = {"customerId": asked["customerId"]}
    page = staff.call("orders", "GET", "/orders", params=query).json()
    assert [one["orderId"] for one in page["items"]] == [order["orderId"]]
    assert len(ended["history"]) == 5
    assert eventually(lambda: len(shop.mails("caller@example.com", order["orderId"])) == 3)
    payment = staff.call("payments", "GET", f"/payments/{order['orderId']}").json()
    assert payment["status"] == "COLLECTED"


def test_the_address_changes_before_the_parcel_leaves(
    shop: Shop, shopper: Shopper, staff: Staff, toy: str
) -> None:
    moved = ADDRESS | {"line1": "2 New Street"}
    with shop.stopped("fulfilment", "Carrier"):
        order_id = bought(shopper, toy)
        staff.await_order(order_id, status="CONFIRMED")
        path = f"/orders/{order_id}"
        staff.call("orders", "PATCH", path, json={"shippingAddress": moved})
        order = staff.await_order(order_id, addressChange=None, status="CONFIRMED")
        assert order["shippingAddress"]["line1"] == "2 New Street"
        slip = staff.call("fulfilment", "GET", f"/shipments/{order_id}/packing-slip").text
        assert "2 New Street" in slip
        assert order_id in slip
    order = shopper.await_end(order_id)
    assert order["shippingAddress"]["line1"] == "2 New Street"
    again = {"shippingAddress": ADDRESS}
    assert "DELIVERED" in staff.call("orders", "PATCH", path, 409, json=again).text


def test_an_order_is_given_back_in_parts(
    shop: Shop, shopper: Shopper, staff: Staff, toy: str
) -> None:
    order_id = bought(shopper, toy)
    gross = shopper.await_end(order_id)["gross"]
    first = staff.refund(order_id, "first", amount=500)
    assert staff.refund(order_id, "first", wanted=200, amount=500) == first
    staff.refund(order_id, "first", wanted=409, amount=501)
    staff.refund(order_id, "too much", wanted=422, amount=gross - 499)
    staff.await_order(order_id, refunded=500)
    assert eventually(lambda: shop.charged(order_id) == gross - 500)
    staff.refund(order_id, "the rest")
    staff.await_order(order_id, refunded=gross)
    assert shop.charged(order_id) == 0
    whole = {"amount": gross, "status": "REFUNDED"}
    assert eventually(lambda: shopper.get_order(order_id)["refund"] == whole)
    assert [part["amount"] for part in shopper.get_order(order_id)["refunds"]] == [500, gross - 500]
    assert eventually(
        lambda: sum("efund" in mail.subject for mail in shop.mails(shopper.email, order_id)) == 2
    )
    assert eventually(lambda: (shop.report(order_id) or {}).get("refund_amount") == gross)


def test_the_shop_cancels(shop: Shop, shopper: Shopper, staff: Staff, toy: str) -> None:
    with shop.stopped("fulfilment", "Carrier"):
        order_id = bought(shopper, toy)
        staff.await_order(order_id, status="CONFIRMED")
        path = f"/orders/{order_id}/cancellation"
        staff.call("orders", "POST", path, 202, json={"reason": "water in the store"})
        order = shopper.await_end(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "SHOP")
    assert "water" not in json.dumps(order)
    assert eventually(lambda: shop.charged(order_id) == 0)


def test_downloads_alone_and_beside_a_parcel(
    settings: Settings,
    shop: Shop,
    shopper: Shopper,
    staff: Staff,
    toy: str,
    castle: dict[str, Any],
) -> None:
    for toys, mails in (((castle["toyId"],), 2), ((castle["toyId"], toy), 4)):
        order = shopper.await_end(bought(shopper, *toys))
        assert order["status"] == "DELIVERED"
        assert ("DISPATCHED" in {step["status"] for step in order["history"]}) == (len(toys) > 1)
        found = eventually(partial(_all, shop, shopper, order["orderId"], mails))
        assert found, [m.subject for m in shop.mails(shopper.email, order["orderId"])]
        (links,) = {word for mail in found for word in mail.text.split() if "/shared/" in word}
        answer = httpx.get(links)
        assert answer.content == castle["body"]
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "attachment" in answer.headers["content-disposition"]
        assert "/shared/" not in json.dumps(staff.order(order["orderId"]))
    path = f"/files/{castle['fileId']}/shares"
    shares = staff.call("file-manager", "GET", path).json()["items"]
    assert [share["status"] for share in shares] == ["SHARED", "SHARED"]


def _all(shop: Shop, shopper: Shopper, order_id: str, wanted: int) -> list[Any]:
    found = shop.mails(shopper.email, order_id)
    return found if len(found) == wanted else []


def test_who_bounced_gets_no_more_mail(
    settings: Settings, shop: Shop, customer: Shopper, staff: Staff, toy: str
) -> None:
    with shop.stopped("fulfilment", "Carrier"):
        order_id = bought(customer, toy)
        assert eventually(lambda: shop.mails(customer.email, order_id))
        query = {"orderId": order_id}
        (mail,) = staff.call("notification", "GET", "/emails", params=query).json()["items"]
        topic = stacks.outputs(settings, "notification")["ReportsTopicArn"]
        tags = {"template": mail["template"]}
        body = mail_reports.report(
            "Permanent", mail["sesMessageId"], customer.email, tags, time.time()
        )
        aws.client("sns", settings).publish(TopicArn=topic, Message=body)
        path = f"/suppressions/{customer.email}"
        assert eventually(
            lambda: customer.email in staff.call("notification", "GET", "/suppressions").text
        )
        assert staff.call("notification", "GET", path).json()["cause"] == "BOUNCE"
    customer.await_end(order_id)
    wanted = {"receipt", "order-dispatched", "order-delivered"}

    def emails() -> dict[str, str]:
        found = staff.call("notification", "GET", "/emails", params=query).json()["items"]
        return {one["template"]: one["status"] for one in found}

    assert eventually(lambda: emails().keys() == wanted)
    assert eventually(lambda: emails()["order-delivered"] == "SUPPRESSED")
    assert emails()["order-dispatched"] == "SUPPRESSED"
    assert len(shop.mails(customer.email, order_id)) == 1
    staff.call("notification", "DELETE", path, 204)
    staff.call("notification", "DELETE", path, 404)


def test_a_carrier_tells_of_its_parcel(
    settings: Settings, shop: Shop, shopper: Shopper, staff: Staff, toy: str
) -> None:
    address = stacks.address(settings, "fulfilment", "WebhookUrl")
    with shop.stopped("fulfilment", "Carrier"):
        order_id = bought(shopper, toy)
        staff.await_order(order_id, status="CONFIRMED")
        assert eventually(
            lambda: any(i.get("orderId") == order_id for i in shop.items("fulfilment"))
        )
        at = datetime.now(UTC).isoformat()
        body = carriers.event(order_id, "DELIVERED", "Example Post", "EP1IE", at)
        for secret in ("guessed", CARRIER_SECRET[1]["webhookSecret"]):
            headers = carriers.headers(body, secret, time.time())
            assert httpx.post(address, content=body, headers=headers).status_code == 200
        order = shopper.await_end(order_id)
    assert (order["status"], order["trackingNumber"]) == ("DELIVERED", "EP1IE")


def test_what_a_lost_webhook_told_is_found_at_stripe(
    settings: Settings, shop: Shop, shopper: Shopper, staff: Staff, toy: str
) -> None:
    """Somebody gives money back in Stripe's Dashboard, and nobody hears of it until the night."""
    order_id = bought(shopper, toy)
    gross = shopper.await_end(order_id)["gross"]
    (intent,) = shop.intents(order_id)
    queue = shop.queue("payments", "WebhookInbox")
    with shop.stopped("payments", "Webhook"):
        asked = {"payment_intent": intent["id"], "amount": "700"}
        auth = ("sk_test_local", "")
        httpx.post(f"{settings.stripe_url}/v1/refunds", data=asked, auth=auth).raise_for_status()
        name = queue.rpartition("/")[2]
        assert eventually(lambda: shop.queues()[name].whole)
        aws.client("sqs", settings).purge_queue(QueueUrl=queue)
    assert staff.order(order_id)["refunded"] == 0
    today = str(datetime.now(UTC).date())
    name = stacks.outputs(settings, "payments")["ReconcileFunctionName"]
    event = json.dumps({"days": [today]}).encode()
    aws.client("lambda", settings).invoke(FunctionName=name, Payload=event)
    staff.await_order(order_id, refunded=700)
    assert shop.charged(order_id) == gross - 700
    path = f"/reconciliations/{today}"
    report = eventually(
        lambda: (r := staff.call("payments", "GET", path).json())["status"] == "DONE" and r
    )
    assert report["mended"] >= 1
    assert order_id in json.dumps(report["findings"])


def test_the_sales_are_what_the_orders_came_to_and_come_back_when_lost(
    settings: Settings, shop: Shop, shopper: Shopper, staff: Staff, toy: str
) -> None:
    order_id = bought(shopper, toy)
    shopper.await_end(order_id)
    shop.await_quiet()
    before = _counted(staff)
    orders = [item for item in shop.items("orders") if "history" in item]
    paid = [o for o in orders if any(e["status"] == "CONFIRMED" for e in o["history"])]
    total = before["sales"]["total"]
    assert total["orders"] == len(paid)
    assert total["gross"] == sum(int(order["gross"]) for order in paid)
    rows = before["export"]
    assert {row["orderId"] for row in rows} == {order["orderId"] for order in orders}
    assert before["funnel"]["reached"]
    with psycopg.connect(settings.database_url, autocommit=True) as database:
        database.execute("truncate orders, order_lines, refunds")
    replay.show(settings, "local")
    shop.await_quiet()
    assert _counted(staff) == before
    assert shop.dead_letters() == {}


def _counted(staff: Staff) -> dict[str, Any]:
    """What the reports' API says of all the sales there are."""
    found: dict[str, Any] = {"export": []}
    for name, path, query in (
        ("sales", "/sales", {"by": "toy"}),
        ("top", "/sales/top-toys", {"limit": "100"}),
        ("funnel", "/funnel", {}),
    ):
        found[name] = staff.call("reports", "GET", path, params=query).json()
    text = staff.call("reports", "GET", "/orders/export").text
    found["export"] = list(csv.DictReader(io.StringIO(text)))
    return found
