"""What happens in the shop, told once with the real code of all services in one process.

Orders that are delivered, and orders that end before: declined, out of stock, cancelled, not paid
in time, undeliverable. Around them what it takes to call every operation and to send every message
once. The same run gives the same ids, times and messages, byte by byte.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3

from tools import stand_ins
from tools.services import Service
from tools.shop import Delivery, Invocation, Shop
from tools.wiring import Json

SHOP_URL = "https://shop.example.com/"
"""Where Stripe sends the shopper back to."""

STEP = timedelta(milliseconds=250)
"""The clock moves on so far between two steps."""

VISA = "pm_card_visa"
NO_FUNDS = "pm_card_visa_chargeDeclinedInsufficientFunds"
THREE_D_SECURE = "pm_card_authenticationRequired"

SHOPPER = {
    "sub": "6f1f5a52-3c0e-4a53-9d0e-0f6c2f1d7b11",
    "email": "shopper@example.com",
    "email_verified": "true",
    "cognito:username": "6f1f5a52-3c0e-4a53-9d0e-0f6c2f1d7b11",
    "token_use": "id",
}
ADDRESS = {
    "name": "Robin Example",
    "line1": "1 Example Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D02 X285",
    "country": "IE",
}


class StoryError(Exception):
    """A step of the story did not go as it is told."""


class Teller:
    """Takes the story's steps, first come first served, and keeps a record of them all."""

    def __init__(self, shop: Shop, stripe: stand_ins.Stripe) -> None:
        self.shop = shop
        self.stripe = stripe
        self.told: list[Invocation] = []

    def call(
        self, service: str, method: str, path: str, wanted: int = 200, **given: Any
    ) -> tuple[Any, dict[str, str]]:
        """Call an operation. Gives the answer's body and headers; raises unless it is `wanted`."""
        label = given.pop("label", f"{method} {path}")
        invocation = self.shop.call(service, method, path, label=label, **given)
        self._tell(invocation)
        answer = invocation.answer
        if answer["statusCode"] != wanted:
            raise StoryError(f"{service}: {label} was answered {answer}, not {wanted}")
        headers = {n.lower(): v[0] for n, v in answer.get("multiValueHeaders", {}).items()}
        return json.loads(answer["body"]) if answer.get("body") else None, headers

    def settle(self, *, but: Callable[[Delivery], bool] = lambda _: False) -> None:
        """Deliver all that waits, and all that comes of it, until nothing is left `but` that.

        Raises StoryError when a door fails, or gives a message up.
        """
        self._hear_from_stripe()
        while waiting := [delivery for delivery in self.shop.pending if not but(delivery)]:
            invocation = self.shop.deliver(waiting[0])
            self._tell(invocation)
            if letters := self.shop.dead_letters():
                raise StoryError(f"{_name(invocation)} gave up: {letters}\n{invocation.log}")
            if invocation.door.service.name == "payments":
                self._hear_from_stripe()

    def sweep(self) -> None:
        """Let the orders be looked through for what is past its deadline."""
        self._tell(self.shop.run_schedule("orders", "sweep", "sweep"))

    def say(self, source: str, name: str, data: Mapping[str, Any], version: int = 1) -> None:
        """Put a message on the bus by hand, as an operator may."""
        order_id = data.get("orderId", "by-hand")
        detail = {
            "metadata": {
                "id": f"{order_id}:{version}:{name}",
                "correlationId": order_id,
                "causationId": None,
                "occurredAt": self.shop.now(),
                "version": version,
            },
            "data": data,
        }
        self.shop.put(source, name, detail)

    def _hear_from_stripe(self) -> None:
        """Hand in what Stripe has posted to the shop's webhook."""
        for webhook in self.stripe.webhooks():
            self.shop.post("payments", "/webhooks/stripe", webhook.body, webhook.headers)

    def _tell(self, invocation: Invocation) -> None:
        if invocation.error or invocation.failed:
            told = f"{_name(invocation)} failed:\n{invocation.log}"
            raise StoryError(told) from invocation.error
        self.told.append(invocation)
        if invocation.door.service.name == "payments":
            self.stripe.post()
        self.shop.advance(STEP)


