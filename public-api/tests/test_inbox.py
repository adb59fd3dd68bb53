"""The inbox, fed with real messages: once, twice, late and in every order."""

import copy
import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from public_api import delivery, inbox, outbox
from public_api.checkout import Shopper, identify
from public_api.messages import Heard, parse
from public_api.model import now
from public_api.order import Cancellation, Order, OrderState, Submission
from public_api.table import PublicTable

Sample = Callable[[str], dict[str, Any]]
Queued = Callable[..., dict[str, Any]]
Letters = Callable[[], list[tuple[str, str]]]

TOYS = ("ToyCreated", "ToyUpdated", "ToyDeleted")
ORDERS = (
    "OrderPlaced",
    "OrderConfirmed",
    "OrderDispatched",
    "OrderDelivered",
    "OrderCancelled",
    "OrderUpdated",
)


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def table() -> PublicTable:
    return PublicTable("Table")


def message(event: dict[str, Any]) -> Heard:
    """The message in an invocation of one record."""
    return parse(event["Records"][0]["body"])


def rewritten(event: dict[str, Any], version: int | None = None, **data: Any) -> dict[str, Any]:
    """The same invocation, with another version and other data in its message."""
    event = copy.deepcopy(event)
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"] |= data
    if version:
        body["detail"]["metadata"]["version"] = version
    event["Records"][0]["body"] = json.dumps(body)
    return event


SECRET = "pi_1_secret_hush"


def updated(sample: Sample, version: int = 2, **data: Any) -> dict[str, Any]:
    """An order's OrderUpdated: it waits for its shopper to authenticate the payment."""
    event = sample("inbox-OrderPlaced")
    at = json.loads(event["Records"][0]["body"])["detail"]["data"]["updatedAt"]
    waiting = {
        "status": "RESERVED",
        "reason": None,
        "history": [{"status": "PLACED", "at": at}, {"status": "RESERVED", "at": at}],
        "paymentAction": {"clientSecret": SECRET, "url": "https://pay.example.com/1"},
        "refund": None,
        "deadline": "2026-01-05T10:45:27.250Z",
    }
    event = rewritten(event, version, **waiting | data)
    body = json.loads(event["Records"][0]["body"]) | {"detail-type": "OrderUpdated"}
    body["detail"]["metadata"]["id"] = f"{body['detail']['data']['orderId']}:2:OrderUpdated"
    event["Records"][0]["body"] = json.dumps(body)
    return event


@pytest.fixture
def put_off() -> Iterator[dict[str, int]]:
    """The seconds that messages in the queue are put off for, by their receipt handles."""
    waits: dict[str, int] = {}

    def keep(params: dict[str, Any], **_: Any) -> None:
        assert params["QueueUrl"] == os.environ["QUEUE_URL"]
        waits[params["ReceiptHandle"]] = params["VisibilityTimeout"]

    hook = "provide-client-params.sqs.ChangeMessageVisibility"
    inbox.processor._sqs.meta.events.register(hook, keep)
    yield waits
    inbox.processor._sqs.meta.events.unregister(hook, keep)


def batch(*invocations: dict[str, Any]) -> dict[str, Any]:
    """All their records in one invocation."""
    records = [event["Records"][0] for event in invocations]
    return {"Records": [r | {"messageId": f"message-{n}"} for n, r in enumerate(records)]}


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def order_id(event: dict[str, Any]) -> str:
    """The id of the order of which an invocation tells."""
    data = message(event).data
    assert isinstance(data, OrderState)
    return data.order_id


def order_in(table: PublicTable, event: dict[str, Any]) -> Order:
    """The stored order of which an invocation tells."""
    data = message(event).data
    assert isinstance(data, OrderState)
    order = table.order(data.customer_id, data.order_id)
    assert order
    return order


def items() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("Table").scan()["Items"]


# Orders


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_shown_as_it_was_told(
    table: PublicTable, sample: Sample, context: Any, name: str
) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    seen = order_in(table, event).shown
    state = message(event).data
    assert isinstance(state, OrderState)
    assert seen.model_dump().items() >= state.model_dump(exclude={"customer_id"}).items()
    assert seen.submitted_at is None


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_told_again_changes_nothing(sample: Sample, context: Any, name: str) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    before = items()
    handled(event, context)
    handled(batch(event, event), context)
    assert items() == before
    assert len(before) == 1


def test_no_address_to_write_to_is_kept_of_what_is_told(sample: Sample, context: Any) -> None:
    event = rewritten(sample("inbox-OrderPlaced"), email="secret@example.com")
    handled(event, context)
    assert "secret@example.com" not in str(items())


