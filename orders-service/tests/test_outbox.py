"""The outbox, fed with real changes of the table."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from boto3.dynamodb.types import TypeSerializer
from botocore.stub import ANY, Stubber
from orders import bus, outbox, tracing
from orders.downloads import Download
from orders.facts import Facts, PaymentAction, Reason
from orders.items import Change
from orders.message import Message
from orders.messages import SENDS, of_order, republished
from orders.order import Order
from orders.purchase import HeldLine, PurchaseRequest, tax_within
from orders.raised import MessageError, of_letter
from orders.refunds import MOST_REFUNDS, StaffRefund
from orders.republication import Republication
from orders.sent import OrderRepublished

Sample = Callable[[str], dict[str, Any]]

LONG_AGO = datetime(2026, 1, 5, 10, tzinfo=UTC)

CHANGES = sorted(path.stem for path in (Path(__file__).parent.parent / "events").glob("outbox-*"))


def published(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """The entries that the outbox puts on the bus for an invocation."""
    calls: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params)

    with Stubber(outbox.events) as stub:
        for _ in range(2):
            stub.add_response(
                "put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY}
            )
        outbox.events.meta.events.register_first("provide-client-params.events.PutEvents", note)
        outbox.handler(event, context)
        outbox.events.meta.events.unregister("provide-client-params.events.PutEvents", note)
    return [entry for call in calls for entry in call["Entries"]]


def test_there_is_a_sample_change_for_every_message_sent() -> None:
    told = {model.__name__ for model in SENDS} - {OrderRepublished.__name__}
    assert sorted(f"outbox-{name}" for name in told) == CHANGES


@pytest.mark.parametrize("change", CHANGES)
def test_publishes_the_same_messages_for_the_same_change(
    sample: Sample, context: Any, change: str
) -> None:
    event = sample(change)
    entries = published(event, context)
    assert published(event, context) == entries
    assert change.removeprefix("outbox-") in [entry["DetailType"] for entry in entries]
    assert {entry["Source"] for entry in entries} == {"tbs.orders"}
    assert {entry["EventBusName"] for entry in entries} == {"default"}
    ids = [json.loads(entry["Detail"])["metadata"]["id"] for entry in entries]
    assert len(set(ids)) == len(ids)
    item = DynamoDBRecord(event["Records"][0]).dynamodb.new_image  # type: ignore[union-attr]
    for entry in entries:
        detail = json.loads(entry["Detail"])
        told = detail["metadata"]
        aggregate = item["orderId"] if "version" in item else item["errorId"]
        alone = f"{aggregate}:{told['version']}:{entry['DetailType']}"
        assert told["id"] == alone or told["id"].startswith(f"{alone}:")
        assert told["correlationId"] == item.get("correlationId", item.get("orderId", aggregate))
        assert told["version"] <= item.get("version", 1)


def data(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (entry,) = [entry for entry in entries if entry["DetailType"] == name]
    told: dict[str, Any] = json.loads(entry["Detail"])["data"]
    return told


def test_tells_the_whole_order_but_not_how_it_is_paid(sample: Sample, context: Any) -> None:
    told = data(published(sample("outbox-OrderPlaced"), context), "OrderPlaced")
    assert told.keys() == {
        *("orderId", "customerId", "email", "lines", "shippingAddress", "currency", "shipping"),
        *("net", "tax", "gross", "taxRate", "status", "reason", "history", "carrier"),
        *("trackingNumber", "paymentAction", "refund", "refunds", "deadline", "placedAt"),
        *("updatedAt", "downloadsMailed"),
    }
    assert told["lines"][0].keys() == {
        *("toyId", "name", "price", "quantity", "category", "fulfilment", "undeliverable"),
    }
    assert (told["lines"][0]["category"], told["lines"][0]["fulfilment"]) == (None, "parcel")
    assert told["refunds"] == []
    assert (told["status"], told["reason"], told["carrier"]) == ("PLACED", None, None)
    assert told["history"] == [{"status": "PLACED", "at": told["placedAt"]}]


def test_asks_for_the_gross_amount(sample: Sample, context: Any) -> None:
    told = data(published(sample("outbox-CollectPayment"), context), "CollectPayment")
    lines = sum(line["price"] * line["quantity"] for line in told["lines"])
    assert told["amount"] == lines + told["shipping"] == told["net"] + told["tax"]
    assert told["paymentMethodId"]


def test_tells_the_shopper_why_an_order_was_cancelled(sample: Sample, context: Any) -> None:
    entries = published(sample("outbox-OrderCancelled"), context)
    order, mail = data(entries, "OrderCancelled"), data(entries, "SendEmail")
    assert mail == {
        "to": order["email"],
        "locale": "en",
        "content": {
            "template": "order-cancelled",
            "orderId": order["orderId"],
            "reason": order["reason"],
        },
    }
    assert data(entries, "ReleaseStock") == {"orderId": order["orderId"]}


def test_tells_the_shopper_how_to_follow_the_parcel(sample: Sample, context: Any) -> None:
    entries = published(sample("outbox-OrderDispatched"), context)
    order = data(entries, "OrderDispatched")
    mails = [json.loads(e["Detail"])["data"] for e in entries if e["DetailType"] == "SendEmail"]
    assert mails[0]["content"] == {
        "template": "order-dispatched",
        "orderId": order["orderId"],
        "carrier": order["carrier"],
        "trackingNumber": order["trackingNumber"],
    }


def test_says_nothing_of_a_change_that_is_no_new_version(sample: Sample, context: Any) -> None:
    event = sample("outbox-OrderCancelled")
    change = event["Records"][0]["dynamodb"]
    change["OldImage"] = change["NewImage"]
    assert published(event, context) == []


def image(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """An item, as the stream shows it."""
    if record is None:
        return None
    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in record.items()}


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """The invocation that a change of an item leads to."""
    images = {"OldImage": image(old), "NewImage": image(new)}
    told = {name: item for name, item in images.items() if item is not None}
    return {"Records": [{"eventName": "MODIFY", "dynamodb": told}]}


Items = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def items(tell: Callable[..., None]) -> Items:
    """What the table holds after each of these messages: the order's item."""

    def after(*names: str) -> list[dict[str, Any]]:
        kept = []
        for name in names:
            tell(name)
            (item,) = boto3.resource("dynamodb").Table("Table").scan()["Items"]
            kept.append(item)
        return kept

    return after


