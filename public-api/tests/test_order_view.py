"""What a shopper sees of an order: downloads, refunds, its address, who cancelled it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api import inbox
from public_api.cancellation import TooLate, cancel
from public_api.catalogue import Catalogue
from public_api.messages import of_order
from public_api.model import now
from public_api.order import Order, OrderState, Outcome, Projection, Submission
from public_api.table import PublicTable
from public_api.toy import Availability, Fulfilment, Toy

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Sample = Callable[[str], dict[str, Any]]

ADA = {"sub": "shopper-ada", "email": "ada@example.com"}
ADDRESS = {
    "name": "Ada",
    "line1": "1 Example Street",
    "line2": None,
    "city": "Dublin",
    "postalCode": "D01 F5P2",
    "country": "IE",
}
STATUSES = ("PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED", "CANCELLING", "CANCELLED")


@pytest.fixture
def table() -> PublicTable:
    return PublicTable("Table")


@pytest.fixture(autouse=True)
def shelf(aws: None) -> None:
    """A kite that goes by parcel, and a plan of one to download."""
    at = now()
    for toy_id, way in (("kite", Fulfilment.PARCEL), ("plan", Fulfilment.DIGITAL)):
        toy = Toy(
            toy_id=toy_id,
            name=toy_id.title(),
            description="",
            category="Outdoor",
            brand="Brand",
            price=1000,
            currency="EUR",
            availability=Availability.IN_STOCK,
            fulfilment=way,
            created_at=at,
            updated_at=at,
        )
        assert Catalogue("Catalogue").show(toy, 1)


def bought(call: Call, *toy_ids: str, **more: Any) -> dict[str, Any]:
    body = {
        "lines": [{"toyId": toy_id, "quantity": 1} for toy_id in toy_ids],
        "shippingAddress": ADDRESS,
        "paymentMethodId": "pm_card_visa",
    }
    status, order, _ = call("POST", "/orders", body | more)
    assert status == 202, order
    assert isinstance(order, dict)
    return order


def told(order: dict[str, Any], status: str, version: int = 1, **changes: Any) -> Projection:
    """What orders tells of it: until the stock is set aside, nothing of how the lines go out."""
    at = now() + timedelta(seconds=version)
    lines = [dict(line) for line in order["lines"]]
    for line in lines:
        known = status not in ("PLACED", "CANCELLED")
        line["category"] = "Outdoor" if known else None
        line["fulfilment"] = line["fulfilment"] if known else "parcel"
    state: dict[str, Any] = {
        "customerId": ADA["sub"],
        "status": status,
        "version": version,
        "lines": lines,
        "history": [{"status": "PLACED", "at": at}, {"status": status, "at": at}],
        "placedAt": at,
        "updatedAt": at,
    }
    return Projection.model_validate(order | state | changes)


def seen(call: Call, order: dict[str, Any]) -> dict[str, Any]:
    status, shown, _ = call("GET", f"/orders/{order['orderId']}")
    assert status == 200
    assert call("GET", "/orders")[1]["items"] == [shown]
    assert isinstance(shown, dict)
    return shown


# Downloads


def test_an_order_says_from_the_start_what_is_a_download(call: Call, table: PublicTable) -> None:
    order = bought(call, "kite", "plan")
    ways = {"kite": "parcel", "plan": "digital"}
    assert order["shipping"] == 495
    for version, status in enumerate(("SUBMITTED", "PLACED", "RESERVED", "CONFIRMED"), 1):
        if status != "SUBMITTED":
            assert table.follow(told(order, status, version))
        lines = seen(call, order)["lines"]
        assert {line["toyId"]: line["fulfilment"] for line in lines} == ways
        known = status in ("RESERVED", "CONFIRMED")
        assert {line["category"] for line in lines} == {"Outdoor" if known else None}


def test_what_is_told_of_a_line_counts_once_it_is_set_aside(call: Call, table: PublicTable) -> None:
    """The toy was made a download after the order was submitted."""
    order = bought(call, "kite")
    line = order["lines"][0] | {"category": "Outdoor", "fulfilment": "digital"}
    assert table.follow(told(order, "RESERVED", lines=[line]))
    assert seen(call, order)["lines"] == [line]


def test_of_an_order_by_phone_only_what_is_told_is_known() -> None:
    line = {"toyId": "plan", "name": "Plan", "price": 1000, "quantity": 1}
    order = {
        "orderId": "o",
        "lines": [line | {"category": "Outdoor", "fulfilment": "digital"}],
        "shippingAddress": ADDRESS,
        "currency": "EUR",
        "shipping": 0,
        "net": 870,
        "tax": 130,
        "gross": 1000,
        "taxRate": "0.15",
    }
    assert not Order(projection=told(order, "RESERVED")).has_parcel
    assert Order(projection=told(order, "PLACED")).has_parcel


def test_downloads_alone_are_shipped_for_nothing(call: Call) -> None:
    order = bought(call, "plan")
    assert (order["shipping"], order["gross"]) == (0, 1000)


@pytest.mark.parametrize(
    ("toys", "status", "too_late"),
    [
        (("plan",), "RESERVED", False),
        (("plan",), "CONFIRMED", True),
        (("plan",), "DELIVERED", True),
        (("plan", "kite"), "CONFIRMED", False),
        (("plan", "kite"), "DISPATCHED", True),
        (("kite",), "CONFIRMED", False),
    ],
)
def test_downloads_that_are_paid_cannot_be_cancelled(
    call: Call, table: PublicTable, toys: tuple[str, ...], status: str, too_late: bool
) -> None:
    order = bought(call, *toys)
    assert table.follow(told(order, status))
    answered, answer, _ = call("POST", f"/orders/{order['orderId']}/cancellation")
    assert answered == (409 if too_late else 202)
    if too_late:
        assert answer["error"]["code"] == "TOO_LATE"
        back = "Send it back" in answer["error"]["message"]
        assert back == ("kite" in toys)
    else:
        assert answer["cancellation"]["outcome"] == "REQUESTED"


def test_a_wish_that_came_too_late_for_downloads_says_so(call: Call, table: PublicTable) -> None:
    order = bought(call, "plan")
    assert call("POST", f"/orders/{order['orderId']}/cancellation")[0] == 202
    assert table.follow(told(order, "CONFIRMED"))
    assert seen(call, order)["cancellation"]["outcome"] == "TOO_LATE"
    # It could not be mailed after all.
    assert table.follow(told(order, "CANCELLED", 2, reason="UNDELIVERABLE"))
    assert seen(call, order)["cancellation"]["outcome"] == "CANCELLED"


def test_what_is_to_come_by_parcel_too_cannot_be_cancelled_once_the_downloads_are_mailed(
    call: Call, table: PublicTable
) -> None:
    order = bought(call, "kite", "plan")
    assert not order["downloadsMailed"]
    path = f"/orders/{order['orderId']}/cancellation"
    assert table.follow(told(order, "CONFIRMED", downloadsMailed=True))
    assert seen(call, order)["downloadsMailed"]
    status, answer, _ = call("POST", path)
    assert (status, answer["error"]["code"]) == (409, "TOO_LATE")
    said = answer["error"]["message"]
    assert "downloads" in said
    assert "left on" not in said
    assert table.follow(told(order, "CANCELLED", 2, downloadsMailed=True, reason="UNDELIVERABLE"))
    status, answer, _ = call("POST", path)
    assert (status, answer["cancellation"]) == (202, None)


def test_a_wish_that_came_while_the_downloads_were_mailed_is_answered(
    call: Call, table: PublicTable
) -> None:
    order = bought(call, "kite", "plan")
    assert table.follow(told(order, "CONFIRMED"))
    assert call("POST", f"/orders/{order['orderId']}/cancellation")[0] == 202
    assert seen(call, order)["cancellation"]["outcome"] == "REQUESTED"
    assert table.follow(told(order, "CONFIRMED", 2, downloadsMailed=True))
    assert seen(call, order)["cancellation"]["outcome"] == "TOO_LATE"


def test_a_download_that_could_not_be_sent_says_so(call: Call, table: PublicTable) -> None:
    order = bought(call, "kite", "plan")
    lines = [line | {"undeliverable": line["toyId"] == "plan"} for line in order["lines"]]
    assert [line["undeliverable"] for line in order["lines"]] == [False, False]
    assert table.follow(told(order | {"lines": lines}, "DELIVERED"))
    shown = seen(call, order)
    assert {n["toyId"]: n["undeliverable"] for n in shown["lines"]} == {"kite": False, "plan": True}


def test_downloads_are_soon_there(call: Call, table: PublicTable) -> None:
    plan = bought(call, "plan")
    assert table.follow(told(plan, "CONFIRMED"))
    assert call("GET", f"/orders/{plan['orderId']}")[2]["Retry-After"] == ["1"]


@given(
    ways=st.lists(st.sampled_from(Fulfilment), min_size=1, max_size=4),
    known=st.booleans(),
    mailed=st.booleans(),
    status=st.sampled_from(STATUSES),
)
def test_the_rule_of_what_has_left(
    ways: list[Fulfilment], known: bool, mailed: bool, status: str
) -> None:
    lines = [
        {"toyId": f"{n}", "name": "", "price": 1, "quantity": 1, "fulfilment": way}
        for n, way in enumerate(ways)
    ]
    purchase = {
        "orderId": "o",
        "customerId": "c",
        "lines": lines,
        "shippingAddress": ADDRESS,
        "currency": "EUR",
        "shipping": 0,
        "net": 1,
        "tax": 0,
        "gross": len(ways),
        "taxRate": "0",
    }
    sent = purchase | {
        "email": "",
        "paymentMethodId": "pm_1",
        "submittedAt": now(),
        "fingerprint": "",
    }
    projection = told(purchase, status, downloadsMailed=mailed)
    if not known:
        unknown = tuple(line.model_copy(update={"category": None}) for line in projection.lines)
        projection = projection.model_copy(update={"lines": unknown})
    order = Order(submission=Submission.model_validate(sent), projection=projection)
    assert [line.fulfilment for line in order.lines] == ways
    gone = status in ("DISPATCHED", "DELIVERED")
    gone |= status == "CONFIRMED" and (mailed or Fulfilment.PARCEL not in ways)
    assert order.left == gone
    assert (order.outcome is Outcome.TOO_LATE) == gone
    if gone:
        with pytest.raises(TooLate):
            cancel(order, None, now())
    else:
        asked = cancel(order, None, now())
        assert (asked is None) == (status in ("CANCELLING", "CANCELLED"))


# Refunds


def test_refunds_are_shown_one_by_one_and_together(call: Call, table: PublicTable) -> None:
    order = bought(call, "kite")
    assert (order["refund"], order["refunds"]) == (None, [])
    parts = [
        {"refundId": f"r-{n}", "amount": n * 100, "requestedAt": f"2026-01-0{n}T10:00:00.000Z"}
        for n in (1, 2)
    ]
    parts[1]["refundId"] = "by-hand"
    for version, (asked, status) in enumerate(((1, "PENDING"), (2, "PENDING"), (2, "REFUNDED")), 1):
        total = {"amount": sum(part["amount"] for part in parts[:asked]), "status": status}  # type: ignore[misc]
        state = told(order, "DELIVERED", version, refund=total, refunds=parts[:asked])
        assert table.follow(state)
        shown = seen(call, order)
        assert (shown["refund"], shown["refunds"]) == (total, parts[:asked])


# The address


def test_the_address_is_the_one_that_was_told_last(call: Call, table: PublicTable) -> None:
    order = bought(call, "kite")
    cork = ADDRESS | {"city": "Cork", "postalCode": "T12"}
    moved = told(order, "CONFIRMED", 3, shippingAddress=cork)
    assert table.follow(told(order, "CONFIRMED", 2))
    assert table.follow(moved)
    assert not table.follow(told(order, "RESERVED", 1))
    assert seen(call, order)["shippingAddress"] == cork
    # The same request finds its order all the same.
    assert bought(call, "kite")["orderId"] == order["orderId"]


# Who cancelled it


def test_an_order_that_the_shop_cancelled_says_so(call: Call, table: PublicTable) -> None:
    order = bought(call, "kite")
    refund = {"amount": order["gross"], "status": "PENDING"}
    assert table.follow(told(order, "CANCELLED", reason="SHOP", refund=refund))
    shown = seen(call, order)
    assert (shown["status"], shown["reason"], shown["refund"]) == ("CANCELLED", "SHOP", refund)
    assert call("POST", f"/orders/{order['orderId']}/cancellation")[1]["cancellation"] is None


# The locale


@pytest.mark.parametrize("locale", ["en", "de-DE", "zh-Hant-TW", "es-419", "de-DE-1996"])
def test_the_shoppers_locale_goes_along(call: Call, table: PublicTable, locale: str) -> None:
    order = bought(call, "kite", locale=locale)
    kept = table.order(ADA["sub"], order["orderId"])
    assert kept
    (message,) = of_order(None, kept)
    assert message.model_dump()["data"]["locale"] == locale


def test_a_shopper_who_names_no_locale_has_one(call: Call, table: PublicTable) -> None:
    kept = table.order(ADA["sub"], bought(call, "kite")["orderId"])
    assert kept
    (message,) = of_order(None, kept)
    assert message.model_dump()["data"]["locale"] == "en"


@pytest.mark.parametrize(
    ("locale", "status"),
    [("", 422), ("english", 422), ("en_IE", 422), ("en-", 422), ("en-US-u-hc-h12", 422), (1, 400)],
)
def test_what_is_no_locale_is_told(call: Call, locale: Any, status: int) -> None:
    body = {
        "lines": [{"toyId": "kite", "quantity": 1}],
        "shippingAddress": ADDRESS,
        "paymentMethodId": "pm_card_visa",
        "locale": locale,
    }
    answered, problem, _ = call("POST", "/orders", body)
    assert (answered, "locale" in problem["error"]["message"]) == (status, True)


# What is told


def test_all_of_it_is_taken_from_the_message(
    call: Call, sample: Sample, context: Any, table: PublicTable
) -> None:
    event = sample("inbox-OrderConfirmed")
    body = json.loads(event["Records"][0]["body"])
    data = body["detail"]["data"]
    own = {"category": "Paper", "fulfilment": "digital", "undeliverable": True}
    lines = [line | own for line in data["lines"]]
    more = {
        "lines": lines,
        "refund": {"amount": 5, "status": "PENDING"},
        "refunds": [{"refundId": "r", "amount": 5, "requestedAt": "2026-01-05T10:00:00.000Z"}],
        "downloadsMailed": True,
    }
    body["detail"]["data"] = data | more
    event["Records"][0]["body"] = json.dumps(body)
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    kept = table.order(data["customerId"], data["orderId"])
    assert kept
    assert kept.projection
    shown = json.loads(kept.shown.model_dump_json())
    assert {name: shown[name] for name in more} == more


def test_an_order_of_which_less_is_told_goes_by_parcel(sample: Sample) -> None:
    data = json.loads(sample("inbox-OrderConfirmed")["Records"][0]["body"])["detail"]["data"]
    data.pop("refunds", None)
    for line in data["lines"]:
        line.pop("category", None)
        line.pop("fulfilment", None)
        line.pop("undeliverable", None)
    data.pop("downloadsMailed", None)
    state = OrderState.model_validate(data)
    assert {line.fulfilment for line in state.lines} == {Fulfilment.PARCEL}
    assert not any(line.undeliverable for line in state.lines)
    assert (state.refunds, state.downloads_mailed) == ((), False)
