"""What the inbox is told of toys: once, twice, late and in every order."""

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
from public_api.catalogue import Catalogue
from public_api.lists import Lists
from public_api.search import Search
from public_api.toy import Fulfilment, Toy

Sample = Callable[[str], dict[str, Any]]
TOYS = ("ToyCreated", "ToyUpdated", "ToyDeleted")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue("Catalogue")


def detail(event: dict[str, Any]) -> Any:
    """The message in an invocation of one record."""
    return json.loads(event["Records"][0]["body"])["detail"]


def rewritten(event: dict[str, Any], version: int, name: str = "", **data: Any) -> dict[str, Any]:
    """The same invocation, with another version, name and data in its message."""
    event = copy.deepcopy(event)
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["data"] |= data
    body["detail"]["metadata"]["version"] = version
    body["detail-type"] = name or body["detail-type"]
    event["Records"][0]["body"] = json.dumps(body)
    return event


def handled(event: dict[str, Any], context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def items() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("Catalogue").scan()["Items"]


@pytest.mark.parametrize("name", ["ToyCreated", "ToyUpdated"])
def test_a_toy_is_shown_and_found_as_it_was_told(
    catalogue: Catalogue, sample: Sample, context: Any, index: Callable[[], Any], name: str
) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    index()
    toy = Toy.model_validate(detail(event)["data"])
    assert catalogue.toy(toy.toy_id) == toy
    assert Lists("Catalogue").page(Search(q=toy.name), 25) == ([toy], None)


def test_a_toy_is_shown_with_all_that_is_told_of_it(
    catalogue: Catalogue, sample: Sample, context: Any
) -> None:
    places = {size: f"https://files.example/{size}.webp" for size in ("thumbnail", "card", "full")}
    told: dict[str, Any] = {
        "fulfilment": "digital",
        "minAge": 36,
        "maxAge": 120,
        "tags": ["wood", "gift"],
        "attributes": {"colour": "red", "pieces": 40, "length": 12.5, "batteries": False},
        "pictures": [places],
    }
    event = rewritten(sample("inbox-ToyUpdated"), 7, **told)
    handled(event, context)
    shown = catalogue.toy(detail(event)["data"]["toyId"])
    assert shown is not None
    text = shown.model_dump_json()
    assert {name: json.loads(text)[name] for name in told} == told
    assert '"pieces":40,' in text


def test_a_toy_is_shown_of_which_less_is_told(
    catalogue: Catalogue, sample: Sample, context: Any
) -> None:
    event = sample("inbox-ToyUpdated")
    body = json.loads(event["Records"][0]["body"])
    for name in ("fulfilment", "minAge", "maxAge", "tags", "attributes", "pictures"):
        body["detail"]["data"].pop(name, None)
    event["Records"][0]["body"] = json.dumps(body)
    handled(event, context)
    shown = catalogue.toy(body["detail"]["data"]["toyId"])
    assert shown is not None
    assert (shown.min_age, shown.max_age, shown.tags, shown.pictures) == (0, None, (), ())
    assert shown.fulfilment is Fulfilment.PARCEL


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_told_again_changes_nothing(sample: Sample, context: Any, name: str) -> None:
    event = sample(f"inbox-{name}")
    handled(event, context)
    before = items()
    handled(event, context)
    records = [event["Records"][0] | {"messageId": f"message-{n}"} for n in range(2)]
    handled({"Records": records}, context)
    assert items() == before
    assert sum(item["sk"] == "TOY" for item in before) == 1


def test_a_deleted_toy_stays_deleted_when_older_news_come(
    catalogue: Catalogue, sample: Sample, context: Any
) -> None:
    gone = sample("inbox-ToyDeleted")
    toy_id, version = detail(gone)["data"]["toyId"], detail(gone)["metadata"]["version"]
    handled(gone, context)
    (stone,) = items()
    assert (stone["pk"], stone["version"]) == (f"TOY#{toy_id}", version)
    assert stone["deletedAt"] == detail(gone)["data"]["updatedAt"]
    handled(rewritten(sample("inbox-ToyUpdated"), version - 1, toyId=toy_id), context)
    assert catalogue.toy(toy_id) is None
    assert catalogue.categories() == []


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given=st.data())
def test_the_newest_of_a_toy_is_shown_in_whatever_order_it_is_told(
    sample: Sample, context: Any, catalogue: Catalogue, given: st.DataObject
) -> None:
    """What is told anew of it, on sale or gone, is news like other."""
    toy_id = str(uuid.uuid4())
    last = given.draw(st.integers(1, 5), label="versions")
    ends = given.draw(st.booleans(), label="ends deleted")
    update = sample("inbox-ToyUpdated")
    told = [
        rewritten(
            update,
            version,
            given.draw(st.sampled_from(["ToyUpdated", "ToyRepublished"])),
            toyId=toy_id,
            price=100 + version,
            deletedAt=None,
        )
        for version in range(1, last + 1)
    ]
    if ends:
        told += [
            rewritten(sample("inbox-ToyDeleted"), last + 1, toyId=toy_id),
            rewritten(
                update, last + 1, "ToyRepublished", toyId=toy_id, deletedAt="2026-01-06T10:00:00Z"
            ),
        ]
    again = given.draw(st.lists(st.sampled_from(told), max_size=4), label="again")
    for event in given.draw(st.permutations(told + again), label="order"):
        handled(event, context)
    toy = catalogue.toy(toy_id)
    assert (toy.price if toy else None) == (None if ends else 100 + last)
