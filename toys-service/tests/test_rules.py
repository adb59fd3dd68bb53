"""The rules of the stock, by example and by property."""

from hypothesis import given
from hypothesis import strategies as st
from toys.model import now
from toys.picture import Gallery
from toys.reservation import Line, Refusal, Status, refusal, tombstone
from toys.toy import Availability, Toy, ToyDescription, ToyDraft


def toy(stock: int, price: int = 1500) -> Toy:
    draft = ToyDraft(
        sku="KITE-1",
        name="Kite",
        category="Outdoor",
        brand="B",
        price=price,
        currency="EUR",
        stock=stock,
    )
    return Toy.create("toy-1", draft, now())


@given(st.integers(0, 1_000_000))
def test_availability_follows_the_stock(stock: int) -> None:
    told = toy(stock).availability
    assert (told is Availability.SOLD_OUT) == (stock == 0)
    assert (told is Availability.LOW) == (1 <= stock <= 5)


@given(stock=st.integers(0, 200), quantity=st.integers(1, 99))
def test_a_line_is_refused_exactly_when_there_are_too_few(stock: int, quantity: int) -> None:
    line = Line(toy_id="toy-1", quantity=quantity, price=1500)
    expected = Refusal.OUT_OF_STOCK if quantity > stock else None
    assert refusal(line, "EUR", toy(stock)) == expected


@given(price=st.integers(1, 10_000), agreed=st.integers(1, 10_000))
def test_a_line_is_refused_at_any_other_price(price: int, agreed: int) -> None:
    line = Line(toy_id="toy-1", quantity=1, price=agreed)
    expected = None if price == agreed else Refusal.PRICE_CHANGED
    assert refusal(line, "EUR", toy(10, price)) == expected


def test_a_toy_that_is_gone_is_unknown() -> None:
    line = Line(toy_id="toy-1", quantity=1, price=1500)
    assert refusal(line, "EUR", None) is Refusal.UNKNOWN_TOY
    assert refusal(line, "EUR", toy(10).delete(now())) is Refusal.UNKNOWN_TOY


def test_a_tombstone_holds_nothing() -> None:
    stone = tombstone("order-1", "order-1:2:ReleaseStock", now())
    assert stone.status is Status.RELEASED
    assert stone.lines == ()


def test_every_change_of_a_toy_is_a_new_version() -> None:
    kite = toy(10)
    other = ToyDescription(sku="K", name="K", category="O", brand="B", price=1, currency="EUR")
    for changed in (
        kite.delete(now()),
        kite.describe(other, now()),
        kite.arrange(Gallery(), now()),
    ):
        assert (changed.version, changed.revision) == (2, 2)
        assert changed.stock == 10
