"""The report of the sales: counted in a real PostgreSQL, and once more by hand."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports import archive, reporter
from reports.messages import Line
from reports.migration import migrate
from reports.report import MONTHS, day, months, number_after, says_the_same
from reports.sale import REST, Back, Sale
from reports.tables import save

AT = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
KITE = Line(toy_id="toy-1", name="Kite", price=1000, quantity=2)


def sale(
    order_id: str = "order-1",
    confirmed: datetime | None = None,
    cancelled: datetime | None = None,
    reason: str | None = None,
    refund: int | None = None,
    lines: tuple[Line, ...] = (KITE,),
    currency: str = "EUR",
    updated: datetime = AT,
    version: int = 1,
) -> Sale:
    """A sale in which shipping is 495 and a tenth of all is tax."""
    gross = sum(line.price * line.quantity for line in lines) + 495
    tax = gross // 10
    return Sale(
        order_id=order_id,
        customer_id="customer-1",
        status="CANCELLED" if cancelled else "CONFIRMED" if confirmed else "PLACED",
        reason=reason,
        currency=currency,
        shipping=495,
        net=gross - tax,
        tax=tax,
        gross=gross,
        tax_rate=Decimal("0.15"),
        placed_at=AT,
        confirmed_at=confirmed,
        dispatched_at=None,
        delivered_at=None,
        cancelled_at=cancelled,
        refund_amount=refund,
        refund_status=None if refund is None else "PENDING",
        carrier=None,
        version=version,
        updated_at=updated,
        lines=lines,
        backs=(Back(REST, refund, cancelled or updated),) if refund else (),
    )


def recounted(sales: Iterable[Sale], at: datetime, currency: str) -> dict[str, Any]:
    """The report of these sales as of that time, as JSON."""
    sales = list(sales)
    names = [f"{at:%Y-%m}"]
    while len(names) < 12:
        year, month = map(int, names[0].split("-"))
        names.insert(0, f"{year - 1}-12" if month == 1 else f"{year}-{month - 1:02}")
    sold = [one for one in sales if one.confirmed_at and one.currency == currency]
    in_months = [one for one in sold if _month(one.confirmed_at) in names]
    return {
        "reportedAt": _text(at),
        "day": _day(at),
        "timeZone": "UTC",
        "months": [
            {
                "month": name,
                **_totals(
                    currency,
                    [one for one in sold if _month(one.confirmed_at) == name],
                    [one for one in sold if _month(_back(one)) == name],
                ),
            }
            for name in names
        ],
        "today": _totals(
            currency,
            [one for one in sold if _day(one.confirmed_at) == _day(at)],
            [one for one in sold if _day(_back(one)) == _day(at)],
        ),
        "topToys": _top([one for one in in_months if not one.cancelled_at], currency)[:10],
        "failures": [
            {"orderId": one.order_id, "reason": one.reason, "at": _text(one.cancelled_at)}
            for one in sorted(
                (one for one in sales if one.cancelled_at and one.reason != "CUSTOMER"),
                key=lambda one: (-one.cancelled_at.timestamp(), one.order_id),  # type: ignore[union-attr]
            )
        ][:50],
    }


def _totals(currency: str, sold: list[Sale], back: list[Sale]) -> dict[str, Any]:
    return {
        "currency": currency,
        "orders": len(sold),
        "units": sum(line.quantity for one in sold for line in one.lines),
        "net": sum(one.net for one in sold),
        "tax": sum(one.tax for one in sold),
        "gross": sum(one.gross for one in sold),
        "refunded": sum(one.refund_amount or 0 for one in back),
    }


def _top(sold: list[Sale], currency: str) -> list[dict[str, Any]]:
    units: Counter[str] = Counter()
    gross: Counter[str] = Counter()
    names: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for one in sold:
        assert one.confirmed_at
        for line in one.lines:
            units[line.toy_id] += line.quantity
            gross[line.toy_id] += line.quantity * line.price
            called = (-one.confirmed_at.timestamp(), line.name)
            names[line.toy_id].append(called)
    return [
        {
            "toyId": toy,
            "name": min(names[toy])[-1],
            "units": units[toy],
            "gross": gross[toy],
            "currency": currency,
        }
        for toy in sorted(gross, key=lambda toy: (-gross[toy], -units[toy], toy))
    ]


def _back(one: Sale) -> datetime:
    return one.cancelled_at or one.updated_at


def _month(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m}" if at else ""


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else ""


def _text(at: datetime | None) -> str:
    assert at
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def connection(server: Any) -> Iterator[psycopg.Connection]:
    """Of the reports' own user, to a database that has its tables."""
    with reporter.database.open() as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The reporter's clock: the first of the list is the time."""
    times = [AT]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return times[0]

    monkeypatch.setattr(reporter, "datetime", Clock)
    return times


def report(context: Any) -> dict[str, Any]:
    """Ask the reporter, as the outbox does."""
    answer: Any = reporter.handler({}, context)
    return dict(answer)


