"""Writes each service's src/requirements.txt, all that its package carries, out of uv.lock.

python -m tools.requirements
"""

import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools import drift
from tools.services import ROOT, Service, find

IN_THE_RUNTIME = {"boto3", "botocore", "s3transfer", "python-dateutil", "six", "urllib3"}
"""What the Lambda runtime brings."""

CARRIED = {
    "payments": {"urllib3"},  # of requests, by which Stripe's SDK calls: both as they were locked
}
"""What a service brings all the same."""


def files(root: Path, services: Sequence[Service]) -> dict[Path, str]:
    """The text of every requirements.txt, by path."""
    return {
        service.folder / "src" / "requirements.txt": export(root, service) for service in services
    }


def export(root: Path, service: Service) -> str:
    """What uv.lock says for a service, without what Lambda brings."""
    project = tomllib.loads((service.folder / "pyproject.toml").read_text())["project"]["name"]
    command = ["uv", "export", "-q", "--frozen", "--package", project, "--no-dev", "--no-hashes"]
    command += ["--no-annotate", "--no-header", "--no-emit-project"]
    for name in sorted(IN_THE_RUNTIME - CARRIED.get(service.name, set())):
        command += ["--no-emit-package", name]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    drift.write(files(ROOT, find(ROOT)))
