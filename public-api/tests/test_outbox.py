"""The outbox, fed with real changes of the table."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from botocore.stub import ANY, Stubber
from cfnlint.decode import cfn_yaml
from moto.events.models import EventPattern
from public_api import outbox
from public_api.basket import MAX_LINES
from public_api.bill import MAX_GROSS
from public_api.checkout import MAX_EMAIL, OrderRequest
from public_api.error_log import ErrorLog
from public_api.messages import CancelOrder, PlaceOrder, of_order, parse
from public_api.order import Cancellation, Order, Projection, Submission
from public_api.profile import Profile
from public_api.purchase import SoldLine
from public_api.raised import of_letter
from public_api.republication import Rebuild
from public_api.table import PublicTable, images
from public_api.tracing import LONGEST as LONGEST_TRACE

Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def submission(sample: Sample) -> Submission:
    """The order in the sample."""
    (record,) = DynamoDBStreamEvent(sample("outbox-PlaceOrder")).records
    assert record.dynamodb
    change = images(record.dynamodb.old_image, record.dynamodb.new_image)
    assert change
    assert isinstance(change.new, Order)
    assert change.new.submission
    return change.new.submission


@pytest.fixture
def projection(sample: Sample) -> Projection:
    message = parse(sample("inbox-OrderPlaced")["Records"][0]["body"])
    state = message.data.model_dump() | {"version": message.metadata.version}
    return Projection.model_validate(state)


def published(event: dict[str, Any], context: Any) -> list[Any]:
    """The calls of PutEvents that an invocation leads to."""
    sent: list[Any] = []
    outbox.events.meta.events.register(
        "provide-client-params.events.PutEvents", keep := lambda params, **_: sent.append(params)
    )
    with Stubber(outbox.events) as bus:
        for _ in range(3):
            bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler(event, context)
    outbox.events.meta.events.unregister("provide-client-params.events.PutEvents", keep)
    return sent


def test_a_submitted_order_is_sent_to_be_placed(submission: Submission) -> None:
    (message,) = of_order(None, Order(submission=submission))
    assert isinstance(message, PlaceOrder)
    told = message.model_dump(mode="json")
    assert told["metadata"] == {
        "id": f"{submission.order_id}:1:PlaceOrder",
        "correlationId": submission.order_id,
        "causationId": None,
        "occurredAt": told["data"]["submittedAt"],
        "version": 1,
        "trace": None,
    }
    assert told["data"].keys() == {
        "orderId",
        "customerId",
        "email",
        "lines",
        "shippingAddress",
        "paymentMethodId",
        "currency",
        "shipping",
        "net",
        "tax",
        "gross",
        "taxRate",
        "submittedAt",
        "locale",
    }
    assert told["data"]["lines"][0].keys() == {"toyId", "name", "price", "quantity"}
    assert told["data"]["shippingAddress"].keys() >= {"line2"}


def test_nothing_is_sent_of_what_was_told(submission: Submission, projection: Projection) -> None:
    submitted = Order(submission=submission)
    followed = Order(submission=submission, projection=projection)
    only_told = Order(projection=projection)
    assert of_order(submitted, followed) == []
    assert of_order(followed, followed) == []
    assert of_order(None, only_told) == []
    assert of_order(only_told, only_told) == []


ASKED = Cancellation(requested_at=datetime(2026, 1, 5, 11, tzinfo=UTC))


def test_a_wish_to_cancel_is_sent_once(submission: Submission, projection: Projection) -> None:
    for before in (
        Order(submission=submission),
        Order(projection=projection),
        Order(submission=submission, projection=projection),
    ):
        after = before.model_copy(update={"cancellation": ASKED})
        (message,) = of_order(before, after)
        assert isinstance(message, CancelOrder)
        assert of_order(after, after) == []
        told_since = after.model_copy(update={"projection": projection})
        assert of_order(after, told_since) == []


def test_a_wish_to_cancel_says_which_order_and_since_when(submission: Submission) -> None:
    before = Order(submission=submission)
    (message,) = of_order(before, before.model_copy(update={"cancellation": ASKED}))
    assert message.model_dump(mode="json") == {
        "metadata": {
            "id": f"{submission.order_id}:2:CancelOrder",
            "correlationId": submission.order_id,
            "causationId": None,
            "occurredAt": "2026-01-05T11:00:00.000Z",
            "version": 2,
            "trace": None,
        },
        "data": {"orderId": submission.order_id, "requestedAt": "2026-01-05T11:00:00.000Z"},
    }


def test_a_kept_wish_to_cancel_is_read_off_the_stream_and_published(
    submission: Submission, sample: Sample, context: Any
) -> None:
    table, stored = PublicTable("Table"), boto3.client("dynamodb")
    table.submit(submission)
    ((old,), order) = (
        stored.scan(TableName="Table")["Items"],
        table.order(submission.customer_id, submission.order_id),
    )
    assert order
    table.cancel(order, ASKED)
    (new,) = stored.scan(TableName="Table")["Items"]
    event = sample("outbox-PlaceOrder")
    (record,) = event["Records"]
    record["eventName"] = "MODIFY"
    record["dynamodb"] |= {"OldImage": old, "NewImage": new}
    (call,) = published(event, context)
    assert [entry["DetailType"] for entry in call["Entries"]] == ["CancelOrder"]
    assert published(event, context) == [call]


def test_the_sample_of_a_wish_to_cancel_is_published(sample: Sample, context: Any) -> None:
    (call,) = published(sample("outbox-CancelOrder"), context)
    assert [entry["DetailType"] for entry in call["Entries"]] == ["CancelOrder"]


def called_for(act: Callable[[], object]) -> bool:
    """Whether the template's filter lets through what an act changes in the table."""
    template = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
    changes = template["Resources"]["OutboxFunction"]["Properties"]["Events"]["Changes"]
    filters = changes["Properties"]["FilterCriteria"]["Filters"]
    patterns = [EventPattern(None, json.loads(each["Pattern"])) for each in filters]
    stored = boto3.client("dynamodb")
    old = stored.scan(TableName="Table")["Items"]
    act()
    (new,) = stored.scan(TableName="Table")["Items"]
    keys = {"pk": new["pk"], "sk": new["sk"]}
    images = {"NewImage": new, "Keys": keys, **({"OldImage": old[0]} if old else {})}
    record: Any = {"eventName": "MODIFY" if old else "INSERT", "dynamodb": images}
    return any(pattern.matches_event(record) for pattern in patterns)


