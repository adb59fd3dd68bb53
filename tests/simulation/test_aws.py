"""The AWS in memory against moto: the same calls, the same answers, refusals, items and streams.

What moto gets wrong, or has not, is tested by example below, against what AWS documents.
"""

import json
import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import EventPattern

from tests.simulation.aws import Aws, installed
from tests.simulation.dynamodb import ACCOUNT, REGION
from tools.objects import FormRefused
from tools.shop import passes

ALL: Any = {"ProjectionType": "ALL"}


def _key(*names: str) -> list[Any]:
    return [
        {"AttributeName": name, "KeyType": role}
        for name, role in zip(names, ("HASH", "RANGE"), strict=False)
    ]


TABLES: dict[str, Any] = {
    "one": {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "status", "place", "waiting", "deadline", "listing", "nameKey")
        ],
        "KeySchema": _key("pk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": "byStatus", "KeySchema": _key("status", "place"), "Projection": ALL},
            {
                "IndexName": "byDeadline",
                "KeySchema": _key("waiting", "deadline"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "byName",
                "KeySchema": _key("listing", "nameKey"),
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": ["price", "projection", "place"],
                },
            },
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    },
    "two": {
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "since", "AttributeType": "N"},
        ],
        "KeySchema": _key("pk", "sk"),
        "LocalSecondaryIndexes": [
            {"IndexName": "byTime", "KeySchema": _key("pk", "since"), "Projection": ALL}
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    },
}
"""Tables shaped like those of the services: one with a hash key, one with hash and range."""

Call = tuple[str, str, dict[str, Any]]
"""A table, the name of a boto3 method, and its arguments."""


@dataclass
class Both:
    """The double, and moto, with a boto3 resource that reaches both."""

    aws: Aws
    resource: Any

    def fresh(self) -> None:
        """Empty tables on both sides."""
        self.aws.reset()
        for name, properties in TABLES.items():
            if name in dynamodb_backends[ACCOUNT][REGION].tables:
                self.resource.meta.client.delete_table(TableName=name)
            self.resource.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **properties)

    def agree(self, call: Call) -> Any:
        """Make a call on both sides. Returns what came of it, which has to be the same."""
        at_moto = outcome(lambda: self.made(call))
        with installed(self.aws):
            here = outcome(lambda: self.made(call))
        assert here == at_moto, call
        return here

    def made(self, call: Call) -> Any:
        """What the call gives. All pages of a query, without an empty one at the end."""
        table, method, arguments = call
        if method in {"transact_write_items", "batch_get_item", "batch_write_item"}:
            on = self.resource.meta.client
        else:
            on = self.resource.Table(table)
        answer = getattr(on, method)(**arguments)
        if "Select" in arguments:
            counted = answer["Count"]
            while start := answer.get("LastEvaluatedKey"):
                answer = on.query(**arguments, ExclusiveStartKey=start)
                counted += answer["Count"]
            return counted, "Items" in answer
        if method == "query":
            pages = [answer["Items"]]
            while start := answer.get("LastEvaluatedKey"):
                answer = on.query(**arguments, ExclusiveStartKey=start)
                pages.append(answer["Items"])
                assert len(pages) < 20
            return [page for page in pages if page]
        if method == "scan":  # in no order
            found = list(answer["Items"])
            while start := answer.get("LastEvaluatedKey"):
                assert len(answer["Items"]) <= arguments.get("Limit", 100)
                answer = on.scan(**arguments, ExclusiveStartKey=start)
                found += answer["Items"]
            return sorted(found, key=repr)
        # moto tells of costs where nobody asked.
        left_out = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"}
        return {name: value for name, value in answer.items() if name not in left_out}

    def check_state(self) -> None:
        """Both sides hold the same items, and tell the same of how they came to be."""
        for name, table in self.aws.tables.items():
            kept = self.resource.Table(name).scan()["Items"]
            key = [part.name for part in table.schema]
            assert {tuple(item[part] for part in key): tagged(item) for item in kept} == {
                place: tagged(item) for place, item in table.items.items()
            }
            # Not from moto's stream API: after a rollback it tells of what never was.
            shard = dynamodb_backends[ACCOUNT][REGION].tables[name].stream_shard
            assert shard is not None
            theirs = [told(record.to_json()) for record in shard.items]
            assert [told(change.record()) for change in table.changes] == mended(theirs)


def outcome(act: Callable[[], Any]) -> Any:
    """What came of a call: an answer, or a refusal by its codes."""
    try:
        return tagged(act())
    except ClientError as error:
        response: Any = error.response
        reasons = [
            (reason["Code"], reason.get("Item"))
            for reason in response.get("CancellationReasons", [])
        ]
        return type(error).__name__, response["Error"]["Code"], reasons


def tagged(value: Any) -> Any:
    """The value with its types: to Python, true is 1, and a number is a Decimal if it likes."""
    match value:
        case dict():
            return {name: tagged(part) for name, part in value.items()}
        case list():
            return [tagged(part) for part in value]
        case set():
            return "set", sorted(map(repr, value))
    return type(value).__name__, value


Record = tuple[str, Any, Any, Any, str, str]


def told(record: Any) -> Record:
    """A stream record, sans what differs by nature."""
    change = record["dynamodb"]
    return (
        record["eventName"],
        change["Keys"],
        unordered(change.get("OldImage")),
        unordered(change.get("NewImage")),
        change["StreamViewType"],
        record["eventSource"],
    )


def unordered(image: Any) -> Any:
    """An image whose sets are sorted: moto tells of their parts as Python's hashes have it."""
    match image:
        case dict():
            return {
                name: sorted(part) if name in {"SS", "NS", "BS"} else unordered(part)
                for name, part in image.items()
            }
        case list():
            return [unordered(part) for part in image]
    return image


def mended(records: list[Record]) -> list[Record]:
    """moto's records as DynamoDB would tell them.

    moto tells of writes that left the item as it was; and when an update makes an item, it first
    tells of one that has only its key.
    """
    found: list[Record] = []
    for record in records:
        name, keys, old, new, *rest = record
        if old == new:
            continue
        if name == "INSERT" and found and found[-1][0] == name and found[-1][3] == keys:
            found.pop()
        found.append((name, keys, old, new, *rest))
    return found


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            aws = Aws(lambda: 1_800_000_000.5)
            for name, properties in TABLES.items():
                aws.add_table(name, properties)
            aws.add_bucket("files")
            yield Both(aws, boto3.resource("dynamodb"))


@pytest.fixture
def aws(both: Both) -> Iterator[Aws]:
    """The double alone, empty, in the place of all that boto3 calls."""
    both.aws.reset()
    with installed(both.aws):
        yield both.aws