@contextmanager
def opened(services: Sequence[Service], seed: int = 0) -> Iterator[Teller]:
    """A shop with all of the services, what they need beside each other, and its teller."""
    with (
        stand_ins.stripe() as stripe,
        stand_ins.postgres() as port,
        Shop(services, _parameters(stripe, port), seed) as shop,
    ):
        secret = {"apiKey": "sk_test_story", "webhookSecret": stand_ins.WEBHOOK_SECRET}
        boto3.client("secretsmanager").create_secret(
            Name="tbs/stripe", SecretString=json.dumps(secret)
        )
        sender = shop.parameter("notification", "SenderAddress")
        boto3.client("sesv2").create_email_identity(EmailIdentity=sender)
        yield Teller(shop, stripe)


def _parameters(stripe: stand_ins.Stripe, database_port: int) -> dict[str, dict[str, str]]:
    return {
        "payments": {"StripeApiBase": stripe.address, "StripeReturnUrl": SHOP_URL},
        "reports": {
            "DatabaseHost": stand_ins.HOST,
            "DatabasePort": str(database_port),
            "DatabaseName": stand_ins.DATABASE,
            "DatabaseUser": stand_ins.DATABASE_USER,
            "DatabaseAuthentication": "none",
        },
    }


def play(teller: Teller) -> list[Invocation]:
    """Tell the whole story. Gives every invocation."""
    toys = _catalogue(teller)
    delivered = _delivered(teller, toys)
    _by_hand(teller, toys)
    _declined(teller, toys)
    _more_than_there_is(teller, toys)
    _authenticated(teller, toys)
    _not_authenticated(teller, toys)
    _never_paid(teller, toys)
    _cancelled_before_it_came(teller, toys)
    _cancelled_before_it_was_paid(teller, toys)
    _cancelled_before_it_left(teller, toys)
    _cancelled_too_late(teller, toys, delivered["orderId"])
    _undeliverable(teller, toys)
    _lost(teller, toys)
    _looked_up(teller, toys, delivered["orderId"])
    _operated(teller, delivered)
    return teller.told


def _catalogue(teller: Teller) -> dict[str, Json]:
    """Toys come into the catalogue; one changes its price, one leaves."""
    toys = {}
    for name, category, price, stock in (
        ("Wooden Train Set", "Vehicles", 3495, 40),
        ("Box Kite", "Outdoor", 1850, 25),
        ("Marble Run", "Construction", 4299, 3),
        ("Paper Theatre", "Crafts", 1299, 8),
    ):
        draft = {
            "name": name,
            "description": f"{name}, made to last.",
            "category": category,
            "brand": "Hazel & Oak",
            "price": price,
            "currency": "EUR",
            "stock": stock,
        }
        toy, _ = teller.call("toys", "POST", "/toys", 201, body=draft, label=f"create {name}")
        toys[name] = toy
    teller.settle()
    kite = toys["Box Kite"]
    path = f"/toys/{kite['toyId']}"
    draft = {key: kite[key] for key in draft} | {"price": 1750}
    _, headers = teller.call("toys", "GET", path)
    toys["Box Kite"], _ = teller.call(
        "toys", "PUT", path, body=draft, headers={"If-Match": headers["etag"]}
    )
    path = f"/toys/{toys.pop('Paper Theatre')['toyId']}"
    teller.call("toys", "DELETE", path, 204, headers={"If-Match": '"1"'})
    teller.call("toys", "GET", "/toys", query={"limit": "10"})
    teller.settle()
    teller.call("public-api", "GET", "/toys", query={"limit": "10"})
    teller.call("public-api", "GET", f"/toys/{kite['toyId']}")
    return toys


def _delivered(teller: Teller, toys: Mapping[str, Json]) -> Json:
    """Two toys are ordered, paid for and brought by the carrier. Gives the order."""
    order_id = _order(teller, toys, {"Wooden Train Set": 1, "Box Kite": 2}, VISA)
    teller.settle()
    return _expect(teller, order_id, "DELIVERED")


