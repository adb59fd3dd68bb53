"""The part of the story that shoppers have in it: what they order, and what they then see."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from tools.shop import Delivery
from tools.teller import StoryError, Teller
from tools.wiring import Json

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
MANAGER = SHOPPER | {
    "sub": "0b5c0f0e-7a55-4b0b-8f0a-2d5be8f1a3c4",
    "email": "manager@example.com",
    "cognito:username": "0b5c0f0e-7a55-4b0b-8f0a-2d5be8f1a3c4",
    "cognito:groups": "customers,managers",
}
ADDRESS = {
    "name": "Robin Example",
    "line1": "1 Example Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D02 X285",
    "country": "IE",
}


def ordered(
    teller: Teller,
    toys: Mapping[str, Json],
    lines: Mapping[str, int],
    card: str,
    expected: int | None = None,
    address: Json = ADDRESS,
) -> str:
    """Check out, at the price that is expected, if one is. Gives the order's id."""
    wanted = [{"toyId": toys[name]["toyId"], "quantity": n} for name, n in lines.items()]
    label = f"order {lines} to {address['city']} by {card}"
    teller.shop.advance(timedelta(minutes=10))
    order, _ = teller.call(
        "public-api",
        "POST",
        "/orders",
        202,
        label=label,
        body={
            "lines": wanted,
            "shippingAddress": address,
            "paymentMethodId": card,
            **({} if expected is None else {"expectedGross": expected}),
        },
        headers={"Idempotency-Key": str(uuid.uuid5(uuid.NAMESPACE_OID, label))},
        claims=SHOPPER,
    )
    return str(order["orderId"])


def cancelled(teller: Teller, order_id: str, wanted: int = 202) -> None:
    """Ask for the order to be cancelled."""
    path = f"/orders/{order_id}/cancellation"
    teller.call("public-api", "POST", path, wanted, claims=SHOPPER)


def expect(teller: Teller, order_id: str, status: str, reason: str | None = None) -> Json:
    """The order, as the shopper sees it. Raises when it did not come to that."""
    order: Json
    order, _ = teller.call("public-api", "GET", f"/orders/{order_id}", claims=SHOPPER)
    if (order["status"], order["reason"]) != (status, reason):
        raise StoryError(f"The order is {order['status']} ({order['reason']}), not {status}")
    return order


def expect_refund(order: Json) -> None:
    if order["refund"] != {"amount": order["gross"], "status": "REFUNDED"}:
        raise StoryError(f"The order's money is not given back: {order['refund']}")


def intent_id(order: Json) -> str:
    """The payment at Stripe that waits for the shopper."""
    secret: str = order["paymentAction"]["clientSecret"]
    return secret.partition("_secret_")[0]


def carried(delivery: Delivery) -> bool:
    """Whether the carrier would set about it."""
    return delivery.door.name == "carrier"


def is_message(delivery: Delivery, message: str) -> bool:
    """Whether it is that message, on its way to who hears it."""
    return message in delivery.key.split(":")
