"""The errors that managers are told of."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import inbox, outbox, raised
from toys.messages import SENDS
from toys.model import now
from toys.raised import Code, ErrorRaised, MessageError
from toys.reservation import HeldLine, Refusal, Reservation, Status, tombstone
from toys.table import change

DeadLetters = Callable[[], list[tuple[str, str | None]]]


def refused(toy_id: str = "toy-1", reason: Refusal = Refusal.OUT_OF_STOCK) -> Reservation:
    line = HeldLine(toy_id=toy_id, quantity=1, price=1500)
    claim = Reservation(
        order_id="order-1",
        status=Status.RESERVED,
        currency="EUR",
        lines=(line,),
        version=1,
        updated_at=now(),
        correlation_id="order-1",
        causation_id="order-1:1:ReserveStock",
    )
    return claim.refuse(line, reason)


def kept() -> list[dict[str, Any]]:
    """The errors in the table."""
    items = boto3.resource("dynamodb").Table("Table").scan()["Items"]
    return [item for item in items if str(item["pk"]).startswith("ERROR#")]


def told_of(item: dict[str, Any]) -> ErrorRaised:
    """What the outbox tells of an item that is new."""
    seen = change({}, item)
    assert seen
    (message,) = outbox.tell(seen)
    assert isinstance(message, ErrorRaised)
    return message


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (Refusal.OUT_OF_STOCK, "there are too few"),
        (Refusal.PRICE_CHANGED, "its price is another one"),
        (Refusal.UNKNOWN_TOY, "the catalogue does not have it"),
    ],
)
def test_stock_that_is_refused_is_told_once(reason: Refusal, why: str) -> None:
    reservation = refused(reason=reason)
    (error,) = raised.of_reservation(None, reservation)
    assert error.metadata.id == "order-1:1:ErrorRaised"
    assert error.metadata.causation_id == reservation.causation_id
    assert error.data.model_dump() == {
        "errorId": "order-1:1:STOCK_REFUSED",
        "kind": "BUSINESS",
        "code": "STOCK_REFUSED",
        "message": f"No stock was reserved: of toy toy-1, {why}",
        "orderId": "order-1",
        "occurredAt": error.metadata.model_dump()["occurredAt"],
    }
    assert raised.of_reservation(reservation, reservation) == []
    assert raised.of_reservation(None, tombstone("order-1", "cause", now())) == []
    assert ErrorRaised in SENDS


@given(st.text())
def test_no_error_says_more_than_a_sentence(text: str) -> None:
    (error,) = raised.of_reservation(None, refused(toy_id=text))
    letter = raised.of_letter("id", text, Code.POISON_MESSAGE, text, now())
    for message in (error.data.message, letter.message):
        assert 0 < len(message) <= raised.LONGEST


names = st.one_of(st.none(), st.integers(), st.text(), st.just("ReserveStock"))
data = st.one_of(names, st.dictionaries(st.sampled_from(["orderId", "x"]), names))


@given(name=names, detail=st.one_of(data, st.fixed_dictionaries({"data": data})))
def test_any_body_can_be_told_of(name: Any, detail: Any) -> None:
    body = json.dumps({"detail-type": name, "detail": detail})
    error = raised.of_letter("id", body, Code.MESSAGE_FAILED, "KeyError", now())
    assert MessageError.model_validate(error.model_dump(exclude_none=True)) == error
    assert error.order_id is None or error.order_id == detail["data"]["orderId"]


def test_poison_is_kept_before_it_is_buried_and_told_once(
    context: Any, sample: Any, dead_letters: DeadLetters
) -> None:
    event = sample("inbox-ReserveStock")
    body = json.loads(event["Records"][0]["body"])
    order_id, body["detail"]["data"]["lines"] = body["detail"]["data"]["orderId"], []
    event["Records"][0] |= {"body": json.dumps(body), "messageId": "message-1"}
    for _ in range(2):
        assert inbox.handler(event, context) == {"batchItemFailures": []}
    ((_, reason), _) = dead_letters()
    (item,) = kept()
    error = told_of(item)
    assert error.metadata.id == "message-1:1:ErrorRaised"
    assert error.metadata.correlation_id == error.data.order_id == order_id
    assert (error.data.error_id, error.data.kind) == ("message-1", "SYSTEM")
    assert error.data.code is Code.POISON_MESSAGE
    assert error.data.message == f"ReserveStock was refused: {reason}"
    after = int((error.data.occurred_at + timedelta(days=30)).timestamp())
    assert item["expiresAt"] == after
    assert change(item, item) is None
    assert change(item, None) is None


@pytest.mark.parametrize(("tries", "told"), [(9, False), (10, True), (11, True)])
def test_a_message_that_fails_for_the_last_time_is_told(
    context: Any, sample: Any, monkeypatch: pytest.MonkeyPatch, tries: int, told: bool
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("Ann Shopper, 1 High Street")

    monkeypatch.setattr(inbox.table, "reserve", down)
    event = sample("inbox-ReserveStock")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(tries)
    assert inbox.handler(event, context)["batchItemFailures"]
    assert [told_of(item).data.message for item in kept()] == [
        "ReserveStock failed each time, at last with ConnectionError"
    ] * told


def test_what_cannot_be_kept_hinders_nothing(
    context: Any, sample: Any, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("table")

    monkeypatch.setattr(inbox.table, "note", down)
    event = sample("inbox-ReserveStock")
    event["Records"][0]["body"] = "poison"
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert [body for body, _ in dead_letters()] == ["poison"]
