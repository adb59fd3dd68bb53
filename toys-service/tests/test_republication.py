"""All toys told again: by pages, twice, late, among changes, and with a death at every call."""

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
from toys import inbox, outbox, republisher
from toys.adjustment import Adjustment
from toys.bus import NotPublished
from toys.heard import RepublishToys
from toys.messages import of_toy, parse, republished
from toys.model import now
from toys.republication import KEPT_FOR, Republication
from toys.store import Conflict
from toys.table import ToysTable
from toys.toy import Toy, ToyDraft, ToyPatch

TEMPLATE = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
STEPS = TEMPLATE["Resources"]["RepublisherFunction"]["Properties"]["Events"]["Steps"]["Properties"]
(FILTER,) = [json.loads(each["Pattern"]) for each in STEPS["FilterCriteria"]["Filters"]]

Json = dict[str, Any]


class Death(Exception):
    """The function ends here."""


class Cloud:
    """The table with its stream and the bus, as the two readers of the stream reach them."""

    def __init__(self, context: Any) -> None:
        self.table = ToysTable("Table")
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
        """Give the inbox a command to tell all toys again."""
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
        "id": cause or f"{request_id}:1:RepublishToys",
        "correlationId": request_id,
        "causationId": None,
        "occurredAt": "2026-11-21T10:15:00.000Z",
        "version": 1,
    }
    detail = {"metadata": metadata, "data": {"requestId": request_id}}
    body = {"detail-type": "RepublishToys", "source": "tbs.public-api", "detail": detail}
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


def shelve(cloud: Cloud, *ids: str, stock: int = 9) -> None:
    """Put new toys into the catalogue, each with its SKU and first adjustment."""
    for toy_id in ids:
        draft = ToyDraft(
            sku=toy_id.upper(),
            name=f"Toy {toy_id}",
            category="Puzzles",
            brand="Brand",
            price=1500,
            currency="EUR",
            stock=stock,
            tags=("wind",),
            attributes={"span": 1.4},
        )
        toy = Toy.create(toy_id, draft, now())
        cloud.table.add(toy, adjustment(toy_id, stock))


def adjustment(toy_id: str, delta: int) -> Adjustment:
    return Adjustment(
        adjustment_id="a", toy_id=toy_id, delta=delta, reason="counted", by=None, at=now()
    )


def existing(cloud: Cloud, toy_id: str) -> Toy:
    toy = cloud.table.toy(toy_id)
    assert toy
    return toy


def rename(cloud: Cloud, toy_id: str, name: str) -> None:
    toy = existing(cloud, toy_id)
    described = ToyPatch.model_validate({"name": name}).merged(toy)
    cloud.table.describe(toy.describe(described, now()), before=toy)


def delete(cloud: Cloud, toy_id: str) -> None:
    cloud.table.delete(existing(cloud, toy_id).delete(now()))


def ids(told: list[Json]) -> list[str]:
    return [entry["Detail"]["data"]["toyId"] for entry in told]


SIX = ("a", "b", "c", "d", "e", "f")


