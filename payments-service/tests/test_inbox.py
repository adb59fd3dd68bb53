"""The inbox, fed with real messages: once, twice, late, out of order, and cut off anywhere."""

import copy
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from payments import cashier, inbox
from payments.heard import OWNER, CollectPayment
from payments.messages import parse
from payments.payment import Payment, Tombstone
from payments.record import Status
from payments.table import PaymentsTable

Event = dict[str, Any]
Sample = Callable[[str], Event]

TABLE = PaymentsTable("Table")
"""Beside the inbox's own: what a test looks up is none of its moments."""

MOMENTS = range(8)
"""Before and after each of a refund's four calls: load, save, Stripe, save."""
COLLECTING = range(12)
"""Before and after each of six: load, save, make the intent, save its id, confirm it, save."""
UNDER_WAY = {"asked": 4, "made": 5, "saved": 7, "confirmed": 9}
"""How far collecting may have come when it is cut off, by the moment of the crash."""


class Crash(Exception):
    """The function dies at this moment."""


class Moments:
    """The moments before and after each call that the inbox makes, and what happens at one."""

    def __init__(self) -> None:
        self.passed = 0
        self._at: int | None = None
        self._happens: Callable[[], None] | None = None

    def at(self, moment: int, happens: Callable[[], None]) -> None:
        """Let it happen once, when that moment comes."""
        self.passed, self._at, self._happens = 0, moment, happens

    @property
    def happened(self) -> bool:
        return self._happens is None

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def observed(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            answer = call(*args, **kwargs)
            self._pass()
            return answer

        return observed

    def _pass(self) -> None:
        moment, self.passed = self.passed, self.passed + 1
        if moment == self._at and self._happens:
            happens, self._happens = self._happens, None
            happens()


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch, fake_stripe: Any) -> Moments:
    observer = Moments()
    for owner, name in (
        (cashier.table, "payment"),
        (cashier.table, "add"),
        (cashier.table, "save"),
        (fake_stripe, "request"),
    ):
        monkeypatch.setattr(owner, name, observer.around(getattr(owner, name)))
    return observer


@pytest.fixture
def collect(sample: Sample) -> Event:
    return with_data(sample("inbox-CollectPayment"), paymentMethodId="pm_card_visa")


@pytest.fixture
def order(collect: Event) -> CollectPayment:
    """The command in the sample."""
    command = parse(collect["Records"][0]["body"])
    assert isinstance(command, CollectPayment)
    return command


@pytest.fixture
def refund(sample: Sample, order: CollectPayment) -> Event:
    return with_data(sample("inbox-RefundPayment"), orderId=order.data.order_id)


@pytest.fixture
def stored(sample: Sample, order: CollectPayment) -> Event:
    return with_data(sample("inbox-FileStored"), owner=f"{OWNER}{order.data.order_id}")


@pytest.fixture
def rejected(sample: Sample, order: CollectPayment) -> Event:
    return with_data(sample("inbox-FileRejected"), owner=f"{OWNER}{order.data.order_id}")


