"""The repository as the rules see it: services, their contracts, and small readers of templates."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tools.services import Door, Service, find


@dataclass(frozen=True)
class Message:
    """A message as one service's asyncapi.yaml tells of it."""

    name: str
    action: str
    """send or receive"""
    kind: str
    """Event or Command"""
    sources: tuple[str, ...]
    """The senders, where they are said."""


@dataclass(frozen=True)
class Role:
    """A role that a template makes itself, for something other than a function of its own."""

    service: Service
    logical_id: str
    properties: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.logical_id

    @property
    def policies(self) -> list[Any]:
        """What it may do: statements, and AWS's own policies by their ARNs."""
        written = [one.get("PolicyDocument", {}) for one in listed(self.properties.get("Policies"))]
        return written + listed(self.properties.get("ManagedPolicyArns"))

    @property
    def trusted(self) -> list[Any]:
        """Who may take it on."""
        document = self.properties.get("AssumeRolePolicyDocument", {})
        return [statement.get("Principal") for statement in listed(document.get("Statement"))]


@dataclass(frozen=True)
class Entrance:
    """One operation of an API that answers without a function, written out in the template."""

    service: Service
    logical_id: str
    properties: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def method(self) -> str:
        """GET, POST, …, or ANY."""
        return str(self.properties.get("HttpMethod"))

    @property
    def path(self) -> str:
        """Its path: the parts of its resource and of all above it."""
        resources, parts = self.service.of_type("AWS::ApiGateway::Resource"), []
        at = self.properties.get("ResourceId", {}).get("Ref")
        while at in resources:
            parts.append(str(resources[at].get("PathPart")))
            at = resources[at].get("ParentId", {}).get("Ref")
        return "/" + "/".join(reversed(parts))

    @property
    def authorizer(self) -> str | None:
        """Who is let through; None: everybody."""
        kind = self.properties.get("AuthorizationType", "NONE")
        return None if kind == "NONE" else str(kind)


Holder = Door | Role
"""What has policies."""


@dataclass(frozen=True)
class Member:
    """One service and its contracts."""

    service: Service

    @property
    def name(self) -> str:
        """What it is called, and its folder."""
        return self.service.name

    @cached_property
    def messages(self) -> list[Message]:
        """What its asyncapi.yaml says that it hears and sends."""
        document = yaml.safe_load((self.service.folder / "asyncapi.yaml").read_text())
        found = []
        for operation in document["operations"].values():
            for reference in operation["messages"]:
                name = reference["$ref"].rpartition("/")[2]
                told = document["components"]["messages"][name]
                kind = told["summary"].partition(":")[0]
                sources = tuple(listed(told.get("x-source")))
                found.append(Message(name, operation["action"], kind, sources))
        return found

    @property
    def hears(self) -> dict[str, Message]:
        """The messages it receives, by name."""
        return {m.name: m for m in self.messages if m.action == "receive"}

    @property
    def sends(self) -> dict[str, Message]:
        """The messages it sends, by name."""
        return {m.name: m for m in self.messages if m.action == "send"}

    @cached_property
    def operations(self) -> set[tuple[str, str]]:
        """What its openapi.json lets one call: method and path."""
        path = self.service.folder / "openapi.json"
        document = json.loads(path.read_text()) if path.exists() else {"paths": {}}
        return {(m.upper(), route) for route, by in document["paths"].items() for m in by}

    @property
    def roles(self) -> list[Role]:
        """The roles that its template makes itself. SAM makes those of its functions."""
        roles = self.service.of_type("AWS::IAM::Role")
        return [Role(self.service, name, properties) for name, properties in roles.items()]

    @property
    def entrances(self) -> list[Entrance]:
        """The operations of its API that no function answers."""
        methods = self.service.of_type("AWS::ApiGateway::Method")
        return [Entrance(self.service, name, properties) for name, properties in methods.items()]

    def statements(self) -> Iterator[tuple[Holder, Mapping[str, Any]]]:
        """Every statement of the policies of its functions' roles, and of its other roles."""
        for holder, policy in self._policies():
            if isinstance(policy, dict):
                for statement in listed(policy.get("Statement")):
                    yield from ((holder, one) for one in taken(statement))

    def grants(self) -> Iterator[tuple[Holder, Mapping[str, Any]]]:
        """Those of them that allow something."""
        return ((holder, one) for holder, one in self.statements() if one.get("Effect") == "Allow")

    def managed_policies(self) -> Iterator[tuple[Holder, str]]:
        """The policies that are had by name alone."""
        for holder, policy in self._policies():
            if not (isinstance(policy, dict) and "Statement" in policy):
                yield holder, str(policy)

    def _policies(self) -> Iterator[tuple[Holder, Any]]:
        for door in self.service.doors:
            for policy in listed(door.properties.get("Policies")):
                yield from ((door, one) for one in taken(policy))
        for role in self.roles:
            for policy in role.policies:
                yield from ((role, one) for one in taken(policy))


@dataclass(frozen=True)
class Tree:
    """All services under one root."""

    root: Path
    generated: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """What the code says that the generated files are, by path from the root."""
    counted: Mapping[str, Mapping[str, list[Mapping[str, str]]]] = field(
        default_factory=dict, repr=False
    )
    """What each service counts, by metric: the dimensions with which it was seen to."""

    @cached_property
    def members(self) -> list[Member]:
        """The services, by name."""
        return [Member(service) for service in find(self.root)]


def attribute(value: Any) -> tuple[str, str] | None:
    """The resource and attribute of an Fn::GetAtt; None for anything else."""
    match value:
        case {"Fn::GetAtt": [str(resource), str(name)]}:
            return resource, name
    return None


def arns(value: Any) -> set[str]:
    """The resources whose Arn a value takes: one, or a list of them."""
    found = (attribute(one) for one in listed(value))
    return {pair[0] if pair and pair[1] == "Arn" else f"?{pair}" for pair in found}


def number(value: Any, service: Service) -> int:
    """A number of the template, or the default of the parameter it refers to."""
    if isinstance(value, dict) and "Ref" in value:
        value = service.template["Parameters"][value["Ref"]]["Default"]
    return int(value)


def strings(part: Any) -> Iterator[str]:
    """Every string in a part of a template."""
    match part:
        case str():
            yield part
        case dict():
            for key, value in part.items():
                yield from strings(key)
                yield from strings(value)
        case list():
            for value in part:
                yield from strings(value)


def taken(value: Any) -> list[Any]:
    """What a value may come to: both branches of an Fn::If, save for AWS::NoValue."""
    match value:
        case {"Fn::If": [_, yes, no]}:
            return [*taken(yes), *taken(no)]
        case {"Ref": "AWS::NoValue"}:
            return []
    return [value]


def under(value: Any, condition: str | None) -> Any:
    """What a value comes to where `condition` is true and of no other condition anything is known.

    AWS::NoValue, where that is not known.
    """
    match value:
        case {"Fn::If": [decided, yes, _]}:
            return under(yes, condition) if decided == condition else {"Ref": "AWS::NoValue"}
    return value


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
