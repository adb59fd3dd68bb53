"""Builds that fail leave nothing that the next one could take for done."""

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