def stored(server: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.rows("select * from reports order by number")
    return rows


# The times that it tells of

moments = st.builds(
    lambda seconds, zone: datetime.fromtimestamp(seconds, zone),
    st.integers(946_684_800, 4_102_444_800),  # of this century
    st.timezones(),
)


@given(moments)
def test_twelve_whole_months_lead_up_to_now(at: datetime) -> None:
    asked = months(at)
    assert len(asked.months) == MONTHS
    assert asked.first == asked.months[0]
    assert (asked.last + timedelta(days=1)).day == 1
    assert asked.months[-1] <= at.astimezone(UTC).date() <= asked.last
    today = day(at)
    assert today.first == today.last == at.astimezone(UTC).date()


def test_a_day_is_one_of_utc() -> None:
    at = datetime.fromisoformat("2026-01-01T00:30:00+01:00")
    assert day(at).days == [date(2025, 12, 31)]
    assert [months(at).first, months(at).last] == [date(2025, 1, 1), date(2025, 12, 31)]


# What is counted

toys = st.builds(
    lambda toy_id, name, price, quantity: Line(
        toy_id=toy_id, name=name, price=price, quantity=quantity
    ),
    st.sampled_from([f"toy-{n}" for n in range(12)]),
    st.sampled_from(["Kite", "Kite!", "Train"]),
    st.integers(0, 5000),
    st.integers(1, 99),
)
EDGES = [
    *(datetime.combine(month, time.min, UTC) for month in months(AT).months),
    datetime.combine(AT.date(), time.min, UTC),
    datetime.combine(AT.date() + timedelta(days=1), time.min, UTC),
    datetime.combine(months(AT).last + timedelta(days=1), time.min, UTC),
    AT,
]
times = st.builds(
    lambda edge, by: edge + timedelta(milliseconds=by),
    st.sampled_from(EDGES),
    st.sampled_from([-1, 0, 1, 3_600_000]),
)


@st.composite
def sales_made(draw: st.DrawFn) -> list[Sale]:
    """Orders of every kind, at the edges of months and days above all."""
    count = draw(st.integers(0, 70))
    made = []
    for n in range(count):
        confirmed = draw(st.none() | times)
        cancelled = draw(st.none() | times)
        made.append(
            sale(
                f"order-{n}",
                confirmed,
                cancelled,
                draw(st.sampled_from(["CUSTOMER", "OUT_OF_STOCK", "UNDELIVERABLE"]))
                if cancelled
                else None,
                draw(st.none() | st.integers(0, 9999)),
                draw(st.lists(toys, min_size=1, max_size=3).map(tuple)),
                draw(st.sampled_from(["EUR", "EUR", "EUR", "USD"])),
                draw(times),
            )
        )
    return made


@settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])
@given(sales=sales_made())
def test_the_report_is_what_one_counts_by_hand(
    connection: psycopg.Connection, sales: list[Sale]
) -> None:
    connection.execute("truncate orders, order_lines, refunds")
    save(connection, sales)
    made = reporter.made(connection, AT)
    assert made.model_dump(mode="json") == recounted(sales, AT, "EUR")


def test_an_empty_shop_has_twelve_months_of_nothing(
    connection: psycopg.Connection, context: Any, now: list[datetime]
) -> None:
    told = report(context)["report"]
    assert told == recounted([], AT, "EUR")
    assert [month["month"] for month in told["months"]][::11] == ["2025-12", "2026-11"]
    assert {month["gross"] for month in told["months"]} == {0}


def test_a_sale_stays_in_its_month_and_goes_back_in_another(
    connection: psycopg.Connection,
) -> None:
    paid, back = datetime(2026, 9, 30, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)
    save(connection, [sale(confirmed=paid, cancelled=back, reason="CUSTOMER", refund=2495)])
    made = reporter.made(connection, AT)
    by_month = {month.month: month for month in made.months}
    september, october = by_month["2026-09"], by_month["2026-10"]
    assert (september.orders, september.gross, september.refunded) == (1, 2495, 0)
    assert (october.orders, october.gross, october.refunded) == (0, 0, 2495)
    assert not made.top_toys
    assert not made.failures


def test_money_of_an_order_that_was_never_a_sale_is_no_refund(
    connection: psycopg.Connection,
) -> None:
    """It was cancelled before it was known to be paid."""
    save(connection, [sale(cancelled=AT, reason="EXPIRED", refund=2495)])
    made = reporter.made(connection, AT)
    assert (made.today.gross, made.today.refunded) == (0, 0)
    assert [(one.order_id, one.reason) for one in made.failures] == [("order-1", "EXPIRED")]


def test_sums_may_be_larger_than_any_order(connection: psycopg.Connection) -> None:
    line = Line(toy_id="toy-1", name="Castle", price=90_000_000, quantity=1)
    save(connection, [sale(f"order-{n}", AT, lines=(line,)) for n in range(30)])
    assert reporter.made(connection, AT).today.gross == 30 * 90_000_495