# ---- Calls like those of the services

ids = st.sampled_from("abc")
small = st.integers(0, 3)
texts = st.sampled_from(["", "x", "xy", "PLACED", "é"])
places = st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-02T00", "2026-02"])
scalars = st.one_of(
    small,
    texts,
    st.booleans(),
    st.none(),
    st.decimals(-100, 100, places=2).filter(lambda number: number == number.normalize()),
).map(lambda value: value.normalize() + 0 if isinstance(value, Decimal) else value)
nested = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("mno"), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def items(draw: st.DrawFn, place: str | None = None) -> dict[str, Any]:
    """Something with a version, sometimes listed, sometimes in a status."""
    pk = draw(ids)
    item = {
        "pk": pk,
        "version": draw(small),
        "price": draw(small),
        "currency": "EUR",
        "stock": draw(small),
        **draw(st.dictionaries(st.sampled_from(["text", "more"]), nested, max_size=2)),
    }
    if draw(st.booleans()):
        item["projection"] = {"version": draw(small), "more": draw(nested)}
    if draw(st.booleans()):
        # The place ends in the id, as it does in the services: no two items share one.
        item |= {"status": draw(st.sampled_from("PQ")), "place": f"{draw(places)}#{pk}"}
    if draw(st.booleans()):
        item |= {"waiting": "WAITING#0", "deadline": f"{draw(places)}#{pk}"}
    if draw(st.booleans()):
        item |= {"listing": "LISTED", "nameKey": f"{draw(places)}#{pk}"}
    if draw(st.booleans()):
        item["deletedAt"] = "2026-01-01"
    return item


conditions = st.one_of(
    st.just(Attr("pk").not_exists()),
    st.just(Attr("pk").exists()),
    small.map(lambda version: Attr("version").eq(version)),
    small.map(lambda version: Attr("pk").not_exists() | Attr("version").lt(version)),
    small.map(
        lambda version: Attr("projection").not_exists() | Attr("projection.version").lt(version)
    ),
    small.map(
        lambda version: (
            Attr("pk").exists() & Attr("text").not_exists() & Attr("version").eq(version)
        )
    ),
)


def condition(given: Any) -> dict[str, Any]:
    """The argument for a condition, if there is one."""
    return {} if given is None else {"ConditionExpression": given}


returned = st.sampled_from(["NONE", "ALL_OLD"])
puts = st.builds(
    lambda item, given, wanted: (
        "one",
        "put_item",
        {"Item": item, "ReturnValues": wanted, **condition(given)},
    ),
    items(),
    st.none() | conditions,
    returned,
)
deletes = st.builds(
    lambda pk, given, wanted: (
        "one",
        "delete_item",
        {"Key": {"pk": pk}, "ReturnValues": wanted, **condition(given)},
    ),
    ids,
    st.none() | conditions,
    returned,
)
gets = st.builds(lambda pk: ("one", "get_item", {"Key": {"pk": pk}, "ConsistentRead": True}), ids)
batches = st.builds(
    lambda pks: (
        "one",
        "batch_get_item",
        {
            "RequestItems": {
                "one": {"Keys": [{"pk": pk} for pk in sorted(pks)], "ConsistentRead": True}
            }
        },
    ),
    st.sets(ids, min_size=1),
)


def taking(pk: str, quantity: int, price: int) -> dict[str, Any]:
    """How toys are taken off the shelf."""
    return {
        "Key": {"pk": pk},
        "ConditionExpression": "attribute_not_exists(deletedAt) AND price = :price"
        " AND currency = :currency AND stock >= :quantity",
        "UpdateExpression": "SET stock = stock - :quantity, version = version + :one,"
        " updatedAt = :at",
        "ExpressionAttributeValues": {
            ":quantity": quantity,
            ":price": price,
            ":currency": "EUR",
            ":one": 1,
            ":at": "now",
        },
    }


def following(pk: str, version: int, told: Any) -> dict[str, Any]:
    """How a copy follows what is told of its original."""
    return {
        "Key": {"pk": pk},
        "UpdateExpression": "SET #told = :told, since = if_not_exists(since, :placed)",
        "ConditionExpression": Attr("projection").not_exists()
        | Attr("projection.version").lt(version),
        "ExpressionAttributeNames": {"#told": "projection"},
        "ExpressionAttributeValues": {
            ":told": {"version": version, "more": told},
            ":placed": f"then {version}",
        },
    }


def plain(pk: str, expression: str, **values: Any) -> dict[str, Any]:
    """An update with no condition."""
    given = {f":{name}": value for name, value in values.items()}
    return {
        "Key": {"pk": pk},
        "UpdateExpression": expression,
        **({"ExpressionAttributeValues": given} if given else {}),
    }


def deepening(pk: str, version: int) -> dict[str, Any]:
    """An update within a map, where there is one."""
    return plain(pk, "SET #told.version = :n", n=version) | {
        "ExpressionAttributeNames": {"#told": "projection"}
    }


updates = st.builds(
    lambda arguments, wanted: ("one", "update_item", {**arguments, "ReturnValues": wanted}),
    st.one_of(
        st.builds(taking, ids, small, small),
        st.builds(following, ids, small, nested),
        st.builds(lambda pk: plain(pk, "SET place = :p REMOVE waiting", p=f"2026#{pk}"), ids),
        st.builds(lambda pk, n: plain(pk, "ADD stock :n SET price = :n", n=n), ids, small),
        st.builds(
            lambda pk, n: plain(
                pk, "SET tags = list_append(if_not_exists(tags, :none), :n)", none=[], n=[n]
            ),
            ids,
            small,
        ),
        st.builds(lambda pk, s: plain(pk, "ADD marks :s", s=s), ids, st.sets(ids, min_size=1)),
        st.builds(deepening, ids, small),
    ),
    st.sampled_from(["NONE", "ALL_OLD", "ALL_NEW"]),
)


