from pathlib import Path

import pytest

from local.errors import LocalError
from local.settings import ROOT, Settings


def test_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.home == ROOT / ".local"
    assert settings.aws_url == "http://127.0.0.1:4566"


def test_environment_makes_a_private_cloud(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "TBS_HOME": str(tmp_path),
            "TBS_PORT": "18200",
            "TBS_AWS_PORT": "18201",
            "TBS_STRIPE_PORT": "18202",
            "TBS_POSTGRES_PORT": "18203",
        }
    )
    assert settings.url == "http://127.0.0.1:18200"
    assert settings.database_url == "postgresql://tbs@127.0.0.1:18203/reports"
    assert settings.logs == tmp_path / "logs"
    assert Settings.from_environment(settings.environment()) == settings


def test_a_relative_home_is_below_the_root() -> None:
    assert Settings.from_environment({"TBS_HOME": ".local/e2e"}).home == ROOT / ".local/e2e"


@pytest.mark.parametrize("value", ["x", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_named(value: str) -> None:
    with pytest.raises(LocalError, match=r"TBS_STRIPE_PORT is .*1 to 65535"):
        Settings.from_environment({"TBS_STRIPE_PORT": value})


def test_two_servers_on_one_port_are_refused() -> None:
    with pytest.raises(LocalError, match="TBS_PORT=4566, TBS_AWS_PORT=4566"):
        Settings.from_environment({"TBS_PORT": "4566"})
