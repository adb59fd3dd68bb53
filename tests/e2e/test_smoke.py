"""`make smoke` on the local cloud: it buys something for real, and says where it stops."""

import pytest

from local import aws, smoke, stacks
from local.errors import LocalError
from local.settings import Settings
from tests.e2e.shop import Shop


def shoppers(settings: Settings) -> list[str]:
    """The addresses of the shoppers that smoke tests have made and not removed."""
    pool = stacks.outputs(settings, "public-api")["UserPoolId"]
    pages = aws.client("cognito-idp", settings).get_paginator("list_users")
    return [
        attribute["Value"]
        for page in pages.paginate(UserPoolId=pool)
        for user in page["Users"]
        for attribute in user["Attributes"]
        if attribute["Name"] == "email" and attribute["Value"].startswith("smoke-")
    ]


def test_it_buys_something_and_leaves_nobody(settings: Settings, shop: Shop) -> None:
    # The simulated carrier may be quicker than the cancellation.
    told = smoke.show(settings, "local")
    assert "was paid, cancelled and paid back" in told or "has left" in told
    assert shoppers(settings) == []
    shop.await_quiet()


def test_it_says_where_the_order_stands_still(settings: Settings, shop: Shop) -> None:
    with (
        shop.stopped("toys", "Inbox"),
        pytest.raises(LocalError, match="Look at toys") as error,
    ):
        smoke.show(settings, "local", patience=4)
    assert "InboxFunctionInbox: nothing is read" in str(error.value)
    assert "Inbox: 1 wait" in str(error.value)
    assert shoppers(settings) == []
    shop.await_quiet()