@st.composite
def transactions(draw: st.DrawFn) -> Call:
    """Several toys and what is kept of them, at once, as a reservation is made."""
    steps = []
    for pk in draw(st.lists(ids, min_size=1, max_size=3)):
        match draw(st.sampled_from(["take", "put", "settle", "check", "delete"])):
            case "take":
                step = {
                    "Update": {
                        "TableName": "one",
                        **taking(pk, draw(small), draw(small)),
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                }
            case "put":
                item = {**draw(items()), "pk": pk, "place": f"2026#{pk}"}
                step = {
                    "Put": {
                        "TableName": "one",
                        "Item": item,
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                }
            case "settle":
                step = {
                    "Put": {
                        "TableName": "one",
                        "Item": {**draw(items()), "pk": pk, "place": f"2026#{pk}"},
                        "ConditionExpression": "#status = :held",
                        "ExpressionAttributeNames": {"#status": "status"},
                        "ExpressionAttributeValues": {":held": "P"},
                    }
                }
            case "check":
                step = {
                    "ConditionCheck": {
                        "TableName": "one",
                        "Key": {"pk": pk},
                        "ConditionExpression": "version < :n OR NOT price IN (:n, :m)",
                        "ExpressionAttributeValues": {":n": draw(small), ":m": 3},
                    }
                }
            case _:
                step = {"Delete": {"TableName": "one", "Key": {"pk": pk}}}
        steps.append(step)
    return "one", "transact_write_items", {"TransactItems": steps}


@st.composite
def queries(draw: st.DrawFn) -> Call:
    """A page of an index, or all of them."""
    index, hash_, sort = draw(
        st.sampled_from(
            [
                ("byStatus", Key("status").eq("P"), "place"),
                ("byDeadline", Key("waiting").eq("WAITING#0"), "deadline"),
                ("byName", Key("listing").eq("LISTED"), "nameKey"),
            ]
        )
    )
    at, later = sorted([draw(places), draw(places)])
    asked = draw(
        st.sampled_from(
            [
                None,
                Key(sort).lt(at),
                Key(sort).lte(at),
                Key(sort).gt(at),
                Key(sort).gte(at),
                Key(sort).between(at, later),
                Key(sort).begins_with(at),
                Key(sort).eq(f"{at}#a"),
            ]
        )
    )
    arguments: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": hash_ if asked is None else hash_ & asked,
        "ScanIndexForward": draw(st.booleans()),
    }
    if limit := draw(small):
        arguments["Limit"] = limit
    if index == "byStatus" and draw(st.booleans()):
        arguments["FilterExpression"] = Attr("stock").gte(draw(small))
    if index == "byName":
        # What the index does not carry is not there.
        filters = [
            Attr("price").gte(draw(small)),
            Attr("stock").not_exists(),
            Attr("projection.version").lte(draw(small)) | Attr("place").begins_with("2026"),
        ]
        if draw(st.booleans()):
            arguments["FilterExpression"] = draw(st.sampled_from(filters))
        if draw(st.booleans()):
            arguments["ProjectionExpression"] = "nameKey, price, stock"
    return "one", "query", arguments


calm = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # no shrinking: it would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(calm, max_examples=30)
@given(
    st.lists(
        puts | puts | updates | updates | transactions() | deletes | gets | batches | queries(),
        min_size=4,
        max_size=16,
    )
)
@example([("one", "update_item", plain("a", "ADD marks :s", s=set("abcdefgh")))])
def test_whatever_is_done_both_answer_alike(both: Both, calls: list[Call]) -> None:
    both.fresh()
    for call in calls:
        both.agree(call)
    both.check_state()


def test_a_copy_follows_alike(both: Both) -> None:
    both.fresh()
    for version in (2, 1, 3, 3):
        both.agree(
            ("one", "update_item", {**following("a", version, []), "ReturnValues": "ALL_NEW"})
        )
    assert both.aws.tables["one"].items["a",]["since"] == "then 2"
    both.check_state()


# ---- Conditions

names = st.sampled_from(["version", "text", "m.n", "m.o[1]", "tags", "nothing"])
# To moto, what is not there equals null.
operands = st.one_of(small, texts.filter(bool), st.booleans())
# moto fails at values of different types that are to be put in order.
ordered = st.one_of(
    st.tuples(st.sampled_from(["version", "m.o[1]", "nothing"]), small, small),
    st.tuples(st.just("text"), texts.filter(bool), texts.filter(bool)),
)
leaves = st.one_of(
    st.builds(lambda name, value: Attr(name).eq(value), names, operands),
    st.builds(lambda name, value: Attr(name).ne(value), names, operands),
    ordered.map(lambda of: Attr(of[0]).lt(of[1])),
    ordered.map(lambda of: Attr(of[0]).lte(of[1])),
    ordered.map(lambda of: Attr(of[0]).gt(of[1])),
    ordered.map(lambda of: Attr(of[0]).gte(of[1])),
    ordered.map(lambda of: Attr(of[0]).between(min(of[1:]), max(of[1:]))),
    st.builds(lambda name, some: Attr(name).is_in(some), names, st.lists(small, min_size=1)),
    st.builds(lambda name: Attr(name).exists(), names),
    st.builds(lambda name: Attr(name).not_exists(), names),
    st.builds(lambda name, kind: Attr(name).attribute_type(kind), names, st.sampled_from("SNML")),
    st.builds(lambda value: Attr("text").begins_with(value), texts.filter(bool)),
    st.builds(lambda value: Attr("text").contains(value), texts.filter(bool)),
    st.builds(lambda value: Attr("tags").contains(value), small),
    st.builds(lambda number: Attr("text").size().gt(number), small),
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda one, other: one & other, inner, inner)
        | st.builds(lambda one, other: one | other, inner, inner)
        | st.builds(lambda one: ~one, inner)
    ),
    max_leaves=5,
)
subjects = st.fixed_dictionaries(
    {"pk": st.just("a"), "text": st.sampled_from(["x", "xy", "PLACED", "é"])},
    optional={
        "version": small,
        "tags": st.lists(small, max_size=2),
        "m": st.fixed_dictionaries({}, optional={"n": operands, "o": st.lists(small, max_size=2)}),
    },
)


@settings(calm, max_examples=25)
@given(subjects, st.lists(trees, min_size=2, max_size=6))
def test_conditions_hold_alike(both: Both, item: dict[str, Any], asked: list[Any]) -> None:
    both.fresh()
    both.agree(("one", "put_item", {"Item": item}))
    for each in asked:
        both.agree(("one", "put_item", {"Item": item, "ConditionExpression": each}))


@pytest.mark.parametrize(
    "expression",
    [
        "#v = :two AND NOT (#t = :x OR attribute_not_exists(m.n))",
        "NOT #v = :one and begins_with(#t, :x)",
        "#v BETWEEN :one AND :two AND #v IN (:two, :one)",
        "attribute_exists(nothing) OR :x = #t OR size(m.o) >= :two",
        "size(m.o) = :two AND contains(m.o, :one) AND m.o[0] = :two",
        "attribute_type(m, :map)",
        "#v <> :one AND nothing <> :one",
        "((#v < :two) OR (#v > :one))",
        "#v = #v AND NOT #t = #v",
    ],
)
def test_conditions_in_words_hold_alike(both: Both, expression: str) -> None:
    both.fresh()
    item = {"pk": "a", "version": 2, "text": "xy", "m": {"n": None, "o": [2, 1]}}
    both.agree(("one", "put_item", {"Item": item}))
    names = {"#v": "version", "#t": "text"}
    values = {":one": 1, ":two": 2, ":x": "x", ":map": "M"}
    arguments: dict[str, Any] = {"Key": {"pk": "a"}, "ConditionExpression": expression}
    if used := {name: given for name, given in names.items() if name in expression}:
        arguments["ExpressionAttributeNames"] = used
    if needed := {name: given for name, given in values.items() if name in expression}:
        arguments["ExpressionAttributeValues"] = needed
    both.agree(("one", "delete_item", arguments))
    both.check_state()


