"""Orders of downloads: alone, and together with a parcel."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from orders import api, inbox, outbox
from orders.facts import Reason
from orders.heard import PlaceOrder
from orders.items import Change
from orders.messages import of_order, republished
from orders.order import Order
from orders.republication import Republication
from orders.saga import Status

Json = dict[str, Any]
Record = Callable[[str], Json]
Hear = Callable[..., None]

URL = "https://files.example.com/shared/a-secret/plan.pdf"


@pytest.fixture
def hear(record: Record, sample: Callable[[str], Json], context: Any) -> Hear:
    """Give the inbox messages: those of a name, or what a name and data make of one."""

    def give(*told: str | tuple[str, Json]) -> None:
        for each in told:
            name, data = each if isinstance(each, tuple) else (each, {})
            known = record(name) if not data else copy.deepcopy(record("PlaceOrder"))
            if data:
                body = json.loads(known["body"])
                body["detail-type"] = name
                body["detail"] |= {"data": data}
                known["body"] = json.dumps(body)
            assert inbox.handler({"Records": [known]}, context) == {"batchItemFailures": []}

    return give


@pytest.fixture
def bought(command: PlaceOrder) -> PlaceOrder:
    assert len(command.data.lines) >= 2, "the sample has a line for a parcel and one for a file"
    return command


def reserved(bought: PlaceOrder, digital: set[int]) -> tuple[str, Json]:
    """All lines are held; those of `digital`, from 1, have a file."""
    lines = [
        {
            "toyId": line.toy_id,
            "quantity": line.quantity,
            "category": "Crafts",
            "fulfilment": "digital" if n in digital else "parcel",
            "fileId": f"file-{n}" if n in digital else None,
        }
        for n, line in enumerate(bought.data.lines, 1)
    ]
    return "StockReserved", {"orderId": bought.data.order_id, "lines": lines}


def shared(bought: PlaceOrder, line: int) -> tuple[str, Json]:
    return "FileShared", {
        "shareId": f"{bought.data.order_id}:{line}",
        "fileId": f"file-{line}",
        "name": "plan.pdf",
        "url": f"{URL}?{line}",
        "expiresAt": "2026-12-21T10:00:00.000Z",
    }


def not_shared(bought: PlaceOrder, line: int) -> tuple[str, Json]:
    share_id = f"{bought.data.order_id}:{line}"
    return "FileNotShared", {"shareId": share_id, "fileId": "file", "reason": "it was deleted"}


def names(before: Order | None, after: Order) -> list[str]:
    return [type(message).__name__ for message in of_order(before, after)]


def told(order: Order) -> Json:
    """What an event tells of an order as it is."""
    asked = Republication.begin("request-1", "cause", order.updated_at)
    data: Json = republished(order, asked).model_dump(mode="json")["data"]
    return data


def every(bought: PlaceOrder) -> set[int]:
    return set(range(1, len(bought.data.lines) + 1))


def test_an_order_of_downloads_is_delivered_by_mail(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    lines = every(bought)
    hear("PlaceOrder", reserved(bought, lines))
    before = kept()
    hear("PaymentCollected")
    confirmed = kept()
    messages = of_order(before, confirmed, days=7)
    share = "ShareFile"
    assert [type(message).__name__ for message in messages] == [
        "OrderConfirmed",
        *[share] * len(lines),
    ]
    assert [message.metadata.id for message in messages[1:]] == [
        f"{confirmed.order_id}:3:ShareFile:{n}" for n in sorted(lines)
    ]
    assert messages[1].model_dump()["data"] == {
        "shareId": f"{confirmed.order_id}:1",
        "fileId": "file-1",
        "days": 7,
    }
    line_1 = messages[0].model_dump()["data"]["lines"][0]
    assert (line_1["category"], line_1["fulfilment"]) == ("Crafts", "digital")
    assert (line_1["undeliverable"], "fileId" in line_1) == (False, False)
    *first, last = sorted(lines)
    for line in first:
        hear(shared(bought, line), shared(bought, line))
        assert kept().status is Status.CONFIRMED
    before = kept()
    assert before.mailed is None
    hear(shared(bought, last))
    delivered = kept()
    assert delivered.status is Status.DELIVERED
    assert names(before, delivered) == ["OrderDelivered", "SendEmail"]
    mail = of_order(before, delivered)[-1]
    assert mail.metadata.id == f"{delivered.order_id}:{delivered.version}:SendEmail:downloads"
    data = mail.model_dump(mode="json")["data"]
    assert data["content"] == {
        "template": "order-downloads",
        "orderId": delivered.order_id,
        "downloads": [
            {"name": line.name, "url": f"{URL}?{n}", "expiresAt": "2026-12-21T10:00:00.000Z"}
            for n, line in enumerate(bought.data.lines, 1)
        ],
    }
    hear(*(shared(bought, line) for line in lines), "CancelOrder")
    assert kept() == delivered


def test_a_mixed_order_is_delivered_when_both_are(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}))
    before = kept()
    hear("PaymentCollected")
    sent = of_order(before, kept())
    assert [type(m).__name__ for m in sent] == ["OrderConfirmed", "ShipOrder", "ShareFile"]
    packed = sent[1].model_dump()["data"]["lines"]
    assert [line["toyId"] for line in packed] == [line.toy_id for line in bought.data.lines[1:]]
    confirmed = kept()
    hear("ShipmentDelivered")
    arrived = kept()
    assert (arrived.status, arrived.arrived) == (Status.DISPATCHED, True)
    assert names(confirmed, arrived) == ["OrderDispatched", "SendEmail"]
    hear("ShipmentDelivered", "ShipmentDispatched")
    assert kept() == arrived
    hear(shared(bought, 1))
    assert kept().status is Status.DELIVERED
    assert names(arrived, kept()) == ["OrderDelivered", "SendEmail", "SendEmail"]
    ids = [message.metadata.id for message in of_order(arrived, kept())]
    assert len(set(ids)) == 3


def test_a_mixed_order_whose_downloads_come_first(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected")
    confirmed = kept()
    hear(shared(bought, 1))
    mailed = kept()
    assert mailed.status is Status.CONFIRMED
    assert names(confirmed, mailed) == ["OrderUpdated", "SendEmail"]
    assert [told(each)["downloadsMailed"] for each in (confirmed, mailed)] == [False, True]
    hear("CancelOrder")
    assert kept() == mailed
    hear("ShipmentDelivered")
    assert names(mailed, kept()) == [
        *("OrderDispatched", "SendEmail", "OrderDelivered", "SendEmail"),
    ]


def test_a_download_that_is_not_mailed_yet_is_no_news(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    """It is kept at a version of its own, of which nobody needs to be told."""
    hear("PlaceOrder", reserved(bought, every(bought)), "PaymentCollected")
    confirmed = kept()
    hear(shared(bought, 1))
    assert kept().version == confirmed.version + 1
    assert names(confirmed, kept()) == []


def test_an_order_tells_when_its_downloads_were_mailed_and_not_before(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    """Where one change takes it through two states, they are mailed with the second."""
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", "CancelOrder", shared(bought, 1))
    stopping = kept()
    hear("ShipmentDelivered")
    events = [m for m in of_order(stopping, kept()) if type(m).__name__.startswith("Order")]
    data = [event.model_dump(mode="json")["data"] for event in events]
    assert [(each["status"], each["downloadsMailed"]) for each in data] == [
        ("DISPATCHED", False),
        ("DELIVERED", True),
    ]


def test_an_order_whose_download_is_gone_is_cancelled(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, every(bought)), "PaymentCollected")
    before = kept()
    hear(not_shared(bought, 1))
    assert (kept().status, kept().reason) == (Status.CANCELLED, Reason.UNDELIVERABLE)
    assert names(before, kept()) == ["OrderCancelled", "SendEmail", "ReleaseStock", "RefundPayment"]
    cancelled = kept()
    hear(shared(bought, 2), not_shared(bought, 1))
    assert kept() == cancelled


def test_the_parcel_of_an_order_whose_download_is_gone_is_stopped(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected")
    before = kept()
    hear(not_shared(bought, 1))
    assert names(before, kept()) == ["OrderUpdated", "CancelShipment"]
    hear("ShipmentCancelled")
    assert (kept().status, kept().reason) == (Status.CANCELLED, Reason.UNDELIVERABLE)


def test_a_parcel_that_has_left_is_delivered_without_the_download(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", not_shared(bought, 1))
    hear("ShipmentDispatched")
    left = kept()
    hear("ShipmentDelivered")
    assert (kept().status, kept().mailed) == (Status.DELIVERED, None)
    assert names(left, kept()) == ["OrderDelivered", "SendEmail"]
    data = told(kept())
    lost = [n for n, line in enumerate(data["lines"], 1) if line["undeliverable"]]
    assert (data["downloadsMailed"], lost) == (False, [1])


def test_a_download_that_is_gone_is_told_though_the_order_stays_where_it_is(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", "ShipmentDispatched")
    left = kept()
    hear(not_shared(bought, 1))
    assert kept().status is Status.DISPATCHED
    assert names(left, kept()) == ["OrderUpdated"]
    assert [line["undeliverable"] for line in told(kept())["lines"]][:2] == [True, False]


def test_downloads_are_mailed_once_a_parcel_that_was_to_be_stopped_has_left(
    bought: PlaceOrder, hear: Hear, kept: Callable[[], Order]
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", "CancelOrder")
    hear(shared(bought, 1))
    stopping = kept()
    assert stopping.mailed is None
    hear("ShipmentDispatched")
    assert names(stopping, kept()) == ["OrderDispatched", "SendEmail", "SendEmail"]


def test_where_a_download_is_nobody_learns_but_the_shopper(
    bought: PlaceOrder,
    hear: Hear,
    kept: Callable[[], Order],
    sample: Callable[[str], Json],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", shared(bought, 1))
    event = sample("api-get-order") | {"path": f"/orders/{bought.data.order_id}"}
    order = json.loads(api.handler(event, context)["body"])
    expires = "2026-12-21T10:00:00.000Z"
    assert order["downloads"] == [{"line": 1, "expiresAt": expires, "failure": None}]
    mail = of_order(None, kept())[-1]
    monkeypatch.setattr(outbox, "seen", lambda _: Change(None, kept(), None))
    monkeypatch.setattr(outbox, "tell", lambda _: [mail])
    monkeypatch.setattr(outbox.bus, "put", lambda _: None)
    outbox.handler({"Records": [{"dynamodb": {}}]}, context)
    assert "a-secret" in mail.model_dump_json()
    assert "a-secret" not in repr(kept()) + repr(mail) + "".join(capfd.readouterr())
    (download,) = kept().downloads
    assert download.url == f"{URL}?1"


def test_a_digital_toy_without_a_file_is_a_dead_letter(
    bought: PlaceOrder, hear: Hear, dead_letters: Callable[[], list[tuple[str, str | None]]]
) -> None:
    name, data = reserved(bought, {1})
    data["lines"][0]["fileId"] = None
    hear("PlaceOrder", (name, data))
    ((_, reason),) = dead_letters()
    assert reason
    assert "has no file" in reason


@pytest.mark.parametrize("line", [2, 60])
def test_a_share_of_what_is_no_download_is_a_dead_letter(
    bought: PlaceOrder,
    hear: Hear,
    dead_letters: Callable[[], list[tuple[str, str | None]]],
    line: int,
) -> None:
    hear("PlaceOrder", reserved(bought, {1}), "PaymentCollected", shared(bought, line))
    assert [reason for _, reason in dead_letters()] == [f"line {line} is not a download"]
