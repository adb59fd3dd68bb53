"""Many orders for the same few toys, and a manager who changes them, all at once.

moto carries out one call at a time. Here calls overlap: each order runs in a thread of its own, on
a clock that only the threads' own waiting moves, so a seed plays the same way each time. While a
transaction is under way, what else would write its items is refused as DynamoDB refuses it.
"""

import copy
import heapq
import io
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from cfnlint.decode import cfn_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import api, delivery, inbox, store
from toys.download import Download
from toys.heard import ReleaseRequest, ReleaseStock, ReservationRequest, ReserveStock
from toys.model import now
from toys.reservation import HeldLine, Line, Refusal, Reservation, Status, refusal
from toys.store import PAUSES, Busy, Conflict
from toys.table import SkuTaken, ToysTable
from toys.toy import Fulfilment, Toy, ToyDraft

FOLDER = Path(__file__).parent.parent
MAX_RECEIVE_COUNT = 10
PRICE = 1500

Job = Callable[[], None]


class Schedule:
    """Runs jobs in threads, one at a time: always the one that waits for the earliest moment."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        """Seconds since the start, on the jobs' own clock."""
        self._waiting: list[tuple[float, float, threading.Event]] = []
        self._control = threading.Semaphore(0)
        self._failures: list[BaseException] = []

    def sleep(self, seconds: float) -> None:
        """Let others go on until so many seconds have passed."""
        turn = threading.Event()
        heapq.heappush(self._waiting, (self.now + seconds, self.random.random(), turn))
        self._control.release()
        turn.wait()

    def call(self) -> None:
        """Wait for as long as a call of DynamoDB may be under way."""
        self.sleep(self.random.uniform(0.005, 0.02))

    def run(self, jobs: list[Job]) -> None:
        """Run all jobs to their ends. Raises what a job raised."""
        threads = [threading.Thread(target=self._run, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
            self._control.acquire()
        while self._waiting:
            self.now, _, turn = heapq.heappop(self._waiting)
            turn.set()
            self._control.acquire()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run(self, job: Job) -> None:
        try:
            self.call()
            job()
        except BaseException as error:
            self._failures.append(error)
        finally:
            self._control.release()


class Overlap:
    """The table's writes as DynamoDB makes them: a transaction takes a while, and is exclusive."""

    def __init__(self, table: ToysTable, schedule: Schedule) -> None:
        self._client = table._client
        self._call = schedule.call
        self._transact = self._client.transact_write_items
        self._update = self._client.update_item
        self._held: set[str] = set()
        self.conflicts = 0
        self.mixed = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803
        """Refused where an item is held; else holds them all, and others run before it is done."""
        self._call()
        keys = [_key(item) for item in TransactItems]
        if self._held & set(keys):
            self.conflicts += 1
            raise self._cancelled(TransactItems, keys)
        self._held |= set(keys)
        try:
            self._call()
            self._transact(TransactItems=TransactItems)
        finally:
            self._held -= set(keys)

    def update_item(self, **given: Any) -> Any:
        """Refused where a transaction holds the item."""
        self._call()
        if given["Key"]["pk"] in self._held:
            self.conflicts += 1
            answer: Any = {"Error": {"Code": "TransactionConflictException"}}
            raise self._client.exceptions.TransactionConflictException(answer, "UpdateItem")
        return self._update(**given)

    def _cancelled(self, items: list[Any], keys: list[str]) -> ClientError:
        """What a transaction is told: the items that are free are looked at, and may fail too.

        An item that is not there is a reservation to be made, whose condition holds.
        """
        reasons: list[Any] = [
            {"Code": "TransactionConflict" if key in self._held else "None"} for key in keys
        ]
        free = [at for at, key in enumerate(keys) if key not in self._held and self._is_there(key)]
        for position, reason in zip(free, self._looked_at([items[at] for at in free]), strict=True):
            reasons[position] = reason
        self.mixed += any(reason["Code"] == "ConditionalCheckFailed" for reason in reasons)
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": reasons,
        }
        return self._client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")

    def _looked_at(self, items: list[Any]) -> list[Any]:
        """Whether the conditions of these items hold. Nothing is written."""
        if not items:
            return []
        never: Any = {
            "ConditionCheck": {
                "TableName": "Table",
                "Key": {"pk": "nothing"},
                "ConditionExpression": "attribute_exists(pk)",
            }
        }
        with pytest.raises(self._client.exceptions.TransactionCanceledException) as error:
            self._transact(TransactItems=[*copy.deepcopy(items), never])
        return list(error.value.response["CancellationReasons"])[:-1]

    def _is_there(self, key: str) -> bool:
        return "Item" in self._client.get_item(TableName="Table", Key={"pk": key})


def _key(item: dict[str, Any]) -> str:
    ((kind, given),) = item.items()
    return str(given["Item" if kind == "Put" else "Key"]["pk"])


class World:
    """The service at work under one schedule."""

    def __init__(self, seed: int) -> None:
        self.schedule = Schedule(seed)
        self.table = ToysTable("Table")
        self.overlap = Overlap(inbox.table, self.schedule)
        self.jobs: list[Job] = []

    def run(self) -> None:
        """Play all jobs."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(store, "random", self.schedule.random)
            patched.setattr(store, "sleep", self.schedule.sleep)
            for tables in (inbox.table, api.table):
                client = tables._client
                patched.setattr(client, "transact_write_items", self.overlap.transact_write_items)
                patched.setattr(client, "update_item", self.overlap.update_item)
            self.schedule.run(self.jobs)

    def shelve(self, toy_id: str, stock: int) -> None:
        """Put a toy on the shelf."""
        sku = "".join(c if c.isalnum() else "-" for c in toy_id.upper())[:40]
        self.table.add(Toy.create(toy_id, draft(stock, sku), now()))

    def stock(self, toy_id: str) -> int:
        """How many are left."""
        toy = self.table.toy(toy_id)
        assert toy
        return toy.stock

    def order(self, order_id: str, *toys: str, quantity: int = 1) -> None:
        """Somebody orders toys."""
        lines = tuple(Line(toy_id=toy, quantity=quantity, price=PRICE) for toy in toys)
        data = ReservationRequest(order_id=order_id, currency="EUR", lines=lines)
        command = ReserveStock.model_validate(
            {"metadata": metadata(order_id, 1, "ReserveStock"), "data": data}
        )
        self.jobs.append(lambda: self._deliver("ReserveStock", command.model_dump(mode="json")))

    def undo(self, order_id: str) -> None:
        """The order comes to nothing."""
        command = ReleaseStock.model_validate(
            {
                "metadata": metadata(order_id, 2, "ReleaseStock"),
                "data": ReleaseRequest(order_id=order_id),
            }
        )
        self.jobs.append(lambda: self._deliver("ReleaseStock", command.model_dump(mode="json")))

    def reservation(self, order_id: str) -> Reservation:
        """What became of the order."""
        reservation = self.table.reservation(order_id)
        assert reservation
        return reservation

    def _deliver(self, name: str, detail: dict[str, Any]) -> None:
        """Hand a message to the inbox as the queue does: again, until it is done with."""
        record = SQSRecord({"body": json.dumps({"detail-type": name, "detail": detail})})
        for tries in range(1, MAX_RECEIVE_COUNT + 1):
            try:
                return inbox.receive(record)
            except (Busy, Conflict):
                self.schedule.sleep(delivery.wait(tries))
        raise AssertionError(f"{name} of {detail['data']['orderId']} is a dead letter")


def empty() -> None:
    """Take everything out of the table: hypothesis makes one for all examples."""
    table = boto3.resource("dynamodb").Table("Table")
    with table.batch_writer() as batch:
        for item in table.scan()["Items"]:
            batch.delete_item(Key={"pk": item["pk"]})


def draft(stock: int, sku: str = "KITE-1") -> ToyDraft:
    return ToyDraft(
        sku=sku,
        name="Kite",
        category="Outdoor",
        brand="Brand",
        price=PRICE,
        currency="EUR",
        stock=stock,
    )


def metadata(order_id: str, version: int, name: str) -> dict[str, Any]:
    return {
        "id": f"{order_id}:{version}:{name}",
        "correlation_id": order_id,
        "causation_id": None,
        "occurred_at": now(),
        "version": version,
    }


def test_of_a_hundred_orders_for_the_last_ten_ten_win() -> None:
    world = World(0)
    world.shelve("kite", 10)
    orders = [f"order-{number}" for number in range(100)]
    for order_id in orders:
        world.order(order_id, "kite")
    world.run()
    ends = [world.reservation(order_id) for order_id in orders]
    assert world.overlap.conflicts > 0
    assert sum(end.status is Status.RESERVED for end in ends) == 10
    assert sum(end.reason is Refusal.OUT_OF_STOCK for end in ends) == 90
    assert world.stock("kite") == 0


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_refused_while_there_is_enough(seed: int) -> None:
    """To meet another order is no reason to be told that a toy is sold out."""
    world = World(seed)
    world.shelve("kite", 12)
    world.shelve("ball", 12)
    orders = [f"order-{number}" for number in range(12)]
    for number, order_id in enumerate(orders):
        world.order(order_id, *(("kite", "ball") if number % 2 else ("ball", "kite")))
    world.run()
    assert world.overlap.conflicts > 0
    assert {world.reservation(order_id).status for order_id in orders} == {Status.RESERVED}
    assert (world.stock("kite"), world.stock("ball")) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_line_that_failed_counts_though_another_only_met_someone(seed: int) -> None:
    """The lists of reasons are mixed: a toy that is sold out beside one that others write."""
    world = World(seed)
    world.shelve("kite", 100)
    world.shelve("ball", 0)
    for number in range(10):
        world.order(f"kite-{number}", "kite")
        world.order(f"both-{number}", "kite", "ball")
    world.run()
    assert world.overlap.mixed > 0
    for number in range(10):
        assert world.reservation(f"kite-{number}").status is Status.RESERVED
        refused = world.reservation(f"both-{number}")
        assert (refused.reason, refused.toy_id) == (Refusal.OUT_OF_STOCK, "ball")
    assert world.stock("kite") == 90


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32),
    orders=st.lists(
        st.tuples(
            st.sets(st.sampled_from(["kite", "ball", "bear"]), min_size=1),
            st.integers(1, 2),
            st.integers(1, 2),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_what_is_held_and_what_is_left_is_what_there_was(
    seed: int, orders: list[tuple[set[str], int, int, int]]
) -> None:
    """Messages come twice and undos early or late: each order ends once, and no unit is lost."""
    empty()
    world, run = World(seed), uuid.uuid4()
    names = {toy: f"{toy}-{run}" for toy in ("kite", "ball", "bear")}
    for toy_id in names.values():
        world.shelve(toy_id, 4)
    for number, (toys, quantity, asked, undone) in enumerate(orders):
        for _ in range(asked):
            world.order(f"{run}-{number}", *(names[toy] for toy in toys), quantity=quantity)
        for _ in range(undone):
            world.undo(f"{run}-{number}")
    world.run()
    held: Counter[str] = Counter()
    for number, (_, _, _, undone) in enumerate(orders):
        reservation = world.reservation(f"{run}-{number}")
        if reservation.status is Status.RESERVED:
            assert not undone
            held.update({line.toy_id: line.quantity for line in reservation.lines})
    for toy_id in names.values():
        assert world.stock(toy_id) == 4 - held[toy_id] >= 0


@pytest.mark.parametrize("seed", range(3))
def test_a_manager_works_while_people_buy(seed: int, context: Any) -> None:
    """What sells can be edited and restocked: neither undoes a reservation, nor one the other."""
    world = World(seed)
    world.shelve("kite", 8)
    edits: Counter[int] = Counter()
    moves: Counter[int] = Counter()

    def request(
        method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, list[str]]]:
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"content-type": "application/json"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {"requestId": "request-1", "stage": "live"},
            "body": json.dumps(body) if body else None,
        }
        answer = api.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"]), answer["multiValueHeaders"]

    def edit() -> None:
        for number in range(4):
            _, _, headers = request("GET", "/toys/kite")
            world.schedule.call()
            patch = {"name": f"Kite {number}"}
            edits[request("PATCH", "/toys/kite", patch, If_Match=headers["ETag"][0])[0]] += 1

    def restock() -> None:
        for number in range(4):
            world.schedule.call()
            body = {"delta": 5, "reason": "delivery"}
            for _ in range(2):  # the first answer was lost
                path, key = "/toys/kite/stock-adjustments", f"delivery {number}"
                moves[request("POST", path, body, Idempotency_Key=key)[0]] += 1

    for number in range(8):
        world.order(f"order-{number}", "kite")
    world.jobs += [edit, restock]
    world.run()
    ends = [world.reservation(f"order-{number}").status for number in range(8)]
    assert world.overlap.conflicts > 0
    assert edits == {200: 4}
    assert moves == {201: 4, 200: 4}
    assert set(ends) == {Status.RESERVED}
    assert world.stock("kite") == 20


@pytest.mark.parametrize("seed", range(4))
def test_of_many_who_want_one_sku_one_gets_it(seed: int) -> None:
    world, made = World(seed), Counter[str]()

    def create(toy_id: str) -> None:
        try:
            api.table.add(Toy.create(toy_id, draft(1), now()))
            made["made"] += 1
        except SkuTaken as error:
            made[error.toy_id] += 1

    world.jobs += [partial(create, f"kite-{number}") for number in range(6)]
    world.run()
    ((winner, _),) = [(name, n) for name, n in made.items() if n == 5]
    assert made == {"made": 1, winner: 5}
    assert world.table.toy(winner)


# One write, and what DynamoDB may answer


def cancelled(table: ToysTable, *codes: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return table._client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []
    monkeypatch.setattr(store, "sleep", made.append)
    return made


@pytest.fixture
def claim() -> Reservation:
    return Reservation(
        order_id="order-1",
        status=Status.RESERVED,
        currency="EUR",
        lines=(HeldLine(toy_id="kite", quantity=1, price=PRICE, category="Outdoor"),),
        version=1,
        updated_at=now(),
        correlation_id="order-1",
        causation_id="order-1:1:ReserveStock",
    )


@pytest.mark.parametrize(
    "codes",
    [
        ("None", "TransactionConflict"),
        ("TransactionConflict", "None"),
        ("ThrottlingError", "None"),
        ("None", "ProvisionedThroughputExceeded"),
        ("TransactionConflict", "ThrottlingError"),
    ],
)
def test_a_write_that_met_another_is_tried_again_with_a_bound(
    claim: Reservation,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    codes: tuple[str, ...],
) -> None:
    table = ToysTable("Table")
    table.add(Toy.create("kite", draft(1), now()))
    transact, refused = table._client.transact_write_items, len(PAUSES) + 1

    def contended(**given: Any) -> Any:
        nonlocal refused
        if refused:
            refused -= 1
            raise cancelled(table, *codes)
        return transact(**given)

    monkeypatch.setattr(table._client, "transact_write_items", contended)
    with pytest.raises(Busy):
        table.reserve(claim)
    assert refused == 0
    assert all(0 <= pause <= longest for pause, longest in zip(pauses, PAUSES, strict=True))
    assert table.reservation("order-1") is None
    refused = len(PAUSES)
    assert table.reserve(claim) is None


def test_what_no_new_try_would_change_is_raised_at_once(
    claim: Reservation, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ToysTable("Table")
    error = cancelled(table, "TransactionConflict", "ValidationError")

    def invalid(**_: Any) -> None:
        raise error

    monkeypatch.setattr(table._client, "transact_write_items", invalid)
    with pytest.raises(table._client.exceptions.TransactionCanceledException):
        table.reserve(claim)
    assert pauses == []


def test_an_order_that_always_meets_another_is_not_refused_but_comes_again(
    sample: Callable[[str], dict[str, Any]],
    context: Any,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def contended(**_: Any) -> None:
        raise cancelled(inbox.table, "None", "TransactionConflict")

    monkeypatch.setattr(inbox.table._client, "transact_write_items", contended)
    event = sample("inbox-ReserveStock")
    order_id = json.loads(event["Records"][0]["body"])["detail"]["data"]["orderId"]
    assert len(inbox.handler(event, context)["batchItemFailures"]) == 1
    assert inbox.table.reservation(order_id) is None
    assert len(pauses) == len(PAUSES)


def test_a_toy_that_others_write_all_the_time_cannot_be_changed(
    context: Any, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = api.table
    table.add(Toy.create("kite", draft(1), now()))
    answer: Any = {"Error": {"Code": "TransactionConflictException"}}

    def contended(**_: Any) -> None:
        raise table._client.exceptions.TransactionConflictException(answer, "UpdateItem")

    def cancel(**_: Any) -> None:
        raise cancelled(table, "TransactionConflict", "None")

    monkeypatch.setattr(table._client, "update_item", contended)
    monkeypatch.setattr(table._client, "transact_write_items", cancel)
    for number, (method, body) in enumerate([("PATCH", {"price": 1}), ("DELETE", None)], 1):
        event = {
            "httpMethod": method,
            "path": "/toys/kite",
            "headers": {"If-Match": '"1"'},
            "requestContext": {"requestId": "request-1", "stage": "live"},
            "body": json.dumps(body) if body else None,
        }
        assert api.handler(event, context)["statusCode"] == 409
        assert len(pauses) == number * len(PAUSES)


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def test_a_transaction_under_way_is_asked_for_again_under_the_same_token(
    claim: Reservation,
) -> None:
    """boto3 repeats it by itself: whether it was the first or the second, it is done once."""
    table = ToysTable("Table")
    table.add(Toy.create("kite", draft(5), now()))
    tokens: list[str] = []

    def answered(request: Any, **_: Any) -> Any:
        tokens.append(json.loads(request.body)["ClientRequestToken"])
        error = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException"}
        told, status = (error, 400) if len(tokens) == 1 else ({}, 200)
        return AWSResponse(request.url, status, HTTPHeaders(), Raw(json.dumps(told).encode()))

    table._client.meta.events.register_first("before-send.dynamodb.TransactWriteItems", answered)
    assert table.reserve(claim) is None
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


TEMPLATE = cfn_yaml.load(str(FOLDER / "template.yaml"))
FUNCTION = TEMPLATE["Resources"]["InboxFunction"]["Properties"]
BATCH = FUNCTION["Events"]["Inbox"]["Properties"]["BatchSize"]


class Clock:
    """The time that the inbox has, which goes by only where it waits: always the longest."""

    def __init__(self, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = 0.0
        self.given = TEMPLATE["Globals"]["Function"]["Timeout"]
        monkeypatch.setattr(store, "sleep", self.sleep)
        monkeypatch.setattr("toys.store.random.uniform", lambda _, longest: longest)
        monkeypatch.setattr(
            type(context),
            "get_remaining_time_in_millis",
            lambda _: int((self.given - self.waited) * 1000),
        )

    def sleep(self, seconds: float) -> None:
        self.waited += seconds

    def says_that_messages_waited_twice(self) -> None:
        """All of a batch, each for all pauses, and there was time for one more."""
        assert self.waited == pytest.approx(2 * BATCH * sum(PAUSES))
        assert self.waited < self.given - delivery.SPARE / 1000


def test_a_batch_of_orders_that_wait_as_long_as_they_do_is_done_in_time(
    sample: Callable[[str], dict[str, Any]],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is refused, and meets others both times it writes."""
    (record,) = sample("inbox-ReserveStock")["Records"]
    body, records = json.loads(record["body"]), []
    for number in range(BATCH):
        body["detail"]["data"]["orderId"] = f"order-{number}"
        records.append(record | {"messageId": f"{number}", "body": json.dumps(body)})
    transact, tried = inbox.table._client.transact_write_items, Counter[str]()

    def contended(TransactItems: list[Any]) -> Any:  # noqa: N803
        key = f"{len(TransactItems) > 1} {TransactItems[0]['Put']['Item']['pk']}"
        tried[key] += 1
        if tried[key] <= len(PAUSES):
            raise cancelled(inbox.table, "TransactionConflict")
        return transact(TransactItems=TransactItems)

    monkeypatch.setattr(inbox.table._client, "transact_write_items", contended)
    clock = Clock(context, monkeypatch)
    assert inbox.handler({"Records": records}, context) == {"batchItemFailures": []}
    assert len(tried) == 2 * BATCH
    clock.says_that_messages_waited_twice()
    for number in range(BATCH):
        kept = inbox.table.reservation(f"order-{number}")
        assert kept
        assert kept.status is Status.REFUSED


def test_a_batch_of_pictures_that_wait_as_long_as_they_do_is_done_in_time(
    sample: Callable[[str], dict[str, Any]],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each meets others for as long as it is tried, and finds its toy another one then."""
    (record,) = sample("inbox-FileStored")["Records"]
    body, records = json.loads(record["body"]), []
    data = body["detail"]["data"]
    inbox.table.add(Toy.create(data["owner"].removeprefix("urn:tbs:toy:"), draft(1), now()))
    for number in range(BATCH):
        data["fileId"] = f"file-{number}"
        records.append(record | {"messageId": f"{number}", "body": json.dumps(body)})
    tried, put_off = Counter[str](), list[str]()

    def contended(TransactItems: list[Any]) -> Any:  # noqa: N803
        file_id = TransactItems[0]["Put"]["Item"]["fileId"]
        tried[file_id] += 1
        if tried[file_id] % (len(PAUSES) + 1):
            raise cancelled(inbox.table, "None", "TransactionConflict")
        raise cancelled(inbox.table, "None", "ConditionalCheckFailed")

    monkeypatch.setattr(inbox.table._client, "transact_write_items", contended)
    monkeypatch.setattr(
        inbox.processor._sqs,
        "change_message_visibility",
        lambda **given: put_off.append(given["ReceiptHandle"]),
    )
    clock = Clock(context, monkeypatch)
    assert len(inbox.handler({"Records": records}, context)["batchItemFailures"]) == BATCH
    assert tried == {f"file-{number}": 2 * (len(PAUSES) + 1) for number in range(BATCH)}
    assert len(put_off) == BATCH
    clock.says_that_messages_waited_twice()


@given(
    stock=st.integers(0, 4),
    price=st.sampled_from([PRICE, PRICE + 1]),
    currency=st.sampled_from(["EUR", "XTS"]),
    deleted=st.booleans(),
    there=st.booleans(),
    digital=st.booleans(),
    has_file=st.booleans(),
)
@settings(max_examples=50)
def test_the_transaction_refuses_exactly_what_the_rules_refuse(
    stock: int,
    price: int,
    currency: str,
    deleted: bool,
    there: bool,
    digital: bool,
    has_file: bool,
) -> None:
    table, toy_id = ToysTable("Table"), str(uuid.uuid4())
    fulfilment = Fulfilment.DIGITAL if digital else Fulfilment.PARCEL
    changed = draft(stock, toy_id.upper()).model_copy(
        update={"price": price, "currency": currency, "fulfilment": fulfilment}
    )
    toy = Toy.create(toy_id, changed, now()) if there else None
    if toy:
        if has_file:
            file = Download(file_id="file-1", created_at=now())
            toy = toy.model_copy(update={"downloads": (file,)})
        table.add(toy)
        if deleted:
            table.delete(toy := toy.delete(now()))
    line = HeldLine.of(Line(toy_id=toy_id, quantity=3, price=PRICE), toy)
    order = Reservation(
        order_id=toy_id,
        status=Status.RESERVED,
        currency="EUR",
        lines=(line,),
        version=1,
        updated_at=now(),
        correlation_id=toy_id,
        causation_id=f"{toy_id}:1:ReserveStock",
    )
    refused = table.reserve(order)
    if refusal(line, "EUR", toy) is None:
        assert refused is None
    else:
        assert refused == (line, toy)