# ---- Hash and range

times = st.integers(1, 4).map(lambda each: each * 10)


@settings(calm, max_examples=12)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("aab"), st.sampled_from("abcd")),
        st.none() | times,
        min_size=4,
        max_size=7,
    ),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(["a", "b", "ab"]),
)
def test_what_lies_under_one_hash_is_read_in_order(
    both: Both, laid: dict[tuple[str, str], int | None], forward: bool, limit: int, bound: str
) -> None:
    both.fresh()
    for i, ((pk, sk), since) in enumerate(laid.items()):
        item = {"pk": pk, "sk": sk, "n": i}
        # Two at the same time: their order is DynamoDB's own affair.
        both.agree(
            ("two", "put_item", {"Item": item if since is None else {**item, "since": since + i}})
        )
    page = {"ScanIndexForward": forward, **({"Limit": limit} if limit else {})}
    mine = Key("pk").eq("a")
    for asked in (mine, mine & Key("sk").gte(bound), mine & Key("sk").begins_with(bound)):
        both.agree(("two", "query", {"KeyConditionExpression": asked, **page}))
    both.agree(("two", "query", {"KeyConditionExpression": mine, "Select": "COUNT", **page}))
    local = {"IndexName": "byTime", "ConsistentRead": True, **page}
    for asked in (mine, mine & Key("since").between(15, 30)):
        both.agree(("two", "query", {"KeyConditionExpression": asked, **local}))
    both.agree(("two", "delete_item", {"Key": {"pk": "a", "sk": "a"}, "ReturnValues": "ALL_OLD"}))
    both.agree(("two", "query", {"KeyConditionExpression": mine, **local}))
    both.check_state()


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), items(), max_size=8),
    st.sets(st.sampled_from("abcdefgh")),
    st.integers(0, 4),
)
def test_what_is_written_in_batches_is_found_by_a_scan(
    both: Both, laid: dict[str, dict[str, Any]], gone: set[str], limit: int
) -> None:
    both.fresh()
    requests = [{"PutRequest": {"Item": {**item, "pk": pk}}} for pk, item in laid.items()]
    if requests:
        both.agree(("one", "batch_write_item", {"RequestItems": {"one": requests}}))
    deletes = [{"DeleteRequest": {"Key": {"pk": pk}}} for pk in sorted(gone)]
    if deletes:
        both.agree(("one", "batch_write_item", {"RequestItems": {"one": deletes}}))
    page = {"ConsistentRead": True, **({"Limit": limit} if limit else {})}
    found = both.agree(("one", "scan", page))
    assert {item["pk"] for item in found} == {tagged(pk) for pk in laid.keys() - gone}
    both.agree(("one", "scan", {**page, "FilterExpression": Attr("pk").begins_with("a")}))
    both.agree(("one", "scan", {**page, "FilterExpression": Attr("version").gte(1)}))
    both.check_state()


FILTERS = (
    '{"eventName": ["MODIFY", "REMOVE"]}',
    '{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "a"}]}}}}',
    '{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["PLACED", "x"]}}}}',
    '{"dynamodb": {"OldImage": {"text": {"S": [{"exists": true}]}}}}',
    '{"dynamodb": {"NewImage": {"text": {"S": [{"exists": false}]}}}}',
)


@settings(deadline=None, max_examples=60)
@given(st.lists(puts | deletes, max_size=8))
def test_a_glimpse_of_a_change_passes_a_filter_as_its_record_does(
    both: Both, calls: list[Call]
) -> None:
    """And as moto's own filter says."""
    both.aws.reset()
    with installed(both.aws):
        for call in calls:
            with suppress(ClientError):
                both.made(call)
    for change in both.aws.tables["one"].changes:
        record = change.record()
        for text in FILTERS:
            pattern = json.loads(text)
            parts = {part: {*names} for part, names in pattern.get("dynamodb", {}).items()}
            criteria = {"Filters": [{"Pattern": text}]}
            wanted = EventPattern(None, pattern).matches_event(record)  # type: ignore[arg-type]
            assert passes(record, criteria) == wanted
            assert passes(change.glimpse(parts), criteria) == wanted


# ---- Refusals

GOOD: dict[str, Any] = {"pk": "a", "version": 1}
PUT: dict[str, Any] = {"Item": GOOD}
MANY: list[Any] = [
    {"Put": {"TableName": "one", "Item": {"pk": str(number)}}} for number in range(101)
]


@pytest.mark.parametrize(
    ("table", "method", "arguments"),
    [
        ("none", "put_item", PUT),
        ("one", "put_item", {"Item": {"version": 1}}),
        ("one", "put_item", {"Item": {"pk": ""}}),
        ("one", "put_item", {"Item": {"pk": 1}}),
        ("one", "put_item", {"Item": {"pk": "x" * 2049}}),
        ("one", "put_item", {"Item": {"pk": "a", "status": "", "place": "x"}}),
        ("one", "put_item", {"Item": {"pk": "a", "text": "x" * 409_700}}),
        ("one", "put_item", {**PUT, "ConditionExpression": "status = pk"}),
        ("one", "put_item", {**PUT, "ReturnValues": "ALL_NEW"}),
        ("one", "get_item", {"Key": {"pk": "a", "sk": "b"}}),
        ("one", "get_item", {"Key": {"sk": "b"}}),
        ("one", "get_item", {"Key": {"pk": ""}}),
        ("one", "update_item", plain("a", "SET pk = :x", x="b")),
        ("one", "update_item", plain("a", "SET version = nothing")),
        ("one", "update_item", plain("a", "SET version = version + :x", x="text")),
        ("one", "update_item", plain("a", "SET m.n = :x", x=1)),
        ("one", "update_item", plain("a", "SET version = :x, version = :x", x=1)),
        ("one", "update_item", plain("a", "SET version = :x SET other = :x", x=1)),
        ("one", "update_item", plain("a", "SET version = :x", x=1, y=2)),
        ("one", "update_item", plain("a", "SET version :x", x=1)),
        ("one", "query", {"KeyConditionExpression": Key("version").eq(1)}),
        (
            "one",
            "query",
            {
                "IndexName": "byStatus",
                "KeyConditionExpression": Key("status").eq("P"),
                "ConsistentRead": True,
            },
        ),
        (
            "one",
            "batch_get_item",
            {"RequestItems": {"one": {"Keys": [{"pk": "a"}, {"pk": "a"}]}}},
        ),
        (
            "one",
            "batch_get_item",
            {"RequestItems": {"one": {"Keys": [{"pk": str(number)} for number in range(101)]}}},
        ),
        ("one", "batch_write_item", {"RequestItems": {"none": [{"PutRequest": PUT}]}}),
        ("one", "batch_write_item", {"RequestItems": {"one": [{"PutRequest": PUT}] * 2}}),
        ("one", "transact_write_items", {"TransactItems": MANY}),
        ("one", "transact_write_items", {"TransactItems": [MANY[0], MANY[0]]}),
    ],
)
def test_what_is_wrong_is_refused_alike(
    both: Both, table: str, method: str, arguments: dict[str, Any]
) -> None:
    both.fresh()
    both.agree(("one", "put_item", PUT))
    assert both.agree((table, method, arguments))[0] != "Attributes"
    both.check_state()


