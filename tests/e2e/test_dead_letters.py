"""Poison is set aside with its reason, `dlq` lists it, and `redrive` sends it back."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local import aws, letters, managers, webhooks
from local.bus import BusWatch
from local.errors import LocalError
from local.progress import Progress, console
from local.services import select
from local.settings import ROOT, Settings
from local.shopper import Shopper
from local.stripe.webhooks import sign
from tests.e2e.shop import Shop, eventually


@pytest.fixture(autouse=True)
def no_letters(settings: Settings, shop: Shop) -> Iterator[None]:
    """No dead letters before; those made here are thrown away after."""
    assert shop.dead_letters() == {}
    yield
    shop.await_quiet()
    sqs = aws.client("sqs", settings)
    for name in shop.dead_letters():
        sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def said(settings: Settings) -> str:
    """What `make dlq` prints."""
    with console.capture() as captured:
        letters.show(settings, select(), "local")
    return captured.get()


def listed(settings: Settings, lines: int) -> list[str]:
    """What `make dlq` prints, once it tells of so many letters."""
    found = eventually(lambda: f"\n{lines} dead letter" in (text := said(settings)) and text)
    assert found, said(settings)
    return str(found).splitlines()


def redriven(settings: Settings, service: str, queue: str = "InboxDeadLetters") -> int:
    """How many letters `make redrive` sends back."""
    with Progress() as progress:
        return letters.redrive(settings, select([service])[0], "local", queue, progress)


def line(lines: list[str], *parts: str) -> None:
    assert any(all(part in one for part in parts) for one in lines), "\n".join(lines)


def message(source: str, name: str, order_id: str, data: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "id": f"{order_id}:2:{name}",
        "correlationId": order_id,
        "causationId": None,
        "occurredAt": "2026-11-21T10:00:00.000Z",
        "version": 2,
    }
    detail = {"metadata": metadata, "data": {"orderId": order_id} | data}
    return {"source": source, "detail-type": name, "detail": detail}


def test_nothing_lies_there(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "dlq"],
        cwd=ROOT,
        env=os.environ | settings.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "No dead letters" in done.stdout


@pytest.fixture
def manager(settings: Settings, customer: Shopper) -> Shopper:
    """An account that may see the reports and the errors."""
    managers.appoint(settings, "local", customer.email)
    return Shopper.log_in(settings, customer.email)


def test_poison_is_told_with_its_reason(settings: Settings, shop: Shop, manager: Shopper) -> None:
    ghost = uuid.uuid4().hex
    aws.client("sqs", settings).send_message(
        QueueUrl=shop.queue("notification", "Inbox"), MessageBody="mail sam@example.com!"
    )
    wrong = message("tbs.orders", "ReserveStock", ghost, {"lines": "sam@example.com"})
    unknown = message("tbs.fulfilment", "ShipmentDelivered", ghost, {"status": "DELIVERED"})
    unknown["detail"]["data"] |= {
        "carrier": "Test",
        "trackingNumber": "1",
        "dispatchedAt": "2026-11-21T10:00:00.000Z",
        "deliveredAt": "2026-11-21T10:00:00.000Z",
    }
    body = json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "payment_intent.succeeded",
            "data": {"object": {"object": "payment_intent", "metadata": {"orderId": ghost}}},
        }
    )
    shop.send([wrong, unknown])
    signature = sign(body, webhooks.SECRET, int(time.time()))
    assert shop.webhook(body, signature).status_code == 200
    lines = listed(settings, 4)
    line(lines, "notification", "InboxDeadLetters", "not JSON")
    line(lines, "toys", "ReserveStock", ghost, "validation errors")
    line(lines, "orders", "ShipmentDelivered", ghost, "is about order")
    line(lines, "payments", "WebhookDeadLetters", "payment_intent.succeeded", ghost)
    assert "sam@example.com" not in "\n".join(lines)
    listed(settings, 4)  # they are still there
    told = {
        ("notification", None),
        ("toys", ghost),
        ("orders", ghost),
        ("payments", ghost),
    }
    assert eventually(lambda: poison_seen(manager) >= told), poison_seen(manager)


def poison_seen(manager: Shopper) -> set[tuple[str, str | None]]:
    """The service and the order of what managers are told was refused."""
    page = manager.request("GET", "/errors?kind=SYSTEM").json()
    assert "sam@example.com" not in str(page)
    return {
        (one["service"], one["orderId"]) for one in page["items"] if one["code"] == "POISON_MESSAGE"
    }


def test_poison_goes_back_and_comes_again(settings: Settings, shop: Shop) -> None:
    sqs = aws.client("sqs", settings)
    for number in range(12):
        sqs.send_message(QueueUrl=shop.queue("toys", "Inbox"), MessageBody=f"no JSON {number}")
    listed(settings, 12)
    assert redriven(settings, "toys") == 12
    shop.await_quiet()
    listed(settings, 12)  # it was poison, and is


def test_what_was_mended_goes_on(
    settings: Settings, shop: Shop, shopper: Shopper, bus: BusWatch
) -> None:
    toy = shop.new_toy(stock=10)
    assert eventually(lambda: shopper.request("GET", f"/toys/{toy}").status_code == 200)
    order_id = shopper.order([{"toyId": toy, "quantity": 2}], "pm_card_visa")["orderId"]
    shopper.await_end(order_id)
    (reserve,) = [m.event for m in bus.read_until_quiet() if m.name == "ReserveStock"]
    ghost = uuid.uuid4().hex
    letter = json.dumps(reserve).replace(order_id, ghost)
    aws.client("sqs", settings).send_message(
        QueueUrl=shop.queue("toys", "InboxDeadLetters"), MessageBody=letter
    )
    assert shop.toy(toy)["stock"] == 8
    line(listed(settings, 1), "toys", "ReserveStock", ghost, "failed 10 times: see the log")
    assert redriven(settings, "toys") == 1
    assert eventually(lambda: shop.toy(toy)["stock"] == 6)
    # Of what toys then tells, orders knows nothing.
    line(listed(settings, 1), "orders", "StockReserved", ghost, "is about order")


def test_what_cannot_go_back(settings: Settings) -> None:
    with pytest.raises(LocalError, match="is empty: nothing to send back"):
        redriven(settings, "toys")
    with pytest.raises(LocalError, match=r"docs/operations\.md"):
        redriven(settings, "orders", "OutboxDeadLetters")


def test_a_forged_webhook_is_taken_and_forgotten(shop: Shop, shopper: Shopper) -> None:
    body = json.dumps({"id": "evt_2", "object": "event", "type": "payment_intent.succeeded"})
    for signature in (None, "", "t=1,v1=0", sign(body, "whsec_other", int(time.time()))):
        assert shop.webhook(body, signature).status_code == 200
    shop.await_quiet()
    assert shop.dead_letters() == {}
