import json
from collections.abc import Iterator

import pytest

from local import aws, logs
from local.errors import LocalError
from local.logs import Line
from local.progress import console
from local.services import Service
from local.settings import ROOT, Settings

ORDERS = Service(ROOT / "orders-service")
TEN = 1795255200123  # 2026-11-21T10:00:00.123Z


def entry(message: str, **fields: str) -> str:
    return json.dumps({"level": "INFO", "message": message, **fields})


def test_a_line_of_powertools() -> None:
    line = Line.parse("inbox", TEN, entry("order placed", correlation_id="o-1"))
    assert line.pretty().plain == "10:00:00.123 inbox     INFO     order placed  o-1"


def test_an_exception_is_shown_with_its_trace() -> None:
    text = entry("failed", level="ERROR", exception="Traceback:\nKeyError: 'id'")
    assert Line.parse("api", TEN, text).pretty().plain.endswith("\nTraceback:\nKeyError: 'id'")


@pytest.mark.parametrize("text", ["Task timed out after 3 seconds\n", "17", "{half"])
def test_other_text_is_shown_as_it_is(text: str) -> None:
    assert Line.parse("api", TEN, text).message == text.strip()


class CloudWatch:
    """Stands for CloudWatch Logs: groups of (time, message)."""

    def __init__(self, groups: dict[str, list[tuple[int, str]]]) -> None:
        self._groups = groups
        self._asked = ""

    def get_paginator(self, name: str) -> "CloudWatch":
        self._asked = name
        return self

    def paginate(
        self,
        logGroupNamePrefix: str = "",  # noqa: N803 - boto3's names
        logGroupName: str = "",  # noqa: N803
        startTime: int = 0,  # noqa: N803
    ) -> Iterator[dict[str, object]]:
        if self._asked == "describe_log_groups":
            for group in self._groups:
                if group.startswith(logGroupNamePrefix):
                    yield {"logGroups": [{"logGroupName": group}]}
            return
        for at, message in self._groups[logGroupName]:
            if at >= startTime:
                event = {"timestamp": at, "message": message, "logStreamName": "s"}
                yield {"events": [event]}


def test_the_doors_lines_are_merged_by_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {
        "/tbs/tbs-app-orders-local/outbox": [(TEN + 2, entry("third"))],
        "/tbs/tbs-app-orders-local/inbox": [
            (TEN, "START RequestId: 1 Version: $LATEST"),
            (TEN, entry("first")),
            (TEN + 1, entry("second")),
            (TEN + 1, "END RequestId: 1"),
            (TEN + 1, "REPORT RequestId: 1 Duration: 3 ms"),
        ],
        "/tbs/tbs-app-toys-local/inbox": [(TEN, entry("another service"))],
    }
    monkeypatch.setattr(aws, "client", lambda name, settings: CloudWatch(groups))
    with console.capture() as shown:
        logs.show(settings, ORDERS, follow=False)
    lines = shown.get().splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second", "third"]
    assert [line.split()[1] for line in lines] == ["inbox", "inbox", "outbox"]


def test_following_shows_each_line_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = [(TEN, entry("first"))]
    monkeypatch.setattr(
        aws, "client", lambda name, settings: CloudWatch({"/tbs/tbs-app-orders-local/inbox": inbox})
    )
    more = [(TEN + 5000, entry("third")), (TEN + 4000, entry("second"))]

    def sleep(seconds: float) -> None:
        if not more:
            raise KeyboardInterrupt
        inbox.append(more.pop())

    monkeypatch.setattr("time.sleep", sleep)
    with console.capture() as shown, pytest.raises(KeyboardInterrupt):
        logs.show(settings, ORDERS, follow=True)
    assert [line.split()[-1] for line in shown.get().splitlines()] == ["first", "second", "third"]


def test_no_log_groups(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "client", lambda name, settings: CloudWatch({}))
    with pytest.raises(LocalError, match="There are no logs under /tbs/tbs-app-orders-local/"):
        logs.show(settings, ORDERS, follow=False)
