"""Measures the reports at a million orders: each question's time and plan, and rows written.

The orders are made by SQL in a PostgreSQL of its own, and the service's own code asks and writes.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from local.settings import ROOT
from tools import stand_ins

sys.path.insert(0, str(ROOT / "reports-service" / "src"))

os.environ |= {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_SERVICE_NAME": "reports"}

from reports import counting, export, funnel, report, sales
from reports.asked import By, Stretch
from reports.database import PAGE_COST, READING_MEMORY
from reports.messages import Line
from reports.migration import migrate
from reports.sale import Sale
from reports.tables import save

ORDERS = 1_000_000
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
YEAR = Stretch(date(2025, 12, 1), date(2026, 11, 30), "Europe/Dublin")
MONTH = Stretch(date(2026, 11, 1), date(2026, 11, 30), "Europe/Dublin")
TIMES = 3
"""How often each question is asked. The median counts."""
BATCHES = (1, 10, 100)
SECONDS = 5.0
"""How long batches of one size are written."""

FILL = """
    create temporary table drawn as
    select
        n,
        lpad(upper(to_hex(n)), 26, '0') as order_id,
        %(now)s::timestamptz - random() * interval '730 days' as placed_at,
        random() as fate,
        1 + (random() * 3)::int as lines
    from generate_series(1, %(orders)s) as n;

    create temporary table bought as
    select
        order_id, line, md5('toy-' || toy)::uuid::text as toy_id, 'Wooden Toy ' || toy as name,
        499 + toy * 10 as price, 1 + (random() * 2)::int as quantity,
        'Category ' || toy %% 12 as category,
        case toy %% 20 when 0 then 'digital' else 'parcel' end as fulfilment
    from drawn
    cross join lateral generate_series(1, lines) as line
    cross join lateral (select (random() * random() * 499)::int + 0 * line as toy) as chosen;

    insert into orders (
        order_id, customer_id, status, reason, currency, shipping, net, tax, gross, tax_rate,
        placed_at, confirmed_at, dispatched_at, delivered_at, cancelled_at, version, updated_at,
        refund_amount, refund_status, carrier, shape
    )
    select
        order_id,
        'customer-' || n %% 50000,
        case when fate < 0.05 then 'CANCELLED' else 'DELIVERED' end,
        case when fate < 0.02 then 'PAYMENT_DECLINED' when fate < 0.05 then 'CUSTOMER' end,
        'EUR', 495, gross - gross * 15 / 115, gross * 15 / 115, gross, 0.15,
        placed_at,
        case when fate >= 0.02 then placed_at + random() * interval '1 minute' end,
        case when fate >= 0.05 then placed_at + random() * interval '2 days' end,
        case when fate >= 0.05 then placed_at + (2 + random() * 5) * interval '1 day' end,
        case when fate < 0.05 then placed_at + random() * interval '1 hour' end,
        5, placed_at,
        case when fate >= 0.02 and fate < 0.05 then gross end,
        case when fate >= 0.02 and fate < 0.05 then 'REFUNDED' end,
        'Post', 1
    from drawn
    join (
        select order_id, sum(price * quantity)::bigint + 495 as gross from bought group by order_id
    ) as sums using (order_id);

    insert into order_lines
    select
        bought.*, currency, confirmed_at, cancelled_at is not null, tax * price * quantity / gross,
        line = min(line) over (partition by order_id, toy_id),
        line = min(line) over (partition by order_id, category)
    from bought join orders using (order_id);

    insert into refunds (order_id, refund_id, amount, requested_at)
    select order_id, '', refund_amount, cancelled_at from orders where refund_amount is not null
    union all
    select order_id, 'part', 500, placed_at + interval '9 days'
    from drawn
    where fate > 0.97;

    drop table drawn, bought;