def test_tells_every_toy_once_page_by_page(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    shelve(cloud, *SIX)
    cloud.ask()
    begun = cloud.item()
    assert (begun["status"], begun["version"], begun.get("position")) == ("RUNNING", 1, None)
    monkeypatch.setattr(republisher, "LOOKS", 4)
    # Six toys, six SKUs, six adjustments and the republication: 19 items.
    assert cloud.finish() == 5
    assert sorted(ids(cloud.told)) == list(SIX)
    done = cloud.item()
    assert (done["status"], done["version"], done["told"]) == ("DONE", 6, 6)
    assert "position" not in done
    # Not a moment old: what was told before the reader was there, nobody would tell it.
    assert {scan["ConsistentRead"] for scan in cloud.scans} == {True}


def test_tells_what_an_update_would_and_when_it_left_the_catalogue(cloud: Cloud) -> None:
    shelve(cloud, "here", "gone")
    delete(cloud, "gone")
    cloud.ask("request-1", cause="request-1:1:RepublishToys")
    cloud.finish()
    for entry in cloud.told:
        assert (entry["Source"], entry["DetailType"]) == ("tbs.toys", "ToyRepublished")
        assert entry["EventBusName"] == "default"
        toy = existing(cloud, entry["Detail"]["data"]["toyId"])
        before = toy.model_copy(update={"name": "Other", "deleted_at": None})
        told = of_toy(before, toy)[0].model_dump(mode="json")
        deleted_at = toy.model_dump(mode="json")["deletedAt"]
        assert entry["Detail"]["data"] == told["data"] | {"deletedAt": deleted_at}
        assert (deleted_at is None) == (toy.toy_id == "here")
        assert entry["Detail"]["metadata"] == {
            "id": f"{toy.toy_id}:{toy.version}:ToyRepublished",
            "correlationId": "request-1",
            "causationId": "request-1:1:RepublishToys",
            "occurredAt": told["metadata"]["occurredAt"],
            "version": toy.version,
            "trace": None,
        }
    assert sorted(ids(cloud.told)) == ["gone", "here"]


def test_tells_nothing_of_an_empty_catalogue(cloud: Cloud) -> None:
    cloud.ask()
    assert cloud.finish() == 1
    assert cloud.told == []
    assert cloud.item()["status"] == "DONE"


def test_a_page_without_a_toy_leads_to_the_next(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve(cloud, *SIX)
    monkeypatch.setattr(republisher, "LOOKS", 1)
    cloud.ask()
    cloud.finish()
    assert ids(cloud.told) == list(SIX)


@pytest.mark.parametrize("moment", ["at once", "while it runs", "when it is done"])
def test_the_same_request_again_changes_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    shelve(cloud, *SIX)
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


def test_another_request_tells_all_once_more(cloud: Cloud) -> None:
    shelve(cloud, *SIX)
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


@pytest.mark.parametrize("dies", ["before", "after"])
def test_goes_on_after_a_death_at_any_call(
    context: Any, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    monkeypatch.setattr(republisher, "LOOKS", 8)
    cloud, died = Cloud(context), set()
    shelve(cloud, *SIX)
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
        assert len(cloud.told) <= len(SIX) + 8
        done = cloud.item(request)
        assert (done["status"], done["told"]) == ("DONE", 6)
        if made() < dies_at:
            break
    assert died == {"Scan", "PutEvents", "UpdateItem"}


def test_a_step_that_comes_again_late_does_not_fork_it(
    cloud: Cloud, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve(cloud, *SIX)
    monkeypatch.setattr(republisher, "LOOKS", 4)
    cloud.ask()
    cloud.read()
    first = cloud.waiting[0]
    assert cloud.step()
    after = cloud.item()
    republisher.handler({"Records": [first, first]}, context)
    assert cloud.item() == after
    assert cloud.finish() == 4
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


def test_the_page_comes_again_when_the_bus_does_not_take_all_of_it(cloud: Cloud) -> None:
    shelve(cloud, *SIX)
    cloud.ask()
    before = cloud.item()
    cloud.refuses = 1
    with pytest.raises(NotPublished):
        cloud.step()
    assert cloud.item() == before
    cloud.finish()
    assert set(ids(cloud.told)) == set(SIX)
    assert cloud.item()["told"] == 6


def test_each_reader_of_the_stream_keeps_to_its_own(cloud: Cloud, context: Any) -> None:
    shelve(cloud, "a")
    delete(cloud, "a")
    toys = cloud.read()
    assert toys
    assert cloud.waiting == []
    republisher.handler({"Records": toys}, context)
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
    written = [record["dynamodb"]["Keys"]["pk"]["S"] for record in cloud.read()]
    assert [key.partition("#")[0] for key in written] == ["ERROR"]


def test_two_that_begin_the_same_at_once_begin_one(cloud: Cloud) -> None:
    message = parse(command("request-1")["Records"][0]["body"])
    assert isinstance(message, RepublishToys)
    asked = Republication.begin(message.data.request_id, message.metadata.id, now())
    cloud.table.begin(asked)
    with pytest.raises(Conflict):
        cloud.table.begin(asked)


def test_messages_do_not_depend_on_how_often_they_are_made(cloud: Cloud) -> None:
    shelve(cloud, "a")
    asked = Republication.begin("request-1", "cause", now())
    toy = existing(cloud, "a")
    assert republished(toy, asked) == republished(toy, asked.move_on(200, "TOY#a"))


@pytest.mark.parametrize("seed", range(8))
def test_a_reader_ends_with_the_catalogue_as_it_is(
    cloud: Cloud, context: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Toys come, change, sell and go between the pages; messages come in any order, some twice."""
    by = random.Random(seed)
    monkeypatch.setattr(republisher, "LOOKS", by.randint(1, 6))
    shelve(cloud, *SIX)
    delete(cloud, "f")
    cloud.read()  # told before the reader was there
    new = iter("ghijklmnopqrstuvwxyz")

    def change() -> None:
        listed = [toy for toy in map(cloud.table.toy, "abcdefghijklmnopqrstuvwxyz") if toy]
        toy = by.choice([toy for toy in listed if not toy.deleted_at])
        match by.choice(["come", "change", "sell", "sell out", "go"]):
            case "come":
                shelve(cloud, next(new))
            case "change":
                rename(cloud, toy.toy_id, f"Toy {by.random()}")
            case "sell" if toy.stock:
                cloud.table.adjust(adjustment(toy.toy_id, -1), str(by.random()))
            case "sell out" if toy.stock:
                cloud.table.adjust(adjustment(toy.toy_id, -toy.stock), str(by.random()))
            case "go" if len([toy for toy in listed if not toy.deleted_at]) > 2:
                delete(cloud, toy.toy_id)

    changes: list[Json] = []
    cloud.ask()
    going = True
    while going:
        if by.random() < 0.6:
            change()
        changes += cloud.read()
        going = cloud.step()
    change()
    changes += cloud.read()
    outbox.handler({"Records": changes}, context)

    heard = cloud.told + by.sample(cloud.told, len(cloud.told) // 3)
    by.shuffle(heard)
    copy: dict[str, tuple[int, Json | None]] = {}
    for entry in heard:
        version, data = entry["Detail"]["metadata"]["version"], dict(entry["Detail"]["data"])
        if version > copy.get(data["toyId"], (0, None))[0]:
            gone = entry["DetailType"] == "ToyDeleted" or data.pop("deletedAt", None)
            copy[data["toyId"]] = (version, None if gone else data)
    toys = [toy for toy in map(cloud.table.toy, "abcdefghijklmnopqrstuvwxyz") if toy]
    asked = Republication.begin("other", "cause", now())
    assert copy.keys() == {toy.toy_id for toy in toys}
    for toy in toys:
        is_there = None if toy.deleted_at else republished(toy, asked).model_dump(mode="json")
        assert seen(copy[toy.toy_id][1]) == seen(is_there and is_there["data"])


def seen(data: Json | None) -> Json | None:
    """What shoppers see of a toy. A unit sold is no news, though it is when a toy last changed."""
    return {k: v for k, v in data.items() if k not in {"updatedAt", "deletedAt"}} if data else None
