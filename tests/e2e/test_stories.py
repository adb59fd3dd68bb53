"""The three stories: an order that is delivered, a declined card, more than there is."""

from local.bus import BusWatch
from local.shopper import Shopper
from tests.e2e.shop import Shop, eventually


def test_an_order_goes_through_all_eight(shop: Shop, shopper: Shopper, bus: BusWatch) -> None:
    kite, drum = shop.new_toy(stock=10, price=2999), shop.new_toy(stock=10, price=1550)
    visible = eventually(lambda: {kite, drum} <= {toy["toyId"] for toy in catalogue(shopper)})
    assert visible, "the new toys are not in the public catalogue"

    lines = [{"toyId": kite, "quantity": 1}, {"toyId": drum, "quantity": 2}]
    submitted = shopper.order(lines, "pm_card_visa")
    order_id = submitted["orderId"]
    assert submitted["status"] == "SUBMITTED"
    assert submitted["gross"] == 2999 + 2 * 1550 + submitted["shipping"]
    assert submitted["net"] + submitted["tax"] == submitted["gross"]

    order = shopper.await_end(order_id)
    history = [entry["status"] for entry in order["history"]]
    assert history == [
        "SUBMITTED",
        "PLACED",
        "RESERVED",
        "CONFIRMED",
        "DISPATCHED",
        "DELIVERED",
    ]
    times = [entry["at"] for entry in order["history"]]
    assert times == sorted(times)
    assert order["trackingNumber"]
    assert shopper.orders()[0]["orderId"] == order_id

    assert (shop.toy(kite)["stock"], shop.toy(drum)["stock"]) == (9, 8)
    assert shop.charged(order_id) == order["gross"]
    assert len(shop.intents(order_id)) == 1
    receipts = eventually(lambda: shop.receipts(order_id))
    assert len(receipts) == 1
    mails = eventually(lambda: len(found := shop.mails(shopper.email, order_id)) >= 3 and found)
    assert mails, shop.mails(shopper.email, order_id)
    assert len(mails) == 3, "receipt, dispatched, delivered"
    assert sum("eceipt" in mail.subject for mail in mails) == 1
    assert all(mail.text and "<html" in mail.html for mail in mails)

    def reported() -> bool:
        row = shop.report(order_id)
        return row is not None and row["status"] == "DELIVERED"

    assert eventually(reported)
    row = shop.report(order_id)
    assert row
    assert row["gross"] == order["gross"]
    assert {(line["toy_id"], line["quantity"], line["price"]) for line in row["lines"]} == {
        (kite, 1, 2999),
        (drum, 2, 1550),
    }
    seen = bus.read_until_quiet()
    nobody = {message.name for message in seen if not message.readers}
    assert not nobody, f"nobody hears {nobody}"
    assert shop.dead_letters() == {}


def test_a_declined_card_gives_the_stock_back(shop: Shop, shopper: Shopper) -> None:
    toy = shop.new_toy(stock=3)
    assert eventually(lambda: known(shopper, toy))
    order = shopper.order([{"toyId": toy, "quantity": 2}], "pm_card_visa_chargeDeclined")
    order_id = order["orderId"]
    ended = shopper.await_end(order_id)
    assert (ended["status"], ended["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert eventually(lambda: shop.toy(toy)["stock"] == 3)
    assert shop.charged(order_id) == 0
    mails = eventually(lambda: shop.mails(shopper.email, order_id))
    assert len(mails) == 1
    assert "cancelled" in mails[0].text
    assert "declined" in mails[0].text
    assert shop.receipts(order_id) == []
    assert shop.items_of("fulfilment", order_id) == []


def test_more_than_there_is_charges_nothing(shop: Shop, shopper: Shopper) -> None:
    toy = shop.new_toy(stock=3)
    assert eventually(lambda: known(shopper, toy))
    order = shopper.order([{"toyId": toy, "quantity": 4}], "pm_card_visa")
    order_id = order["orderId"]
    ended = shopper.await_end(order_id)
    assert (ended["status"], ended["reason"]) == ("CANCELLED", "OUT_OF_STOCK")
    assert [entry["status"] for entry in ended["history"]] == ["SUBMITTED", "PLACED", "CANCELLED"]
    assert eventually(lambda: shop.mails(shopper.email, order_id))
    assert shop.intents(order_id) == []
    assert shop.toy(toy)["stock"] == 3


def catalogue(shopper: Shopper) -> list[dict[str, str]]:
    """Every toy that the shopper can find, page by page."""
    toys: list[dict[str, str]] = []
    cursor: str | None = None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = shopper.request("GET", "/toys", params=query).json()
        toys += page["items"]
        cursor = page["cursor"]
        if not cursor:
            return toys


def known(shopper: Shopper, toy_id: str) -> bool:
    """Whether the public catalogue has the toy."""
    return shopper.request("GET", f"/toys/{toy_id}").status_code == 200
