"""The sales of twelve months: has the reports counted anew and told, and prints what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from local.account import Account
from local.progress import Progress, console, escape
from local.services import select
from local.settings import Settings

OUTPUT = "ReportFunctionName"
"""The stack's output that names the function to invoke."""

_BAR = 24
"""Characters of the longest bar."""

_SUMS = ("net", "tax", "gross", "refunded")

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
    console.print(months(report))
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


def months(report: Report) -> Table:
    """The twelve months, each with a bar as long as its net."""
    rows: Sequence[Report] = report["months"]
    most = max(row["net"] for row in rows)
    currency = rows[-1]["currency"]
    table = Table(title=f"Sales by month, in {currency}, times in {report['timeZone']}", box=None)
    table.add_column("month")
    for name in ("orders", "units", *_SUMS):
        table.add_column(name, justify="right")
    table.add_column("", width=_BAR)
    for row in rows:
        table.add_row(
            row["month"],
            str(row["orders"]),
            str(row["units"]),
            *(money(row[name]) for name in _SUMS),
            Bar(most or 1, 0, row["net"], width=_BAR, color="green"),
        )
    return table


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
