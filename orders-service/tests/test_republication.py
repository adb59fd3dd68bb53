"""All orders told again: by pages, twice, late, among changes, and with a death at every call."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from cfnlint.decode import cfn_yaml
from moto.events.models import EventPattern
from orders import inbox, outbox, republisher
from orders.bus import NotPublished
from orders.messages import republished
from orders.model import now
from orders.order import Order
from orders.republication import KEPT_FOR, Republication
from orders.table import Conflict, OrdersTable

TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
STEPS = TEMPLATE["Resources"]["RepublisherFunction"]["Properties"]["Events"]["Steps"]["Properties"]
(FILTER,) = [json.loads(each["Pattern"]) for each in STEPS["FilterCriteria"]["Filters"]]

Json = dict[str, Any]
Record = Callable[[str], Json]


class Death(Exception):
    """The function ends here."""


class Cloud:
    """The table with its stream and the bus, as the two readers of the stream reach them."""

    def __init__(self, context: Any) -> None:
        self.table = OrdersTable("Table")
        self.told: list[Json] = []
        """The entries that the bus took, each with its detail read."""
        self.refuses = 0
        """So many times, the bus takes all entries but one."""
        self.scans: list[Json] = []
        """What the table was asked for each page."""
        self.waiting: list[Json] = []
        """The records of the stream that the republisher has still to be given."""
        self._context = context
        self._position: str | None = None

    def ask(self, request_id: str = "request-1", cause: str | None = None) -> None:
        """Give the inbox a command to tell all orders again."""
        assert inbox.handler(command(request_id, cause), self._context) == {"batchItemFailures": []}

    def read(self) -> list[Json]:
        """What the stream has that was not read before. The republisher's filter sees all of it."""
        streams = boto3.client("dynamodbstreams")
        arn = boto3.client("dynamodb").describe_table(TableName="Table")["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        start: Json = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._position}
            if self._position
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], **start)
        records: list[Any] = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        if records:
            self._position = records[-1]["dynamodb"]["SequenceNumber"]
        self.waiting += [record for record in records if passes(record)]
        return records

    def step(self) -> bool:
        """Give the republisher one record. False: there is none. One that it fails at waits on."""
        self.read()
        if not self.waiting:
            return False
        republisher.handler({"Records": self.waiting[:1]}, self._context)
        self.waiting.pop(0)
        return True

    def finish(self) -> int:
        """Give the republisher all records there are, and come to be. Gives how many."""
        return next(n for n in count() if not self.step())

    def item(self, request_id: str = "request-1") -> Json:
        """What is kept of a republication."""
        key = {"pk": f"REPUBLICATION#{request_id}"}
        return dict(boto3.resource("dynamodb").Table("Table").get_item(Key=key)["Item"])

    @contextmanager
    def calls(self, dies_at: int | None = None, dies: str = "") -> Iterator[Callable[[], int]]:
        """Plays the bus. The nth call of AWS is where the caller dies, "before" it or "after".

        Gives what says how many calls there were.
        """
        real, made = BaseClient._make_api_call, 0  # type: ignore[attr-defined]

        def call(client: BaseClient, name: str, params: Any) -> Any:
            nonlocal made
            act = partial(self._put, params) if name == "PutEvents" else None
            act = act or partial(real, client, name, params)
            if name == "Scan":
                self.scans.append(params)
            if client.meta.service_model.service_name == "dynamodbstreams":
                return act()
            if name == "DescribeTable":
                return act()
            made += 1
            if made == dies_at:
                if dies == "after":
                    act()
                raise Death(name)
            return act()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", call)
            yield lambda: made

    def _put(self, params: Any) -> Json:
        refused = 1 if self.refuses else 0
        self.refuses -= refused
        for entry in params["Entries"][refused:]:
            self.told.append(entry | {"Detail": json.loads(entry["Detail"])})
        return {"FailedEntryCount": refused, "Entries": [{"ErrorCode": "Throttled"}] * refused}


def passes(record: Json) -> bool:
    """Whether the republisher's event source lets a record through."""
    told = json.loads(json.dumps(record, default=str))
    return EventPattern(None, FILTER).matches_event(told)


