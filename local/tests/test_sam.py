"""Builds that fail leave nothing that the next one could take for done; files are published."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from local import sam
from local.errors import LocalError
from local.services import select
from local.settings import Settings


class Failing(sam.Commands):
    """SAM, which leaves its cache behind and fails."""

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> bool:
        cache = Path(command[command.index("--cache-dir") + 1])
        cache.mkdir(parents=True)
        (cache / "half").touch()
        return False


def test_a_failed_build_leaves_no_cache(settings: Settings) -> None:
    (toys,) = select(["toys"])
    with pytest.raises(LocalError, match="sam build failed"):
        sam.build(toys, settings, Failing(), "local")
    assert not sam.built_template(toys, settings, "local").parent.parent.exists()


class Noting(sam.Commands):
    """Runs nothing, and says what it was to run."""

    def __init__(self, succeeds: bool) -> None:
        super().__init__()
        self.asked: list[tuple[list[str], str]] = []
        self._succeeds = succeeds

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> bool:
        self.asked.append((list(command), environment["AWS_ENDPOINT_URL"]))
        return self._succeeds


def test_files_are_published_to_this_cloud(settings: Settings) -> None:
    (service,) = select(["public-api"])
    commands = Noting(succeeds=True)
    sam.publish(service, settings, commands)
    stack = ["--stack", "tbs-app-public-api-local", "--region", settings.region]
    expected = [sys.executable, str(service.publisher), *stack]
    assert commands.asked == [(expected, settings.aws_url)]
    with pytest.raises(LocalError, match=r"publish\.py failed"):
        sam.publish(service, settings, Noting(succeeds=False))


@pytest.mark.parametrize("failing", [None, "deploy", "publish.py"])
def test_a_deployment_to_aws_ends_with_its_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, failing: str | None
) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        what = "deploy" if "deploy" in command else Path(command[1]).name
        asked.append(what)
        return subprocess.CompletedProcess(command, int(what == failing))

    monkeypatch.setattr(sam, "build", lambda *_: None)
    monkeypatch.setattr(subprocess, "run", run)
    (public,) = select(["public-api"])
    if failing:
        with pytest.raises(LocalError, match=r"failed|were not published"):
            sam.deploy_to_aws(public, settings, "prod")
        assert asked[-1] == failing
    else:
        sam.deploy_to_aws(public, settings, "prod")
        sam.deploy_to_aws(select(["toys"])[0], settings, "prod")
        assert asked == ["deploy", "publish.py", "deploy"]
