"""What happens in the shop, told once with the real code of all services in one process.

Toys come into the catalogue, and pictures to them (see `catalogue`). Orders are delivered, or end
before: declined, out of stock, cancelled, not paid in time, undeliverable. Staff take calls, give
money back and change addresses (see `staff`). Around them what it takes to call every operation and
to send every message once. The same run gives the same ids,
times and messages, byte by byte.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3

from tools import catalogue, oncall, staff, stand_ins
from tools.services import Service
from tools.shop import Invocation, Shop
from tools.shopper import (
    ADDRESS,
    MANAGER,
    NO_FUNDS,
    SHOPPER,
    THREE_D_SECURE,
    VISA,
    cancelled,
    carried,
    expect,
    expect_refund,
    intent_id,
    is_message,
    ordered,
)
from tools.teller import StoryError, Teller
from tools.wiring import REGION, Json, stack_name

__all__ = ["ADDRESS", "SHOPPER", "THREE_D_SECURE", "VISA"]
"""Who shops, and with what: it is looked for here, too."""

SHOP_URL = "https://shop.example.com/"
"""Where Stripe sends the shopper back to."""

SAGA = ("PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED")
"""What an order comes to when nothing goes wrong."""

POOL = "shoppers"
"""The name of the user pool."""


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
        boto3.client("secretsmanager").create_secret(
            Name=shop.parameter("fulfilment", "CarrierSecretName"),
            SecretString=json.dumps({"webhookSecret": staff.CARRIER_SECRET}),
        )
        sender = shop.parameter("notification", "SenderAddress")
        boto3.client("sesv2").create_email_identity(EmailIdentity=sender)
        _open_accounts()
        yield Teller(shop, stripe)


def _open_accounts() -> None:
    """The user pool and its groups, as moto has them: they are in no template that it plays."""
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=POOL)["UserPool"]["Id"]
    cognito.create_group(UserPoolId=pool, GroupName="customers")
    cognito.admin_create_user(UserPoolId=pool, Username=SHOPPER["sub"])


def _parameters(stripe: stand_ins.Stripe, database_port: int) -> dict[str, dict[str, str]]:
    return {
        "file-manager": {"PublicUrl": catalogue.PICTURES_URL},
        "payments": {"StripeApiBase": stripe.address, "StripeReturnUrl": SHOP_URL},
        "reports": {
            "DatabaseHost": stand_ins.HOST,
            "DatabasePort": str(database_port),
            "DatabaseName": stand_ins.DATABASE,
            "DatabaseUser": stand_ins.DATABASE_USER,
            "DatabaseReader": stand_ins.DATABASE_USER,
            "DatabaseAuthentication": "none",
        },
    }


def play(teller: Teller) -> list[Invocation]:
    """Tell the whole story. Gives every invocation."""
    toys = catalogue.opened(teller)
    catalogue.kept(teller, toys)
    pictures = catalogue.pictured(teller, toys)
    _signed_up(teller)
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
    staff.phoned(teller, toys)
    staff.readdressed(teller, toys)
    refunded = staff.given_back(teller, toys)
    staff.called_off(teller, toys)
    files_of = staff.downloaded(teller, toys, catalogue.digital(teller))
    staff.brought(teller, toys)
    _looked_up(teller, toys, delivered["orderId"])
    _operated(teller)
    staff.bounced(teller, files_of)
    _reported(teller)
    staff.counted(teller)
    catalogue.tidied(teller, toys, pictures)
    staff.reconciled(teller, delivered["orderId"])
    staff.sent_back(teller, refunded)
    oncall.failed(teller)
    oncall.forged(teller)
    oncall.poisoned(teller, delivered["orderId"])
    oncall.alarmed(teller)
    _rebuilt(teller, delivered)
    return teller.told


def _signed_up(teller: Teller) -> None:
    """A shopper confirms an e-mail address, and keeps a postal one."""
    cognito = boto3.client("cognito-idp")
    (pool,) = (found["Id"] for found in cognito.list_user_pools(MaxResults=1)["UserPools"])
    confirmed = {
        "version": "1",
        "region": REGION,
        "userPoolId": pool,
        "userName": SHOPPER["sub"],
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": {
            "userAttributes": {
                "sub": SHOPPER["sub"],
                "email": SHOPPER["email"],
                "email_verified": "true",
                "cognito:user_status": "CONFIRMED",
            }
        },
        "response": {},
    }
    teller.invoke("public-api", "accounts", confirmed)
    groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username=SHOPPER["sub"])
    if [group["GroupName"] for group in groups["Groups"]] != ["customers"]:
        raise StoryError(f"The shopper belongs to {groups['Groups']}")
    teller.call("public-api", "GET", "/shop")
    _, headers = teller.call("public-api", "GET", "/profile", claims=SHOPPER)
    profile = {"name": ADDRESS["name"], "addresses": [ADDRESS | {"label": "At home"}]}
    given = {"If-Match": headers["etag"]}
    teller.call("public-api", "PUT", "/profile", body=profile, headers=given, claims=SHOPPER)


def _reported(teller: Teller) -> None:
    """The night comes, and the sales are reported: shoppers may not see them."""
    teller.call("public-api", "GET", "/reports/sales", 404, claims=MANAGER, label="too early")
    teller.report()
    teller.settle()
    teller.call("public-api", "GET", "/reports/sales", 403, claims=SHOPPER, label="no manager")
    teller.call("public-api", "GET", "/reports/sales", claims=MANAGER)


def _rebuilt(teller: Teller, order: Json) -> None:
    """The copies are lost. A rebuild has them told anew, and what shoppers see is as it was."""
    before = _shown(teller, order)
    for name, properties in teller.shop.wiring().tables.items():
        if name.startswith(stack_name(teller.shop.services["public-api"])):
            _empty(name, properties)
    if _shown(teller, order) == before:
        raise StoryError("Nothing was lost with the tables")
    asked = teller.invoke("public-api", "rebuild", {"requestId": "rebuild-2026-01-06"})
    if asked != {"requestId": "rebuild-2026-01-06"}:
        raise StoryError(f"The rebuild is {asked}")
    teller.settle()
    if (after := _shown(teller, order)) != before:
        raise StoryError(f"What was shown as {before} is shown as {after}")


def _shown(teller: Teller, order: Json) -> list[Any]:
    """What shoppers see of the toys, and one of them of an order.

    Without what is known here alone, when an order was submitted, and when a toy changed last:
    units that are sold are no news.
    """
    seen = []
    for path, query in (
        ("/categories", {}),
        ("/toys", {"sort": "newest"}),
        ("/toys", {"q": "made to la", "maxPrice": "4000"}),
        (f"/orders/{order['orderId']}", {}),
    ):
        invocation = teller.shop.call(
            "public-api", "GET", path, label=f"rebuilt {path}", query=query, claims=SHOPPER
        )
        told = json.loads(invocation.answer["body"])
        told.pop("submittedAt", None)
        told["history"] = [step for step in told.get("history", []) if step["status"] in SAGA]
        told["items"] = [item | {"updatedAt": None} for item in told.get("items", [])]
        seen.append(told)
    return seen


def _empty(table: str, properties: Json) -> None:
    """Throw all items of a table away."""
    keys = [key["AttributeName"] for key in properties["KeySchema"]]
    own = boto3.resource("dynamodb").Table(table)
    with own.batch_writer() as batch:
        for item in own.scan()["Items"]:
            batch.delete_item(Key={key: item[key] for key in keys})


def _delivered(teller: Teller, toys: Mapping[str, Json]) -> Json:
    """Two toys are ordered, paid for and brought by the carrier. Gives the order."""
    seen = {"name": "Box Kite", "price": 1850, "availability": "IN_STOCK"}
    wanted = [
        {"toyId": toys["Wooden Train Set"]["toyId"], "quantity": 1},
        {"toyId": toys["Box Kite"]["toyId"], "quantity": 2, "seen": seen},
    ]
    basket = {"lines": wanted, "shippingAddress": ADDRESS}
    quote, _ = teller.call("public-api", "POST", "/quotes", body=basket)
    changes = [change["what"] for line in quote["lines"] for change in line["changes"]]
    if changes != ["PRICE"]:
        raise StoryError(f"The kite is cheaper, and the quote says {changes}")
    order_id = ordered(teller, toys, {"Wooden Train Set": 1, "Box Kite": 2}, VISA, quote["gross"])
    teller.settle()
    return expect(teller, order_id, "DELIVERED")


def _by_hand(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The warehouse is quicker than the carrier, who finds nothing left to do."""
    order_id = ordered(teller, toys, {"Box Kite": 1}, VISA)
    teller.settle(but=carried)
    teller.call("fulfilment", "GET", "/shipments", query={"status": "WAITING"})
    parcel = {"carrier": "Example Post", "trackingNumber": "EP000000001IE"}
    path = f"/shipments/{order_id}"
    teller.call("fulfilment", "POST", f"{path}/dispatch", body=parcel)
    teller.settle(but=carried)
    teller.call("fulfilment", "POST", f"{path}/deliver")
    teller.call("fulfilment", "GET", path)
    teller.settle()
    expect(teller, order_id, "DELIVERED")