def test_a_payment_that_waits_for_its_shopper_is_shown_and_goes_again(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    handled(sample("inbox-OrderPlaced"), context)
    waiting = updated(sample)
    handled(waiting, context)
    seen = order_in(table, waiting).shown.model_dump(mode="json")
    assert seen["status"] == "RESERVED"
    assert seen["paymentAction"] == {"clientSecret": SECRET, "url": "https://pay.example.com/1"}
    assert seen["deadline"] == "2026-01-05T10:45:27.250Z"
    paid = updated(sample, 3, status="CONFIRMED", paymentAction=None)
    handled(paid, context)
    handled(waiting, context)
    seen = order_in(table, waiting).shown.model_dump(mode="json")
    assert (seen["status"], seen["paymentAction"]) == ("CONFIRMED", None)
    assert SECRET not in str(items())


def test_the_address_of_a_payment_action_may_be_missing(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    event = updated(sample, paymentAction={"clientSecret": SECRET, "url": None})
    handled(event, context)
    action = order_in(table, event).shown.payment_action
    assert action
    assert (action.client_secret, action.url) == (SECRET, None)


def test_a_refund_is_shown_as_it_was_last_told(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    pending = {"amount": 6990, "status": "PENDING"}
    event = rewritten(sample("inbox-OrderCancelled"), 5, refund=pending)
    refunded = pending | {"status": "REFUNDED"}
    done = updated(sample, 6, orderId=order_id(event), status="CANCELLED", refund=refunded)
    for told in (event, done, event):
        handled(told, context)
    refund = order_in(table, event).shown.refund
    assert refund
    assert (refund.amount, refund.status) == (6990, "REFUNDED")


def test_a_wish_to_cancel_outlasts_what_is_told(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    handled(sample("inbox-OrderPlaced"), context)
    asked = Cancellation(requested_at=now())
    table.cancel(order_in(table, sample("inbox-OrderPlaced")), asked)
    for event in (updated(sample), updated(sample, 3, status="CANCELLED", reason="CUSTOMER")):
        handled(event, context)
        assert order_in(table, event).cancellation == asked


def test_a_status_that_is_new_to_this_service_is_shown(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    event = rewritten(sample("inbox-OrderPlaced"), status="BEING_WRAPPED", wrapping="red")
    handled(event, context)
    assert order_in(table, event).shown.status == "BEING_WRAPPED"


def submission(state: OrderState) -> Submission:
    """What the shopper submitted, before all of this was told."""
    return Submission.model_validate(
        state.model_dump()
        | {
            "email": "shopper@example.com",
            "paymentMethodId": "pm_card_visa",
            "submittedAt": "2020-01-01T00:00:00.000Z",
            "fingerprint": "0" * 64,
        }
    )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given=st.data())
def test_the_newest_of_an_order_is_shown_in_whatever_order_it_is_told(
    sample: Sample, context: Any, given: st.DataObject
) -> None:
    shopper, table = Shopper(customer_id=str(uuid.uuid4()), email=""), PublicTable("Table")
    order_id = identify(shopper, "key")
    samples = [*(sample(f"inbox-{name}") for name in ORDERS), updated(sample)]
    told = [
        rewritten(event, version, orderId=order_id, customerId=shopper.customer_id)
        for version, event in enumerate(given.draw(st.permutations(samples), label="events"), 1)
    ]
    newest = message(told[-1]).data
    assert isinstance(newest, OrderState)
    known = given.draw(st.booleans(), label="was submitted here")
    if known:
        table.submit(submission(newest))
    wish = given.draw(st.none() | st.integers(0, len(told) - 1), label="cancelled after so many")
    asked = Cancellation(requested_at=now())
    again = given.draw(st.lists(st.sampled_from(told), max_size=4), label="again")
    for n, event in enumerate(given.draw(st.permutations(told + again), label="order")):
        if n == wish and (order := table.order(shopper.customer_id, order_id)):
            table.cancel(order, asked)
        handled(event, context)
    order = table.order(shopper.customer_id, order_id)
    assert order
    assert order.projection
    assert order.cancellation == (asked if wish or (wish == 0 and known) else None)
    assert order.projection.version == len(told)
    assert OrderState.model_validate(order.projection.model_dump()) == newest
    assert (order.submission is not None) == known
    statuses = [step.status for step in order.shown.history]
    assert statuses == ["SUBMITTED"] * known + [step.status for step in newest.history]
    assert [o.projection for o in table.orders(shopper.customer_id, LONG_AGO, 25, None)[0]] == [
        order.projection
    ]


# What goes wrong


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"detail-type": "SellEverything", "detail": {}}',
        '{"detail-type": "ToyCreated", "detail": {"data": {}}}',
        '{"detail-type": "OrderPlaced", "detail": {"metadata": {}, "data": {"orderId": "1"}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    table: PublicTable,
    sample: Sample,
    context: Any,
    dead_letters: Letters,
    body: str,
) -> None:
    good = sample("inbox-OrderPlaced")
    bad = copy.deepcopy(good)
    bad["Records"][0]["body"] = body
    handled(batch(bad, good), context)
    ((letter, reason),) = dead_letters()
    assert letter == body
    assert reason
    assert reason.isprintable()
    assert order_in(table, good).projection


def test_a_dead_letter_says_what_is_wrong(
    sample: Sample, context: Any, dead_letters: Letters
) -> None:
    event = rewritten(sample("inbox-OrderPlaced"), placedAt=None)
    handled(event, context)
    ((body, reason),) = dead_letters()
    assert body == event["Records"][0]["body"]
    assert "placedAt" in reason


def test_a_dead_letter_that_cannot_be_put_away_comes_again_alone(
    table: PublicTable, sample: Sample, queued: Queued, context: Any, dead_letters: Letters
) -> None:
    good = sample("inbox-OrderPlaced")
    bad = queued("not json")
    boto3.client("sqs").delete_queue(QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"])
    answer = inbox.handler({"Records": [bad, good["Records"][0]]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad["messageId"]}]}
    assert order_in(table, good).projection


def test_the_reason_of_a_refusal_quotes_nothing_of_the_message(sample: Sample) -> None:
    """It is logged, and the message holds where somebody lives."""
    event = rewritten(sample("inbox-OrderPlaced"), shippingAddress="12 Private Road")
    with pytest.raises(ValueError, match="shippingAddress") as refused:
        message(event)
    assert "Private Road" not in str(refused.value)


def test_what_a_payment_goes_on_with_is_never_logged(
    sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch, dead_letters: Letters
) -> None:
    log = StringIO()
    for door in (inbox, outbox):
        monkeypatch.setattr(door.logger.registered_handler, "stream", log)
    event = updated(sample)
    handled(event, context)
    state = message(event).data
    assert SECRET not in repr(state)
    assert SECRET not in str(state)
    handled(rewritten(event, 3, paymentAction={"clientSecret": [SECRET], "url": SECRET}), context)
    ((_, reason),) = dead_letters()
    assert SECRET not in reason
    boto3.client("dynamodb").delete_table(TableName="Table")
    assert inbox.handler(rewritten(event, 4), context)["batchItemFailures"]
    assert "applied" in log.getvalue()
    assert "refused" in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_message_whose_handling_broke_off_comes_again(
    sample: Sample, context: Any, moment: str
) -> None:
    event = sample("inbox-OrderPlaced")
    other = rewritten(event, orderId="another")
    left = [f"{moment}-call.dynamodb.UpdateItem"]

    def crash(**_: Any) -> None:
        if left:
            raise ConnectionError(left.pop())

    events = inbox.table._table.meta.client.meta.events
    hook = left[0]
    events.register(hook, crash)
    try:
        failed = inbox.handler(batch(event, other), context)
    finally:
        events.unregister(hook, crash)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    handled(event, context)
    assert len(items()) == 2


def test_what_failed_comes_again_later_each_time(
    sample: Sample, queued: Queued, context: Any, put_off: dict[str, int]
) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    body = sample("inbox-OrderPlaced")["Records"][0]["body"]
    records = [queued(body, tries) for tries in range(1, 10)]
    answer = inbox.handler({"Records": records}, context)
    assert answer["batchItemFailures"] == [
        {"itemIdentifier": record["messageId"]} for record in records
    ]
    waits = [put_off[record["receiptHandle"]] for record in records]
    longest = [2, 8, 32, 128, 512, 900, 900, 900, 900]
    assert all(most // 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))


def test_a_message_that_cannot_be_put_off_comes_again_all_the_same(
    sample: Sample, context: Any
) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    event = sample("inbox-OrderPlaced")  # its receipt handle is of no queue here
    answer = inbox.handler(event, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


@given(st.integers(1, 1000))
def test_a_wait_is_never_short_for_its_try_nor_longer_than_the_longest(tries: int) -> None:
    longest = min(2 * 4 ** (tries - 1), delivery.LONGEST_WAIT)
    assert max(1, longest // 2) <= delivery.wait(tries) <= longest