"""


@dataclass
class Watched:
    """A connection that keeps the last question that it was asked."""

    connection: psycopg.Connection
    last: tuple[Any, Any] = (None, None)

    def cursor(self, **options: Any) -> "Watching":
        return Watching(self, self.connection.cursor(**options))

    def execute(self, query: Any, given: Any = None) -> Any:
        self.last = (query, given)
        return self.connection.execute(query, given)


@dataclass
class Watching:
    """A cursor of one."""

    watched: Watched
    cursor: Any

    def execute(self, query: Any, given: Any = None) -> Any:
        self.watched.last = (query, given)
        return self.cursor.execute(query, given)


def reports(console: Console, orders: int = ORDERS) -> None:
    """Fill a database, ask all there is to ask, and write more."""
    with _filled(console, orders) as connection:
        _ask(connection, console)
        _write(connection, console)


@contextmanager
def _filled(console: Console, orders: int) -> Iterator[psycopg.Connection]:
    with stand_ins.postgres() as port:
        url = f"postgresql://{stand_ins.DATABASE_USER}@{stand_ins.HOST}:{port}/{stand_ins.DATABASE}"
        with psycopg.connect(url, autocommit=True) as connection:
            migrate(connection)
            began = time.perf_counter()
            cursor = psycopg.ClientCursor(connection)
            cursor.execute("select setseed(0.5)")
            cursor.execute(FILL, {"orders": orders, "now": NOW})
            connection.execute("vacuum analyze")
            took = time.perf_counter() - began
            ((lines, size),) = connection.execute(
                "select (select count(*) from order_lines),"
                " pg_size_pretty(pg_database_size(current_database()))"
            )
            console.print(f"{orders:,} orders of two years, {lines:,} lines, {size}: {took:.0f} s")
            connection.execute(f"set work_mem = '{READING_MEMORY}'")  # as the API has it
            connection.execute(f"set random_page_cost = {PAGE_COST}")
            yield connection


def _ask(connection: psycopg.Connection, console: Console) -> None:
    watched: Any = Watched(connection)
    place = export.Place(NOW - timedelta(days=200), "")
    questions: dict[str, Any] = {
        "sales by month, a year": lambda: sales.by_time(watched, YEAR, "EUR", By.MONTH),
        "sales by day, a month": lambda: sales.by_time(watched, MONTH, "EUR", By.DAY),
        "sales by category, a year": lambda: _by_line(watched, YEAR, By.CATEGORY),
        "sales by toy, a year": lambda: _by_line(watched, YEAR, By.TOY),
        "sales by toy, a month": lambda: _by_line(watched, MONTH, By.TOY),
        "top toys, a year": lambda: sales.top_toys(watched, YEAR, "EUR", 10),
        "funnel, a year": lambda: funnel.reached(watched, YEAR),
        "funnel, reasons": lambda: funnel.cancelled(watched, YEAR),
        "export, the first page": lambda: export.page(watched, YEAR, None),
        "export, a later page": lambda: export.page(watched, YEAR, place),
        "report: failures": lambda: counting.failures(watched),
        "report: another currency": lambda: counting.left_out(watched, report.months(NOW), "EUR"),
    }
    table = Table("question", "median, ms", "reads", box=None)
    plans = []
    for name, question in questions.items():
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            question()
            took.append(time.perf_counter() - began)
        plan = _plan(connection, *watched.last)
        table.add_row(name, f"{statistics.median(took) * 1000:,.0f}", ", ".join(_reads(plan)))
        plans.append((name, plan))
    console.print(table)
    for name, plan in plans:
        console.print(f"\n{name}", style="bold")
        console.print("\n".join(plan), markup=False, soft_wrap=True)


def _by_line(connection: Any, asked: Stretch, by: By) -> None:
    """As the API asks: the rows need a total for what is in none of them."""
    sales.total(connection, asked, "EUR")
    sales.by_line(connection, asked, "EUR", by, 5000)


def _plan(connection: psycopg.Connection, query: Any, given: Any) -> list[str]:
    text = query if isinstance(query, str) else query.as_string(connection)
    rows = connection.execute(f"explain (analyze, costs off, timing off) {text}".encode(), given)
    return [line for (line,) in rows]


def _reads(plan: Sequence[str]) -> list[str]:
    """How a plan comes by its rows."""
    found = [line.split("->")[-1].strip().split(" (actual")[0] for line in plan]
    return list(dict.fromkeys(line for line in found if " Scan " in line and "CTE" not in line))


def _write(connection: psycopg.Connection, console: Console) -> None:
    """Orders that are new, and then those that are there in a newer version."""
    table = Table("orders in a batch", "new orders/s", "newer versions/s", box=None)
    for size in BATCHES:
        took: list[tuple[int, float]] = []
        for version in (1, 2):
            written, began = 0, time.perf_counter()
            while (seconds := time.perf_counter() - began) < SECONDS:
                if version == 2 and written >= took[0][0]:
                    break
                batch = [_sale(f"{size}-{written + n}", version) for n in range(size)]
                save(connection, batch)
                written += size
            took.append((written, seconds))
        table.add_row(str(size), *(f"{count / seconds:,.0f}" for count, seconds in took))
    console.print(table)


def _sale(order_id: str, version: int) -> Sale:
    toys = [random.randrange(500) for _ in range(2)]
    lines = tuple(
        Line(toy_id=f"toy-{toy}", name=f"Toy {toy}", price=500, quantity=1, category="Category 1")
        for toy in toys
    )
    return Sale(
        order_id=order_id,
        customer_id="customer-1",
        status="PLACED" if version == 1 else "CONFIRMED",
        reason=None,
        currency="EUR",
        shipping=495,
        net=1300,
        tax=195,
        gross=1495,
        tax_rate=Decimal("0.15"),
        placed_at=NOW,
        confirmed_at=NOW if version > 1 else None,
        dispatched_at=None,
        delivered_at=None,
        cancelled_at=None,
        refund_amount=None,
        refund_status=None,
        carrier=None,
        version=version,
        updated_at=NOW,
        lines=lines,
    )


if __name__ == "__main__":
    reports(Console(highlight=False, width=160))
