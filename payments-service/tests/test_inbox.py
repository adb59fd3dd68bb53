"""The inbox, fed with real messages: once, twice, late, out of order, and cut off anywhere."""

import copy
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from payments import inbox
from payments.messages import OWNER, CollectPayment, parse
from payments.model import now
from payments.payment import Payment, Status, Tombstone
from payments.table import PaymentsTable

Event = dict[str, Any]
Sample = Callable[[str], Event]

TABLE = PaymentsTable("Table")
"""Beside the inbox's own: what a test looks up is none of its moments."""

MOMENTS = range(8)
"""Before and after each of a command's four calls: load, save, Stripe, save."""


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
        (inbox.table, "payment"),
        (inbox.table, "add"),
        (inbox.table, "save"),
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
    orders = [intent["metadata"]["orderId"] for intent in fake_stripe.intents.values()]
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
    with pytest.raises(Exception, match=match):
        inbox.handler(event, context)


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
    ((path, asked, headers),) = fake_stripe.requests
    assert path == "/v1/payment_intents"
    assert asked == {
        "amount": str(order.data.amount),
        "currency": order.data.currency.lower(),
        "payment_method": "pm_card_visa",
        "allowed_payment_method_types[0]": "card",
        "confirm": "true",
        "off_session": "true",
        "metadata[orderId]": order.data.order_id,
    }
    assert headers["Idempotency-Key"] == f"{order.data.order_id}:collect"
    assert headers["Authorization"] == "Bearer sk_test_secret"


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_insufficient_funds", "insufficient_funds"),
        ("pm_expired", "expired_card"),
        ("pm_three_d_secure", "authentication_required"),
        ("pm_missing", "resource_missing"),
        ("pm_used_before", "invalid_payment_method"),
        ("pm_bank_account", "payment_intent_incompatible_payment_method"),
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
) -> None:
    for _ in range(2):
        handled(with_data(collect, paymentMethodId=method), context)
    failed = found(table, order)
    assert (failed.status, failed.reason, failed.version) == (Status.FAILED, reason, 2)
    assert len(fake_stripe.requests) == 1


def test_an_amount_too_small_for_stripe_is_an_answer(
    table: PaymentsTable, order: CollectPayment, collect: Event, context: Any
) -> None:
    handled(with_data(collect, amount=1), context)
    assert found(table, order).reason == "amount_too_small"


