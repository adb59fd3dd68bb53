"""The tools the local cloud is made with: uv, SAM, and environments apart from the services'."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from local.errors import LocalError
from local.settings import ROOT

ENVIRONMENTS = ROOT / ".local" / "tools"
"""MiniStack's and PostgreSQL's own environments. Every local cloud of this folder uses the same."""

FAST_SHUTDOWN = signal.SIGINT
"""What PostgreSQL takes for: end now, whoever is still connected."""


def find(name: str) -> str:
    """The path of a tool: beside this Python first, then as the shell would find it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise LocalError(
            f"`{name}` is not installed. `make up` brings it: it installs uv, and uv the rest."
        )
    return found


def install(name: str, environment: Path) -> None:
    """Make or refresh the environment that local/<name>/pyproject.toml and uv.lock describe."""
    variables = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    made = subprocess.run(
        [find("uv"), "sync", "--frozen", "--project", str(ROOT / "local" / name)],
        cwd=ROOT,  # where .python-version is
        env=variables | {"UV_PROJECT_ENVIRONMENT": str(environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise LocalError(f"uv could not install {name} into {environment}:\n{made.stderr.strip()}")
