"""The inbox, fed with real messages: once, twice, late and in every order."""

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from public_api import inbox
from public_api.checkout import Shopper, identify
from public_api.messages import DeletedToy, OrderEvent, ToyEvent, parse
from public_api.order import Order, OrderState, Submission
from public_api.table import PublicTable
from public_api.toy import Toy

Sample = Callable[[str], dict[str, Any]]

TOYS = ("ToyCreated", "ToyUpdated", "ToyDeleted")
ORDERS = ("OrderPlaced", "OrderConfirmed", "OrderDispatched", "OrderDelivered", "OrderCancelled")


@pytest.fixture
def table() -> PublicTable:
    return PublicTable("Table")


def message(event: dict[str, Any]) -> ToyEvent | OrderEvent:
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


def batch(*invocations: dict[str, Any]) -> dict[str, Any]:
    """All their records in one invocation."""
    records = [event["Records"][0] for event in invocations]
    return {"Records": [r | {"messageId": f"message-{n}"} for n, r in enumerate(records)]}


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def order_in(table: PublicTable, event: dict[str, Any]) -> Order:
    """The stored order of which an invocation tells."""
    data = message(event).data
    assert isinstance(data, OrderState)
    order = table.order(data.customer_id, data.order_id)
    assert order
    return order


def items() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("Table").scan()["Items"]


# Toys


@pytest.mark.parametrize("name", ["ToyCreated", "ToyUpdated"])
def test_a_toy_is_shown_as_it_was_told(
    table: PublicTable, sample: Sample, context: Any, name: str
) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    toy = message(event).data
    assert isinstance(toy, Toy)
    assert table.toy(toy.toy_id) == toy
    assert table.on_sale(25, None) == ([toy], None)


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_told_again_changes_nothing(sample: Sample, context: Any, name: str) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    before = items()
    handled(event, context)
    handled(batch(event, event), context)
    assert items() == before
    assert len(before) == 1


def test_of_a_deleted_toy_a_tombstone_is_left(sample: Sample, context: Any) -> None:
    event = sample("inbox-ToyDeleted")
    handled(event, context)
    told = json.loads(event["Records"][0]["body"])["detail"]
    (item,) = items()
    assert item == {
        "pk": f"TOY#{told['data']['toyId']}",
        "sk": "TOY",
        "toyId": told["data"]["toyId"],
        "version": told["metadata"]["version"],
        "deletedAt": told["data"]["updatedAt"],
    }


def test_a_deleted_toy_stays_deleted_when_older_news_come(
    table: PublicTable, sample: Sample, context: Any
) -> None:
    gone = sample("inbox-ToyDeleted")
    data, version = message(gone).data, message(gone).metadata.version
    assert isinstance(data, DeletedToy)
    handled(gone, context)
    late = rewritten(sample("inbox-ToyUpdated"), version - 1, toyId=data.toy_id)
    handled(late, context)
    assert table.toy(data.toy_id) is None
    assert table.toys([data.toy_id]) == {}
    assert table.on_sale(25, None) == ([], None)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given=st.data())
def test_the_newest_of_a_toy_is_shown_in_whatever_order_it_is_told(
    sample: Sample, context: Any, given: st.DataObject
) -> None:
    toy_id, table = str(uuid.uuid4()), PublicTable("Table")
    last = given.draw(st.integers(1, 5), label="versions")
    ends = given.draw(st.booleans(), label="ends deleted")
    told = [
        rewritten(sample("inbox-ToyUpdated"), version, toyId=toy_id, price=100 + version)
        for version in range(1, last + 1)
    ]
    if ends:
        told += [rewritten(sample("inbox-ToyDeleted"), last + 1, toyId=toy_id)]
    again = given.draw(st.lists(st.sampled_from(told), max_size=4), label="again")
    for event in given.draw(st.permutations(told + again), label="order"):
        handled(event, context)
    toy = table.toy(toy_id)
    assert (toy.price if toy else None) == (None if ends else 100 + last)


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
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given=st.data())
def test_the_newest_of_an_order_is_shown_in_whatever_order_it_is_told(
    sample: Sample, context: Any, given: st.DataObject
) -> None:
    shopper, table = Shopper(customer_id=str(uuid.uuid4()), email=""), PublicTable("Table")
    order_id = identify(shopper, "key")
    names = given.draw(st.permutations(ORDERS), label="names")
    told = [
        rewritten(
            sample(f"inbox-{name}"), version, orderId=order_id, customerId=shopper.customer_id
        )
        for version, name in enumerate(names, start=1)
    ]
    newest = message(told[-1]).data
    assert isinstance(newest, OrderState)
    known = given.draw(st.booleans(), label="was submitted here")
    if known:
        table.submit(submission(newest))
    again = given.draw(st.lists(st.sampled_from(told), max_size=4), label="again")
    for event in given.draw(st.permutations(told + again), label="order"):
        handled(event, context)
    order = table.order(shopper.customer_id, order_id)
    assert order
    assert order.projection
    assert order.projection.version == len(told)
    assert OrderState.model_validate(order.projection.model_dump()) == newest
    assert (order.submission is not None) == known
    statuses = [step.status for step in order.shown.history]
    assert statuses == ["SUBMITTED"] * known + [step.status for step in newest.history]
    assert [o.projection for o in table.orders(shopper.customer_id, 25, None)[0]] == [
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
    dead_letters: Callable[[], list[str]],
    body: str,
) -> None:
    good = sample("inbox-OrderPlaced")
    bad = copy.deepcopy(good)
    bad["Records"][0]["body"] = body
    handled(batch(bad, good), context)
    assert dead_letters() == [body]
    assert order_in(table, good).projection


def test_the_reason_of_a_refusal_quotes_nothing_of_the_message(sample: Sample) -> None:
    """It is logged, and the message holds where somebody lives."""
    event = rewritten(sample("inbox-OrderPlaced"), shippingAddress="12 Private Road")
    with pytest.raises(ValueError, match="shippingAddress") as refused:
        message(event)
    assert "Private Road" not in str(refused.value)


@pytest.mark.parametrize("name", ["ToyUpdated", "OrderPlaced"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_message_whose_handling_broke_off_comes_again(
    sample: Sample, context: Any, name: str, moment: str
) -> None:
    event, other = sample(f"inbox-{name}"), sample("inbox-ToyCreated")
    other = rewritten(other, toyId="another")
    operation = "PutItem" if name == "ToyUpdated" else "UpdateItem"
    left = [f"{moment}-call.dynamodb.{operation}"]

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


def test_a_failing_table_sends_the_message_back(sample: Sample, context: Any) -> None:
    boto3.client("dynamodb").delete_table(TableName="Table")
    with pytest.raises(Exception, match="All records failed"):
        inbox.handler(sample("inbox-ToyCreated"), context)