V: Any = {":v": 1}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("put_item", {"Item": {"pk": "a", "status": 1, "place": "x"}}),
        ("put_item", {"Item": {"pk": "a", "status": "x" * 2049, "place": "x"}}),
        ("put_item", {"Item": {"pk": "a", "marks": set()}}),
        ("put_item", {**PUT, "ConditionExpression": "version ="}),
        ("put_item", {**PUT, "ConditionExpression": "version = 1"}),
        ("put_item", {**PUT, "ConditionExpression": "(version = pk"}),
        ("put_item", {**PUT, "ConditionExpression": "version = pk pk"}),
        ("put_item", {**PUT, "ConditionExpression": "is_there(pk)"}),
        ("put_item", {**PUT, "ConditionExpression": "attribute_exists(pk, pk)"}),
        ("put_item", {**PUT, "ConditionExpression": ""}),
        ("put_item", {**PUT, "ConditionExpression": "version = :v"}),
        ("put_item", {**PUT, "ConditionExpression": "#v = version"}),
        ("put_item", {**PUT, "ConditionExpression": Attr("version").between(2, 1)}),
        ("put_item", {**PUT, "ConditionExpression": Attr("version").between(2, "x")}),
        ("put_item", {**PUT, "ConditionExpression": Attr("version").lt(value={})}),
        ("put_item", {**PUT, "ConditionExpression": Attr("version").lt(value=None)}),
        ("put_item", {**PUT, "ConditionExpression": Attr("version").attribute_type("X")}),
        (
            "put_item",
            {
                **PUT,
                "ConditionExpression": Attr("version").eq(1),
                "ExpressionAttributeNames": {"#x": "x"},
            },
        ),
        ("put_item", {**PUT, "ExpressionAttributeValues": V}),
        ("update_item", plain("a", "SET place = :p", p=1)),
        ("update_item", plain("a", "SET m.n = :x, m = :x", x=1)),
        ("update_item", plain("a", "SET version = list_append(version, version)")),
        ("update_item", plain("a", "ADD version :x", x="text")),
        ("update_item", plain("a", "ADD version :x", x={1})),
        ("update_item", plain("a", "DELETE version :x", x={1})),
        ("query", {"KeyConditionExpression": Key("pk").eq(1)}),
        ("query", {"KeyConditionExpression": Key("pk").eq("a"), "IndexName": "none"}),
        ("query", {"KeyConditionExpression": Key("pk").eq("")}),
        ("query", {"KeyConditionExpression": Key("pk").eq("a") & Key("sk").eq("b")}),
        ("query", {"KeyConditionExpression": Key("pk").begins_with("a")}),
        (
            "query",
            {
                "KeyConditionExpression": Key("pk").eq("a"),
                "FilterExpression": Attr("pk").eq("a"),
            },
        ),
        (
            "query",
            {
                "KeyConditionExpression": Key("pk").eq("a"),
                "ExclusiveStartKey": {"pk": "a", "more": 1},
            },
        ),
        (
            "query",
            {
                "IndexName": "byStatus",
                "KeyConditionExpression": Key("status").eq("P"),
                "ExclusiveStartKey": {"pk": "a", "status": "Q", "place": "x"},
            },
        ),
    ],
)
def test_what_moto_lets_pass_is_refused(aws: Aws, method: str, arguments: dict[str, Any]) -> None:
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "version": 1, "m": {"n": 1}})
    kept = aws.tables["one"].items["a",]
    with pytest.raises(ClientError) as refused:
        getattr(table, method)(**arguments)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert aws.tables["one"].items == {("a",): kept}
    assert len(aws.tables["one"].changes) == 1


@pytest.mark.parametrize("value", [1.5, {1.5}, {"m": [0.1]}, object(), {"a", 1}, Decimal("NaN")])
def test_what_boto3_cannot_say_is_a_type_error(both: Both, value: Any) -> None:
    table = both.resource.Table("one")
    for _ in range(2):
        with pytest.raises(TypeError):
            table.put_item(Item={"pk": "a", "value": value})
        with installed(both.aws), pytest.raises(TypeError):
            table.put_item(Item={"pk": "a", "value": value})


# ---- By example


def test_a_batch_writes_twenty_five_items_at_most(aws: Aws) -> None:
    client = boto3.resource("dynamodb").meta.client
    requests: list[Any] = [{"PutRequest": {"Item": {"pk": str(number)}}} for number in range(26)]
    with pytest.raises(ClientError, match="Too many items"):
        client.batch_write_item(RequestItems={"one": requests})
    assert aws.tables["one"].items == {}
    client.batch_write_item(RequestItems={"one": requests[1:]})
    assert len(aws.tables["one"].items) == 25


def test_a_failed_transaction_changes_nothing_and_says_why(aws: Aws) -> None:
    client = boto3.resource("dynamodb").meta.client
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "stock": 1, "price": 1, "currency": "EUR", "version": 1})
    new: Any = {
        "TableName": "one",
        "Item": {"pk": "b"},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    full: Any = {
        **taking("a", 2, 1),
        "TableName": "one",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    missing: Any = {"TableName": "one", **plain("c", "SET stock = stock + :x", x=1)}
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[{"Put": new}, {"Update": full}])
    reasons: Any = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    # As it came over the wire: boto3 reads no values within an error.
    assert reasons[1]["Item"]["stock"] == {"N": "1"}
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[{"Put": new}, {"Update": missing}])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ValidationError"]
    assert aws.tables["one"].items.keys() == {("a",)}
    assert len(aws.tables["one"].changes) == 1


