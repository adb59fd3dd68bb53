"""The eight services: their folders, their stacks' names and what the local cloud tells them."""

import platform
import shlex
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.errors import LocalError
from local.settings import HOST, ROOT, Settings

FOLDERS = (
    "toys-service",
    "file-manager-service",
    "orders-service",
    "payments-service",
    "notification-service",
    "reports-service",
    "fulfilment-service",
    "public-api",
)


@dataclass(frozen=True, slots=True)
class Service:
    """One folder and the stack made of it."""

    folder: Path

    @property
    def name(self) -> str:
        """toys, file-manager, …, public-api."""
        return self.folder.name.removesuffix("-service")

    @property
    def template(self) -> Path:
        """Its SAM template."""
        return self.folder / "template.yaml"

    @property
    def publisher(self) -> Path:
        """What puts the files in place that a stack serves, where it serves any."""
        return self.folder / "publish.py"

    @property
    def configuration(self) -> Path:
        """Its samconfig.toml."""
        return self.folder / "samconfig.toml"

    def stack(self, environment: str = "local") -> str:
        """The name of its stack."""
        return f"tbs-app-{self.name}-{environment}"


def select(names: Iterable[str] = (), root: Path = ROOT) -> list[Service]:
    """The services of these names, or all eight; "toys" and "toys-service" both mean the toys.

    Raises LocalError for an unknown name and for a folder without a template.
    """
    services = {service.name: service for service in (Service(root / name) for name in FOLDERS)}
    wanted = [name.strip().removesuffix("-service") for name in names if name.strip()]
    if unknown := [name for name in wanted if name not in services]:
        raise LocalError(
            f"There is no service {', '.join(unknown)}: there are {', '.join(services)}"
        )
    chosen = [services[name] for name in dict.fromkeys(wanted or services)]
    if missing := [service.folder.name for service in chosen if not service.template.exists()]:
        raise LocalError(
            f"No template.yaml in {', '.join(missing)}. Restore it, or name the services to take: "
            "--only toys,orders"
        )
    return chosen


def local_parameters(service: Service, settings: Settings) -> dict[str, str]:
    """The values of the stack's parameters: samconfig.toml's for `local`, then this machine's.

    Raises LocalError when the template lacks a parameter that leads it to a local server.
    """
    declared = template_parameters(service)
    own = _addresses(service, settings)
    if missing := own.keys() - declared:
        raise LocalError(f"{service.template} has no parameter {', '.join(sorted(missing))}")
    values = configured_parameters(service, "local") | own
    if "Architecture" in declared:
        values["Architecture"] = architecture()
    return values


def configured_parameters(service: Service, environment: str) -> dict[str, str]:
    """The parameter_overrides that samconfig.toml gives for deploying an environment.

    SAM writes them as one string, `A=b C=d`, or as a list of `A=b`.
    """
    overrides: dict[str, str] = {}
    for parameters in _deployment(service, environment):
        given = parameters.get("parameter_overrides", [])
        for pair in shlex.split(given) if isinstance(given, str) else given:
            name, equals, value = pair.partition("=")
            if not equals:
                raise LocalError(
                    f"{service.configuration}: parameter_overrides has {pair!r}, not A=b"
                )
            overrides[name] = value
    return overrides


def placed(service: Service, environment: str) -> tuple[str, str | None]:
    """The name of a service's stack in an environment, and its region where one is fixed.

    Raises LocalError when samconfig.toml tells of no such environment.
    """
    require_environment(service, environment)
    named = {
        key: value for table in _deployment(service, environment) for key, value in table.items()
    }
    return str(named.get("stack_name") or service.stack(environment)), named.get("region")


def require_environment(service: Service, environment: str) -> None:
    """Raise LocalError when samconfig.toml does not tell how to deploy to an environment."""
    known = environments(service)
    if environment not in known:
        told = ", ".join(known) or "none"
        raise LocalError(f"{service.configuration} tells of {told}, not of {environment!r}")


def environments(service: Service) -> list[str]:
    """The environments that samconfig.toml tells how to deploy to."""
    tables = tomllib.loads(service.configuration.read_text())
    return [name for name, table in tables.items() if isinstance(table, dict) and "deploy" in table]


def _deployment(service: Service, environment: str) -> list[dict[str, Any]]:
    """What samconfig.toml says of deploying to an environment: of all commands, then of this."""
    if not service.configuration.exists():
        return []
    commands = tomllib.loads(service.configuration.read_text()).get(environment, {})
    return [commands.get(command, {}).get("parameters", {}) for command in ("global", "deploy")]


def template_parameters(service: Service) -> set[str]:
    """The names of the parameters that the template declares."""
    template = yaml.load(service.template.read_text(), Loader=_Template)
    return set(template.get("Parameters") or {})


def architecture() -> str:
    """This machine's processor, in Lambda's words."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _addresses(service: Service, settings: Settings) -> dict[str, str]:
    match service.name:
        case "file-manager":
            return {"PublicUrl": settings.url}
        case "public-api":
            return {"CognitoUrl": f"{settings.url}/cognito/"}
        case "payments":
            return {"StripeApiBase": settings.stripe_url, "StripeReturnUrl": f"{settings.url}/paid"}
        case "reports":
            return {
                "DatabaseHost": HOST,
                "DatabasePort": str(settings.postgres_port),
                "DatabaseName": settings.database,
                "DatabaseUser": settings.database_writer,
                "DatabaseReader": settings.database_reader,
                "DatabaseAuthentication": "none",
            }
        case _:
            return {}


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !Sub, …) without resolving them."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    return None


_Template.add_multi_constructor("!", _short_form)