def command(request_id: str, cause: str | None = None) -> Json:
    """A record of the queue with the command."""
    metadata = {
        "id": cause or f"{request_id}:1:RepublishOrders",
        "correlationId": request_id,
        "causationId": None,
        "occurredAt": "2026-11-21T10:15:00.000Z",
        "version": 1,
    }
    detail = {"metadata": metadata, "data": {"requestId": request_id}}
    body = {"detail-type": "RepublishOrders", "source": "tbs.public-api", "detail": detail}
    return {
        "Records": [
            {
                "messageId": "message-1",
                "receiptHandle": "handle-1",
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "body": json.dumps(body),
            }
        ]
    }


@pytest.fixture
def cloud(context: Any) -> Iterator[Cloud]:
    made = Cloud(context)
    with made.calls():
        yield made


Tell = Callable[..., None]


@pytest.fixture
def tell(record: Record, context: Any) -> Tell:
    """Give the inbox these messages about an order, one after the other."""

    def give(order_id: str, *names: str) -> None:
        for name in names:
            told = record(name)
            body = json.loads(told["body"])
            body["detail"]["data"]["orderId"] = order_id
            body["detail"]["metadata"] |= {
                "id": f"{order_id}:1:{name}",
                "correlationId": order_id,
            }
            event = {"Records": [told | {"body": json.dumps(body)}]}
            assert inbox.handler(event, context) == {"batchItemFailures": []}

    return give


def existing(cloud: Cloud, order_id: str) -> Order:
    order = cloud.table.order(order_id)
    assert order
    return order


def ids(told: list[Json]) -> list[str]:
    return [entry["Detail"]["data"]["orderId"] for entry in told]


SIX = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def six(tell: Tell) -> None:
    for order_id in SIX:
        tell(order_id, "PlaceOrder")