def test_the_function_is_called_for_new_orders_and_wishes_to_cancel_only(
    submission: Submission, projection: Projection
) -> None:
    table = PublicTable("Table")
    told = projection.model_copy(
        update={"customer_id": submission.customer_id, "order_id": submission.order_id}
    )
    assert called_for(lambda: table.submit(submission))
    assert not called_for(lambda: table.follow(told))
    assert called_for(lambda: table.cancel(Order(submission=submission, projection=told), ASKED))


def test_the_function_is_called_for_rebuilds() -> None:
    asked = Rebuild(request_id="r-1", requested_at=ASKED.requested_at)
    assert called_for(lambda: PublicTable("Table").rebuild(asked))


def test_the_function_is_not_called_for_what_shoppers_keep() -> None:
    table = PublicTable("Table")
    assert not called_for(lambda: table.keep_profile("ada", Profile(), 1))
    assert not called_for(lambda: table.keep_profile("ada", Profile(name="Ada"), 2))


def test_the_function_is_not_called_for_errors() -> None:
    error = of_letter("m-1", "", "POISON_MESSAGE", "why", ASKED.requested_at)
    assert not called_for(lambda: ErrorLog("Table", 30).keep(error))
    (item,) = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    assert images(None, item) is None


def test_a_stored_order_is_read_off_the_stream_as_it_was_submitted(
    submission: Submission,
) -> None:
    PublicTable("Table").submit(submission)
    (item,) = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    assert images(None, item) == (None, Order(submission=submission), None)