def sent(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["DetailType"] for entry in entries]


def test_tells_what_the_shopper_has_to_do(items: Items, told: Sample, context: Any) -> None:
    *_, before, after = items("PlaceOrder", "StockReserved", "PaymentActionRequired")
    entries = published(change(before, after), context)
    assert sent(entries) == ["OrderUpdated"]
    assert data(entries, "OrderUpdated")["paymentAction"] == {
        name: told("PaymentActionRequired")[name] for name in ("clientSecret", "url")
    }


def test_asks_for_the_parcel_to_be_stopped(items: Items, context: Any) -> None:
    story = ("PlaceOrder", "StockReserved", "PaymentCollected", "CancelOrder")
    *_, before, after = items(*story)
    entries = published(change(before, after), context)
    assert sent(entries) == ["OrderUpdated", "CancelShipment"]
    updated = data(entries, "OrderUpdated")
    assert (updated["status"], updated["reason"]) == ("CANCELLING", None)
    assert data(entries, "CancelShipment") == {"orderId": updated["orderId"]}


def test_tells_of_a_refund_that_was_recorded(items: Items, context: Any) -> None:
    story = ("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed")
    *_, before, after, refunded = items(*story, "PaymentRefunded")
    entries = published(change(before, after), context)
    order = data(entries, "OrderCancelled")
    assert order["refund"] == {"amount": order["gross"], "status": "PENDING"}
    assert data(entries, "RefundPayment")["reason"] == "UNDELIVERABLE"
    entries = published(change(after, refunded), context)
    assert sent(entries) == ["OrderUpdated"]
    assert data(entries, "OrderUpdated")["refund"]["status"] == "REFUNDED"


def test_says_nothing_of_a_request_to_cancel_until_its_order_comes(
    items: Items, context: Any
) -> None:
    request, order = items("CancelOrder", "PlaceOrder")
    assert published(change(None, request), context) == []
    entries = published(change(request, order), context)
    assert sent(entries) == [
        *("OrderPlaced", "ReserveStock"),
        *("OrderCancelled", "SendEmail", "ReleaseStock"),
    ]
    placed, cancelled = data(entries, "OrderPlaced"), data(entries, "OrderCancelled")
    assert (placed["status"], placed["reason"]) == ("PLACED", None)
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "CUSTOMER")
    assert published(change(request, None), context) == []


NAME = "\x01" * 120
"""The longest name there may be, each character of which takes six bytes in JSON."""


def longest() -> Order:
    """The largest order that the models take."""
    lines = [
        {"toyId": f"{n:#>100}", "name": NAME, "price": 20_000, "quantity": 99} for n in range(50)
    ]
    gross = 50 * 99 * 20_000
    purchase = PurchaseRequest.model_validate(
        {
            "orderId": "o" * 100,
            "customerId": "c" * 100,
            "email": "\x01" * 254,
            "lines": lines,
            "shippingAddress": {
                **dict.fromkeys(("name", "line1", "line2", "city"), NAME),
                "postalCode": NAME[:20],
                "country": NAME[:2],
            },
            "paymentMethodId": "\x01" * 255,
            "currency": "EUR",
            "shipping": 0,
            "net": gross - tax_within(gross, "0.9999"),
            "tax": tax_within(gross, "0.9999"),
            "gross": gross,
            "taxRate": "0.9999",
            "submittedAt": LONG_AGO,
        }
    )
    patience = timedelta(minutes=15)
    return Order.place(purchase, "o" * 100, f"{'o' * 100}:1:PlaceOrder", LONG_AGO, patience)


