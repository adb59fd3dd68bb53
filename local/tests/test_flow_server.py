"""The collector's rounds, the journal's cursor, recordings, and what the server lets through."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError
from starlette.types import ASGIApp

from local import processes
from local.errors import LocalError
from local.flow import recording, watching
from local.flow.collector import Collector, Pace
from local.flow.journal import Journal
from local.flow.lines import Figure, Line
from local.flow.messages import Message
from local.flow.segments import Run, runs
from local.flow.server import Live, Recorded, application
from local.settings import Settings
from local.tests.test_flow_segments import CALL, HANDLER, RECEIPT, TRACE

Serve = Callable[[ASGIApp], str]

AT_ONCE = Pace(messages=0, runs=0, lines=0, letters=0)
ABOUT = {"mode": "live", "environment": "local", "services": ["orders", "toys"]}
MESSAGE = Message(
    "e1",
    "o1:1:PlaceOrder",
    "PlaceOrder",
    "public-api",
    100_050.0,
    100_040.0,
    "o1",
    None,
    None,
    ("orders",),
    {"detail": {"data": {"orderId": "o1"}}},
)
(RUN,) = runs([HANDLER, RECEIPT, CALL])
LINE = Line(100_120.0, "orders", "inbox", "INFO", "order saved", "o1", "o1:1:PlaceOrder", TRACE)


class Source:
    """What is put into it, once."""

    def __init__(self) -> None:
        self.new: dict[str, Any] = {"messages": [], "runs": [], "lines": [], "letters": None}
        self.asked: list[str] = []
        self.since: dict[str, float] = {}

    def _given(self, what: str) -> Any:
        self.asked.append(what)
        found, self.new[what] = self.new[what], [] if what != "letters" else None
        if isinstance(found, Exception):
            raise found
        return found

    def messages(self, since: float, now: float) -> list[Message]:
        self.since["messages"] = since
        return self._given("messages")  # type: ignore[no-any-return]

    def runs(self, since: float, now: float) -> list[Run]:
        self.since["runs"] = since
        return self._given("runs")  # type: ignore[no-any-return]

    def lines(self, since: float, now: float) -> list[Line | Figure]:
        self.since["lines"] = since
        return self._given("lines")  # type: ignore[no-any-return]

    def letters(self) -> list[dict[str, Any]] | None:
        return self._given("letters")  # type: ignore[no-any-return]

    def redrive(self, service: str, queue: str) -> int:
        if service != "orders":
            raise LocalError(f"There is no service {service!r}.")
        return 3


def look(collector: Collector) -> None:
    """A round of all."""
    collector.look_at_bus()
    collector.look_beside()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def collector(source: Source, journal: Journal) -> Collector:
    return Collector(source, journal, AT_ONCE)


def test_a_round_tells_what_is_new(collector: Collector, source: Source, journal: Journal) -> None:
    source.new |= {"messages": [MESSAGE], "runs": [RUN], "lines": [LINE], "letters": []}
    look(collector)
    look(collector)
    told = journal.all()
    assert [one["k"] for one in told] == ["run", "message", "handling", "log", "letters"]
    handling = told[2]
    assert (handling["message"], handling["run"], handling["state"]) == ("e1", "h1", "handled")
    assert {one["id"] for one in collector.segments["h1"]} == {"h1", "r1", "c1"}
    json.dumps(told)


def test_it_looks_back_a_quarter_of_an_hour_and_no_longer(source: Source, journal: Journal) -> None:
    clock = [100_000.0]
    collector = Collector(source, journal, AT_ONCE, lambda: clock[0])
    ago = (100_000.0 - 900) * 1000
    look(collector)
    assert source.since == {"messages": ago, "runs": ago, "lines": ago}
    clock[0] += 10
    look(collector)
    assert source.since == {"messages": ago + 10_000, "runs": 1e8, "lines": 1e8}
    clock[0] += 7200  # nobody had it open
    look(collector)
    assert set(source.since.values()) == {ago + 7_210_000}


def test_the_log_names_the_door_of_a_run(
    collector: Collector, source: Source, journal: Journal
) -> None:
    (bare,) = runs([HANDLER])
    source.new |= {"runs": [bare]}
    look(collector)
    source.new |= {"lines": [LINE]}
    look(collector)
    (again,) = runs([{**HANDLER, "id": "h2"}])
    source.new |= {"runs": [again]}
    look(collector)
    (desk,) = runs(
        [{**HANDLER, "id": "h3"}, {**RECEIPT, "name": "## orders.desk.give"} | {"parent_id": "h3"}]
    )
    source.new |= {"runs": [desk]}
    look(collector)
    doors = [(one["id"], one["door"]) for one in journal.all() if one["k"] == "run"]
    assert doors == [("h1", None), ("h1", "inbox"), ("h2", "inbox"), ("h3", "inbox")]


def test_what_does_not_answer_is_told_once_until_it_does(
    collector: Collector,
    source: Source,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector._end, "wait", lambda seconds: True)
    for _ in range(2):
        source.new["messages"] = EndpointConnectionError(endpoint_url="http://here")
        look(collector)
    look(collector)
    told = [one["text"] for one in journal.all() if one["k"] == "trouble"]
    assert told == ['Could not connect to the endpoint URL: "http://here"', None]


def test_a_round_that_fails_is_told_of_and_not_the_last(
    collector: Collector, source: Source, journal: Journal
) -> None:
    journal.after(0, "")
    source.new |= {"messages": ValueError("what?")}
    collector.start()
    try:
        while len([one for one in journal.all() if one["k"] == "trouble"]) < 2:
            time.sleep(0.01)
    finally:
        collector.stop()
    told = [one["text"] for one in journal.all() if one["k"] == "trouble"]
    assert told == ["This page failed: ValueError('what?')", None]


def test_nobody_is_asked_while_nobody_listens(journal: Journal) -> None:
    assert not journal.is_heard
    journal.after(0, "")
    assert journal.is_heard


def test_a_cursor_gives_what_comes_after_it() -> None:
    journal = Journal(most=5)
    journal.add({"k": "log", "n": number} for number in range(3))
    last, found = journal.after(0, "", limit=2)
    assert (last, [one["n"] for one in found]) == (2, [0, 1])
    last, found = journal.after(last, journal.run, limit=2)
    assert (last, [one["n"] for one in found]) == (3, [2])
    assert journal.after(last, journal.run) == (3, [])
    journal.add({"k": "log", "n": number} for number in range(3, 12))
    last, found = journal.after(last, journal.run)
    assert (last, [one["n"] for one in found]) == (12, [7, 8, 9, 10, 11])
    # A cursor of another journal means nothing here.
    assert len(journal.after(last, "another")[1]) == 5


def test_the_last_dead_letters_are_not_forgotten() -> None:
    journal = Journal(most=3)
    letters = {"k": "letters", "queues": ["a"]}
    journal.add([{"k": "letters", "queues": []}, letters])
    last, found = journal.after(0, "")
    assert (last, found[-1]) == (2, letters)
    journal.add({"k": "log", "n": number} for number in range(4))
    logs = [{"k": "log", "n": number} for number in (1, 2, 3)]
    assert journal.all() == [letters, *logs]
    assert journal.after(0, "") == (6, [letters, *logs])
    assert journal.after(last, journal.run) == (6, logs)  # who has it is not told again
    assert journal.after(6, journal.run) == (6, [])
    assert journal.after(6, "another") == (6, [letters, *logs])


def test_a_recording_is_what_the_page_had(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"k": "run", "id": "h1", "door": None},
        {"k": "log", "text": "a"},
        {"k": "log", "text": "a"},
        {"k": "run", "id": "h1", "door": "inbox"},
    ]
    packed = recording.pack(records)
    assert packed == recording.pack(records)
    file = tmp_path / "run.jsonl.gz"
    file.write_bytes(packed)
    assert recording.load(file) == [records[3], records[1], records[2]]
    file.write_bytes(gzip.decompress(packed))
    assert len(recording.load(file)) == 3


@pytest.mark.parametrize("content", [b"", b"x", b"[]\n", b"\x1f\x8bx", b'{"a": 1}'])
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run"
    file.write_bytes(content)
    with pytest.raises(LocalError, match="is no recording"):
        recording.load(file)


def test_of_a_recording_one_order() -> None:
    def message(key: str, order: str) -> dict[str, Any]:
        return {"k": "message", "id": key, "mid": f"m-{key}", "order": order}

    def log(about: str, mid: str | None, trace: str | None) -> dict[str, Any]:
        return {"k": "log", "about": about, "mid": mid, "trace": trace}

    kept: list[dict[str, Any]] = [
        message("a", "o1"),
        {"k": "handling", "id": "1", "message": "a", "run": "h1"},
        {"k": "run", "id": "h1", "trace": "t1"},
        {"k": "run", "id": "h3", "trace": "t3"},
        {"k": "segments", "id": "h1"},
        log("o1", None, "t3"),
        log("", None, "t1"),
        log("", "m-a", None),
    ]
    others: list[dict[str, Any]] = [
        message("b", "o2"),
        {"k": "handling", "id": "2", "message": "b", "run": "h2"},
        {"k": "run", "id": "h2", "trace": "t2"},
        {"k": "segments", "id": "h2"},
        log("o2", None, "t1"),
        log("", None, None),
        {"k": "letters", "queues": []},
    ]
    mixed = [one for pair in zip(kept, [*others, {"k": "figure"}], strict=True) for one in pair]
    assert recording.only(mixed, {"o1"}) == kept


@pytest.fixture
def live(serve: Serve, source: Source, journal: Journal, collector: Collector) -> str:
    """A server whose source has a message and its handling."""
    source.new |= {"messages": [MESSAGE], "runs": [RUN], "lines": [LINE]}
    return serve(application(ABOUT, journal, Live(source, collector)))


def ask(url: str, **more: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, **more)


def everything(url: str, kinds: set[str]) -> list[dict[str, Any]]:
    """All that the page is told, until it was told of these kinds."""
    run, last = "", 0
    found: list[dict[str, Any]] = []
    while not kinds <= {one["k"] for one in found}:
        answer = ask(f"{url}/events?run={run}&after={last}&wait=5").json()
        run, last = answer["run"], answer["last"]
        found += answer["records"]
    return found


def test_the_page_and_what_it_is_told(live: str) -> None:
    page = ask(f"{live}/")
    assert "The flow" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert ask(f"{live}/about").json() == ABOUT
    assert ask(f"{live}/health").json() == {"status": "ok"}
    told = everything(live, {"message", "run", "handling", "log"})
    assert next(one for one in told if one["k"] == "message")["order"] == "o1"
    assert [one["id"] for one in ask(f"{live}/segments/h1").json()] == ["h1", "r1", "c1"]
    assert ask(f"{live}/segments/x").json() == []


def test_only_the_page_may_redrive(live: str) -> None:
    def post(body: Any, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(f"{live}/redrive", json=body, headers=headers, trust_env=False)

    orders = {"service": "orders", "queue": "InboxDeadLetters"}
    assert post(orders, {}).status_code == 403
    assert post(orders, {"X-Flow": "1"}).json() == {"moved": 3}
    refused = post(orders | {"service": "x"}, {"X-Flow": "1"})
    assert refused.status_code == 409
    assert refused.json() == {"message": "There is no service 'x'."}


def test_a_name_that_leads_here_is_told_nothing(live: str) -> None:
    assert ask(f"{live}/events", headers={"Host": "evil.example"}).status_code == 400


def test_record_and_replay(
    live: str, serve: Serve, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(live, {"handling", "log"})
    monkeypatch.setattr(watching, "_LOOKS_BACK", 0.01)
    monkeypatch.setattr(Settings, "flow_url", live)
    file = tmp_path / "deep" / "run.jsonl.gz"
    watching.record(settings, file, "o1")
    records = recording.load(file)
    assert {one["k"] for one in records} == {
        "about",
        "message",
        "run",
        "handling",
        "log",
        "segments",
    }
    assert records[0]["mode"] == "replay"
    journal = Journal()
    journal.add(records)
    replayed = serve(application(records[0], journal, Recorded(records)))
    assert len(ask(f"{replayed}/segments/h1").json()) == 3
    refused = httpx.post(f"{replayed}/redrive", json={}, headers={"X-Flow": "1"}, trust_env=False)
    assert refused.status_code == 409
    again = ask(f"{replayed}/record").content
    assert {one["k"] for one in recording.loads(again)} == {one["k"] for one in records}


def test_a_page_that_does_not_run(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="does not answer: is it up"):
        watching.record(settings, tmp_path / "x", "")
    with pytest.raises(LocalError, match="`make up` starts it"):
        watching.watch(settings, "local", None)


def test_the_local_page_is_told_and_another_is_served(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(watching, "serve", lambda *given: served.append(given[1:]))
    file = tmp_path / "run"
    watching.watch(settings, "local", file)
    watching.watch(settings, "prod", None)
    assert served == [("local", file, settings.flow_port), ("prod", None, settings.flow_port)]
    here = processes.Running(1, "now", settings.flow_port)
    monkeypatch.setattr(processes, "running", lambda settings, name: here)
    watching.watch(settings, "local", None)
    assert len(served) == 2
    watching.watch(settings, "prod", None)
    assert served[2][2] != settings.flow_port