@pytest.mark.parametrize(
    ("trouble", "match"),
    [
        (["down"] * 2, "APIError"),
        (["overloaded"] * 2, "RateLimitError"),
        (["unreachable"] * 2, "APIConnectionError"),
        (["answer lost"] * 2, "APIConnectionError"),
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
) -> None:
    fake_stripe.trouble = trouble
    comes_again(collect, context, match)
    assert status(table, order) is Status.PENDING
    fake_stripe.trouble = []
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


@pytest.mark.parametrize("trouble", ["down", "unreachable", "answer lost", "key in use"])
def test_a_passing_trouble_is_over_at_the_second_try(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    trouble: str,
) -> None:
    fake_stripe.trouble = [trouble]
    handled(collect, context)
    assert status(table, order) is Status.COLLECTED
    assert fake_stripe.balance == order.data.amount


def test_an_error_that_stripe_keeps_under_the_key_fails_each_time_and_charges_once(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_stripe.trouble = ["broken"]
    for _ in range(5):
        comes_again(collect, context, "APIError")
        assert status(table, order) is Status.PENDING
    monkeypatch.setattr(inbox, "now", lambda: now() + timedelta(days=1))
    fake_stripe.forget_keys()
    comes_again(collect, context, "NotRepeatable")
    assert status(table, order) is Status.PENDING
    assert fake_stripe.balance == order.data.amount


def test_an_intent_that_is_neither_done_nor_refused_sends_the_message_back(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    fake_stripe.intent_status = "processing"
    comes_again(collect, context, "Unsettled")
    assert status(table, order) is Status.PENDING


def test_without_the_secret_nothing_is_asked_of_stripe(
    table: PaymentsTable, order: CollectPayment, collect: Event, fake_stripe: Any, context: Any
) -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    secrets = boto3.client("secretsmanager")
    secrets.delete_secret(SecretId="tbs/stripe", ForceDeleteWithoutRecovery=True)
    comes_again(collect, context, "GetParameterError")
    assert status(table, order) is Status.PENDING
    assert fake_stripe.requests == []


def test_is_not_asked_again_once_stripe_may_have_forgotten_the_key(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_stripe.trouble = ["answer lost"] * 2
    comes_again(collect, context, "APIConnectionError")
    fake_stripe.forget_keys()
    monkeypatch.setattr(inbox, "now", lambda: now() + timedelta(days=2))
    comes_again(collect, context, "NotRepeatable")
    assert status(table, order) is Status.PENDING
    assert fake_stripe.balance == order.data.amount


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
    path, asked, headers = fake_stripe.requests[-1]
    assert (path, asked["payment_intent"]) == ("/v1/refunds", first.payment_intent_id)
    assert headers["Idempotency-Key"] == f"{order.data.order_id}:refund"


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
    failed = found(table, order)
    handled(refund, context)
    assert found(table, order) == failed
    assert len(fake_stripe.requests) == 1


@pytest.mark.parametrize(
    "trouble", ["down", "overloaded", "unreachable", "answer lost", "key in use"]
)
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


def test_a_refund_whose_error_stripe_keeps_is_found_once_the_key_is_forgotten(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(collect, context)
    fake_stripe.trouble = ["broken"]
    for _ in range(5):
        comes_again(refund, context, "APIError")
        assert status(table, order) is Status.REFUNDING
    fake_stripe.forget_keys()
    handled(refund, context)
    assert found(table, order).refund_id in fake_stripe.refunds
    assert fake_stripe.balance == 0


def test_a_refund_whose_key_stripe_has_forgotten_is_found_again(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    handled(collect, context)
    fake_stripe.trouble = ["answer lost"] * 2
    comes_again(refund, context, "APIConnectionError")
    fake_stripe.forget_keys()
    handled(refund, context)
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


# Cut off, or met by another worker, at any moment


@pytest.mark.parametrize("moment", MOMENTS)
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


@pytest.mark.parametrize("moment", MOMENTS)
def test_two_workers_collect_the_same_payment(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    fake_stripe: Any,
    moments: Moments,
    moment: int,
) -> None:
    moments.at(moment, lambda: deliver(collect))
    deliver(collect)
    assert moments.happened
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


@pytest.mark.parametrize("moment", MOMENTS)
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
    taken = moment > 2  # By then the payment is saved; before, the tombstone is there first.
    assert status(table, order) is (Status.REFUNDED if taken else Status.VOIDED)
    assert len(fake_stripe.intents) == (1 if taken else 0)
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("asked", ["none", "cut off before Stripe", "cut off after Stripe"])
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
    if asked != "none":
        moments.at(4 if asked == "cut off before Stripe" else 6, crash)
        comes_again(collect, context, "Crash")
    moments.at(moment, lambda: deliver(collect))
    deliver(refund)
    assert moments.happened
    assert status(table, order) in (Status.REFUNDED, Status.VOIDED)
    assert fake_stripe.balance == 0


def test_a_refund_of_a_pending_payment_leaves_stripe_alone_until_it_is_collected(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    fake_stripe.trouble = ["answer lost"] * 2
    comes_again(collect, context, "APIConnectionError")
    handled(refund, context)
    handled(refund, context)
    marked = found(table, order)
    assert (marked.status, marked.version) == (Status.PENDING, 2)
    assert marked.refund_reason == data(refund)["reason"]
    assert fake_stripe.balance == order.data.amount
    handled(collect, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


@pytest.mark.parametrize("moment", range(10))
def test_a_crash_at_any_moment_of_collecting_what_is_to_be_given_back(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    moments: Moments,
    context: Any,
    moment: int,
) -> None:
    """The refund's message is gone by then: the other one has to bring it to its end."""
    fake_stripe.trouble = ["down"] * 2
    comes_again(collect, context, "APIError")
    handled(refund, context)
    moments.at(moment, crash)
    comes_again(collect, context, "Crash")
    assert moments.happened
    handled(collect, context)
    assert status(table, order) is Status.REFUNDED
    assert fake_stripe.balance == 0


def test_a_declined_payment_has_nothing_to_refund_though_it_was_asked_for(
    table: PaymentsTable,
    order: CollectPayment,
    collect: Event,
    refund: Event,
    fake_stripe: Any,
    context: Any,
) -> None:
    declined = with_data(collect, paymentMethodId="pm_expired")
    fake_stripe.trouble = ["down"] * 2
    comes_again(declined, context, "APIError")
    handled(refund, context)
    handled(declined, context)
    assert status(table, order) is Status.FAILED


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
    dead_letters: Callable[[], list[str]],
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
    dead_letters: Callable[[], list[str]],
    body: str,
) -> None:
    collect["Records"].insert(0, collect["Records"][0] | {"messageId": "bad", "body": body})
    handled(collect, context)
    assert dead_letters() == [body]
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
    comes_again(collect, context, "All records failed")