def story() -> list[Message]:
    """All that the largest order may send, and that it is told again."""
    order = longest()
    action = PaymentAction(client_secret="s" * 500, url="u" * 2000)
    parcel = Facts(carrier="\x01" * 60, tracking_number="\x01" * 60, reason=Reason.UNDELIVERABLE)
    digital = tuple(
        HeldLine(
            toy_id=line.toy_id,
            category="\x01" * 60,
            fulfilment="digital" if number % 49 else "parcel",
            file_id="f" * 36,
        )
        for number, line in enumerate(order.lines)
    )
    url = f"https://files.example.com/shared/{'s' * 2967}"
    refund = StaffRefund(
        refund_id="r" * 26,
        amount=1,
        reason="\x01" * 200,
        requested_at=LONG_AGO,
        version=0,
        fingerprint="f" * 64,
    )
    elsewhere = order.shipping_address.model_copy(update={"city": "x"})
    facts = [
        ("StockReserved", Facts(held=digital)),
        ("PaymentActionRequired", Facts(payment_action=action)),
        ("PaymentCollected", Facts(collected=True)),
        *(
            ("RefundAsked", Facts(refund=refund.model_copy(update={"version": 5 + number})))
            for number in range(MOST_REFUNDS)
        ),
        ("AddressChanged", Facts(wanted=elsewhere)),
        *(
            ("FileShared", Facts(download=Download(line=number, url=url, expires_at=LONG_AGO)))
            for number in range(2, 49)
        ),
        ("CancelOrder", Facts()),
        ("ShipmentDispatched", parcel),
        ("FileShared", Facts(download=Download(line=49, url=url, expires_at=LONG_AGO))),
        ("ShipmentFailed", parcel),
        ("PaymentRefunded", Facts(refunded=order.gross)),
    ]
    sent = of_order(None, order)
    for name, told in facts:
        after = order.hear(name, told, f"{'o' * 100}:1:{name}", LONG_AGO)
        assert isinstance(after, Order), name
        sent += of_order(order, after)
        order = after
    asked = Republication.begin("r" * 100, f"{'r' * 100}:1:RepublishOrders", LONG_AGO)
    letter = of_letter("m" * 36, "", "POISON_MESSAGE", "\x01" * 1000, LONG_AGO)
    trace = "t" * tracing.LONGEST
    return [each.traced(trace) for each in (*sent, republished(order, asked), letter.told())]


def test_no_call_is_larger_than_the_bus_takes(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an order sends, as often as a batch may bring it; and no more calls than needed."""
    kinds = {type(message).__name__: message for message in story()}
    downloads = next(m for m in story() if m.metadata.id.endswith(":downloads"))
    assert kinds.keys() == {model.__name__ for model in SENDS} - {"OrderDelivered"}
    calls: list[list[dict[str, Any]]] = []

    def put_events(Entries: list[dict[str, Any]]) -> dict[str, int]:  # noqa: N803
        calls.append(Entries)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(outbox.events, "put_events", put_events)
    told = MessageError(**dict(kinds["ErrorRaised"].data), expires_at=0)  # type: ignore[attr-defined]
    monkeypatch.setattr(outbox, "seen", lambda _: Change(None, told, None))
    change = {"eventName": "MODIFY", "dynamodb": {"NewImage": {}}}
    for message in (*kinds.values(), downloads):
        calls.clear()
        monkeypatch.setattr(outbox, "tell", lambda _, message=message: [message])
        outbox.handler({"Records": [change] * 25}, context)
        one = calls[0][0]
        size = len((one["Source"] + one["DetailType"] + one["Detail"]).encode())
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
        together = min(10, 256 * 1024 // size)
        assert [len(entries) for entries in calls] == [
            *[together] * (25 // together),
            *([25 % together] if 25 % together else []),
        ]


def test_says_nothing_of_a_removal(sample: Sample, context: Any) -> None:
    event = sample("outbox-OrderCancelled")
    del event["Records"][0]["dynamodb"]["NewImage"]
    assert published(event, context) == []


def test_raises_when_the_bus_does_not_take_every_message(sample: Sample, context: Any) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as stub:
        stub.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(bus.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-OrderPlaced"), context)