def _declined(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The card has no money on it: what was held is given back."""
    order_id = ordered(teller, toys, {"Wooden Train Set": 2}, NO_FUNDS)
    teller.settle()
    expect(teller, order_id, "CANCELLED", "PAYMENT_DECLINED")


def _more_than_there_is(teller: Teller, toys: Mapping[str, Json]) -> None:
    """One of the toys ordered is there three times, not four: nothing of the order is held."""
    order_id = ordered(teller, toys, {"Box Kite": 1, "Marble Run": 4}, VISA)
    teller.settle()
    expect(teller, order_id, "CANCELLED", "OUT_OF_STOCK")


def _authenticated(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, is told, and Stripe's webhook says it is paid."""
    order_id = ordered(teller, toys, {"Box Kite": 1}, THREE_D_SECURE)
    teller.settle()
    order = expect(teller, order_id, "RESERVED")
    teller.stripe.authenticate(intent_id(order), "succeed")
    teller.settle()
    expect(teller, order_id, "DELIVERED")


def _not_authenticated(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and is not convinced."""
    order_id = ordered(teller, toys, {"Box Kite": 2}, THREE_D_SECURE)
    teller.settle()
    order = expect(teller, order_id, "RESERVED")
    teller.stripe.authenticate(intent_id(order), "fail")
    teller.settle()
    expect(teller, order_id, "CANCELLED", "PAYMENT_DECLINED")


def _never_paid(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and hears nothing until the deadline."""
    order_id = ordered(teller, toys, {"Box Kite": 3}, THREE_D_SECURE)
    teller.settle()
    teller.sweep("orders")
    teller.settle()
    expect(teller, order_id, "RESERVED")
    patience = int(teller.shop.parameter("orders", "OrderDeadlineMinutes"))
    teller.shop.advance(timedelta(minutes=patience))
    teller.sweep("orders")
    teller.settle()
    expect(teller, order_id, "CANCELLED", "EXPIRED")


def _cancelled_before_it_came(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's change of mind overtakes the order."""
    order_id = ordered(teller, toys, {"Wooden Train Set": 1}, VISA)
    teller.settle(but=lambda delivery: is_message(delivery, "PlaceOrder"))
    cancelled(teller, order_id)
    teller.settle(but=lambda delivery: is_message(delivery, "PlaceOrder"))
    teller.settle()
    expect(teller, order_id, "CANCELLED", "CUSTOMER")


def _cancelled_before_it_was_paid(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The shopper's bank wants to know who pays, and the shopper would rather not."""
    order_id = ordered(teller, toys, {"Wooden Train Set": 1}, THREE_D_SECURE)
    teller.settle()
    cancelled(teller, order_id)
    teller.settle()
    expect(teller, order_id, "CANCELLED", "CUSTOMER")


def _cancelled_before_it_left(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The parcel still waits for the carrier: it stays, and the money goes back."""
    order_id = ordered(teller, toys, {"Wooden Train Set": 1, "Box Kite": 1}, VISA)
    teller.settle(but=carried)
    expect(teller, order_id, "CONFIRMED")
    cancelled(teller, order_id)
    teller.settle(but=lambda delivery: carried(delivery) or is_message(delivery, "CancelShipment"))
    expect(teller, order_id, "CANCELLING")
    teller.settle(but=carried)
    order = expect(teller, order_id, "CANCELLED", "CUSTOMER")
    expect_refund(order)
    teller.settle()


def _cancelled_too_late(teller: Teller, toys: Mapping[str, Json], order_id: str) -> None:
    """What was delivered cannot be cancelled. Nor can what leaves while the shopper asks."""
    cancelled(teller, order_id, wanted=409)
    leaving = ordered(teller, toys, {"Wooden Train Set": 3}, VISA)
    teller.settle(but=carried)
    cancelled(teller, leaving)
    teller.settle(but=lambda delivery: is_message(delivery, "CancelShipment"))
    teller.settle()
    expect(teller, leaving, "DELIVERED")


def _undeliverable(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The carrier knows no such city."""
    order_id = ordered(teller, toys, {"Box Kite": 1}, VISA, address=ADDRESS | {"city": "Atlantis"})
    teller.settle()
    order = expect(teller, order_id, "CANCELLED", "UNDELIVERABLE")
    expect_refund(order)


def _lost(teller: Teller, toys: Mapping[str, Json]) -> None:
    """The warehouse cannot find what it should pack."""
    order_id = ordered(teller, toys, {"Box Kite": 1, "Wooden Train Set": 2}, VISA)
    teller.settle(but=carried)
    path = f"/shipments/{order_id}/fail"
    teller.call("fulfilment", "POST", path, body={"reason": "not on its shelf"})
    teller.settle()
    order = expect(teller, order_id, "CANCELLED", "UNDELIVERABLE")
    expect_refund(order)


def _looked_up(teller: Teller, toys: Mapping[str, Json], order_id: str) -> None:
    """The shopper and the staff look at what became of it."""
    teller.call("public-api", "GET", "/orders", claims=SHOPPER)
    teller.call("public-api", "GET", f"/orders/{order_id}", claims=SHOPPER)
    teller.call("orders", "GET", f"/orders/{order_id}")
    owner = f"urn:tbs:payment:{order_id}"
    files, _ = teller.call("file-manager", "GET", "/files", query={"owner": owner})
    teller.call("file-manager", "GET", f"/files/{files['items'][0]['fileId']}")


def _operated(teller: Teller) -> None:
    """What the saga has no occasion for: a file nobody takes."""
    picture = {
        "owner": "urn:tbs:payment:by-hand",
        "name": "receipt.exe",
        "contentType": "application/x-msdownload",
        "visibility": "private",
        "content": "MZ",
    }
    teller.say("tbs.payments", "StoreFile", picture)
    teller.settle()
