"""What is counted: once for each change that is told, with dimensions that have few values."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from payments import outbox
from payments.answer import ActionRequired, Canceled, Declined, Opened, Taken
from payments.figures import Figure, of_change
from payments.heard import CollectPayment
from payments.messages import parse
from payments.metrics import emit
from payments.model import now
from payments.payment import Payment, Tombstone
from payments.refund import GivenBack

Sample = Callable[[str], dict[str, Any]]
Capture = pytest.CaptureFixture[str]

CAUSE = "order-1:9:Cause"
TAKEN = Taken("pi_1", 6995, "EUR")
IN_EUR = ("currency", "EUR")
COLLECTED = [Figure("PaymentsCollected"), Figure("AmountCollected", 6995, "None", IN_EUR)]
REST = GivenBack("re_1", 6995, refund_id=None, ours=True, stands=True)


def refunded(amount: int) -> list[Figure]:
    return [Figure("RefundsMade"), Figure("AmountRefunded", amount, "None", IN_EUR)]


@pytest.fixture(autouse=True)
def aws() -> None:
    """The rules need none."""


@pytest.fixture(scope="module")
def pending() -> Payment:
    """The payment that the sample command asks for."""
    sample = __file__.replace("tests/test_figures.py", "events/inbox-CollectPayment.json")
    with open(sample) as file:
        command = parse(json.load(file)["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    payment = Payment.request(command.data, command.metadata.correlation_id, CAUSE, now())
    return payment.settle(Opened("pi_1"), CAUSE, now())


def lines(capsys: Capture) -> list[dict[str, Any]]:
    """What was logged in CloudWatch's embedded metric format since the last look."""
    logged = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in logged]


def test_counts_what_was_taken_and_what_went_back(pending: Payment) -> None:
    collected = pending.settle(TAKEN, CAUSE, now())
    assert of_change(None, pending) == []
    assert of_change(pending, collected) == COLLECTED
    assert of_change(collected, collected.receipt_stored("file-1", CAUSE, now())) == []
    asked = collected.refund_part("part-1", 1000, "broken", CAUSE, now())
    assert of_change(collected, asked) == []
    made = asked.noted([GivenBack("re_1", 1000, "part-1", ours=True, stands=True)], CAUSE, now())
    assert of_change(asked, made) == refunded(1000)


def test_counts_what_was_declined(pending: Payment) -> None:
    failed = pending.settle(Declined("insufficient_funds", "pi_1"), CAUSE, now())
    assert of_change(pending, failed) == [Figure("PaymentsDeclined")]
    assert of_change(failed, failed) == []


def test_what_was_taken_of_a_tombstone_is_counted_too() -> None:
    tombstone = Tombstone.request("order-1", "CUSTOMER", "order-1", CAUSE, now())
    refunding = tombstone.settle(TAKEN, CAUSE, now())
    done = refunding.noted([REST], CAUSE, now())
    assert of_change(None, tombstone) == []
    assert of_change(tombstone, refunding) == COLLECTED
    assert of_change(refunding, done) == refunded(6995)


ANSWERS = st.sampled_from(
    [
        TAKEN,
        Declined("card_declined", "pi_1"),
        ActionRequired("pi_1", "pi_1_secret", None),
        Canceled("pi_1"),
        "refund",
        "part",
        "given back",
    ]
)


@given(st.lists(ANSWERS, max_size=8))
def test_whatever_happens_the_figures_add_up_to_the_payment(
    pending: Payment, answers: list[Any]
) -> None:
    story = [pending]
    for step, answer in enumerate(answers):
        payment, at = story[-1], now()
        match answer:
            case "refund":
                payment = payment.refund("CUSTOMER", CAUSE, at)
            case "part" if payment.left > 0:
                payment = payment.refund_part(f"part-{step}", 1, "broken", CAUSE, at)
            case "given back":
                for part in payment.awaited:
                    made = GivenBack(f"re_{step}", 1, part.refund_id, ours=True, stands=True)
                    payment = payment.noted([made], CAUSE, at)
                rest = payment.whole - payment.given_back
                made = GivenBack(f"re_{step}_rest", rest, None, ours=True, stands=True)
                payment = payment.noted([made], CAUSE, at) if rest else payment
            case str():
                pass
            case _:
                payment = payment.settle(answer, CAUSE, at)
        story.append(payment)
    counted: dict[str, float] = {}
    for old, new in pairwise(story):
        for figure in of_change(old, new):
            counted[figure.name] = counted.get(figure.name, 0) + figure.value
    last = story[-1]
    assert counted.get("AmountCollected", 0) == (last.amount if last.collected_at else 0)
    assert counted.get("AmountRefunded", 0) == last.given_back
    assert counted.get("PaymentsCollected", 0) <= 1


def test_what_has_the_same_dimensions_is_one_line(capsys: Capture) -> None:
    emit([*COLLECTED, Figure("PaymentsDeclined"), *COLLECTED])
    common, amounts = lines(capsys)
    assert (common["PaymentsCollected"], common["PaymentsDeclined"]) == ([1.0, 1.0], [1.0])
    assert (amounts["AmountCollected"], amounts["currency"]) == ([6995.0, 6995.0], "EUR")
    for line, names in (
        (common, ["service", "stack"]),
        (amounts, ["currency", "service", "stack"]),
    ):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert group["Namespace"] == "TheBetterStore"
        assert [sorted(dimensions) for dimensions in group["Dimensions"]] == [names]
        assert (line["service"], line["stack"]) == ("payments", "tbs-app-payments-test")


@pytest.mark.filterwarnings("error")
def test_nothing_counted_is_no_line(capsys: Capture) -> None:
    emit([])
    assert lines(capsys) == []


def test_the_outbox_counts_what_the_bus_took_and_nothing_else(
    sample: Sample, context: Any, capsys: Capture
) -> None:
    event = sample("outbox-PaymentCollected")
    event["Records"] *= 2
    taken = {"FailedEntryCount": 0, "Entries": []}
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "x"}]}
    with Stubber(outbox.events) as stub:
        for answer in (taken, refused):
            stub.add_response("put_events", answer, {"Entries": ANY})
        with pytest.raises(outbox.NotPublished):
            outbox.handler(event, context)
        assert lines(capsys) == []
        for answer in (taken, taken):
            stub.add_response("put_events", answer, {"Entries": ANY})
        outbox.handler(event, context)
    common, _ = lines(capsys)
    assert common["PaymentsCollected"] == [1.0, 1.0]
