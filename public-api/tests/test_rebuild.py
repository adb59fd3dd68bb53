"""A rebuild: asked for once, told to each owner once, and the copies are whole again."""

import copy
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from public_api import inbox, outbox, rebuild
from public_api.catalogue import Catalogue
from public_api.messages import parse
from public_api.order import OrderState
from public_api.table import PublicTable
from public_api.toy import Toy

Sample = Callable[[str], dict[str, Any]]


def items(name: str = "Table") -> list[dict[str, Any]]:
    found = boto3.resource("dynamodb").Table(name).scan()["Items"]
    return sorted(found, key=lambda item: (str(item["pk"]), str(item["sk"])))


def told(context: Any, **images: Any) -> list[Any]:
    """What the outbox puts of one change of the table."""
    record = {"eventID": "1", "eventName": "INSERT", "dynamodb": images}
    sent: list[Any] = []
    keep = lambda params, **_: sent.extend(params["Entries"])  # noqa: E731
    hook = "provide-client-params.events.PutEvents"
    outbox.events.meta.events.register(hook, keep)
    with Stubber(outbox.events) as bus:
        bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        outbox.handler({"Records": [record]}, context)
    outbox.events.meta.events.unregister(hook, keep)
    return sent


def image() -> dict[str, Any]:
    """The one item of the table, as the stream has it."""
    (item,) = boto3.client("dynamodb").scan(TableName="Table")["Items"]
    return dict(item)


def test_a_rebuild_is_asked_for_once(context: Any) -> None:
    assert rebuild.handler({"requestId": "r-1"}, context) == {"requestId": "r-1"}
    before = items()
    assert rebuild.handler({"requestId": "r-1"}, context) == {"requestId": "r-1"}
    assert items() == before
    assert [item["pk"] for item in before] == ["REBUILD#r-1"]
    assert rebuild.handler({"requestId": "r-2"}, context) == {"requestId": "r-2"}
    assert len(items()) == 2


@pytest.mark.parametrize("event", [{}, None, {"requestId": None}])
def test_without_an_id_it_is_the_invocations_own(event: Any, context: Any) -> None:
    for _ in range(2):
        assert rebuild.handler(event, context) == {"requestId": context.aws_request_id}
    assert len(items()) == 1


@pytest.mark.parametrize("request_id", [7, "a#b", "x" * 101, "two\nlines", ["r-1"]])
def test_what_is_no_id_is_refused(request_id: Any, context: Any) -> None:
    with pytest.raises(ValueError, match="requestId"):
        rebuild.handler({"requestId": request_id}, context)
    assert items() == []


def test_a_rebuild_that_broke_off_can_be_asked_for_again(context: Any) -> None:
    events, left = rebuild.table._table.meta.client.meta.events, [1]

    def crash(**_: Any) -> None:
        if left:
            left.pop()
            raise ConnectionError("the network is gone")

    events.register(hook := "after-call.dynamodb.PutItem", crash)
    try:
        with pytest.raises(ConnectionError):
            rebuild.handler({"requestId": "r-1"}, context)
    finally:
        events.unregister(hook, crash)
    assert rebuild.handler({"requestId": "r-1"}, context) == {"requestId": "r-1"}
    assert len(items()) == 1


def test_each_owner_is_asked_to_tell_again(context: Any) -> None:
    rebuild.handler({"requestId": "r-1"}, context)
    new = image()
    sent = told(context, NewImage=new, Keys=new)
    at = new["requestedAt"]["S"]
    assert [(entry["Source"], entry["DetailType"]) for entry in sent] == [
        ("tbs.public-api", "RepublishToys"),
        ("tbs.public-api", "RepublishOrders"),
    ]
    for entry in sent:
        assert json.loads(entry["Detail"]) == {
            "metadata": {
                "id": f"r-1:1:{entry['DetailType']}",
                "correlationId": "r-1",
                "causationId": None,
                "occurredAt": at,
                "version": 1,
                "trace": None,
            },
            "data": {"requestId": "r-1"},
        }
    assert told(context, NewImage=new, Keys=new) == sent
    # neither its removal nor what else may be written of it is another one
    assert told(context, OldImage=new, Keys=new) == []
    assert told(context, OldImage=new, NewImage=new, Keys=new) == []


# What comes back


def republished(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    """The message in an invocation, as it is told again."""
    event = copy.deepcopy(event)
    body = json.loads(event["Records"][0]["body"])
    kind = "OrderRepublished" if "orderId" in body["detail"]["data"] else "ToyRepublished"
    body["detail"]["metadata"] |= {"correlationId": "r-1", "causationId": "r-1:1:Republish"}
    body["detail"]["data"] |= data
    body["detail-type"] = kind
    event["Records"][0]["body"] = json.dumps(body)
    return event


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def lose(name: str) -> None:
    """All items of a table are gone."""
    table = boto3.resource("dynamodb").Table(name)
    for item in items(name):
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def test_lost_orders_come_back_as_they_were(sample: Sample, context: Any) -> None:
    event = sample("inbox-OrderDelivered")
    handled(event, context)
    before = items()
    lose("Table")
    for _ in range(2):
        handled(republished(event), context)
        assert items() == before
    data = parse(event["Records"][0]["body"]).data
    assert isinstance(data, OrderState)
    order = PublicTable("Table").order(data.customer_id, data.order_id)
    assert order
    assert order.status == "DELIVERED"


def test_an_order_told_again_late_takes_nothing_back(sample: Sample, context: Any) -> None:
    placed = sample("inbox-OrderPlaced")
    newer = copy.deepcopy(placed)
    body = json.loads(newer["Records"][0]["body"])
    body["detail"]["metadata"]["version"] += 1
    newer["Records"][0]["body"] = json.dumps(body)
    handled(newer, context)
    before = items()
    handled(republished(placed), context)
    assert items() == before


def test_lost_toys_come_back_as_they_were(sample: Sample, context: Any) -> None:
    event = sample("inbox-ToyUpdated")
    handled(event, context)
    before = items("Catalogue")
    lose("Catalogue")
    for _ in range(2):
        handled(republished(event, deletedAt=None), context)
        assert items("Catalogue") == before
    toy = parse(event["Records"][0]["body"]).data
    assert isinstance(toy, Toy)
    assert Catalogue("Catalogue").toy(toy.toy_id) == toy


def test_a_deleted_toy_comes_back_as_a_tombstone(sample: Sample, context: Any) -> None:
    event = sample("inbox-ToyUpdated")
    toy = parse(event["Records"][0]["body"]).data
    assert isinstance(toy, Toy)
    handled(republished(event, deletedAt="2026-01-05T11:00:00.000Z"), context)
    assert Catalogue("Catalogue").toy(toy.toy_id) is None
    # and what is as old does not bring it back
    handled(event, context)
    assert Catalogue("Catalogue").toy(toy.toy_id) is None
