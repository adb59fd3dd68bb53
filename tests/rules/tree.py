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
    source: str | None
    """The sender, where it is said."""


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
                found.append(Message(name, operation["action"], kind, told.get("x-source")))
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

    def statements(self) -> Iterator[tuple[Door, Mapping[str, Any]]]:
        """Every statement of the policies of its functions' roles."""
        for door, policy in self._policies():
            if isinstance(policy, dict):
                for statement in listed(policy.get("Statement")):
                    yield from ((door, one) for one in taken(statement))

    def managed_policies(self) -> Iterator[tuple[Door, str]]:
        """The policies that functions have by name alone."""
        yield from ((door, policy) for door, policy in self._policies() if isinstance(policy, str))

    def _policies(self) -> Iterator[tuple[Door, Any]]:
        for door in self.service.doors:
            for policy in listed(door.properties.get("Policies")):
                yield from ((door, one) for one in taken(policy))


@dataclass(frozen=True)
class Tree:
    """All services under one root."""

    root: Path
    generated: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """What the code says that the generated files are, by path from the root."""

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


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
