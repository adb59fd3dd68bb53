"""What is counted is told in lines where there is no terminal."""

import pytest

from local import progress
from local.progress import Progress


def test_a_count_is_told_as_it_goes_and_at_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0)
    with Progress() as shown, shown.count("Pictures", 3) as advance:
        for _ in range(3):
            advance(1)
    lines = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == ["Pictures 1/3", "Pictures 2/3"]
    assert lines[2].startswith("Pictures 3/3 in ")
    assert len(lines) == 3


def test_a_long_count_is_not_told_at_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as shown, shown.count("Toys", 1000) as advance:
        for _ in range(1000):
            advance(1)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_count_that_breaks_off_tells_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with Progress() as shown, shown.count("Toys", 5) as advance:
            advance(2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "Toys 2/5 in" in capsys.readouterr().out