@pytest.fixture
def table() -> PaymentsTable:
    return TABLE


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The lines that the inbox logged."""
    stream = io.StringIO()
    monkeypatch.setattr(inbox.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def stripe_answers(fake_stripe: Any) -> Iterator[None]:
    """Whatever a test does, Stripe has not taken the money of an order twice."""
    yield
    orders = [intent["metadata"]["orderId"] for intent in fake_stripe.confirmed]
    assert len(orders) == len(set(orders))
    assert fake_stripe.balance >= 0


def with_data(event: Event, **changes: Any) -> Event:
    """The event with a message that says something else."""
    changed = copy.deepcopy(event)
    body = json.loads(changed["Records"][0]["body"])
    body["detail"]["data"] |= changes
    changed["Records"][0]["body"] = json.dumps(body)
    return changed


def data(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(event["Records"][0]["body"])["detail"]["data"]
    return told


def handled(event: Event, context: Any) -> None:
    assert inbox.handler(event, context) == {"batchItemFailures": []}


def comes_again(event: Event, context: Any, match: str) -> None:
    """The message is reported as failed, for this reason."""
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    assert inbox.handler(event, context) == {"batchItemFailures": failed}
    for _, error, _ in inbox.processor.exceptions:
        assert match in f"{type(error).__name__}: {error}"


def deliver(event: Event) -> None:
    """What the queue does: hand the message over until it is handled, a few times at most."""
    for _ in range(4):
        try:
            return inbox.receive(SQSRecord(event["Records"][0]))
        except Exception:
            continue
    return inbox.receive(SQSRecord(event["Records"][0]))


def crash() -> None:
    raise Crash


def found(table: PaymentsTable, order: CollectPayment) -> Payment:
    payment = table.payment(order.data.order_id)
    assert isinstance(payment, Payment)
    return payment


def status(table: PaymentsTable, order: CollectPayment) -> Status:
    payment = table.payment(order.data.order_id)
    assert payment
    return payment.status


# Collect


def test_collects_once_however_often_it_is_told(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    handled(collect, context)
    first = found(table, order)
    handled(collect, context)
    assert first.status is Status.COLLECTED
    assert first.payment_intent_id in fake_stripe.intents
    assert found(table, order) == first
    assert fake_stripe.balance == order.data.amount


def test_two_copies_in_one_batch_collect_once(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    collect["Records"].append(copy.deepcopy(collect["Records"][0]) | {"messageId": "copy"})
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


def test_asks_stripe_for_what_the_order_says(
    order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    handled(collect, context)
    (path, asked, headers), (then, asked_then, _) = fake_stripe.requests
    assert path == "/v1/payment_intents"
    assert asked == {
        "amount": str(order.data.amount),
        "currency": order.data.currency.lower(),
        "payment_method": "pm_card_visa",
        "allowed_payment_method_types[0]": "card",
        "metadata[orderId]": order.data.order_id,
    }
    assert headers["Authorization"] == "Bearer sk_test_secret"
    assert then == "/v1/payment_intents/pi_1/confirm"
    assert asked_then == {"return_url": "https://shop.test/"}


@pytest.mark.parametrize(
    ("method", "reason", "left"),
    [
        ("pm_insufficient_funds", "insufficient_funds", ["requires_payment_method"]),
        ("pm_expired", "expired_card", ["requires_payment_method"]),
        ("pm_used_meanwhile", "invalid_payment_method", ["canceled"]),
        ("pm_blocked", "fraudulent", []),
        ("pm_missing", "resource_missing", []),
        ("pm_used_before", "invalid_payment_method", []),
        ("pm_bank_account", "payment_intent_incompatible_payment_method", []),
    ],
)
def test_what_stripe_will_not_take_is_an_answer(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    method: str,
    reason: str,
    left: list[str],
) -> None:
    handled(with_data(collect, paymentMethodId=method), context)
    failed, requests = found(table, order), len(fake_stripe.requests)
    assert (failed.status, failed.reason) == (Status.FAILED, reason)
    assert [intent["status"] for intent in fake_stripe.intents.values()] == left
    handled(with_data(collect, paymentMethodId=method), context)
    assert (found(table, order), len(fake_stripe.requests)) == (failed, requests)


def test_an_amount_too_small_for_stripe_is_an_answer(
    table: PaymentsTable, order: CollectPayment, collect: Event, context: Any
) -> None:
    handled(with_data(collect, amount=1), context)
    assert found(table, order).reason == "amount_too_small"


@pytest.mark.parametrize("before", [[], ["none"]], ids=["making it", "confirming it"])
@pytest.mark.parametrize(
    ("trouble", "match"),
    [
        (["down"] * 2, "APIError"),
        (["in vain"] * 2, "APIError"),
        (["overloaded"] * 2, "RateLimitError"),
        (["locked"] * 2, "RateLimitError"),
        (["unreachable"] * 2, "APIConnectionError"),
        (["key in use"] * 2, "APIError"),
        (["wrong API key"], "AuthenticationError"),
        (["unknown parameter"], "InvalidRequestError"),
    ],
)
def test_trouble_at_stripe_sends_the_message_back(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    trouble: list[str],
    match: str,
    before: list[str],
) -> None:
    fake_stripe.trouble = before + trouble
    comes_again(collect, context, match)
    assert found(table, order).payment_intent_id == ("pi_1" if before else None)
    assert status(table, order) is Status.PENDING
    assert fake_stripe.balance == 0
    fake_stripe.trouble = []
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount
    assert len(fake_stripe.intents) == 1


@pytest.mark.parametrize("before", [[], ["none"]], ids=["making it", "confirming it"])
@pytest.mark.parametrize("trouble", ["down", "unreachable", "answer lost", "key in use"])
def test_a_passing_trouble_is_over_at_the_second_try(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
    before: list[str],
) -> None:
    fake_stripe.trouble = [*before, trouble]
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount
    assert len(fake_stripe.intents) == 1


@pytest.mark.parametrize("trouble", ["answer lost", "broken"])
def test_an_intent_that_nobody_heard_of_is_left_behind(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
) -> None:
    fake_stripe.trouble = [trouble] * 2
    comes_again(collect, context, "API")
    handled(collect, context)
    collected = found(table, order)
    assert (collected.status, collected.payment_intent_id) == (Status.COLLECTED, "pi_2")
    assert fake_stripe.intents["pi_1"]["status"] == "requires_confirmation"
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize("trouble", ["answer lost", "broken"])
@pytest.mark.parametrize(
    ("method", "ends"),
    [
        ("pm_card_visa", Status.COLLECTED),
        ("pm_expired", Status.FAILED),
        ("pm_three_d_secure", Status.ACTION_REQUIRED),
    ],
)
def test_how_confirming_went_is_known_without_its_answer(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    method: str,
    ends: Status,
    trouble: str,
) -> None:
    fake_stripe.trouble = ["none", trouble, trouble]
    handled(with_data(collect, paymentMethodId=method), context)
    settled = found(table, order)
    assert settled.status is ends
    assert settled.reason == ("expired_card" if ends is Status.FAILED else None)
    assert (settled.client_secret is not None) == (ends is Status.ACTION_REQUIRED)
    assert fake_stripe.requests[-1][0] == "/v1/payment_intents/pi_1"


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_expired"])
def test_confirming_again_what_has_ended_moves_no_money(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    method: str,
) -> None:
    fake_stripe.trouble = ["none", *["answer lost"] * 2, *["unreachable"] * 2]
    comes_again(with_data(collect, paymentMethodId=method), context, "APIConnectionError")
    told, paid = len(fake_stripe.events), fake_stripe.balance
    handled(with_data(collect, paymentMethodId=method), context)
    assert status(table, order) is (Status.COLLECTED if paid else Status.FAILED)
    assert (len(fake_stripe.events), fake_stripe.balance) == (told, paid)


def test_a_card_that_is_refused_when_it_is_confirmed_may_have_paid_after_all(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
) -> None:
    """Stripe refuses the card; before the intent is canceled, another request gets it paid."""
    moments.at(11, lambda: fake_stripe._become(fake_stripe.intents["pi_1"], "succeeded"))
    handled(with_data(collect, paymentMethodId="pm_used_meanwhile"), context)
    assert moments.happened
    assert status(table, order) is Status.COLLECTED


def test_an_intent_that_is_still_processing_sends_the_message_back(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    fake_stripe.intent_status = "processing"
    for _ in range(2):
        comes_again(collect, context, "Unsettled")
        assert status(table, order) is Status.PENDING
    fake_stripe._become(fake_stripe.intents["pi_1"], "succeeded")
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED


def test_an_intent_that_a_person_canceled_is_a_failed_payment(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    fake_stripe.trouble = ["none", *["down"] * 2]
    comes_again(collect, context, "APIError")
    fake_stripe._become(fake_stripe.intents["pi_1"], "canceled")
    handled(collect, context)
    failed = found(table, order)
    assert (failed.status, failed.reason) == (Status.FAILED, "canceled")


def test_without_the_secret_nothing_is_asked_of_stripe(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    secrets = boto3.client("secretsmanager")
    secrets.delete_secret(SecretId="tbs/stripe", ForceDeleteWithoutRecovery=True)
    comes_again(collect, context, "GetParameterError")
    assert status(table, order) is Status.PENDING
    assert fake_stripe.requests == []


# Refund


def test_refunds_once_however_often_it_is_told(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(collect, context)
    handled(refund, context)
    first = found(table, order)
    handled(refund, context)
    handled(collect, context)
    assert first.status is Status.REFUNDED
    assert first.refund_id in fake_stripe.refunds
    assert first.refund_reason == data(refund)["reason"]
    assert found(table, order) == first
    assert fake_stripe.balance == 0
    path, asked, _ = fake_stripe.requests[-1]
    assert path == "/v1/refunds"
    assert asked == {
        "payment_intent": first.payment_intent_id,
        "metadata[orderId]": order.data.order_id,
    }


def test_a_refund_that_comes_first_leaves_nothing_to_collect(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    for event in (refund, refund, collect, refund):
        handled(event, context)
    assert isinstance(table.payment(order.data.order_id), Tombstone)
    assert fake_stripe.requests == []


def test_what_failed_needs_no_refund(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(with_data(collect, paymentMethodId="pm_expired"), context)
    failed, requests = found(table, order), len(fake_stripe.requests)
    handled(refund, context)
    assert (found(table, order), len(fake_stripe.requests)) == (failed, requests)


@pytest.mark.parametrize("trouble", ["down", "in vain", "overloaded", "unreachable", "key in use"])
def test_trouble_at_stripe_sends_the_refund_back(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
) -> None:
    handled(collect, context)
    fake_stripe.trouble = [trouble] * 2
    comes_again(refund, context, "Error")
    assert status(table, order) is Status.REFUNDING
    fake_stripe.trouble = []
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("trouble", ["answer lost", "broken"])
def test_a_refund_that_nobody_heard_of_is_found(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
) -> None:
    handled(collect, context)
    fake_stripe.trouble = [trouble] * 2
    comes_again(refund, context, "API")
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert found(table, order).refund_id in fake_stripe.refunds
    assert fake_stripe.balance == 0


def test_a_refund_that_failed_at_stripe_is_not_called_done(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(collect, context)
    fake_stripe.refund_status = "failed"
    comes_again(refund, context, "Unsettled")
    assert status(table, order) is Status.REFUNDING
    fake_stripe.refund_status = "succeeded"
    handled(refund, context)
    assert found(table, order).refund_id == "re_2"
    assert fake_stripe.balance == 0


# Cut off, or met by another worker, at any moment


@pytest.mark.parametrize("moment", COLLECTING)
def test_a_crash_at_any_moment_of_collecting(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
) -> None:
    moments.at(moment, crash)
    comes_again(collect, context, "Crash")
    assert moments.happened
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_any_moment_of_refunding(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
) -> None:
    handled(collect, context)
    moments.at(moment, crash)
    comes_again(refund, context, "Crash")
    assert moments.happened
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_pays_once", "pm_used_meanwhile"])
@pytest.mark.parametrize("moment", COLLECTING)
def test_two_workers_collect_the_same_payment(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    moments: Moments,
    moment: int,
    method: str,
) -> None:
    copy = with_data(collect, paymentMethodId=method)
    moments.at(moment, lambda: deliver(copy))
    deliver(copy)
    assert moments.happened
    pays = method != "pm_used_meanwhile"
    assert status(table, order) is (Status.COLLECTED if pays else Status.FAILED)
    assert fake_stripe.balance == (order.data.amount if pays else 0)


@pytest.mark.parametrize("crashes_at", COLLECTING)
@pytest.mark.parametrize("moment", [5, 6])
def test_two_workers_have_made_an_intent_and_one_of_them_dies(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
    crashes_at: int,
) -> None:
    def meet() -> None:
        moments.at(crashes_at, crash)
        inbox.handler(collect, context)
        moments.at(-1, crash)

    moments.at(moment, meet)
    deliver(collect)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize("moment", MOMENTS)
def test_two_workers_refund_the_same_payment(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    moment: int,
) -> None:
    deliver(collect)
    moments.at(moment, lambda: deliver(refund))
    deliver(refund)
    assert moments.happened
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("moment", COLLECTING)
def test_a_refund_comes_at_any_moment_of_collecting(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    moment: int,
) -> None:
    moments.at(moment, lambda: deliver(refund))
    deliver(collect)
    assert moments.happened
    assert status(table, order) is (Status.REFUNDED if moment > 8 else Status.VOIDED)
    left = [intent["status"] for intent in fake_stripe.intents.values()]
    match moment:
        case 0 | 1 | 2:  # The tombstone is there first.
            assert left == []
        case 3 | 4 | 5 | 6:  # The intent is made, and cannot be saved.
            assert left == ["requires_confirmation"]
        case 7 | 8:
            assert left == ["canceled"]
        case _:
            assert left == ["succeeded"]
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("asked", ["nothing", *UNDER_WAY])
@pytest.mark.parametrize("moment", range(4))
def test_collecting_comes_at_any_moment_of_a_refund(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
    asked: str,
) -> None:
    if asked != "nothing":
        moments.at(UNDER_WAY[asked], crash)
        comes_again(collect, context, "Crash")
    moments.at(moment, lambda: deliver(collect))
    deliver(refund)
    assert moments.happened
    assert status(table, order) in (Status.REFUNDED, Status.VOIDED)
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_expired", "pm_three_d_secure"])
@pytest.mark.parametrize("asked", UNDER_WAY)
def test_a_refund_of_a_pending_payment_ends_it_at_once(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    asked: str,
    method: str,
) -> None:
    cut_off = with_data(collect, paymentMethodId=method)
    moments.at(UNDER_WAY[asked], crash)
    comes_again(cut_off, context, "Crash")
    assert status(table, order) is Status.PENDING
    requests = len(fake_stripe.requests)
    handled(refund, context)
    ended = found(table, order)
    taken = (asked, method) == ("confirmed", "pm_card_visa")
    assert ended.status is (Status.REFUNDED if taken else Status.VOIDED)
    assert ended.refund_reason == data(refund)["reason"]
    assert fake_stripe.balance == 0
    if asked in ("asked", "made"):
        assert len(fake_stripe.requests) == requests
    elif not taken:
        assert fake_stripe.intents["pi_1"]["status"] == "canceled"
    requests = len(fake_stripe.requests)
    for event in (cut_off, refund):
        handled(event, context)
    assert (found(table, order), len(fake_stripe.requests)) == (ended, requests)


@pytest.mark.parametrize("asked", UNDER_WAY)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_any_moment_of_refunding_what_is_under_way(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
    asked: str,
) -> None:
    moments.at(UNDER_WAY[asked], crash)
    comes_again(collect, context, "Crash")
    moments.at(moment, crash)
    inbox.handler(refund, context)
    moments.at(-1, crash)
    for event in (collect, refund):
        handled(event, context)
    assert status(table, order) in (Status.REFUNDED, Status.VOIDED)
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("asked", ["saved", "confirmed"])
def test_a_pending_payment_that_cannot_be_canceled_yet_is_asked_about_again(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    asked: str,
) -> None:
    moments.at(UNDER_WAY[asked], crash)
    comes_again(collect, context, "Crash")
    intent = fake_stripe.intents["pi_1"]
    intent |= {"status": "processing", "amount_received": 0}
    for _ in range(2):
        comes_again(refund, context, "Unsettled")
        assert status(table, order) is Status.VOIDING
    fake_stripe._become(intent, "succeeded")
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


# 3-D Secure


@pytest.fixture
def careful(collect: Event) -> Event:
    """A command to collect from a card that asks for 3-D Secure."""
    return with_data(collect, paymentMethodId="pm_three_d_secure")


@pytest.mark.parametrize("return_url", ["https://shop.test/", None])
def test_a_card_that_asks_for_three_d_secure_waits_for_the_customer(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    fake_stripe: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    return_url: str | None,
) -> None:
    monkeypatch.setattr(inbox, "RETURN_URL", return_url)
    for _ in range(2):
        handled(careful, context)
    asked = found(table, order)
    assert (asked.status, asked.version) == (Status.ACTION_REQUIRED, 3)
    assert (asked.payment_intent_id, asked.client_secret) == ("pi_1", "pi_1_secret")
    assert asked.action_url == ("https://hooks.stripe.test/pi_1" if return_url else None)
    _, (path, confirmed_with, _) = fake_stripe.requests
    assert path == "/v1/payment_intents/pi_1/confirm"
    assert confirmed_with.get("return_url") == return_url


def test_the_way_back_is_where_the_order_came_from(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    fake_stripe: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another deployment comes between two tries."""
    fake_stripe.trouble = ["none", *["down"] * 2]
    comes_again(careful, context, "APIError")
    monkeypatch.setattr(inbox, "RETURN_URL", "https://moved.test/")
    handled(careful, context)
    assert status(table, order) is Status.ACTION_REQUIRED
    assert fake_stripe.requests[-1][1] == {"return_url": "https://shop.test/"}


