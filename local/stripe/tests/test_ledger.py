"""The rules by themselves: no server, and a clock that goes as it is told."""

from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from local.stripe import form, params
from local.stripe.cards import TEST_CARDS
from local.stripe.errors import StripeError
from local.stripe.ledger import Ledger, Origin
from local.stripe.records import Books
from local.stripe.render import Renderer
from local.stripe.tests.support import NamingIds

ORIGIN = Origin("req_1", None)
CARD_IDS = sorted(TEST_CARDS)
FINAL = {"succeeded", "canceled"}


def new_ledger() -> Ledger:
    books = Books()
    return Ledger(
        books, Renderer(books, "http://stripe.example"), clock=lambda: 1000, new_id=NamingIds()
    )


def create(**asked: str) -> params.CreateIntent:
    good: form.Form = {"currency": "usd", "allowed_payment_method_types": {"0": "card"}}
    return params.read(params.CreateIntent, good | asked)


class Money(RuleBasedStateMachine):
    """Whatever is asked, in whatever order: the books balance and a final state is final."""

    intents: Bundle[str] = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = new_ledger()
        self.final: dict[str, str] = {}

    @rule(
        target=intents,
        amount=st.integers(50, 10_000),
        card=st.sampled_from(CARD_IDS),
        confirm=st.booleans(),
        strict=st.booleans(),
    )
    def create(self, amount: int, card: str, confirm: bool, strict: bool) -> str:
        asked = {"amount": str(amount), "payment_method": card, "confirm": str(confirm).lower()}
        if confirm and strict:
            asked["error_on_requires_action"] = "true"
        try:
            return self.ledger.create_intent(create(**asked), ORIGIN).id
        except StripeError as error:
            if error.status != 402 or error.payment_intent is None:
                raise
            return error.payment_intent

    @rule(intent=intents, card=st.none() | st.sampled_from(CARD_IDS))
    def confirm(self, intent: str, card: str | None) -> None:
        asked: form.Form = {"payment_method": card} if card else {}
        self.attempt(
            lambda: self.ledger.confirm_intent(
                intent, params.read(params.ConfirmIntent, asked), ORIGIN
            )
        )

    @rule(intent=intents, passed=st.booleans())
    def authenticate(self, intent: str, passed: bool) -> None:
        self.attempt(
            lambda: self.ledger.authenticate(intent, "succeed" if passed else "fail", ORIGIN)
        )

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.attempt(lambda: self.ledger.cancel_intent(intent, params.CancelIntent(), ORIGIN))

    @rule(intent=intents, amount=st.none() | st.integers(1, 12_000))
    def refund(self, intent: str, amount: int | None) -> None:
        asked: form.Form = {"payment_intent": intent}
        if amount is not None:
            asked["amount"] = str(amount)
        before = len(self.ledger.books.refunds.rows)
        refused = self.attempt(
            lambda: self.ledger.create_refund(params.read(params.CreateRefund, asked), ORIGIN)
        )
        assert len(self.ledger.books.refunds.rows) == before + (not refused)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Do it; whether it was refused."""
        try:
            act()
        except StripeError as error:
            if error.status not in (400, 402):
                raise
            return True
        return False

    @invariant()
    def never_more_refunded_than_charged(self) -> None:
        refunded = Counter[str]()
        for refund in self.ledger.books.refunds:
            refunded[refund.charge] += refund.amount
        for charge in self.ledger.books.charges:
            assert refunded[charge.id] == charge.amount_refunded
            assert charge.amount_refunded <= (0 if charge.failure else charge.amount)

    @invariant()
    def one_good_charge_for_each_paid_intent(self) -> None:
        paid = Counter(
            charge.payment_intent for charge in self.ledger.books.charges if not charge.failure
        )
        for intent in self.ledger.books.payment_intents:
            assert paid[intent.id] == (intent.status == "succeeded")

    @invariant()
    def a_final_state_is_final(self) -> None:
        for intent in self.ledger.books.payment_intents:
            assert self.final.get(intent.id, intent.status) == intent.status
            if intent.status in FINAL:
                self.final[intent.id] = intent.status

    @invariant()
    def every_change_was_told(self) -> None:
        told = Counter(event.type for event in self.ledger.books.events)
        books = self.ledger.books
        assert told["payment_intent.created"] == len(books.payment_intents.rows)
        assert told["charge.refunded"] == len(books.refunds.rows)
        assert told["charge.succeeded"] + told["charge.failed"] == len(books.charges.rows)
        states = Counter(intent.status for intent in books.payment_intents)
        assert told["payment_intent.succeeded"] == states["succeeded"]
        assert told["payment_intent.canceled"] == states["canceled"]


Money.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestMoney = Money.TestCase


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
values = st.text(max_size=20)


@given(st.dictionaries(names, values | st.dictionaries(names, values, min_size=1), max_size=5))
def test_a_form_is_read_back_as_it_was_sent(sent: form.Form) -> None:
    pairs = [
        (f"{name}[{inner}]", text)
        for name, value in sent.items()
        if isinstance(value, dict)
        for inner, text in value.items()
    ] + [(name, value) for name, value in sent.items() if isinstance(value, str)]
    read = form.parse(urlencode(pairs))
    assert read == sent
    assert form.fingerprint(read) == form.fingerprint(form.parse(urlencode(pairs[::-1])))


@pytest.mark.parametrize("encoded", ["a[=1", "a]b=1", "[a]=1", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_a_form_that_does_not_nest_is_refused(encoded: str) -> None:
    with pytest.raises(StripeError) as caught:
        form.parse(encoded)
    assert caught.value.status == 400


def test_a_list_may_be_numbered_or_not() -> None:
    assert form.parse("expand[]=a&expand[]=b") == form.parse("expand[1]=b&expand[0]=a")


@pytest.mark.parametrize(
    ("amount", "currency", "least"),
    [("49", "usd", "$0.50 usd"), ("29", "gbp", "£0.30 gbp"), ("299", "sek", "3.00 SEK sek")],
)
def test_a_currency_has_a_least_amount(amount: str, currency: str, least: str) -> None:
    ledger = new_ledger()
    with pytest.raises(StripeError) as caught:
        ledger.create_intent(create(amount=amount, currency=currency), ORIGIN)
    assert caught.value.body.code == "amount_too_small"
    assert least in caught.value.body.message
    enough = create(amount=str(int(amount) + 1), currency=currency)
    assert ledger.create_intent(enough, ORIGIN).status == "requires_payment_method"