@pytest.mark.usefixtures("six")
def test_tells_every_order_once_page_by_page(
    cloud: Cloud, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("not-placed", "CancelOrder")
    cloud.ask()
    begun = cloud.item()
    assert (begun["status"], begun["version"], begun.get("position")) == ("RUNNING", 1, None)
    monkeypatch.setattr(republisher, "LOOKS", 3)
    # Six orders, a request to cancel one that did not come yet, and the republication: 8 items.
    assert cloud.finish() == 3
    assert sorted(ids(cloud.told)) == list(SIX)
    done = cloud.item()
    assert (done["status"], done["version"], done["told"]) == ("DONE", 4, 6)
    assert "position" not in done
    # Not a moment old: what was told before the reader was there, nobody would tell it.
    assert {scan["ConsistentRead"] for scan in cloud.scans} == {True}


STORIES = [
    ("PlaceOrder",),
    ("PlaceOrder", "StockReservationFailed"),
    ("CancelOrder", "PlaceOrder"),
    ("PlaceOrder", "StockReserved", "PaymentActionRequired"),
    ("PlaceOrder", "StockReserved", "PaymentActionRequired", "PaymentCollected"),
    ("PlaceOrder", "StockReserved", "PaymentActionRequired", "PaymentFailed"),
    ("PlaceOrder", "StockReserved", "PaymentCollected", "CancelOrder"),
    ("PlaceOrder", "StockReserved", "PaymentCollected", "CancelOrder", "ShipmentCancelled"),
    ("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentDispatched"),
    ("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentDelivered"),
    ("PlaceOrder", "StockReserved", "PaymentCollected", "ShipmentFailed", "PaymentRefunded"),
    ("PlaceOrder", "StockReserved", "CancelOrder", "PaymentCollected"),
]


@pytest.mark.parametrize("story", STORIES, ids="-".join)
def test_tells_an_order_as_the_event_of_its_version_did(
    cloud: Cloud, tell: Tell, context: Any, story: tuple[str, ...]
) -> None:
    tell("a", *story)
    outbox.handler({"Records": cloud.read()}, context)
    events = [entry for entry in cloud.told if entry["DetailType"].startswith("Order")]
    cloud.told.clear()
    cloud.ask("request-1", cause="request-1:1:RepublishOrders")
    cloud.finish()
    (entry,) = cloud.told
    assert (entry["Source"], entry["DetailType"]) == ("tbs.orders", "OrderRepublished")
    assert entry["EventBusName"] == "default"
    order, event = existing(cloud, "a"), events[-1]["Detail"]
    assert event["metadata"]["version"] == order.version
    assert entry["Detail"]["data"] == event["data"]
    assert entry["Detail"]["metadata"] == {
        "id": f"a:{order.version}:OrderRepublished",
        "correlationId": "request-1",
        "causationId": "request-1:1:RepublishOrders",
        "occurredAt": event["metadata"]["occurredAt"],
        "version": order.version,
        "trace": None,
    }


def test_tells_the_state_that_no_event_is_for(cloud: Cloud, tell: Tell) -> None:
    tell("a", "PlaceOrder", "StockReserved")
    cloud.ask()
    cloud.finish()
    (entry,) = cloud.told
    told = entry["Detail"]["data"]
    assert (told["status"], told["paymentAction"]) == ("RESERVED", None)
    assert [each["status"] for each in told["history"]] == ["PLACED", "RESERVED"]


def test_tells_nothing_where_there_are_no_orders(cloud: Cloud) -> None:
    cloud.ask()
    assert cloud.finish() == 1
    assert cloud.told == []
    assert cloud.item()["status"] == "DONE"


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("moment", ["at once", "while it runs", "when it is done"])
def test_the_same_request_again_changes_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(republisher, "LOOKS", 4)
    cloud.ask()
    if moment == "while it runs":
        assert cloud.step()
    if moment == "when it is done":
        cloud.finish()
    before = cloud.item()
    cloud.ask(cause="another")
    assert cloud.item() == before
    cloud.finish()
    assert sorted(ids(cloud.told)) == list(SIX)


@pytest.mark.usefixtures("six")
def test_another_request_tells_all_once_more(cloud: Cloud) -> None:
    cloud.ask()
    cloud.finish()
    cloud.ask("request-2")
    cloud.finish()
    assert sorted(ids(cloud.told)) == sorted(SIX * 2)
    versions = [entry["Detail"]["metadata"]["id"] for entry in cloud.told]
    assert versions[:6] == versions[6:]


def test_is_forgotten_after_a_while(cloud: Cloud) -> None:
    (spec,) = [
        resource["Properties"]["TimeToLiveSpecification"]
        for name, resource in TEMPLATE["Resources"].items()
        if name == "Table"
    ]
    assert spec == {"AttributeName": "expiresAt", "Enabled": True}
    cloud.ask()
    cloud.finish()
    left = int(cloud.item()["expiresAt"]) - now().timestamp()
    assert KEPT_FOR - timedelta(minutes=1) < timedelta(seconds=left) <= KEPT_FOR


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("dies", ["before", "after"])
def test_goes_on_after_a_death_at_any_call(
    context: Any, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    monkeypatch.setattr(republisher, "LOOKS", 3)
    cloud, died = Cloud(context), set()
    for dies_at in count(1):
        cloud.told.clear()
        cloud.ask(request := f"request-{dies_at}")
        with cloud.calls(dies_at, dies) as made:
            try:
                cloud.finish()
            except Death as death:
                died.add(str(death))
                cloud.finish()
        assert set(ids(cloud.told)) == set(SIX)
        assert len(cloud.told) <= len(SIX) + 3
        done = cloud.item(request)
        assert (done["status"], done["told"]) == ("DONE", 6)
        if made() < dies_at:
            break
    assert died == {"Scan", "PutEvents", "UpdateItem"}


@pytest.mark.usefixtures("six")
def test_a_step_that_comes_again_late_does_not_fork_it(
    cloud: Cloud, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republisher, "LOOKS", 4)
    cloud.ask()
    cloud.read()
    first = cloud.waiting[0]
    assert cloud.step()
    after = cloud.item()
    republisher.handler({"Records": [first, first]}, context)
    assert cloud.item() == after
    assert cloud.finish() == 1
    done = cloud.item()
    republisher.handler({"Records": [first]}, context)
    assert cloud.item() == done
    assert not cloud.step()


def test_a_step_of_one_that_is_forgotten_leaves_nothing(cloud: Cloud, context: Any) -> None:
    cloud.ask()
    cloud.read()
    table = boto3.resource("dynamodb").Table("Table")
    table.delete_item(Key={"pk": "REPUBLICATION#request-1"})
    republisher.handler({"Records": cloud.waiting}, context)
    assert table.scan()["Items"] == []


@pytest.mark.usefixtures("six")
def test_the_page_comes_again_when_the_bus_does_not_take_all_of_it(cloud: Cloud) -> None:
    cloud.ask()
    before = cloud.item()
    cloud.refuses = 1
    with pytest.raises(NotPublished):
        cloud.step()
    assert cloud.item() == before
    cloud.finish()
    assert set(ids(cloud.told)) == set(SIX)
    assert cloud.item()["told"] == 6


def test_each_reader_of_the_stream_keeps_to_its_own(cloud: Cloud, tell: Tell, context: Any) -> None:
    tell("a", "PlaceOrder", "StockReserved")
    tell("b", "CancelOrder")
    orders = cloud.read()
    assert len(orders) == 3
    assert cloud.waiting == []
    republisher.handler({"Records": orders}, context)
    assert cloud.told == []
    cloud.ask()
    steps = cloud.read()
    assert cloud.step()
    steps += (end := cloud.read())
    boto3.resource("dynamodb").Table("Table").delete_item(Key={"pk": "REPUBLICATION#request-1"})
    steps += (removal := cloud.read())
    assert (len(end), len(removal)) == (1, 1)
    assert cloud.waiting == []
    cloud.told.clear()
    republisher.handler({"Records": [*end, *removal]}, context)
    outbox.handler({"Records": steps}, context)
    assert cloud.told == []


def test_what_names_no_request_is_a_dead_letter(
    cloud: Cloud, context: Any, dead_letters: Callable[[], list[tuple[str, str | None]]]
) -> None:
    for request_id in ("", "with a blank", "x" * 101):
        assert inbox.handler(command(request_id), context) == {"batchItemFailures": []}
        ((_, reason),) = dead_letters()
        assert reason
        assert "data.requestId" in reason
    keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in cloud.read()]
    assert [key.partition("#")[0] for key in keys] == ["ERROR"]


def test_two_that_begin_the_same_at_once_begin_one(cloud: Cloud) -> None:
    asked = Republication.begin("request-1", "cause", now())
    cloud.table.begin(asked)
    with pytest.raises(Conflict):
        cloud.table.begin(asked)


def test_a_republication_is_no_order(cloud: Cloud) -> None:
    cloud.ask("a")
    assert cloud.table.order("a") is None


@pytest.mark.parametrize("seed", range(8))
def test_a_reader_ends_with_the_orders_as_they_are(
    cloud: Cloud, tell: Tell, context: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Orders come and move on between the pages; messages come in any order, some twice."""
    by = random.Random(seed)
    monkeypatch.setattr(republisher, "LOOKS", by.randint(1, 4))
    left = {order_id: list(by.choice(STORIES)) for order_id in "abcdefgh"}
    for order_id in "abcde":
        for _ in range(by.randint(1, len(left[order_id]))):
            tell(order_id, left[order_id].pop(0))
    cloud.read()  # told before the reader was there

    def change() -> None:
        order_id = by.choice([*left])
        if left[order_id]:
            tell(order_id, left[order_id].pop(0))

    changes: list[Json] = []
    cloud.ask()
    going = True
    while going:
        change()
        changes += cloud.read()
        going = cloud.step()
    change()
    changes += cloud.read()
    outbox.handler({"Records": changes}, context)

    heard = [entry for entry in cloud.told if entry["DetailType"].startswith("Order")]
    heard += by.sample(heard, len(heard) // 3)
    by.shuffle(heard)
    copy: dict[str, tuple[int, Json]] = {}
    for entry in heard:
        version, data = entry["Detail"]["metadata"]["version"], entry["Detail"]["data"]
        if version > copy.get(data["orderId"], (0, None))[0]:
            copy[data["orderId"]] = (version, data)
    asked = Republication.begin("other", "cause", now())
    orders = [order for order in map(cloud.table.order, left) if order]
    assert copy.keys() == {order.order_id for order in orders}
    for order in orders:
        version, data = copy[order.order_id]
        if version == order.version:
            assert data == republished(order, asked).model_dump(mode="json")["data"]
        else:
            # No event tells that the stock is held.
            assert (version, order.status) == (order.version - 1, "RESERVED")
