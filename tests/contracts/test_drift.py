"""`make contracts` writes what differs, and its check says so without writing."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.played import played
from tools import contracts, drift


def test_writes_what_differs_and_removes_what_is_no_longer_made(tmp_path: Path) -> None:
    kept, stale = tmp_path / "events" / "kept.json", tmp_path / "stale.json"
    stale.write_text("{}")
    drift.write({kept: "1\n"}, [stale])
    assert kept.read_text() == "1\n"
    assert not stale.exists()
    assert drift.differences({kept: "1\n"}) == []


def test_tells_of_every_difference(tmp_path: Path) -> None:
    changed, missing, stale = (tmp_path / name for name in ("changed", "missing", "stale"))
    changed.write_text("old\n")
    stale.write_text("gone\n")
    found = "".join(drift.differences({changed: "new\n", missing: "here\n"}, [stale]))
    assert {"-old", "+new", "+here", "-gone"} <= set(found.splitlines())
    assert changed.read_text() == "old\n"


def test_the_check_fails_when_a_file_is_not_what_the_code_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = dict(played().files)
    path = next(path for path in told if path.name == "asyncapi.yaml")
    before = path.read_text()
    told[path] += "more: true\n"
    generated = replace(played(), files=told)
    monkeypatch.setattr(contracts, "generate", lambda services: generated)
    assert contracts.main(["--check"]) == 1
    assert "+more: true" in capsys.readouterr().err
    assert path.read_text() == before
