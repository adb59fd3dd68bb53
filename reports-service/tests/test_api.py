"""The private API, asked as API Gateway asks, of a real PostgreSQL; and all counted once more."""

import csv
import io
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reports import api, export, inbox, sales
from reports import funnel as steps
from reports.asked import By, Stretch, Unanswerable
from reports.database import Database
from reports.messages import Line
from reports.migration import let_read, migrate
from reports.sale import Back, Sale
from reports.tables import save

AT = datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
KITE = Line(toy_id="toy-1", name="Kite", price=1000, quantity=2, category="Outdoor")
FIGURES = ("orders", "units", "net", "tax", "gross", "refunded")

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def connection(server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Of who writes. The API has the reader's."""
    monkeypatch.setattr(api, "database", replace(api.database, user="reports_reader"))
    with inbox.database.open() as opened:
        migrate(opened)
        let_read(opened, "reports_reader")
        yield opened


@pytest.fixture
def ask(context: Any) -> Ask:
    """Ask the API. The whole answer."""

    def asked(path: str, **query: object) -> dict[str, Any]:
        event = {
            "httpMethod": "GET",
            "path": path,
            "headers": {},
            "queryStringParameters": {
                name.rstrip("_"): str(value) for name, value in query.items()
            },
            "multiValueQueryStringParameters": {
                name.rstrip("_"): [str(value)] for name, value in query.items()
            },
            "requestContext": {"requestId": "1", "path": path, "stage": "live"},
        }
        answer: dict[str, Any] = api.handler(event, context)
        return answer

    return asked


@pytest.fixture
def read(ask: Ask) -> Ask:
    """Ask the API something that it answers in JSON. What it says."""

    def asked(path: str, **query: object) -> dict[str, Any]:
        answer = ask(path, **query)
        assert answer["statusCode"] == 200, answer
        told: dict[str, Any] = json.loads(answer["body"])
        return told

    return asked


def sale(order_id: str = "order-1", **changed: Any) -> Sale:
    """A sale that was paid at AT, whose gross is its lines' and 495 of shipping."""
    lines = changed.get("lines", (KITE,))
    gross = sum(line.price * line.quantity for line in lines) + 495
    tax = gross * 15 // 115
    made = Sale(
        order_id=order_id,
        customer_id="customer-1",
        status="CONFIRMED",
        reason=None,
        currency="EUR",
        shipping=495,
        net=gross - tax,
        tax=tax,
        gross=gross,
        tax_rate=Decimal("0.15"),
        placed_at=AT,
        confirmed_at=AT,
        dispatched_at=None,
        delivered_at=None,
        cancelled_at=None,
        refund_amount=None,
        refund_status=None,
        carrier=None,
        version=1,
        updated_at=AT,
        lines=lines,
    )
    made = replace(made, **changed)
    amount = sum(back.amount for back in made.backs)
    return replace(made, refund_amount=amount or None)


# All of it, counted once more

ZONES = ("UTC", "Europe/Dublin", "America/Havana", "Pacific/Auckland", "Asia/Kathmandu")
EDGES = [
    datetime(2025, 10, 26, 0, 30, tzinfo=UTC),  # clocks go back in Dublin
    AT,  # and in Havana, from one o'clock to midnight: the day has 25 hours, its first one twice
    datetime(2025, 12, 1, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # and forward in Havana, at midnight
    datetime(2026, 4, 1, tzinfo=UTC),
]
times = st.builds(
    lambda edge, by: edge + timedelta(milliseconds=by),
    st.sampled_from(EDGES),
    st.sampled_from([-1, 0, 1]) | st.integers(-16 * 3_600_000, 16 * 3_600_000),
)
toys = st.builds(
    lambda **given: Line(**given),  # hypothesis would fill the fields by their aliases, too
    toy_id=st.sampled_from([f"toy-{n}" for n in range(5)]),
    name=st.sampled_from(["Kite", "Kite!", "kite"]),
    price=st.integers(0, 5000),
    quantity=st.integers(1, 99),
    category=st.sampled_from([None, "Outdoor", "Trains", "outdoor"]),
    fulfilment=st.sampled_from(["parcel", "digital"]),
)
refunds = st.builds(
    lambda parts: tuple(Back(f"r-{n}", amount, at) for n, (amount, at) in enumerate(parts)),
    st.lists(st.tuples(st.integers(1, 999), times), max_size=2),
)
orders: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    placed_at=times,
    confirmed_at=st.none() | times,
    dispatched_at=st.none() | times,
    delivered_at=st.none() | times,
    cancelled_at=st.none() | st.none() | times,
    reason=st.none() | st.sampled_from(["CUSTOMER", "SHOP", "=OUT_OF_STOCK"]),
    lines=st.lists(toys, min_size=1, max_size=3).map(tuple),
    currency=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    backs=refunds,
    carrier=st.none() | st.sampled_from(["Post", "@Post"]),
)


class Question(NamedTuple):
    """What is asked, and the days that it is about."""

    first: date
    last: date
    zone: str
    currency: str

    def day(self, at: datetime | None) -> date | None:
        """The day of a time, if it is one of those."""
        shown = at.astimezone(ZoneInfo(self.zone)).date() if at else None
        return shown if shown and self.first <= shown <= self.last else None

    def days(self) -> list[date]:
        """All of them."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def query(self) -> dict[str, Any]:
        return {"from_": self.first, "to": self.last, "timeZone": self.zone}


questions = st.builds(
    lambda days, zone, currency: Question(min(days), max(days), zone, currency),
    st.tuples(
        st.dates(date(2025, 10, 1), date(2026, 4, 30)),
        st.sampled_from([date(2025, 11, 2), date(2025, 11, 3), date(2026, 3, 8), date(2026, 4, 1)]),
    ),
    st.sampled_from(ZONES),
    st.sampled_from(["EUR", "EUR", "USD"]),
)


def by_time(sales: Sequence[Sale], asked: Question, form: str) -> list[dict[str, Any]]:
    rows = {f"{day:{form}}": Counter[str]() for day in asked.days()}
    for one in sales:
        if one.currency != asked.currency or not one.confirmed_at:
            continue
        if day := asked.day(one.confirmed_at):
            rows[f"{day:{form}}"].update(
                orders=1,
                units=sum(line.quantity for line in one.lines),
                net=one.net,
                tax=one.tax,
                gross=one.gross,
            )
        for back in one.backs:
            if day := asked.day(back.requested_at):
                rows[f"{day:{form}}"].update(refunded=back.amount)
    return [
        {"key": key, "name": None, **{name: row[name] for name in FIGURES}}
        for key, row in rows.items()
    ]


def by_line(sales: Sequence[Sale], asked: Question, field: str) -> list[dict[str, Any]]:
    rows: dict[str | None, Counter[str]] = {}
    for one in sales:
        if one.currency != asked.currency or not one.confirmed_at:
            continue
        sold = asked.day(one.confirmed_at)
        backs = [back.amount for back in one.backs if asked.day(back.requested_at)]
        for key in {getattr(line, field) for line in one.lines} if sold or backs else ():
            row = rows.setdefault(key, Counter())
            row.update(orders=1 if sold else 0)
        for line in one.lines if sold or backs else ():
            row, gross = rows[getattr(line, field)], line.price * line.quantity
            row.update(refunded=sum(back * gross // one.gross for back in backs))
            if sold:
                tax = one.tax * gross // one.gross
                row.update(units=line.quantity, net=gross - tax, tax=tax, gross=gross)
    return [
        {"key": key, **{name: row[name] for name in FIGURES}}
        for key, row in sorted(
            rows.items(),
            key=lambda item: (-item[1]["gross"], -item[1]["refunded"], item[0] is None, item[0]),
        )
    ]


def top(sales: Sequence[Sale], asked: Question) -> list[tuple[str, int, int]]:
    units, gross = Counter[str](), Counter[str]()
    for one in sales:
        if one.currency == asked.currency and asked.day(one.confirmed_at) and not one.cancelled_at:
            for line in one.lines:
                units[line.toy_id] += line.quantity
                gross[line.toy_id] += line.price * line.quantity
    ranked = sorted(gross, key=lambda toy: (-gross[toy], -units[toy], toy))
    return [(toy, units[toy], gross[toy]) for toy in ranked]


def funnel(sales: Sequence[Sale], asked: Question) -> dict[str, Any]:
    placed = [one for one in sales if asked.day(one.placed_at)]

    def median(start: str, end: str) -> float | None:
        took = [
            (getattr(one, end) - getattr(one, start)).total_seconds()
            for one in placed
            if getattr(one, start) and getattr(one, end)
        ]
        forwards = [seconds for seconds in took if seconds >= 0]
        return round(statistics.median(forwards), 4) if forwards else None

    cancelled = [one for one in placed if one.cancelled_at]
    reasons = Counter(one.reason or "UNKNOWN" for one in cancelled)
    return {
        "reached": {
            "placed": len(placed),
            "confirmed": sum(one.confirmed_at is not None for one in placed),
            "dispatched": sum(one.dispatched_at is not None for one in placed),
            "delivered": sum(one.delivered_at is not None for one in placed),
            "cancelled": len(cancelled),
            "open": sum(not one.delivered_at and not one.cancelled_at for one in placed),
        },
        "cancelledBy": [
            {"reason": reason, "orders": reasons[reason]}
            for reason in sorted(reasons, key=lambda reason: (-reasons[reason], reason))
        ],
        "medianSeconds": {
            "placedToConfirmed": median("placed_at", "confirmed_at"),
            "confirmedToDispatched": median("confirmed_at", "dispatched_at"),
            "dispatchedToDelivered": median("dispatched_at", "delivered_at"),
            "placedToDelivered": median("placed_at", "delivered_at"),
            "placedToCancelled": median("placed_at", "cancelled_at"),
        },
    }


def figures(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without names."""
    return [{name: row[name] for name in ("key", *FIGURES)} for row in rows]


QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without making a failing example smaller: that asks the database for minutes."""


@settings(max_examples=40, suppress_health_check=[*HealthCheck], phases=QUICK)
@given(made=st.lists(orders, max_size=25), asked=questions)
def test_all_is_what_one_counts_by_hand(
    connection: psycopg.Connection,
    read: Ask,
    ask: Ask,
    made: list[dict[str, Any]],
    asked: Question,
) -> None:
    connection.execute("truncate orders, order_lines, refunds")
    sales = [sale(f"order-{n}", version=2, **given) for n, given in enumerate(made)]
    # Each was something else before, which is told once more at the end.
    before = [sale(f"order-{n}", **made[n - 1]) for n in range(len(made))]
    for told_of in (before, sales, before):
        save(connection, told_of)
    money = asked.query | {"currency": asked.currency}
    months = read("/sales", by="month", **money)
    assert months["rows"] == by_time(sales, asked, "%Y-%m")
    days = read("/sales", by="day", **money)
    assert days["rows"] == by_time(sales, asked, "%Y-%m-%d")
    for told in (months, days):
        assert set(told["rest"].values()) == {0}
    for by, field in (("category", "category"), ("toy", "toy_id")):
        told = read("/sales", by=by, **money)
        assert figures(told["rows"]) == by_line(sales, asked, field)
        assert told["total"] == months["total"] == days["total"]
        for name, rest in told["rest"].items():
            assert rest >= 0
            assert rest + sum(row[name] for row in told["rows"]) == told["total"][name]
    toys = read("/sales/top-toys", limit=3, **money)["toys"]
    assert [(t["toyId"], t["units"], t["gross"]) for t in toys] == top(sales, asked)[:3]
    told = read("/funnel", **asked.query)
    assert {name: told[name] for name in funnel([], asked)} == funnel(sales, asked)
    rows = list(csv.DictReader(io.StringIO(ask("/orders/export", **asked.query)["body"])))
    placed = sorted((one.placed_at, one.order_id) for one in sales if asked.day(one.placed_at))
    assert [(datetime.fromisoformat(r["placedAt"]), r["orderId"]) for r in rows] == placed


def test_years_are_read_from_two_indexes_and_from_no_table(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has all that is asked of it. What goes back is found by its own time, and is little."""
    save(connection, [sale(f"order-{n}") for n in range(20)])
    with inbox.database.open() as writer:
        writer.execute("vacuum analyze")
    for way in ("seqscan", "bitmapscan"):
        connection.execute(f"set enable_{way} = off".encode())
    plans: list[str] = []

    def explained(connection: psycopg.Connection, query: Any, given: Any) -> list[Any]:
        text = query if isinstance(query, str) else query.as_string(connection)
        rows = connection.execute(f"explain (costs off) {text}".encode(), given)
        plans.append("\n".join(line for (line,) in rows))
        return [dict.fromkeys(FIGURES, 0)] if query is sales._TOTAL else []

    monkeypatch.setattr(sales, "_rows", explained)
    asked = Stretch(date(2025, 1, 1), date(2025, 12, 31), "Europe/Dublin")
    sales.by_time(connection, asked, "EUR", By.MONTH)
    sales.by_line(connection, asked, "EUR", By.CATEGORY, 9)
    sales.by_line(connection, asked, "EUR", By.TOY, 9)
    sales.top_toys(connection, asked, "EUR", 9)
    sales.total(connection, asked, "EUR")
    assert ["Index Only Scan using order_lines_sold" in plan for plan in plans] == [True] * 5
    assert "Index Only Scan using orders_confirmed" in plans[0]
    assert "Index Only Scan using orders_confirmed" in plans[-1]


# What is asked


def test_of_a_toy_the_newest_name_is_told(connection: psycopg.Connection, read: Ask) -> None:
    older = KITE.model_copy(update={"name": "Kite, old"})
    save(
        connection,
        [
            sale("order-1"),
            sale("order-2", lines=(older,), confirmed_at=AT - timedelta(days=1)),
        ],
    )
    asked = {"from_": "2025-11-01", "to": "2025-11-30"}
    (row,) = read("/sales", by="toy", **asked)["rows"]
    assert (row["key"], row["name"], row["orders"]) == ("toy-1", "Kite", 2)
    (toy,) = read("/sales/top-toys", **asked)["toys"]
    assert (toy["name"], toy["units"]) == ("Kite", 4)


def test_a_part_of_an_order_goes_back_in_its_own_month(
    connection: psycopg.Connection, read: Ask
) -> None:
    train = Line(toy_id="toy-2", name="Train", price=3000, quantity=1, category="Trains")
    part = Back("refund-1", 1000, datetime(2025, 12, 24, tzinfo=UTC))
    save(connection, [sale(lines=(KITE, train), backs=(part,))])
    asked = {"from_": "2025-11-01", "to": "2025-12-31"}
    november, december = read("/sales", **asked)["rows"]
    assert (november["orders"], november["gross"], november["refunded"]) == (1, 5495, 0)
    assert (december["orders"], december["gross"], december["refunded"]) == (0, 0, 1000)
    told = read("/sales", by="category", **asked)
    assert [(row["key"], row["refunded"]) for row in told["rows"]] == [
        ("Trains", 545),  # 3000 of 5495
        ("Outdoor", 363),
    ]
    assert told["rest"]["gross"] == 495
    assert told["rest"]["refunded"] == 92


def test_by_itself_twelve_months_of_the_shops_currency_are_told(
    connection: psycopg.Connection, read: Ask
) -> None:
    today = datetime.now(UTC)
    told = read("/sales")
    assert (told["by"], told["currency"], told["timeZone"]) == ("month", "EUR", "UTC")
    assert len(told["rows"]) == 12
    assert told["rows"][-1]["key"] == f"{today:%Y-%m}"
    assert told["to"] == f"{today:%Y-%m-%d}"
    assert {row["gross"] for row in told["rows"]} == {0}
    assert len(read("/sales", by="day")["rows"]) == 31


def test_more_toys_than_an_answer_takes_are_in_its_rest(
    connection: psycopg.Connection, read: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MOST_ROWS", 1)
    train = Line(toy_id="toy-2", name="Train", price=3000, quantity=1)
    save(connection, [sale(lines=(KITE, train))])
    told = read("/sales", by="toy", from_="2025-11-01", to="2025-11-30")
    assert [row["key"] for row in told["rows"]] == ["toy-2"]
    assert told["rest"]["gross"] == 2000 + 495


@pytest.mark.parametrize(
    ("path", "query", "status", "told"),
    [
        ("/sales", {"timeZone": "Europe/Gotham"}, 400, "no name of a time zone"),
        ("/sales", {"timeZone": "Foo/Bar+3"}, 400, "no name of a time zone"),
        ("/sales", {"timeZone": "'; drop"}, 422, "timeZone"),
        ("/sales", {"from_": "2026-01-02", "to": "2026-01-01"}, 400, "later than"),
        ("/sales", {"from_": "2010-01-01", "to": "2026-01-01"}, 400, "3660"),
        ("/sales", {"by": "day", "from_": "2024-01-01", "to": "2025-01-01"}, 400, "366"),
        ("/sales", {"from_": "1999-12-31", "to": "2000-01-01"}, 400, "between 2000"),
        ("/sales", {"to": "9999-12-31"}, 400, "between 2000"),
        ("/sales", {"from_": "yesterday"}, 400, "from"),
        ("/sales", {"from_": "2026-02-30"}, 400, "from"),
        ("/sales", {"from_": "1767225600"}, 400, "2026-11-21"),
        ("/sales", {"from_": "2026-01-01T00:00:00"}, 400, "2026-11-21"),
        ("/sales", {"by": "year"}, 422, "by"),
        ("/sales", {"currency": "euro"}, 422, "currency"),
        ("/sales/top-toys", {"limit": 0}, 422, "limit"),
        ("/sales/top-toys", {"limit": 101}, 422, "limit"),
        ("/sales/top-toys", {"limit": "ten"}, 400, "limit"),
        ("/funnel", {"from_": "2026-01-02", "to": "2026-01-01"}, 400, "later than"),
        ("/orders/export", {"cursor": "bm90aGluZw"}, 400, "cursor"),
        ("/orders/export", {"cursor": "\u00e9"}, 400, "cursor"),
        ("/orders/export", {"cursor": "WyIyMDI2LTAxLTAxIiwgIngiXQ"}, 400, "cursor"),  # no zone
        ("/orders/export", {"cursor": "W" * 601}, 422, "cursor"),
        ("/nothing", {}, 404, ""),
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_told(
    connection: psycopg.Connection,
    ask: Ask,
    path: str,
    query: dict[str, Any],
    status: int,
    told: str,
) -> None:
    answer = ask(path, **query)
    assert answer["statusCode"] == status, answer
    assert told in json.loads(answer["body"])["error"]["message"]


def test_a_year_of_days_and_ten_years_of_months_are_told(
    connection: psycopg.Connection, read: Ask
) -> None:
    days = read("/sales", by="day", from_="2024-01-01", to="2024-12-31")["rows"]
    assert len(days) == 366
    months = read("/sales", from_="2017-01-01", to="2026-12-31", timeZone="Pacific/Apia")["rows"]
    assert len(months) == 120


def test_a_database_with_no_tables_yet_is_told_of(
    server: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "database", replace(api.database, user="reports_reader"))
    answer = ask("/sales")
    assert (answer["statusCode"], "next order" in answer["body"]) == (503, True)


def test_what_takes_too_long_is_told_of(
    connection: psycopg.Connection, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ANSWER_SECONDS", 1.0)
    with connection.transaction():
        connection.execute("lock table orders")
        answer = ask("/sales")
    assert (answer["statusCode"], "fewer days" in answer["body"]) == (503, True)


@pytest.mark.parametrize(
    ("path", "query", "first", "second"),
    [
        ("/sales", {"by": "toy"}, (sales, "by_line"), (sales, "total")),
        ("/sales", {}, (api, "stretch_of"), (sales, "by_time")),
        ("/sales/top-toys", {}, (api, "stretch_of"), (sales, "top_toys")),
        ("/funnel", {}, (steps, "reached"), (steps, "cancelled")),
        ("/orders/export", {}, (api, "stretch_of"), (export, "page")),
    ],
    ids=["by toy", "by month", "top toys", "funnel", "export"],
)
def test_what_took_its_time_leaves_the_next_query_no_more_than_the_rest(
    connection: psycopg.Connection,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    query: dict[str, Any],
    first: tuple[Any, str],
    second: tuple[Any, str],
) -> None:
    """The connection, and each query before it."""
    counted, opened = getattr(*first), Database.open

    def waking(database: Database) -> psycopg.Connection:
        time.sleep(0.4)
        return opened(database)

    def slowly(reading: psycopg.Connection, *asked: Any) -> Any:
        reading.execute("select pg_sleep(0.4)")
        return counted(reading, *asked)

    def for_ever(reading: psycopg.Connection, *_: Any) -> None:
        reading.execute("select pg_sleep(9)")

    monkeypatch.setattr(api, "ANSWER_SECONDS", 1.2)
    monkeypatch.setattr(Database, "open", waking)
    monkeypatch.setattr(*first, slowly)
    monkeypatch.setattr(*second, for_ever)
    began = time.monotonic()
    answer = ask(path, **query)
    assert (answer["statusCode"], "fewer days" in answer["body"]) == (503, True)
    assert 1.1 < time.monotonic() - began < 2


def test_a_down_database_is_told_of(connection: psycopg.Connection, server: Any, ask: Ask) -> None:
    connection.close()
    server.stop()
    try:
        assert ask("/funnel")["statusCode"] == 503
    finally:
        server.start()


def test_the_reader_cannot_write(connection: psycopg.Connection) -> None:
    with api.database.open() as opened:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            opened.execute("delete from orders")
        opened.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            opened.execute("delete from orders")


# The export


def exported(ask: Ask, **query: object) -> list[str]:
    """The pages of an export, one after the other."""
    pages: list[str] = []
    while True:
        answer = ask("/orders/export", **query)
        assert answer["statusCode"] == 200, answer
        pages.append(answer["body"])
        headers = answer["multiValueHeaders"]
        assert headers["Content-Type"] == [
            f"text/csv; charset=utf-8; header={'absent' if pages[1:] else 'present'}"
        ]
        if "Link" not in headers:
            return pages
        (link,) = headers["Link"]
        target, relation = link.split("; ")
        assert relation == 'rel="next"'
        query = dict(parse_qsl(target.removeprefix("<?").removesuffix(">")))


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_pages_one_after_the_other_are_one_file(
    connection: psycopg.Connection,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    pages: int,
) -> None:
    """Orders that were placed at the same time are parted by a page's end, too."""
    monkeypatch.setattr(export.page, "__defaults__", (3,))
    save(connection, [sale(f"order-{n}") for n in range(count)])
    found = exported(ask, from_="2025-11-01", to="2025-11-30")
    assert len(found) == pages
    rows = list(csv.DictReader(io.StringIO("".join(found))))
    assert [row["orderId"] for row in rows] == [f"order-{n}" for n in range(count)]


def test_a_row_has_all_of_an_order(connection: psycopg.Connection, ask: Ask) -> None:
    part = Back("refund-1", 500, AT)
    one = sale(
        status="DELIVERED",
        dispatched_at=AT + timedelta(hours=1),
        delivered_at=AT + timedelta(hours=2, milliseconds=5),
        carrier="Post",
        backs=(part,),
        refund_status="REFUNDED",
    )
    save(connection, [one])
    (row,) = csv.DictReader(io.StringIO(exported(ask, from_="2025-11-02", to="2025-11-02")[0]))
    assert row == {
        "orderId": "order-1",
        "placedAt": "2025-11-02T05:30:00.000Z",
        "status": "DELIVERED",
        "reason": "",
        "customerId": "customer-1",
        "currency": "EUR",
        "units": "2",
        "net": str(one.net),
        "tax": str(one.tax),
        "gross": "2495",
        "shipping": "495",
        "taxRate": "0.15",
        "refunded": "500",
        "refundStatus": "REFUNDED",
        "confirmedAt": "2025-11-02T05:30:00.000Z",
        "dispatchedAt": "2025-11-02T06:30:00.000Z",
        "deliveredAt": "2025-11-02T07:30:00.005Z",
        "cancelledAt": "",
        "carrier": "Post",
    }


@given(st.text() | st.sampled_from(["=1+1", " =1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"]))
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    told = export.cell(text)
    assert told.removeprefix("'") == text.removeprefix("'") or told == text
    assert not told.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    row = dict.fromkeys(export.COLUMNS.values()) | {"carrier": text}
    (cells,) = csv.reader(io.StringIO(export.written([row], with_names=False), newline=""))
    assert cells[-1] == told


@given(st.datetimes(timezones=st.timezones()), st.text(min_size=1))
def test_a_cursor_names_its_place_or_is_refused(at: datetime, order_id: str) -> None:
    try:
        place = export.Place(at.astimezone(UTC), order_id)
        assert export.place_of(export.cursor_of(place)) == place
    except (Unanswerable, OverflowError):
        assert "\0" in order_id or not 1 < at.year < 9999
