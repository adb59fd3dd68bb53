"""The sales of twelve months: has the reports counted anew and told, and prints what they say.

As a table and as bars. A narrow terminal gets fewer columns; NO_COLOR is honoured by rich.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from local.account import Account
from local.progress import Progress, console, escape
from local.services import select
from local.settings import Settings

OUTPUT = "ReportFunctionName"
"""The stack's output that names the function to invoke."""

_WIDEST = 100
"""Characters that the bars take at most, with what stands beside them."""

_COUNTS = ("orders", "units")
_SUMS = ("net", "tax", "gross", "refunded")
_COLUMNS = ((*_COUNTS, *_SUMS), ("orders", "net", "refunded"), ("net",))
"""The columns of the table: all, or what a narrow terminal has room for."""

Report = Mapping[str, Any]
"""The data of SalesReported."""


def show(settings: Settings, environment: str) -> None:
    """Report the sales of an environment, and print the report.

    Raises LocalError when the stack is not there, or the report could not be made.
    """
    account = Account(settings, environment)
    # A database that sleeps takes some seconds to wake.
    with Progress() as progress, progress.step("Counting the sales"):
        message = ask(account)
    report = message["data"]
    console.print(months(report, console.width))
    console.print()
    console.print(chart(report, console.width))
    console.print()
    console.print(_today(report))
    if report["topToys"]:
        console.print(toys(report["topToys"]))
    if report["failures"]:
        console.print(failures(report["failures"]))
    console.print(f"Told as {message['metadata']['id']}.")


def ask(account: Account) -> dict[str, Any]:
    """Have the report made and told. Returns the message. Raises LocalError when that failed."""
    (reports,) = select(["reports"])
    return dict(account.invoke(reports, OUTPUT, "The sales could not be reported"))


def months(report: Report, width: int) -> Table:
    """The twelve months, in figures: those that so wide a terminal has room for."""
    tables = [_months(report, names) for names in _COLUMNS]
    unlimited = console.options.update(max_width=1000)
    fitting = (t for t in tables if console.measure(t, options=unlimited).maximum <= width)
    return next(fitting, tables[-1])


def _months(report: Report, names: Sequence[str]) -> Table:
    rows: Sequence[Report] = report["months"]
    table = Table(
        title=f"Sales by month, in {rows[-1]['currency']}, times in {report['timeZone']}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_footer=True,
    )
    table.add_column("month", footer="sum", no_wrap=True)
    for name in names:
        total = sum(row[name] for row in rows)
        table.add_column(name, footer=_told(name, total), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row["month"], *(_told(name, row[name]) for name in names))
    return table


def chart(report: Report, width: int) -> Table:
    """A bar for each of the twelve months, as long as its net."""
    rows: Sequence[Report] = report["months"]
    most = max(row["net"] for row in rows)
    table = Table.grid(padding=(0, 1), expand=True)
    table.width = min(width, _WIDEST)
    table.title, table.title_justify = f"Net, in {rows[-1]['currency']}", "left"
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for row in rows:
        bar = Bar(most or 1, 0, row["net"], color="green")
        table.add_row(row["month"], bar, money(row["net"]))
    return table


def _told(name: str, value: int) -> str:
    return str(value) if name in _COUNTS else money(value)


def toys(rows: Sequence[Report]) -> Table:
    """The toys that sold best."""
    table = Table(title="Toys that brought most", box=None)
    table.add_column("toy")
    table.add_column("units", justify="right")
    table.add_column("gross", justify="right")
    for row in rows:
        table.add_row(Text(row["name"]), str(row["units"]), money(row["gross"]))
    return table


def failures(rows: Sequence[Report]) -> Table:
    """The orders that came to nothing, newest first."""
    table = Table("at", "order", "reason", title="Orders that failed", box=None)
    for row in rows:
        table.add_row(row["at"], Text(row["orderId"]), Text(row["reason"]))
    return table


def _today(report: Report) -> str:
    today = report["today"]
    return escape(
        f"{report['day']}: {today['orders']} orders, net {money(today['net'])}, "
        f"gross {money(today['gross'])}, refunded {money(today['refunded'])} {today['currency']}"
    )


def money(minor: int) -> str:
    """Minor units as one writes them: 1234567 is 12,345.67."""
    return f"{minor / 100:,.2f}"
