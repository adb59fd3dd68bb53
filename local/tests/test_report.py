"""The sales are asked for where they are counted, and printed."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console, RenderableType

from local import report, stacks
from local.account import Account
from local.errors import LocalError
from local.progress import console
from local.settings import Settings

TOTALS = {"currency": "EUR", "orders": 0, "units": 0, "net": 0, "tax": 0, "gross": 0, "refunded": 0}
REPORT: dict[str, Any] = {
    "reportedAt": "2026-11-21T23:55:00.000Z",
    "day": "2026-11-21",
    "timeZone": "UTC",
    "months": [
        *({"month": f"2026-{n:02}", **TOTALS} for n in range(1, 11)),
        {"month": "2026-11", **TOTALS, "orders": 1, "units": 2, "net": 617_284, "gross": 700_000},
        {"month": "2026-12", **TOTALS, "orders": 2, "units": 9, "net": 1_234_567, "refunded": 5},
    ],
    "today": TOTALS | {"orders": 3, "gross": 4200},
    "topToys": [{"toyId": "t", "name": "[bold]Kite", "units": 9, "gross": 4200, "currency": "EUR"}],
    "failures": [
        {"orderId": "o-1", "reason": "OUT_OF_STOCK", "at": "2026-11-20T10:00:00.000Z"},
    ],
}
MESSAGE = {"metadata": {"id": "sales:7:SalesReported"}, "data": REPORT}


def printed(what: RenderableType, width: int = 160) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(what)
    return text.getvalue().splitlines()


def rows_of(lines: list[str]) -> list[str]:
    return [line for line in lines if line.strip().startswith("2026-")]


def test_each_month_is_a_row() -> None:
    title, *lines = printed(report.months(REPORT, 160))
    assert "EUR" in title
    assert "UTC" in title
    rows = rows_of(lines)
    assert len(rows) == 12
    assert rows[-1].split() == ["2026-12", "2", "9", "12,345.67", "0.00", "0.00", "0.05"]
    (footer,) = (line for line in lines if "sum" in line)
    assert footer.split() == ["sum", "3", "11", "18,518.51", "0.00", "7,000.00", "0.05"]


def test_each_month_has_a_bar_as_long_as_its_net() -> None:
    title, *rows = printed(report.chart(REPORT, 160))
    assert "EUR" in title
    assert len(rows) == 12
    *none, half, whole = (row.count("█") for row in rows)
    assert set(none) == {0}
    assert half == whole // 2 > 20
    assert rows[-1].split()[0] == "2026-12"
    assert rows[-1].split()[-1] == "12,345.67"


@pytest.mark.parametrize("width", [40, 60, 76, 80, 200])
def test_nothing_is_wider_than_the_terminal_nor_cut(width: int) -> None:
    for what in (report.months(REPORT, width), report.chart(REPORT, width)):
        lines = printed(what, width)
        assert max(map(len, lines)) <= width
        assert all("12,345.67" in line for line in lines if "2026-12" in line)
        assert len(rows_of(lines)) == 12
        assert not any("…" in line for line in lines)


def test_a_shop_that_has_sold_nothing_has_no_bars() -> None:
    empty = REPORT | {"months": [{"month": "2026-11", **TOTALS}] * 12}
    assert not any("█" in line for line in printed(report.chart(empty, 80)))


def test_names_are_text_and_nothing_else() -> None:
    assert any("[bold]Kite" in line for line in printed(report.toys(REPORT["topToys"])))


class Answers:
    """Lambda, which gives one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert json.loads(Payload) == {}
        self.asked.append(FunctionName)
        return self._answer | {"Payload": io.BytesIO(json.dumps(self._answer["Payload"]).encode())}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account of AWS, the caller's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "k")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def answering(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> Answers:
    """An account in which Lambda answers so, and all else is as it is."""
    functions, client = Answers(answer), Account.client

    def chosen(self: Account, name: str, region: str | None = None) -> Any:
        return functions if name == "lambda" else client(self, name, region)

    monkeypatch.setattr(Account, "client", chosen)
    return functions


def deploy(outputs: dict[str, str], region: str = "eu-west-1") -> None:
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation", region).create_stack(
        StackName="tbs-app-reports-prod", TemplateBody=json.dumps(template)
    )


def test_the_report_of_an_environment_is_made_and_printed(
    settings: Settings, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy({"ReportFunctionName": "tell"})
    functions = answering(monkeypatch, {"StatusCode": 200, "Payload": MESSAGE})
    with console.capture() as captured:
        report.show(settings, "prod")
    assert functions.asked == ["tell"]
    for told in ("12,345.67", "[bold]Kite", "OUT_OF_STOCK", "o-1", "sales:7:SalesReported"):
        assert told in captured.get()


def test_the_local_stacks_function_is_asked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda *_: {"ReportFunctionName": "here"})
    functions = answering(monkeypatch, {"StatusCode": 200, "Payload": MESSAGE})
    with console.capture():
        report.show(settings, "local")
    assert functions.asked == ["here"]


def test_a_report_that_cannot_be_made_says_why(
    settings: Settings, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy({"ReportFunctionName": "tell"})
    failed = {"errorType": "NotReported", "errorMessage": "OperationalError"}
    answering(monkeypatch, {"FunctionError": "Unhandled", "Payload": failed})
    with pytest.raises(LocalError, match=r"NotReported: OperationalError\. See make logs"):
        report.show(settings, "prod")


def test_a_stack_that_is_not_there_or_is_too_old(
    settings: Settings, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LocalError, match="tbs-app-reports-prod"):
        report.show(settings, "prod")
    deploy({"Other": "x"})
    with pytest.raises(LocalError, match="has no ReportFunctionName"):
        report.show(settings, "prod")