def _by_hand(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The warehouse is quicker than the carrier, who finds nothing left to do."""
    order_id = _order(teller, toys, {"Box Kite": 1}, VISA)
    teller.settle(but=_carried)
    teller.call("fulfilment", "GET", "/shipments", query={"status": "WAITING"})
    parcel = {"carrier": "Example Post", "trackingNumber": "EP000000001IE"}
    path = f"/shipments/{order_id}"
    teller.call("fulfilment", "POST", f"{path}/dispatch", body=parcel)
    teller.settle(but=_carried)
    teller.call("fulfilment", "POST", f"{path}/deliver")
    teller.call("fulfilment", "GET", path)
    teller.settle()
    _expect(teller, order_id, "DELIVERED")


def _declined(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The card has no money on it: what was held is given back."""
    order_id = _order(teller, toys, {"Wooden Train Set": 2}, NO_FUNDS)
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "PAYMENT_DECLINED")


def _more_than_there_is(teller: Teller, toys: Mapping[str, Json]) -> None:
    """One of the toys ordered is there three times, not four: nothing of the order is held."""
    order_id = _order(teller, toys, {"Box Kite": 1, "Marble Run": 4}, VISA)
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "OUT_OF_STOCK")


def _authenticated(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, is told, and Stripe's webhook says it is paid."""
    order_id = _order(teller, toys, {"Box Kite": 1}, THREE_D_SECURE)
    teller.settle()
    order = _expect(teller, order_id, "RESERVED")
    teller.stripe.authenticate(_intent_id(order), "succeed")
    teller.settle()
    _expect(teller, order_id, "DELIVERED")


def _not_authenticated(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and is not convinced."""
    order_id = _order(teller, toys, {"Box Kite": 2}, THREE_D_SECURE)
    teller.settle()
    order = _expect(teller, order_id, "RESERVED")
    teller.stripe.authenticate(_intent_id(order), "fail")
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "PAYMENT_DECLINED")


def _never_paid(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and hears nothing until the deadline."""
    order_id = _order(teller, toys, {"Box Kite": 3}, THREE_D_SECURE)
    teller.settle()
    teller.sweep()
    teller.settle()
    _expect(teller, order_id, "RESERVED")
    patience = int(teller.shop.parameter("orders", "OrderDeadlineMinutes"))
    teller.shop.advance(timedelta(minutes=patience))
    teller.sweep()
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "EXPIRED")


def _cancelled_before_it_came(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's change of mind overtakes the order."""
    order_id = _order(teller, toys, {"Wooden Train Set": 1}, VISA)
    teller.settle(but=lambda delivery: _of(delivery, "PlaceOrder"))
    _cancel(teller, order_id)
    teller.settle(but=lambda delivery: _of(delivery, "PlaceOrder"))
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "CUSTOMER")


def _cancelled_before_it_was_paid(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and the shopper would rather not."""
    order_id = _order(teller, toys, {"Wooden Train Set": 1}, THREE_D_SECURE)
    teller.settle()
    _cancel(teller, order_id)
    teller.settle()
    _expect(teller, order_id, "CANCELLED", "CUSTOMER")


def _cancelled_before_it_left(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The parcel still waits for the carrier: it stays, and the money goes back."""
    order_id = _order(teller, toys, {"Wooden Train Set": 1, "Box Kite": 1}, VISA)
    teller.settle(but=_carried)
    _expect(teller, order_id, "CONFIRMED")
    _cancel(teller, order_id)
    teller.settle(but=lambda delivery: _carried(delivery) or _of(delivery, "CancelShipment"))
    _expect(teller, order_id, "CANCELLING")
    teller.settle(but=_carried)
    order = _expect(teller, order_id, "CANCELLED", "CUSTOMER")
    _expect_refund(order)
    teller.settle()


def _cancelled_too_late(teller: Teller, toys: Mapping[str, Json], order_id: str) -> None:
    """What was delivered cannot be cancelled. Nor can what leaves while the shopper asks."""
    _cancel(teller, order_id, wanted=409)
    leaving = _order(teller, toys, {"Wooden Train Set": 3}, VISA)
    teller.settle(but=_carried)
    _cancel(teller, leaving)
    teller.settle(but=lambda delivery: _of(delivery, "CancelShipment"))
    teller.settle()
    _expect(teller, leaving, "DELIVERED")


def _undeliverable(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The carrier knows no such city."""
    order_id = _order(teller, toys, {"Box Kite": 1}, VISA, address=ADDRESS | {"city": "Atlantis"})
    teller.settle()
    order = _expect(teller, order_id, "CANCELLED", "UNDELIVERABLE")
    _expect_refund(order)


def _lost(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The warehouse cannot find what it should pack."""
    order_id = _order(teller, toys, {"Box Kite": 1, "Wooden Train Set": 2}, VISA)
    teller.settle(but=_carried)
    path = f"/shipments/{order_id}/fail"
    teller.call("fulfilment", "POST", path, body={"reason": "not on its shelf"})
    teller.settle()
    order = _expect(teller, order_id, "CANCELLED", "UNDELIVERABLE")
    _expect_refund(order)


def _looked_up(teller: Teller, toys: Mapping[str, Json], order_id: str) -> None:
    """The shopper and the staff look at what became of it."""
    teller.call("public-api", "GET", "/orders", claims=SHOPPER)
    teller.call("public-api", "GET", f"/orders/{order_id}", claims=SHOPPER)
    teller.call("orders", "GET", f"/orders/{order_id}")
    owner = f"urn:tbs:payment:{order_id}"
    files, _ = teller.call("file-manager", "GET", "/files", query={"owner": owner})
    teller.call("file-manager", "GET", f"/files/{files['items'][0]['fileId']}")


def _operated(teller: Teller, order: Json) -> None:
    """What the saga has no occasion for: a refund after delivery, a file nobody takes."""
    order_id = order["orderId"]
    refund = {"orderId": order_id, "reason": "RETURNED", "amount": order["gross"]}
    teller.say("tbs.orders", "RefundPayment", refund, version=99)
    teller.settle()
    picture = {
        "owner": f"urn:tbs:payment:{order_id}",
        "name": "receipt.exe",
        "contentType": "application/x-msdownload",
        "visibility": "private",
        "content": "MZ",
    }
    teller.say("tbs.payments", "StoreFile", picture)
    teller.settle()


def _order(
    teller: Teller,
    toys: Mapping[str, Json],
    lines: Mapping[str, int],
    card: str,
    address: Json = ADDRESS,
) -> str:
    """Check out. Gives the order's id."""
    wanted = [{"toyId": toys[name]["toyId"], "quantity": n} for name, n in lines.items()]
    label = f"order {lines} to {address['city']} by {card}"
    teller.shop.advance(timedelta(minutes=10))
    order, _ = teller.call(
        "public-api",
        "POST",
        "/orders",
        202,
        label=label,
        body={"lines": wanted, "shippingAddress": address, "paymentMethodId": card},
        headers={"Idempotency-Key": str(uuid.uuid5(uuid.NAMESPACE_OID, label))},
        claims=SHOPPER,
    )
    return str(order["orderId"])


def _cancel(teller: Teller, order_id: str, wanted: int = 202) -> None:
    """Ask for the order to be cancelled."""
    path = f"/orders/{order_id}/cancellation"
    teller.call("public-api", "POST", path, wanted, claims=SHOPPER)


def _expect(teller: Teller, order_id: str, status: str, reason: str | None = None) -> Json:
    """The order, as the shopper sees it. Raises when it did not come to that."""
    order: Json
    order, _ = teller.call("public-api", "GET", f"/orders/{order_id}", claims=SHOPPER)
    if (order["status"], order["reason"]) != (status, reason):
        raise StoryError(f"The order is {order['status']} ({order['reason']}), not {status}")
    return order


def _expect_refund(order: Json) -> None:
    if order["refund"] != {"amount": order["gross"], "status": "REFUNDED"}:
        raise StoryError(f"The order's money is not given back: {order['refund']}")


def _intent_id(order: Json) -> str:
    """The payment at Stripe that waits for the shopper."""
    secret: str = order["paymentAction"]["clientSecret"]
    return secret.partition("_secret_")[0]


def _carried(delivery: Delivery) -> bool:
    """Whether the carrier would set about it."""
    return delivery.door.name == "carrier"


def _of(delivery: Delivery, message: str) -> bool:
    """Whether it is that message, on its way to who hears it."""
    return delivery.key.endswith(f":{message}")


def _name(invocation: Invocation) -> str:
    return f"{invocation.door.service.name}'s {invocation.door.name}"
