"""Nobody's data is in any log or trace of all that the other tests did: this file runs last."""

from local import aws
from local.settings import Settings
from local.shopper import Shopper
from tests.e2e.hush import Traces, told
from tests.e2e.shop import SERVICES, Shop


def test_the_logs_of_the_whole_run_tell_of_nobody(
    settings: Settings, shop: Shop, shopper: Shopper, toy: str
) -> None:
    order_id = shopper.order([{"toyId": toy, "quantity": 1}], "pm_card_visa")["orderId"]
    shopper.await_end(order_id)
    shop.await_quiet()
    client = aws.client("logs", settings)
    wrong, read = [], set()
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/tbs/"):
        for group in page["logGroups"]:
            name = group["logGroupName"]
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
            for event in (event for found in pages for event in found["events"]):
                read.add(name.split("/")[2])
                wrong += [f"{name}: {what}" for what in told(event["message"])]
    assert {f"tbs-app-{name}-local" for name in SERVICES} <= read
    assert wrong == []


def test_the_traces_of_the_whole_run_tell_of_nobody(traces: Traces) -> None:
    assert len(traces.heard) > len(SERVICES)
    assert traces.wrong == []


def test_what_must_not_be_told_is_found() -> None:
    for text in (
        '{"email": "ann@example.com"}',
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "card 4242 4242 4242 4242",
        "paid with pm_card_visa",
        "pi_1_secret_2",
        "sk_test_1",
        "whsec_1",
        "https://x/y?X-Amz-Signature=1",
        "https://files.example.com/shared/a1/b2/castle.pdf",
        "to 1 Puzzle Street",
    ):
        assert list(told(text)), text
    assert not list(told('{"message": "order saved", "order_id": "62EYVVHMS7532MPA5VJ5DSVK0Y"}'))
