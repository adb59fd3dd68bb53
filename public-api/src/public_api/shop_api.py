"""The part of the public API that tells a page what it needs to know of the shop."""

import os

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import Field

from public_api.bill import Terms
from public_api.desk import TERMS
from public_api.etag import answers, conditional
from public_api.model import Model

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

FIVE_MINUTES = "public, max-age=300"


class Accounts(Model):
    """Where shoppers sign up and log in."""

    url: str = Field(description="Where Amazon Cognito answers")
    client_id: str = Field(description="Of the user pool's client that the page is")


class TestCard(Model):
    """A card of Stripe's that is none: it behaves in its own way, and moves no money."""

    __test__ = False  # pytest would take it for one of its own

    payment_method_id: str
    label: str
    outcome: str = Field(description="What it will do, in plain words")


class Shop(Terms):
    """What the shop charges beside its toys, where its accounts are and how it is paid."""

    cognito: Accounts
    stripe_publishable_key: str | None
    test_cards: tuple[TestCard, ...] = Field(description="None where there is a publishable key")


TEST_CARDS = tuple(
    TestCard(payment_method_id=method, label=label, outcome=outcome)
    for method, label, outcome in (
        ("pm_card_visa", "Visa ending in 4242", "Pays at once"),
        ("pm_card_mastercard", "Mastercard ending in 4444", "Pays at once"),
        (
            "pm_card_authenticationRequired",
            "Visa ending in 3155",
            "Asks you to confirm the payment (3-D Secure), and pays when you have",
        ),
        (
            "pm_card_visa_chargeDeclined",
            "Visa ending in 0002",
            "Is declined: the order is cancelled, and nothing is paid",
        ),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "Visa ending in 9995",
            "Is declined, as there is not enough money: the order is cancelled",
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "Visa ending in 0069",
            "Is declined, as it has expired: the order is cancelled",
        ),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "Visa ending in 3178",
            "Asks you to confirm the payment (3-D Secure), and is declined all the same",
        ),
    )
)
"""Source: https://docs.stripe.com/testing"""

KEY = os.environ["STRIPE_PUBLISHABLE_KEY"] or None

SHOP = Shop(
    **TERMS.model_dump(by_alias=False),
    cognito=Accounts(url=os.environ["COGNITO_URL"], client_id=os.environ["USER_POOL_CLIENT_ID"]),
    stripe_publishable_key=KEY,
    test_cards=() if KEY else TEST_CARDS,
)


@router.get("/shop", tags=["shop"], responses=answers(Shop, "The shop"))
def get_shop() -> Response[Shop]:
    """The terms of the shop, and what a page needs to log shoppers in and to take payments."""
    return conditional(router.current_event, SHOP, FIVE_MINUTES)