def test_a_condition_object_within_a_transaction_is_refused_as_boto3_does(aws: Aws) -> None:
    client = boto3.resource("dynamodb").meta.client
    put: Any = {"TableName": "one", "Item": GOOD, "ConditionExpression": Attr("pk").exists()}
    with pytest.raises(ParamValidationError):
        client.transact_write_items(TransactItems=[{"Put": put}])


def test_a_write_that_changes_nothing_is_not_told(aws: Aws) -> None:
    table, changes = boto3.resource("dynamodb").Table("one"), aws.tables["one"].changes
    for _ in range(2):
        table.put_item(Item={"pk": "a", "flag": True, "parts": [{"n": 1}]})
        table.update_item(**plain("a", "SET flag = :f", f=True))
        table.delete_item(Key={"pk": "none"})
    assert [change.name for change in changes] == ["INSERT"]
    table.put_item(Item={"pk": "a", "flag": 1, "parts": [{"n": 1}]})
    table.put_item(Item={"pk": "a", "flag": 1, "parts": [{"n": True}]})
    table.delete_item(Key={"pk": "a"})
    assert [change.name for change in changes] == ["INSERT", "MODIFY", "MODIFY", "REMOVE"]
    numbers = [change.record()["dynamodb"]["SequenceNumber"] for change in changes]
    assert numbers == sorted(numbers)
    assert len({change.record()["eventID"] for change in changes}) == 4


