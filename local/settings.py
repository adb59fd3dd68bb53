"""Where the local cloud lives: its folder and its ports, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.errors import LocalError

ROOT = Path(__file__).resolve().parent.parent
"""The folder of the eight services."""

HOST = "127.0.0.1"
"""Nothing listens on any other address."""

DEFAULT_PORTS = {
    "TBS_PORT": 8080,
    "TBS_AWS_PORT": 4566,
    "TBS_STRIPE_PORT": 12111,
    "TBS_POSTGRES_PORT": 15432,
    "TBS_FLOW_PORT": 8081,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One local cloud. Two of them run side by side when folder and ports differ."""

    home: Path = ROOT / ".local"
    port: int = DEFAULT_PORTS["TBS_PORT"]
    aws_port: int = DEFAULT_PORTS["TBS_AWS_PORT"]
    stripe_port: int = DEFAULT_PORTS["TBS_STRIPE_PORT"]
    postgres_port: int = DEFAULT_PORTS["TBS_POSTGRES_PORT"]
    flow_port: int = DEFAULT_PORTS["TBS_FLOW_PORT"]
    region: str = "eu-west-1"
    database: str = "reports"
    database_user: str = "tbs"
    database_writer: str = "reports_writer"
    database_reader: str = "reports_reader"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read TBS_HOME, and TBS_PORT and the other ports of DEFAULT_PORTS.

        Raises LocalError when one is not a port, or is given twice.
        """
        ports = {
            name: _port(name, environment.get(name) or default)
            for name, default in DEFAULT_PORTS.items()
        }
        if len(set(ports.values())) < len(ports):
            taken = ", ".join(f"{name}={port}" for name, port in ports.items())
            raise LocalError(f"Each server needs a port of its own: {taken}")
        return cls(
            home=(ROOT / Path(environment.get("TBS_HOME") or ".local").expanduser()).resolve(),
            port=ports["TBS_PORT"],
            aws_port=ports["TBS_AWS_PORT"],
            stripe_port=ports["TBS_STRIPE_PORT"],
            postgres_port=ports["TBS_POSTGRES_PORT"],
            flow_port=ports["TBS_FLOW_PORT"],
        )

    def environment(self) -> dict[str, str]:
        """These settings as the environment of another process."""
        return {
            "TBS_HOME": str(self.home),
            "TBS_PORT": str(self.port),
            "TBS_AWS_PORT": str(self.aws_port),
            "TBS_STRIPE_PORT": str(self.stripe_port),
            "TBS_POSTGRES_PORT": str(self.postgres_port),
            "TBS_FLOW_PORT": str(self.flow_port),
        }

    @property
    def url(self) -> str:
        """The gateway: the shop's public address."""
        return f"http://{HOST}:{self.port}"

    @property
    def aws_url(self) -> str:
        """MiniStack: AWS_ENDPOINT_URL."""
        return f"http://{HOST}:{self.aws_port}"

    @property
    def stripe_url(self) -> str:
        """The Stripe stand-in."""
        return f"http://{HOST}:{self.stripe_port}"

    @property
    def database_url(self) -> str:
        """The reports' PostgreSQL database."""
        return f"postgresql://{self.database_user}@{HOST}:{self.postgres_port}/{self.database}"

    @property
    def flow_url(self) -> str:
        """The flow page. Functions tell X-Ray's daemon at the same port, by UDP."""
        return f"http://{HOST}:{self.flow_port}"

    @property
    def ports(self) -> dict[str, int]:
        """The port of every server, by its name."""
        return {
            "gateway": self.port,
            "ministack": self.aws_port,
            "stripe": self.stripe_port,
            "postgres": self.postgres_port,
            "flow": self.flow_port,
        }

    @property
    def runs(self) -> Path:
        """The pid files."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """What the servers and SAM printed."""
        return self.home / "logs"

    @property
    def builds(self) -> Path:
        """What SAM built, a folder per service."""
        return self.home / "build"

    @property
    def states(self) -> Path:
        """What was built and deployed last, a file per service."""
        return self.home / "state"


def _port(name: str, value: str | int) -> int:
    try:
        port = int(value)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise LocalError(f"{name} is {value!r}: it takes a port, 1 to 65535")
    return port
