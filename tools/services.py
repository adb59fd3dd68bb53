"""The services as their own templates tell of them: doors, routes, rules, queues.

A service is a folder with a template.yaml. Nothing here is a list of names: a ninth folder is found
as the eight are.
"""

import importlib
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).resolve().parent.parent
"""The folder of the services."""

FUNCTION = "AWS::Serverless::Function"

Template = dict[str, Any]
"""A template with its intrinsic functions in their long form, none of them resolved."""


@dataclass(frozen=True)
class Route:
    """One operation that the template lets through to a function."""

    method: str
    path: str
    authorizer: str | None
    """Who is let through: AWS_IAM, one of the API's own authorizers, or None: everybody."""


@dataclass(frozen=True)
class Door:
    """One Lambda function of a service."""

    service: "Service"
    logical_id: str
    properties: Mapping[str, Any] = field(compare=False, repr=False)
    """The function's properties, those of Globals among them."""
    condition: str | None = None
    """The condition under which the template makes it; None: it always does."""

    @property
    def module(self) -> str:
        """Where its code is: toys.api."""
        return str(self.properties["Handler"]).rpartition(".")[0]

    @property
    def name(self) -> str:
        """What it is called: api, inbox, outbox, carrier, …"""
        return self.module.rpartition(".")[2]

    @property
    def events(self) -> Mapping[str, Mapping[str, Any]]:
        """What invokes it, by name: {"Type", "Properties"}."""
        events: Mapping[str, Mapping[str, Any]] = self.properties.get("Events", {})
        return events

    @property
    def variables(self) -> Mapping[str, Any]:
        """Its environment, not yet resolved."""
        variables: Mapping[str, Any] = self.properties["Environment"]["Variables"]
        return variables

    @property
    def routes(self) -> list[Route]:
        """The operations it answers."""
        found = []
        for event in self.events.values():
            if event["Type"] == "Api":
                given = event["Properties"]
                authorizer = given.get("Auth", {}).get("Authorizer") or self.service.authorizer
                path, method = str(given["Path"]), str(given["Method"]).upper()
                found.append(Route(method, path, None if authorizer == "NONE" else authorizer))
        return found


@dataclass(frozen=True)
class Service:
    """One folder, and the stack made of it."""

    folder: Path

    @property
    def name(self) -> str:
        """toys, file-manager, …, public-api."""
        return self.folder.name.removesuffix("-service")

    @property
    def package(self) -> str:
        """The name its code is imported by."""
        return self.name.replace("-", "_")

    @cached_property
    def template(self) -> Template:
        """Its template.yaml. To be read only: services of the same text share it."""
        return _parsed((self.folder / "template.yaml").read_text())

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """The template's resources by logical id."""
        resources: Mapping[str, Mapping[str, Any]] = self.template["Resources"]
        return resources

    @cached_property
    def doors(self) -> list[Door]:
        """Its functions, in the order of the template."""
        return [
            Door(
                service=self,
                logical_id=logical_id,
                properties=_with_globals(self.template, resource.get("Properties", {})),
                condition=resource.get("Condition"),
            )
            for logical_id, resource in self.resources.items()
            if resource["Type"] == FUNCTION
        ]

    def door(self, name: str) -> Door | None:
        """The door of that name, if the service has it."""
        return next((door for door in self.doors if door.name == name), None)

    @property
    def dead_letter_queues(self) -> list[str]:
        """The queues that another queue, a rule or a function gives up to: nothing reads them."""
        read = {
            event["Properties"]["Queue"]["Fn::GetAtt"][0]
            for door in self.doors
            for event in door.events.values()
            if event["Type"] == "SQS"
        }
        return [name for name in self.of_type("AWS::SQS::Queue") if name not in read]

    @property
    def authorizer(self) -> str | None:
        """What guards its API where an operation says nothing else; None: nothing does."""
        found = self._auth.get("DefaultAuthorizer")
        return str(found) if found else None

    @property
    def authorizers(self) -> Mapping[str, Mapping[str, Any]]:
        """The authorizers its API brings itself, by name."""
        authorizers: Mapping[str, Mapping[str, Any]] = self._auth.get("Authorizers", {})
        return authorizers

    @property
    def stage(self) -> str:
        """The name of its API's stage. Raises ValueError without an API."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        return str(api["StageName"])

    @property
    def _auth(self) -> Mapping[str, Any]:
        apis = self.of_type("AWS::Serverless::Api")
        auth: Mapping[str, Any] = next(iter(apis.values()), {}).get("Auth", {})
        return auth

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The properties of the resources of that type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def parameters(self, environment: str) -> dict[str, str]:
        """The parameters that samconfig.toml gives for deploying to an environment."""
        config = tomllib.loads((self.folder / "samconfig.toml").read_text())
        deploy = config.get(environment, {}).get("deploy", {}).get("parameters", {})
        given = deploy.get("parameter_overrides", [])
        pairs = given.split() if isinstance(given, str) else given
        return dict(pair.split("=", 1) for pair in pairs)


def find(root: Path = ROOT) -> list[Service]:
    """The services under `root`, by name."""
    return [Service(template.parent) for template in sorted(root.glob("*/template.yaml"))]


def load(module: str, service: Service, variables: Mapping[str, str]) -> ModuleType:
    """Import a module of a service, which reads `variables` from the environment at import."""
    source = str(service.folder / "src")
    if source not in sys.path:
        sys.path.append(source)
    with environment(variables):
        return importlib.import_module(module)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The process has these variables beside its own, for as long as it lasts."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def _parsed(text: str) -> Template:
    template: Template = cfn_yaml.loads(text)
    return template


def _with_globals(template: Template, own: Mapping[str, Any]) -> dict[str, Any]:
    common = template.get("Globals", {}).get("Function", {})
    variables = common.get("Environment", {}).get("Variables", {})
    more = own.get("Environment", {}).get("Variables", {})
    return {**common, **own, "Environment": {"Variables": {**variables, **more}}}