def test_a_record_is_as_lambda_has_it(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("one")
    item: Any = {
        "pk": "a",
        "n": Decimal("-1.50"),
        "big": 10**30,
        "tiny": Decimal("0.00000000001"),
        "list": [True, None, {"m": ""}],
        "set": {"x", "y"},
        "numbers": {1, 2},
        "bytes": b"abc",
    }
    table.put_item(Item=item)
    (change,) = aws.tables["one"].changes
    record = change.record()
    assert record["dynamodb"] == {
        "ApproximateCreationDateTime": 1_800_000_000,
        "Keys": {"pk": {"S": "a"}},
        "NewImage": {
            "pk": {"S": "a"},
            "n": {"N": "-1.5"},
            "big": {"N": "1" + "0" * 30},
            "tiny": {"N": "0.00000000001"},
            "list": {"L": [{"BOOL": True}, {"NULL": True}, {"M": {"m": {"S": ""}}}]},
            "set": {"SS": ["x", "y"]},
            "numbers": {"NS": ["1", "2"]},
            "bytes": {"B": "YWJj"},
        },
        "SequenceNumber": "000000000000000000001",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    assert record["eventSourceARN"].startswith(f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/one/")
    assert json.loads(json.dumps(record)) == record
    record["dynamodb"]["NewImage"].clear()
    assert change.record()["dynamodb"]["NewImage"]


def test_nobody_changes_what_is_kept(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("one")
    item: Any = {"pk": "a", "m": {"parts": [1]}, "set": {"x"}}
    table.put_item(Item=item)
    item["m"]["parts"].append(2)
    item["set"].add("y")
    kept = {"pk": "a", "m": {"parts": [Decimal(1)]}, "set": {"x"}}
    for _ in range(2):
        found: Any = table.get_item(Key={"pk": "a"})["Item"]
        assert found == kept
        found["m"]["parts"].append(3)
        found["set"].clear()
    before = aws.tables["one"].changes[0]
    changed: Any = table.update_item(
        **plain("a", "SET m.more = :l REMOVE m.parts DELETE #set :x", l=[1], x={"x"}),
        ExpressionAttributeNames={"#set": "set"},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed == {"pk": "a", "m": {"more": [1]}}
    assert before.new == kept
    assert aws.tables["one"].changes[1].old == kept


def test_numbers_come_back_as_dynamodb_writes_them(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "n": [Decimal("1.500"), Decimal("1E+2"), 0, -(10**37)]})
    found: Any = table.get_item(Key={"pk": "a"})["Item"]
    assert list(map(str, found["n"])) == ["1.5", "100", "0", str(-(10**37))]
    assert all(type(each) is Decimal for each in found["n"])


def test_values_of_different_types_are_neither_equal_nor_in_order(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "flag": True, "n": 1, "text": "1"})
    for holds in (
        Attr("flag").ne(1),
        Attr("n").ne(True),
        ~Attr("nothing").eq(None),
        ~Attr("text").lt(2),
        ~Attr("text").gt(0),
    ):
        table.put_item(
            Item={"pk": "a", "flag": True, "n": 1, "text": "1"}, ConditionExpression=holds
        )


def test_a_full_page_names_where_it_ended_though_nothing_follows(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "status": "P", "place": "1"})
    asked: Any = {"IndexName": "byStatus", "KeyConditionExpression": Key("status").eq("P")}
    page = table.query(**asked, Limit=1)
    assert page["LastEvaluatedKey"] == {"pk": "a", "status": "P", "place": "1"}
    rest = table.query(**asked, Limit=1, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (rest["Items"], "LastEvaluatedKey" in rest) == ([], False)
    assert "LastEvaluatedKey" not in table.query(**asked, Limit=2)


def test_a_page_has_a_megabyte_at_most(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("two")
    for number in range(5):
        table.put_item(Item={"pk": "a", "sk": str(number), "text": "x" * 300_000})
    asked: Any = {"KeyConditionExpression": Key("pk").eq("a")}
    page = table.query(**asked)
    assert [item["sk"] for item in page["Items"]] == ["0", "1", "2"]
    rest = table.query(**asked, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert [item["sk"] for item in rest["Items"]] == ["3", "4"]


def test_what_has_the_same_place_in_an_index_is_paged_all_the_same(aws: Aws) -> None:
    table = boto3.resource("dynamodb").Table("two")
    for sk in "cab":
        table.put_item(Item={"pk": "a", "sk": sk, "since": 1})
    asked: Any = {"IndexName": "byTime", "KeyConditionExpression": Key("pk").eq("a"), "Limit": 1}
    for forward in (True, False):
        found: list[Any] = []
        start: Any = {}
        for _ in range(4):
            page = table.query(**asked, ScanIndexForward=forward, **start)
            found += [item["sk"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert sorted(found) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("scan", {"Segment": 0, "TotalSegments": 2}),
        ("put_item", {**PUT, "ReturnConsumedCapacity": "TOTAL"}),
        ("get_item", {"Key": {"pk": "a"}, "ProjectionExpression": "pk"}),
        ("query", {"KeyConditionExpression": Key("pk").eq("a"), "Select": "ALL_ATTRIBUTES"}),
        (
            "query",
            {"KeyConditionExpression": Key("pk").eq("a"), "ProjectionExpression": "m.parts"},
        ),
        ("update_item", plain("nobody", "REMOVE version")),
        ("update_item", plain("a", "SET l[0] = :x", x=1)),
    ],
)
def test_what_is_not_played_says_so(aws: Aws, method: str, arguments: dict[str, Any]) -> None:
    table = boto3.resource("dynamodb").Table("one")
    table.put_item(Item={"pk": "a", "l": [0]})
    with pytest.raises(NotImplementedError):
        getattr(table, method)(**arguments)


def test_calls_of_no_service_played_say_so(aws: Aws) -> None:
    with pytest.raises(NotImplementedError, match="sqs SendMessage"):
        boto3.client("sqs").send_message(QueueUrl="x", MessageBody="x")
    aws.handlers["sqs", "SendMessage"] = lambda params: {"MessageId": params["MessageBody"]}
    try:
        answer = boto3.client("sqs").send_message(QueueUrl="x", MessageBody="x")
        assert (answer["MessageId"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("x", 200)
    finally:
        aws.handlers.clear()


def test_around_a_call_anything_may_happen(both: Both) -> None:
    heard = []
    table = both.resource.Table("one")
    stale = table.meta.client.exceptions.ConditionalCheckFailedException
    response: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "by hand"}}

    def around(service: str, operation: str, params: Any, go: Callable[[], Any]) -> Any:
        heard.append((service, operation, params["TableName"]))
        if operation == "PutItem":
            go()
            raise ClientError(response, operation)
        return go()

    both.aws.reset()
    with installed(both.aws, around):
        with pytest.raises(stale, match="by hand"):
            table.put_item(Item=GOOD)
        assert table.get_item(Key={"pk": "a"})["Item"] == GOOD
    assert heard == [("dynamodb", "PutItem", "one"), ("dynamodb", "GetItem", "one")]


def test_a_reset_keeps_tables_and_buckets_only(aws: Aws) -> None:
    boto3.resource("dynamodb").Table("one").put_item(Item={**GOOD, "status": "P", "place": "1"})
    boto3.client("s3").put_object(Bucket="files", Key="k", Body=b"x")
    aws.reset()
    assert (aws.tables["one"].items, aws.tables["one"].changes) == ({}, [])
    assert aws.buckets == {"files": {}}
    page = (
        boto3.resource("dynamodb")
        .Table("one")
        .query(IndexName="byStatus", KeyConditionExpression=Key("status").eq("P"))
    )
    assert page["Items"] == []


def test_a_bucket_checks_what_it_is_told_of_the_content(aws: Aws) -> None:
    s3 = boto3.client("s3")
    arguments: Any = {"Bucket": "files", "Key": "private/1/a.txt", "ContentType": "text/plain"}
    checksum = b64encode(sha256(b"content").digest()).decode()
    s3.put_object(**arguments, Body=b"content", ChecksumSHA256=checksum)
    for body, said, code in (
        (b"other", checksum, "BadDigest"),
        (b"content", "not base64", "InvalidRequest"),
    ):
        with pytest.raises(ClientError) as refused:
            s3.put_object(**arguments, Body=body, ChecksumSHA256=said)
        assert refused.value.response["Error"]["Code"] == code
    assert aws.buckets == {"files": {"private/1/a.txt": b"content"}}
    found = s3.get_object(Bucket="files", Key="private/1/a.txt")
    assert found["Body"].read() == b"content"
    assert (found["ContentType"], found["ContentLength"]) == ("text/plain", 7)
    assert s3.head_object(Bucket="files", Key="private/1/a.txt")["ETag"] == found["ETag"]
    s3.delete_object(Bucket="files", Key="private/1/a.txt")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="files", Key="private/1/a.txt")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="nobody", Key="x", Body=b"")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="files", Key="private/1/a.txt")


def at_s3(both: Both, method: str, **arguments: Any) -> Any:
    """Ask both sides for something of S3. Returns what came of it, which has to be the same."""

    def asked() -> Any:
        answer = getattr(boto3.client("s3"), method)(**arguments)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        copied = answer.get("CopyObjectResult", {})
        for entry in (answer, copied, *answer.get("Contents", ())):
            entry.pop("LastModified", None)
        copied.pop("ChecksumCRC32", None)
        # Whose it is, how it is encrypted, and where the next page starts, each says in its words.
        own = {"ResponseMetadata", "NextContinuationToken", "ContinuationToken"}
        own |= {"ChecksumCRC32", "ChecksumType", "AcceptRanges", "EncodingType"}
        own |= {"ServerSideEncryption"}
        told = {name: value for name, value in answer.items() if name not in own}
        for entry in told.get("Contents", ()):
            for name in ("ChecksumAlgorithm", "ChecksumType"):
                entry.pop(name, None)
        return told

    at_moto = outcome(asked)
    with installed(both.aws):
        here = outcome(asked)
    assert here == at_moto, (method, arguments)
    return here


def test_a_bucket_is_listed_and_emptied_alike(both: Both) -> None:
    both.fresh()
    where: Any = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(Bucket="files", CreateBucketConfiguration=where)
    keys = ["private/1/a.txt", "public/1/card.webp", "public/1/full.webp", "public/12/x.webp"]
    for key in keys:
        at_s3(
            both,
            "put_object",
            Bucket="files",
            Key=key,
            Body=key.encode(),
            ContentType="image/webp",
            CacheControl="public, max-age=31536000, immutable",
        )
    for prefix in ("", "public/", "public/1/", "nothing/"):
        at_s3(both, "list_objects_v2", Bucket="files", Prefix=prefix)
    at_s3(both, "list_objects_v2", Bucket="files", MaxKeys=2)
    at_s3(both, "head_object", Bucket="files", Key=keys[1])
    at_s3(both, "get_object", Bucket="files", Key=keys[1])
    at_s3(both, "list_objects_v2", Bucket="nobody")
    copy: Any = {"Bucket": "files", "Key": "shared/1/a.txt", "MetadataDirective": "REPLACE"}
    said = {"ContentType": "text/plain", "ContentDisposition": 'attachment; filename="a.txt"'}
    for source in (keys[0], "never"):
        asked = {**copy, **said, "CopySource": {"Bucket": "files", "Key": source}}
        at_s3(both, "copy_object", **asked)
    at_s3(both, "get_object", Bucket="files", Key="shared/1/a.txt")
    at_s3(both, "delete_object", Bucket="files", Key="shared/1/a.txt")
    gone = {"Objects": [{"Key": key} for key in (*keys[1:3], "never")]}
    at_s3(both, "delete_objects", Bucket="files", Delete=gone)
    with installed(both.aws):  # which moto does not know
        answer = boto3.client("s3").delete_objects(
            Bucket="files",
            Delete={"Objects": [{"Key": "never"}], "Quiet": True},
        )
    assert answer.keys() == {"ResponseMetadata"}
    at_s3(both, "delete_object", Bucket="files", Key=keys[3])
    at_s3(both, "get_object", Bucket="files", Key=keys[3])
    at_s3(both, "list_objects_v2", Bucket="files")
    assert both.aws.buckets == {"files": {keys[0]: keys[0].encode()}}


def test_a_long_list_comes_in_pages(aws: Aws) -> None:
    s3 = boto3.client("s3")
    for number in range(5):
        s3.put_object(Bucket="files", Key=f"p/{number}", Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="files", Prefix="p/", PaginationConfig={"PageSize": 2}
    )
    found = [[entry["Key"] for entry in page["Contents"]] for page in pages]
    assert found == [["p/0", "p/1"], ["p/2", "p/3"], ["p/4"]]
    for named in ([], [{"Key": str(number)} for number in range(1001)]):
        with pytest.raises(ClientError, match="MalformedXML"):
            s3.delete_objects(Bucket="files", Delete={"Objects": named})  # type: ignore[typeddict-item]


def test_a_form_is_taken_as_it_was_handed_out_and_told_of(aws: Aws) -> None:
    told: list[Any] = []
    aws.came = told.append
    aws.add_bucket("telling", tells=True)
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    form: Any = s3.generate_presigned_post(
        "telling",
        "incoming/1",
        Fields={"Content-Type": "image/png"},
        Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 3, 3]],
    )
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    now = aws._now()
    try:
        aws._now = time.time  # of which the form has its end
        for fields, body, code in (
            (form["fields"], b"four", "EntityTooLarge"),
            (form["fields"] | {"key": "incoming/2"}, b"abc", "AccessDenied"),
        ):
            with pytest.raises(FormRefused, match=code):
                aws.post(form["url"], fields, body, secret)
        assert (aws.buckets["telling"], told) == ({}, [])
        aws.post(form["url"], form["fields"], b"abc", secret)
    finally:
        aws._now = lambda: now
    s3.put_object(Bucket="telling", Key="public/1", Body=b"abc")
    s3.put_object(Bucket="files", Key="incoming/3", Body=b"abc")
    assert [(one["object"]["key"], one["reason"]) for one in told] == [
        ("incoming/1", "POST Object"),
        ("public/1", "PutObject"),
    ]
    assert told[0]["object"]["size"] == 3
    assert s3.get_object(Bucket="telling", Key="incoming/1")["ContentType"] == "image/png"
    del aws.buckets["telling"]