def test_a_refund_of_what_waits_for_the_customer_cancels_it(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(careful, context)
    for event in (refund, refund, careful):
        handled(event, context)
    voided = found(table, order)
    assert (voided.status, voided.client_secret) == (Status.VOIDED, None)
    assert voided.refund_reason == data(refund)["reason"]
    assert fake_stripe.intents["pi_1"]["status"] == "canceled"
    path, *_ = fake_stripe.requests[-1]
    assert path == "/v1/payment_intents/pi_1/cancel"


def test_a_customer_who_was_faster_than_the_refund_gets_it_back(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(careful, context)
    fake_stripe.authenticate("pi_1")
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert len(fake_stripe.refunds) == 1
    assert fake_stripe.balance == 0


def test_what_stripe_canceled_before_is_voided(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(careful, context)
    fake_stripe.intents["pi_1"]["status"] = "canceled"
    handled(refund, context)
    assert status(table, order) is Status.VOIDED


@pytest.mark.parametrize("trouble", ["answer lost", "broken"])
def test_a_cancellation_that_nobody_heard_of_is_found(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
) -> None:
    handled(careful, context)
    fake_stripe.trouble = [trouble] * (2 if trouble == "answer lost" else 1)
    handled(refund, context)
    assert fake_stripe.intents["pi_1"]["status"] == "canceled"
    assert status(table, order) is Status.VOIDED


def test_a_payment_that_is_neither_canceled_nor_taken_is_asked_about_again(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(careful, context)
    intent = fake_stripe.intents["pi_1"]
    intent["status"] = "processing"
    comes_again(refund, context, "Unsettled")
    assert status(table, order) is Status.VOIDING
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    handled(refund, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_any_moment_of_voiding(
    table: PaymentsTable,
    order: CollectPayment,
    careful: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
) -> None:
    handled(careful, context)
    moments.at(moment, crash)
    comes_again(refund, context, "Crash")
    assert moments.happened
    assert (fake_stripe.intents["pi_1"]["status"] == "canceled") == (moment > 4)
    handled(refund, context)
    assert status(table, order) is Status.VOIDED


# The whole


@pytest.mark.parametrize("first", ["nothing", "collected", "refunded"])
def test_the_whole_amount_is_given_back_when_it_is_named(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
    dead_letters: Callable[[], list[Any]],
    first: str,
) -> None:
    if first != "nothing":
        handled(collect, context)
    if first == "refunded":
        handled(refund, context)
    handled(with_data(refund, amount=order.data.amount), context)
    wanted = Status.VOIDED if first == "nothing" else Status.REFUNDED
    assert status(table, order) is wanted
    assert dead_letters() == []
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("part", [0, -1, 1, 1.5])
def test_a_part_without_an_id_is_never_given_back(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
    dead_letters: Callable[[], list[Any]],
    part: float,
) -> None:
    handled(collect, context)
    before = found(table, order)
    amount = part if part in (0, 1.5) else order.data.amount + part
    handled(with_data(refund, amount=amount), context)
    assert found(table, order) == before
    (letter,) = dead_letters()
    reason = "amount" if part == 1.5 else "only under a refundId"
    assert reason in letter.attributes["reason"]
    assert fake_stripe.balance == order.data.amount


# The receipt


def test_notes_where_the_receipt_is_once(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    stored: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(collect, context)
    handled(stored, context)
    first = found(table, order)
    handled(stored, context)
    assert first.receipt_file_id == data(stored)["fileId"]
    assert first.status is Status.COLLECTED
    assert found(table, order) == first


def test_a_receipt_that_comes_late_leaves_the_refund_alone(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    stored: Event,
    context: Any,
) -> None:
    for event in (collect, refund, stored, refund):
        handled(event, context)
    late = found(table, order)
    assert (late.status, late.receipt_file_id) == (Status.REFUNDED, data(stored)["fileId"])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_receipt_comes_at_any_moment_of_a_refund(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    stored: Event,
    fake_stripe: Any,
    moments: Moments,
    moment: int,
) -> None:
    deliver(collect)
    moments.at(moment, lambda: deliver(stored))
    deliver(refund)
    assert moments.happened
    both = found(table, order)
    assert (both.status, both.receipt_file_id) == (Status.REFUNDED, data(stored)["fileId"])
    assert fake_stripe.balance == 0


def test_a_rejected_receipt_is_noted_and_logged_as_an_error(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    rejected: Event,
    context: Any,
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    handled(collect, context)
    handled(rejected, context)
    assert found(table, order).receipt_problem == data(rejected)["reason"]
    errors = [line["message"] for line in log() if line["level"] == "ERROR"]
    assert errors == ["receipt rejected"]


@pytest.mark.parametrize("owner", ["urn:tbs:toy:toy-1", "urn:tbs:payment:never-seen"])
def test_other_files_are_ignored(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    stored: Event,
    context: Any,
    dead_letters: Callable[[], list[Any]],
    owner: str,
) -> None:
    handled(collect, context)
    before = found(table, order)
    handled(with_data(stored, owner=owner), context)
    assert found(table, order) == before
    assert table.payment("never-seen") is None
    assert dead_letters() == []


# Poison, and faults


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"detail-type": "GiveItAllBack", "detail": {}}',
        '{"detail-type": "CollectPayment", "detail": {"data": {}}}',
    ],
)
def test_what_can_never_be_handled_is_a_dead_letter_at_once(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    context: Any,
    dead_letters: Callable[[], list[Any]],
    body: str,
) -> None:
    collect["Records"].insert(0, collect["Records"][0] | {"messageId": "bad", "body": body})
    handled(collect, context)
    (letter,) = dead_letters()
    assert letter.body == body
    assert letter.attributes["reason"]
    assert status(table, order) is Status.COLLECTED


def test_the_log_names_neither_the_customer_nor_the_card(
    order: CollectPayment,
    collect: Event,
    refund: Event,
    context: Any,
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    handled(with_data(collect, amount=f"{order.data.email} pays"), context)
    for event in (collect, refund):
        handled(event, context)
    lines = log()
    assert [line.get("status") for line in lines if line["message"] == "payment saved"] == [
        "PENDING",
        "COLLECTED",
        "REFUNDING",
        "REFUNDED",
    ]
    assert lines[0]["message"] == "refused"
    for secret in (order.data.email, "pm_card_visa", "sk_test_secret"):
        assert secret not in json.dumps(lines)


def test_a_failing_table_sends_the_message_back(collect: Event, context: Any) -> None:
    boto3.client("dynamodb").update_table(TableName="Table", DeletionProtectionEnabled=False)
    boto3.client("dynamodb").delete_table(TableName="Table")
    comes_again(collect, context, "ResourceNotFoundException")


def test_what_failed_comes_again_after_a_longer_wait_each_time(
    collect: Event,
    fake_stripe: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[int] = []

    def put_off(*, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        assert QueueUrl.endswith("/Inbox")
        assert ReceiptHandle == collect["Records"][0]["receiptHandle"]
        waits.append(VisibilityTimeout)

    monkeypatch.setattr(inbox.processor._sqs, "change_message_visibility", put_off)
    for tries in range(1, 11):
        fake_stripe.trouble = ["down"] * 2
        collect["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(tries)
        comes_again(collect, context, "APIError")
    longest = [2, 8, 32, 128, 512, *[900] * 5]
    for wait, most in zip(waits, longest, strict=True):
        assert most // 2 <= wait <= most


def test_what_failed_is_put_off_in_the_queue_itself(
    collect: Event, fake_stripe: Any, context: Any
) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="Inbox")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=collect["Records"][0]["body"])
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    collect["Records"][0]["receiptHandle"] = message["ReceiptHandle"]
    collect["Records"][0]["attributes"]["ApproximateReceiveCount"] = "9"
    fake_stripe.trouble = ["down"] * 2
    comes_again(collect, context, "APIError")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
