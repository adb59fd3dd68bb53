"""The repository, and copies of it that may be broken."""

import shutil
from pathlib import Path

import pytest

from tests.contracts.played import played
from tests.rules.counted import Counted, counted_in
from tests.rules.tree import Tree
from tools.services import ROOT, find

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__")


@pytest.fixture(scope="session")
def generated() -> dict[Path, str]:
    """What the generated files should be, by path from the root."""
    return {path.relative_to(ROOT): text for path, text in played().files.items()}


@pytest.fixture(scope="session")
def counted() -> Counted:
    """What the services count in the story."""
    return counted_in(played().told)


@pytest.fixture(scope="session")
def tree(generated: dict[Path, str], counted: Counted) -> Tree:
    """The repository."""
    return Tree(ROOT, generated, counted)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what the rules read, to be broken."""
    for service in find():
        shutil.copytree(service.folder, tmp_path / service.folder.name, ignore=NOT_COPIED)
    for name in ("pyproject.toml", "uv.lock", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path
