"""Any story of one order's payment: commands, the customer, Stripe's events, trouble and crashes.

Whatever comes in whatever order, and however often: once all of it was delivered, the money is
where it belongs.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from payments import cashier, gateway, inbox, webhook
from payments.messages import Message, of_payment
from payments.payment import Payment, Status, Tombstone
from payments.table import Conflict

type Kept = Payment | Tombstone

CARDS = [
    "pm_card_visa",
    "pm_pays_once",
    "pm_used_meanwhile",
    "pm_expired",
    "pm_missing",
    "pm_three_d_secure",
    "pm_three_d_secure_insufficient_funds",
]
MOMENTS = st.integers(0, 17)
"""The moments before and after each call that a delivery makes."""
ACTS = st.sampled_from(["passes", "fails", "tries again"])
NUMBERS = st.integers(0, 9)
CRASHES = st.one_of(st.none(), MOMENTS)
MEETINGS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("collect"), CRASHES, st.just([])),
    st.tuples(st.just("refund"), CRASHES, st.just([])),
    st.tuples(st.just("event"), CRASHES, st.just([]), NUMBERS),
    st.tuples(ACTS),
)
CUTS = st.one_of(CRASHES, st.tuples(MOMENTS, st.lists(MEETINGS, min_size=1, max_size=3)))
"""What befalls a delivery: nothing, a crash at a moment, or that other things happen then."""
TROUBLES = st.lists(
    st.sampled_from(["none", "down", "answer lost", "unreachable", "broken", "in vain", "locked"]),
    max_size=6,
)
COLLECT = st.tuples(st.just("collect"), CUTS, TROUBLES)
STEPS = st.one_of(
    COLLECT,
    st.tuples(st.just("refund"), CUTS, TROUBLES),
    st.tuples(st.just("event"), CUTS, TROUBLES, NUMBERS),
    st.tuples(ACTS),
)
STORIES: st.SearchStrategy[list[tuple[Any, ...]]] = st.one_of(
    st.lists(STEPS, max_size=8),
    st.builds(lambda first, then: [first, *then], COLLECT, st.lists(STEPS, max_size=8)),
)
"""Most begin with the payment: a refund that comes first ends it."""


class Crash(Exception):
    """The function dies."""


@dataclass
class Table:
    """The table in memory, and the messages that its changes lead to."""

    kept: Kept | None = None
    told: list[Message] = field(default_factory=list)

    def payment(self, order_id: str) -> Kept | None:
        return self.kept

    def add(self, payment: Kept) -> None:
        if self.kept:
            raise Conflict
        self._keep(payment)

    def save(self, payment: Kept) -> None:
        if self.kept is None or self.kept.version != payment.version - 1:
            raise Conflict
        self._keep(payment)

    def _keep(self, payment: Kept) -> None:
        self.told += of_payment(self.kept, payment)
        self.kept = payment


class Shop:
    """One order: what was sent for it, and what may happen to it."""

    def __init__(self, fake: Any, collect: dict[str, Any], refund: dict[str, Any]) -> None:
        self.stripe = fake
        self.table = Table()
        self.refund_asked = False
        self._done: set[Any] = set()
        self._collect, self._refund = collect, refund
        self._cut: Any = None

    def crashing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, before and after which the function may die."""

        def made(*args: Any, **kwargs: Any) -> Any:
            self._moment()
            answer = call(*args, **kwargs)
            self._moment()
            return answer

        return made

    def _moment(self) -> None:
        match self._cut:
            case 0:
                raise Crash
            case int(left):
                self._cut = left - 1
            case 0, steps:
                trouble, self.stripe.trouble, self._cut = self.stripe.trouble, [], None
                for step in steps:
                    self.play(step)
                self.stripe.trouble = trouble
            case left, steps:
                self._cut = left - 1, steps

    def play(self, step: tuple[Any, ...]) -> None:
        """Let one thing happen."""
        match step:
            case ("collect", cut, trouble):
                record = self._record(self._collect)
                self._deliver("collect", lambda: inbox.receive(record), cut, trouble)
            case ("refund", cut, trouble):
                self.refund_asked = True
                record = self._record(self._refund)
                self._deliver("refund", lambda: inbox.receive(record), cut, trouble)
            case ("event", cut, trouble, number) if self.stripe.events:
                told = self.stripe.events[number % len(self.stripe.events)]
                record = self._record(self.stripe.send(told))
                self._deliver(told["id"], lambda: webhook.receive(record), cut, trouble)
            case ("passes" | "fails" | "tries again" as act,) if self._browser_knows:
                self._browse(act)

    def _record(self, delivery: dict[str, Any]) -> SQSRecord:
        return SQSRecord(delivery["Records"][0])

    def _deliver(
        self, name: str, receive: Callable[[], None], cut: Any, trouble: list[str]
    ) -> None:
        self._cut, self.stripe.trouble = cut, list(trouble)
        try:
            receive()
            self._done.add(name)
        except (Crash, Conflict, gateway.Unsettled, stripe.StripeError) as error:
            event(type(error).__name__)
        finally:
            self._cut, self.stripe.trouble = None, []

    @property
    def _browser_knows(self) -> bool:
        return any(type(message).__name__ == "PaymentActionRequired" for message in self.table.told)

    def _browse(self, act: str) -> None:
        """What the customer's browser can do once it was told how."""
        (intent,) = self.stripe.confirmed
        match act, intent["status"]:
            case "passes" | "fails", _:
                self.stripe.authenticate(intent["id"], passes=act == "passes")
            case "tries again", "requires_payment_method":
                self.stripe._become(intent, "succeeded")

    def end(self) -> None:
        """What was never handled comes until it is."""
        for name in ("collect", "refund"):
            if name not in self._done and (name == "collect" or self.refund_asked):
                self.play((name, None, []))
        for number, told in reversed(list(enumerate(self.stripe.events))):
            if told["id"] not in self._done:
                self.play(("event", None, [], number))

    def again(self) -> None:
        """Everything comes once more."""
        self._done.clear()
        self.end()


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(card=st.sampled_from(CARDS), story=STORIES)
def test_the_money_ends_where_it_belongs(
    fake_stripe: Any, sample: Callable[[str], Any], card: str, story: list[tuple[Any, ...]]
) -> None:
    collect, refund = sample("inbox-CollectPayment"), sample("inbox-RefundPayment")
    body = json.loads(collect["Records"][0]["body"])
    bill = body["detail"]["data"]
    bill["paymentMethodId"] = card
    collect["Records"][0]["body"] = json.dumps(body)
    body = json.loads(refund["Records"][0]["body"])
    body["detail"]["data"] |= {"orderId": bill["orderId"], "amount": bill["amount"]}
    refund["Records"][0]["body"] = json.dumps(body)

    shop = Shop(type(fake_stripe)(), collect, refund)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "_http", lambda: shop.stripe)
        for name in ("payment", "add", "save"):
            patch.setattr(cashier.table, name, shop.crashing(getattr(shop.table, name)))
        patch.setattr(shop.stripe, "request", shop.crashing(shop.stripe.request))
        for step in story:
            shop.play(step)
            assert shop.stripe.balance in (0, bill["amount"])
        shop.end()
        shop.end()
        ended, told = copy.deepcopy(shop.table.kept), list(shop.table.told)
        shop.again()
        assert (shop.table.kept, shop.table.told) == (ended, told)

    assert ended
    event(f"ended {ended.status}")
    intents = [intent["status"] for intent in shop.stripe.confirmed]
    assert len(intents) <= 1
    if intents:
        assert shop.stripe.confirmed[0]["id"] == ended.payment_intent_id
    assert shop.stripe.balance == (bill["amount"] if ended.status is Status.COLLECTED else 0)
    assert (ended.status is Status.ACTION_REQUIRED) == (intents == ["requires_action"])
    if shop.refund_asked:
        assert ended.status in (Status.REFUNDED, Status.VOIDED, Status.FAILED)
    else:
        assert ended.status in (Status.COLLECTED, Status.FAILED, Status.ACTION_REQUIRED)
    if shop._browser_knows and ended.status is not Status.ACTION_REQUIRED:
        assert intents in (["succeeded"], ["canceled"])
    names = Counter(type(message).__name__ for message in told)
    assert not names or max(names.values()) == 1
    assert not {"PaymentCollected", "PaymentFailed"} <= names.keys()
    assert ("PaymentRefunded" in names) == (ended.status is Status.REFUNDED)
    assert names["PaymentCollected"] == names["StoreFile"] == names["SendEmail"]
    assert len(shop.stripe.refunds) <= 1
    assert len({message.metadata.id for message in told}) == len(told)