def test_toys_and_removals_are_not_told(sample: Sample, context: Any) -> None:
    event = sample("outbox-PlaceOrder")
    removal = copy.deepcopy(event)
    change = removal["Records"][0]["dynamodb"]
    change["OldImage"] = change.pop("NewImage")
    toy = copy.deepcopy(event)
    keys = {"pk": {"S": "TOY#toy-1"}, "sk": {"S": "TOY"}}
    toy["Records"][0]["dynamodb"] |= {"Keys": keys, "NewImage": keys}
    assert published({"Records": removal["Records"] + toy["Records"]}, context) == []


def test_an_order_of_which_nothing_is_known_yet_is_not_told(sample: Sample, context: Any) -> None:
    event = sample("outbox-PlaceOrder")
    image = event["Records"][0]["dynamodb"]["NewImage"]
    del image["submission"]
    assert published(event, context) == []


def test_publishes_the_same_message_for_the_same_change(sample: Sample, context: Any) -> None:
    event = sample("outbox-PlaceOrder")
    (first,), (second,) = published(event, context), published(event, context)
    assert first == second
    (entry,) = first["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("tbs.public-api", "PlaceOrder")
    assert entry["EventBusName"] == "default"
    assert json.loads(entry["Detail"])["metadata"]["version"] == 1


def test_more_than_the_bus_takes_at_once_goes_in_several_calls(
    sample: Sample, context: Any
) -> None:
    calls = published({"Records": sample("outbox-PlaceOrder")["Records"] * 13}, context)
    assert [len(call["Entries"]) for call in calls] == [5, 5, 3]


LONGEST = "\U0001f9f8" * 120
"""The longest name there may be, each character of which takes four bytes."""


def test_no_call_is_larger_than_the_bus_takes(
    submission: Submission, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest order that the catalogue and the checkout allow, as often as a call takes it."""
    lines = [
        {"toyId": f"{n:#>100}", "name": LONGEST, "price": 20_000, "quantity": 99}
        for n in range(MAX_LINES)
    ]
    address = dict.fromkeys(("name", "line1", "line2", "city"), LONGEST)
    asked = OrderRequest.model_validate(
        {
            "lines": [{"toyId": line["toyId"], "quantity": 99} for line in lines],
            "shippingAddress": address | {"postalCode": LONGEST[:20], "country": "IE"},
            "paymentMethodId": f"pm_{'x' * 252}",
        }
    )
    largest = submission.model_copy(
        update={
            "lines": tuple(map(SoldLine.model_validate, lines)),
            "shipping_address": asked.shipping_address,
            "payment_method_id": asked.payment_method_id,
            "email": "\U0001f9f8" * MAX_EMAIL,
            "gross": MAX_GROSS,
            "locale": "abc-12345678-12345678-12345678",
        }
    )
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "x" * LONGEST_TRACE)
    PublicTable("Table").submit(largest)
    (item,) = boto3.client("dynamodb").scan(TableName="Table")["Items"]
    (record,) = sample("outbox-PlaceOrder")["Records"]
    record["dynamodb"] |= {"NewImage": item}
    (call,) = published({"Records": [record] * outbox.ENTRIES_PER_CALL}, context)
    assert len(call["Entries"]) == outbox.ENTRIES_PER_CALL
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    size = sum(len((e["Source"] + e["DetailType"] + e["Detail"]).encode()) for e in call["Entries"])
    assert size < 256 * 1024
    assert size * 2 > 256 * 1024  # ten would be too large


def test_raises_when_the_bus_does_not_take_every_message(sample: Sample, context: Any) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", refusal, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished, match="ThrottlingException"):
            outbox.handler(sample("outbox-PlaceOrder"), context)
