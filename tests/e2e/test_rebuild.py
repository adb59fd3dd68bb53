"""public-api's copies are thrown away, and made anew from what toys and orders know."""

from itertools import batched
from typing import Any

from local import aws, replay, stacks
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.shop import Shop, eventually

TABLES = ("TableName", "CatalogueName")
"""The outputs of public-api's stack that name what it keeps."""


def emptied(settings: Settings, output: str) -> int:
    """Delete all that a table of public-api's holds. How many items that were."""
    name = stacks.outputs(settings, "public-api")[output]
    table = aws.client("dynamodb", settings)
    pages = table.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    keys = [{"pk": item["pk"], "sk": item["sk"]} for page in pages for item in page["Items"]]
    for some in batched(keys, 25, strict=False):
        requests: Any = [{"DeleteRequest": {"Key": key}} for key in some]
        answer = table.batch_write_item(RequestItems={name: requests})
        assert not answer["UnprocessedItems"]
    return len(keys)


def catalogue(shopper: Shopper) -> dict[str, list[dict[str, Any]]]:
    """What anybody sees of the toys: all by name, those of a word, and the categories.

    Not when a toy was changed last: a unit that is sold is not told, and counts as a change.
    """

    def every(**query: str) -> list[dict[str, Any]]:
        toys: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = shopper.request("GET", "/toys", params=query | cursor).json()
            toys += [
                {name: value for name, value in toy.items() if name != "updatedAt"}
                for toy in page["items"]
            ]
            if not page["cursor"]:
                return toys
            cursor = {"cursor": page["cursor"]}

    return {
        "all": every(),
        "by price": every(sort="price"),
        "a word": every(q="wood"),
        "a category": every(category="Trains"),
        "categories": shopper.request("GET", "/categories").json()["items"],
    }


def test_lost_copies_are_rebuilt_from_the_source(
    settings: Settings, shop: Shop, customer: Shopper, toy: str
) -> None:
    gone = shop.new_toy(stock=1)
    assert eventually(lambda: customer.request("GET", f"/toys/{gone}").status_code == 200)
    lines = [{"toyId": toy, "quantity": 1}]
    orders = [
        customer.order(lines, card)["orderId"]
        for card in ("pm_card_visa", "pm_card_visa_chargeDeclined")
    ]
    for order_id in orders:
        customer.await_end(order_id)
    shop.delete_toy(gone)
    shop.await_quiet()
    toys_before = catalogue(customer)
    orders_before = [customer.get_order(order_id) for order_id in orders]
    assert {t["toyId"] for t in toys_before["all"]} == {t["toyId"] for t in shop.toys()}

    for output in TABLES:
        assert emptied(settings, output) > 0
    assert eventually(lambda: not catalogue(customer)["all"])
    assert customer.orders() == []

    replay.show(settings, "local")
    # The lists are made off the table's stream, which tells nobody how far it is.
    eventually(lambda: catalogue(customer) == toys_before, seconds=60, every=1)
    assert catalogue(customer) == toys_before
    for own in shop.toys():
        shown = customer.request("GET", f"/toys/{own['toyId']}").json()
        same = shown.keys() & own.keys() - {"pictures"}
        assert {name: shown[name] for name in same} == {name: own[name] for name in same}
    kept = ("status", "lines", "net", "tax", "gross", "shippingAddress", "reason", "trackingNumber")
    for before in orders_before:
        after = customer.get_order(before["orderId"])
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert {order["orderId"] for order in customer.orders()} == set(orders)

    # Once more: nothing changes, nobody else is disturbed.
    replay.show(settings, "local")
    shop.await_quiet()
    assert catalogue(customer) == toys_before
    assert customer.request("GET", f"/toys/{gone}").status_code == 404
    assert shop.dead_letters() == {}
    # And what is new comes as ever.
    again = customer.order(lines, "pm_card_visa")["orderId"]
    assert customer.await_end(again)["status"] == "DELIVERED"