def test_paths_are_forgotten_once_for_each_reference(both: Both) -> None:
    """As moto does it, and beyond that: the same reference is the same batch."""
    both.fresh()
    both.aws.distributions.add("D1")
    client = boto3.client("cloudfront")

    def batch(reference: str, *paths: str) -> Any:
        return {
            "CallerReference": reference,
            "Paths": {"Quantity": len(paths), "Items": list(paths)},
        }

    def refused(distribution: str, asked: Any) -> str:
        with pytest.raises(ClientError) as error:
            client.create_invalidation(DistributionId=distribution, InvalidationBatch=asked)
        return error.value.response["Error"]["Code"]

    assert refused("nobody", batch("1", "/public/1/*")) == "NoSuchDistribution"
    with installed(both.aws):
        assert refused("nobody", batch("1", "/public/1/*")) == "NoSuchDistribution"
        first, again = (
            client.create_invalidation(
                DistributionId="D1", InvalidationBatch=batch("1", "/public/1/*")
            )["Invalidation"]["Id"]
            for _ in range(2)
        )
        assert first == again
        assert refused("D1", batch("1", "/public/2/*")) == "InvalidArgument"
        assert refused("D1", batch("2")) == "InvalidArgument"
        assert refused("D1", batch("2", "public")) == "InvalidArgument"
        short = batch("2", "/a") | {"Paths": {"Quantity": 2, "Items": ["/a"]}}
        assert refused("D1", short) == "InconsistentQuantities"
    assert both.aws.invalidated == {("D1", "1"): ("/public/1/*",)}


def letter(to: str) -> dict[str, Any]:
    """What is asked of SES for a letter."""
    return {
        "FromEmailAddress": "The Better Store <shop@example.com>",
        "Destination": {"ToAddresses": [to]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Hello", "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": "Order 01KBGJ2V3W4X5Y6Z7A8B9C0D1E is there"},
                    "Html": {"Data": "<p>is there</p>"},
                },
            }
        },
        "EmailTags": [{"Name": "template", "Value": "order-delivered"}],
        "ConfigurationSetName": "set",
    }


def test_a_letter_is_kept(aws: Aws) -> None:
    answer = boto3.client("sesv2").send_email(**letter("ann@example.com"))
    (mail,) = aws.mails
    assert (mail.message_id, mail.to, mail.subject) == (
        answer["MessageId"],
        "ann@example.com",
        "Hello",
    )
    assert (mail.template, mail.html) == ("order-delivered", "<p>is there</p>")
    assert mail.label == "order-delivered 01KBGJ2V3W4X5Y6Z7A8B9C0D1E"
    boto3.client("sesv2").send_email(**letter("ann@example.com"))
    assert aws.mails[1].message_id != mail.message_id


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "a b@example.com",
        "änn@example.com",
        "ann@example",
        "ann@exämple.com",
        "a@b@example.com",
        "ann@example.com\n",
        "ann@-example.com",
    ],
)
def test_a_bad_address_is_refused_and_what_hears_errors_hears_of_it(aws: Aws, address: str) -> None:
    client = boto3.client("sesv2")

    def mask(parsed: dict[str, Any], **_: object) -> None:
        parsed["Error"]["Message"] = "masked"

    client.meta.events.register("after-call.sesv2.SendEmail", mask)
    with pytest.raises(client.exceptions.BadRequestException, match="masked"):
        client.send_email(**letter(address))
    assert aws.mails == []


def test_nobody_is_on_the_list_of_the_account(aws: Aws) -> None:
    client = boto3.client("sesv2")
    with pytest.raises(client.exceptions.NotFoundException):
        client.delete_suppressed_destination(EmailAddress="ann@example.com")
    with pytest.raises(client.exceptions.BadRequestException):
        client.delete_suppressed_destination(EmailAddress="ann")


def test_a_secret_is_told_by_its_name(aws: Aws) -> None:
    client = boto3.client("secretsmanager")
    aws.secrets["tbs/stripe"] = "{}"
    assert client.get_secret_value(SecretId="tbs/stripe")["SecretString"] == "{}"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId="other")