def test_sales_in_another_currency_are_logged(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(connection, [sale("order-1", AT, currency="USD"), sale("order-2", AT)])
    warned: list[dict[str, Any]] = []
    monkeypatch.setattr(reporter.logger, "warning", lambda *_, **told: warned.append(told))
    assert reporter.made(connection, AT).today.orders == 1
    assert warned == [{"count": 1}]


# What is stored


@given(st.integers(0, 2**40), moments)
def test_a_number_is_always_a_new_one(last: int, at: datetime) -> None:
    assert number_after(last, at) > last
    assert number_after(last, at) >= int(at.timestamp())


def test_two_reports_are_the_same_if_only_their_time_differs() -> None:
    one = {"reportedAt": "a", "day": "d"}
    assert says_the_same(one, {"reportedAt": "b", "day": "d"})
    assert not says_the_same(one, {"reportedAt": "a", "day": "e"})
    assert not says_the_same(one, one | {"more": None})


def test_a_report_is_stored_as_it_is_answered(
    server: Any, connection: psycopg.Connection, context: Any, now: list[datetime]
) -> None:
    save(connection, [sale(confirmed=AT)])
    answer = report(context)
    (row,) = stored(server)
    assert answer == {"number": row["number"], "report": row["body"]}
    assert (row["day"], row["made_at"]) == (AT.date(), AT)
    assert row["number"] == int(AT.timestamp())


def test_a_report_that_says_nothing_new_is_the_one_before(
    server: Any, connection: psycopg.Connection, context: Any, now: list[datetime]
) -> None:
    save(connection, [sale(confirmed=AT)])
    first = report(context)
    now[0] += timedelta(hours=1)
    assert report(context) == first
    assert len(stored(server)) == 1


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=-9), timedelta(days=1)], ids=str)
def test_a_report_that_says_more_has_a_higher_number(
    server: Any,
    connection: psycopg.Connection,
    context: Any,
    now: list[datetime],
    later: timedelta,
) -> None:
    """However the clock goes."""
    first = report(context)
    save(connection, [sale(confirmed=AT)])
    now[0] += later
    second = report(context)
    assert second["number"] > first["number"]
    assert [row["number"] for row in stored(server)] == [first["number"], second["number"]]
    assert [row["body"] for row in stored(server)] == [first["report"], second["report"]]


def test_the_next_day_is_another_report(
    connection: psycopg.Connection, context: Any, now: list[datetime]
) -> None:
    first = report(context)
    now[0] += timedelta(days=1)
    second = report(context)
    assert (first["report"]["day"], second["report"]["day"]) == ("2026-11-21", "2026-11-22")
    assert second["number"] > first["number"]


def test_a_report_of_an_older_shape_is_followed_by_a_new_one(
    server: Any, connection: psycopg.Connection, context: Any, now: list[datetime]
) -> None:
    first = report(context)
    connection.execute("update reports set body = body - 'failures'")
    assert report(context)["number"] == first["number"] + 1


def test_several_at_once_make_one(
    server: Any, connection: psycopg.Connection, context: Any
) -> None:
    ready = threading.Barrier(4)
    answers: list[dict[str, Any]] = []
    failures: list[Exception] = []

    def start() -> None:
        try:
            ready.wait(timeout=10)
            answers.append(report(context))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    (row,) = stored(server)
    assert [answer["number"] for answer in answers] == [row["number"]] * 4


def test_orders_that_come_while_it_counts_are_counted_next_time(
    connection: psycopg.Connection,
) -> None:
    """The questions are asked of one state of the database."""
    with reporter.database.open() as other, archive.alone(connection):
        assert reporter.made(connection, AT).today.orders == 0
        save(other, [sale(confirmed=AT)])
        assert reporter.made(connection, AT).today.orders == 0
    assert reporter.made(connection, AT).today.orders == 1


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_a_crash_between_any_two_statements_is_made_good_by_the_next_try(
    server: Any,
    connection: psycopg.Connection,
    context: Any,
    now: list[datetime],
    crash_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save(connection, [sale(confirmed=AT)])
    execute = psycopg.Connection.execute
    done = 0

    def failing(opened: psycopg.Connection, *arguments: Any, **options: Any) -> Any:
        nonlocal done
        done += 1
        if done == crash_at:
            opened.close()
            raise psycopg.OperationalError("the connection is lost")
        return execute(opened, *arguments, **options)

    with monkeypatch.context() as broken:
        broken.setattr(psycopg.Connection, "execute", failing)
        with pytest.raises(psycopg.OperationalError):
            reporter.handler({}, context)
    assert done >= crash_at
    told = report(context)
    assert told["report"] == recounted([sale(confirmed=AT)], AT, "EUR")
    assert [row["number"] for row in stored(server)] == [told["number"]]


def test_a_database_that_is_down_is_an_error(server: Any, context: Any) -> None:
    server.stop()
    try:
        with pytest.raises(psycopg.OperationalError):
            reporter.handler({}, context)
    finally:
        server.start()


def test_it_makes_the_tables_where_there_are_none_yet(server: Any, context: Any) -> None:
    assert report(context)["report"]["failures"] == []
    assert len(stored(server)) == 1
