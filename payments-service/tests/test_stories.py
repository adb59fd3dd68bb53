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
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from payments import cashier, gateway, inbox, webhook
from payments.delivery import Poison
from payments.messages import Message, PaymentRefunded, SendEmail, of_payment
from payments.payment import Payment, Tombstone
from payments.record import Status
from payments.refund import RefundStatus
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
    st.tuples(st.just("part"), CRASHES, st.just([]), st.integers(0, 2)),
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
PART = st.tuples(st.just("part"), CUTS, TROUBLES, st.integers(0, 2))
PARTS = (1000, 3000, 5000)
"""What parts of it are asked back, in minor units: the three together are more than was paid."""
STEPS = st.one_of(
    COLLECT,
    PART,
    st.tuples(st.just("by hand"), st.sampled_from([500, 6000])),
    st.tuples(st.just("refunds"), st.sampled_from(["failed", "succeeded"])),
    st.tuples(st.just("refund"), CUTS, TROUBLES),
    st.tuples(st.just("event"), CUTS, TROUBLES, NUMBERS),
    st.tuples(ACTS),
)
PAID: tuple[Any, ...] = ("collect", None, [])
RACES: st.SearchStrategy[tuple[Any, ...]] = st.builds(
    lambda number, moment, trouble: (
        *("part", (moment, [("part", None, [], number)]), trouble, number),
    ),
    st.integers(0, 2),
    st.integers(3, 9),
    TROUBLES,
)
"""Two that give the same part back at the same time."""
STORIES: st.SearchStrategy[list[tuple[Any, ...]]] = st.one_of(
    st.lists(STEPS, max_size=8),
    st.builds(lambda first, then: [first, *then], COLLECT, st.lists(STEPS, max_size=8)),
    st.lists(st.one_of(RACES, PART), max_size=5).map(lambda then: [PAID, *then]),
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
        self.parts_asked: set[int] = set()
        self._done: set[Any] = set()
        self._dead: set[Any] = set()
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
            case ("part", cut, trouble, number):
                self.parts_asked.add(number)
                record = self._record(self._part(number))
                self._deliver(f"part-{number}", lambda: inbox.receive(record), cut, trouble)
            case ("by hand", amount) if self.kept_status is Status.COLLECTED:
                (intent,) = self.stripe.confirmed
                if intent["amount"] - self.stripe._given_back(intent) >= amount:
                    self.stripe.give_back(intent["id"], amount)
            case ("refunds", status):
                self.stripe.refund_status = status
            case ("event", cut, trouble, number) if self.stripe.events:
                told = self.stripe.events[number % len(self.stripe.events)]
                record = self._record(self.stripe.send(told))
                self._deliver(told["id"], lambda: webhook.receive(record), cut, trouble)
            case ("passes" | "fails" | "tries again" as act,) if self._browser_knows:
                self._browse(act)

    @property
    def kept_status(self) -> Status | None:
        return self.table.kept.status if self.table.kept else None

    def _part(self, number: int) -> dict[str, Any]:
        part = copy.deepcopy(self._refund)
        body = json.loads(part["Records"][0]["body"])
        body["detail"]["data"] |= {"amount": PARTS[number], "refundId": f"part-{number}"}
        part["Records"][0]["body"] = json.dumps(body)
        return part

    def _record(self, delivery: dict[str, Any]) -> SQSRecord:
        return SQSRecord(delivery["Records"][0])

    def _deliver(
        self, name: str, receive: Callable[[], None], cut: Any, trouble: list[str]
    ) -> None:
        self._cut, self.stripe.trouble = cut, list(trouble)
        try:
            receive()
            self._done.add(name)
        except Poison:
            self._dead.add(name)
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
        """What was never handled comes until it is; a dead letter does not come again."""
        self.stripe.refund_status = "succeeded"
        for number in self.parts_asked:
            if not {f"part-{number}"} & (self._done | self._dead):
                self.play(("part", None, [], number))
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


def part_of(refund: dict[str, Any]) -> str | None:
    """The part that a refund at Stripe was made for."""
    part: str | None = refund["metadata"].get("refundId")
    return part


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(card=st.sampled_from(CARDS), story=STORIES)
@example(card=CARDS[0], story=[PAID, ("part", (5, [("part", None, [], 0)]), [], 0)])
@example(card=CARDS[0], story=[PAID, ("part", None, ["none", "in vain"], 0)])
@example(card=CARDS[0], story=[PAID, ("refunds", "failed"), ("part", None, [], 0)])
@example(card=CARDS[0], story=[PAID, ("part", (7, [("refund", None, [])]), [], 0)])
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
            assert 0 <= shop.stripe.balance <= bill["amount"]
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
    left = bill["amount"] - ended.given_back if ended.status is Status.COLLECTED else 0
    assert shop.stripe.balance == left
    assert (ended.status is Status.ACTION_REQUIRED) == (intents == ["requires_action"])
    if shop.refund_asked:
        assert ended.status in (Status.REFUNDED, Status.VOIDED, Status.FAILED)
    elif ended.status is Status.REFUNDED:
        assert ended.given_back == bill["amount"]
    else:
        assert ended.status in (Status.COLLECTED, Status.FAILED, Status.ACTION_REQUIRED)
    if shop._browser_knows and ended.status is not Status.ACTION_REQUIRED:
        assert intents in (["succeeded"], ["canceled"])
    names = Counter(type(message).__name__ for message in told)
    mails = Counter(m.data.content.template for m in told if isinstance(m, SendEmail))
    made = [r for r in shop.stripe.refunds.values() if r["status"] != "failed"]
    parts = Counter(refund["metadata"].get("refundId", "") for refund in made)
    assert all(parts[f"part-{number}"] <= 1 for number in range(3))
    assert all(PARTS[int(part[-1])] == r["amount"] for r in made if (part := part_of(r)))
    assert {r.stripe_id for r in ended.refunds if r.stripe_id} == {r["id"] for r in made}
    assert all(names[n] <= 1 for n in names if n not in ("SendEmail", "PaymentRefunded"))
    assert not {"PaymentCollected", "PaymentFailed"} <= names.keys()
    for number in shop.parts_asked:
        if f"part-{number}" not in shop._dead and isinstance(ended, Payment):
            asked = ended.part(f"part-{number}")
            assert asked is None or asked.status is not RefundStatus.PENDING
            assert asked or ended.status is not Status.COLLECTED
    refunds = [m.data for m in told if isinstance(m, PaymentRefunded)]
    totals = [data.amount for data in refunds]
    assert totals == sorted(totals)
    assert len(set(totals)) == len(made)
    newest = [(data.amount, data.by_hand, data.covered) for data in refunds[-1:]]
    assert newest == ([(ended.given_back, ended.by_hand, ended.covered)] if made else [])
    by_hand = [r["amount"] for r in made if "orderId" not in r["metadata"]]
    assert ended.by_hand == sum(by_hand)
    assert names["PaymentCollected"] == names["StoreFile"] == mails["receipt"]
    assert mails["refund"] == (len(made) if isinstance(ended, Payment) else 0)
    assert len({message.metadata.id for message in told}) == len(told)
